/*
 * tls_ocsp.h: asking an authority whether a certificate is still good, and reading what it says (OCSP, RFC 6960, RFC
 * 5019).  Without sockets: tls_stapler.h sends and receives.
 */
#ifndef WEIR_CORE_TLS_TLS_OCSP_H
#define WEIR_CORE_TLS_TLS_OCSP_H

#include <openssl/types.h>

#include "base/pool.h"
#include "core/board/board_staples.h"
#include "core/tls/tls_material.h"

struct tls_ocsp_question {
    uint8_t id[BOARD_STAPLE_ID];
    struct str host; /* a name or an address; ends in NUL */
    uint16_t port;
    struct str host_field, path;
    struct str body; /* DER */
};

/*
 * What to ask about a certificate, in `pool`; 0, or -1 with text in `error`: it names nobody to ask, or its chain does
 * not have who signed it.
 */
int tls_ocsp_ask(const struct tls_material *, struct pool *, struct tls_ocsp_question *, char *error,
                 size_t error_size) WEIR_MUST_CHECK;

/*
 * Whether `der` is a valid response that says that the certificate is good: 0 and *staple filled, or -1 with text in
 * `error`.  `now_s`: seconds since 1970.
 */
int tls_ocsp_judge(const struct tls_material *, struct str der, int64_t now_s, struct board_staple *staple, char *error,
                   size_t error_size) WEIR_MUST_CHECK;

/* Whether clients must not go on without such a response (RFC 7633). */
bool tls_ocsp_is_must(const X509 *);

/* What a place on the board is known by. */
void tls_ocsp_id(const X509 *, uint8_t id[BOARD_STAPLE_ID]);

#endif
