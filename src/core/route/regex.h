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
#include <stdint.h>
#include <string.h>

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

/*
 * What most subjects that a regex does not match fail by: eight bytes of the literal that it begins with.  Gates stand
 * in an array beside their regexes, so that a hundred of them are passed by without a look at any regex.
 */
struct regex_gate {
    uint64_t word, mask; /* the last bytes of the literal, and which of the eight count */
    uint32_t at; /* where they stand in the subject */
    uint32_t len; /* of the literal: no shorter subject matches */
};

/* One that lets all pass for a regex without a literal, or without regard to case. */
struct regex_gate regex_gate(const struct regex *);

/* The first bytes of a subject, zeros behind a short one: made once for all gates. */
static inline uint64_t regex_gate_start(struct str subject)
{
    uint64_t word = 0;

    memcpy(&word, subject.s, subject.len < sizeof(word) ? subject.len : sizeof(word));
    return word;
}

/* False: the regex does not match `subject`. */
static inline bool regex_gate_lets(const struct regex_gate *gate, struct str subject, uint64_t start)
{
    uint64_t word = start;

    if (subject.len < gate->len)
        return false;
    if (gate->at > 0)
        memcpy(&word, subject.s + gate->at, sizeof(word));
    return (word & gate->mask) == gate->word;
}

/* The pattern as written. */
struct str regex_text(const struct regex *);

/* Whether both are the same pattern with the same regard to case. */
bool regex_same(const struct regex *, const struct regex *);

/* The text that every match begins with, as found in the pattern; may be empty.  For reports. */
struct str regex_literal(const struct regex *);

#endif
