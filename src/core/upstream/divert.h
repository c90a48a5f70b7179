/*
 * divert.h: which upstream takes a request: that of the route, or one of its `divert`s.  Asked before
 * balancing.
 */
#ifndef WEIR_CORE_UPSTREAM_DIVERT_H
#define WEIR_CORE_UPSTREAM_DIVERT_H

#include "core/request.h"
#include "core/upstream/upstream.h"

struct match_term;

enum divert_said {
    DIVERT_FAILS, /* a condition does not hold */
    DIVERT_LIMIT, /* a regex of one met its limit */
    DIVERT_UNUSABLE, /* they hold, but that upstream has no usable server */
    DIVERT_TAKES
};

/* What one diversion says of the request; `failed` (may be NULL) is set to the condition that does not hold. */
enum divert_said divert_ask(struct upstreams *, const struct divert_conf *, struct request *,
                            const struct match_term **failed);

/*
 * The upstream after all diversions: of `upstream` the first whose conditions hold and which has a usable
 * server, of that one the same again (the configuration has no circles).
 */
struct upstream_state *divert_choose(struct upstreams *, const struct upstream *upstream, struct request *);

#endif
