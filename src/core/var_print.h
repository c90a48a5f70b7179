/*
 * var_print.h: numbers, times and addresses as variables show them.  Each writes into `scratch`, which the
 * result borrows; nothing ends in NUL.
 */
#ifndef WEIR_CORE_VAR_PRINT_H
#define WEIR_CORE_VAR_PRINT_H

#include "base/addr.h"

/* Enough for each of them. */
#define VAR_SCRATCH ADDR_TEXT_MAX

struct str var_print_number(uint64_t n, char scratch[VAR_SCRATCH]);

/* Milliseconds as seconds with three decimals; negative ones as 0. */
struct str var_print_seconds(int64_t ms, char scratch[VAR_SCRATCH]);

/* "2026-11-21T06:48:51Z" from seconds since 1970. */
struct str var_print_time(int64_t wall_s, char scratch[VAR_SCRATCH]);

/* As addr_print_ip(); STR_NONE when there is no address. */
struct str var_print_ip(const struct addr *, char scratch[VAR_SCRATCH]);

/* STR_NONE when there is none. */
struct str var_print_port(const struct addr *, char scratch[VAR_SCRATCH]);

#endif
