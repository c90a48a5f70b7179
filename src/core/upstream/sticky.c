/* sticky.c: what the client's cookie says, and which server that is; the cookies of answers are
 * sticky_answer.c. */
#include "core/upstream/sticky.h"

#include <stdlib.h>

#include "core/board/board.h"
#include "core/upstream/sticky_state.h"
#include "core/worker.h"

/* Entries of the table where there is no board. */
#define LEARN_ALONE 1024

/* A clock ahead of this one by more, seconds, has set the cookie wrong. */
#define AHEAD_MAX 3600

/* Of the time to live: so much later the cookie is set anew. */
#define REFRESH_PART 10

const char *sticky_mode_name(enum sticky_mode mode)
{
    return mode == STICKY_LEARN ? "learn" : mode == STICKY_REWRITE ? "rewrite" : "insert";
}

/* ---- the state of an upstream ---- */

static struct str secret_of(const struct worker *w)
{
    if (w->board)
        return (struct str){(const char *)board_secret(w->board), BOARD_SECRET};
    return w->config->secret;
}

/* What is learnt stays on this machine, so its secret does too: it is known in every worker, whatever the
 * file says. */
static void learn_new(struct sticky *s, const struct worker *w, struct str upstream)
{
    uint8_t key[HMAC_BYTES];

    sticky_value_key(secret_of(w), upstream, key);
    s->learn_key = hash_key_of(key);
    if (w->board) {
        s->learn = (struct sticky_learn){board_learnt(w->board), BOARD_LEARNT};
        return;
    }
    s->own_entries = calloc(LEARN_ALONE, sizeof(*s->own_entries));
    if (s->own_entries)
        s->learn = (struct sticky_learn){s->own_entries, LEARN_ALONE};
}

struct sticky *sticky_new(const struct upstream_state *state)
{
    const struct sticky_conf *conf = state->conf->sticky;
    uint8_t key[HMAC_BYTES];
    struct sticky *s;

    if (!conf || !(s = calloc(1, sizeof(*s))))
        return NULL;
    memcpy(key, conf->key, sizeof(key));
    if (!conf->has_key)
        sticky_value_key(secret_of(state->worker), state->conf->name, key);
    s->conf = conf;
    s->values = sticky_values_new(key);
    if (!s->values) {
        free(s);
        return NULL;
    }
    if (conf->mode == STICKY_LEARN)
        learn_new(s, state->worker, state->conf->name);
    return s;
}

void sticky_free(struct sticky *s)
{
    if (!s)
        return;
    sticky_values_free(s->values);
    free(s->own_entries);
    free(s);
}

void sticky_look(struct upstream_state *state)
{
    if (sticky_values_begin(state->sticky->values, state->peer_count) < 0)
        return;
    for (size_t i = 0; i < state->peer_count; i++)
        if (state->peers[i]->status != PEER_GONE)
            sticky_values_put(state->sticky->values, i, state->peers[i]->conf->name);
}

/* ---- the cookies of a request ---- */

bool sticky_next_cookie(struct sticky_walk *walk, struct str *value)
{
    struct cookie cookie;

    while (walk->seen < STICKY_COOKIES && cookie_next(&walk->cookies, &cookie)) {
        if (!str_eq(cookie.name, walk->name))
            continue;
        walk->seen++;
        *value = cookie.value;
        return true;
    }
    return false;
}

struct str sticky_unquote(struct str value)
{
    if (value.len >= 2 && value.s[0] == '"' && value.s[value.len - 1] == '"')
        return (struct str){value.s + 1, value.len - 2};
    return value;
}

bool sticky_has_prefix(struct str value)
{
    return value.len > STICKY_PLAIN && value.s[STICKY_PLAIN] == '~';
}

/* Of a cookie with a time to live: whether it is over, or the cookie is to be set anew. */
static bool is_over(const struct sticky_conf *conf, int64_t time_s, int64_t now_s, bool *outdated)
{
    int64_t age = now_s - time_s;

    *outdated = (conf->ttl_s > 0) != (time_s > 0);
    if (conf->ttl_s == 0 || time_s == 0)
        return false;
    *outdated = age >= conf->ttl_s / REFRESH_PART || age < -AHEAD_MAX;
    return age > conf->ttl_s;
}

static enum sticky_said read_value(const struct sticky *s, struct str value, const struct clock *clock,
                                   struct sticky_visit *v)
{
    struct sticky_reading reading;

    value = sticky_unquote(value);
    if (s->conf->mode == STICKY_REWRITE) {
        if (!sticky_has_prefix(value))
            return STICKY_SAID_FOREIGN;
        value.len = STICKY_PLAIN;
    }
    reading = sticky_value_read(s->values, value);
    if (!reading.authentic)
        return STICKY_SAID_FOREIGN;
    if (s->conf->mode == STICKY_INSERT && is_over(s->conf, reading.time_s, clock->wall_s, &v->outdated))
        return STICKY_SAID_NOTHING;
    v->wanted = reading.index;
    return reading.index < 0 ? STICKY_SAID_GONE : STICKY_SAID_SERVER;
}

static enum sticky_said recall_value(struct sticky *s, struct str value, const struct clock *clock,
                                     struct sticky_visit *v)
{
    uint64_t hash = sticky_learn_hash(s, value);
    uint64_t tag = sticky_learn_find(&s->learn, hash, clock->mono_ms / 1000, s->conf->ttl_s);

    if (tag == 0)
        return STICKY_SAID_FOREIGN;
    v->hash = hash;
    v->has_hash = true;
    v->wanted = sticky_value_find(s->values, tag);
    return v->wanted < 0 ? STICKY_SAID_GONE : STICKY_SAID_SERVER;
}

uint64_t sticky_learn_hash(const struct sticky *s, struct str value)
{
    value = sticky_unquote(value);
    return hash_bytes(&s->learn_key, value.s, value.len);
}

/* The first cookie that names a server counts: one of an old path or domain may stand beside it. */
static void read_cookies(struct sticky *s, const struct request *req, const struct clock *clock,
                         struct sticky_visit *v)
{
    struct sticky_walk walk = {.cookies.fields = &req->head.headers, .name = s->conf->cookie};
    struct str value;

    *v = (struct sticky_visit){.wanted = -1, .taken = -1};
    while (v->said != STICKY_SAID_SERVER && sticky_next_cookie(&walk, &value)) {
        enum sticky_said said = s->conf->mode != STICKY_LEARN         ? read_value(s, value, clock, v)
                                : s->learn.count > 0 && value.len > 0 ? recall_value(s, value, clock, v)
                                                                      : STICKY_SAID_FOREIGN;

        if (said > v->said)
            v->said = said;
    }
}

/* While a request waits, or is tried elsewhere, the place of the server that it wants may get another. */
static void check_wanted(const struct upstream_state *state, struct sticky_visit *v)
{
    if ((size_t)v->wanted < state->peer_count && state->peers[v->wanted]->lives == v->lives)
        return;
    v->wanted = -1;
    v->said = STICKY_SAID_GONE;
}

int sticky_pick(struct upstream_state *state, const struct pick *pick)
{
    struct request *req = pick->req;
    struct sticky_visit *v = req->sticky;
    bool full;

    /* Another upstream than before, as `divert` or another route may want it, reads anew. */
    if (!v)
        req->sticky = v = pool_zalloc(req->pool, sizeof(*v));
    if (v->state != state) {
        read_cookies(state->sticky, req, &state->worker->loop->clock, v);
        v->state = state;
        if (v->wanted >= 0 && (size_t)v->wanted < state->peer_count)
            v->lives = state->peers[v->wanted]->lives;
    }
    if (v->wanted >= 0)
        check_wanted(state, v);
    if (v->wanted < 0)
        return STICKY_NONE;
    if (upstream_peer_keeps(state, (size_t)v->wanted, pick, &full))
        return v->wanted;
    /* A queue is for servers that take new requests: nobody would tell who waits for another. */
    return full && state->conf->queue.size > 0 && state->peers[v->wanted]->status == PEER_UP ? STICKY_WAIT
                                                                                             : STICKY_NONE;
}

void sticky_picked(struct request *req, int index)
{
    if (req->sticky)
        req->sticky->taken = index;
}

int sticky_waits_for(const struct request *req, const struct upstream_state *state)
{
    const struct sticky_visit *v = req->sticky;

    return v && v->state == state && v->taken == STICKY_WAIT ? v->wanted : -1;
}

void sticky_tell(const struct upstream *upstream, const struct request *req, struct sticky_told *told)
{
    struct sticky s = {.conf = upstream->sticky};
    struct sticky_visit visit;
    struct clock clock;

    *told = (struct sticky_told){.server = -1};
    if (!s.conf->has_key || s.conf->mode == STICKY_LEARN || !(s.values = sticky_values_new(s.conf->key)))
        return;
    if (sticky_values_begin(s.values, upstream->peer_count) == 0) {
        for (size_t i = 0; i < upstream->peer_count; i++)
            sticky_values_put(s.values, i, upstream->peers[i].name);
        clock_init(&clock);
        read_cookies(&s, req, &clock, &visit);
        *told = (struct sticky_told){true, visit.said, visit.wanted};
    }
    sticky_values_free(s.values);
}
