/*
 * retry.h: when a request that one server did not answer may go to another: the rules of the route's `retry`,
 * without the request's state, which is proxy_retry.c's.
 */
#ifndef WEIR_CORE_PROXY_RETRY_H
#define WEIR_CORE_PROXY_RETRY_H

#include "core/config/config.h"
#include "http/message.h"

/* What became of an attempt. */
enum retry_reason {
    RETRY_CONNECT, /* there was no connection: nothing was sent */
    RETRY_UNSEEN, /* the server has said that it did nothing with the request */
    RETRY_TIMEOUT, /* the head of the answer did not come in time */
    RETRY_RESET, /* the connection ended, or what came is no head of an answer */
    RETRY_STATUS /* the answer's status says that another server may do better */
};

/* Requests of an upstream in a worker that may be on their second attempt at once whatever `budget` is. */
#define RETRY_BUDGET_LEAST 10

/* Whether `on` names the reason; `status` is that of RETRY_STATUS. */
bool retry_is_on(const struct retry_conf *, enum retry_reason, unsigned status);

/*
 * Whether the request may be sent again although it may have been acted on: `replay`, with the methods of RFC
 * 9110 9.2.2 and the field Idempotency-Key.
 */
bool retry_may_replay(const struct retry_conf *, const struct message *);

/* Whether one more of `active` requests may be retried while `retries` of them are. */
bool retry_is_in_budget(const struct retry_conf *, unsigned active, unsigned retries);

#endif
