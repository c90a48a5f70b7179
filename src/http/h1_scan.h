/*
 * h1_scan.h: looks through the raw bytes of an HTTP/1 head before any parser sees them.  It finds
 * where the head ends and refuses what two readers could understand differently: bare CR, bare
 * LF, NUL, folded lines, stray spaces, empty names (RFC 9112 2.2, 3, 5.1, 5.2).  It may be called
 * again and again while the bytes arrive, and looks at each of them once; it remembers where the
 * fields stand, as offsets, for the bytes may move meanwhile.
 */
#ifndef WEIR_HTTP_H1_SCAN_H
#define WEIR_HTTP_H1_SCAN_H

#include "base/pool.h"

/* What a head may hold; all three must be set. */
struct h1_limits {
    size_t start_line; /* bytes of the request or status line */
    size_t head; /* bytes of the whole head, less than 4 GB */
    size_t fields; /* field lines */
};

enum h1_direction { H1_REQUEST, H1_RESPONSE };

enum h1_verdict {
    H1_SCAN_MORE, /* fine so far, not complete */
    H1_SCAN_DONE, /* the head is data[start..end) */
    H1_SCAN_BAD, /* malformed: 400, or 502 for a response */
    H1_SCAN_LINE_TOO_LONG, /* 414, or 502 */
    H1_SCAN_TOO_LARGE /* too many bytes or fields: 431, or 502 */
};

/* A field line, counted from the first byte of the head. */
struct h1_line {
    uint32_t name; /* where the line begins */
    uint32_t colon; /* the first one */
    uint32_t end; /* its CR */
};

struct h1_scan {
    size_t start; /* where the head begins, after ignored empty lines */
    size_t end; /* H1_SCAN_DONE: the first byte after the head */
    size_t fields; /* field lines seen */
    struct h1_line *lines; /* one for each field */
    size_t at; /* refused: the offset of the offence */
    const char *reason; /* refused: why, for the log; static text */
    size_t line; /* offset of the line being read */
    size_t next; /* offset of the first byte not looked at */
    size_t start_line; /* bytes of the start line, once it is complete */
    bool clean; /* so far there was no control byte but the CR and LF of line ends; false may be said too much */
    size_t room; /* of lines[] */
    struct pool *pool;
    unsigned empty_lines;
};

/* A scan whose lines[] comes from `pool`. */
void h1_scan_init(struct h1_scan *, struct pool *pool);

/*
 * Goes on with `data`, which begins with the same bytes as in the call before and now holds `len`.
 * Once the answer is not H1_SCAN_MORE, the scan must be started anew for the next message.
 */
enum h1_verdict h1_scan_feed(struct h1_scan *, enum h1_direction, const struct h1_limits *,
                             const char *data, size_t len);

/* The status that answers a refusal; 502 for every response.  0 for MORE and DONE. */
int h1_scan_status(enum h1_verdict, enum h1_direction);

#endif
