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

static inline bool ends_search(char c, char mark)
{
    return c == mark || c == '\r' || c == '\n' || c == '\0';
}

#ifdef __SSE2__
/* A bit for each of sixteen bytes that is `mark`, or that is CR or below: HTAB and others may be among them. */
static inline unsigned find_candidates(const char *at, char mark)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8('\r')), bytes);

    if (mark != '\r')
        low = _mm_or_si128(low, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(mark)));
    return (unsigned)_mm_movemask_epi8(low);
}
#endif

/* The first `mark`, CR, LF or NUL in data[at..len), or `len`. */
static inline size_t scan_find(const char *data, size_t at, size_t len, char mark)
{
#ifdef __SSE2__
    while (len >= 16 && at < len) {
        /* The last sixteen bytes may begin before `at`: those that do are shifted out. */
        size_t over = len - at < 16 ? 16 - (len - at) : 0;

        for (unsigned hits = find_candidates(data + at - over, mark) >> over; hits; hits &= hits - 1) {
            size_t hit = at + (size_t)__builtin_ctz(hits);

            if (ends_search(data[hit], mark))
                return hit;
        }
        at += 16 - over;
    }
#endif
    while (at < len && !ends_search(data[at], mark))
        at++;
    return at;
}

/* ---- whole lines ---- */

/* Exactly "method SP target SP version", none of them empty. */
static enum h1_verdict scan_request_line(struct h1_scan *scan, const char *text, size_t len)
{
    size_t one = scan_find(text, 0, len, ' ');
    size_t two = one < len ? scan_find(text, one + 1, len, ' ') : len;

    if (one == len)
        return scan_refuse(scan, H1_SCAN_BAD, scan->line, "no space in the request line");
    if (two == len)
        return scan_refuse(scan, H1_SCAN_BAD, scan->line, "no version in the request line");
    if (one == 0 || two == one + 1 || two + 1 == len)
        return scan_refuse(scan, H1_SCAN_BAD, scan->line, "an empty part in the request line");
    if (scan_find(text, two + 1, len, ' ') != len)
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

static enum h1_verdict scan_field_line(struct h1_scan *scan, const struct h1_limits *limits, size_t end)
{
    /* No field stands where the data begins, so that no colon does. */
    if (scan->colon == scan->line)
        return scan_refuse(scan, H1_SCAN_BAD, scan->line, "empty field name");
    if (scan->colon == 0)
        return scan_refuse(scan, H1_SCAN_BAD, scan->line, "field line without a colon");
    if (scan->fields == limits->fields) {
        scan->fields++;
        return scan_refuse(scan, H1_SCAN_TOO_LARGE, scan->line, "too many fields");
    }
    if (scan->fields == scan->room)
        scan_grow(scan, limits->fields);
    /* A head that is too large for these is refused before anyone looks at them. */
    scan->lines[scan->fields++] = (struct h1_line){
        .name = (uint32_t)(scan->line - scan->start),
        .colon = (uint32_t)(scan->colon - scan->start),
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
static enum h1_verdict scan_line(struct h1_scan *scan, enum h1_direction direction,
                                 const struct h1_limits *limits, const char *data, size_t end)
{
    enum h1_verdict verdict;

    if (end == scan->line)
        verdict = scan_empty_line(scan, direction, end + 2);
    else if (scan->start_line)
        verdict = scan_field_line(scan, limits, end);
    else
        verdict = scan_start_line(scan, direction, limits, data + scan->line, end - scan->line);
    if (verdict != H1_SCAN_MORE && verdict != H1_SCAN_DONE)
        return verdict;
    if (end + 2 - scan->start > limits->head)
        return scan_refuse(scan, H1_SCAN_TOO_LARGE, scan->line, "head too large");
    scan->line = scan->next = end + 2;
    scan->colon = 0;
    return verdict;
}

/* ---- bytes as they come ---- */

/* The first byte not looked at that ends the line or must not be in it, or `len`; meets the colon on the way. */
static inline size_t scan_line_end(struct h1_scan *scan, const char *data, size_t len)
{
    size_t at = scan->next;

    if (scan->start_line && scan->colon == 0) {
        at = scan_find(data, at, len, ':');
        if (at == len || data[at] != ':')
            return at;
        scan->colon = at;
    }
    return scan_find(data, at, len, '\r');
}

/* No CRLF yet in a line that is fine up to `end`: refuse at once what no later byte can make good. */
static enum h1_verdict scan_partial(struct h1_scan *scan, const struct h1_limits *limits, size_t end,
                                    size_t len)
{
    scan->next = end;
    if (!scan->start_line && end - scan->line > limits->start_line)
        return scan_refuse(scan, H1_SCAN_LINE_TOO_LONG, scan->line, "start line too long");
    if (len - scan->start > limits->head)
        return scan_refuse(scan, H1_SCAN_TOO_LARGE, scan->line, "head too large");
    return H1_SCAN_MORE;
}

enum h1_verdict h1_scan_feed(struct h1_scan *scan, enum h1_direction direction,
                             const struct h1_limits *limits, const char *data, size_t len)
{
    enum h1_verdict verdict = H1_SCAN_MORE;

    while (scan->next < len && verdict == H1_SCAN_MORE) {
        size_t end;

        if (data[scan->line] == ' ' || data[scan->line] == '\t')
            return scan_refuse(scan, H1_SCAN_BAD, scan->line, "line begins with white space");
        end = scan_line_end(scan, data, len);
        /* A CR that is the last byte may still get its LF. */
        if (end == len || (end + 1 == len && data[end] == '\r'))
            return scan_partial(scan, limits, end, len);
        if (data[end] == '\0')
            return scan_refuse(scan, H1_SCAN_BAD, end, "NUL in the head");
        if (data[end] == '\n')
            return scan_refuse(scan, H1_SCAN_BAD, end, "LF without CR");
        if (data[end + 1] != '\n')
            return scan_refuse(scan, H1_SCAN_BAD, end, "CR without LF");
        verdict = scan_line(scan, direction, limits, data, end);
    }
    return verdict;
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
