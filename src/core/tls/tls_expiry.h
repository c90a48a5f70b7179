/*
 * tls_expiry.h: when each certificate of the configuration ends, for the API, the metrics and the log.  They are parsed
 * a few at a time, in processes that are asked for it.
 */
#ifndef WEIR_CORE_TLS_TLS_EXPIRY_H
#define WEIR_CORE_TLS_TLS_EXPIRY_H

#include "base/log.h"
#include "core/tls/tls_material.h"

#define TLS_EXPIRY_NAMES 20 /* of a certificate, that are told of */

struct config;
struct pool;
struct tls_expiries;

struct tls_expiry {
    bool known;
    int64_t not_after_s; /* since 1970 */
    struct str names[TLS_EXPIRY_NAMES]; /* in `text` */
    size_t name_count;
    char *text; /* malloc */
    int64_t told_day; /* of the last line in the log */
};

/* In `pool`, whose end frees all.  With `log`: a line a day for each that ends in less than 14 days. */
struct tls_expiries *tls_expiries_new(const struct config *, struct pool *, struct log *log);

/* Once a tick.  NULL is allowed. */
void tls_expiries_tick(struct tls_expiries *, int64_t now_s);

/* The certificate of this index has changed.  NULL is allowed. */
void tls_expiries_forget(struct tls_expiries *, size_t material);

/* NULL: it is none, or not parsed yet. */
const struct tls_expiry *tls_expiry_of(const struct tls_expiries *, size_t material);

/* Whole days until then, rounded down: negative for one that has expired. */
int64_t tls_expiry_days(const struct tls_expiry *, int64_t now_s);

#endif
