/*
 * h1_scan.c: the scan before the parser.  One pass, sixteen bytes at a time where the processor can, so that a
 * clean head costs little more than a copy of it would.
 */
#include "http/h1_scan.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * RFC 9112 2.2 asks for at least one; two CRLF forgive a client that ends its body with one too
 * many.
 */
#define H1_SCAN_EMPTY_LINES 2
/* As many fields as most heads have. */
#define H1_SCAN_FIRST_ROOM 32

void h1_scan_init(struct h1_scan *scan, struct pool *pool)
{
    *scan = (struct h1_scan){.pool = pool};
}

static enum h1_verdict scan_refuse(struct h1_scan *scan, enum h1_verdict verdict, size_t at,
                                   const char *reason)
{
    scan->at = at;
    scan->reason = reason;
    return verdict;
}

/* ---- finding bytes ---- */

/*
 * What an #ifdef leaves out here makes it faster only.
 */

#ifdef __SSE2__
static inline __m128i load_sixteen(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static inline unsigned mark_sixteen(const char *at)
{
    __m128i bytes = load_sixteen(at);

    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8('\r')), bytes));
}
#endif

/* A bit for each of up to sixteen bytes of data[at..len) that is CR or below: LF and NUL, but HTAB too. */
static inline unsigned mark_low(const char *data, size_t at, size_t len)
{
    size_t left = len - at;
    unsigned marks = 0;

#ifdef __SSE2__
    if (left >= 16)
        return mark_sixteen(data + at);
    /* The last sixteen bytes: those that were marked before are shifted out. */
    if (len >= 16)
        return mark_sixteen(data + len - 16) >> (16 - left);
#endif
    for (size_t i = 0; i < 16 && i < left; i++)
        marks |= (unsigned)((unsigned char)data[at + i] <= '\r') << i;
    return marks;
}

/* The first colon in data[at..end), or a place at or behind `end`; bytes up to `len` may be looked at. */
static inline size_t find_colon(const char *data, size_t at, size_t end, size_t len)
{
#ifdef __SSE2__
    for (; at < end && len - at >= 16; at += 16) {
        unsigned colons = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(load_sixteen(data + at), _mm_set1_epi8(':')));

        if (colons)
            return at + (size_t)__builtin_ctz(colons);
    }
#endif
    while (at < end && data[at] != ':')
        at++;
    return at;
}

/* ---- whole lines ---- */

/* Exactly "method SP target SP version", none of them empty. */
static enum h1_verdict scan_request_line(struct h1_scan *scan, const char *text, size_t len)
{
    const char *one = memchr(text, ' ', len);
    const char *end = text + len;
    const char *two;

    if (one == NULL)
        return scan_refuse(scan, H1_SCAN_BAD, scan->line, "no space in the request line");
    two = memchr(one + 1, ' ', (size_t)(end - one - 1));
    if (two == NULL)
        return scan_refuse(scan, H1_SCAN_BAD, scan->line, "no version in the request line");
    if (one == text || two == one + 1 || two + 1 == end)
        return scan_refuse(scan, H1_SCAN_BAD, scan->line, "an empty part in the request line");
    if (memchr(two + 1, ' ', (size_t)(end - two - 1)) != NULL)
        return scan_refuse(scan, H1_SCAN_BAD, scan->line, "too many spaces in the request line");
    return H1_SCAN_MORE;
}

static enum h1_verdict scan_start_line(struct h1_scan *scan, enum h1_direction direction,
                                       const struct h1_limits *limits, const char *text, size_t len)
{
    scan->start_line = len;
    if (len > limits->start_line)
        return scan_refuse(scan, H1_SCAN_LINE_TOO_LONG, scan->line, "start line too long");
    return direction == H1_REQUEST ? scan_request_line(scan, text, len) : H1_SCAN_MORE;
}

static void scan_grow(struct h1_scan *scan, size_t most)
{
    size_t room = scan->room ? scan->room * 2 : H1_SCAN_FIRST_ROOM;
    struct h1_line *lines;

    if (room > most)
        room = most;
    lines = pool_alloc(scan->pool, room * sizeof(*lines));
    if (scan->fields)
        memcpy(lines, scan->lines, scan->fields * sizeof(*lines));
    scan->lines = lines;
    scan->room = room;
}

static enum h1_verdict scan_field_line(struct h1_scan *scan, const struct h1_limits *limits, const char *data,
                                       size_t end, size_t len)
{
    size_t line = scan->line, colon = find_colon(data, line, end, len);

    if (colon == line)
        return scan_refuse(scan, H1_SCAN_BAD, line, "empty field name");
    if (colon >= end)
        return scan_refuse(scan, H1_SCAN_BAD, line, "field line without a colon");
    if (scan->fields == limits->fields) {
        scan->fields++;
        return scan_refuse(scan, H1_SCAN_TOO_LARGE, line, "too many fields");
    }
    if (scan->fields == scan->room)
        scan_grow(scan, limits->fields);
    /* A head that is too large for these is refused before anyone looks at them. */
    scan->lines[scan->fields++] = (struct h1_line){
        .name = (uint32_t)(line - scan->start),
        .colon = (uint32_t)(colon - scan->start),
        .end = (uint32_t)(end - scan->start),
    };
    return H1_SCAN_MORE;
}

static enum h1_verdict scan_empty_line(struct h1_scan *scan, enum h1_direction direction,
                                       size_t after)
{
    if (scan->start_line) {
        scan->end = after;
        return H1_SCAN_DONE;
    }
    if (direction == H1_RESPONSE || ++scan->empty_lines > H1_SCAN_EMPTY_LINES)
        return scan_refuse(scan, H1_SCAN_BAD, scan->line, "empty line before the start line");
    scan->start = after;
    return H1_SCAN_MORE;
}

/* The line up to `end`, where its CRLF begins. */
static enum h1_verdict scan_line(struct h1_scan *scan, enum h1_direction direction, const struct h1_limits *limits,
                                 const char *data, size_t end, size_t len)
{
    enum h1_verdict verdict;

    if (end == scan->line)
        verdict = scan_empty_line(scan, direction, end + 2);
    else if (scan->start_line)
        verdict = scan_field_line(scan, limits, data, end, len);
    else
        verdict = scan_start_line(scan, direction, limits, data + scan->line, end - scan->line);
    if (verdict != H1_SCAN_MORE && verdict != H1_SCAN_DONE)
        return verdict;
    if (end + 2 - scan->start > limits->head)
        return scan_refuse(scan, H1_SCAN_TOO_LARGE, scan->line, "head too large");
    scan->line = scan->next = end + 2;
    return verdict;
}

/* ---- bytes as they come ---- */

/* The first byte of a line, where there is one yet. */
static enum h1_verdict scan_first(struct h1_scan *scan, const char *data, size_t len)
{
    if (scan->line < len && is_ows(data[scan->line]))
        return scan_refuse(scan, H1_SCAN_BAD, scan->line, "line begins with white space");
    return H1_SCAN_MORE;
}

/* A CR that is the last byte may still get its LF. */
static enum h1_verdict scan_cr(struct h1_scan *scan, enum h1_direction direction, const struct h1_limits *limits,
                               const char *data, size_t at, size_t len)
{
    enum h1_verdict verdict;

    if (at + 1 == len)
        return H1_SCAN_MORE;
    if (data[at + 1] != '\n')
        return scan_refuse(scan, H1_SCAN_BAD, at, "CR without LF");
    verdict = scan_line(scan, direction, limits, data, at, len);
    return verdict == H1_SCAN_MORE ? scan_first(scan, data, len) : verdict;
}

static enum h1_verdict scan_mark(struct h1_scan *scan, enum h1_direction direction, const struct h1_limits *limits,
                                 const char *data, size_t at, size_t len)
{
    switch (data[at]) {
    case '\r':
        return scan_cr(scan, direction, limits, data, at, len);
    case '\n':
        /* That of a CRLF is looked at with its CR. */
        if (at < scan->next)
            return H1_SCAN_MORE;
        return scan_refuse(scan, H1_SCAN_BAD, at, "LF without CR");
    case '\0':
        return scan_refuse(scan, H1_SCAN_BAD, at, "NUL in the head");
    default:
        return H1_SCAN_MORE;
    }
}

/* No CRLF yet in a line that is fine so far: refuse at once what no later byte can make good. */
static enum h1_verdict scan_partial(struct h1_scan *scan, const struct h1_limits *limits, const char *data,
                                    size_t len)
{
    scan->next = scan->line < len && data[len - 1] == '\r' ? len - 1 : len;
    if (!scan->start_line && scan->next - scan->line > limits->start_line)
        return scan_refuse(scan, H1_SCAN_LINE_TOO_LONG, scan->line, "start line too long");
    if (len - scan->start > limits->head)
        return scan_refuse(scan, H1_SCAN_TOO_LARGE, scan->line, "head too large");
    return H1_SCAN_MORE;
}

enum h1_verdict h1_scan_feed(struct h1_scan *scan, enum h1_direction direction,
                             const struct h1_limits *limits, const char *data, size_t len)
{
    enum h1_verdict verdict = scan_first(scan, data, len);

    for (size_t at = scan->next; at < len; at += 16) {
        for (unsigned marks = mark_low(data, at, len); marks;) {
            unsigned bit = (unsigned)__builtin_ctz(marks);

            verdict = scan_mark(scan, direction, limits, data, at + bit, len);
            if (verdict != H1_SCAN_MORE)
                return verdict;
            /* A CR has taken its LF with it. */
            marks &= data[at + bit] == '\r' ? ~(3u << bit) : ~(1u << bit);
        }
    }
    return verdict == H1_SCAN_MORE ? scan_partial(scan, limits, data, len) : verdict;
}

int h1_scan_status(enum h1_verdict verdict, enum h1_direction direction)
{
    if (verdict == H1_SCAN_MORE || verdict == H1_SCAN_DONE)
        return 0;
    if (direction == H1_RESPONSE)
        return 502;
    if (verdict == H1_SCAN_LINE_TOO_LONG)
        return 414;
    return verdict == H1_SCAN_TOO_LARGE ? 431 : 400;
}
