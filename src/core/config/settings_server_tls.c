/* settings_server_tls.c: the table of `tls` towards servers. */
#include "core/config/settings_server_tls.h"

#define AT(member) .offset = offsetof(struct server_tls_settings, member)
static const struct conf_row rows[] = {
    {.name = "verify",
     .type = CONF_BOOL,
     AT(verify),
     .fallback = "true",
     .doc = "The server's certificate has to be valid, for the name or address that was asked for, and signed by an "
            "authority; false: anybody may stand in the server's place."},
    {.name = "ca",
     .type = CONF_PATH,
     AT(ca),
     .doc = "A PEM file with the authorities that are believed; those of the system when not set."},
    {.name = "sni",
     .type = CONF_STRING,
     AT(sni),
     .doc = "The name that is asked for and that the certificate has to have; when not set, the host in the server's "
            "address."},
    {.name = "cert",
     .type = CONF_PATH,
     AT(cert),
     .doc = "A PEM file with the certificate that is shown to servers that ask for one, and those between it and its "
            "authority. This file, `key` and `ca` are read at a reload, and then alone: a certificate that was replaced "
            "needs one."},
    {.name = "key", .type = CONF_PATH, AT(key), .doc = "A PEM file with the key of `cert`; in `cert` when not set."},
};
#undef AT
const struct conf_group settings_server_tls_group = {
    "'tls'", sizeof(struct server_tls_settings), rows, ARRAY_SIZE(rows), NULL, false};
