/*
 * range.h: byte ranges (RFC 9110 14).  Every number is 64-bit and checked; a request for many or
 * overlapping pieces is answered whole instead of at a multiple of its size.
 */
#ifndef WEIR_HTTP_RANGE_H
#define WEIR_HTTP_RANGE_H

#include "base/str.h"

#define RANGE_MAX 16
/* Room for "bytes FIRST-LAST/SIZE" and a NUL. */
#define RANGE_CONTENT_SIZE 72

struct range {
    uint64_t first, last; /* both inclusive; last < size */
};

struct range_set {
    unsigned count;
    struct range ranges[RANGE_MAX]; /* as asked, neither sorted nor merged */
};

enum range_result {
    RANGE_WHOLE,        /* ignore the field: 200 */
    RANGE_PARTIAL,      /* 206 with the ranges of the set */
    RANGE_UNSATISFIABLE /* 416 with the unsatisfied form of Content-Range */
};

/*
 * Reads a Range field against a representation of `size` bytes (RFC 9110 14.1.2, 14.2).  Whole:
 * another unit, bad syntax, more than RANGE_MAX ranges, or more bytes in sum than `size`.
 */
enum range_result range_parse(struct str field, uint64_t size, struct range_set *set);

/* Writes a Content-Range value (RFC 9110 14.4); NULL for `range` writes the unsatisfied form. */
void range_print_content(const struct range *range, uint64_t size, char out[RANGE_CONTENT_SIZE]);

#endif
