/*
 * tls_check.h: what is wrong with certificates, keys and TLS settings.  It parses them: to be run in a process that may
 * little and ends afterwards.
 */
#ifndef WEIR_CORE_TLS_TLS_CHECK_H
#define WEIR_CORE_TLS_TLS_CHECK_H

#include <openssl/types.h>

#include "core/config/config_tls.h"

struct config;

/*
 * All of a configuration: what would not work is an error, what works but is hardly meant a warning.  `now_s`: seconds
 * since 1970.
 */
void tls_check(const struct config *, int64_t now_s, struct conf_report *report);

/* Warns at `at` if it is not valid yet, or ends within two weeks, or has. */
void tls_check_time(struct conf_report *, struct conf_place at, const char *file, const X509 *, int64_t now_s);

/* Warns of the hosts that no certificate is for any more when `fresh` stands in place of the one with its index. */
void tls_check_hosts(const struct config *, const struct tls_material *fresh, struct conf_report *);

/* One certificate: 0, or -1 with text in `error`. */
int tls_check_pair(const struct tls_material *, char *error, size_t error_size) WEIR_MUST_CHECK;

#endif
