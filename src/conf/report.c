/*
 * report.c: collects the errors of a configuration and prints them in the order of the text, because
 * the checks that find them (text pass, libconfig, tables, references) run one after the other.
 */
#include "conf/report.h"

#include <stdarg.h>
#include <stdlib.h>

void conf_report_init(struct conf_report *r, struct pool *pool)
{
    *r = (struct conf_report){.pool = pool};
}

static int same_file(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_known(const struct conf_report *r, struct conf_place at, struct str what)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct conf_error *e = &r->errors[i];
        if (e->at.line == at.line && same_file(e->at.file, at.file) && str_eq(e->what, what)) {
            return true;
        }
    }
    return false;
}

static struct conf_error *new_error(struct conf_report *r)
{
    if (r->n == r->room) {
        size_t room = r->room ? r->room * 2 : 16;
        struct conf_error *more = pool_alloc(r->pool, room * sizeof(*more));
        if (r->n) {
            memcpy(more, r->errors, r->n * sizeof(*more));
        }
        r->errors = more;
        r->room = room;
    }
    return &r->errors[r->n++];
}

static void add(struct conf_report *r, struct conf_place at, const char *fmt, va_list ap)
{
    char text[1024];
    int len = vsnprintf(text, sizeof(text), fmt, ap);
    size_t n = len < 0 ? 0 : (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
    struct str what = {text, n};
    if (is_known(r, at, what)) {
        return;
    }
    what = pool_str(r->pool, what);
    *new_error(r) = (struct conf_error){.at = at, .what = what};
}

void conf_report_add(struct conf_report *r, struct conf_place at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(r, at, fmt, ap);
    va_end(ap);
}

void conf_report_warn(struct conf_report *r, struct conf_place at, const char *fmt, ...)
{
    va_list ap;
    if (!r->warnings) {
        r->warnings = pool_alloc(r->pool, sizeof(*r->warnings));
        conf_report_init(r->warnings, r->pool);
    }
    va_start(ap, fmt);
    add(r->warnings, at, fmt, ap);
    va_end(ap);
}

static int by_place(const void *a, const void *b)
{
    const struct conf_error *x = a, *y = b;
    if (x->order >> 32 != y->order >> 32) {
        return x->order < y->order ? -1 : 1;
    }
    if (x->at.line != y->at.line) {
        return x->at.line < y->at.line ? -1 : 1;
    }
    return x->order < y->order ? -1 : x->order > y->order;
}

void conf_report_sort(struct conf_report *r)
{
    for (size_t i = 0; i < r->n; i++) {
        size_t first = 0;
        while (!same_file(r->errors[first].at.file, r->errors[i].at.file)) {
            first++;
        }
        /* The first error of the same file comes earlier in the array, so its rank is known. */
        size_t file = first < i ? r->errors[first].order >> 32 : i;
        r->errors[i].order = file << 32 | i;
    }
    if (r->n > 1) {
        qsort(r->errors, r->n, sizeof(*r->errors), by_place);
    }
}

static size_t print(struct conf_report *r, const char *kind, FILE *to)
{
    conf_report_sort(r);
    for (size_t i = 0; i < r->n; i++) {
        const struct conf_error *e = &r->errors[i];
        if (e->at.file && e->at.line) {
            fprintf(to, "%s:%u: %s%.*s\n", e->at.file, e->at.line, kind, STR_ARG(e->what));
        } else {
            fprintf(to, "%s: %s%.*s\n", e->at.file ? e->at.file : "configuration", kind, STR_ARG(e->what));
        }
    }
    return r->n;
}

size_t conf_report_print(struct conf_report *r, FILE *to)
{
    return print(r, "", to);
}

size_t conf_report_print_warnings(struct conf_report *r, FILE *to)
{
    return r->warnings ? print(r->warnings, "warning: ", to) : 0;
}
