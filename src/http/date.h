/*
 * date.h: HTTP dates (RFC 9110 5.6.7) to and from seconds since 1970 (UTC).  No clock, no locale
 * and no time zone data is consulted.
 */
#ifndef WEIR_HTTP_DATE_H
#define WEIR_HTTP_DATE_H

#include "base/str.h"

/* Length of an IMF-fixdate, and the room it needs with its NUL. */
#define DATE_LEN 29
#define DATE_SIZE (DATE_LEN + 1)

/* Writes "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL; `seconds` is clamped to the years 0 to 9999. */
void date_print(int64_t seconds, char out[DATE_SIZE]);

/*
 * Reads IMF-fixdate, RFC 850 or asctime form.  `now` (seconds) settles the century of a two-digit
 * year: what looks more than 50 years ahead is past.  0 and *seconds set, or -1.
 */
int date_parse(struct str text, int64_t now, int64_t *seconds) WEIR_MUST_CHECK;

#endif
