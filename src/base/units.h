/*
 * units.h: durations and sizes as people write them, for messages and listings.  A duration is a whole number
 * and ms, s, m, h or d ("500ms", "7d"); a size is a whole number and k, m, g or t, powers of 1024 ("16k"), or
 * nothing for bytes.
 */
#ifndef WEIR_BASE_UNITS_H
#define WEIR_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/str.h"

/* Enough for whatever units_print_* writes, with its NUL. */
#define UNITS_TEXT_MAX 32

/*
 * The shortest text that is exactly `ms` and names its unit, e.g.
 * 90000 as "90s", 0 as "0s".  Negative ones get a "-".  Returns the text in `buf`.
 */
struct str units_print_duration(int64_t ms, char buf[UNITS_TEXT_MAX]);

/* The same for sizes, e.g. 16384 as "16k", 1000 as "1000". */
struct str units_print_size(uint64_t bytes, char buf[UNITS_TEXT_MAX]);

#endif
