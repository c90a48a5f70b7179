/*
 * fuzz.h: what a fuzz target and its driver agree on.  A target is a function of bytes that must return for
 * any of them, and aborts where one of its claims does not hold; driver.c makes a program of it, and
 * libFuzzer can be linked in its stead.
 */
#ifndef WEIR_FUZZ_H
#define WEIR_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/pool.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Texts worth putting into an input; ends with NULL. */
extern const char *const fuzz_tokens[];

/* A claim about the code under test. */
#define CLAIM(holds)                                                                                         \
    do {                                                                                                     \
        if (!(holds)) {                                                                                      \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds);                       \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* A copy of just its size, so that a sanitizer sees each byte too many that is read; free() it. */
static inline char *fuzz_copy(struct str s)
{
    char *copy = malloc(s.len ? s.len : 1);

    if (!copy)
        abort();
    if (s.len)
        memcpy(copy, s.s, s.len);
    return copy;
}

/* Cuts the first line off `rest`, without its LF: for targets that need several texts. */
static inline struct str fuzz_line(struct str *rest)
{
    const char *lf = rest->len ? memchr(rest->s, '\n', rest->len) : NULL;
    struct str line = {rest->s, lf ? (size_t)(lf - rest->s) : rest->len};
    size_t used = line.len + (lf != NULL);

    *rest = (struct str){rest->s ? rest->s + used : NULL, rest->len - used};
    return line;
}

/* `part` lies in `whole`, or is empty. */
static inline bool fuzz_is_inside(struct str part, struct str whole)
{
    uintptr_t at = (uintptr_t)part.s, from = (uintptr_t)whole.s;

    return part.len == 0 || (at >= from && part.len <= whole.len && at - from <= whole.len - part.len);
}

#endif
