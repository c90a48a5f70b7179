/* config_reach.c: sites that no request would come to. */
#include "core/config/config_build.h"

struct reach {
    const struct listener_conf *listener; /* one that serves the site; NULL: none */
    bool reached; /* by the name of a host, or as the one for all others */
};

/* By index of the site. */
static struct reach *reach_find(const struct build *b)
{
    const struct config *c = b->config;
    struct reach *all = pool_zalloc(b->pool, (c->site_count + 1) * sizeof(*all));

    for (size_t i = 0; i < c->listener_count; i++) {
        const struct listener_conf *l = &c->listeners[i];

        for (size_t k = 0; !l->admin && k < l->site_count; k++) {
            const struct site *site = l->sites[k];
            struct reach *reach = &all[site - c->sites];

            reach->listener = l;
            reach->reached = reach->reached || site->host_count > 0 || l->default_site == site;
        }
    }
    return all;
}

void config_check_reach(struct build *b)
{
    const struct config *c = b->config;
    const struct reach *all = reach_find(b);

    for (size_t i = 0; i < c->site_count && !b->partial; i++) {
        const struct site *other = all[i].listener ? all[i].listener->default_site : NULL;

        if (!other || all[i].reached)
            continue;
        conf_report_add(b->report, c->sites[i].at,
                        "this site is never reached: it has no 'hosts', and hosts that no site names go to the one at "
                        "%s:%u; write hosts = [ ... ]; or make it a listener's default_site",
                        other->at.file, other->at.line);
    }
}

void config_warn_sites(struct build *b)
{
    const struct config *c = b->config;
    const struct reach *all = reach_find(b);

    for (size_t i = 0; i < c->site_count; i++)
        if (!all[i].listener)
            conf_report_warn(b->report, c->sites[i].at,
                             "no listener serves the site \"%.*s\"; name it in the 'sites' of one",
                             STR_ARG(c->sites[i].name));
}
