/*
 * loop.c: libevent set up for one thread, and the turn: wait, callbacks, deferred frees.
 * Each turn is one call with EVLOOP_ONCE; the tick keeps it from sleeping longer than 50 ms.
 */
#include "io/loop.h"

#include <stdlib.h>

void loop_refresh(struct loop *loop)
{
    clock_refresh(&loop->clock);
    if (loop->events == 1)
        loop->turn_ms = loop->clock.mono_ms;
}

static void loop_on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;

    (void)fd;
    (void)what;
    loop_event(loop);
    if (loop->on_tick)
        loop->on_tick(loop->tick_arg);
}

/* Processes have one thread in the loop: no locks.  Edge-triggered events need epoll. */
static struct event_base *loop_new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (!config)
        return NULL;
    if (event_config_require_features(config, EV_FEATURE_ET) == 0 &&
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

struct loop *loop_new(void (*on_tick)(void *arg), void *arg)
{
    const struct timeval period = {.tv_sec = 0, .tv_usec = LOOP_TICK_MS * 1000};
    struct loop *loop = calloc(1, sizeof(*loop));

    if (!loop)
        return NULL;
    loop->on_tick = on_tick;
    loop->tick_arg = arg;
    loop->base = loop_new_base();
    if (loop->base)
        loop->tick = event_new(loop->base, -1, EV_PERSIST, loop_on_tick, loop);
    if (!loop->tick || event_add(loop->tick, &period) < 0) {
        loop_free(loop);
        return NULL;
    }
    clock_init(&loop->clock);
    return loop;
}

static void loop_call_all(struct loop_deferred **list)
{
    while (*list) {
        struct loop_deferred *d = *list;

        *list = d->next;
        d->fn(d);
    }
}

void loop_settle(struct loop *loop)
{
    loop_call_all(&loop->deferred);
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    loop_call_all(&loop->next_turn);
    loop_settle(loop);
    if (loop->tick)
        event_free(loop->tick);
    if (loop->base)
        event_base_free(loop->base);
    free(loop);
}

int loop_detach_in_child(struct loop *loop)
{
    return event_reinit(loop->base);
}

int loop_turn(struct loop *loop)
{
    struct loop_deferred *due = loop->next_turn;
    int rc;

    /* Who asks for the next turn from now on means the one after this. */
    loop->next_turn = NULL;
    loop->events = 0;
    rc = event_base_loop(loop->base, due ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE);
    loop_call_all(&due);
    loop_settle(loop);
    return rc < 0 ? -1 : 0;
}

int loop_run(struct loop *loop)
{
    while (!loop->stopping) {
        if (loop_turn(loop) < 0)
            return -1;
    }
    loop->stopping = false;
    return 0;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}

void loop_defer(struct loop *loop, struct loop_deferred *d, void (*fn)(struct loop_deferred *))
{
    d->fn = fn;
    d->next = loop->deferred;
    loop->deferred = d;
}

void loop_next_turn(struct loop *loop, struct loop_deferred *d, void (*fn)(struct loop_deferred *))
{
    d->fn = fn;
    d->next = loop->next_turn;
    loop->next_turn = d;
}
