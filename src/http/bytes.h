/*
 * bytes.h: whether text holds only bytes that may be sent in a certain place; asked for every field of every
 * message, so sixteen bytes at a time where the processor can.
 */
#ifndef WEIR_HTTP_BYTES_H
#define WEIR_HTTP_BYTES_H

#include "base/str.h"

/* No control byte but HTAB (RFC 9110 5.5); bytes above 0x7f are allowed. */
bool bytes_are_value(struct str);

/* Visible ASCII without '#': what a request target may hold (RFC 9112 3.2). */
bool bytes_are_target(struct str);

/* Only letters, digits, '-' and '_', of which most names of fields are made; some tokens hold more. */
bool bytes_are_word(struct str);

/* At least one byte, and only tchar (RFC 9110 5.6.2). */
bool bytes_are_token(struct str);

/* Whether `c` is one of them; as memchr(), but for texts as short as names. */
bool bytes_hold(struct str, char c);

#endif
