/*
 * base64url.h: bytes as text that may stand in URLs and JSON (RFC 4648 5), without padding.
 */
#ifndef WEIR_BASE_BASE64URL_H
#define WEIR_BASE_BASE64URL_H

#include "base/pool.h"
#include "base/str.h"

/* In the pool, ends in NUL. */
struct str base64url(struct pool *, const void *bytes, size_t len);

/* Whether `text` has at least one byte and none but those of the alphabet. */
bool base64url_is(struct str text);

#endif
