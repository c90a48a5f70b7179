/* explain_upstream.c: which upstream and which server, as a worker chooses them that knows the file alone. */
#include "core/upstream/balance_key.h"
#include "core/var.h"
#include "core/worker.h"
#include "main/explain.h"
#include "main/registry.h"

/* What the method looks at, for people. */
static struct str key_name(const struct upstream *upstream, struct pool *pool)
{
    const struct balance_conf *conf = &upstream->balance_conf;

    switch (upstream->balance) {
    case BALANCE_SOURCE: return STR("the client's address");
    case BALANCE_URI: return conf->depth || conf->length ? STR("the beginning of the path") : STR("the path");
    case BALANCE_URL_PARAM: return pool_printf(pool, "the parameter \"%.*s\"", STR_ARG(conf->name));
    case BALANCE_HEADER: return pool_printf(pool, "the field \"%.*s\"", STR_ARG(conf->name));
    case BALANCE_RDP_COOKIE: return pool_printf(pool, "the cookie \"%.*s\"", STR_ARG(conf->name));
    default: return pool_printf(pool, "\"%.*s\"", STR_ARG(template_text(conf->key)));
    }
}

static void explain_server(struct explain *e, struct upstream_state *state)
{
    const struct upstream *upstream = state->conf;
    struct str name = key_name(upstream, e->req.pool);
    int index;

    e->key = balance_key(upstream, &e->req);
    if (!e->key.s) {
        e->server_why =
            pool_printf(e->req.pool, "the request has no key (%.*s): the next in turn", STR_ARG(name));
        return;
    }
    index = upstream_pick(state, &e->req, NULL, 0);
    if (index < 0) {
        e->server_why = STR("none can be used");
        return;
    }
    e->server = &upstream->peers[index];
    e->server_why = pool_printf(e->req.pool, "hash (%s) of %.*s%s",
                                upstream->balance_conf.consistent ? "consistent" : "map", STR_ARG(name),
                                upstream->balance_conf.factor ? ", while its load is within bounds" : "");
}

void explain_upstream(struct explain *e)
{
    struct loop loop = {.clock = {.mono_ms = 1}};
    struct worker worker = {.loop = &loop, .pool = e->req.pool, .config = e->config, .count = 1,
                            .balancers = registry_balancers};
    struct upstream_state *state;

    worker.upstreams = upstreams_new(&worker);
    state = explain_diverts(e, worker.upstreams);
    e->upstream = state->conf;
    if (balance_has_key(e->upstream->balance))
        explain_server(e, state);
    upstreams_free(worker.upstreams);
}
