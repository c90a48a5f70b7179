/* config_action.c: what a route does: exactly one action. */
#include "core/config/config_build.h"

static struct conf_place action_place(const struct level_settings *s, const char *name)
{
    return conf_place_of(&settings_route_group, &s->head, name);
}

static int action_count(const struct level_settings *s)
{
    return (s->proxy.s != NULL) + (s->root.s != NULL) + (s->alias.s != NULL) + (s->redirect != NULL) +
           (s->respond != NULL) + s->status + (s->purge.s != NULL);
}

static void action_redirect(struct build *b, struct route *r, const struct redirect_settings *s)
{
    struct conf_place at = conf_place_of(&settings_redirect_group, &s->head, "status");

    r->action = ACTION_REDIRECT;
    r->status = (unsigned)s->status;
    if (r->status != 301 && r->status != 302 && r->status != 303 && r->status != 307 && r->status != 308)
        conf_report_add(b->report, at, "%u is not the status of a redirect; write 301, 302, 303, 307 or 308",
                        r->status);
    if (!s->to.s)
        return;
    at = conf_place_of(&settings_redirect_group, &s->head, "to");
    config_check_field(b, s->to, "to", at);
    r->redirect_to = template_new(b->pool, s->to, VAR_REQUEST, at, b->report);
}

static void action_respond(struct build *b, struct route *r, const struct respond_settings *s)
{
    r->action = ACTION_RESPOND;
    r->status = (unsigned)s->status;
    r->respond_type = s->type;
    config_check_field(b, s->type, "type", conf_place_of(&settings_respond_group, &s->head, "type"));
    if (s->body.len)
        r->respond_body = template_new(b->pool, s->body, VAR_REQUEST,
                                       conf_place_of(&settings_respond_group, &s->head, "body"), b->report);
    if (s->body.len && (s->status == 204 || s->status == 304))
        conf_report_add(b->report, conf_place_of(&settings_respond_group, &s->head, "body"),
                        "a response with status %u has no body; remove 'body'", r->status);
}

/* Who may ask must be said. */
static bool has_source(const struct match *when)
{
    for (size_t i = 0; when && i < when->count; i++)
        if (when->terms[i].subject == MATCH_SOURCE && !when->terms[i].invert)
            return true;
    return false;
}

static void action_purge(struct build *b, struct route *r, const struct level_settings *s)
{
    r->action = ACTION_PURGE;
    r->purge = config_cache_named(b, s->purge, action_place(s, "purge"));
    if (!has_source(r->when) && !s->head.broken)
        conf_report_add(b->report, action_place(s, "purge"),
                        "anybody could purge the cache \"%.*s\" here; write when = ( { source = [ \"NETWORK\" ]; } );",
                        STR_ARG(s->purge));
}

/* A route without an action serves files from the root of the level around it. */
static void action_inherit_root(struct build *b, struct level_settings *s, const struct level_settings *outer)
{
    const struct level_settings *from = outer->root.s ? outer : b->settings->defaults;
    const struct conf_group *g = outer->root.s ? &settings_site_group : &settings_defaults_group;

    if (!from->root.s)
        return;
    s->root = from->root;
    settings_mark(&b->load, &settings_route_group, &s->head, "root", conf_place_of(g, &from->head, "root"));
}

void config_build_action(struct build *b, struct route *r, struct level_settings *s,
                         const struct level_settings *outer)
{
    if (action_count(s) == 0)
        action_inherit_root(b, s, outer);
    if (action_count(s) != 1) {
        if (action_count(s) > 1)
            conf_report_add(b->report, r->at,
                            "the route has more than one action; keep one of proxy, root, alias, "
                            "redirect, respond, status and purge");
        else if (!s->head.broken)
            conf_report_add(b->report, r->at,
                            "the route does nothing; write one of proxy, root, alias, redirect, "
                            "respond, status and purge");
        return;
    }
    if (s->proxy.s) {
        r->action = ACTION_PROXY;
        r->upstream = config_proxy_target(b, s->proxy, action_place(s, "proxy"));
    } else if (s->root.s || s->alias.s) {
        r->action = ACTION_FILES;
        config_build_files(b, r, s);
    } else if (s->redirect) {
        action_redirect(b, r, s->redirect);
    } else if (s->respond) {
        action_respond(b, r, s->respond);
    } else if (s->purge.s) {
        action_purge(b, r, s);
    } else {
        r->action = ACTION_STATUS;
    }
}
