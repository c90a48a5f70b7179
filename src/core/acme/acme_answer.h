/*
 * acme_answer.h: the worker's answer to an authority that asks over HTTP (RFC 8555 8.3), before sites and routes.
 */
#ifndef WEIR_CORE_ACME_ACME_ANSWER_H
#define WEIR_CORE_ACME_ACME_ANSWER_H

#include "core/request.h"

/* True: it was such a question for an open challenge, and is answered.  Otherwise the request goes its way. */
bool acme_answer(struct request *);

#endif
