/* bytes.c: see bytes.h. */
#include "http/bytes.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static const bool tchar[256] = {
    ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true, ['\''] = true, ['*'] = true,
    ['+'] = true, ['-'] = true, ['.'] = true, ['^'] = true, ['_'] = true, ['`'] = true, ['|'] = true,
    ['~'] = true, ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

static bool is_value_byte(unsigned char c)
{
    return (c >= ' ' && c != 127) || c == '\t';
}

#ifdef __SSE2__
static __m128i load_sixteen(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* The first eight of a text and the last, which may be the same. */
static __m128i load_ends(struct str s)
{
    return _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)(const void *)s.s),
                              _mm_loadl_epi64((const __m128i *)(const void *)(s.s + s.len - 8)));
}

static bool sixteen_are_value(__m128i v)
{
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(' ' - 1)), v);
    __m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\t')), low),
                               _mm_cmpeq_epi8(v, _mm_set1_epi8(127)));

    return _mm_movemask_epi8(bad) == 0;
}

/* A byte of ones for each that lies in first..last. */
static __m128i in_range(__m128i v, char first, char last)
{
    __m128i from_first = _mm_sub_epi8(v, _mm_set1_epi8(first));

    return _mm_cmpeq_epi8(_mm_min_epu8(from_first, _mm_set1_epi8((char)(last - first))), from_first);
}

static bool sixteen_are_word(__m128i v)
{
    __m128i letters = in_range(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 'z');
    __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('-')), _mm_cmpeq_epi8(v, _mm_set1_epi8('_')));

    return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(letters, in_range(v, '0', '9')), marks)) == 0xffff;
}
#endif

static bool is_word_byte(char c)
{
    return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool bytes_are_word(struct str s)
{
    size_t i = 0;

#ifdef __SSE2__
    /* The last bytes may be looked at twice. */
    if (s.len >= 16) {
        for (; i < s.len - 16; i += 16)
            if (!sixteen_are_word(load_sixteen(s.s + i)))
                return false;
        return sixteen_are_word(load_sixteen(s.s + s.len - 16));
    }
    if (s.len >= 8)
        return sixteen_are_word(load_ends(s));
#endif
    for (; i < s.len; i++) {
        if (!is_word_byte(s.s[i]))
            return false;
    }
    return s.len > 0;
}

bool bytes_are_value(struct str s)
{
    size_t i = 0;

#ifdef __SSE2__
    /* The last bytes may be looked at twice. */
    if (s.len >= 16) {
        for (; i < s.len - 16; i += 16)
            if (!sixteen_are_value(load_sixteen(s.s + i)))
                return false;
        return sixteen_are_value(load_sixteen(s.s + s.len - 16));
    }
    if (s.len >= 8)
        return sixteen_are_value(load_ends(s));
#endif
    for (; i < s.len; i++) {
        if (!is_value_byte((unsigned char)s.s[i]))
            return false;
    }
    return true;
}

bool bytes_are_target(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.s[i];

        if (c <= ' ' || c >= 127 || c == '#')
            return false;
    }
    return s.len > 0;
}

bool bytes_are_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!tchar[(unsigned char)s.s[i]])
            return false;
    }
    return s.len > 0;
}

bool bytes_hold(struct str s, char c)
{
#ifdef __SSE2__
    if (s.len >= 8 && s.len <= 16)
        return _mm_movemask_epi8(_mm_cmpeq_epi8(load_ends(s), _mm_set1_epi8(c))) != 0;
#endif
    return s.len > 0 && memchr(s.s, c, s.len) != NULL;
}
