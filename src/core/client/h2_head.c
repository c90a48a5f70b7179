/* h2_head.c: see h2_head.h. */
#include "core/client/h2_head.h"

#include "http/bytes.h"
#include "http/h1_parse.h"

#define COOKIE_ROOM 256
#define CRUMB_END STR("; ")

void h2_head_init(struct h2_head *h, struct message *message, struct pool *pool, const struct h1_limits *limits)
{
    *h = (struct h2_head){.message = message, .pool = pool, .limits = limits};
    *message = (struct message){.minor = 1};
    header_list_init(&message->headers, pool, limits->fields + H1_PARSE_SPARE_FIELDS);
}

static void malformed(struct h2_head *h, const char *why)
{
    if (!h->bad)
        h->bad = why;
}

static struct str copy(struct h2_head *h, struct str s)
{
    char *text = pool_text(h->pool, s.len);

    if (s.len > 0)
        memcpy(text, s.s, s.len);
    return (struct str){text, s.len};
}

/* Each may come once, and not be empty. */
static void set_once(struct h2_head *h, struct str *to, struct str value)
{
    if (to->s || value.len == 0)
        malformed(h, "a pseudo-field twice, or empty");
    else
        *to = copy(h, value);
}

static void take_pseudo(struct h2_head *h, struct str name, struct str value)
{
    if (h->has_fields)
        malformed(h, "a pseudo-field behind a field");
    if (str_eq(name, STR(":method")))
        set_once(h, &h->message->method, value);
    else if (str_eq(name, STR(":path")))
        set_once(h, &h->message->target, value);
    else if (str_eq(name, STR(":scheme")))
        set_once(h, &h->scheme, value);
    else if (str_eq(name, STR(":authority")))
        set_once(h, &h->authority, value);
    else if (str_eq(name, STR(":protocol")))
        set_once(h, &h->protocol, value);
    else
        malformed(h, "a pseudo-field that is not known");
}

static bool has_upper(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.s[i] >= 'A' && name.s[i] <= 'Z')
            return true;
    }
    return false;
}

/* What holds for each field, wherever it stands (RFC 9113 8.2.1). */
static const char *check_bytes(struct str name, struct str value)
{
    if (!bytes_are_token(name) || has_upper(name))
        return "the name of a field is not in lower case, or no token";
    if (!bytes_are_value(value) || str_trim(value).len != value.len)
        return "the value of a field holds a control character, or whitespace at an end";
    return NULL;
}

static const char *check_field(struct str name, struct str value, enum header_id id)
{
    switch (id) {
    case HEADER_CONNECTION:
    case HEADER_KEEP_ALIVE:
    case HEADER_PROXY_CONNECTION:
    case HEADER_TRANSFER_ENCODING:
    case HEADER_UPGRADE:
        return "a field that speaks of an HTTP/1 connection";
    case HEADER_TE:
        return str_ieq(value, STR("trailers")) ? NULL : "TE is not \"trailers\"";
    default:
        return check_bytes(name, value);
    }
}

/* Crumbs make one field again: a server that speaks HTTP/1 knows nothing of them (RFC 9113 8.2.3). */
static void take_crumb(struct h2_head *h, struct str value)
{
    if (!h->cookie)
        h->cookie = pool_text(h->pool, h->cookie_room = COOKIE_ROOM);
    h->cookie = pool_text_grow(h->pool, h->cookie, h->cookie_len, &h->cookie_room, value.len + CRUMB_END.len);
    if (h->cookie_len > 0) {
        memcpy(h->cookie + h->cookie_len, CRUMB_END.s, CRUMB_END.len);
        h->cookie_len += CRUMB_END.len;
    }
    if (value.len > 0)
        memcpy(h->cookie + h->cookie_len, value.s, value.len);
    h->cookie_len += value.len;
}

static void take_field(struct h2_head *h, struct str name, struct str value)
{
    enum header_id id = header_id_of(name);
    const char *bad = check_field(name, value, id);
    struct header *field;

    h->has_fields = true;
    if (bad) {
        malformed(h, bad);
        return;
    }
    if (id == HEADER_COOKIE) {
        take_crumb(h, value);
        return;
    }
    if (id == HEADER_OTHER)
        name = copy(h, name);
    else
        name = header_name_of(id);
    if (header_add(&h->message->headers, name, copy(h, value)) < 0) {
        h->too_large = true;
        return;
    }
    field = &h->message->headers.items[h->message->headers.count - 1];
    field->checked = true;
}

void h2_head_field(struct h2_head *h, struct str name, struct str value)
{
    bool pseudo = name.len > 0 && name.s[0] == ':';

    h->bytes += name.len + value.len + H2_HEAD_FIELD_COST;
    h->fields += !pseudo;
    if (h->bytes > h->limits->head + H2_HEAD_FIELD_COST * (h->limits->fields + 5) || h->fields > h->limits->fields)
        h->too_large = true;
    if (h->bad || h->too_large)
        return;
    if (pseudo)
        take_pseudo(h, name, value);
    else
        take_field(h, name, value);
}

/* CONNECT with :protocol asks for a tunnel within the stream (RFC 8441 4). */
static const char *check_connect(struct h2_head *h)
{
    if (h->scheme.s || h->message->target.s)
        return "CONNECT with :scheme or :path";
    if (!h->authority.s)
        return "CONNECT without :authority";
    h->message->target = h->authority;
    return NULL;
}

static const char *check_pseudo(struct h2_head *h)
{
    const struct message *m = h->message;
    bool connects = str_eq(m->method, STR("CONNECT"));

    if (!m->method.s || !bytes_are_token(m->method))
        return ":method is missing, or no token";
    if (h->protocol.s && !connects)
        return ":protocol without CONNECT";
    if (connects && !h->protocol.s)
        return check_connect(h);
    if (!str_eq(h->scheme, STR("http")) && !str_eq(h->scheme, STR("https")))
        return ":scheme is missing, or neither http nor https";
    if (!m->target.s || !bytes_are_target(m->target))
        return ":path is missing, or holds what no target may";
    if (m->target.s[0] != '/' && !(str_eq(m->target, STR("*")) && str_eq(m->method, STR("OPTIONS"))))
        return ":path does not begin with a slash";
    return NULL;
}

/* Host and :authority say the same, or there is but one of them (RFC 9113 8.3.1). */
static const char *join_host(struct h2_head *h)
{
    struct header_list *headers = &h->message->headers;
    const struct header *host = header_find(headers, HEADER_HOST);

    if (host && header_count(headers, HEADER_HOST) > 1)
        return "more than one Host field";
    if (!host && !h->authority.s)
        return "neither :authority nor Host";
    if (host && h->authority.s && !str_ieq(host->value, h->authority))
        return "Host is not what :authority says";
    if (host)
        return NULL;
    return header_add_known(headers, HEADER_HOST, h->authority) < 0 ? "too many fields" : NULL;
}

static const char *find_frame(struct h2_head *h, bool ends, struct frame *frame)
{
    const struct header *length = header_find(&h->message->headers, HEADER_CONTENT_LENGTH);

    *frame = (struct frame){.kind = ends ? FRAME_NONE : FRAME_CHUNKED, .keep_alive = true};
    if (!length)
        return NULL;
    if (header_count(&h->message->headers, HEADER_CONTENT_LENGTH) > 1)
        return "more than one Content-Length field";
    if (str_to_u64(length->value, INT64_MAX, &frame->length) != 0)
        return "Content-Length is not a number up to 2^63-1";
    if (ends && frame->length > 0)
        return "Content-Length without a body";
    frame->kind = FRAME_LENGTH;
    return NULL;
}

static unsigned check_upgrade(struct h2_head *h, bool ends, struct frame *frame, const char **reason)
{
    const struct header *version = header_find(&h->message->headers, HEADER_SEC_WEBSOCKET_VERSION);

    if (!str_eq(h->protocol, STR("websocket"))) {
        *reason = "a :protocol other than websocket";
        return 501;
    }
    if (ends || frame->kind == FRAME_LENGTH || !version || !str_eq(version->value, STR("13"))) {
        *reason = "not a handshake of WebSocket version 13";
        return 400;
    }
    h->upgrade = true;
    h->message->method = STR("GET");
    *frame = (struct frame){.kind = FRAME_NONE, .keep_alive = true, .upgrade = true};
    return 0;
}

static enum h2_head_verdict refused(unsigned with, unsigned *status)
{
    *status = with;
    return with ? H2_HEAD_REFUSED : H2_HEAD_OK;
}

enum h2_head_verdict h2_head_end(struct h2_head *h, bool ends, struct frame *frame, unsigned *status,
                                 const char **reason)
{
    struct message *m = h->message;

    *frame = (struct frame){.kind = FRAME_NONE, .keep_alive = true};
    if (h->too_large) {
        *reason = "the head is too large";
        return refused(431, status);
    }
    if (!h->bad)
        h->bad = check_pseudo(h);
    if (!h->bad && h->cookie)
        h->bad = header_add_known(&m->headers, HEADER_COOKIE, (struct str){h->cookie, h->cookie_len}) < 0
                     ? "too many fields"
                     : NULL;
    if (!h->bad)
        h->bad = find_frame(h, ends, frame);
    if (h->bad) {
        *reason = h->bad;
        return H2_HEAD_MALFORMED;
    }
    *reason = join_host(h);
    if (*reason)
        return refused(400, status);
    if (!h1_method_is_known(m->method)) {
        *reason = "unknown method";
        return refused(501, status);
    }
    return refused(h->protocol.s ? check_upgrade(h, ends, frame, reason) : 0, status);
}

const char *h2_head_check_trailer(struct str name, struct str value)
{
    if (name.len > 0 && name.s[0] == ':')
        return "a pseudo-field in the trailers";
    return check_field(name, value, header_id_of(name));
}
