/* h1_write.c: see h1_write.h. */
#include <stdio.h>

#include "http/h1_write.h"

static bool put(struct h1_buffer *b, struct str text)
{
    if (b->room - b->used < text.len)
        return false;
    if (text.len > 0)
        memcpy(b->bytes + b->used, text.s, text.len);
    b->used += text.len;
    return true;
}

/* RFC 9110 5.6.2 */
static bool is_token_byte(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
           (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_token_byte((unsigned char)s.s[i]))
            return false;
    return s.len > 0;
}

/* No control byte but HTAB (RFC 9110 5.5). */
static bool is_field_value(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.s[i];

        if ((c < ' ' && c != '\t') || c == 127)
            return false;
    }
    return true;
}

/* Visible ASCII without '#': RFC 9112 3.2, no fragment. */
static bool is_target(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.s[i];

        if (c <= ' ' || c >= 127 || c == '#')
            return false;
    }
    return s.len > 0;
}

static enum h1_written put_field(struct h1_buffer *b, struct str name, struct str value)
{
    if (!is_token(name) || !is_field_value(value))
        return H1_WRITE_UNSAFE;
    if (!put(b, name) || !put(b, STR(": ")) || !put(b, value) || !put(b, STR("\r\n")))
        return H1_WRITE_FULL;
    return H1_WRITTEN;
}

static enum h1_written put_framing(struct h1_buffer *b, const struct h1_framing *framing)
{
    char digits[24];
    enum h1_written result = H1_WRITTEN;

    if (framing->kind == H1_LENGTH_KNOWN) {
        int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)framing->length);

        result = put_field(b, STR("Content-Length"), (struct str){digits, (size_t)n});
    } else if (framing->kind == H1_LENGTH_CHUNKED) {
        result = put_field(b, STR("Transfer-Encoding"), STR("chunked"));
    }
    if (result == H1_WRITTEN && framing->connection.len > 0)
        result = put_field(b, STR("Connection"), framing->connection);
    return result;
}

/* Everything after the first line, the empty line included. */
static enum h1_written put_fields(struct h1_buffer *b, const struct message *head,
                                  const struct h1_framing *framing)
{
    for (size_t i = 0; i < head->headers.count; i++) {
        const struct header *field = &head->headers.items[i];
        enum h1_written result = put_field(b, field->name, field->value);

        if (result != H1_WRITTEN)
            return result;
    }
    enum h1_written result = put_framing(b, framing);

    if (result == H1_WRITTEN && !put(b, STR("\r\n")))
        result = H1_WRITE_FULL;
    return result;
}

static enum h1_written undo_unless_written(struct h1_buffer *b, size_t before, enum h1_written result)
{
    if (result != H1_WRITTEN)
        b->used = before;
    return result;
}

enum h1_written h1_write_request(struct h1_buffer *b, const struct message *head,
                                 const struct h1_framing *framing)
{
    size_t before = b->used;
    enum h1_written result = H1_WRITE_FULL;

    if (!is_token(head->method) || !is_target(head->target))
        return H1_WRITE_UNSAFE;
    if (put(b, head->method) && put(b, STR(" ")) && put(b, head->target) &&
        put(b, STR(" HTTP/1.1\r\n")))
        result = put_fields(b, head, framing);
    return undo_unless_written(b, before, result);
}

enum h1_written h1_write_response(struct h1_buffer *b, const struct message *head,
                                  const struct h1_framing *framing)
{
    size_t before = b->used;
    enum h1_written result = H1_WRITE_FULL;
    char line[] = "HTTP/1.1 000 ";

    if (head->status < 100 || head->status > 999 || !is_field_value(head->reason))
        return H1_WRITE_UNSAFE;
    line[9] = (char)('0' + head->status / 100);
    line[10] = (char)('0' + head->status / 10 % 10);
    line[11] = (char)('0' + head->status % 10);
    if (put(b, (struct str){line, sizeof(line) - 1}) && put(b, head->reason) && put(b, STR("\r\n")))
        result = put_fields(b, head, framing);
    return undo_unless_written(b, before, result);
}
