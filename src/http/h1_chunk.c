/*
 * h1_chunk.c: a machine with one state per place in the grammar, one byte at a time except in the
 * data of a chunk, which is handed out whole.  No state looks back at input of an earlier call.
 */
#include "http/h1_chunk.h"

#include "http/bytes.h"

#define H1_CHUNK_DIGITS 16

enum chunk_state {
    CHUNK_SIZE,
    CHUNK_EXT,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_LINE, /* the start of a trailer line or of the last, empty one */
    CHUNK_NAME,
    CHUNK_VALUE,
    CHUNK_VALUE_LF,
    CHUNK_LAST_LF,
    CHUNK_DONE,
    CHUNK_FAILED
};

void h1_chunk_init(struct h1_chunk *chunk, size_t max_trailers, size_t max_trailer_bytes,
                   struct header_list *sink)
{
    *chunk = (struct h1_chunk){
        .max_trailers = max_trailers,
        .max_trailer_bytes = max_trailer_bytes,
        .sink = sink,
    };
}

static void chunk_fail(struct h1_chunk *chunk, int status, const char *reason)
{
    chunk->state = CHUNK_FAILED;
    chunk->status = status;
    chunk->reason = reason;
}

static bool chunk_is_text(char c)
{
    return c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7f);
}

static void chunk_size(struct h1_chunk *chunk, char c)
{
    int digit = hex_digit(c);

    if (digit >= 0) {
        if (++chunk->digits > H1_CHUNK_DIGITS || chunk->left > (uint64_t)INT64_MAX >> 4)
            chunk_fail(chunk, 400, "chunk size too large");
        else
            chunk->left = chunk->left << 4 | (uint64_t)digit;
    } else if (chunk->digits == 0) {
        chunk_fail(chunk, 400, "chunk size without digits");
    } else if (c == '\r') {
        chunk->state = CHUNK_SIZE_LF;
    } else if (c == ';') {
        chunk->ext = 1;
        chunk->state = CHUNK_EXT;
    } else {
        chunk_fail(chunk, 400, "malformed chunk size");
    }
}

static void chunk_ext(struct h1_chunk *chunk, char c)
{
    if (c == '\r') {
        chunk->ext_total += chunk->ext;
        chunk->state = CHUNK_SIZE_LF;
        if (chunk->ext_total > H1_CHUNK_EXT_TOTAL)
            chunk_fail(chunk, 413, "too many chunk extensions");
    } else if (!chunk_is_text(c)) {
        chunk_fail(chunk, 400, "control character in a chunk extension");
    } else if (++chunk->ext > H1_CHUNK_EXT_MAX) {
        chunk_fail(chunk, 413, "chunk extension too long");
    }
}

/* Takes one exact byte and goes on to `next`. */
static void chunk_expect(struct h1_chunk *chunk, char c, char wanted, enum chunk_state next,
                         const char *reason)
{
    if (c == wanted)
        chunk->state = next;
    else
        chunk_fail(chunk, 400, reason);
}

static void chunk_size_lf(struct h1_chunk *chunk, char c)
{
    chunk_expect(chunk, c, '\n', chunk->left ? CHUNK_DATA : CHUNK_LINE, "CR without LF");
}

/* Size and extensions of the next chunk start from nothing. */
static void chunk_data_lf(struct h1_chunk *chunk, char c)
{
    chunk->digits = 0;
    chunk->ext = 0;
    chunk_expect(chunk, c, '\n', CHUNK_SIZE, "CR without LF");
}

/*
 * Keeps a byte of the trailer section; the section has one buffer, taken when its first byte
 * comes.
 */
static void chunk_keep(struct h1_chunk *chunk, char c)
{
    if (++chunk->trailer_bytes > chunk->max_trailer_bytes) {
        chunk_fail(chunk, 431, "trailers too large");
        return;
    }
    if (chunk->sink == NULL)
        return;
    if (chunk->text == NULL)
        chunk->text = pool_text(chunk->sink->pool, chunk->max_trailer_bytes);
    chunk->text[chunk->trailer_bytes - 1] = c;
}

static void chunk_line(struct h1_chunk *chunk, char c)
{
    if (c == '\r') {
        chunk->state = CHUNK_LAST_LF;
        return;
    }
    if (!bytes_are_token((struct str){&c, 1})) {
        chunk_fail(chunk, 400, "malformed trailer");
        return;
    }
    if (++chunk->trailers > chunk->max_trailers) {
        chunk_fail(chunk, 431, "too many trailers");
        return;
    }
    chunk->name_at = chunk->trailer_bytes;
    chunk->state = CHUNK_NAME;
    chunk_keep(chunk, c);
}

static void chunk_name(struct h1_chunk *chunk, char c)
{
    if (c == ':') {
        chunk->colon_at = chunk->trailer_bytes;
        chunk->state = CHUNK_VALUE;
    } else if (!bytes_are_token((struct str){&c, 1})) {
        chunk_fail(chunk, 400, "malformed trailer name");
        return;
    }
    chunk_keep(chunk, c);
}

static void chunk_value(struct h1_chunk *chunk, char c)
{
    if (c == '\r')
        chunk->state = CHUNK_VALUE_LF;
    else if (chunk_is_text(c))
        chunk_keep(chunk, c);
    else
        chunk_fail(chunk, 400, "control character in a trailer");
}

static void chunk_value_lf(struct h1_chunk *chunk, char c)
{
    struct str name, value;

    chunk_expect(chunk, c, '\n', CHUNK_LINE, "CR without LF");
    if (chunk->state != CHUNK_LINE || chunk->sink == NULL)
        return;
    name = (struct str){chunk->text + chunk->name_at, chunk->colon_at - chunk->name_at};
    value = (struct str){chunk->text + chunk->colon_at + 1,
                         chunk->trailer_bytes - chunk->colon_at - 1};
    if (header_add(chunk->sink, name, str_trim(value)) != 0)
        chunk_fail(chunk, 431, "too many trailers");
}

static void chunk_byte(struct h1_chunk *chunk, char c)
{
    switch ((enum chunk_state)chunk->state) {
    case CHUNK_SIZE:
        chunk_size(chunk, c);
        break;
    case CHUNK_EXT:
        chunk_ext(chunk, c);
        break;
    case CHUNK_SIZE_LF:
        chunk_size_lf(chunk, c);
        break;
    case CHUNK_DATA_CR:
        chunk_expect(chunk, c, '\r', CHUNK_DATA_LF, "no CRLF after chunk data");
        break;
    case CHUNK_DATA_LF:
        chunk_data_lf(chunk, c);
        break;
    case CHUNK_LINE:
        chunk_line(chunk, c);
        break;
    case CHUNK_NAME:
        chunk_name(chunk, c);
        break;
    case CHUNK_VALUE:
        chunk_value(chunk, c);
        break;
    case CHUNK_VALUE_LF:
        chunk_value_lf(chunk, c);
        break;
    case CHUNK_LAST_LF:
        chunk_expect(chunk, c, '\n', CHUNK_DONE, "CR without LF");
        break;
    case CHUNK_DATA:
    case CHUNK_DONE:
    case CHUNK_FAILED:
        break;
    }
}

static void chunk_take(struct h1_chunk *chunk, struct str *in, struct str *data)
{
    size_t n = in->len < chunk->left ? in->len : (size_t)chunk->left;

    *data = (struct str){in->s, n};
    in->s += n;
    in->len -= n;
    chunk->left -= n;
    if (chunk->left == 0)
        chunk->state = CHUNK_DATA_CR;
}

enum h1_chunk_event h1_chunk_next(struct h1_chunk *chunk, struct str *in, struct str *data)
{
    for (;;) {
        if (chunk->state == CHUNK_DONE)
            return H1_CHUNK_END;
        if (chunk->state == CHUNK_FAILED)
            return H1_CHUNK_BAD;
        if (in->len == 0)
            return H1_CHUNK_MORE;
        if (chunk->state == CHUNK_DATA) {
            chunk_take(chunk, in, data);
            return H1_CHUNK_DATA;
        }
        chunk_byte(chunk, *in->s);
        in->s++;
        in->len--;
    }
}

enum h1_chunk_event h1_chunk_join(struct h1_chunk *chunk, char *bytes, size_t len, struct str *body,
                                  struct str *rest)
{
    enum h1_chunk_event event;
    struct str data;
    char *end = bytes;

    *rest = (struct str){bytes, len};
    *body = STR_NONE;
    while ((event = h1_chunk_next(chunk, rest, &data)) == H1_CHUNK_DATA) {
        if (!body->s) {
            *body = (struct str){data.s, 0};
            end = bytes + (data.s - bytes);
        }
        if (end != data.s)
            memmove(end, data.s, data.len);
        end += data.len;
        body->len += data.len;
    }
    return event;
}

size_t h1_chunk_size_line(char out[H1_CHUNK_LINE_MAX], uint64_t size)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 1;

    for (uint64_t rest = size >> 4; rest; rest >>= 4)
        n++;
    for (size_t i = n; i-- > 0; size >>= 4)
        out[i] = digits[size & 15];
    memcpy(out + n, "\r\n", 3);
    return n + 2;
}
