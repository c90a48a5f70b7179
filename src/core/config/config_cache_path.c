/* config_cache_path.c: that the directory of a cache is for nothing else. */
#include <limits.h>
#include <stdlib.h>

#include "core/config/config_build.h"

/* Without links, as far as it is there; its directory was looked at before. */
static struct str path_real(struct build *b, struct str path)
{
    const char *slash = memrchr(path.s, '/', path.len);
    struct str dir = {path.s, slash && slash > path.s ? (size_t)(slash - path.s) : 1}, real;
    char buf[PATH_MAX];

    if (realpath(path.s, buf))
        return pool_str(b->pool, str_of(buf));
    if (!slash || !realpath(pool_str(b->pool, dir).s, buf))
        return path;
    real = str_of(buf);
    return pool_printf(b->pool, "%.*s%s", (int)(real.len > 1 ? real.len : 0), real.s, slash);
}

/* Whether `inner` is `outer` or lies in it. */
static bool path_is_in(struct str inner, struct str outer)
{
    if (str_eq(outer, STR("/")))
        return true;
    return str_has_prefix(inner, outer) && (inner.len == outer.len || inner.s[outer.len] == '/');
}

static struct conf_place path_place(const struct build *b, const struct cache_conf *c)
{
    const struct cache_settings *s = (const struct cache_settings *)b->settings->caches.items + c->index;

    return conf_place_of(&settings_cache_group, &s->head, "path");
}

static void check_others(struct build *b, const struct cache_conf *c, const struct str *real)
{
    for (size_t i = 0; i < c->index; i++) {
        const struct cache_conf *other = &b->config->caches[i];

        if (!real[i].s || !(path_is_in(real[c->index], real[i]) || path_is_in(real[i], real[c->index])))
            continue;
        conf_report_add(b->report, path_place(b, c),
                        str_eq(real[c->index], real[i])
                            ? "'path' is that of the cache \"%.*s\" at %s:%u too; write another one"
                            : "'path' and that of the cache \"%.*s\" at %s:%u lie in one another; write another one",
                        STR_ARG(other->name), other->at.file, other->at.line);
    }
}

/* Clients would be sent the answers to others as files. */
static void check_roots(struct build *b, const struct cache_conf *c, struct str real)
{
    const struct config *config = b->config;
    struct hash_table *seen = hash_table_new(b->pool, b->key, 16);

    for (size_t i = 0; i < config->site_count; i++) {
        for (size_t k = 0; k < config->sites[i].route_count; k++) {
            const struct route *r = &config->sites[i].routes[k];
            struct str root;

            if (!r->files || hash_table_set(seen, r->files->root, b))
                continue;
            root = path_real(b, r->files->root);
            if (path_is_in(real, root) || path_is_in(root, real))
                conf_report_add(b->report, path_place(b, c),
                                "'path' and %.*s, whose files the route at %s:%u serves, lie in one another; write a "
                                "directory apart",
                                STR_ARG(r->files->root), r->at.file, r->at.line);
        }
    }
}

void config_check_cache_paths(struct build *b)
{
    const struct config *c = b->config;
    struct str *real = pool_zalloc(b->pool, (c->cache_count + 1) * sizeof(*real));

    for (size_t i = 0; i < c->cache_count; i++) {
        const struct cache_conf *cache = &c->caches[i];

        if (!cache->path.len || cache->in_memory || str_eq(cache->path, STR("/")))
            continue;
        real[i] = path_real(b, cache->path);
        check_others(b, cache, real);
        check_roots(b, cache, real[i]);
        if (c->state_dir.s && path_is_in(path_real(b, c->state_dir), real[i]))
            conf_report_add(b->report, path_place(b, cache),
                            "'path' holds the state_dir %.*s; write a directory for this cache alone",
                            STR_ARG(c->state_dir));
    }
}
