/* cache_purge.c: see cache_purge.h. */
#include "core/cache/cache_purge.h"

#include <stdlib.h>

#include "core/cache/purge_log.h"
#include "core/worker.h"
#include "io/offload.h"

struct cache_purge_job {
    struct offload_job offload; /* first: the two have one address */
    struct cache_purge_wait *wait; /* the loop's; NULL: nobody waits */
    struct cache *cache;
    enum cache_purge_what what;
    enum purge_kind kind;
    struct store_key key; /* of CACHE_PURGE_KEY */
    uint64_t tag;
    struct str prefix; /* in `text` */
    int result;
    struct store_fault fault;
    char text[];
};

/* ---- in a thread ---- */

static void work(struct offload_job *o)
{
    struct cache_purge_job *job = (struct cache_purge_job *)(void *)o;
    struct cache *c = job->cache;
    int directory = store_directory(c->store);

    switch (job->what) {
    case CACHE_PURGE_KEY:
        job->result = purge_log_hash(c->purge, directory, job->key.primary.high, job->kind, &job->fault);
        /* Nobody has to look at it again; its variants cannot be found without it. */
        if (job->kind == PURGE_HARD)
            (void)store_unlink(c->store, job->key.hash);
        break;
    case CACHE_PURGE_TAG:
        job->result = purge_log_hash(c->purge, directory, job->tag, job->kind, &job->fault);
        break;
    case CACHE_PURGE_PREFIX:
    case CACHE_PURGE_ALL:
        job->result = purge_log_prefix(c->purge, directory, job->prefix, job->kind, &job->fault);
        break;
    }
}

/* ---- in the loop ---- */

static void done(struct offload_job *o)
{
    struct cache_purge_job *job = (struct cache_purge_job *)(void *)o;
    struct cache_purge_wait *wait = job->wait;
    bool full = job->result != 0 && job->fault.number == EXFULL;

    if (job->result != 0 && !full)
        cache_tell_fault(job->cache, &job->fault);
    if (wait) {
        wait->job = NULL;
        wait->fault = job->fault;
        wait->outcome = job->result == 0 ? CACHE_PURGE_DONE : full ? CACHE_PURGE_FULL : CACHE_PURGE_UNSAVED;
        wait->done(wait);
    }
    free(job);
}

static int refuse(struct cache_purge_wait *wait, const char *why)
{
    wait->outcome = CACHE_PURGE_REFUSED;
    wait->why = why;
    return -1;
}

static struct cache_purge_job *job_new(struct cache *c, enum cache_purge_what what, struct str value,
                                       enum purge_kind kind)
{
    struct cache_purge_job *job = calloc(1, sizeof(*job) + value.len);

    if (!job)
        abort();
    job->offload.work = work;
    job->offload.done = done;
    job->cache = c;
    job->what = what;
    job->kind = kind;
    job->prefix = (struct str){job->text, value.len};
    if (value.len > 0)
        memcpy(job->text, value.s, value.len);
    return job;
}

/* What cannot be purged; NULL: nothing is against it. */
static const char *objection(struct cache *c, enum cache_purge_what what, struct str value)
{
    struct store_key key;

    if (!cache_is_open(c))
        return "the directory of the cache cannot be used; the error log says why";
    if (!c->purge)
        return "the cache has no place on the board, which holds 16";
    if (what != CACHE_PURGE_ALL && value.len == 0)
        return "what is to be purged is empty";
    if (what == CACHE_PURGE_PREFIX && value.len > PURGE_PREFIX_MAX)
        return "a prefix has at most 1000 bytes";
    if (what == CACHE_PURGE_KEY && store_key_primary(c->store, value, &key) < 0)
        return "a key has at most 8 KB";
    return NULL;
}

int cache_purge_begin(struct cache *c, enum cache_purge_what what, struct str value, enum purge_kind kind,
                      struct cache_purge_wait *wait)
{
    struct caches *all = c->worker->caches;
    const char *against = objection(c, what, value);
    struct cache_purge_job *job;

    if (against)
        return refuse(wait, against);
    if (!all->offload)
        all->offload = offload_new(c->worker->loop);
    if (!all->offload)
        return refuse(wait, "the process has too many files open");
    job = job_new(c, what, value, kind);
    if (what == CACHE_PURGE_TAG)
        job->tag = store_tag_hash(c->store, value);
    if (what == CACHE_PURGE_KEY && store_key_primary(c->store, job->prefix, &job->key) == 0)
        hot_drop(c->hot, job->key.hash);
    if (offload_add(all->offload, &job->offload) < 0) {
        free(job);
        return refuse(wait, "too many purges wait for the disk");
    }
    job->wait = wait;
    wait->job = job;
    c->stats->purges++;
    return 0;
}

void cache_purge_forget(struct cache_purge_wait *wait)
{
    if (wait->job)
        wait->job->wait = NULL;
    wait->job = NULL;
}

struct str cache_purge_text(enum cache_purge_what what, struct str value, struct pool *pool)
{
    switch (what) {
    case CACHE_PURGE_KEY:
        return pool_printf(pool, "the key \"%.*s\"", STR_ARG(value));
    case CACHE_PURGE_PREFIX:
        return pool_printf(pool, "all keys that begin with \"%.*s\"", STR_ARG(value));
    case CACHE_PURGE_TAG:
        return pool_printf(pool, "all that has the tag \"%.*s\"", STR_ARG(value));
    case CACHE_PURGE_ALL:
        break;
    }
    return STR("all");
}
