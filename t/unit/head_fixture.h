/* head_fixture.h: a head cut into lines as simply as can be, to parse what a scan would refuse, and to judge scans. */
#ifndef WEIR_TEST_HEAD_FIXTURE_H
#define WEIR_TEST_HEAD_FIXTURE_H

#include "http/h1_scan.h"

#define HEAD_LINES_MAX 64

/* The lines between CRLFs, up to the empty one; a field without a colon ends with its name. */
static inline void head_cut(struct str head, struct h1_scan *scan, struct h1_line lines[HEAD_LINES_MAX])
{
    const char *at = head.s, *end = head.s + head.len, *crlf;

    *scan = (struct h1_scan){.lines = lines, .end = head.len};
    while ((crlf = memmem(at, (size_t)(end - at), "\r\n", 2)) != NULL && crlf > at && scan->fields < HEAD_LINES_MAX) {
        const char *colon = memchr(at, ':', (size_t)(crlf - at));

        if (scan->start_line == 0) {
            scan->start_line = (size_t)(crlf - at);
        } else {
            struct h1_line *line = &lines[scan->fields++];

            line->name = (uint32_t)(at - head.s);
            line->end = (uint32_t)(crlf - head.s);
            line->colon = colon ? (uint32_t)(colon - head.s) : line->end - 1;
        }
        at = crlf + 2;
    }
}

#endif
