/*
 * grpc.h: what a proxy has to know of gRPC over HTTP/2: which requests are of it, how long they may take, and
 * how its statuses stand to those of HTTP.
 */
#ifndef WEIR_HTTP_GRPC_H
#define WEIR_HTTP_GRPC_H

#include "http/message.h"

/* The server cannot be had, or says so of itself: another may. */
#define GRPC_UNAVAILABLE 14

/* The content type is application/grpc, with any format or parameter. */
bool grpc_is_request(const struct message *);

/* The value of grpc-timeout in milliseconds, at least 1; -1: it is malformed. */
int64_t grpc_timeout_ms(struct str value);

/* What a client is told in the place of an error of HTTP; `timeout`: it is the exchange that took too long. */
unsigned grpc_status_of(unsigned http_status, bool timeout);

/* The field grpc-status; empty: there is none. */
struct str grpc_status_in(const struct header_list *);

#endif
