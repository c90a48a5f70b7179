/*
 * conn_proxy.h: the PROXY header of a balancer in front (v1 and v2), as the first protocol of a connection whose
 * listener demands it.  Not a byte behind the header is taken from the socket: what follows may be TLS.
 */
#ifndef WEIR_CORE_CLIENT_CONN_PROXY_H
#define WEIR_CORE_CLIENT_CONN_PROXY_H

#include "core/client/conn.h"

extern const struct conn_protocol conn_proxy_protocol;

#endif
