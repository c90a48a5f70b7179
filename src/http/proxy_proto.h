/*
 * proxy_proto.h: the header with which a balancer in front says who its client is (PROXY protocol, versions 1 and 2).
 * It comes before anything else on a connection, and only where a listener demands it.
 */
#ifndef WEIR_HTTP_PROXY_PROTO_H
#define WEIR_HTTP_PROXY_PROTO_H

#include "base/addr.h"

/* Longest header taken: version 1 has at most 107 bytes, version 2 a length field, of which this is enough. */
#define PROXY_PROTO_MAX 1024

enum proxy_proto_result {
    PROXY_PROTO_MORE, /* fine so far, not complete */
    PROXY_PROTO_DONE,
    PROXY_PROTO_BAD /* no header, or a malformed one: close */
};

/*
 * Reads the header at the start of `in`.  DONE: `*used` is its length and `*source` the client's address, with len 0
 * where the header names none (LOCAL, UNKNOWN, a unix socket): the connection's own peer holds then.
 */
enum proxy_proto_result proxy_proto_parse(struct str in, struct addr *source, size_t *used) WEIR_MUST_CHECK;

/* What is written is never longer. */
#define PROXY_PROTO_WRITTEN_MAX 108

/*
 * The header of `version` 1 or 2 that says that a connection is from `source` to `destination`; its length.  Of one
 * that is no TCP, or whose ends are not known: UNKNOWN, or in version 2 AF_UNSPEC.  `source` NULL: it is our own, and
 * speaks for nobody (LOCAL; UNKNOWN).
 */
size_t proxy_proto_write(unsigned version, const struct addr *source, const struct addr *destination,
                         char to[PROXY_PROTO_WRITTEN_MAX]);

#endif
