/* cache_claim.c: see cache_claim.h. */
#include "core/cache/cache_claim.h"

#include "core/board/board_claim.h"
#include "core/worker.h"

enum cache_claim_result cache_claim_take(struct cache *c, struct hash_128 hash, struct cache_claim *claim)
{
    struct worker *w = c->worker;

    if (!w->board)
        return CLAIM_NONE;
    switch (board_claim_try(w->board, hash, w->slot, w->loop->clock.mono_ms)) {
    case BOARD_CLAIM_TAKEN:
        *claim = (struct cache_claim){.hash = hash, .held = true};
        return CLAIM_TAKEN;
    case BOARD_CLAIM_BUSY:
        return CLAIM_BUSY;
    case BOARD_CLAIM_OPEN:
        return CLAIM_PASS;
    case BOARD_CLAIM_FREE:
        break;
    }
    return CLAIM_NONE;
}

static bool claim_stands(const struct cache *c, struct hash_128 hash, enum board_claim_state state)
{
    const struct worker *w = c->worker;

    return w->board && board_claim_look(w->board, hash, w->loop->clock.mono_ms) == state;
}

bool cache_claim_is_busy(const struct cache *c, struct hash_128 hash)
{
    return claim_stands(c, hash, BOARD_CLAIM_BUSY);
}

bool cache_claim_is_open(const struct cache *c, struct hash_128 hash)
{
    return claim_stands(c, hash, BOARD_CLAIM_OPEN);
}

void cache_claim_release(struct cache *c, struct cache_claim *claim, int64_t pass_ms)
{
    struct worker *w = c->worker;
    int64_t now = w->loop->clock.mono_ms;

    if (!claim->held)
        return;
    claim->held = false;
    board_claim_release(w->board, claim->hash, w->slot, now + pass_ms, now);
}
