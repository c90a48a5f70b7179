/*
 * str.h: borrowed text as pointer and length.  A str never owns its bytes and need not end in NUL;
 * who made it says how long it lives.  Numbers are read with every overflow checked.
 */
#ifndef WEIR_BASE_STR_H
#define WEIR_BASE_STR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/base.h"

struct str {
    const char *s; /* may be NULL when len is 0 */
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* For printf's "%.*s". */
#define STR_ARG(x) (int)(x).len, (x).s

static inline struct str str_of(const char *s)
{
    return (struct str){s, s ? strlen(s) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.s, b.s, a.len) == 0);
}

/* ASCII lower case, whatever the locale. */
static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* In ASCII lower case, in `to`, which has room for it. */
struct str str_lower(struct str, char *to);

/* Whether `len` bytes are equal without regard to ASCII case. */
bool str_same_letters(const char *a, const char *b, size_t len);

/* Equal without regard to ASCII case. */
static inline bool str_ieq(struct str a, struct str b)
{
    return a.len == b.len && str_same_letters(a.s, b.s, a.len);
}

bool str_has_prefix(struct str s, struct str prefix);
bool str_has_suffix(struct str s, struct str suffix);

static inline bool is_ows(char c)
{
    return c == ' ' || c == '\t';
}

/* `s` without SP and HTAB at both ends (the OWS of RFC 9110 5.6.3). */
static inline struct str str_trim(struct str s)
{
    while (s.len > 0 && is_ows(s.s[0])) {
        s.s++;
        s.len--;
    }
    while (s.len > 0 && is_ows(s.s[s.len - 1]))
        s.len--;
    return s;
}

/*
 * Takes the next element of a comma-separated list (RFC 9110 5.6.1) off `*rest`, trimmed; commas
 * inside quoted strings do not separate.  Empty elements are skipped.  False: no element is left.
 */
bool str_next_element(struct str *rest, struct str *element);

/* What of `s` stands from byte `at` (at most s.len) on. */
static inline struct str str_from(struct str s, size_t at)
{
    return (struct str){s.s + at, s.len - at};
}

/* 1*DIGIT with value <= max; 0 and *value set, or -1 (empty, another byte, too large). */
int str_to_u64(struct str s, uint64_t max, uint64_t *value) WEIR_MUST_CHECK;

#define STR_U64_MAX 20 /* digits */

/* The digits of a number, in `digits`. */
struct str str_of_u64(uint64_t value, char digits[STR_U64_MAX]);

/* The value of one hexadecimal digit, or -1. */
int hex_digit(char c);

/* Levenshtein distance without regard to case, or `limit` when it is at least that; for "did you mean". */
size_t str_distance(struct str a, struct str b, size_t limit);

/* Equal, in a time that depends on the lengths alone: for secrets. */
bool str_eq_secret(struct str a, struct str b);

/* Not empty, and without the control characters of ASCII: what may be a name. */
bool str_is_printable(struct str);

#endif
