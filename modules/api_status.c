/* api_status.c: the JSON of the runtime API: processes, listeners, upstreams. */
#include <unistd.h>

#include "config.h"
#include "core/board/board.h"
#include "modules/api.h"

static void add_latency(struct json *json, const struct stats_histogram *h)
{
    static const struct {
        const char *name;
        double part;
    } parts[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}};
    uint64_t count = 0;

    for (size_t i = 0; i < STATS_BUCKETS; i++)
        count += h->bucket[i];
    json_object(json, "latency_ms");
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        /* Nothing observed is not the same as fast. */
        if (count)
            json_real(json, parts[i].name, stats_quantile(h, parts[i].part));
        else
            json_null(json, parts[i].name);
    }
    json_object_end(json);
}

static void add_server(struct json *json, const struct request *req, const struct peer_conf *peer,
                       const struct peer_stats *stats)
{
    char address[ADDR_TEXT_MAX];

    json_object(json, NULL);
    json_str(json, "name", peer->name);
    json_str(json, "address", addr_print(&peer->address, address));
    json_str(json, "state", api_peer_state(req, peer));
    json_uint(json, "weight", api_peer_weight(req, peer));
    json_bool(json, "backup", peer->backup);
    json_uint(json, "active", stats->active);
    json_uint(json, "queued", stats->queued);
    json_uint(json, "requests", stats->requests);
    json_uint(json, "failures", stats->failures);
    json_uint(json, "retries", stats->retries);
    api_add_check(json, req, peer);
    api_add_ejected(json, req, peer);
    add_latency(json, &stats->latency);
    json_object_end(json);
}

static uint64_t sum_queued(const struct api_peers *peers)
{
    uint64_t queued = 0;

    for (size_t i = 0; i < peers->count; i++)
        queued += peers->sums[i].queued;
    return queued;
}

static void add_upstream(struct json *json, const struct request *req, const struct upstream *upstream)
{
    struct api_peers peers = api_peers(req, upstream);

    json_object(json, NULL);
    json_str(json, "name", upstream->name);
    json_str(json, "balance", str_of(config_balance_name(upstream->balance)));
    json_array(json, "servers");
    for (size_t i = 0; i < peers.count; i++)
        add_server(json, req, peers.confs[i], &peers.sums[i]);
    json_array_end(json);
    json_uint(json, "queued", sum_queued(&peers));
    api_discovery(json, req, upstream);
    json_object_end(json);
}

static void add_upstreams(struct json *json, const struct request *req)
{
    json_array(json, "upstreams");
    for (size_t i = 0; i < req->config->upstream_count; i++)
        add_upstream(json, req, req->config->upstreams[i]);
    json_array_end(json);
}

static void add_process(struct json *json, const struct board_process *process, uint64_t serve_from)
{
    json_object(json, NULL);
    json_int(json, "pid", process->pid);
    json_uint(json, "connections", process->stats.connections);
    json_uint(json, "requests", process->stats.requests - process->requests_before);
    json_uint(json, "index", process->index);
    json_uint(json, "generation", process->generation);
    json_int(json, "started", process->start_s);
    json_bool(json, "draining", process->generation < serve_from);
    json_object_end(json);
}

static void add_workers(struct json *json, const struct request *req)
{
    struct board *board = req->worker->board;
    unsigned end = board ? board_process_end(board) : 0;

    json_array(json, "workers");
    for (unsigned slot = 0; slot < end; slot++) {
        const struct board_process *process = board_process(board, slot);

        if (__atomic_load_n(&process->role, __ATOMIC_ACQUIRE) == BOARD_WORKER)
            add_process(json, process, board_serve_from(board));
    }
    json_array_end(json);
}

static void add_listener(struct json *json, const struct listener_conf *listener)
{
    char address[ADDR_TEXT_MAX];

    json_object(json, NULL);
    json_str(json, "address", listener->text.len ? listener->text : addr_print(&listener->address, address));
    json_bool(json, "admin", listener->admin);
    json_bool(json, "tls", listener->tls != NULL);
    json_object_end(json);
}

static void add_listeners(struct json *json, const struct config *config)
{
    json_array(json, "listeners");
    for (size_t i = 0; i < config->listener_count; i++)
        add_listener(json, &config->listeners[i]);
    json_array_end(json);
}

static void add_totals(struct json *json, const struct process_stats *sum)
{
    static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

    json_uint(json, "connections", sum->connections);
    json_uint(json, "http2_connections", sum->h2_connections);
    json_uint(json, "accepted", sum->accepted);
    json_uint(json, "tls_handshakes", sum->tls_handshakes);
    json_uint(json, "tls_resumptions", sum->tls_resumptions);
    json_uint(json, "tls_failures", sum->tls_failures);
    json_uint(json, "requests", sum->requests);
    json_uint(json, "http2_requests", sum->h2_requests);
    json_uint(json, "bytes_received", sum->bytes_received);
    json_uint(json, "bytes_sent", sum->bytes_sent);
    json_object(json, "responses");
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
        json_uint(json, classes[i], sum->responses[i]);
    json_object_end(json);
    add_latency(json, &sum->duration);
}

void api_status(struct request *req)
{
    const struct board *board = req->worker->board;
    pid_t master = board ? board_master_pid(board) : 0;
    struct process_stats sum;
    struct json json;

    api_process_sum(req, &sum);
    json_init(&json, req->pool);
    json_object(&json, NULL);
    json_str(&json, "version", STR(PACKAGE_VERSION));
    json_int(&json, "pid", master > 0 ? master : getppid());
    json_int(&json, "started", board ? board_started_s(board) : 0);
    json_uint(&json, "generation", board ? board_serve_from(board) : 0);
    json_uint(&json, "restarts", board ? board_restarts(board) : 0);
    add_totals(&json, &sum);
    add_workers(&json, req);
    add_listeners(&json, req->config);
    add_upstreams(&json, req);
    api_certificates(&json, req);
    api_add_caches(&json, req);
    json_object_end(&json);
    api_reply_json(req, 200, &json);
}

void api_upstreams(struct request *req)
{
    struct json json;

    json_init(&json, req->pool);
    json_object(&json, NULL);
    add_upstreams(&json, req);
    json_object_end(&json);
    api_reply_json(req, 200, &json);
}

void api_upstream(struct request *req, struct str name)
{
    struct json json;

    for (size_t i = 0; i < req->config->upstream_count; i++) {
        if (!str_eq(req->config->upstreams[i]->name, name))
            continue;
        json_init(&json, req->pool);
        add_upstream(&json, req, req->config->upstreams[i]);
        api_reply_json(req, 200, &json);
        return;
    }
    api_reply_error(req, 404, STR("There is no upstream of that name."), STR_NONE);
}
