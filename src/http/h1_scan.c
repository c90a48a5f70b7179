/*
 * h1_scan.c: the scan before the parser.  One pass, sixteen bytes at a time where the processor can, so that
 * a clean head costs little more than a copy of it would.
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
    *scan = (struct h1_scan){.pool = pool, .clean = true};
}

static enum h1_verdict scan_refuse(struct h1_scan *scan, enum h1_verdict verdict, size_t at,
                                   const char *reason)
{
    scan->at = at;
    scan->reason = reason;
    return verdict;
}

/* ---- finding bytes ---- */

/* What an #ifdef leaves out here makes it faster only. */

#ifdef __SSE2__
static inline __m128i load_sixteen(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* A bit for each of sixteen bytes that is CR or below: nothing is left of it when CR is taken from it. */
static inline unsigned mark_low(__m128i bytes)
{
    __m128i left = _mm_subs_epu8(bytes, _mm_set1_epi8('\r'));

    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(left, _mm_setzero_si128()));
}

/* Bytes of ones where a byte is a control above CR: 0x0e to 0x1f, or DEL. */
static inline __m128i find_controls(__m128i bytes)
{
    __m128i above = _mm_sub_epi8(bytes, _mm_set1_epi8('\r' + 1));
    __m128i most = _mm_min_epu8(above, _mm_set1_epi8(' ' - 1 - ('\r' + 1)));

    return _mm_or_si128(_mm_cmpeq_epi8(above, most), _mm_cmpeq_epi8(bytes, _mm_set1_epi8(127)));
}

/* The same as find_low(), of at least sixteen bytes. */
static inline size_t find_low_fast(const char *data, size_t at, size_t len, bool *clean)
{
    __m128i controls = _mm_setzero_si128(), bytes;
    size_t last = len - 16;
    unsigned low = 0;

    for (; at <= last && !low; at += 16) {
        bytes = load_sixteen(data + at);
        low = mark_low(bytes);
        controls = _mm_or_si128(controls, find_controls(bytes));
    }
    if (low) {
        at -= 16;
    } else {
        /* The last sixteen bytes once more: those that were looked at are shifted out. */
        bytes = load_sixteen(data + last);
        low = mark_low(bytes) >> (at - last);
        controls = _mm_or_si128(controls, find_controls(bytes));
    }
    if (_mm_movemask_epi8(controls))
        *clean = false;
    return low ? at + (unsigned)__builtin_ctz(low) : len;
}
#endif

/*
 * The first byte in data[at..len) that is CR or below: LF or NUL, but HTAB too; or `len`.  *clean becomes false
 * when there is another control before it, or somewhat behind it.
 */
static inline size_t find_low(const char *data, size_t at, size_t len, bool *clean)
{
#ifdef __SSE2__
    if (len >= 16)
        return find_low_fast(data, at, len, clean);
#endif
    for (; at < len && (unsigned char)data[at] > '\r'; at++)
        if ((unsigned char)data[at] < ' ' || data[at] == 127)
            *clean = false;
    return at;
}

/* The first colon in data[at..end), or a place at or behind `end`; bytes up to `len` may be looked at. */
static inline size_t find_colon(const char *data, size_t at, size_t end, size_t len)
{
#ifdef __SSE2__
    for (; at < end && at + 16 <= len; at += 16) {
        __m128i equal = _mm_cmpeq_epi8(load_sixteen(data + at), _mm_set1_epi8(':'));
        unsigned colons = (unsigned)_mm_movemask_epi8(equal);

        if (colons)
            return at + (unsigned)__builtin_ctz(colons);
    }
#else
    (void)len;
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
static enum h1_verdict scan_line(struct h1_scan *scan, enum h1_direction direction,
                                 const struct h1_limits *limits, const char *data, size_t end, size_t len)
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

static enum h1_verdict scan_crlf(struct h1_scan *scan, enum h1_direction direction,
                                 const struct h1_limits *limits, const char *data, size_t at, size_t len)
{
    enum h1_verdict verdict;

    if (data[at + 1] != '\n')
        return scan_refuse(scan, H1_SCAN_BAD, at, "CR without LF");
    verdict = scan_line(scan, direction, limits, data, at, len);
    return verdict == H1_SCAN_MORE ? scan_first(scan, data, len) : verdict;
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

/* What else is spoken by mistake: the record of a ClientHello (RFC 8446 5.1), the SETTINGS that HTTP/2 begins with (RFC
 * 9113 3.4). */
static void scan_name(struct h1_scan *scan, enum h1_direction direction, const char *data, size_t len)
{
    if (direction == H1_REQUEST && len >= 2 && data[0] == 0x16 && data[1] == 0x03)
        scan->reason = "TLS where HTTP in the clear is spoken";
    else if (direction == H1_RESPONSE && len >= 9 && memcmp(data + 3, "\4\0\0\0\0", 6) == 0)
        scan->reason = "the server speaks HTTP/2; write protocol = \"h2\"";
}

static enum h1_verdict scan_all(struct h1_scan *scan, enum h1_direction direction, const struct h1_limits *limits,
                                const char *data, size_t len)
{
    enum h1_verdict verdict = scan_first(scan, data, len);

    while (verdict == H1_SCAN_MORE) {
        size_t end = find_low(data, scan->next, len, &scan->clean);

        /* A CR that is the last byte may still get its LF. */
        if (end == len || (end + 1 == len && data[end] == '\r'))
            return scan_partial(scan, limits, end, len);
        if (data[end] == '\r')
            verdict = scan_crlf(scan, direction, limits, data, end, len);
        else if (data[end] == '\n')
            verdict = scan_refuse(scan, H1_SCAN_BAD, end, "LF without CR");
        else if (data[end] == '\0')
            verdict = scan_refuse(scan, H1_SCAN_BAD, end, "NUL in the head");
        else {
            scan->clean = false;
            scan->next = end + 1;
        }
    }
    return verdict;
}

enum h1_verdict h1_scan_feed(struct h1_scan *scan, enum h1_direction direction,
                             const struct h1_limits *limits, const char *data, size_t len)
{
    enum h1_verdict verdict = scan_all(scan, direction, limits, data, len);

    if (verdict == H1_SCAN_BAD)
        scan_name(scan, direction, data, len);
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
