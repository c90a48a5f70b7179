/* api_discovery.c: how the names and files are doing that servers are found by. */
#include <inttypes.h>

#include "core/discovery/discovery.h"
#include "modules/api.h"

/* Calls `fn` for each name to be resolved and each servers_file of the upstream. */
static void each_source(const struct request *req, const struct upstream *u,
                        void (*fn)(void *arg, const struct upstream *, struct str name,
                                   const struct discovery_state *),
                        void *arg)
{
    for (size_t i = 0; i < u->peer_count; i++) {
        struct discovery_state state = discovery_state_of(req->worker->board, u->peers[i].board_slot);

        if (u->peers[i].resolve && !u->peers[i].down)
            fn(arg, u, u->peers[i].name, &state);
    }
    if (u->servers_file.len) {
        struct discovery_state state = discovery_state_of(req->worker->board, u->servers_file_slot);

        fn(arg, u, u->servers_file, &state);
    }
}

struct listing {
    struct json *json;
    const struct discovery *discovery; /* NULL: this process does not look itself */
};

static void add_source(void *arg, const struct upstream *u, struct str name,
                       const struct discovery_state *state)
{
    const struct listing *listing = arg;
    struct json *json = listing->json;
    const char *whole = state->ok ? NULL : discovery_failure(listing->discovery, u->name, name);

    json_object(json, NULL);
    json_str(json, "name", name);
    json_bool(json, "ok", state->ok);
    json_uint(json, "servers", state->servers);
    json_uint(json, "errors", state->errors);
    json_str(json, "reason", str_of(whole ? whole : state->reason));
    if (state->at_s)
        json_int(json, "at", state->at_s);
    else
        json_null(json, "at");
    json_object_end(json);
}

void api_discovery(struct json *json, const struct request *req, const struct upstream *u)
{
    struct admin *admin = req->worker->admin;
    struct listing listing = {json, admin && admin->discovery ? admin->discovery(admin) : NULL};

    json_array(json, "discovery");
    each_source(req, u, add_source, &listing);
    json_array_end(json);
}

bool api_stands_for_others(const struct request *req, const struct peer_conf *peer)
{
    return peer->resolve && discovery_state_of(req->worker->board, peer->board_slot).servers > 0;
}

/* ---- metrics ---- */

enum family { FAMILY_ERRORS, FAMILY_AGE, FAMILY_OK, FAMILY_SERVERS, FAMILIES };

static const struct {
    const char *name, *type, *help;
} families[FAMILIES] = {
    [FAMILY_ERRORS] = {"weir_upstream_resolve_errors_total", "counter",
                       "Looks at a name or servers_file that failed."},
    [FAMILY_AGE] = {"weir_upstream_resolve_age_seconds", "gauge", "Since the last look that succeeded."},
    [FAMILY_OK] = {"weir_upstream_resolve_ok", "gauge", "1: the last look succeeded."},
    [FAMILY_SERVERS] = {"weir_upstream_resolve_servers", "gauge", "Servers found by it that are in use."},
};

struct metric {
    struct api_text *text;
    enum family family;
    int64_t now_s;
};

static void add_metric(void *arg, const struct upstream *u, struct str name,
                       const struct discovery_state *state)
{
    const struct metric *m = arg;
    uint64_t age = state->at_s && m->now_s > state->at_s ? (uint64_t)(m->now_s - state->at_s) : 0;
    uint64_t value = m->family == FAMILY_ERRORS ? state->errors
                     : m->family == FAMILY_AGE  ? age
                     : m->family == FAMILY_OK   ? state->ok
                                                : state->servers;

    api_text_printf(m->text, "%s{", families[m->family].name);
    api_text_label(m->text, "upstream", u->name);
    api_text_add(m->text, STR(","));
    api_text_label(m->text, "name", name);
    if (m->family == FAMILY_AGE && !state->at_s)
        api_text_add(m->text, STR("} +Inf\n"));
    else
        api_text_printf(m->text, "} %" PRIu64 "\n", value);
}

void api_metrics_discovery(struct api_text *t, const struct request *req)
{
    for (int family = 0; family < FAMILIES; family++) {
        struct metric m = {t, (enum family)family, req->worker->loop->clock.wall_s};

        api_text_printf(t, "# HELP %s %s\n# TYPE %s %s\n", families[family].name, families[family].help,
                        families[family].name, families[family].type);
        for (size_t i = 0; i < req->config->upstream_count; i++)
            each_source(req, req->config->upstreams[i], add_metric, &m);
    }
}
