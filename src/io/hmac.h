/*
 * hmac.h: a keyed hash that others can compute too, if they have the key: HMAC-SHA256 (RFC 2104, RFC 6234).
 * For values that leave the machine and come back; what stays inside uses base/hash.h, which costs less.
 */
#ifndef WEIR_IO_HMAC_H
#define WEIR_IO_HMAC_H

#include <stdint.h>

#include "base/str.h"

#define HMAC_BYTES 32

/* The HMAC of `data` in `out`; the key may have any length.  A library without SHA-256 ends the process. */
void hmac_sha256(struct str key, struct str data, uint8_t out[HMAC_BYTES]);

#endif
