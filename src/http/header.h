/*
 * header.h: the fields of a message head, in the order they came.  Names and values are borrowed
 * text; the array that holds them grows inside a pool up to a fixed cap.  Names that Weir treats
 * in some way have a number, found once when the field is added, so that later tests compare
 * integers.
 */
#ifndef WEIR_HTTP_HEADER_H
#define WEIR_HTTP_HEADER_H

#include "base/pool.h"
#include "base/str.h"

/* The known names, shorter ones first: header_id_of needs names of one length side by side. */
#define HEADER_LIST(X) \
    X(TE, "TE") \
    X(AGE, "Age") \
    X(VIA, "Via") \
    X(DATE, "Date") \
    X(ETAG, "ETag") \
    X(FROM, "From") \
    X(HOST, "Host") \
    X(VARY, "Vary") \
    X(ALLOW, "Allow") \
    X(RANGE, "Range") \
    X(ACCEPT, "Accept") \
    X(COOKIE, "Cookie") \
    X(EXPECT, "Expect") \
    X(ORIGIN, "Origin") \
    X(PRAGMA, "Pragma") \
    X(SERVER, "Server") \
    X(ALT_SVC, "Alt-Svc") \
    X(EXPIRES, "Expires") \
    X(REFERER, "Referer") \
    X(TRAILER, "Trailer") \
    X(UPGRADE, "Upgrade") \
    X(WARNING, "Warning") \
    X(IF_MATCH, "If-Match") \
    X(IF_RANGE, "If-Range") \
    X(LOCATION, "Location") \
    X(FORWARDED, "Forwarded") \
    X(X_REAL_IP, "X-Real-IP") \
    X(CONNECTION, "Connection") \
    X(KEEP_ALIVE, "Keep-Alive") \
    X(SET_COOKIE, "Set-Cookie") \
    X(USER_AGENT, "User-Agent") \
    X(RETRY_AFTER, "Retry-After") \
    X(CONTENT_TYPE, "Content-Type") \
    X(MAX_FORWARDS, "Max-Forwards") \
    X(X_REQUEST_ID, "X-Request-Id") \
    X(ACCEPT_RANGES, "Accept-Ranges") \
    X(AUTHORIZATION, "Authorization") \
    X(CACHE_CONTROL, "Cache-Control") \
    X(CONTENT_RANGE, "Content-Range") \
    X(IF_NONE_MATCH, "If-None-Match") \
    X(LAST_MODIFIED, "Last-Modified") \
    X(ACCEPT_CHARSET, "Accept-Charset") \
    X(CONTENT_LENGTH, "Content-Length") \
    X(HTTP2_SETTINGS, "HTTP2-Settings") \
    X(ACCEPT_ENCODING, "Accept-Encoding") \
    X(ACCEPT_LANGUAGE, "Accept-Language") \
    X(X_FORWARDED_FOR, "X-Forwarded-For") \
    X(CONTENT_ENCODING, "Content-Encoding") \
    X(CONTENT_LANGUAGE, "Content-Language") \
    X(CONTENT_LOCATION, "Content-Location") \
    X(PROXY_CONNECTION, "Proxy-Connection") \
    X(WWW_AUTHENTICATE, "WWW-Authenticate") \
    X(X_FORWARDED_HOST, "X-Forwarded-Host") \
    X(X_FORWARDED_PORT, "X-Forwarded-Port") \
    X(IF_MODIFIED_SINCE, "If-Modified-Since") \
    X(SEC_WEBSOCKET_KEY, "Sec-WebSocket-Key") \
    X(TRANSFER_ENCODING, "Transfer-Encoding") \
    X(X_FORWARDED_PROTO, "X-Forwarded-Proto") \
    X(PROXY_AUTHENTICATE, "Proxy-Authenticate") \
    X(CONTENT_DISPOSITION, "Content-Disposition") \
    X(IF_UNMODIFIED_SINCE, "If-Unmodified-Since") \
    X(PROXY_AUTHORIZATION, "Proxy-Authorization") \
    X(SEC_WEBSOCKET_ACCEPT, "Sec-WebSocket-Accept") \
    X(SEC_WEBSOCKET_VERSION, "Sec-WebSocket-Version") \
    X(SEC_WEBSOCKET_PROTOCOL, "Sec-WebSocket-Protocol") \
    X(SEC_WEBSOCKET_EXTENSIONS, "Sec-WebSocket-Extensions") \
    X(STRICT_TRANSPORT_SECURITY, "Strict-Transport-Security") \
    X(ACCESS_CONTROL_ALLOW_ORIGIN, "Access-Control-Allow-Origin")

enum header_id {
    HEADER_OTHER,
#define HEADER_ENUM(id, name) HEADER_##id,
    HEADER_LIST(HEADER_ENUM)
#undef HEADER_ENUM
    HEADER_ID_COUNT
};

struct header {
    struct str name; /* as it came; compare by id, or without regard to case */
    struct str value; /* without the whitespace around it */
    enum header_id id;
    bool checked; /* a parser has seen that no byte of it may split a message; changing the value clears it */
    bool in_line; /* name and value stand in one checked text "NAME: VALUE" CRLF; changing either clears it */
};

/* Gives the field another value, which is then looked at before it is sent. */
static inline void header_set_value(struct header *h, struct str value)
{
    h->value = value;
    h->checked = h->in_line = false;
}

struct header_list {
    struct header *items; /* fields are added by the functions below alone, for they keep `present` */
    size_t count;
    size_t room; /* items allocated */
    size_t cap; /* items allowed */
    struct pool *pool;
    bool present[HEADER_ID_COUNT]; /* the numbers that were added; those removed since may still stand here */
};

/* An empty list that takes its memory from `pool` and holds at most `cap` fields. */
void header_list_init(struct header_list *, struct pool *pool, size_t cap);

/* The number of a field name, without regard to case (RFC 9110 5.1); HEADER_OTHER when unknown. */
enum header_id header_id_of(struct str name);

/* The usual spelling of a known name; empty for HEADER_OTHER. */
struct str header_name_of(enum header_id id);

/* Appends a field, borrowing both texts.  -1: the list is full and nothing was added. */
int header_add(struct header_list *, struct str name, struct str value) WEIR_MUST_CHECK;

/* The same under the usual spelling of a known name. */
int header_add_known(struct header_list *, enum header_id id, struct str value) WEIR_MUST_CHECK;

/* Allocates room for so many fields, as far as the cap allows. */
void header_reserve(struct header_list *, size_t room);

/* A new last field with this number, for which there is room; the caller fills in the rest. */
static inline struct header *header_next(struct header_list *list, enum header_id id)
{
    struct header *field = &list->items[list->count++];

    field->id = id;
    list->present[id] = true;
    return field;
}

/* Appends a field as it stands, for which there is room. */
static inline void header_put(struct header_list *list, const struct header *field)
{
    *header_next(list, field->id) = *field;
}

/* False: there is no field with this number; most questions about a list end here. */
static inline bool header_may_have(const struct header_list *list, enum header_id id)
{
    return list->present[id];
}

const struct header *header_search(const struct header_list *, enum header_id id);

/* The first field with this number (not HEADER_OTHER), or NULL. */
static inline const struct header *header_find(const struct header_list *list, enum header_id id)
{
    return header_may_have(list, id) ? header_search(list, id) : NULL;
}

/* The first field with this name, without regard to case, or NULL. */
const struct header *header_find_name(const struct header_list *, struct str name);

/* How many fields have this number. */
size_t header_count(const struct header_list *, enum header_id id);

/* Takes out every field with this number, keeping the order of the others; how many there were. */
size_t header_remove(struct header_list *, enum header_id id);

/* Whether a comma-separated field holds `token`, over all its lines, without regard to case. */
bool header_has_token(const struct header_list *, enum header_id id, struct str token);

#endif
