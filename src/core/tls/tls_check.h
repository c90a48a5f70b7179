/*
 * tls_check.h: what is wrong with certificates, keys and TLS settings.  It parses them: to be run in a process that may
 * little and ends afterwards.
 */
#ifndef WEIR_CORE_TLS_TLS_CHECK_H
#define WEIR_CORE_TLS_TLS_CHECK_H

#include "core/config/config_tls.h"

struct config;

/*
 * All of a configuration: what would not work is an error, what works but is hardly meant a warning.  `now_s`: seconds
 * since 1970.
 */
void tls_check(const struct config *, int64_t now_s, struct conf_report *report);

/* One certificate: 0, or -1 with text in `error`. */
int tls_check_pair(const struct tls_material *, char *error, size_t error_size) WEIR_MUST_CHECK;

#endif
