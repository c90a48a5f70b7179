/* file_cache.c: see file_cache.h. */
#include "modules/file_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/rnd.h"
#include "http/mime.h"
#include "modules/file_open.h"

#define BUCKETS 2048

static const size_t limits[FILE_CLASSES] = {FILE_CACHE_ENTRIES, FILE_CACHE_OPEN, FILE_CACHE_MISSES};

struct file_cache {
    struct hash_key key;
    struct file_entry *buckets[BUCKETS];
    struct list lru[FILE_CLASSES]; /* used last at the end */
    size_t count[FILE_CLASSES];
    uint64_t bytes;
};

/* ---- entries ---- */

static void entry_free(struct file_entry *e)
{
    if (e->fd >= 0)
        close(e->fd);
    free(e->bytes);
    free(e);
}

static void entry_unref(void *arg)
{
    struct file_entry *e = arg;

    if (--e->refs == 0)
        entry_free(e);
}

static void cache_remove(struct file_cache *cache, struct file_entry *e)
{
    struct file_entry **at = &cache->buckets[e->hash % BUCKETS];

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    list_remove(&e->lru);
    cache->count[e->class]--;
    cache->bytes -= e->bytes ? e->size : 0;
    entry_unref(e);
}

static struct file_entry *oldest(struct file_cache *cache, enum file_class class)
{
    return list_empty(&cache->lru[class]) ? NULL
                                          : container_of(cache->lru[class].next, struct file_entry, lru);
}

static void cache_add(struct file_cache *cache, struct file_entry *e)
{
    e->next = cache->buckets[e->hash % BUCKETS];
    cache->buckets[e->hash % BUCKETS] = e;
    list_append(&cache->lru[e->class], &e->lru);
    e->refs++;
    cache->count[e->class]++;
    cache->bytes += e->bytes ? e->size : 0;
    if (cache->count[e->class] > limits[e->class])
        cache_remove(cache, oldest(cache, e->class));
    while (cache->bytes > FILE_CACHE_BYTES)
        cache_remove(cache, oldest(cache, FILE_IN_MEMORY));
}

static void cache_drop(struct file_cache *cache, enum file_class class)
{
    while (!list_empty(&cache->lru[class]))
        cache_remove(cache, oldest(cache, class));
}

static void cache_free(void *arg)
{
    struct file_cache *cache = arg;

    for (unsigned class = 0; class < FILE_CLASSES; class++)
        cache_drop(cache, class);
}

static struct file_cache *cache_of(struct worker *w)
{
    if (!w->files) {
        w->files = pool_zalloc(w->pool, sizeof(*w->files));
        rnd_bytes(&w->files->key, sizeof(w->files->key));
        for (unsigned class = 0; class < FILE_CLASSES; class++)
            list_init(&w->files->lru[class]);
        pool_on_free(w->pool, cache_free, w->files);
    }
    return w->files;
}

/* ---- what the file system says ---- */

/* The whole of a small file; NULL: it is read piece by piece, or changed its size while it was read. */
static char *read_small(int fd, uint64_t size)
{
    char *bytes = size > 0 && size <= FILE_CACHE_SMALL ? malloc((size_t)size) : NULL;

    if (bytes && pread(fd, bytes, (size_t)size, 0) != (ssize_t)size) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

static struct str find_type(const struct files_conf *conf, struct str path)
{
    const char *dot = memrchr(path.s, '.', path.len);
    struct str extension = dot ? (struct str){dot + 1, path.len - (size_t)(dot + 1 - path.s)} : STR_NONE;
    struct str type;

    for (size_t i = 0; i < conf->type_count; i++) {
        if (str_ieq(conf->types[2 * i], extension))
            return conf->types[2 * i + 1];
    }
    type = mime_of_path(path);
    return type.len > 0 ? type : conf->default_type;
}

/* Size and time are the same on every machine that holds a copy of the file; an inode is not. */
static void fill_regular(struct file_entry *e, const struct stat *st)
{
    e->kind = FILE_REGULAR;
    e->size = (uint64_t)st->st_size;
    e->mtime_s = st->st_mtim.tv_sec;
    e->mtime_ns = st->st_mtim.tv_nsec;
    e->bytes = read_small(e->fd, e->size);
    e->type = find_type(e->conf, e->path);
    snprintf(e->etag, sizeof(e->etag), "\"%llx-%llx%lx\"", (unsigned long long)e->size,
             (unsigned long long)e->mtime_s, e->mtime_ns);
    date_print(e->mtime_s, e->last_modified);
    if (e->conf->expires > 0)
        snprintf(e->cache_control, sizeof(e->cache_control), "max-age=%lld", (long long)e->conf->expires);
    else if (e->conf->expires == 0)
        memcpy(e->cache_control, "no-cache", sizeof("no-cache"));
    e->class = FILE_OPEN;
    if (e->bytes || e->size == 0) {
        close(e->fd);
        e->fd = -1;
        e->class = FILE_IN_MEMORY;
    }
}

static void look(struct file_entry *e)
{
    struct stat st;

    e->class = FILE_MISS;
    e->fd = file_open(e->conf, e->path);
    if (e->fd < 0) {
        e->kind = errno == EACCES || errno == EPERM ? FILE_DENIED
                  : errno == EMFILE || errno == ENFILE || errno == ENOMEM ? FILE_BUSY : FILE_MISSING;
        e->refusal = file_open_refusal(e->conf, e->path, errno);
        return;
    }
    if (fstat(e->fd, &st) < 0)
        st.st_mode = 0;
    if (S_ISREG(st.st_mode)) {
        fill_regular(e, &st);
        return;
    }
    if (S_ISDIR(st.st_mode)) {
        e->kind = FILE_DIRECTORY;
        e->class = FILE_IN_MEMORY;
    } else {
        e->kind = FILE_MISSING;
    }
    close(e->fd);
    e->fd = -1;
}

static struct file_entry *entry_new(const struct files_conf *conf, struct str path, uint64_t hash,
                                    const struct clock *clock)
{
    struct file_entry *e = calloc(1, sizeof(*e) + path.len + 1);

    if (!e)
        return NULL;
    memcpy(e + 1, path.s, path.len);
    e->conf = conf;
    e->path = (struct str){(const char *)(e + 1), path.len};
    e->hash = hash;
    e->checked_ms = clock->mono_ms;
    list_init(&e->lru);
    look(e);
    e->settled = !e->bytes || e->mtime_s + FILE_CACHE_SETTLED_S < clock->wall_s;
    return e;
}

/* Whether the file is still the one that is held; then its time counts anew. */
static bool is_unchanged(struct file_entry *e, int64_t now)
{
    struct stat st;
    int fd;
    bool same;

    if (e->kind != FILE_REGULAR || !e->settled)
        return false;
    fd = file_open(e->conf, e->path);
    if (fd < 0)
        return false;
    same = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == e->size &&
           st.st_mtim.tv_sec == e->mtime_s && st.st_mtim.tv_nsec == e->mtime_ns;
    close(fd);
    if (same)
        e->checked_ms = now;
    e->siblings_known = false;
    return same;
}

/* ---- look-up ---- */

static struct file_entry *cache_find(struct file_cache *cache, const struct files_conf *conf, struct str path,
                                     uint64_t hash)
{
    struct file_entry *e = cache->buckets[hash % BUCKETS];

    while (e && (e->hash != hash || e->conf != conf || !str_eq(e->path, path)))
        e = e->next;
    return e;
}

static bool is_stale(const struct file_entry *e, int64_t now)
{
    return now - e->checked_ms >= (e->class == FILE_MISS ? FILE_CACHE_MISS_MS : FILE_CACHE_VALID_MS);
}

static struct file_entry *lend(struct request *req, struct file_entry *e)
{
    e->refs++;
    pool_on_free(req->pool, entry_unref, e);
    return e;
}

struct file_entry *file_cache_get(struct request *req, const struct files_conf *conf, struct str path)
{
    struct file_cache *cache = cache_of(req->worker);
    const struct clock *clock = &req->worker->loop->clock;
    uint64_t hash = hash_bytes(&cache->key, path.s, path.len);
    struct file_entry *e = cache_find(cache, conf, path, hash);

    if (e && is_stale(e, clock->mono_ms) && !is_unchanged(e, clock->mono_ms)) {
        cache_remove(cache, e);
        e = NULL;
    }
    if (e) {
        list_remove(&e->lru);
        list_append(&cache->lru[e->class], &e->lru);
        return lend(req, e);
    }
    e = entry_new(conf, path, hash, clock);
    if (e && e->kind == FILE_BUSY && cache->count[FILE_OPEN] > 0) {
        /* The descriptors that are only held for speed first. */
        cache_drop(cache, FILE_OPEN);
        entry_free(e);
        e = entry_new(conf, path, hash, clock);
    }
    if (!e)
        return NULL;
    lend(req, e);
    if (e->kind != FILE_BUSY)
        cache_add(cache, e);
    return e;
}

/* ---- precompressed siblings ---- */

static struct str sibling_suffix(enum file_sibling s)
{
    return s == FILE_BR ? STR(".br") : s == FILE_ZSTD ? STR(".zst") : STR(".gz");
}

struct file_entry *file_cache_sibling(struct request *req, const struct file_entry *e, enum file_sibling s)
{
    struct str suffix = sibling_suffix(s);
    char *path = pool_text(req->pool, e->path.len + suffix.len + 1);
    struct file_entry *sibling;

    memcpy(path, e->path.s, e->path.len);
    memcpy(path + e->path.len, suffix.s, suffix.len + 1);
    sibling = file_cache_get(req, e->conf, (struct str){path, e->path.len + suffix.len});
    /* An older one was made from another content. */
    if (!sibling || sibling->kind != FILE_REGULAR || sibling->mtime_s < e->mtime_s)
        return NULL;
    return sibling;
}

void file_cache_find_siblings(struct request *req, struct file_entry *e)
{
    static const enum file_sibling all[] = {FILE_BR, FILE_ZSTD, FILE_GZIP};

    if (e->siblings_known)
        return;
    e->siblings = 0;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (file_cache_sibling(req, e, all[i]))
            e->siblings |= all[i];
    }
    e->siblings_known = true;
}
