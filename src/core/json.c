/* json.c: see json.h. */
#include "core/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

void json_init(struct json *j, struct pool *pool)
{
    *j = (struct json){.pool = pool, .room = 1024};
    j->text = pool_text(pool, j->room);
}

static void json_put(struct json *j, const char *bytes, size_t len)
{
    j->text = pool_text_grow(j->pool, j->text, j->len, &j->room, len);
    memcpy(j->text + j->len, bytes, len);
    j->len += len;
}

/* Bytes of the character that begins with `a` (RFC 3629 4), or 0. */
static size_t json_utf8_length(unsigned char a)
{
    if (a < 0x80)
        return 1;
    if (a < 0xc2 || a > 0xf4)
        return 0;
    return a < 0xe0 ? 2 : a < 0xf0 ? 3 : 4;
}

/* Bytes of the well-formed UTF-8 character at the start of `s`, or 0. */
static size_t json_utf8(struct str s)
{
    unsigned char a = (unsigned char)s.s[0];
    unsigned char b = s.len > 1 ? (unsigned char)s.s[1] : 0;
    size_t len = json_utf8_length(a);

    if (len == 0 || len > s.len)
        return 0;
    if ((a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f) || (a == 0xf0 && b < 0x90) ||
        (a == 0xf4 && b > 0x8f))
        return 0;
    for (size_t i = 1; i < len; i++)
        if (((unsigned char)s.s[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

static void json_put_escaped(struct json *j, char c)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    char text[8];

    for (size_t i = 0; i + 1 < sizeof(letters); i += 2)
        if (letters[i] == c) {
            text[0] = '\\';
            text[1] = letters[i + 1];
            json_put(j, text, 2);
            return;
        }
    snprintf(text, sizeof(text), "\\u%04x", (unsigned)(unsigned char)c);
    json_put(j, text, 6);
}

static void json_put_str(struct json *j, struct str s)
{
    json_put(j, "\"", 1);
    while (s.len) {
        size_t len = json_utf8(s);

        if (len == 0)
            json_put(j, "\\ufffd", 6);
        else if (len == 1 && ((unsigned char)*s.s < ' ' || *s.s == '"' || *s.s == '\\' || *s.s == 0x7f))
            json_put_escaped(j, *s.s);
        else
            json_put(j, s.s, len);
        s.s += len ? len : 1;
        s.len -= len ? len : 1;
    }
    json_put(j, "\"", 1);
}

void json_name(struct json *j, struct str name)
{
    if (j->comma)
        json_put(j, ",", 1);
    json_put_str(j, name);
    json_put(j, ":", 1);
    j->comma = false;
}

static void json_begin(struct json *j, const char *name)
{
    if (name)
        json_name(j, str_of(name));
    else if (j->comma)
        json_put(j, ",", 1);
    j->comma = true;
}

static void json_open(struct json *j, const char *name, const char *bracket)
{
    json_begin(j, name);
    json_put(j, bracket, 1);
    j->comma = false;
}

static void json_close(struct json *j, const char *bracket)
{
    json_put(j, bracket, 1);
    j->comma = true;
}

void json_object(struct json *j, const char *name)
{
    json_open(j, name, "{");
}

void json_object_end(struct json *j)
{
    json_close(j, "}");
}

void json_array(struct json *j, const char *name)
{
    json_open(j, name, "[");
}

void json_array_end(struct json *j)
{
    json_close(j, "]");
}

void json_null(struct json *j, const char *name)
{
    json_begin(j, name);
    json_put(j, "null", 4);
}

void json_str(struct json *j, const char *name, struct str value)
{
    if (!value.s) {
        json_null(j, name);
        return;
    }
    json_begin(j, name);
    json_put_str(j, value);
}

static void json_number(struct json *j, const char *name, const char *text)
{
    json_begin(j, name);
    json_put(j, text, strlen(text));
}

void json_int(struct json *j, const char *name, int64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, value);
    json_number(j, name, text);
}

void json_uint(struct json *j, const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    json_number(j, name, text);
}

void json_real(struct json *j, const char *name, double value)
{
    char text[400]; /* as many digits as the largest double has */

    if (!isfinite(value)) {
        json_null(j, name);
        return;
    }
    snprintf(text, sizeof(text), "%.3f", value);
    json_number(j, name, text);
}

void json_bool(struct json *j, const char *name, bool value)
{
    json_number(j, name, value ? "true" : "false");
}

struct str json_text(const struct json *j)
{
    return (struct str){j->text, j->len};
}
