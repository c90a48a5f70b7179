/* settings_server_tls.h: `tls` of a server, or of an upstream for all of its servers, as it is written. */
#ifndef WEIR_CORE_CONFIG_SETTINGS_SERVER_TLS_H
#define WEIR_CORE_CONFIG_SETTINGS_SERVER_TLS_H

#include "conf/load.h"

struct server_tls_settings {
    struct conf_head head;
    bool verify;
    struct str ca, sni, cert, key; /* files: absolute paths */
};

extern const struct conf_group settings_server_tls_group;

#endif
