/*
 * explain_tls.h: which certificate and which TLS settings a client gets that asks for the URL's host.
 */
#ifndef WEIR_MAIN_EXPLAIN_TLS_H
#define WEIR_MAIN_EXPLAIN_TLS_H

#include "core/json.h"
#include "main/explain.h"

/* Nothing where the URL is not https or the listener has no tls, but a word on that. */
void explain_print_tls(const struct explain *, FILE *to);

/* The member "tls"; null where there is none. */
void explain_put_tls(struct json *, const struct explain *);

#endif
