/*
 * h1_parse.c: the wrapper around llhttp.  The start line is cut here, by its spaces, and llhttp
 * must agree; fields come from llhttp's callbacks as pieces of the head, which lies in one piece
 * of memory. llhttp is stopped at the end of the head, so that none of its ideas about bodies
 * ever take effect.
 */
#include "config.h"

#include "http/h1_parse.h"

#include <llhttp.h>

#include "http/bytes.h"

#if !defined(LLHTTP_STRICT_MODE) || LLHTTP_STRICT_MODE != 1
#error "llhttp must be built in strict mode: its loose mode lets requests be smuggled"
#endif

struct h1_parse {
    struct message *message;
    const struct h1_limits *limits;
    struct str url;
    struct str name;
    struct str value;
    int status; /* set by a callback that refuses */
    const char *reason;
    bool complete;
};

/* Puts a piece behind what is already there; a gap between pieces would be a fold. */
static int parse_extend(struct h1_parse *parse, struct str *text, const char *at, size_t len)
{
    if (text->s == NULL) {
        *text = (struct str){at, len};
        return 0;
    }
    if (text->s + text->len != at && len > 0) {
        parse->status = 400;
        parse->reason = "folded line";
        return -1;
    }
    text->len += len;
    return 0;
}

static int parse_on_url(llhttp_t *llhttp, const char *at, size_t len)
{
    struct h1_parse *parse = llhttp->data;

    return parse_extend(parse, &parse->url, at, len);
}

static int parse_on_name(llhttp_t *llhttp, const char *at, size_t len)
{
    struct h1_parse *parse = llhttp->data;

    return parse_extend(parse, &parse->name, at, len);
}

static int parse_on_value(llhttp_t *llhttp, const char *at, size_t len)
{
    struct h1_parse *parse = llhttp->data;

    return parse_extend(parse, &parse->value, at, len);
}

static int parse_on_value_complete(llhttp_t *llhttp)
{
    struct h1_parse *parse = llhttp->data;
    struct header_list *headers = &parse->message->headers;

    if (!bytes_are_token(parse->name)) {
        parse->status = 400;
        parse->reason = "field name is not a token";
        return -1;
    }
    if (headers->count >= parse->limits->fields ||
        header_add(headers, parse->name, str_trim(parse->value)) != 0) {
        parse->status = 431;
        parse->reason = "too many fields";
        return -1;
    }
    /* The name was looked at here, the value by llhttp's strict mode. */
    headers->items[headers->count - 1].checked = true;
    parse->name = parse->value = STR_NONE;
    return 0;
}

static int parse_on_headers_complete(llhttp_t *llhttp)
{
    struct h1_parse *parse = llhttp->data;

    llhttp->upgrade = 0;
    parse->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t h1_settings = {
    .on_url = parse_on_url,
    .on_header_field = parse_on_name,
    .on_header_value = parse_on_value,
    .on_header_value_complete = parse_on_value_complete,
    .on_headers_complete = parse_on_headers_complete,
};

#ifdef LLHTTP_TWICE
int llhttp__internal_execute_sse42(llhttp_t *, const char *data, const char *end);

static llhttp_errno_t parse_execute(llhttp_t *llhttp, struct str head)
{
    if (__builtin_cpu_supports("sse4.2"))
        return (llhttp_errno_t)llhttp__internal_execute_sse42(llhttp, head.s, head.s + head.len);
    return llhttp_execute(llhttp, head.s, head.len);
}
#else
static llhttp_errno_t parse_execute(llhttp_t *llhttp, struct str head)
{
    return llhttp_execute(llhttp, head.s, head.len);
}
#endif

/* Everything behind the start line's checks, for both directions: 0, or a status with a reason. */
static int parse_run(struct h1_parse *parse, llhttp_type_t type, struct str head)
{
    llhttp_t llhttp;
    llhttp_errno_t error;

    llhttp_init(&llhttp, type, &h1_settings);
    llhttp.data = parse;
    error = parse_execute(&llhttp, head);
    if (parse->status)
        return parse->status;
    if (error == HPE_INVALID_METHOD) {
        parse->reason = "unknown method";
        return 501;
    }
    if (error != HPE_PAUSED || !parse->complete) {
        /* llhttp's reasons are string constants. */
        parse->reason = error == HPE_OK || llhttp.reason == NULL ? "malformed head" : llhttp.reason;
        return 400;
    }
    return 0;
}

/* "HTTP/1.0" or "HTTP/1.1": 0; another version: 505; anything else: 400. */
static int parse_version(struct str s, unsigned *minor, const char **reason)
{
    if (s.len != 8 || memcmp(s.s, "HTTP/", 5) != 0 || s.s[6] != '.' || s.s[5] < '0' ||
        s.s[5] > '9' || s.s[7] < '0' || s.s[7] > '9') {
        *reason = "malformed protocol version";
        return 400;
    }
    if (s.s[5] != '1' || s.s[7] > '1') {
        *reason = "unsupported protocol version";
        return 505;
    }
    *minor = (unsigned)(s.s[7] - '0');
    return 0;
}

/* llhttp also knows methods of RTSP and ICE; only those of HTTP and its extensions pass. */
static bool parse_method_known(struct str method)
{
    static const struct str known[] = {
        {"GET", 3},       {"POST", 4},       {"HEAD", 4},      {"PUT", 3},       {"DELETE", 6},
        {"OPTIONS", 7},   {"PATCH", 5},      {"CONNECT", 7},   {"TRACE", 5},     {"PROPFIND", 8},
        {"PROPPATCH", 9}, {"MKCOL", 5},      {"COPY", 4},      {"MOVE", 4},      {"LOCK", 4},
        {"UNLOCK", 6},    {"SEARCH", 6},     {"BIND", 4},      {"REBIND", 6},    {"UNBIND", 6},
        {"ACL", 3},       {"REPORT", 6},     {"MKACTIVITY", 10}, {"CHECKOUT", 8}, {"MERGE", 5},
        {"M-SEARCH", 8},  {"NOTIFY", 6},     {"SUBSCRIBE", 9}, {"UNSUBSCRIBE", 11}, {"PURGE", 5},
        {"MKCALENDAR", 10}, {"LINK", 4},     {"UNLINK", 6},
    };

    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (str_eq(known[i], method))
            return true;
    }
    return false;
}

/* The line up to the first CRLF; empty when there is none. */
static struct str parse_first_line(struct str head)
{
    const char *cr = head.len ? memchr(head.s, '\r', head.len) : NULL;

    return cr ? (struct str){head.s, (size_t)(cr - head.s)} : STR_NONE;
}

/* Cuts `*rest` at its first SP; everything when there is none. */
static struct str parse_word(struct str *rest)
{
    const char *space = rest->len ? memchr(rest->s, ' ', rest->len) : NULL;
    struct str word = *rest;

    if (space == NULL) {
        *rest = STR_NONE;
        return word;
    }
    word.len = (size_t)(space - rest->s);
    *rest = (struct str){space + 1, rest->len - word.len - 1};
    return word;
}

static int parse_request_line(struct str head, struct message *message, const char **reason)
{
    struct str line = parse_first_line(head);
    int status;

    message->method = parse_word(&line);
    message->target = parse_word(&line);
    if (!bytes_are_token(message->method)) {
        *reason = "method is not a token";
        return 400;
    }
    status = parse_version(line, &message->minor, reason);
    if (status)
        return status;
    if (str_eq(message->method, STR("PRI"))) {
        *reason = "HTTP/2 preface in an HTTP/1 request";
        return 400;
    }
    if (!parse_method_known(message->method)) {
        *reason = "unknown method";
        return 501;
    }
    return 0;
}

static int parse_host_count(const struct message *message, const char **reason)
{
    size_t hosts = header_count(&message->headers, HEADER_HOST);

    if (hosts > 1) {
        *reason = "more than one Host field";
        return 400;
    }
    if (hosts == 0 && message->minor == 1) {
        *reason = "no Host field";
        return 400;
    }
    return 0;
}

static void parse_start(struct h1_parse *parse, struct pool *pool, const struct h1_limits *limits,
                        struct message *message)
{
    *message = (struct message){0};
    header_list_init(&message->headers, pool, limits->fields + H1_PARSE_SPARE_FIELDS);
    *parse = (struct h1_parse){.message = message, .limits = limits};
}

int h1_parse_request_head(struct str head, struct pool *pool, const struct h1_limits *limits,
                          struct message *message, const char **reason)
{
    struct h1_parse parse;
    int status;

    parse_start(&parse, pool, limits, message);
    status = parse_request_line(head, message, reason);
    if (status)
        return status;
    status = parse_run(&parse, HTTP_REQUEST, head);
    *reason = parse.reason;
    if (status)
        return status;
    if (!str_eq(parse.url, message->target)) {
        *reason = "malformed request line";
        return 400;
    }
    return parse_host_count(message, reason);
}

/* "HTTP/1.x SP 3DIGIT [SP reason]", the reason without controls (RFC 9112 4). */
static const char *parse_status_line(struct str head, struct message *message)
{
    struct str line = parse_first_line(head);
    struct str version = parse_word(&line);
    struct str code = parse_word(&line);
    const char *reason;
    uint64_t status;

    if (parse_version(version, &message->minor, &reason) != 0)
        return reason;
    if (code.len != 3 || str_to_u64(code, 599, &status) != 0 || status < 100)
        return "status code is not in 100..599";
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.s[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return "control character in the reason phrase";
    }
    message->status = (unsigned)status;
    message->reason = line;
    return NULL;
}

int h1_parse_response_head(struct str head, struct pool *pool, const struct h1_limits *limits,
                           struct message *message, const char **reason)
{
    struct h1_parse parse;

    parse_start(&parse, pool, limits, message);
    *reason = parse_status_line(head, message);
    if (*reason)
        return 502;
    if (parse_run(&parse, HTTP_RESPONSE, head) == 0)
        return 0;
    *reason = parse.reason;
    return 502;
}
