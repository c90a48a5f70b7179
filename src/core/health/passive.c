/* passive.c: see passive.h. */
#include "core/health/passive.h"

#include "core/board/board.h"
#include "core/worker.h"
#include "http/status.h"

/* The unit of the time in peer_shared.errors. */
#define TICK_SHIFT 6

/* The servers of an upstream as passive health sees them. */
struct census {
    unsigned all, up, ejected; /* all: but for those that are down because somebody said so */
};

static struct census count_peers(const struct upstream_state *state, int64_t now_ms)
{
    struct census c = {0, 0, 0};

    for (size_t i = 0; i < state->peer_count; i++) {
        const struct peer_state *peer = state->peers[i];

        /* Whatever the words of its slot say: they may be another's by now. */
        if (peer->gone)
            continue;
        switch (peer_status_of(peer->conf, peer->shared, now_ms)) {
        case PEER_UP:
            c.up++;
            c.all++;
            break;
        case PEER_EJECTED:
            c.ejected++;
            c.all++;
            break;
        case PEER_CHECKING:
            c.all++;
            break;
        case PEER_DOWN:
            c.all += __atomic_load_n(&peer->shared->health, __ATOMIC_RELAXED) == PEER_HEALTH_FAILED;
            break;
        default:
            break;
        }
    }
    return c;
}

bool passive_is_panic(const struct upstream_state *state, int64_t now_ms)
{
    struct census c;

    if (!state->conf->passive)
        return false;
    c = count_peers(state, now_ms);
    return c.ejected > 0 && c.up * 2 < c.all;
}

static void changed(const struct peer_state *peer)
{
    struct board *board = peer->upstream->worker->board;

    if (board)
        board_peers_changed(board);
    else
        peer->upstream->look_at_ms = 0;
}

unsigned passive_count(uint64_t *errors, int64_t window_ms, int64_t now_ms)
{
    uint32_t now = (uint32_t)(now_ms >> TICK_SHIFT);
    uint64_t before = __atomic_load_n(errors, __ATOMIC_RELAXED), after;

    do {
        uint32_t since = (uint32_t)(before >> 32), count = (uint32_t)before;

        if (count == 0 || now - since > (uint64_t)window_ms >> TICK_SHIFT) {
            since = now;
            count = 0;
        }
        after = (uint64_t)since << 32 | (count < UINT32_MAX ? count + 1 : count);
    } while (!__atomic_compare_exchange_n(errors, &before, after, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return (uint32_t)after;
}

/* Whether `ejected` servers, that one among them, are not too many. */
static bool may_be_ejected(const struct upstream_state *state, unsigned ejected, const struct census *c)
{
    unsigned most = c->all * state->conf->passive->max_ejected / 100;

    return ejected <= (most > 0 ? most : 1);
}

static void log_ejection(const struct peer_state *peer, unsigned errors, int64_t pause, const char *why)
{
    log_write(peer->upstream->worker->log, LOG_LEVEL_WARN,
              "upstream %.*s server %.*s: ejected for %lld ms: %u failures in a row, the last: %s (passive)",
              STR_ARG(peer->upstream->conf->name), STR_ARG(peer->conf->name), (long long)pause, errors, why);
}

static void eject(struct peer_state *peer, unsigned errors, const char *why)
{
    struct upstream_state *state = peer->upstream;
    struct peer_shared *shared = peer->shared;
    int64_t now = state->worker->loop->clock.mono_ms;
    int64_t until = __atomic_load_n(&shared->ejected_until_ms, __ATOMIC_RELAXED);
    uint32_t before = __atomic_load_n(&shared->ejections, __ATOMIC_RELAXED);
    struct census c = count_peers(state, now);
    int64_t pause = state->conf->passive->pause;
    int64_t mine;

    if (until > now || c.up <= 1 || !may_be_ejected(state, c.ejected + 1, &c))
        return;
    pause *= before < PASSIVE_PAUSES_MAX ? before + 1 : PASSIVE_PAUSES_MAX;
    mine = now + pause;
    /* One worker ejects it. */
    if (!__atomic_compare_exchange_n(&shared->ejected_until_ms, &until, mine, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return;
    /* Another may have ejected another one at the same time. */
    c = count_peers(state, now);
    if (c.up == 0 || !may_be_ejected(state, c.ejected, &c)) {
        (void)__atomic_compare_exchange_n(&shared->ejected_until_ms, &mine, 0, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED);
        return;
    }
    peer_set_ejected_why(shared, why);
    __atomic_store_n(&shared->ejections, before < UINT32_MAX ? before + 1 : before, __ATOMIC_RELAXED);
    __atomic_store_n(&shared->errors, 0, __ATOMIC_RELAXED);
    log_ejection(peer, errors, pause, why);
    changed(peer);
}

void passive_failure(struct peer_state *peer, const char *why)
{
    const struct passive_conf *conf = peer->upstream->conf->passive;
    unsigned errors;

    if (!conf)
        return;
    errors = passive_count(&peer->shared->errors, conf->window, peer->upstream->worker->loop->clock.mono_ms);
    if (errors >= conf->errors)
        eject(peer, errors, why);
}

void passive_success(struct peer_state *peer)
{
    struct peer_shared *shared = peer->shared;

    if (!peer->upstream->conf->passive)
        return;
    /* The words are shared: they are only written to when that changes them. */
    if (__atomic_load_n(&shared->errors, __ATOMIC_RELAXED) != 0)
        __atomic_store_n(&shared->errors, 0, __ATOMIC_RELAXED);
    /* While it is ejected it answers requests of before. */
    if (__atomic_load_n(&shared->ejections, __ATOMIC_RELAXED) != 0 &&
        __atomic_load_n(&shared->ejected_until_ms, __ATOMIC_RELAXED) == 0)
        __atomic_store_n(&shared->ejections, 0, __ATOMIC_RELAXED);
}

bool passive_is_failure(const struct upstream *conf, unsigned status)
{
    return conf->passive && status_set_has(conf->passive->statuses, status);
}

void passive_look(struct peer_state *peer, int64_t now_ms)
{
    struct upstream_state *state = peer->upstream;
    int64_t until = __atomic_load_n(&peer->shared->ejected_until_ms, __ATOMIC_RELAXED);

    if (until == 0 || until > now_ms ||
        !__atomic_compare_exchange_n(&peer->shared->ejected_until_ms, &until, 0, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return;
    peer_came_back(peer->shared, until);
    log_write(state->worker->log, LOG_LEVEL_INFO,
              "upstream %.*s server %.*s: used again after its pause (passive)",
              STR_ARG(state->conf->name), STR_ARG(peer->conf->name));
}
