/*
 * report.h: the errors of a configuration.  All that is wrong is collected in one run, then printed in
 * the order of the files: "FILE:LINE: what is wrong; what would be right".  Warnings, of what does nothing
 * where it stands, are kept apart: a configuration with them is valid.
 */
#ifndef WEIR_CONF_REPORT_H
#define WEIR_CONF_REPORT_H

#include <stdio.h>

#include "base/pool.h"

/* Where something was written; `file` is NULL for what was not written at all. */
struct conf_place {
    const char *file;
    unsigned line; /* from 1 */
};

struct conf_error {
    struct conf_place at;
    struct str what;
    size_t order; /* of its file first, then of the error itself, so that sorting is stable */
};

struct conf_report {
    struct pool *pool;
    struct conf_error *errors;
    size_t n;
    size_t room;
    struct conf_report *warnings; /* NULL: none */
};

/* An empty report whose texts live in `pool`. */
void conf_report_init(struct conf_report *, struct pool *pool);

/* Adds one error at `at`; the same text at the same place is kept once. */
void conf_report_add(struct conf_report *, struct conf_place at, const char *fmt, ...)
    WEIR_PRINTF(3, 4);

/* The same for a warning. */
void conf_report_warn(struct conf_report *, struct conf_place at, const char *fmt, ...) WEIR_PRINTF(3, 4);

/* Sorts by file (in the order in which files first had an error) and line. */
void conf_report_sort(struct conf_report *);

/* Sorts and prints one line for each error; returns how many there were. */
size_t conf_report_print(struct conf_report *, FILE *to);

/* The same for the warnings: "FILE:LINE: warning: what does nothing; what would be right". */
size_t conf_report_print_warnings(struct conf_report *, FILE *to);

#endif
