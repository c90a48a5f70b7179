/*
 * text.h: the text pass.  libconfig 1.5 stops at its first error, reads integers past 31 bits as 0 and
 * glues strings that lack a comma; so each file is first read as text, includes are put in, slips are
 * reported all in one run, and libconfig gets one clean text whose lines are known by file and line.
 */
#ifndef WEIR_CONF_TEXT_H
#define WEIR_CONF_TEXT_H

#include "base/pool.h"
#include "conf/report.h"

/* With a number behind it, the name of a setting that was written twice: the second one's in the clean text. */
#define CONF_TEXT_AGAIN "*again-"

/* How deep `@include` may nest. */
#define CONF_INCLUDE_DEPTH 10

struct conf_text {
    char *s; /* ends in NUL; comments, includes and trailing commas are gone */
    size_t len;
    struct conf_place *lines; /* lines[i]: where line i + 1 of `s` was written */
    size_t n_lines;
    const char *dir; /* what relative paths are relative to */
    bool mended;     /* there were errors, and `s` is the text as it was most likely meant */
};

/*
 * Reads `path` with all it includes; a relative `@include` is looked up in `dir`.  Everything lives in
 * `pool`.  0, or -1 with errors added to `report`; if `mended`, what was read may still be loaded to find more.
 */
int conf_text_read(struct conf_text *, struct pool *, struct conf_report *report, const char *path,
    const char *dir) WEIR_MUST_CHECK;

/* The same for text in memory, reported as `name`. */
int conf_text_from(struct conf_text *, struct pool *, struct conf_report *report, const char *name,
    const char *dir, struct str content) WEIR_MUST_CHECK;

/* Where line `line` (from 1) of the clean text was written. */
struct conf_place conf_text_place(const struct conf_text *, unsigned line);

/* `path`, absolute or in `dir`, as a string of `pool`. */
const char *conf_path_in(struct pool *, const char *dir, struct str path);

#endif
