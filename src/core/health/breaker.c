/* breaker.c: see breaker.h. */
#include "core/health/breaker.h"

#include "core/board/board.h"
#include "core/worker.h"

#define COUNT_MS 20
/* Not refused for so long: closed. */
#define CLOSED_MS 1000
/* Too slow: one request in so much time finds out whether it still is. */
#define PROBE_MS 1000
/* The weight of one observation. */
#define LATENCY_PART 8
#define SERVERS_AT_ONCE 16

static int64_t now_of(const struct upstream_state *state)
{
    return state->worker->loop->clock.mono_ms;
}

static uint64_t less(uint64_t all, uint64_t own)
{
    return all > own ? all - own : 0;
}

static void count_others(struct upstream_state *state, struct breaker *b)
{
    struct peer_stats sums[SERVERS_AT_ONCE];
    int slots[SERVERS_AT_ONCE];
    uint64_t active = 0, queued = 0;

    for (size_t i = 0, n; (n = upstream_slots(state, i, slots, SERVERS_AT_ONCE)) > 0; i += n) {
        board_peer_sums(state->worker->board, slots, n, sums);
        for (size_t k = 0; k < n; k++) {
            active += sums[k].active;
            queued += sums[k].queued;
        }
    }
    if (state->conf->peer_count == 0) {
        board_peer_sums(state->worker->board, &state->queue_peer->conf->board_slot, 1, sums);
        queued += sums[0].queued;
    }
    b->others_active = less(active, state->active);
    b->others_queued = less(queued, state->queue.count);
}

static struct breaker *counted(struct upstream_state *state)
{
    struct breaker *b = &state->breaker;
    int64_t now = now_of(state);

    if (state->worker->board && now - b->counted_ms >= COUNT_MS) {
        b->counted_ms = now;
        count_others(state, b);
    }
    return b;
}

static bool is_slow(struct upstream_state *state, struct breaker *b, bool *probe)
{
    const struct breaker_conf *conf = state->conf->breaker;
    int64_t now = now_of(state);

    if (conf->latency == 0 || b->samples < BREAKER_SAMPLES_LEAST || b->latency_ms <= (double)conf->latency)
        return false;
    if (now < b->probe_at_ms)
        return true;
    if (b->probe_at_ms == 0) {
        b->probe_at_ms = now + PROBE_MS;
        return true;
    }
    b->probe_at_ms = now + PROBE_MS;
    *probe = true;
    return false;
}

static bool refuse(struct upstream_state *state, const char *setting, int64_t value, bool is_time,
                   struct breaker_refusal *refusal)
{
    struct breaker *b = &state->breaker;

    *refusal = (struct breaker_refusal){setting, value, is_time};
    if (!b->open)
        log_write(state->worker->log, LOG_LEVEL_WARN, "upstream %.*s: circuit breaker opens: %s is %lld%s",
                  STR_ARG(state->conf->name), setting, (long long)value, is_time ? " ms" : "");
    b->open = setting;
    b->refused_ms = now_of(state);
    state->worker->stats->breaker_refused++;
    return false;
}

static void admitted(struct upstream_state *state)
{
    struct breaker *b = &state->breaker;

    if (!b->open || now_of(state) - b->refused_ms < CLOSED_MS)
        return;
    b->open = NULL;
    log_write(state->worker->log, LOG_LEVEL_INFO, "upstream %.*s: circuit breaker closes",
              STR_ARG(state->conf->name));
}

bool breaker_admits(struct upstream_state *state, struct breaker_refusal *refusal, bool *probe)
{
    const struct breaker_conf *conf = state->conf->breaker;
    struct breaker *b;

    *probe = false;
    if (!conf)
        return true;
    b = counted(state);
    if (conf->max_requests > 0 && b->others_active + state->active >= conf->max_requests)
        return refuse(state, "circuit_breaker.max_requests", conf->max_requests, false, refusal);
    /* Who comes behind others that wait would wait, too. */
    if (conf->max_pending > 0 && b->others_queued + state->queue.count >= conf->max_pending)
        return refuse(state, "circuit_breaker.max_pending", conf->max_pending, false, refusal);
    if (is_slow(state, b, probe))
        return refuse(state, "circuit_breaker.latency", conf->latency, true, refusal);
    admitted(state);
    return true;
}

bool breaker_retry(struct upstream_state *state)
{
    const struct breaker_conf *conf = state->conf->breaker;
    struct breaker *b = &state->breaker;
    unsigned workers = state->worker->count ? state->worker->count : 1;

    if (conf && conf->max_retries > 0) {
        unsigned share = conf->max_retries / workers;
        struct breaker_refusal refusal;

        if (b->retries >= (share > 0 ? share : 1))
            return refuse(state, "circuit_breaker.max_retries", conf->max_retries, false, &refusal);
    }
    b->retries++;
    return true;
}

void breaker_retry_over(struct upstream_state *state)
{
    state->breaker.retries--;
}

void breaker_latency(struct upstream_state *state, int64_t ms, bool probe)
{
    struct breaker *b = &state->breaker;

    if (!state->conf->breaker || state->conf->breaker->latency == 0)
        return;
    /* A request that was let through to find out decides alone. */
    if (b->probe_at_ms > 0 && !probe)
        return;
    if (b->samples == 0 || b->probe_at_ms > 0)
        b->latency_ms = (double)ms;
    else
        b->latency_ms += ((double)ms - b->latency_ms) / LATENCY_PART;
    if (b->probe_at_ms > 0 && ms <= state->conf->breaker->latency) {
        b->probe_at_ms = 0;
        b->samples = 0;
    }
    if (b->samples < BREAKER_SAMPLES_LEAST)
        b->samples++;
}
