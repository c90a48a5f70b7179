/*
 * tls_stapler.h: the keeper fetches what authorities say of the certificates with `ocsp_stapling`, and puts it on the
 * board; workers show it.  It is asked for anew when half of its time is over, and again and again when nobody answers;
 * what is out of date is not shown.
 */
#ifndef WEIR_CORE_TLS_TLS_STAPLER_H
#define WEIR_CORE_TLS_TLS_STAPLER_H

#include <stdbool.h>

#include "base/base.h"

struct tls_stapler;
struct worker;

/* Of the worker's configuration; NULL: no certificate wants it. */
struct tls_stapler *tls_stapler_new(struct worker *);

/* Before the worker.  NULL is allowed. */
void tls_stapler_free(struct tls_stapler *);

/* Once a tick.  NULL is allowed. */
void tls_stapler_tick(struct tls_stapler *);

/* Each certificate has a response that is good, or has been asked for in vain.  NULL is allowed. */
bool tls_stapler_is_filled(const struct tls_stapler *);

#endif
