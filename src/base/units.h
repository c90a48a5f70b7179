/*
 * units.h: durations, sizes and percentages as people write them.
 * A duration is a whole number and ms, s, m, h or d ("500ms", "7d"); a bare number is seconds.  A size
 * is a whole number and k, m, g or t, powers of 1024 ("16k"), in either case; a bare number is bytes.
 * On failure the functions return -1, leave the result alone and write into `error` (cut at
 * `error_size`) a text that says what would be right; the caller adds file and line.
 */
#ifndef WEIR_BASE_UNITS_H
#define WEIR_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/str.h"

/* Enough for whatever units_print_* writes, with its NUL. */
#define UNITS_TEXT_MAX 32

/* A duration into milliseconds, 0 to INT64_MAX. */
int units_parse_duration(struct str text, int64_t *ms, char *error,
                         size_t error_size) WEIR_MUST_CHECK;

/* A number of seconds (an integer of the configuration) into milliseconds; negative is refused. */
int units_duration_from_seconds(int64_t seconds, int64_t *ms, char *error,
                                size_t error_size) WEIR_MUST_CHECK;

/* A size into bytes, 0 to UINT64_MAX. */
int units_parse_size(struct str text, uint64_t *bytes, char *error,
                     size_t error_size) WEIR_MUST_CHECK;

/* A whole number of percent, 0 to `max`; a "%" may follow. */
int units_parse_percent(struct str text, unsigned max, unsigned *percent, char *error,
                        size_t error_size) WEIR_MUST_CHECK;

/*
 * The shortest text that units_parse_duration reads back as exactly `ms` and that names its unit, e.g.
 * 90000 as "90s", 0 as "0s".  Negative ones get a "-".  Returns the text in `buf`.
 */
struct str units_print_duration(int64_t ms, char buf[UNITS_TEXT_MAX]);

/* The same for sizes, e.g. 16384 as "16k", 1000 as "1000". */
struct str units_print_size(uint64_t bytes, char buf[UNITS_TEXT_MAX]);

#endif
