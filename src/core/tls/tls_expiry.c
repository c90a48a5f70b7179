/* tls_expiry.c: see tls_expiry.h. */
#include "core/tls/tls_expiry.h"

#include <stdlib.h>

#include "core/config/config.h"
#include "core/tls/tls_pair.h"

#define PARSED_IN_A_TICK 20
#define DAY_S 86400
#define WARN_DAYS 14
#define ERROR_DAYS 3

struct tls_expiries {
    const struct config *config;
    struct log *log;
    struct tls_expiry *all; /* by index of the material */
    size_t at; /* those before it are known */
    int64_t day; /* the log was told of */
};

static void expiries_free(void *arg)
{
    struct tls_expiries *e = arg;

    for (size_t i = 0; i < e->config->tls_material_count; i++)
        free(e->all[i].text);
}

struct tls_expiries *tls_expiries_new(const struct config *config, struct pool *pool, struct log *log)
{
    struct tls_expiries *e = pool_zalloc(pool, sizeof(*e));

    e->config = config;
    e->log = log;
    e->all = pool_zalloc(pool, (config->tls_material_count + 1) * sizeof(*e->all));
    pool_on_free(pool, expiries_free, e);
    return e;
}

struct name_sum {
    struct tls_expiry *to;
    size_t len;
};

static void measure_name(struct str name, void *arg)
{
    struct name_sum *sum = arg;

    if (sum->to->name_count < TLS_EXPIRY_NAMES) {
        sum->to->name_count++;
        sum->len += name.len;
    }
}

static void copy_name(struct str name, void *arg)
{
    struct name_sum *sum = arg;
    struct tls_expiry *to = sum->to;

    if (to->name_count == TLS_EXPIRY_NAMES)
        return;
    memcpy(to->text + sum->len, name.s, name.len);
    to->names[to->name_count++] = (struct str){to->text + sum->len, name.len};
    sum->len += name.len;
}

static void expiry_fill(struct tls_expiry *to, const X509 *cert)
{
    struct name_sum sum = {to, 0};

    *to = (struct tls_expiry){.known = true, .not_after_s = tls_cert_not_after(cert)};
    tls_cert_names(cert, measure_name, &sum);
    to->text = malloc(sum.len + 1);
    if (!to->text)
        abort();
    to->name_count = 0;
    sum.len = 0;
    tls_cert_names(cert, copy_name, &sum);
}

static void expiry_parse(struct tls_expiries *e, size_t i)
{
    const struct tls_material *m = e->config->tls_materials[i];
    X509 *cert;

    if (m->kind != TLS_MATERIAL_PAIR || e->all[i].known)
        return;
    cert = tls_pair_cert(m);
    if (cert)
        expiry_fill(&e->all[i], cert);
    X509_free(cert);
}

static void expiry_tell(struct tls_expiries *e, size_t i, int64_t now_s)
{
    struct tls_expiry *x = &e->all[i];
    const char *file = e->config->tls_materials[i]->parts[TLS_PART_CERT].path.s;
    int64_t days = tls_expiry_days(x, now_s);

    if (!x->known || days >= WARN_DAYS || x->told_day == now_s / DAY_S)
        return;
    x->told_day = now_s / DAY_S;
    if (days < 0)
        log_write(e->log, LOG_LEVEL_ERROR, "the certificate in %s has expired", file);
    else
        log_write(e->log, days < ERROR_DAYS ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
                  "the certificate in %s expires in %lld days", file, (long long)days);
}

void tls_expiries_tick(struct tls_expiries *e, int64_t now_s)
{
    if (!e)
        return;
    for (unsigned n = 0; e->at < e->config->tls_material_count && n < PARSED_IN_A_TICK; n++, e->at++) {
        expiry_parse(e, e->at);
        if (e->log)
            expiry_tell(e, e->at, now_s);
    }
    if (e->at < e->config->tls_material_count || now_s / DAY_S == e->day)
        return;
    e->day = now_s / DAY_S;
    for (size_t i = 0; e->log && i < e->at; i++)
        expiry_tell(e, i, now_s);
}

void tls_expiries_forget(struct tls_expiries *e, size_t material)
{
    if (!e)
        return;
    free(e->all[material].text);
    e->all[material] = (struct tls_expiry){.text = NULL};
    if (material < e->at)
        e->at = material;
}

const struct tls_expiry *tls_expiry_of(const struct tls_expiries *e, size_t material)
{
    return e && e->all[material].known ? &e->all[material] : NULL;
}

int64_t tls_expiry_days(const struct tls_expiry *x, int64_t now_s)
{
    int64_t left = x->not_after_s - now_s;

    return left >= 0 ? left / DAY_S : -((-left + DAY_S - 1) / DAY_S);
}
