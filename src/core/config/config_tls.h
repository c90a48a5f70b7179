/*
 * config_tls.h: `tls` of a listener, or of a site on a listener, as the workers use it, and the key material that it
 * names.  All of it is immutable but for the bytes of the files: those are read when the configuration is loaded (by the
 * master, who may read what is root's), and replaced when a file has changed.  Nobody parses them but workers and
 * checkers (core/tls/tls_pair.h).
 */
#ifndef WEIR_CORE_CONFIG_CONFIG_TLS_H
#define WEIR_CORE_CONFIG_CONFIG_TLS_H

#include "conf/report.h"
#include "core/tls/tls_material.h"

struct listener_conf;
struct site;

enum tls_verify { TLS_VERIFY_NONE, TLS_VERIFY_OPTIONAL, TLS_VERIFY_REQUIRED };

enum acme_challenge { ACME_HTTP_01, ACME_TLS_ALPN_01 };

/* What a handshake has to come to.  Two of the same `id` ask for the same. */
#define TLS_ID_BYTES 32

enum tls_policy_text { TLS_CIPHERS_1_2, TLS_CIPHERS_1_3, TLS_CURVES, TLS_POLICY_TEXTS };

struct tls_policy {
    bool only_1_3; /* min_version */
    struct str texts[TLS_POLICY_TEXTS]; /* in OpenSSL's notation, end in NUL; ciphers: empty is the default */
    struct conf_place text_at[TLS_POLICY_TEXTS];
    enum tls_verify verify;
    const struct tls_material *client_ca; /* NULL: none */
    bool session_tickets;
    struct tls_material **ticket_keys;
    size_t ticket_key_count;
    uint8_t id[TLS_ID_BYTES]; /* of all but tickets: stays over reloads */
};

struct hsts_conf {
    int64_t max_age_s;
    bool subdomains, preload;
    struct str value; /* of Strict-Transport-Security */
};

struct acme_conf {
    struct str email, directory, storage; /* storage: absolute */
    enum acme_challenge challenge;
    struct conf_place at;
};

struct tls_conf {
    size_t index; /* in the configuration, from 0 to config.tls_conf_count */
    const struct tls_policy *policy;
    struct tls_material **pairs; /* certificates, in the order of the file */
    size_t pair_count; /* 0: they come from ACME */
    bool ocsp_stapling;
    const struct hsts_conf *hsts; /* NULL: none */
    const struct acme_conf *acme; /* NULL: none */
    uint8_t session_context[TLS_ID_BYTES]; /* sessions of another one are not gone on with; stays over reloads */
    const struct site *site; /* NULL: the listener's own */
    struct conf_place at;
};

/* What holds for a site (NULL: no site is known) on a listener with tls. */
const struct tls_conf *tls_conf_of(const struct listener_conf *, const struct site *);

/* Whether a request for a site of `b` may come on a connection that was made for a site of `a` (RFC 9110 7.4). */
bool tls_policy_same(const struct tls_policy *a, const struct tls_policy *b);

#endif
