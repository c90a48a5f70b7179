/*
 * cli_table.h: text in columns, for people at a terminal.  Control characters are shown as '?'.
 */
#ifndef WEIR_MAIN_CLI_TABLE_H
#define WEIR_MAIN_CLI_TABLE_H

#include <stdio.h>

#include "base/pool.h"

#define CLI_TABLE_COLUMNS 16

struct cli_table {
    struct pool *pool;
    size_t columns, count, room; /* cells in all */
    const char **cells; /* row by row, the headings first */
};

/*
 * The headings are the first row: one that begins with '>' is of a column of numbers, which ends at the
 * right.
 */
void cli_table_init(struct cli_table *, struct pool *, const char *const *headings, size_t columns);

/* The next cell; NULL: "-". */
void cli_table_add(struct cli_table *, const char *text);
void cli_table_add_uint(struct cli_table *, unsigned long long value);

/* Each line begins with `indent`. */
void cli_table_print(const struct cli_table *, const char *indent, FILE *to);

#endif
