/*
 * tcp_server.h: connections of listeners with mode "tcp".  One is an exchange that has no head and is a tunnel from the
 * start: who may connect and which route takes it is decided here, the rest is the proxy's and the exchange's business
 * (h1_exchange.h), with servers chosen, tried again, watched and logged as for requests.
 */
#ifndef WEIR_CORE_CLIENT_TCP_SERVER_H
#define WEIR_CORE_CLIENT_TCP_SERVER_H

#include "core/client/conn.h"

/* Gives the connection to HTTP/1's functions once its server is being looked for. */
extern const struct conn_protocol tcp_protocol;

/* The route of a connection, by address and, where that is known, the name that its TLS asks for; NULL: none. */
const struct route *tcp_find_route(const struct tcp_conf *, struct request *);

/* Whether `allow` and `deny` let an address in: the longest network that holds it decides, `deny` on a tie. */
bool tcp_lets_in(const struct tcp_conf *, const struct addr *);

#endif
