/*
 * settings_tls.h: `tls` of a listener or a site as it is written, and https_only.
 */
#ifndef WEIR_CORE_CONFIG_SETTINGS_TLS_H
#define WEIR_CORE_CONFIG_SETTINGS_TLS_H

#include "conf/load.h"

struct certificate_settings {
    struct conf_head head;
    struct str cert, key, chain; /* absolute paths */
};

struct hsts_settings {
    struct conf_head head;
    int64_t max_age;
    bool subdomains, preload;
};

struct acme_settings {
    struct conf_head head;
    struct str email, directory, storage;
    int challenge; /* enum acme_challenge */
};

struct tls_settings {
    struct conf_head head;
    struct conf_list certificates; /* struct certificate_settings */
    int min_version; /* index of the names: 0 is 1.2 */
    int client_verify; /* enum tls_verify */
    struct str ciphers, ciphersuites, client_ca;
    struct conf_list curves, ticket_keys; /* struct str */
    bool session_tickets, ocsp_stapling;
    struct hsts_settings *hsts;
    struct acme_settings *acme;
};

struct https_only_settings {
    struct conf_head head;
    int64_t port;
};

extern const struct conf_group settings_tls_group;
extern const struct conf_group settings_certificate_group;
extern const struct conf_group settings_hsts_group;
extern const struct conf_group settings_acme_group;
extern const struct conf_group settings_https_only_group;

/* In the order of enum tls_verify, and of enum acme_challenge. */
extern const char *const settings_tls_verify_names[];
extern const char *const settings_acme_challenge_names[];

#endif
