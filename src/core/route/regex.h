/*
 * regex.h: regular expressions of the configuration, matched against what strangers send.
 * Bytes, not characters; case folding is ASCII's.  Every match is bounded in steps, depth and
 * memory, so a pattern that backtracks without end costs a millisecond and answers REGEX_LIMIT.
 * "$" matches at the very end only, not before a final newline.
 */
#ifndef WEIR_CORE_ROUTE_REGEX_H
#define WEIR_CORE_ROUTE_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/pool.h"
#include "base/str.h"

#define REGEX_CAPTURES 10 /* $0 (the whole match) to $9 */

struct regex;
struct regex_scratch;

enum regex_result {
    REGEX_NO_MATCH,
    REGEX_MATCH,
    REGEX_LIMIT /* undecided: a limit was met; treat it as a failure, not as either answer */
};

/* Why a pattern was refused. */
struct regex_error {
    size_t offset; /* in bytes, into the pattern */
    char text[128];
};

/* What matched; the texts lie in the subject and live as long as it does. */
struct regex_captures {
    unsigned count; /* groups in `group`, $0 included; 0: nothing matched */
    struct str group[REGEX_CAPTURES]; /* a group that took no part is STR_NONE */
};

/* Compiles `pattern`, for the life of `pool`.  NULL: `*error` is filled. */
struct regex *regex_new(struct pool *pool, struct str pattern, bool nocase,
                        struct regex_error *error) WEIR_MUST_CHECK;

/*
 * Working memory for matches, for the life of `pool`: one for each process, made after fork, and
 * used for one match at a time.  Its size is fixed.
 */
struct regex_scratch *regex_scratch_new(struct pool *pool);

/*
 * Searches `subject`.  `captures` may be NULL; else it is always set, with count 0 unless the
 * result is REGEX_MATCH.  Nothing of it lies in the scratch.
 */
enum regex_result regex_match(const struct regex *, struct regex_scratch *, struct str subject,
                              struct regex_captures *captures) WEIR_MUST_CHECK;

/* The pattern as written. */
struct str regex_text(const struct regex *);

/* Whether both are the same pattern with the same regard to case. */
bool regex_same(const struct regex *, const struct regex *);

/* The text that every match begins with, as found in the pattern; may be empty.  For reports. */
struct str regex_literal(const struct regex *);

#endif
