/*
 * accept.h: the weights of Accept, Accept-Encoding and Accept-Language (RFC 9110 12).  Weights are
 * integers in thousandths, 0 (not acceptable) to 1000.
 */
#ifndef WEIR_HTTP_ACCEPT_H
#define WEIR_HTTP_ACCEPT_H

#include "base/str.h"

/*
 * The weight of a language tag by basic filtering (RFC 4647 3.3.1): "de" takes in "de-CH"; the
 * longest range that matches decides.  Where none does, "de-CH" comes to "de" as in a lookup (3.4), at a
 * thousandth less, so that "de-CH" itself would be preferred; then "*".  0 when none matches and
 * when the field was not sent (`.s` NULL).
 */
unsigned accept_language(struct str field, struct str tag);

/*
 * The weight of a content coding (RFC 9110 12.5.3).  "x-gzip" is gzip.  identity is 1000 unless
 * the field says otherwise; the others are 0 when the field was not sent, so that nothing is
 * coded unasked.
 */
unsigned accept_encoding(struct str field, struct str coding);

/*
 * The weight of a media type "type/subtype" (RFC 9110 12.5.1); the most specific range decides and
 * parameters of ranges are not compared.  1000 when the field was not sent.
 */
unsigned accept_type(struct str field, struct str type);

#endif
