/* api_servers.c: calls that change servers at run time, and the list of changes. */
#include <stdio.h>

#include "core/discovery/changes.h"
#include "core/json_read.h"
#include "modules/api.h"

#define UPSTREAMS STR("/api/v1/upstreams/")

/* A call whose body may still come. */
struct servers_call {
    struct api_pending pending; /* first: what the handler sees */
    struct str upstream, server; /* server is empty for POST */
    enum { SERVERS_ADD, SERVERS_SET, SERVERS_REMOVE } what;
    char *body;
    size_t len;
};

/* ---- answers ---- */

static void answer_error(struct request *req, enum change_outcome outcome, const char *error)
{
    unsigned status = outcome == CHANGE_BAD ? 400 : outcome == CHANGE_UNKNOWN ? 404 : 409;

    api_reply_error(req, status, str_of(error), STR_NONE);
}

static void answer_done(struct request *req, struct changes *changes, unsigned status, const char *text)
{
    const char *why = changes_unsaved(changes);
    struct json json;

    json_init(&json, req->pool);
    json_object(&json, NULL);
    json_bool(&json, "ok", true);
    json_str(&json, "text", str_of(text));
    json_bool(&json, "saved", !why);
    if (why)
        json_str(&json, "warning",
                 pool_printf(req->pool, "It holds until Weir is stopped, but it is not saved: %s.", why));
    json_object_end(&json);
    api_reply_json(req, status, &json);
}

/* NULL: answered. */
static struct changes *changes_of(struct request *req)
{
    struct admin *admin = req->worker->admin;
    struct changes *changes = admin && admin->changes ? admin->changes(admin) : NULL;

    if (!changes)
        api_reply_error(req, 409, STR("Another generation begins or has begun to serve; ask again."),
                        STR_NONE);
    return changes;
}

static void call_run(struct request *req, const struct servers_call *call)
{
    struct changes *changes = changes_of(req);
    enum change_outcome outcome = CHANGE_BAD;
    struct json_members members;
    char text[CHANGE_TEXT_MAX] = "The body: ", *why = text + strlen(text);

    if (!changes)
        return;
    if (call->what == SERVERS_REMOVE)
        outcome = changes_remove(changes, call->upstream, call->server, text);
    else if (json_read(req->pool, (struct str){call->body, call->len}, &members, why,
                       sizeof(text) - (size_t)(why - text)) < 0)
        outcome = CHANGE_BAD;
    else if (call->what == SERVERS_ADD)
        outcome = changes_add(changes, call->upstream, &members, text);
    else
        outcome = changes_set(changes, call->upstream, call->server, &members, text);
    if (outcome == CHANGE_DONE) {
        /* Who asks later why a server has no requests finds it here. */
        log_write(req->worker->log, LOG_LEVEL_NOTICE, "runtime API: %s", text);
        answer_done(req, changes, call->what == SERVERS_ADD ? 201 : 200, text);
    } else {
        answer_error(req, outcome, text);
    }
}

/* ---- bodies ---- */

static void call_body(struct request *req, struct str bytes, bool last)
{
    struct servers_call *call = req->handler_data;

    if (call->len + bytes.len > JSON_READ_MAX) {
        req->handler_data = NULL;
        api_reply_error(req, 413, STR("The body of a call is at most 16 KiB."), STR_NONE);
        return;
    }
    if (bytes.len)
        memcpy(call->body + call->len, bytes.s, bytes.len);
    call->len += bytes.len;
    if (!last) {
        req->out->credit(req, JSON_READ_MAX);
        return;
    }
    req->handler_data = NULL;
    call_run(req, call);
}

/* ---- who is meant ---- */

/* The upstream and server of "/NAME/servers[/SERVER]"; false: it is not of that form. */
static bool call_names(struct request *req, struct str rest, struct servers_call *call)
{
    const char *end = memchr(rest.s + 1, '/', rest.len - 1);
    struct str tail;

    if (!end || !api_name(req, (struct str){rest.s + 1, (size_t)(end - rest.s) - 1}, &call->upstream))
        return false;
    tail = str_from(rest, (size_t)(end - rest.s));
    call->server = STR_NONE;
    if (str_eq(tail, STR("/servers")))
        return true;
    if (!str_has_prefix(tail, STR("/servers/")) || memchr(tail.s + 9, '/', tail.len - 9))
        return false;
    return api_name(req, str_from(tail, 9), &call->server);
}

/* The method, 0; else answered. */
static int call_method(struct request *req, struct servers_call *call)
{
    struct str method = req->head.method;

    if (call->server.len == 0) {
        call->what = SERVERS_ADD;
        if (str_eq(method, STR("POST")))
            return 0;
        api_reply_error(req, 405, STR("A server is added with POST; the upstream's page shows them all."),
                        STR("POST"));
        return -1;
    }
    call->what = str_eq(method, STR("DELETE")) ? SERVERS_REMOVE : SERVERS_SET;
    if (call->what == SERVERS_REMOVE || str_eq(method, STR("PATCH")))
        return 0;
    api_reply_error(req, 405, STR("A server is changed with PATCH and taken out with DELETE."),
                    STR("PATCH, DELETE"));
    return -1;
}

static void call_start(struct request *req, struct servers_call *call, struct str body, bool last)
{
    if (call_method(req, call) < 0)
        return;
    if (call->what == SERVERS_REMOVE) {
        call_run(req, call);
        return;
    }
    if (!api_is_json(req)) {
        api_reply_error(req, 415, STR("Say Content-Type: application/json."), STR_NONE);
        return;
    }
    call->body = pool_text(req->pool, JSON_READ_MAX);
    call->pending.body = call_body;
    req->handler_data = call;
    call_body(req, body, last);
}

/* ---- changes ---- */

static void answer_changes(struct request *req)
{
    struct changes *changes = changes_of(req);
    struct json json;

    if (!changes)
        return;
    json_init(&json, req->pool);
    json_object(&json, NULL);
    changes_write(changes, &json);
    json_bool(&json, "saved", !changes_unsaved(changes));
    json_str(&json, "file", changes_path(changes));
    if (changes_unsaved(changes))
        json_str(&json, "warning", str_of(changes_unsaved(changes)));
    json_object_end(&json);
    api_reply_json(req, 200, &json);
}

bool api_servers(struct request *req, struct str path, struct str body, bool last)
{
    struct servers_call *call;

    if (str_eq(path, STR("/api/v1/changes"))) {
        if (str_eq(req->head.method, STR("GET")) || str_eq(req->head.method, STR("HEAD")))
            answer_changes(req);
        else
            api_reply_error(req, 405, STR("This page is only read: use GET."), STR("GET, HEAD"));
        return true;
    }
    if (!str_has_prefix(path, UPSTREAMS) || path.len == UPSTREAMS.len)
        return false;
    call = pool_zalloc(req->pool, sizeof(*call));
    if (!call_names(req, str_from(path, UPSTREAMS.len - 1), call))
        return false;
    call_start(req, call, body, last);
    return true;
}
