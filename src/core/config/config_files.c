/* config_files.c: routes that serve files. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/config/config_build.h"

struct build_root {
    int fd;
    bool searched, listed; /* whether the workers' user may was asked before */
};

/* The steps of a `try`, shared by the routes that inherit it. */
struct build_tries {
    struct try_step *steps;
    bool jumps; /* to a route of the site: not shared between sites */
    const struct site *site;
};

static struct conf_place files_place(const struct level_settings *s, const char *name)
{
    return conf_place_of(&settings_route_group, &s->head, name);
}

static void root_close(void *arg)
{
    struct build_root *root = arg;

    if (root->fd >= 0)
        close(root->fd);
}

static struct build_root *root_open(struct build *b, struct str path, const char *setting, struct conf_place at)
{
    struct build_root *root = hash_table_get(b->roots, path);

    if (root)
        return root;
    root = pool_zalloc(b->pool, sizeof(*root));
    root->fd = open(path.s, O_PATH | O_DIRECTORY | O_CLOEXEC);
    hash_table_set(b->roots, path, root);
    pool_on_free(b->pool, root_close, root);
    if (root->fd < 0)
        conf_report_add(b->report, at, "'%s' cannot be used: %s: %s; write a directory that is there",
                        setting, path.s, strerror(errno));
    return root;
}

static void root_check(struct build *b, struct build_root *root, const struct files_conf *f, const char *setting,
                       struct conf_place at)
{
    bool *asked = f->listing ? &root->listed : &root->searched;

    if (root->fd < 0 || *asked)
        return;
    *asked = true;
    if (!config_user_may(b, root->fd, false))
        conf_report_add(b->report, at,
                        "'%s' cannot be used: the user \"%s\" may not search %s; write `chmod o+x` for it or "
                        "another user",
                        setting, b->settings->user.s, f->root.s);
    else if (f->listing && !config_user_may(b, root->fd, true))
        conf_report_add(b->report, at,
                        "'%s' cannot be listed: the user \"%s\" may not read %s; write `chmod o+r` for it or "
                        "listing = false",
                        setting, b->settings->user.s, f->root.s);
}

static void try_last(struct build *b, struct try_step *step, struct str text, struct conf_place at)
{
    uint64_t status;

    if (str_to_u64(text, 999, &status) != 0)
        return;
    step->what = TRY_STATUS;
    step->status = (unsigned)status;
    if (status < 300 || status > 599)
        conf_report_add(b->report, at, "'try' ends with %u; write a status from 300 to 599", step->status);
}

static void try_step(struct build *b, struct try_step *step, struct str text, bool last, struct conf_place at)
{
    if (last) {
        try_last(b, step, text, at);
        if (step->what == TRY_STATUS)
            return;
        if (text.len && text.s[0] == '@') {
            step->what = TRY_ROUTE;
            return;
        }
    } else if (text.len && (text.s[0] == '@' || (text.s[0] >= '0' && text.s[0] <= '9'))) {
        conf_report_add(b->report, at, "\"%.*s\" is not the last element of 'try'; move it to the end",
                        STR_ARG(text));
        return;
    }
    step->what = str_has_suffix(text, STR("/")) && !last ? TRY_DIRECTORY : TRY_FILE;
    step->path = template_new(b->pool, text, VAR_REQUEST, at, b->report);
}

static struct try_step *files_tries(struct build *b, const struct conf_list *list, const struct site *site,
                                    struct conf_place at)
{
    const struct str *texts = list->items;
    struct build_tries *made = config_made(b, texts);

    if (made && (!made->jumps || made->site == site))
        return made->steps;
    made = pool_zalloc(b->pool, sizeof(*made));
    made->steps = pool_zalloc(b->pool, (list->n + 1) * sizeof(*made->steps));
    made->site = site;
    for (size_t i = 0; i < list->n; i++) {
        try_step(b, &made->steps[i], texts[i], i + 1 == list->n, at);
        made->jumps |= made->steps[i].what == TRY_ROUTE;
    }
    if (list->n)
        config_keep(b, texts, made);
    return made->steps;
}

/* Pairs in the order extension, type. */
static struct str *files_types(struct build *b, const struct conf_list *list)
{
    const struct conf_pair *pairs = list->items;
    struct str *made = config_made(b, pairs);

    if (made || list->n == 0)
        return made;
    made = pool_zalloc(b->pool, list->n * 2 * sizeof(*made));
    for (size_t i = 0; i < list->n; i++) {
        made[2 * i] = pairs[i].name;
        made[2 * i + 1] = pairs[i].value;
        config_check_field(b, pairs[i].value, "types", pairs[i].at);
    }
    config_keep(b, pairs, made);
    return made;
}

static struct str files_root(struct str path)
{
    while (path.len > 1 && path.s[path.len - 1] == '/')
        path.len--;
    return path;
}

void config_build_files(struct build *b, struct route *r, const struct level_settings *s)
{
    const char *setting = s->alias.s ? "alias" : "root";
    struct files_conf *f = pool_zalloc(b->pool, sizeof(*f));
    struct build_root *root;

    r->files = f;
    f->alias = s->alias.s != NULL;
    f->root = files_root(f->alias ? s->alias : s->root);
    f->root = str_eq(f->root, f->alias ? s->alias : s->root) ? f->root : pool_str(b->pool, f->root);
    root = root_open(b, f->root, setting, files_place(s, setting));
    f->root_fd = root->fd;
    if (f->alias && r->matcher == ROUTE_REGEX)
        conf_report_add(
            b->report, files_place(s, setting),
            "'alias' replaces a matched prefix and a regex has none; write root or use a prefix route");
    f->index = s->index.items;
    f->index_count = s->index.n;
    f->tries = files_tries(b, &s->try, r->site, files_place(s, "try"));
    f->try_count = s->try.n;
    f->listing = s->listing;
    root_check(b, root, f, setting, files_place(s, setting));
    f->symlinks = s->symlinks;
    f->dotfiles = s->dotfiles;
    f->expires = s->expires < 0 ? -1 : s->expires / 1000;
    f->default_type = s->default_type;
    config_check_field(b, s->default_type, "default_type", files_place(s, "default_type"));
    f->types = files_types(b, &s->types);
    f->type_count = s->types.n;
}

/* The route that the settings' text "@NAME" names. */
static struct route *tries_route(struct site *site, struct str name)
{
    for (size_t i = 0; i < site->route_count; i++)
        if (site->routes[i].name.len && str_eq(site->routes[i].name, name))
            return &site->routes[i];
    return NULL;
}

static void tries_resolve(struct build *b, struct site *site, struct route *r, const struct level_settings *s)
{
    struct try_step *last = &r->files->tries[r->files->try_count - 1];
    struct str text = ((const struct str *)s->try.items)[s->try.n - 1];
    struct str name = {text.s + 1, text.len - 1};

    if (last->what != TRY_ROUTE || last->route)
        return;
    last->route = tries_route(site, name);
    if (last->route)
        return;
    struct hash_table *names = hash_table_new(b->pool, b->key, 16);
    for (size_t i = 0; i < site->route_count; i++)
        if (site->routes[i].name.len)
            hash_table_set(names, site->routes[i].name, site);
    config_unknown(b, files_place(s, "try"), "route of this site with the name", name, names);
}

void config_resolve_tries(struct build *b, struct site *site)
{
    size_t i = (size_t)(site - b->config->sites);
    const struct level_settings *s = (const struct level_settings *)b->settings->sites.items + i;

    for (i = 0; i < site->route_count; i++) {
        struct route *r = &site->routes[i];
        const struct level_settings *level =
            i < s->routes.n ? (const struct level_settings *)s->routes.items + i : s;
        if (r->files && r->files->try_count)
            tries_resolve(b, site, r, level);
    }
}
