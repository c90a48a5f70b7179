/* settings_tls.c: the tables of `tls` and of what stands in it. */
#include "core/config/settings_tls.h"

const char *const settings_tls_verify_names[] = {"none", "optional", "required", NULL};
const char *const settings_acme_challenge_names[] = {"http-01", "tls-alpn-01", NULL};
static const char *const versions[] = {"1.2", "1.3", NULL};

#define AT(member) .offset = offsetof(struct certificate_settings, member)
static const struct conf_row certificate_rows[] = {
    {.name = "cert",
     .type = CONF_PATH,
     AT(cert),
     .flags = CONF_REQUIRED,
     .doc = "A PEM file with the certificate first; those of the authorities between it and the root may follow, "
            "each signed by the next."},
    {.name = "key",
     .type = CONF_PATH,
     AT(key),
     .doc = "A PEM file with its private key, without a passphrase; may be readable by root alone. In `cert` when "
            "not set."},
    {.name = "chain",
     .type = CONF_PATH,
     AT(chain),
     .doc = "A PEM file with the authorities' certificates, if they are not in `cert`."},
};
#undef AT
const struct conf_group settings_certificate_group = {
    "a certificate", sizeof(struct certificate_settings), certificate_rows, ARRAY_SIZE(certificate_rows), "cert",
    false};

#define AT(member) .offset = offsetof(struct hsts_settings, member)
static const struct conf_row hsts_rows[] = {
    {.name = "max_age",
     .type = CONF_DURATION,
     AT(max_age),
     .fallback = "\"365d\"",
     .min = 0,
     .max = INT64_C(1000) * 86400 * 3650,
     .doc = "How long clients are to remember it."},
    {.name = "subdomains",
     .type = CONF_BOOL,
     AT(subdomains),
     .fallback = "false",
     .doc = "It holds for all names below the host's too."},
    {.name = "preload",
     .type = CONF_BOOL,
     AT(preload),
     .fallback = "false",
     .doc = "The host may be put into the lists that browsers ship."},
};
#undef AT
const struct conf_group settings_hsts_group = {
    "'hsts'", sizeof(struct hsts_settings), hsts_rows, ARRAY_SIZE(hsts_rows), "max_age", false};

#define AT(member) .offset = offsetof(struct acme_settings, member)
static const struct conf_row acme_rows[] = {
    {.name = "email", .type = CONF_STRING, AT(email), .doc = "Where the authority writes to; may be left out."},
    {.name = "directory",
     .type = CONF_STRING,
     AT(directory),
     .fallback = "\"https://acme-v02.api.letsencrypt.org/directory\"",
     .doc = "The authority's directory (RFC 8555): an https URL, trusted by the system's authorities; http is taken for "
            "this machine alone."},
    {.name = "challenge",
     .type = CONF_ENUM,
     AT(challenge),
     .choices = settings_acme_challenge_names,
     .fallback = "\"http-01\"",
     .doc = "How control of a name is shown: the authority asks a listener without tls over port 80, or one with it "
            "over port 443. Every listener answers, before sites, routes and https_only."},
    {.name = "storage",
     .type = CONF_PATH,
     AT(storage),
     .doc = "The directory for account, keys and certificates, which the workers' user writes to; \"acme\" in "
            "`state_dir` when not set."},
};
#undef AT
const struct conf_group settings_acme_group = {
    "'acme'", sizeof(struct acme_settings), acme_rows, ARRAY_SIZE(acme_rows), NULL, false};

#define AT(member) .offset = offsetof(struct tls_settings, member)
static const struct conf_row rows[] = {
    {.name = "certificates",
     .type = CONF_GROUP,
     AT(certificates),
     .flags = CONF_LIST,
     .group = &settings_certificate_group,
     .doc = "Of these the one is shown that has the name the client asks for (SNI): the name itself before a "
            "wildcard; where there is an RSA and an ECDSA one, the one whose signatures the client prefers. To a "
            "client that names nothing, the first. Files that change are taken up within seconds, without a reload; while "
            "a certificate and its key do not fit, the former ones stay."},
    {.name = "min_version",
     .type = CONF_ENUM,
     AT(min_version),
     .choices = versions,
     .fallback = "\"1.2\"",
     .doc = "The oldest version of TLS that is spoken."},
    {.name = "ciphers",
     .type = CONF_STRING,
     AT(ciphers),
     .doc = "For TLS 1.2, in OpenSSL's notation; when not set, ECDHE with AES-GCM or ChaCha20-Poly1305 alone. Weir's "
            "order counts, but ChaCha20 comes first for a client that prefers it."},
    {.name = "ciphersuites",
     .type = CONF_STRING,
     AT(ciphersuites),
     .doc = "For TLS 1.3, in OpenSSL's notation; all three when not set."},
    {.name = "curves",
     .type = CONF_STRING,
     AT(curves),
     .flags = CONF_LIST,
     .fallback = "[ \"X25519\", \"P-256\", \"P-384\" ]",
     .doc = "Groups for the key exchange."},
    {.name = "client_ca",
     .type = CONF_PATH,
     AT(client_ca),
     .doc = "A PEM file with the authorities that sign the certificates of clients; read again at a reload."},
    {.name = "client_verify",
     .type = CONF_ENUM,
     AT(client_verify),
     .choices = settings_tls_verify_names,
     .fallback = "\"none\"",
     .doc = "Whether clients are asked for a certificate; with \"optional\" one that is shown has to be valid, with "
            "\"required\" one has to be shown."},
    {.name = "session_tickets",
     .type = CONF_BOOL,
     AT(session_tickets),
     .fallback = "true",
     .doc = "Clients may go on with an earlier session, on any worker, which saves the costly part of the handshake; but "
            "not where a site's settings or the authorities for clients differ, nor with a certificate that has ended."},
    {.name = "ticket_keys",
     .type = CONF_PATH,
     AT(ticket_keys),
     .flags = CONF_LIST,
     .doc = "Files of 48 or 80 random bytes: the first seals tickets, all open them; they are read again at a reload. "
            "When not set, Weir makes its own, another every 12 hours, and a ticket is good for that long: from `secret` "
            "where there is one, so that machines with the same one open each other's; else at random, kept over a reload "
            "and an upgrade."},
    {.name = "ocsp_stapling",
     .type = CONF_BOOL,
     AT(ocsp_stapling),
     .fallback = "false",
     .doc = "Fetch what the authority says of the certificate (OCSP) and show it with it, so that clients need not ask: "
            "over http, from whom the certificate names, again when half of its time is over. The chain has to hold the "
            "authority's certificate. What is out of date, or not good, is not shown."},
    {.name = "hsts",
     .type = CONF_GROUP,
     AT(hsts),
     .group = &settings_hsts_group,
     .doc = "Send Strict-Transport-Security, in place of what a server may send: true, how long, or more."},
    {.name = "acme",
     .type = CONF_GROUP,
     AT(acme),
     .group = &settings_acme_group,
     .doc = "Get certificates from an authority that speaks ACME, whose terms are agreed to: one for each name in "
            "`hosts`, of this site, or of the listener's sites without tls of their own. Until it is there a placeholder "
            "is shown, which no client trusts. It is renewed when a third of its time is left; after a failure the next "
            "attempt waits a minute, then longer, up to 12 hours. Wildcards are not got."},
};
#undef AT
const struct conf_group settings_tls_group = {
    "'tls'", sizeof(struct tls_settings), rows, ARRAY_SIZE(rows), NULL, false};

#define AT(member) .offset = offsetof(struct https_only_settings, member)
static const struct conf_row https_only_rows[] = {
    {.name = "port",
     .type = CONF_INT,
     AT(port),
     .fallback = "443",
     .min = 1,
     .max = 65535,
     .doc = "Where https is spoken."},
};
#undef AT
const struct conf_group settings_https_only_group = {"'https_only'", sizeof(struct https_only_settings),
    https_only_rows, ARRAY_SIZE(https_only_rows), "port", false};
