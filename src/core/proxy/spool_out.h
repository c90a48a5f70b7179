/* spool_out.h: what a spool holds goes to a server. */
#ifndef WEIR_CORE_PROXY_SPOOL_OUT_H
#define WEIR_CORE_PROXY_SPOOL_OUT_H

#include "core/proxy/spool.h"
#include "core/upstream/uconn.h"

/*
 * As spool_send(); over TLS by way of the worker's `write`, and after some of it SPOOL_BLOCKED comes although more
 * would go: UCONN_READY follows in the next turn.
 */
enum spool_sent spool_out(struct spool *, struct uconn *, uint64_t most);

#endif
