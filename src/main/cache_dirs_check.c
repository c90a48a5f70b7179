/* cache_dirs_check.c: what -t says of the directories of caches: see cache_dirs.h. */
#include "main/cache_dirs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/config/config_cache.h"

struct check {
    struct conf_report *report;
    const struct cache_conf *cache;
    uid_t uid; /* of the workers */
};

static void wrong(const struct check *c, const char *what, const char *path, const char *right)
{
    conf_report_add(c->report, c->cache->at, "the cache \"%.*s\" cannot be used: %s %s; %s", STR_ARG(c->cache->name), path,
                    what, right);
}

/* The directory that it lies in. */
static void parent_of(const char *path, char parent[PATH_MAX])
{
    char *slash;

    snprintf(parent, PATH_MAX, "%s", path);
    slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent] = '\0';
}

/* It is there: whose it is, as the start and the workers will see it. */
static void check_there(const struct check *c, const struct stat *st)
{
    const char *path = c->cache->path.s;

    if (st->st_uid != c->uid && !(st->st_uid == 0 && geteuid() == 0))
        wrong(c, "belongs to another user", path, "give it to the user of the workers");
    else if (st->st_uid == c->uid && (st->st_mode & 022) != 0)
        wrong(c, "can be written to by others", path, "take that right from them");
    else if (access(path, W_OK | X_OK) < 0)
        wrong(c, strerror(errno), path, "write a directory that can be written to");
}

static void check_on_disk(const struct check *c)
{
    char parent[PATH_MAX];
    struct stat st;

    if (stat(c->cache->path.s, &st) == 0) {
        check_there(c, &st);
        return;
    }
    parent_of(c->cache->path.s, parent);
    if (access(parent, W_OK | X_OK) < 0)
        wrong(c, "cannot be made", c->cache->path.s, "write a directory whose parent can be written to");
}

/* A warning: `size` may be what the disk is to have one day. */
static void check_room(const struct check *c, const char *path)
{
    struct statvfs fs;
    uint64_t all;

    if (statvfs(path, &fs) < 0)
        return;
    all = (uint64_t)fs.f_blocks * fs.f_frsize;
    if (all < c->cache->size)
        conf_report_warn(c->report, c->cache->at,
                         "the cache \"%.*s\" is to hold %llu MB, and %s has room for %llu MB in all; write a smaller 'size'",
                         STR_ARG(c->cache->name), (unsigned long long)(c->cache->size >> 20), path,
                         (unsigned long long)(all >> 20));
}

static void check_in_memory(const struct check *c)
{
    if (access("/dev/shm", W_OK | X_OK) < 0)
        wrong(c, strerror(errno), "/dev/shm", "write a 'path' on a disk");
    else
        check_room(c, "/dev/shm");
}

static uid_t workers_uid(const struct config *config)
{
    struct privdrop_user user;
    char error[256];

    if (geteuid() == 0 && privdrop_find(config->user.s, NULL, &user, error, sizeof(error)) == 0)
        return user.uid;
    return geteuid();
}

bool cache_dirs_check(const struct config *config, struct conf_report *report)
{
    struct check c = {.report = report, .uid = workers_uid(config)};
    size_t before = report->n;
    char parent[PATH_MAX];

    for (size_t i = 0; i < config->cache_count; i++) {
        c.cache = &config->caches[i];
        if (c.cache->in_memory) {
            check_in_memory(&c);
            continue;
        }
        check_on_disk(&c);
        parent_of(c.cache->path.s, parent);
        check_room(&c, access(c.cache->path.s, F_OK) == 0 ? c.cache->path.s : parent);
    }
    return report->n == before;
}
