/* explain_health.c: see explain_health.h. */
#include "main/explain_health.h"

#include "base/units.h"
#include "core/route/regex.h"
#include "core/config/settings_health.h"

static struct str asked(const struct check_conf *c, struct pool *pool)
{
    const char *name = settings_health_types[c->type];

    switch (c->type) {
    case CHECK_HTTP:
    case CHECK_HTTPS: return pool_printf(pool, "%s %.*s %.*s", name, STR_ARG(c->method), STR_ARG(c->uri));
    case CHECK_GRPC:
        return c->uri.len > 1 ? pool_printf(pool, "%s %.*s", name, (int)c->uri.len - 1, c->uri.s + 1)
                              : str_of(name);
    case CHECK_MYSQL:
        return c->user.len ? pool_printf(pool, "%s as %.*s", name, STR_ARG(c->user)) : str_of(name);
    case CHECK_REDIS:
        return c->role.len ? pool_printf(pool, "%s %.*s", name, STR_ARG(c->role)) : str_of(name);
    default: return str_of(name);
    }
}

struct str explain_health(const struct check_conf *c, struct pool *pool)
{
    char interval[UNITS_TEXT_MAX], timeout[UNITS_TEXT_MAX];
    struct str text;

    if (!c)
        return STR("not checked");
    text = pool_printf(pool, "%.*s every %.*s, timeout %.*s, down after %u failure%s, up after %u pass%s%s",
                       STR_ARG(asked(c, pool)), STR_ARG(units_print_duration(c->interval, interval)),
                       STR_ARG(units_print_duration(c->timeout, timeout)), c->fall, c->fall == 1 ? "" : "s",
                       c->rise, c->rise == 1 ? "" : "es",
                       c->initially_checking ? ", no traffic before the first pass" : "");
    if (c->port)
        text = pool_printf(pool, "%.*s, port %u", STR_ARG(text), c->port);
    if (c->body)
        text = pool_printf(pool, "%.*s, body ~ %.*s", STR_ARG(text), STR_ARG(regex_text(c->body)));
    return text;
}
