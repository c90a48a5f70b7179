/*
 * host.h: the one canonical form of a Host field or of an authority, made once and used for
 * routing, cache keys and logs.  Whatever is not uri-host[:port] is refused, so that no two
 * programs can read it differently.
 */
#ifndef WEIR_HTTP_HOST_H
#define WEIR_HTTP_HOST_H

#include "base/pool.h"
#include "base/str.h"

/* Longest host name taken, without port and brackets (RFC 1035 2.3.4). */
#define HOST_NAME_MAX_LEN 255

struct host {
    struct str name; /* lower case, without trailing dot; IPv6 in brackets, RFC 5952 form */
    uint16_t port; /* 0: none was given */
};

/*
 * Reads uri-host[:port] (RFC 9110 7.2, RFC 3986 3.2.2).  Returns 0, or -1 for anything else: an
 * empty name or label, userinfo, port 0 or above 65535, a comma, a percent sign, an IPv6 zone or
 * an IPvFuture, any byte a reg-name may not hold.  An empty port ("a:") is none.  `host->name`
 * ends in NUL and lives in the pool.
 */
int host_parse(struct str text, struct pool *pool, struct host *host) WEIR_MUST_CHECK;

/*
 * The port without the scheme's default: 0 when it is 80 for http or 443 for https (RFC 9110
 * 4.2.3).
 */
uint16_t host_port_unless_default(const struct host *host, bool https);

#endif
