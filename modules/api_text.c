/* api_text.c: text and answers of the runtime API, and the sums that several of its parts need. */
#include <stdarg.h>
#include <stdio.h>

#include "core/board/board.h"
#include "core/reply.h"
#include "http/status.h"
#include "modules/api.h"

/* Fields of an answer: what is set here, Date, and what the route adds. */
#define API_FIELDS_MAX 40

void api_text_init(struct api_text *t, struct pool *pool)
{
    *t = (struct api_text){.pool = pool, .room = 4096};
    t->text = pool_text(pool, t->room);
}

void api_text_add(struct api_text *t, struct str s)
{
    t->text = pool_text_grow(t->pool, t->text, t->len, &t->room, s.len);
    if (s.len)
        memcpy(t->text + t->len, s.s, s.len);
    t->len += s.len;
}

void api_text_printf(struct api_text *t, const char *fmt, ...)
{
    char line[256];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    if (n > 0)
        api_text_add(t, (struct str){line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1});
}

/* Backslash, quote and line feed are escaped. */
void api_text_label(struct api_text *t, const char *name, struct str value)
{
    size_t begin = 0;

    api_text_printf(t, "%s=\"", name);
    for (size_t i = 0; i < value.len; i++) {
        const char *escape = value.s[i] == '\\' ? "\\\\" : value.s[i] == '"' ? "\\\"" : "\\n";

        if (value.s[i] != '\\' && value.s[i] != '"' && value.s[i] != '\n')
            continue;
        api_text_add(t, (struct str){value.s + begin, i - begin});
        api_text_add(t, str_of(escape));
        begin = i + 1;
    }
    api_text_add(t, (struct str){value.s + begin, value.len - begin});
    api_text_add(t, STR("\""));
}

void api_reply(struct request *req, unsigned status, struct str type, struct str body,
               const struct header_list *more)
{
    struct message head = {.status = status, .reason = status_reason(status), .minor = 1};
    struct frame frame = {.kind = FRAME_LENGTH, .length = body.len};
    int full = 0;

    req->own_reply = true;
    header_list_init(&head.headers, req->pool, API_FIELDS_MAX);
    full |= header_add(&head.headers, STR("Content-Type"), type);
    full |= header_add(&head.headers, STR("Cache-Control"), STR("no-store"));
    full |= header_add(&head.headers, STR("X-Content-Type-Options"), STR("nosniff"));
    full |= header_add(&head.headers, STR("X-Request-Id"), request_id(req));
    if (status >= 400) {
        req->error = reply_error_type(status);
        full |= header_add(&head.headers, STR("Proxy-Status"),
                           pool_printf(req->pool, "weir; error=%s", req->error));
    }
    for (size_t i = 0; more && i < more->count; i++)
        full |= header_add(&head.headers, more->items[i].name, more->items[i].value);
    if (full) {
        req->out->abort(req, "the API's answer has too many fields");
        return;
    }
    /* The whole answer: nothing follows that would have to wait. */
    (void)!request_send_head(req, &head, &frame, body, true);
}

void api_reply_json(struct request *req, unsigned status, const struct json *json)
{
    api_reply(req, status, STR("application/json"), json_text(json), NULL);
}

void api_reply_error(struct request *req, unsigned status, struct str text, struct str allow)
{
    struct header_list more;
    struct json json;
    bool has_allow;

    header_list_init(&more, req->pool, 1);
    has_allow = allow.len > 0 && header_add(&more, STR("Allow"), allow) == 0;
    json_init(&json, req->pool);
    json_object(&json, NULL);
    json_str(&json, "error", text);
    json_object_end(&json);
    api_reply(req, status, STR("application/json"), json_text(&json), has_allow ? &more : NULL);
}

bool api_name(const struct request *req, struct str segment, struct str *name)
{
    char *text = pool_text(req->pool, segment.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < segment.len; i++, len++) {
        bool escaped = segment.s[i] == '%' && segment.len - i > 2;
        int high = escaped ? hex_digit(segment.s[i + 1]) : -1, low = escaped ? hex_digit(segment.s[i + 2]) : -1;

        text[len] = high >= 0 && low >= 0 ? (char)(high * 16 + low) : segment.s[i];
        i += high >= 0 && low >= 0 ? 2 : 0;
        if (text[len] == '\0')
            return false;
    }
    *name = (struct str){text, len};
    return len > 0;
}

bool api_is_json(const struct request *req)
{
    const struct header *h = header_find_name(&req->head.headers, STR("Content-Type"));
    struct str type = h ? h->value : STR_NONE;
    const char *end = type.len ? memchr(type.s, ';', type.len) : NULL;

    if (end)
        type.len = (size_t)(end - type.s);
    return str_ieq(str_trim(type), STR("application/json"));
}

void api_process_sum(const struct request *req, struct process_stats *sum)
{
    if (req->worker->board)
        board_process_sum(req->worker->board, sum);
    else
        *sum = *req->worker->stats;
}

/* Who waits is told of at the first server, wherever it is counted. */
static void add_queued(const struct request *req, const struct peer_conf *counter, struct api_peers *peers)
{
    struct peer_stats sum;

    if (counter->board_slot < 0 || peers->count == 0)
        return;
    for (size_t i = 0; i < peers->count; i++)
        if (peers->confs[i]->board_slot == counter->board_slot)
            return;
    board_peer_sums(req->worker->board, &counter->board_slot, 1, &sum);
    peers->sums[0].queued += sum.queued;
}

struct api_peers api_peers(const struct request *req, const struct upstream *upstream)
{
    struct upstream_state *state = upstream_state(req->worker->upstreams, upstream);
    struct api_peers peers = {.count = 0};
    int *slots;

    upstream_look(state);
    peers.confs = pool_alloc(req->pool, (state->peer_count + 1) * sizeof(*peers.confs));
    slots = pool_alloc(req->pool, (state->peer_count + 1) * sizeof(*slots));
    for (size_t i = 0; i < state->peer_count; i++)
        if (state->peers[i]->status != PEER_GONE && !api_stands_for_others(req, state->peers[i]->conf)) {
            slots[peers.count] = state->peers[i]->conf->board_slot;
            peers.confs[peers.count++] = state->peers[i]->conf;
        }
    peers.sums = pool_zalloc(req->pool, (peers.count + 1) * sizeof(*peers.sums));
    if (req->worker->board) {
        board_peer_sums(req->worker->board, slots, peers.count, peers.sums);
        add_queued(req, state->queue_peer->conf, &peers);
    }
    return peers;
}

const struct peer_shared *api_peer_shared(const struct request *req, const struct peer_conf *peer)
{
    static const struct peer_shared nothing;

    if (req->worker->board && peer->board_slot >= 0)
        return board_peer_shared(req->worker->board, (unsigned)peer->board_slot);
    return &nothing;
}

struct str api_peer_state(const struct request *req, const struct peer_conf *peer)
{
    return peer_status_name(peer_status_of(peer, api_peer_shared(req, peer), req->worker->loop->clock.mono_ms));
}

unsigned api_peer_weight(const struct request *req, const struct peer_conf *peer)
{
    return peer_weight_of(peer, api_peer_shared(req, peer));
}
