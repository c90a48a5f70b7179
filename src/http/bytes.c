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

bool bytes_are_value(struct str s)
{
    size_t i = 0;

#ifdef __SSE2__
    /* Signed comparison: 0x80 and above are below zero, and are told apart by a second one. */
    const __m128i space = _mm_set1_epi8(' '), tab = _mm_set1_epi8('\t'), del = _mm_set1_epi8(127);
    const __m128i minus1 = _mm_set1_epi8(-1);

    for (; i + 16 <= s.len; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s.s + i));
        __m128i low = _mm_and_si128(_mm_cmplt_epi8(v, space), _mm_cmpgt_epi8(v, minus1));
        __m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(v, tab), low), _mm_cmpeq_epi8(v, del));

        if (_mm_movemask_epi8(bad))
            return false;
    }
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
