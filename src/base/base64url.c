/* base64url.c: see base64url.h. */
#include "base/base64url.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct str base64url(struct pool *pool, const void *bytes, size_t len)
{
    const uint8_t *in = bytes;
    char *out = pool_text(pool, (len + 2) / 3 * 4 + 1);
    size_t n = 0;

    for (size_t i = 0; i < len; i += 3) {
        uint32_t word = (uint32_t)in[i] << 16;

        if (i + 1 < len)
            word |= (uint32_t)in[i + 1] << 8;
        if (i + 2 < len)
            word |= in[i + 2];
        out[n++] = alphabet[word >> 18];
        out[n++] = alphabet[word >> 12 & 63];
        if (i + 1 < len)
            out[n++] = alphabet[word >> 6 & 63];
        if (i + 2 < len)
            out[n++] = alphabet[word & 63];
    }
    out[n] = 0;
    return (struct str){out, n};
}

bool base64url_is(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!text.s[i] || !strchr(alphabet, text.s[i]))
            return false;
    }
    return text.len > 0;
}
