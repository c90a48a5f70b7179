/* h1_write.c: see h1_write.h. */
#include "http/h1_write.h"

#include "http/bytes.h"

static bool put(struct h1_buffer *b, struct str text)
{
    if (b->room - b->used < text.len)
        return false;
    if (text.len > 0)
        memcpy(b->bytes + b->used, text.s, text.len);
    b->used += text.len;
    return true;
}

/* NAME: VALUE CRLF, where there is room. */
static void put_line(struct h1_buffer *b, struct str name, struct str value)
{
    char *to = b->bytes + b->used;

    memcpy(to, name.s, name.len);
    to += name.len;
    *to++ = ':';
    *to++ = ' ';
    if (value.len > 0)
        memcpy(to, value.s, value.len);
    to += value.len;
    *to++ = '\r';
    *to++ = '\n';
    b->used = (size_t)(to - b->bytes);
}

/* A name that has a number is a token. */
static bool is_safe(const struct header *field)
{
    return field->checked ||
           ((field->id != HEADER_OTHER || bytes_are_token(field->name)) && bytes_are_value(field->value));
}

static enum h1_written put_field(struct h1_buffer *b, struct str name, struct str value)
{
    if (b->room - b->used < name.len + value.len + 4)
        return H1_WRITE_FULL;
    put_line(b, name, value);
    return H1_WRITTEN;
}

static enum h1_written put_framing(struct h1_buffer *b, const struct h1_framing *framing)
{
    char digits[STR_U64_MAX];
    enum h1_written result = H1_WRITTEN;

    if (framing->kind == H1_LENGTH_KNOWN)
        result = put_field(b, STR("Content-Length"), str_of_u64(framing->length, digits));
    else if (framing->kind == H1_LENGTH_CHUNKED)
        result = put_field(b, STR("Transfer-Encoding"), STR("chunked"));
    if (result == H1_WRITTEN && framing->connection.len > 0)
        result = bytes_are_value(framing->connection) ? put_field(b, STR("Connection"), framing->connection)
                                                      : H1_WRITE_UNSAFE;
    return result;
}

/*
 * The text of `field` and of those behind it that stand one behind the other in the head they came in, each
 * as put_line() would write it: it is the same when it is written at once.  *next is the first that is not
 * among them.
 */
static struct str run_of(const struct header *field, const struct header *last, const struct header **next)
{
    const char *start = field->name.s, *end = start;

    for (; field < last && field->in_line && field->name.s == end; field++)
        end = field->value.s + field->value.len + 2;
    *next = field;
    return (struct str){start, (size_t)(end - start)};
}

static enum h1_written put_one(struct h1_buffer *b, const struct header *field)
{
    return is_safe(field) ? put_field(b, field->name, field->value) : H1_WRITE_UNSAFE;
}

/* Everything after the first line, the empty line included. */
static enum h1_written put_fields(struct h1_buffer *b, const struct message *head,
                                  const struct h1_framing *framing)
{
    const struct header *field = head->headers.items, *last = field + head->headers.count;
    enum h1_written result = H1_WRITTEN;

    while (field < last && result == H1_WRITTEN) {
        if (!field->in_line)
            result = put_one(b, field++);
        else if (!put(b, run_of(field, last, &field)))
            result = H1_WRITE_FULL;
    }
    if (result == H1_WRITTEN)
        result = put_framing(b, framing);
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

    if (!bytes_are_token(head->method) || !bytes_are_target(head->target))
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

    if (head->status < 100 || head->status > 999 || !bytes_are_value(head->reason))
        return H1_WRITE_UNSAFE;
    line[9] = (char)('0' + head->status / 100);
    line[10] = (char)('0' + head->status / 10 % 10);
    line[11] = (char)('0' + head->status % 10);
    if (put(b, (struct str){line, sizeof(line) - 1}) && put(b, head->reason) && put(b, STR("\r\n")))
        result = put_fields(b, head, framing);
    return undo_unless_written(b, before, result);
}
