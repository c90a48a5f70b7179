/* api_check.c: what active and passive checks have found, for the JSON of the runtime API and for metrics. */
#include <inttypes.h>

#include "core/board/board.h"
#include "modules/api.h"

void api_add_check(struct json *json, const struct request *req, const struct peer_conf *peer)
{
    const struct peer_shared *shared = api_peer_shared(req, peer);
    int64_t checked_s = __atomic_load_n(&shared->checked_s, __ATOMIC_RELAXED);
    char text[PEER_REASON_MAX];

    json_object(json, "check");
    if (checked_s) {
        json_bool(json, "ok", __atomic_load_n(&shared->check_ok, __ATOMIC_RELAXED) != 0);
        json_str(json, "reason", peer_reason(shared, text));
        json_int(json, "at", checked_s);
    } else {
        json_null(json, "ok");
        json_str(json, "reason", STR("not checked"));
        json_null(json, "at");
    }
    json_object_end(json);
}

void api_add_ejected(struct json *json, const struct request *req, const struct peer_conf *peer)
{
    const struct peer_shared *shared = api_peer_shared(req, peer);
    const struct clock *clock = &req->worker->loop->clock;
    int64_t left_ms = __atomic_load_n(&shared->ejected_until_ms, __ATOMIC_RELAXED) - clock->mono_ms;
    char text[PEER_EJECTED_MAX];

    if (peer_status_of(peer, shared, clock->mono_ms) != PEER_EJECTED) {
        json_null(json, "ejected");
        return;
    }
    json_object(json, "ejected");
    json_str(json, "reason", peer_ejected_why(shared, text));
    json_int(json, "until", clock->wall_s + (left_ms + 999) / 1000);
    json_object_end(json);
}

bool api_check_metric(const struct request *req, const struct peer_conf *peer, bool when, uint64_t *value)
{
    const struct peer_shared *shared = api_peer_shared(req, peer);
    int64_t checked_s = __atomic_load_n(&shared->checked_s, __ATOMIC_RELAXED);

    *value = when ? (uint64_t)checked_s : __atomic_load_n(&shared->check_ok, __ATOMIC_RELAXED) != 0;
    return checked_s > 0;
}
