/*
 * h1_scan.c: the scan before the parser.  Everything is done with memchr over whole lines, which
 * the C library does many bytes at a time, so that a clean head costs little more than a copy of
 * it would.
 */
#include "http/h1_scan.h"

#include <string.h>

/*
 * RFC 9112 2.2 asks for at least one; two CRLF forgive a client that ends its body with one too
 * many.
 */
#define H1_SCAN_EMPTY_LINES 2

void h1_scan_init(struct h1_scan *scan)
{
    memset(scan, 0, sizeof(*scan));
}

static enum h1_verdict scan_refuse(struct h1_scan *scan, enum h1_verdict verdict, size_t at,
                                   const char *reason)
{
    scan->at = at;
    scan->reason = reason;
    return verdict;
}

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

static enum h1_verdict scan_field_line(struct h1_scan *scan, const struct h1_limits *limits,
                                       const char *text, size_t len)
{
    if (text[0] == ':')
        return scan_refuse(scan, H1_SCAN_BAD, scan->line, "empty field name");
    if (memchr(text, ':', len) == NULL)
        return scan_refuse(scan, H1_SCAN_BAD, scan->line, "field line without a colon");
    if (++scan->fields > limits->fields)
        return scan_refuse(scan, H1_SCAN_TOO_LARGE, scan->line, "too many fields");
    return H1_SCAN_MORE;
}

static enum h1_verdict scan_empty_line(struct h1_scan *scan, enum h1_direction direction,
                                       size_t after)
{
    if (scan->has_start_line) {
        scan->end = after;
        return H1_SCAN_DONE;
    }
    if (direction == H1_RESPONSE || ++scan->empty_lines > H1_SCAN_EMPTY_LINES)
        return scan_refuse(scan, H1_SCAN_BAD, scan->line, "empty line before the start line");
    scan->start = after;
    return H1_SCAN_MORE;
}

/* `text` is the line without its CRLF. */
static enum h1_verdict scan_line(struct h1_scan *scan, enum h1_direction direction,
                                 const struct h1_limits *limits, const char *text, size_t len)
{
    if (scan->has_start_line)
        return scan_field_line(scan, limits, text, len);
    scan->has_start_line = 1;
    if (len > limits->start_line)
        return scan_refuse(scan, H1_SCAN_LINE_TOO_LONG, scan->line, "start line too long");
    return direction == H1_REQUEST ? scan_request_line(scan, text, len) : H1_SCAN_MORE;
}

/* What can be said of the bytes [from, to) of the current line, before or without its CRLF. */
static enum h1_verdict scan_bytes(struct h1_scan *scan, const char *data, size_t from, size_t to)
{
    const char *bad;

    if (from >= to)
        return H1_SCAN_MORE;
    if (data[scan->line] == ' ' || data[scan->line] == '\t')
        return scan_refuse(scan, H1_SCAN_BAD, scan->line, "line begins with white space");
    bad = memchr(data + from, '\r', to - from);
    if (bad != NULL)
        return scan_refuse(scan, H1_SCAN_BAD, (size_t)(bad - data), "CR without LF");
    bad = memchr(data + from, '\0', to - from);
    if (bad != NULL)
        return scan_refuse(scan, H1_SCAN_BAD, (size_t)(bad - data), "NUL in the head");
    return H1_SCAN_MORE;
}

/* No LF yet: refuse at once what no later byte can make good. */
static enum h1_verdict scan_partial(struct h1_scan *scan, const struct h1_limits *limits,
                                    const char *data, size_t len)
{
    /* A CR that is the last byte may still get its LF; the one before `next` has been denied it. */
    size_t from = scan->next > scan->line ? scan->next - 1 : scan->line;
    size_t to = len > scan->line && data[len - 1] == '\r' ? len - 1 : len;
    enum h1_verdict verdict = scan_bytes(scan, data, from, to);

    if (verdict != H1_SCAN_MORE)
        return verdict;
    scan->next = len;
    if (!scan->has_start_line && to - scan->line > limits->start_line)
        return scan_refuse(scan, H1_SCAN_LINE_TOO_LONG, scan->line, "start line too long");
    if (len - scan->start > limits->head)
        return scan_refuse(scan, H1_SCAN_TOO_LARGE, scan->line, "head too large");
    return H1_SCAN_MORE;
}

enum h1_verdict h1_scan_feed(struct h1_scan *scan, enum h1_direction direction,
                             const struct h1_limits *limits, const char *data, size_t len)
{
    while (scan->next < len) {
        const char *text = data + scan->line;
        const char *lf = memchr(data + scan->next, '\n', len - scan->next);
        enum h1_verdict verdict;
        size_t n, after;

        if (lf == NULL)
            return scan_partial(scan, limits, data, len);
        if (lf == text || lf[-1] != '\r')
            return scan_refuse(scan, H1_SCAN_BAD, (size_t)(lf - data), "LF without CR");
        n = (size_t)(lf - text) - 1;
        after = (size_t)(lf - data) + 1;
        verdict = scan_bytes(scan, data, scan->line, scan->line + n);
        if (verdict == H1_SCAN_MORE)
            verdict = n == 0 ? scan_empty_line(scan, direction, after)
                             : scan_line(scan, direction, limits, text, n);
        if (verdict != H1_SCAN_MORE && verdict != H1_SCAN_DONE)
            return verdict;
        if (after - scan->start > limits->head)
            return scan_refuse(scan, H1_SCAN_TOO_LARGE, scan->line, "head too large");
        scan->line = scan->next = after;
        if (verdict == H1_SCAN_DONE)
            return verdict;
    }
    return H1_SCAN_MORE;
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
