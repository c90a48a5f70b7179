/* upstream_wait.c: see upstream_wait.h. */
#include "core/upstream/upstream_wait.h"

#include <unistd.h>

#include "core/board/board.h"
#include "core/upstream/held.h"
#include "core/worker.h"

/* ---- the bits ---- */

/* Says at every server with a limit that requests wait here, or do not any more. */
static void announce(struct upstream_state *state, bool waits)
{
    uint64_t bit = held_bit(state->worker);

    for (size_t i = 0; i < state->peer_count; i++) {
        uint64_t *word = &state->peers[i]->shared->waiters;
        uint64_t there;

        if (state->peers[i]->conf->max_connections == 0)
            continue;
        /* Read first: the line is shared, and mostly the bit is as it should be. */
        there = __atomic_load_n(word, __ATOMIC_RELAXED);
        if (waits && !(there & bit))
            (void)__atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST);
        else if (!waits && (there & bit))
            (void)__atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST);
    }
}

bool upstream_others_wait(const struct peer_state *peer)
{
    /* Where nobody may wait, those of a generation where one could would keep all from every place. */
    return peer->conf->max_connections > 0 && peer->upstream->conf->queue.size > 0 &&
           (__atomic_load_n(&peer->shared->waiters, __ATOMIC_RELAXED) & ~held_bit(peer->upstream->worker));
}

/* ---- serving ---- */

static void serve(struct upstream_state *state)
{
    if (state->queue.count == 0)
        return;
    for (size_t i = 0; i < state->peer_count; i++)
        held_forget(state->peers[i]);
    queue_serve(&state->queue);
    /* Who woke this worker took the bit away. */
    if (state->queue.count > 0)
        announce(state, true);
}

static void on_soon(struct loop_deferred *d)
{
    struct upstream_state *state = container_of(d, struct upstream_state, soon);

    state->is_soon = false;
    serve(state);
}

static void serve_soon(struct upstream_state *state)
{
    if (state->is_soon)
        return;
    state->is_soon = true;
    loop_defer(state->worker->loop, &state->soon, on_soon);
}

static void expire(struct upstream_state *state)
{
    int64_t before = state->worker->loop->clock.mono_ms - state->conf->queue.timeout;
    struct queue_waiter *w;

    while ((w = queue_expired(&state->queue, before)) != NULL)
        w->ended(w, QUEUE_EXPIRED);
}

static void look_at_all(struct upstreams *all)
{
    for (size_t i = 0; i < all->count && all->waiting > 0; i++) {
        expire(&all->states[i]);
        serve(&all->states[i]);
    }
}

/* ---- events: only while requests wait, so that a word for another worker of this number is left to it ---- */

static void stop_events(struct upstreams *all)
{
    if (all->wait_timer)
        (void)event_del(all->wait_timer);
    if (all->wait_event)
        (void)event_del(all->wait_event);
}

static void on_timer(evutil_socket_t fd WEIR_UNUSED, short what WEIR_UNUSED, void *arg)
{
    struct upstreams *all = arg;

    loop_event(all->worker->loop);
    look_at_all(all);
    if (all->waiting == 0)
        stop_events(all);
}

static void on_wake(evutil_socket_t fd, short what WEIR_UNUSED, void *arg)
{
    struct upstreams *all = arg;
    uint64_t count;

    loop_event(all->worker->loop);
    if (read((int)fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
        look_at_all(all);
}

static void start_events(struct upstreams *all)
{
    static const struct timeval period = {.tv_sec = 0, .tv_usec = UPSTREAM_WAIT_LOOK_MS * 1000};
    const struct worker *w = all->worker;

    if (!all->wait_timer)
        all->wait_timer = event_new(w->loop->base, -1, EV_PERSIST, on_timer, all);
    if (!all->wait_event && w->index < w->wake_count)
        all->wait_event = event_new(w->loop->base, w->wakes[w->index], EV_READ | EV_PERSIST, on_wake, all);
    if (all->wait_timer && !event_pending(all->wait_timer, EV_TIMEOUT, NULL))
        (void)event_add(all->wait_timer, &period);
    if (all->wait_event)
        (void)event_add(all->wait_event, NULL);
}

void upstream_waits_free(struct upstreams *all)
{
    if (all->wait_timer)
        event_free(all->wait_timer);
    if (all->wait_event)
        event_free(all->wait_event);
    all->wait_timer = all->wait_event = NULL;
}

/* ---- waiting ---- */

bool upstream_must_wait(const struct upstream_state *state, enum route_priority priority)
{
    return !state->queue.serving && queue_is_ahead(&state->queue, priority);
}

/* Room for one more, if need be by sending somebody away. */
static bool make_room(struct upstream_state *state, enum route_priority priority)
{
    struct queue_waiter *victim;

    if (held_queue(state->queue_peer, state->conf->queue.size))
        return true;
    victim = queue_last_below(&state->queue, priority);
    if (!victim)
        return false;
    victim->ended(victim, QUEUE_DISPLACED);
    return held_queue(state->queue_peer, state->conf->queue.size);
}

bool upstream_wait(struct upstream_state *state, struct queue_waiter *w, enum route_priority priority)
{
    struct upstreams *all = state->worker->upstreams;
    bool first = state->queue.count == 0;

    if (state->peer_count == 0 || !make_room(state, priority))
        return false;
    queue_join(&state->queue, w, priority, state->worker->loop->clock.mono_ms);
    if (all->waiting++ == 0)
        start_events(all);
    if (first)
        announce(state, true);
    /*
     * A place that was given back before the bit was seen is found by this look; and the newcomer may be
     * able to use one that those before it cannot.  Behind more than are asked at once it waits for the
     * next look.
     */
    if (!state->queue.serving && state->queue.content <= QUEUE_MISSES)
        serve_soon(state);
    return true;
}

int64_t upstream_wait_end(struct upstream_state *state, struct queue_waiter *w)
{
    struct upstreams *all = state->worker->upstreams;

    if (!queue_is_waiting(w))
        return 0;
    queue_leave(w);
    held_unqueue(state->queue_peer);
    all->waiting--;
    if (state->queue.count == 0)
        announce(state, false);
    return state->worker->loop->clock.mono_ms - w->since_ms;
}

/* ---- a place is free ---- */

/* The next bit of `bits`, which are not 0, after number `last`, going round. */
static unsigned bit_after(uint64_t bits, unsigned last)
{
    uint64_t above = last < 63 ? bits & (~(uint64_t)0 << (last + 1)) : 0;

    return (unsigned)__builtin_ctzll(above ? above : bits);
}

/* Gives the word to the workers of number `to`; their bit is theirs to set again. */
static void wake(struct peer_state *peer, unsigned to)
{
    static const uint64_t one = 1;
    const struct worker *w = peer->upstream->worker;

    (void)__atomic_fetch_and(&peer->shared->waiters, ~((uint64_t)1 << to), __ATOMIC_SEQ_CST);
    /* Where there is none, or it is full, they look by themselves. */
    if (to < w->wake_count)
        (void)!write(w->wakes[to], &one, sizeof(one));
}

void upstream_place_free(struct peer_state *peer)
{
    struct upstream_state *state = peer->upstream;
    uint64_t own = held_bit(state->worker);
    uint64_t waiters = __atomic_load_n(&peer->shared->waiters, __ATOMIC_SEQ_CST) & ~own;

    if (state->queue.count > 0)
        waiters |= own;
    if (waiters == 0)
        return;
    state->turn = bit_after(waiters, state->turn);
    if (own == (uint64_t)1 << state->turn)
        serve_soon(state);
    else
        wake(peer, state->turn);
}
