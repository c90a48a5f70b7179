/* divert.c: see divert.h. */
#include "core/upstream/divert.h"

#include "core/route/match.h"

static bool tier_has_usable(const struct upstream_state *state, bool backup)
{
    const struct upstream_tier *tier = &state->tiers[backup];
    const struct pick pick = {.backup = backup};

    for (size_t i = 0; i < tier->count; i++)
        if (upstream_peer_usable(state, tier->peers[i], &pick))
            return true;
    return false;
}

static bool has_usable(struct upstream_state *state)
{
    upstream_look(state);
    return tier_has_usable(state, false) || tier_has_usable(state, true);
}

enum divert_said divert_ask(struct upstreams *all, const struct divert_conf *divert, struct request *req,
                            const struct match_term **failed)
{
    enum match_result result = match_holds(divert->when, req, failed);

    if (result != MATCH_YES)
        return result == MATCH_NO ? DIVERT_FAILS : DIVERT_LIMIT;
    return has_usable(upstream_state(all, divert->to)) ? DIVERT_TAKES : DIVERT_UNUSABLE;
}

/* Of one upstream; NULL: it keeps the request. */
static const struct upstream *divert_once(struct upstreams *all, const struct upstream *upstream,
                                          struct request *req)
{
    for (size_t i = 0; i < upstream->divert_count; i++) {
        const struct divert_conf *divert = &upstream->diverts[i];

        if (divert_ask(all, divert, req, NULL) == DIVERT_TAKES)
            return divert->to;
    }
    return NULL;
}

struct upstream_state *divert_choose(struct upstreams *all, const struct upstream *upstream,
                                     struct request *req)
{
    const struct upstream *next;

    while ((next = divert_once(all, upstream, req)))
        upstream = next;
    return upstream_state(all, upstream);
}
