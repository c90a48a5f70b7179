/* explain_sticky.c: which server a request's cookie names. */
#include "core/upstream/sticky.h"
#include "main/explain.h"

static const char *sticky_what(const struct sticky_conf *conf, const struct sticky_told *told)
{
    if (conf->mode == STICKY_LEARN)
        return "the running Weir knows which server has set it";
    if (!told->readable)
        return "without a `secret` only the running Weir can read it";
    switch (told->said) {
    case STICKY_SAID_NOTHING:
        return conf->mode == STICKY_INSERT ? "none, or over: balanced, and the cookie set" : "none: balanced";
    case STICKY_SAID_FOREIGN:
        return conf->mode == STICKY_INSERT ? "names no server: balanced, and the cookie set"
                                           : "names no server: balanced";
    case STICKY_SAID_GONE:
        return "its server is not in this file: balanced anew";
    case STICKY_SAID_SERVER:
        break;
    }
    return "names server ";
}

struct str explain_sticky(const struct explain *e, const struct upstream *upstream, struct str *server)
{
    const struct sticky_conf *conf = upstream->sticky;
    struct sticky_told told;

    sticky_tell(upstream, &e->req, &told);
    *server = told.server >= 0 ? upstream->peers[told.server].name : STR_NONE;
    return pool_printf(e->req.pool, "%s, cookie %.*s: %s%.*s", sticky_mode_name(conf->mode),
                       STR_ARG(conf->cookie), sticky_what(conf, &told), STR_ARG(*server));
}
