/*
 * divert.h: which upstream takes a request: that of the route, or one of its `divert`s.  Asked before
 * balancing.
 */
#ifndef WEIR_CORE_UPSTREAM_DIVERT_H
#define WEIR_CORE_UPSTREAM_DIVERT_H

#include "core/request.h"
#include "core/upstream/upstream.h"

/*
 * The upstream after all diversions: of `upstream` the first whose conditions hold and which has a usable
 * server, of that one the same again (the configuration has no circles).
 */
struct upstream_state *divert_choose(struct upstreams *, const struct upstream *upstream, struct request *);

#endif
