/* peer.c: see peer.h. */
#include "core/upstream/peer.h"

/* Slow start begins with this part of the weight, and is taken up in steps. */
#define SLOW_START_LEAST 10 /* percent */
#define SLOW_START_STEP_MS 100

struct str peer_status_name(enum peer_status status)
{
    static const char *const names[PEER_STATUSES] = {
        [PEER_UP] = "up",           [PEER_DRAIN] = "drain",     [PEER_DOWN] = "down",
        [PEER_CHECKING] = "checking", [PEER_EJECTED] = "ejected", [PEER_UNRESOLVED] = "unresolved",
        [PEER_GONE] = "gone",
    };

    return str_of(status < PEER_STATUSES ? names[status] : "unknown");
}

unsigned peer_weight_of(const struct peer_conf *conf, const struct peer_shared *shared)
{
    uint32_t override = __atomic_load_n(&shared->override_weight, __ATOMIC_RELAXED);

    return override > 0 && override <= PEER_WEIGHT_MAX + 1 ? override - 1 : conf->weight;
}

enum peer_status peer_status_of(const struct peer_conf *conf, const struct peer_shared *shared, int64_t now_ms)
{
    uint32_t override = __atomic_load_n(&shared->override, __ATOMIC_RELAXED);
    uint32_t health = __atomic_load_n(&shared->health, __ATOMIC_RELAXED);

    if (override == PEER_OVERRIDE_GONE)
        return PEER_GONE;
    if (conf->resolve && conf->address.len == 0)
        return PEER_UNRESOLVED;
    if (override == PEER_OVERRIDE_DOWN || (conf->down && override == PEER_OVERRIDE_NONE))
        return PEER_DOWN;
    if (health == PEER_HEALTH_FAILED)
        return PEER_DOWN;
    if (health == PEER_HEALTH_CHECKING || (health == PEER_HEALTH_NONE && conf->starts_checking))
        return PEER_CHECKING;
    if (__atomic_load_n(&shared->ejected_until_ms, __ATOMIC_RELAXED) > now_ms)
        return PEER_EJECTED;
    if (override == PEER_OVERRIDE_DRAIN || peer_weight_of(conf, shared) == 0)
        return PEER_DRAIN;
    return PEER_UP;
}

/* The latest of the ways to come back: nobody notes that an ejection ends.  0: it was never away. */
static int64_t came_back_ms(const struct peer_shared *shared, int64_t now_ms)
{
    int64_t since = __atomic_load_n(&shared->up_since_ms, __ATOMIC_RELAXED);
    int64_t ejected_until = __atomic_load_n(&shared->ejected_until_ms, __ATOMIC_RELAXED);

    return ejected_until <= now_ms && ejected_until > since ? ejected_until : since;
}

unsigned peer_share_of(const struct peer_conf *conf, const struct peer_shared *shared, int64_t now_ms,
                       int64_t *changes_ms)
{
    unsigned share = peer_weight_of(conf, shared) * PEER_SHARE;
    int64_t since = came_back_ms(shared, now_ms);
    int64_t gone = now_ms - since;
    int64_t part;

    if (conf->slow_start == 0 || since == 0 || gone < 0 || gone >= conf->slow_start || share == 0)
        return share;
    if (now_ms + SLOW_START_STEP_MS < *changes_ms)
        *changes_ms = now_ms + SLOW_START_STEP_MS;
    part = gone * 100 / conf->slow_start;
    share = share * (unsigned)(part > SLOW_START_LEAST ? part : SLOW_START_LEAST) / 100;
    return share > 0 ? share : 1;
}

void peer_came_back(struct peer_shared *shared, int64_t at_ms)
{
    __atomic_store_n(&shared->up_since_ms, at_ms, __ATOMIC_RELAXED);
}

static struct str copy_text(const char *from, size_t most, char *text)
{
    size_t len = 0;

    for (; len < most && from[len]; len++)
        text[len] = from[len] >= ' ' && from[len] < 127 ? from[len] : '?';
    return (struct str){text, len};
}

struct str peer_reason(const struct peer_shared *shared, char text[PEER_REASON_MAX])
{
    return copy_text(shared->reason, PEER_REASON_MAX, text);
}

struct str peer_ejected_why(const struct peer_shared *shared, char text[PEER_EJECTED_MAX])
{
    return copy_text(shared->ejected_why, PEER_EJECTED_MAX, text);
}

void peer_set_ejected_why(struct peer_shared *shared, const char *why)
{
    char text[PEER_EJECTED_MAX] = "";
    size_t len = strlen(why);

    memcpy(text, why, len < sizeof(text) ? len : sizeof(text));
    memcpy(shared->ejected_why, text, sizeof(text));
}
