/*
 * proxy_head.h: the head of a request as a server gets it: what belongs to the client's connection is gone,
 * Host and the forwarding fields are set, the route's changes are done.
 */
#ifndef WEIR_CORE_PROXY_PROXY_HEAD_H
#define WEIR_CORE_PROXY_PROXY_HEAD_H

#include "core/request.h"
#include "http/h1_write.h"

struct peer_conf;

/*
 * Makes the head for `peer` in *head, in the request's pool; req->head stays as it is.  `upgrade`: a
 * websocket handshake. 0, or -1: more fields than a head may have.
 */
int proxy_head_make(struct request *, const struct peer_conf *peer, bool upgrade,
                    struct message *head) WEIR_MUST_CHECK;

#endif
