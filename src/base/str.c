/*
 * str.c: comparing, trimming, splitting and reading numbers from borrowed text.
 * Everything here works on bytes as HTTP and the configuration define them: only ASCII has case, only
 * SP and HTAB are white space, whatever the locale of the process says.
 */
#include "base/str.h"

/* The longest text whose distance is measured; names that are compared are far shorter. */
enum { DISTANCE_MAX = 63 };

#define EACH_BYTE(x) (UINT64_C(0x0101010101010101) * (x))

/* ascii_lower() of eight bytes at once. */
static inline uint64_t lower8(uint64_t word)
{
    uint64_t low = word & EACH_BYTE(0x7f);
    uint64_t from_a = low + EACH_BYTE(0x80 - 'A');
    uint64_t past_z = low + EACH_BYTE(0x7f - 'Z');

    /* The top bit of a byte says now whether it is a capital; moved down by two it is what makes it small. */
    return word | ((from_a & ~past_z & ~word & EACH_BYTE(0x80)) >> 2);
}

static inline bool same8(const char *a, const char *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x == y || lower8(x) == lower8(y);
}

static inline bool same4(const char *a, const char *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x == y || lower8(x) == lower8(y);
}

struct str str_lower(struct str s, char *to)
{
    for (size_t i = 0; i < s.len; i++)
        to[i] = ascii_lower(s.s[i]);
    return (struct str){to, s.len};
}

bool str_same_letters(const char *a, const char *b, size_t len)
{
    /* The last word may lie over bytes that were compared before. */
    if (len >= 8) {
        for (size_t i = 0; i < len - 8; i += 8)
            if (!same8(a + i, b + i))
                return false;
        return same8(a + len - 8, b + len - 8);
    }
    if (len >= 4)
        return same4(a, b) && same4(a + len - 4, b + len - 4);
    for (size_t i = 0; i < len; i++)
        if (ascii_lower(a[i]) != ascii_lower(b[i]))
            return false;
    return true;
}

bool str_has_prefix(struct str s, struct str prefix)
{
    if (prefix.len == 0)
        return true;
    return s.len >= prefix.len && memcmp(s.s, prefix.s, prefix.len) == 0;
}

bool str_has_suffix(struct str s, struct str suffix)
{
    if (suffix.len == 0)
        return true;
    return s.len >= suffix.len && memcmp(s.s + s.len - suffix.len, suffix.s, suffix.len) == 0;
}

/* The offset of the first comma outside a quoted string, or s.len.  An open quote runs to the end. */
static size_t find_comma(struct str s)
{
    bool quoted = false;

    for (size_t i = 0; i < s.len; i++) {
        if (s.s[i] == '"')
            quoted = !quoted;
        else if (quoted && s.s[i] == '\\')
            i++; /* quoted-pair: the next byte has no meaning of its own */
        else if (!quoted && s.s[i] == ',')
            return i;
    }
    return s.len;
}

bool str_next_element(struct str *rest, struct str *element)
{
    while (rest->len > 0) {
        size_t n = find_comma(*rest);
        size_t taken = n < rest->len ? n + 1 : n;

        *element = str_trim((struct str){rest->s, n});
        rest->s += taken;
        rest->len -= taken;
        if (element->len > 0)
            return true;
    }
    return false;
}

/* No number of so many digits is too large for 64 bits. */
#define SAFE_DIGITS 19

static bool read_digits(struct str s, uint64_t *value)
{
    uint64_t v = 0;

    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.s[i] - '0';

        if (digit > 9)
            return false;
        v = v * 10 + digit;
    }
    *value = v;
    return true;
}

struct str str_of_u64(uint64_t value, char digits[STR_U64_MAX])
{
    size_t at = STR_U64_MAX;

    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    return (struct str){digits + at, STR_U64_MAX - at};
}

int str_to_u64(struct str s, uint64_t max, uint64_t *value)
{
    size_t sure = s.len < SAFE_DIGITS ? s.len : SAFE_DIGITS;
    uint64_t v, last;

    if (s.len == 0 || !read_digits((struct str){s.s, sure}, &v))
        return -1;
    for (size_t i = sure; i < s.len; i++) {
        if (!read_digits((struct str){s.s + i, 1}, &last) || __builtin_mul_overflow(v, 10U, &v) ||
            __builtin_add_overflow(v, last, &v))
            return -1;
    }
    if (v > max)
        return -1;
    *value = v;
    return 0;
}

int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

size_t str_distance(struct str a, struct str b, size_t limit)
{
    size_t row[DISTANCE_MAX + 1]; /* row[j]: from the first i bytes of a to the first j of b */

    if (a.len > DISTANCE_MAX || b.len > DISTANCE_MAX)
        return limit;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j];
            size_t change = ascii_lower(a.s[i - 1]) != ascii_lower(b.s[j - 1]) ? 1 : 0;

            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + change);
            diagonal = above;
        }
    }
    return row[b.len] < limit ? row[b.len] : limit;
}

bool str_eq_secret(struct str a, struct str b)
{
    /* volatile: the compiler must not leave the loop once the answer is known. */
    volatile unsigned char differ = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        differ = (unsigned char)(differ | (a.s[i] ^ b.s[i]));
    return differ == 0;
}

bool str_is_printable(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.s[i] < ' ' || s.s[i] == 127)
            return false;
    return s.len > 0;
}
