/* held.c: see held.h. */
#include "core/upstream/held.h"

#include "core/board/board.h"
#include "core/worker.h"

/* Whether all processes can see the word. */
static bool is_shared(const struct peer_state *peer)
{
    const struct worker *w = peer->upstream->worker;

    return w->board && w->slot < BOARD_PARTS && peer->conf->board_slot >= 0 &&
           peer->conf->board_slot < BOARD_PEERS;
}

/* The part of `max` that a process has which cannot see the others. */
static uint64_t part_of(const struct worker *w, uint64_t max)
{
    return max / w->count + (w->index < max % w->count);
}

/* What the others hold of the word at `offset` of struct peer_stats. */
static uint64_t sum_of_others(const struct peer_state *peer, size_t offset)
{
    const struct worker *w = peer->upstream->worker;
    unsigned end = board_process_end(w->board);
    uint64_t sum = 0;

    for (unsigned slot = 0; slot < end && slot < BOARD_PARTS; slot++) {
        const struct board_process *process = board_process(w->board, slot);
        const char *stats;
        uint64_t held;

        if (slot == w->slot || __atomic_load_n(&process->role, __ATOMIC_ACQUIRE) != BOARD_WORKER)
            continue;
        stats = (const char *)board_peer_stats(w->board, slot, (unsigned)peer->conf->board_slot);
        held = __atomic_load_n((const uint64_t *)(const void *)(stats + offset), __ATOMIC_SEQ_CST);
        /* Whatever is there, the sum does not run over. */
        sum += held < UINT32_MAX ? held : UINT32_MAX;
    }
    return sum;
}

/*
 * One more in the word, if no more than `max` are held in all; *others becomes what the others hold.  `own`
 * is what this process holds: where the word is not shared, it may be one scrap for many servers.
 */
static bool take(struct peer_state *peer, uint64_t *word, uint64_t own, uint64_t max, uint64_t *others)
{
    size_t offset = (size_t)((char *)word - (char *)peer->stats);

    *others = 0;
    if (!is_shared(peer)) {
        if (own >= part_of(peer->upstream->worker, max))
            return false;
        (*word)++;
        return true;
    }
    if (*word >= max)
        return false;
    (void)__atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
    *others = sum_of_others(peer, offset);
    if (*word + *others <= max)
        return true;
    (void)__atomic_sub_fetch(word, 1, __ATOMIC_SEQ_CST);
    return false;
}

bool held_take(struct peer_state *peer)
{
    uint64_t max = peer->conf->max_connections;

    if (max == 0) {
        peer->stats->active++;
        return true;
    }
    peer->others_at_ms = peer->upstream->worker->loop->clock.mono_ms;
    return take(peer, &peer->stats->active, peer->active, max, &peer->others);
}

void held_give(struct peer_state *peer)
{
    if (peer->conf->max_connections == 0)
        peer->stats->active--;
    else
        (void)__atomic_sub_fetch(&peer->stats->active, 1, __ATOMIC_SEQ_CST);
}

void held_forget(struct peer_state *peer)
{
    peer->others_at_ms = 0;
}

bool held_is_full(struct peer_state *peer)
{
    uint64_t max = peer->conf->max_connections;
    int64_t now_ms = peer->upstream->worker->loop->clock.mono_ms;

    if (max == 0)
        return false;
    if (!is_shared(peer))
        return peer->active >= part_of(peer->upstream->worker, max);
    if (peer->stats->active + peer->others < max)
        return false;
    if (now_ms - peer->others_at_ms >= HELD_LOOK_MS) {
        peer->others = sum_of_others(peer, offsetof(struct peer_stats, active));
        peer->others_at_ms = now_ms;
    }
    return peer->stats->active + peer->others >= max;
}

bool held_queue(struct peer_state *peer, unsigned size)
{
    uint64_t others;

    return take(peer, &peer->stats->queued, peer->upstream->queue.count, size, &others);
}

void held_unqueue(struct peer_state *peer)
{
    (void)__atomic_sub_fetch(&peer->stats->queued, 1, __ATOMIC_SEQ_CST);
}

uint64_t held_bit(const struct worker *w)
{
    return board_waiter_bit(w->index);
}
