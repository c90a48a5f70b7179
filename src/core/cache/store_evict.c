/* store_evict.c: see store_evict.h. */
#include <stdlib.h>

#include "core/cache/store_evict.h"
#include "core/cache/store_list.h"

#define LOOKED_AT 16384
#define ENOUGH 64
#define DIRECTORIES_MAX 128

struct candidate {
    struct hash_128 hash;
    uint64_t length;
    int64_t since_ns;
    unsigned frequency;
};

/* The worst first. */
static int compare(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    if (x->frequency != y->frequency)
        return x->frequency < y->frequency ? -1 : 1;
    return x->since_ns < y->since_ns ? -1 : x->since_ns > y->since_ns;
}

struct candidates {
    struct candidate *all;
    size_t count, room;
};

static struct candidate *candidate_add(struct candidates *c)
{
    if (c->count == c->room) {
        size_t room = c->room ? 2 * c->room : 256;
        struct candidate *more = realloc(c->all, room * sizeof(*more));

        if (!more)
            return NULL;
        c->all = more;
        c->room = room;
    }
    return &c->all[c->count++];
}

/* All objects of the directory. */
static void gather(struct store_list *list, const struct sketch *sketch, struct candidates *found)
{
    const char *name;
    struct stat st;

    while (found->count < LOOKED_AT && (name = store_list_next(list))) {
        struct hash_128 hash;
        struct candidate *to;

        if (!store_name_parse(list->directory, name, &hash) || !store_list_stat(list, name, &st))
            continue;
        to = candidate_add(found);
        if (!to)
            return;
        *to = (struct candidate){hash, (uint64_t)st.st_size,
            st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec, sketch_estimate(sketch, hash.high)};
    }
}

/* Of as many directories as it takes to have a choice. */
static int gather_some(struct store *st, unsigned directory, const struct sketch *sketch, struct candidates *found,
    struct store_fault *fault)
{
    int result = 0;

    for (unsigned i = 0; i < DIRECTORIES_MAX && found->count < ENOUGH; i++) {
        struct store_list list;

        if (store_list_open(st, (directory + i) % STORE_DIRECTORIES, &list, fault) != 0)
            result = -1;
        gather(&list, sketch, found);
        store_list_close(&list);
    }
    return result;
}

int store_evict(struct store *st, unsigned directory, uint64_t bytes, const struct sketch *sketch,
    struct store_evicted *evicted, struct store_fault *fault)
{
    struct candidates found = {NULL, 0, 0};
    int result = gather_some(st, directory, sketch, &found, fault);

    *evicted = (struct store_evicted){0};
    if (found.count > 0)
        qsort(found.all, found.count, sizeof(*found.all), compare);
    for (size_t i = 0; i < (found.count + 1) / 2 && evicted->bytes < bytes; i++) {
        const struct candidate *c = &found.all[i];

        if (store_unlink_known(st, c->hash, c->length) != 0)
            continue;
        evicted->bytes += store_disk_bytes(c->length);
        evicted->objects++;
        evicted->bar = c->frequency;
    }
    free(found.all);
    return evicted->objects > 0 ? 0 : result;
}
