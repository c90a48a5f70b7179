/*
 * h1_parse.c: the wrapper around llhttp.  The start line is cut here, by its spaces, and the fields by what
 * the scan found; llhttp must agree.  It is stopped at the end of the head, so that none of its ideas about
 * bodies ever take effect.
 *
 * llhttp reads the start line and the fields that frame a message.  Other fields it is shown only where one
 * of the head's lines is in any way unusual: it has nothing to say of a line "Name: value" that holds letters,
 * digits and dashes, one space, and a value without controls, and to read them all was a third of Weir's time
 * for a request of a browser.  The unit tests show that it takes each such line.
 */
#include "config.h"

#include "http/h1_parse.h"

#include <llhttp.h>

#include "http/bytes.h"

#if !defined(LLHTTP_STRICT_MODE) || LLHTTP_STRICT_MODE != 1
#error "llhttp must be built in strict mode: its loose mode lets requests be smuggled"
#endif

/* Most messages get few fields on their way: there is room for so many at once. */
#define H1_PARSE_ROOM 4

/* Of a head with long lines all is shown. */
#define H1_PARSE_SHOWN 2048

/* What llhttp is shown, and what it has seen. */
struct h1_parse {
    struct str url;
    size_t shown_fields, fields;
    bool usual; /* of each line nobody could think anything else */
    bool complete;
    char shown[H1_PARSE_SHOWN];
};

/* The head lies in one piece of memory, and so does each part of it. */
static int parse_on_url(llhttp_t *llhttp, const char *at, size_t len)
{
    struct h1_parse *parse = llhttp->data;

    parse->url = (struct str){at, len};
    return 0;
}

static int parse_on_value_complete(llhttp_t *llhttp)
{
    struct h1_parse *parse = llhttp->data;

    parse->fields++;
    return 0;
}

static int parse_on_headers_complete(llhttp_t *llhttp)
{
    struct h1_parse *parse = llhttp->data;

    llhttp->upgrade = 0;
    parse->complete = true;
    return HPE_PAUSED;
}

/*
 * Names and values are not asked for: they stand between the bytes that the scan has found.  What is set here
 * must not be among what llhttp_quiet.h leaves out.
 */
static const llhttp_settings_t h1_settings = {
    .on_url = parse_on_url,
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

/* llhttp's opinion of what it is shown: 0, or a status with a reason. */
static int parse_run(struct h1_parse *parse, llhttp_type_t type, struct str head, const char **reason)
{
    llhttp_t llhttp;
    llhttp_errno_t error;

    parse->url = STR_NONE;
    parse->fields = 0;
    parse->complete = false;
    llhttp_init(&llhttp, type, &h1_settings);
    llhttp.data = parse;
    error = parse_execute(&llhttp, head);
    if (error == HPE_INVALID_METHOD) {
        *reason = "unknown method";
        return 501;
    }
    if (error != HPE_PAUSED || !parse->complete) {
        /* llhttp's reasons are string constants. */
        *reason = error == HPE_OK || llhttp.reason == NULL ? "malformed head" : llhttp.reason;
        return 400;
    }
    if (parse->fields != parse->shown_fields) {
        *reason = "field lines are not clear";
        return 400;
    }
    return 0;
}

/* "NAME: VALUE", as most lines are: one space in front of a value, and nothing behind it. */
static bool parse_is_plain(const char *colon, const char *end)
{
    return end - colon > 2 && colon[1] == ' ' && !is_ows(colon[2]) && !is_ows(end[-1]);
}

/* Adds what stands in one line: tchar, a colon and a value, as will be seen. */
static const struct header *parse_add(struct header_list *headers, struct str head, const struct h1_line *line)
{
    const char *colon = head.s + line->colon, *end = head.s + line->end;
    struct str name = {head.s + line->name, line->colon - line->name};
    struct header *field = header_next(headers, header_id_of(name));

    field->name = name;
    field->checked = true;
    field->in_line = parse_is_plain(colon, end);
    if (field->in_line)
        field->value = (struct str){colon + 2, (size_t)(end - colon) - 2};
    else
        field->value = str_trim((struct str){colon + 1, (size_t)(end - colon) - 1});
    return field;
}

static int parse_fields(struct h1_parse *parse, struct header_list *headers, struct str head,
                        const struct h1_scan *scan, const struct h1_limits *limits, const char **reason)
{
    parse->usual = scan->clean;
    if (scan->fields > limits->fields) {
        *reason = "too many fields";
        return 431;
    }
    header_reserve(headers, scan->fields + H1_PARSE_ROOM);
    for (size_t i = 0; i < scan->fields; i++) {
        /* llhttp lets this one pass. */
        if (scan->lines[i].colon == scan->lines[i].name) {
            *reason = "empty field name";
            return 400;
        }
        const struct header *field = parse_add(headers, head, &scan->lines[i]);

        /* The names that are known are words. */
        if (!field->in_line || (field->id == HEADER_OTHER && !bytes_are_word(field->name)))
            parse->usual = false;
    }
    return 0;
}

/* The fields of which llhttp has an opinion of its own. */
static const bool parse_is_framing[HEADER_ID_COUNT] = {
    [HEADER_CONNECTION] = true,        [HEADER_CONTENT_LENGTH] = true, [HEADER_PROXY_CONNECTION] = true,
    [HEADER_TRANSFER_ENCODING] = true, [HEADER_UPGRADE] = true,
};

/* What llhttp is to read: the start line and the framing; or the whole head. */
static struct str parse_show(struct h1_parse *parse, struct str head, size_t start_line,
                             const struct header_list *headers)
{
    size_t used = start_line + 2;

    parse->shown_fields = headers->count;
    if (!parse->usual || used + 2 > sizeof(parse->shown))
        return head;
    memcpy(parse->shown, head.s, used);
    for (size_t i = 0; i < headers->count; i++) {
        const struct header *field = &headers->items[i];
        size_t len = field->name.len + field->value.len + 4;

        if (!parse_is_framing[field->id]) {
            parse->shown_fields--;
            continue;
        }
        if (used + len + 2 > sizeof(parse->shown)) {
            parse->shown_fields = headers->count;
            return head;
        }
        /* A usual line stands in the head as it is told here, up to its CRLF. */
        memcpy(parse->shown + used, field->name.s, len);
        used += len;
    }
    memcpy(parse->shown + used, "\r\n", 2);
    return (struct str){parse->shown, used + 2};
}

/* Everything but the start line, for both directions: 0, or a status with a reason. */
static int parse_head(struct h1_parse *parse, llhttp_type_t type, struct str head, const struct h1_scan *scan,
                      const struct h1_limits *limits, struct header_list *headers, const char **reason)
{
    int status = parse_fields(parse, headers, head, scan, limits, reason);

    if (status)
        return status;
    return parse_run(parse, type, parse_show(parse, head, scan->start_line, headers), reason);
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
bool h1_method_is_known(struct str method)
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

static int parse_request_line(struct str line, struct message *message, const char **reason)
{
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
    if (!h1_method_is_known(message->method)) {
        *reason = "unknown method";
        return 501;
    }
    return 0;
}

static int parse_host_count(const struct message *message, const char **reason)
{
    const struct header_list *headers = &message->headers;
    const struct header *host = header_find(headers, HEADER_HOST);

    if (!host && message->minor == 0)
        return 0;
    if (!host) {
        *reason = "no Host field";
        return 400;
    }
    while (++host < headers->items + headers->count) {
        if (host->id == HEADER_HOST) {
            *reason = "more than one Host field";
            return 400;
        }
    }
    return 0;
}

static void parse_start(struct pool *pool, const struct h1_limits *limits, struct message *message)
{
    *message = (struct message){0};
    header_list_init(&message->headers, pool, limits->fields + H1_PARSE_SPARE_FIELDS);
}

int h1_parse_request_head(struct str head, const struct h1_scan *scan, struct pool *pool,
                          const struct h1_limits *limits, struct message *message, const char **reason)
{
    struct h1_parse parse;
    int status;

    parse_start(pool, limits, message);
    status = parse_request_line((struct str){head.s, scan->start_line}, message, reason);
    if (status == 0)
        status = parse_head(&parse, HTTP_REQUEST, head, scan, limits, &message->headers, reason);
    if (status)
        return status;
    if (!str_eq(parse.url, message->target)) {
        *reason = "malformed request line";
        return 400;
    }
    return parse_host_count(message, reason);
}

/* "HTTP/1.x SP 3DIGIT [SP reason]", the reason without controls (RFC 9112 4). */
static const char *parse_status_line(struct str line, struct message *message)
{
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

int h1_parse_response_head(struct str head, const struct h1_scan *scan, struct pool *pool,
                           const struct h1_limits *limits, struct message *message, const char **reason)
{
    struct h1_parse parse;

    parse_start(pool, limits, message);
    *reason = parse_status_line((struct str){head.s, scan->start_line}, message);
    if (*reason)
        return 502;
    return parse_head(&parse, HTTP_RESPONSE, head, scan, limits, &message->headers, reason) == 0 ? 0 : 502;
}
