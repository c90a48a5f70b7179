/* api_cache_purge.c: POST /api/v1/cache/NAME/purge. */
#include <string.h>

#include "core/cache/cache_purge.h"
#include "core/json_read.h"
#include "modules/api.h"

struct purge_call {
    struct api_pending pending; /* first: what the handler sees */
    struct cache_purge_wait wait;
    struct request *req;
    struct cache *cache;
    enum cache_purge_what what;
    enum purge_kind kind;
    struct str value;
    char *body;
    size_t len;
};

/* ---- answers ---- */

static void fail(struct purge_call *call, unsigned status, struct str text)
{
    call->req->handler_data = NULL;
    api_reply_error(call->req, status, text, STR_NONE);
}

static void answer(struct purge_call *call)
{
    struct request *req = call->req;
    struct str what = cache_purge_text(call->what, call->value, req->pool);
    struct str text = pool_printf(req->pool, "cache \"%.*s\": purged %.*s%s", STR_ARG(call->cache->conf->name),
                                  STR_ARG(what), call->kind == PURGE_SOFT ? ", softly" : "");
    bool saved = call->wait.outcome == CACHE_PURGE_DONE;
    struct json json;

    /* Who asks later why nothing is stored finds it here. */
    log_write(req->worker->log, LOG_LEVEL_NOTICE, "runtime API: %.*s", STR_ARG(text));
    json_init(&json, req->pool);
    json_object(&json, NULL);
    json_bool(&json, "ok", true);
    json_str(&json, "text", text);
    json_bool(&json, "saved", saved);
    if (!saved)
        json_str(&json, "warning",
                 pool_printf(req->pool, "It holds until Weir is stopped, but it is not saved: %s: %s.",
                             call->wait.fault.what, strerror(call->wait.fault.number)));
    json_object_end(&json);
    api_reply_json(req, 200, &json);
}

static void on_purged(struct cache_purge_wait *wait)
{
    struct purge_call *call = container_of(wait, struct purge_call, wait);

    call->req->handler_data = NULL;
    if (wait->outcome == CACHE_PURGE_FULL)
        fail(call, 409,
             STR("The list of prefixes is full: it has 256, which are kept until the files that they are about are gone. "
                 "Try later, or purge by tag, by key or all."));
    else
        answer(call);
}

static void purge_abort(struct request *req)
{
    struct purge_call *call = req->handler_data;

    cache_purge_forget(&call->wait);
}

/* ---- the question ---- */

/* NULL, or what is wrong. */
static const char *read_what(struct purge_call *call, const struct json_members *members)
{
    static const struct {
        const char *name;
        enum cache_purge_what what;
        enum json_read_type type;
    } kinds[] = {
        {"key", CACHE_PURGE_KEY, JSON_READ_TEXT},
        {"prefix", CACHE_PURGE_PREFIX, JSON_READ_TEXT},
        {"tag", CACHE_PURGE_TAG, JSON_READ_TEXT},
        {"all", CACHE_PURGE_ALL, JSON_READ_BOOL},
    };
    const struct json_member *soft = json_member(members, "soft"), *found = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const struct json_member *m = json_member(members, kinds[i].name);

        if (!m)
            continue;
        if (found)
            return "Name one of \"key\", \"prefix\", \"tag\" and \"all\".";
        if (m->type != kinds[i].type || (m->type == JSON_READ_BOOL && !m->truth))
            return "\"key\", \"prefix\" and \"tag\" are texts, \"all\" is true.";
        found = m;
        call->what = kinds[i].what;
        call->value = m->type == JSON_READ_TEXT ? m->text : STR_NONE;
    }
    if (!found)
        return "Say what is to be purged: {\"key\": \"...\"}, {\"prefix\": \"...\"}, {\"tag\": \"...\"} or {\"all\": true}.";
    if (soft && soft->type != JSON_READ_BOOL)
        return "\"soft\" is true or false.";
    if (members->count != 1 + (size_t)(soft != NULL))
        return "There are members beside \"key\", \"prefix\", \"tag\" or \"all\", and \"soft\".";
    call->kind = soft && soft->truth ? PURGE_SOFT : PURGE_HARD;
    return NULL;
}

static void run(struct purge_call *call)
{
    struct request *req = call->req;
    struct json_members members;
    char text[256] = "The body: ", *why = text + strlen(text);
    const char *wrong;

    if (json_read(req->pool, (struct str){call->body, call->len}, &members, why, sizeof(text) - strlen(text)) < 0) {
        fail(call, 400, pool_str(req->pool, str_of(text)));
        return;
    }
    wrong = read_what(call, &members);
    if (wrong) {
        fail(call, 400, str_of(wrong));
        return;
    }
    call->pending.body = NULL;
    call->pending.abort = purge_abort;
    call->wait.done = on_purged;
    if (cache_purge_begin(call->cache, call->what, call->value, call->kind, &call->wait) < 0)
        fail(call, call->cache->store && call->cache->purge ? 400 : 409,
             pool_printf(req->pool, "The cache \"%.*s\" cannot be purged so: %s.", STR_ARG(call->cache->conf->name),
                         call->wait.why));
}

static void on_body(struct request *req, struct str bytes, bool last)
{
    struct purge_call *call = req->handler_data;

    if (call->len + bytes.len > JSON_READ_MAX) {
        fail(call, 413, STR("The body of a call is at most 16 KiB."));
        return;
    }
    if (bytes.len)
        memcpy(call->body + call->len, bytes.s, bytes.len);
    call->len += bytes.len;
    if (last)
        run(call);
    else
        req->out->credit(req, JSON_READ_MAX);
}

void api_cache_purge(struct request *req, struct str name, struct str body, bool last)
{
    struct caches *all = req->worker->caches;
    struct purge_call *call;
    size_t i = 0;

    while (i < req->config->cache_count && !str_eq(req->config->caches[i].name, name))
        i++;
    if (i == req->config->cache_count) {
        api_reply_error(req, 404, STR("There is no cache of that name."), STR_NONE);
        return;
    }
    if (!str_eq(req->head.method, STR("POST"))) {
        api_reply_error(req, 405, STR("This is a command: use POST."), STR("POST"));
        return;
    }
    if (!api_is_json(req)) {
        api_reply_error(req, 415, STR("Say Content-Type: application/json."), STR_NONE);
        return;
    }
    call = pool_zalloc(req->pool, sizeof(*call));
    call->req = req;
    call->cache = &all->all[i];
    call->body = pool_text(req->pool, JSON_READ_MAX);
    call->pending.body = on_body;
    req->handler_data = call;
    on_body(req, body, last);
}
