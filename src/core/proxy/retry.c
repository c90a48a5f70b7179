/* retry.c: see retry.h. */
#include "core/proxy/retry.h"

bool retry_is_on(const struct retry_conf *conf, enum retry_reason reason, unsigned status)
{
    switch (reason) {
    case RETRY_CONNECT:
    case RETRY_UNSEEN:
        return conf->on_connect;
    case RETRY_TIMEOUT:
        return conf->on_timeout;
    case RETRY_RESET:
        return conf->on_reset;
    case RETRY_STATUS:
        return (status == 502 && conf->on_502) || (status == 503 && conf->on_503) ||
               (status == 504 && conf->on_504);
    }
    return false;
}

/* RFC 9110 9.2.2 */
static bool is_idempotent(struct str method)
{
    static const struct str methods[] = {
        {"GET", 3}, {"HEAD", 4}, {"OPTIONS", 7}, {"TRACE", 5}, {"PUT", 3}, {"DELETE", 6},
    };

    for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
        if (str_eq(methods[i], method))
            return true;
    return false;
}

static bool has_key(const struct message *head)
{
    for (size_t i = 0; i < head->headers.count; i++) {
        const struct header *field = &head->headers.items[i];

        if (field->value.len > 0 && str_ieq(field->name, STR("Idempotency-Key")))
            return true;
    }
    return false;
}

bool retry_may_replay(const struct retry_conf *conf, const struct message *head)
{
    switch (conf->replay) {
    case REPLAY_NEVER:
        return false;
    case REPLAY_IDEMPOTENT:
        return is_idempotent(head->method);
    case REPLAY_KEY:
        return is_idempotent(head->method) || has_key(head);
    case REPLAY_ALWAYS:
        return true;
    }
    return false;
}

bool retry_is_in_budget(const struct retry_conf *conf, unsigned active, unsigned retries)
{
    uint64_t most = (uint64_t)active * conf->budget / 100;

    return retries < (most > RETRY_BUDGET_LEAST ? most : RETRY_BUDGET_LEAST);
}
