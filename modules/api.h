/*
 * api.h: the runtime API's parts, for handler_api.c and the api_*.c files alone.  All of them read the
 * configuration and the board; nothing here waits but a command to the master.
 */
#ifndef WEIR_MODULES_API_H
#define WEIR_MODULES_API_H

#include "core/admin.h"
#include "core/json.h"
#include "core/request.h"
#include "core/board/stats.h"
#include "core/upstream/upstream.h"
#include "core/worker.h"

/* A text that grows in a pool. */
struct api_text {
    struct pool *pool;
    char *text;
    size_t len, room;
};

void api_text_init(struct api_text *, struct pool *pool);
void api_text_add(struct api_text *, struct str s);
/* printf of short things: cut at 255 bytes. */
void api_text_printf(struct api_text *, const char *fmt, ...) WEIR_PRINTF(2, 3);

/* NAME="VALUE" of a metric, the value escaped. */
void api_text_label(struct api_text *, const char *name, struct str value);

/* Ends the request with a body that nobody may keep; `more` are further fields, NULL when there are none. */
void api_reply(struct request *, unsigned status, struct str type, struct str body,
               const struct header_list *more);
void api_reply_json(struct request *, unsigned status, const struct json *);

/* {"error": TEXT}; `allow` is the Allow field of a 405, else empty. */
void api_reply_error(struct request *, unsigned status, struct str text, struct str allow);

/* A name in a normalised path, its escapes decoded, '/' and all, in the request's pool; false: empty, or not text. */
bool api_name(const struct request *, struct str segment, struct str *name);

/* GET /api/v1/status. */
void api_status(struct request *);

/* GET /api/v1/upstreams; with `name` one of them, or 404. */
void api_upstreams(struct request *);
void api_upstream(struct request *, struct str name);

/* GET /metrics: the Prometheus text format 0.0.4. */
void api_metrics(struct request *);

/* GET /: one page without outside resources. */
void api_dashboard(struct request *);

/* The command of POST /api/v1/NAME; -1: there is none. */
int api_command_of(struct str name);

/* Asks the master and answers when it has: 200 or 409 {"ok", "text"}. */
void api_command(struct request *, enum admin_command);

/* What the handler keeps of a call that is not answered yet. */
struct api_pending {
    void (*body)(struct request *, struct str bytes, bool last); /* NULL: the body is dropped */
    void (*abort)(struct request *); /* the client is gone; NULL: nothing is to be given up */
};

/* Sums over all processes; where there is no board, this process's own. */
void api_process_sum(const struct request *, struct process_stats *);

/* The servers an upstream has at this moment, also those that are in no file, with their sums. */
struct api_peers {
    const struct peer_conf **confs;
    struct peer_stats *sums;
    size_t count;
};

/* In the request's pool. */
struct api_peers api_peers(const struct request *, const struct upstream *);

/* The member "check" {"ok", "reason", "at"}: null where the server was not checked. */
void api_add_check(struct json *, const struct request *, const struct peer_conf *);

/* The member "ejected": null, or {"reason", "until"} (seconds since 1970) while passive health keeps it out. */
void api_add_ejected(struct json *, const struct request *, const struct peer_conf *);

/* Whether the last check passed, or `when` it ended (seconds since 1970), in *value; false: there was none. */
bool api_check_metric(const struct request *, const struct peer_conf *, bool when, uint64_t *value);

/* Its words on the board; zeroes where it has none. */
const struct peer_shared *api_peer_shared(const struct request *, const struct peer_conf *);

/* "up", "down", "drain" ...: what the server is at this moment. */
struct str api_peer_state(const struct request *, const struct peer_conf *);

/* The weight in force. */
unsigned api_peer_weight(const struct request *, const struct peer_conf *);

/* How servers are found: an array "discovery" of an upstream, the metrics of all. */
void api_discovery(struct json *, const struct request *, const struct upstream *);
void api_metrics_discovery(struct api_text *, const struct request *);

/* When certificates end: an array "certificates", and the metric. */
void api_certificates(struct json *, const struct request *);
void api_metrics_certificates(struct api_text *, const struct request *);

/* The caches: an array "caches", a page with it alone, the metrics. */
void api_add_caches(struct json *, const struct request *);
void api_caches(struct request *);
void api_metrics_caches(struct api_text *, const struct request *);

/* POST /api/v1/cache/NAME/purge: answers when the purge is on the disk.  GET /api/v1/cache/why?url=URL. */
void api_cache_purge(struct request *, struct str name, struct str body, bool last);
void api_cache_why(struct request *);

/*
 * The body's type is application/json.  A page of another origin can send a body without asking first, but none of this
 * type: browsers that send neither Origin nor Sec-Fetch-Site are kept out by it.
 */
bool api_is_json(const struct request *);

/* A name whose addresses are servers of their own now. */
bool api_stands_for_others(const struct request *, const struct peer_conf *);

/*
 * Calls under /api/v1/upstreams/NAME/servers and GET /api/v1/changes.  Whether `path` is one: it is answered then, or
 * when its body has come.
 */
bool api_servers(struct request *, struct str path, struct str body, bool last);

#endif
