/* api_caches.c: the caches: what they hold and what became of requests, as JSON and as metrics. */
#include <inttypes.h>

#include "core/board/board_cache.h"
#include "core/cache/cache.h"
#include "modules/api.h"

/* What is known of one. */
struct shown {
    const struct cache_conf *conf;
    struct cache_stats stats;
    struct board_cache_size size;
    uint64_t bytes, objects;
    unsigned prefixes; /* of purges, that are kept in mind */
    bool usable; /* by this process */
};

static struct shown look(const struct request *req, const struct cache_conf *conf)
{
    struct board *board = req->worker->board;
    struct cache *cache = &req->worker->caches->all[conf->index];
    unsigned slot = (unsigned)conf->board_slot;
    struct shown s = {.conf = conf, .usable = cache_is_open(cache) && cache_is_readable(cache)};
    const struct board_cache_size *size = board ? board_cache_size(board, slot) : NULL;

    if (!size)
        return s;
    board_cache_sum_stats(board, slot, &s.stats);
    s.bytes = board_cache_bytes(board, slot);
    s.objects = board_cache_objects(board, slot);
    s.size.evicted_objects = size->evicted_objects;
    s.size.evicted_bytes = size->evicted_bytes;
    s.size.purged_objects = size->purged_objects;
    s.size.walks = size->walks;
    s.size.is_known = size->is_known;
    s.prefixes = cache->purge ? purge_listed(cache->purge) : 0;
    return s;
}

/* ---- JSON ---- */

static void add_results(struct json *json, const struct cache_stats *stats)
{
    uint64_t all = 0;

    json_object(json, "results");
    for (size_t i = 0; i < CACHE_RESULTS; i++) {
        json_name(json, cache_result_name((enum cache_result)i));
        json_uint(json, NULL, stats->results[i]);
        all += stats->results[i];
    }
    json_object_end(json);
    json_uint(json, "requests", all);
}

static void add_cache(struct json *json, const struct request *req, const struct cache_conf *conf)
{
    struct shown s = look(req, conf);

    json_object(json, NULL);
    json_str(json, "name", conf->name);
    json_str(json, "path", conf->path);
    json_bool(json, "usable", s.usable);
    json_uint(json, "size", conf->size);
    json_uint(json, "bytes", s.bytes);
    json_uint(json, "objects", s.objects);
    json_bool(json, "counted", s.size.is_known != 0);
    add_results(json, &s.stats);
    json_uint(json, "hot", s.stats.hot);
    json_uint(json, "fetches", s.stats.fetches);
    json_uint(json, "collapsed", s.stats.collapsed);
    json_uint(json, "stored", s.stats.stored);
    json_uint(json, "not_stored", s.stats.failed + s.stats.refused);
    json_uint(json, "faults", s.stats.faults);
    json_uint(json, "evicted", s.size.evicted_objects);
    json_uint(json, "evicted_bytes", s.size.evicted_bytes);
    json_uint(json, "purges", s.stats.purges);
    json_uint(json, "purged", s.size.purged_objects);
    json_uint(json, "prefixes", s.prefixes);
    json_object_end(json);
}

void api_add_caches(struct json *json, const struct request *req)
{
    json_array(json, "caches");
    for (size_t i = 0; i < req->config->cache_count; i++)
        add_cache(json, req, &req->config->caches[i]);
    json_array_end(json);
}

void api_caches(struct request *req)
{
    struct json json;

    json_init(&json, req->pool);
    json_object(&json, NULL);
    api_add_caches(&json, req);
    json_object_end(&json);
    api_reply_json(req, 200, &json);
}

/* ---- metrics ---- */

static const struct {
    const char *name, *type, *help;
} families[] = {
    {"weir_cache_bytes", "gauge", "Bytes of the disk, or of memory, that the cache holds."},
    {"weir_cache_objects", "gauge", "Objects that it holds."},
    {"weir_cache_size_bytes", "gauge", "What it may hold."},
    {"weir_cache_fetches_total", "counter", "Requests to upstreams on behalf of all who wait for the answer."},
    {"weir_cache_collapsed_total", "counter", "Requests that waited for the answer to another one."},
    {"weir_cache_hot_hits_total", "counter", "Hits that needed no file."},
    {"weir_cache_stored_total", "counter", "Objects that were stored."},
    {"weir_cache_store_failures_total", "counter",
     "Answers that could have been stored but were not: the disk, the room, or a purge that came meanwhile."},
    {"weir_cache_faults_total", "counter", "Faults of the files, when writing and reading."},
    {"weir_cache_evicted_total", "counter", "Objects that had to make room for others."},
    {"weir_cache_evicted_bytes_total", "counter", "Bytes of them."},
    {"weir_cache_purges_total", "counter", "Purges by the runtime API and by `purge` routes."},
    {"weir_cache_purged_total", "counter", "Objects that were removed because of a purge."},
    {"weir_cache_purge_prefixes", "gauge", "Prefixes that were purged and are kept in mind; at most 256."},
};

static void values_of(const struct shown *s, uint64_t values[ARRAY_SIZE(families)])
{
    const uint64_t all[ARRAY_SIZE(families)] = {
        s->bytes,
        s->objects,
        s->conf->size,
        s->stats.fetches,
        s->stats.collapsed,
        s->stats.hot,
        s->stats.stored,
        s->stats.failed + s->stats.refused,
        s->stats.faults,
        s->size.evicted_objects,
        s->size.evicted_bytes,
        s->stats.purges,
        s->size.purged_objects,
        s->prefixes,
    };

    memcpy(values, all, sizeof(all));
}

static void add_line(struct api_text *t, const char *name, const struct cache_conf *conf, uint64_t value)
{
    api_text_printf(t, "%s{", name);
    api_text_label(t, "cache", conf->name);
    api_text_printf(t, "} %" PRIu64 "\n", value);
}

static void add_requests(struct api_text *t, const struct shown *s)
{
    for (size_t i = 0; i < CACHE_RESULTS; i++) {
        api_text_add(t, STR("weir_cache_requests_total{"));
        api_text_label(t, "cache", s->conf->name);
        api_text_add(t, STR(","));
        api_text_label(t, "result", cache_result_name((enum cache_result)i));
        api_text_printf(t, "} %" PRIu64 "\n", s->stats.results[i]);
    }
}

void api_metrics_caches(struct api_text *t, const struct request *req)
{
    size_t count = req->config->cache_count;
    struct shown *all = pool_alloc(req->pool, (count + 1) * sizeof(*all));
    uint64_t(*values)[ARRAY_SIZE(families)] = pool_alloc(req->pool, (count + 1) * sizeof(*values));

    if (count == 0)
        return;
    api_text_add(t, STR("# HELP weir_cache_requests_total Requests at a cache, by what became of them: hits, and the "
                        "reasons of RFC 9211 for which an upstream was asked.\n"
                        "# TYPE weir_cache_requests_total counter\n"));
    for (size_t i = 0; i < count; i++) {
        all[i] = look(req, &req->config->caches[i]);
        values_of(&all[i], values[i]);
        add_requests(t, &all[i]);
    }
    for (size_t k = 0; k < ARRAY_SIZE(families); k++) {
        api_text_printf(t, "# HELP %s %s\n", families[k].name, families[k].help);
        api_text_printf(t, "# TYPE %s %s\n", families[k].name, families[k].type);
        for (size_t i = 0; i < count; i++)
            add_line(t, families[k].name, all[i].conf, values[i][k]);
    }
}
