/* access_line.c: lines put together by copying. */
#include "core/log/access_line.h"

#include <time.h>

#include "core/var.h"

/* Bytes of output that one text of the client may take in a combined line; all together stay below
 * ACCESS_LINE_MAX. */
enum { USER_MAX = 256, METHOD_MAX = 64, TARGET_MAX = 8 * 1024, FIELD_MAX = 2 * 1024 };

static const char hex_digits[] = "0123456789abcdef";

static inline bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* The part of `text` from `from` on that needs no escape. */
static size_t plain_run(struct str text, size_t from)
{
    size_t i = from;

    while (i < text.len && is_plain((unsigned char)text.s[i]))
        i++;
    return i - from;
}

/* The code point that begins at text.s[*i], which is moved behind it; a byte that begins none stands for
 * itself. */
static uint32_t next_code_point(struct str text, size_t *i)
{
    const unsigned char *s = (const unsigned char *)text.s + *i;
    size_t more = s[0] >= 0xf0 && s[0] < 0xf5   ? 3
                  : s[0] >= 0xe0 && s[0] < 0xf0 ? 2
                                                : s[0] >= 0xc2 && s[0] < 0xe0;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    static const uint8_t bits[] = {0xff, 0x1f, 0x0f, 0x07};
    uint32_t point = s[0] & bits[more];

    if (more >= text.len - *i)
        more = 0;
    for (size_t k = 1; k <= more; k++) {
        if ((s[k] & 0xc0) != 0x80) {
            more = 0;
            break;
        }
        point = point << 6 | (s[k] & 0x3f);
    }
    if (more == 0 || point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
        more = 0;
        point = s[0];
    }
    *i += 1 + more;
    return point;
}

static char *put_u(char *to, uint32_t unit)
{
    *to++ = '\\';
    *to++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4)
        *to++ = hex_digits[unit >> shift & 15];
    return to;
}

/* Bytes that one escape takes at most. */
enum { UNIT_MAX = 12 };

/* Writes the escape of the byte at text.s[*i], moves *i behind it, and says where the escape ends. */
static char *put_x(char *to, struct str text, size_t *i)
{
    unsigned char c = (unsigned char)text.s[(*i)++];

    *to++ = '\\';
    *to++ = 'x';
    *to++ = hex_digits[c >> 4];
    *to++ = hex_digits[c & 15];
    return to;
}

/* The same for JSON, of a whole code point. */
static char *put_json(char *to, struct str text, size_t *i)
{
    char c = text.s[*i];
    uint32_t point;

    if (c == '"' || c == '\\') {
        *to++ = '\\';
        *to++ = c;
        ++*i;
        return to;
    }
    point = next_code_point(text, i);
    if (point >= 0x10000) {
        to = put_u(to, 0xd800 + ((point - 0x10000) >> 10));
        point = 0xdc00 + ((point - 0x10000) & 0x3ff);
    }
    return put_u(to, point);
}

/* Plain bytes as they are, others by `put_unit`, whole or not at all; bytes written: at most `size`. */
static size_t put_text(struct str text, char *buf, size_t size,
                       char *(*put_unit)(char *to, struct str text, size_t *i))
{
    size_t n = 0, i = 0;

    while (i < text.len) {
        size_t run = plain_run(text, i), len;
        char unit[UNIT_MAX];

        if (run > 0) {
            run = run < size - n ? run : size - n;
            memcpy(buf + n, text.s + i, run);
            n += run;
            i += run;
            if (n == size)
                break;
            continue;
        }
        len = (size_t)(put_unit(unit, text, &i) - unit);
        if (len > size - n)
            break;
        memcpy(buf + n, unit, len);
        n += len;
    }
    return n;
}

size_t access_line_escape(struct str text, char *buf, size_t size)
{
    if (text.len == 0 && size > 0) {
        buf[0] = '-';
        return 1;
    }
    return put_text(text, buf, size, put_x);
}

size_t access_line_json_string(struct str text, char *buf, size_t size)
{
    size_t n = put_text(text, buf + 1, size - 2, put_json);

    buf[0] = '"';
    buf[n + 1] = '"';
    return n + 2;
}

static char *put(char *to, struct str text)
{
    if (text.len > 0)
        memcpy(to, text.s, text.len);
    return to + text.len;
}

static char *put_number(char *to, uint64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    return put(to, (struct str){digits + at, sizeof(digits) - at});
}

size_t access_line_time(int64_t wall_s, char buf[ACCESS_TIME_SIZE])
{
    time_t seconds = (time_t)wall_s;
    struct tm tm = {0};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char format[] = "[%d/mon/%Y:%H:%M:%S +0000]";

    gmtime_r(&seconds, &tm);
    memcpy(strchr(format, 'm'), months[tm.tm_mon], 3); /* %b would ask the locale */
    return strftime(buf, ACCESS_TIME_SIZE, format, &tm);
}

static char *put_addr(char *to, const struct addr *addr)
{
    char text[ADDR_TEXT_MAX];
    uint8_t ip[16];

    if (addr->len == 0 || addr->any || addr_ip_bytes(addr, ip) != 4)
        return put(to, addr_print_ip(addr, text));
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            *to++ = '.';
        to = put_number(to, ip[i]);
    }
    return to;
}

static char *put_field(char *to, const struct header *field)
{
    *to++ = ' ';
    *to++ = '"';
    to += access_line_escape(field ? field->value : STR_NONE, to, FIELD_MAX);
    *to++ = '"';
    return to;
}

static char *put_request_line(char *to, const struct request *r)
{
    const struct message *head = &r->head;

    *to++ = '"';
    to += access_line_escape(head->method, to, METHOD_MAX);
    if (head->target.len > 0) {
        *to++ = ' ';
        to += access_line_escape(head->target, to, TARGET_MAX);
        *to++ = ' ';
        to = put(to, request_protocol(r));
    }
    *to++ = '"';
    return to;
}

size_t access_line_combined(struct request *r, struct str when, char buf[ACCESS_LINE_MAX])
{
    const struct header_list *fields = &r->head.headers;
    char *to = put_addr(buf, &r->client);

    to = put(to, STR(" - "));
    if (header_find(fields, HEADER_AUTHORIZATION))
        to += access_line_escape(var_value(r, STR("remote_user")), to, USER_MAX);
    else
        *to++ = '-';
    *to++ = ' ';
    to = put(to, when);
    *to++ = ' ';
    to = put_request_line(to, r);
    *to++ = ' ';
    to = r->response.status > 0 ? put_number(to, r->response.status) : put(to, STR("000"));
    *to++ = ' ';
    to = put_number(to, r->bytes_sent);
    to = put_field(to, header_find(fields, HEADER_REFERER));
    to = put_field(to, header_find(fields, HEADER_USER_AGENT));
    return (size_t)(to - buf);
}

/* 1*DIGIT ["." 1*DIGIT] without a leading zero: a JSON number. */
static bool is_number(struct str s)
{
    size_t i = 0, whole;

    while (i < s.len && s.s[i] >= '0' && s.s[i] <= '9')
        i++;
    whole = i;
    if (whole == 0 || (whole > 1 && s.s[0] == '0') || s.len > 20)
        return false;
    if (i == s.len)
        return true;
    if (s.s[i++] != '.' || i == s.len)
        return false;
    while (i < s.len && s.s[i] >= '0' && s.s[i] <= '9')
        i++;
    return i == s.len;
}

static bool is_one_of(struct str name, const char *const *names)
{
    while (*names && !str_eq(name, str_of(*names)))
        names++;
    return *names != NULL;
}

static bool has_number(struct str name)
{
    static const char *const names[] = {"status",      "duration",    "bytes_sent",      "bytes_received",
                                        "remote_port", "server_port", "upstream_status", "upstream_duration",
                                        "queue_duration", "grpc_status", NULL};

    return is_one_of(name, names);
}

/* A list of all attempts: with one as with several the type is the same. */
static bool has_list(struct str name)
{
    static const char *const names[] = {"upstream_addr", "upstream_status", "upstream_duration", NULL};

    return is_one_of(name, names);
}

void access_fields_init(struct access_fields *fields, struct pool *pool, const struct str *names,
                        size_t count, struct conf_place at, struct conf_report *report)
{
    static const struct str all[] = {
        STR("time"), STR("request_id"), STR("remote_addr"), STR("remote_port"), STR("remote_user"),
        STR("server_addr"), STR("server_port"), STR("scheme"), STR("protocol"), STR("method"), STR("host"),
        STR("uri"), STR("path"), STR("query"), STR("status"), STR("bytes_sent"), STR("bytes_received"),
        STR("duration"), STR("site"), STR("route"), STR("upstream_addr"), STR("upstream_status"),
        STR("upstream_duration"), STR("queue_duration"), STR("grpc_status"), STR("cache_status"), STR("error"),
    };

    if (count == 0) {
        names = all;
        count = ARRAY_SIZE(all);
    }
    fields->count = count;
    fields->items = pool_zalloc(pool, count * sizeof(*fields->items));
    for (size_t i = 0; i < count; i++) {
        struct str text = pool_printf(pool, "${%.*s}", STR_ARG(names[i]));

        fields->items[i].name = names[i];
        fields->items[i].value = template_new(pool, text, VAR_RESPONSE, at, report);
        fields->items[i].is_number = has_number(names[i]);
        fields->items[i].is_list = has_list(names[i]);
    }
}

/* Bytes that a number and what stands around it take at most. */
enum { ELEMENT_MAX = 32 };

static size_t put_value(struct str value, bool is_number_wanted, char *buf, size_t size)
{
    if (is_number_wanted && is_number(value))
        return (size_t)(put(buf, value) - buf);
    return access_line_json_string(value, buf, size);
}

/* "A, B" as an array; "-" stands for nothing.  Elements for which there is no room are left out. */
static size_t put_list(struct str value, bool is_number_wanted, char *buf, size_t size)
{
    size_t n = 0;

    buf[n++] = '[';
    while (value.len > 0 && size - n >= ELEMENT_MAX) {
        const char *end = memmem(value.s, value.len, ", ", 2);
        struct str item = {value.s, end ? (size_t)(end - value.s) : value.len};

        if (n > 1)
            buf[n++] = ',';
        if (str_eq(item, STR("-")))
            n = (size_t)(put(buf + n, STR("null")) - buf);
        else
            n += put_value(item, is_number_wanted, buf + n, size - n - 1);
        value = end ? str_from(value, item.len + 2) : STR_NONE;
    }
    buf[n++] = ']';
    return n;
}

/* `"name":value`; 0 when there is no room for it. */
static size_t put_member(struct request *r, const struct access_field *field, char *buf, size_t size)
{
    struct str value;
    char *to = buf;

    if (size < 6 * field->name.len + 64)
        return 0;
    value = template_expand_cut(field->value, r);
    to += access_line_json_string(field->name, to, size);
    *to++ = ':';
    if (value.len == 0)
        to = put(to, STR("null"));
    else if (field->is_list)
        to += put_list(value, field->is_number, to, size - (size_t)(to - buf));
    else
        to += put_value(value, field->is_number, to, size - (size_t)(to - buf));
    return (size_t)(to - buf);
}

size_t access_line_json(struct request *r, const struct access_fields *fields, char buf[ACCESS_LINE_MAX])
{
    size_t n = 0;

    buf[n++] = '{';
    for (size_t i = 0; i < fields->count; i++) {
        size_t comma = n > 1;
        size_t room = ACCESS_LINE_MAX - 3 - n - comma; /* "}", the end of the line, and one */
        size_t part = n + comma + 3 < ACCESS_LINE_MAX ? put_member(r, &fields->items[i], buf + n + comma,
                                                                   room < TARGET_MAX ? room : TARGET_MAX)
                                                      : 0;

        if (part > 0 && comma)
            buf[n] = ',';
        n += part > 0 ? part + comma : 0;
    }
    buf[n++] = '}';
    return n;
}
