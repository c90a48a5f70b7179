/* config_passive.c: passive health and the circuit breaker of an upstream. */
#include "core/config/config_build.h"

static void passive_build(struct build *b, const struct passive_settings *s, struct upstream *u)
{
    u->passive = pool_zalloc(b->pool, sizeof(*u->passive));
    *u->passive = (struct passive_conf){
        .errors = (unsigned)s->errors,
        .window = s->window,
        .pause = s->pause,
        .max_ejected = (unsigned)s->max_ejected,
        .statuses = config_statuses(b, &s->statuses),
    };
}

static void breaker_build(struct build *b, const struct circuit_breaker_settings *s, struct upstream *u)
{
    struct conf_place at = s->head.at;

    if (s->max_requests == 0 && s->max_pending == 0 && s->max_retries == 0 && s->latency == 0) {
        if (!s->head.broken)
            conf_report_add(b->report, at,
                            "'circuit_breaker' of the upstream \"%.*s\" limits nothing; write max_requests, "
                            "max_pending, max_retries or latency",
                            STR_ARG(u->name));
        return;
    }
    u->breaker = pool_zalloc(b->pool, sizeof(*u->breaker));
    *u->breaker = (struct breaker_conf){
        .max_requests = (unsigned)s->max_requests,
        .max_pending = (unsigned)s->max_pending,
        .max_retries = (unsigned)s->max_retries,
        .latency = s->latency,
    };
}

void config_build_passive(struct build *b, const struct passive_settings *passive,
                          const struct circuit_breaker_settings *breaker, struct upstream *u)
{
    if (passive)
        passive_build(b, passive, u);
    if (breaker)
        breaker_build(b, breaker, u);
}
