/* hmac.c: see hmac.h. */
#include "io/hmac.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

void hmac_sha256(struct str key, struct str data, uint8_t out[HMAC_BYTES])
{
    static const char none[1] = "";
    unsigned len = 0;

    if (key.len > INT_MAX || !HMAC(EVP_sha256(), key.len ? key.s : none, (int)key.len,
                                   (const unsigned char *)(data.len ? data.s : none), data.len, out, &len))
        abort();
}
