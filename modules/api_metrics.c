/* api_metrics.c: the counters of all processes in the Prometheus text format 0.0.4. */
#include <inttypes.h>

#include "config.h"
#include "core/board/board.h"
#include "modules/api.h"

static void add_family(struct api_text *t, const char *name, const char *type, const char *help)
{
    api_text_printf(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_one(struct api_text *t, const char *name, const char *type, const char *help, uint64_t value)
{
    add_family(t, name, type, help);
    api_text_printf(t, "%s %" PRIu64 "\n", name, value);
}

/* Buckets, sum and count; `labels` without braces, may be empty. */
static void add_histogram(struct api_text *t, const char *name, struct str labels,
                          const struct stats_histogram *h)
{
    const char *comma = labels.len ? "," : "";
    uint64_t count = 0;

    for (size_t i = 0; i < STATS_BUCKETS; i++) {
        count += h->bucket[i];
        api_text_printf(t, "%s_bucket{", name);
        api_text_add(t, labels);
        if (i + 1 < STATS_BUCKETS)
            api_text_printf(t, "%sle=\"%g\"} %" PRIu64 "\n", comma, (double)(1U << i) / 1000, count);
        else
            api_text_printf(t, "%sle=\"+Inf\"} %" PRIu64 "\n", comma, count);
    }
    api_text_printf(t, "%s_sum%s", name, labels.len ? "{" : "");
    api_text_add(t, labels);
    api_text_printf(t, "%s %.3f\n", labels.len ? "}" : "", (double)h->sum_ms / 1000);
    api_text_printf(t, "%s_count%s", name, labels.len ? "{" : "");
    api_text_add(t, labels);
    api_text_printf(t, "%s %" PRIu64 "\n", labels.len ? "}" : "", count);
}

static void add_instance(struct api_text *t, const struct request *req)
{
    const struct board *board = req->worker->board;

    add_family(t, "weir_build_info", "gauge", "The version of Weir.");
    api_text_printf(t, "weir_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
    if (!board)
        return;
    add_one(t, "weir_start_time_seconds", "gauge", "Start of the instance, seconds since 1970.",
            (uint64_t)board_started_s(board));
    add_one(t, "weir_generation", "gauge", "The generation of processes that serves.",
            board_serve_from(board));
    add_one(t, "weir_worker_restarts_total", "counter", "Processes that ended without being told to.",
            board_restarts(board));
}

/* Workers of the serving generation and those that drain. */
static void add_workers(struct api_text *t, const struct request *req)
{
    struct board *board = req->worker->board;
    unsigned end = board ? board_process_end(board) : 0;
    unsigned serving = 0, draining = 0;

    for (unsigned slot = 0; slot < end; slot++) {
        const struct board_process *process = board_process(board, slot);

        if (__atomic_load_n(&process->role, __ATOMIC_ACQUIRE) != BOARD_WORKER)
            continue;
        if (process->generation < board_serve_from(board))
            draining++;
        else
            serving++;
    }
    add_family(t, "weir_workers", "gauge", "Worker processes.");
    api_text_printf(t, "weir_workers{state=\"serving\"} %u\n", serving);
    api_text_printf(t, "weir_workers{state=\"draining\"} %u\n", draining);
}

static void add_handshakes(struct api_text *t, const struct process_stats *sum)
{
    const char *name = "weir_tls_handshakes_total";

    add_family(t, name, "counter", "TLS handshakes with clients; resumed: those that went on with an earlier session.");
    api_text_printf(t, "%s{result=\"ok\",resumed=\"no\"} %" PRIu64 "\n", name, sum->tls_handshakes - sum->tls_resumptions);
    api_text_printf(t, "%s{result=\"ok\",resumed=\"yes\"} %" PRIu64 "\n", name, sum->tls_resumptions);
    api_text_printf(t, "%s{result=\"failed\",resumed=\"no\"} %" PRIu64 "\n", name, sum->tls_failures);
    add_one(t, "weir_tls_waits_total", "counter",
            "Steps of TLS handshakes that were put off, because others had been taken in the same turn.", sum->tls_waits);
}

/* A number of all clients, of which `h2` are of HTTP/2. */
static void add_protocols(struct api_text *t, const char *name, uint64_t all, uint64_t h2)
{
    api_text_printf(t, "%s{protocol=\"http1\"} %" PRIu64 "\n", name, all > h2 ? all - h2 : 0);
    api_text_printf(t, "%s{protocol=\"http2\"} %" PRIu64 "\n", name, h2);
}

static void add_clients(struct api_text *t, const struct process_stats *sum)
{
    static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

    add_one(t, "weir_accepted_total", "counter", "Client connections accepted.", sum->accepted);
    add_one(t, "weir_connection_limit_refused_total", "counter", "Client connections turned away because of connection_limit.",
            sum->limited_connections);
    add_family(t, "weir_connections", "gauge", "Client connections open.");
    add_protocols(t, "weir_connections", sum->connections, sum->h2_connections);
    add_one(t, "weir_http2_refused_total", "counter",
            "HTTP/2 connections ended because the client broke the rules, or did too much that leads nowhere.",
            sum->h2_refused);
    add_one(t, "weir_http2_stalled_total", "counter",
            "HTTP/2 streams ended because the client took nothing of their answers within timeouts.client_send.",
            sum->h2_stalled);
    add_handshakes(t, sum);
    add_family(t, "weir_requests_total", "counter", "Requests finished.");
    add_protocols(t, "weir_requests_total", sum->requests, sum->h2_requests);
    add_family(t, "weir_responses_total", "counter", "Responses by class of status; none: nothing was sent.");
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
        api_text_printf(t, "weir_responses_total{code=\"%s\"} %" PRIu64 "\n", classes[i], sum->responses[i]);
    add_one(t, "weir_received_bytes_total", "counter", "Bytes of request bodies.", sum->bytes_received);
    add_one(t, "weir_sent_bytes_total", "counter", "Bytes of response bodies.", sum->bytes_sent);
    add_family(t, "weir_request_duration_seconds", "histogram", "From a request's first byte to its end.");
    add_histogram(t, "weir_request_duration_seconds", STR_NONE, &sum->duration);
    add_family(t, "weir_shed_total", "counter", "Requests turned away because a worker was overloaded.");
    for (unsigned i = 0; i < PRIORITIES; i++)
        api_text_printf(t, "weir_shed_total{priority=\"%.*s\"} %" PRIu64 "\n",
                        STR_ARG(config_priority_name((enum route_priority)i)), sum->shed[i]);
    add_one(t, "weir_upstream_connects_total", "counter", "Connections made to upstream servers.",
            sum->upstream_connects);
    add_one(t, "weir_upstream_reuses_total", "counter", "Requests sent on a kept upstream connection.",
            sum->upstream_reuses);
    add_one(t, "weir_upstream_tls_handshakes_total", "counter", "TLS handshakes made with upstream servers.",
            sum->upstream_handshakes);
    add_one(t, "weir_upstream_tls_resumptions_total", "counter",
            "Those that went on with an earlier session.", sum->upstream_resumed);
    add_one(t, "weir_upstream_tls_failures_total", "counter", "TLS handshakes with upstream servers that failed.",
            sum->upstream_handshakes_failed);
    add_one(t, "weir_upstream_errors_total", "counter", "Attempts at upstream servers that failed.",
            sum->upstream_failures);
    add_one(t, "weir_circuit_breaker_refused_total", "counter",
            "Requests and retries that a circuit breaker did not let through.", sum->breaker_refused);
}

static void add_sticky(struct api_text *t, const struct process_stats *sum)
{
    static const char *const results[STICKY_RESULTS] = {
        [STICKY_KEPT] = "kept", [STICKY_NEW] = "new", [STICKY_MOVED] = "moved", [STICKY_FORGED] = "forged"};

    add_family(t, "weir_sticky_total", "counter",
               "Answers of sticky upstreams: from the server that the cookie names, to a client without one, from "
               "another server, to a cookie that names none.");
    for (size_t i = 0; i < STICKY_RESULTS; i++)
        api_text_printf(t, "weir_sticky_total{result=\"%s\"} %" PRIu64 "\n", results[i], sum->sticky[i]);
}

enum peer_family {
    FAMILY_UP,
    FAMILY_CHECK_OK,
    FAMILY_CHECK_TIME,
    FAMILY_ACTIVE,
    FAMILY_QUEUED,
    FAMILY_REQUESTS,
    FAMILY_FAILURES,
    FAMILY_RETRIES,
    FAMILY_LATENCY,
    FAMILY_FAMILIES
};

static const struct {
    const char *name, *type, *help;
} peer_families[FAMILY_FAMILIES] = {
    [FAMILY_UP] = {"weir_upstream_server_up", "gauge", "1: the server may get requests."},
    [FAMILY_CHECK_OK] = {"weir_upstream_check_ok", "gauge", "1: the last active check of the server passed."},
    [FAMILY_CHECK_TIME] = {"weir_upstream_check_timestamp_seconds", "gauge",
                           "When the last active check ended, seconds since 1970."},
    [FAMILY_ACTIVE] = {"weir_upstream_active", "gauge", "Requests being forwarded."},
    [FAMILY_QUEUED] = {"weir_upstream_queued", "gauge",
                       "Requests that wait for a place at any server; all at the first one."},
    [FAMILY_REQUESTS] = {"weir_upstream_requests_total", "counter", "Attempts sent to the server."},
    [FAMILY_FAILURES] = {"weir_upstream_failures_total", "counter", "Attempts that failed."},
    [FAMILY_RETRIES] = {"weir_upstream_retries_total", "counter", "Attempts that followed on a failed one."},
    [FAMILY_LATENCY] = {"weir_upstream_latency_seconds", "histogram", "Request sent to first byte of answer."},
};

static void add_peer(struct api_text *t, const struct request *req, enum peer_family family, struct str labels,
                     const struct peer_conf *peer, const struct peer_stats *stats)
{
    const char *name = peer_families[family].name;
    uint64_t value = family == FAMILY_UP ? str_eq(api_peer_state(req, peer), STR("up"))
                     : family == FAMILY_ACTIVE ? stats->active
                     : family == FAMILY_QUEUED ? stats->queued
                     : family == FAMILY_REQUESTS ? stats->requests
                     : family == FAMILY_RETRIES ? stats->retries
                                                : stats->failures;

    if (family == FAMILY_LATENCY) {
        add_histogram(t, name, labels, &stats->latency);
        return;
    }
    if ((family == FAMILY_CHECK_OK || family == FAMILY_CHECK_TIME) &&
        !api_check_metric(req, peer, family == FAMILY_CHECK_TIME, &value))
        return;
    api_text_printf(t, "%s{", name);
    api_text_add(t, labels);
    api_text_printf(t, "} %" PRIu64 "\n", value);
}

static struct str peer_labels(struct pool *pool, const struct upstream *upstream,
                              const struct peer_conf *peer)
{
    struct api_text t = {.pool = pool, .room = 128};

    t.text = pool_text(pool, t.room);
    api_text_label(&t, "upstream", upstream->name);
    api_text_add(&t, STR(","));
    api_text_label(&t, "server", peer->name);
    return (struct str){t.text, t.len};
}

/* The lines of one metric stand together, whatever the upstream (the format demands it). */
static void add_upstreams(struct api_text *t, const struct request *req)
{
    const struct config *config = req->config;
    struct api_peers *peers = pool_zalloc(req->pool, (config->upstream_count + 1) * sizeof(*peers));

    for (size_t i = 0; i < config->upstream_count; i++)
        peers[i] = api_peers(req, config->upstreams[i]);
    for (int family = 0; family < FAMILY_FAMILIES; family++) {
        add_family(t, peer_families[family].name, peer_families[family].type, peer_families[family].help);
        for (size_t i = 0; i < config->upstream_count; i++) {
            const struct upstream *upstream = config->upstreams[i];

            for (size_t k = 0; k < peers[i].count; k++)
                add_peer(t, req, (enum peer_family)family, peer_labels(req->pool, upstream, peers[i].confs[k]),
                         peers[i].confs[k], &peers[i].sums[k]);
        }
    }
}

void api_metrics(struct request *req)
{
    struct process_stats sum;
    struct api_text t;

    api_process_sum(req, &sum);
    api_text_init(&t, req->pool);
    add_instance(&t, req);
    add_workers(&t, req);
    add_clients(&t, &sum);
    add_sticky(&t, &sum);
    add_upstreams(&t, req);
    api_metrics_discovery(&t, req);
    api_metrics_caches(&t, req);
    api_metrics_certificates(&t, req);
    api_reply(req, 200, STR("text/plain; version=0.0.4; charset=utf-8"), (struct str){t.text, t.len}, NULL);
}
