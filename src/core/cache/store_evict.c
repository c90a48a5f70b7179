/* store_evict.c: see store_evict.h. */
#include <stdlib.h>

#include "core/cache/store_evict.h"
#include "core/cache/store_list.h"

#define LOOKED_AT 16384

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

/* All objects of the directory; how many. */
static size_t gather(struct store_list *list, const struct sketch *sketch, struct candidate **found)
{
    size_t count = 0, room = 0;
    const char *name;
    struct stat st;

    while (count < LOOKED_AT && (name = store_list_next(list))) {
        struct hash_128 hash;

        if (!store_name_parse(list->directory, name, &hash) || !store_list_stat(list, name, &st))
            continue;
        if (count == room) {
            struct candidate *more = realloc(*found, (room ? 2 * room : 256) * sizeof(*more));

            if (!more)
                break;
            *found = more;
            room = room ? 2 * room : 256;
        }
        (*found)[count++] = (struct candidate){hash, (uint64_t)st.st_size,
            st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec, sketch_estimate(sketch, hash.high)};
    }
    return count;
}

int store_evict(struct store *st, unsigned directory, uint64_t bytes, const struct sketch *sketch,
    struct store_evicted *evicted, struct store_fault *fault)
{
    struct candidate *found = NULL;
    struct store_list list;
    size_t count;

    *evicted = (struct store_evicted){0};
    if (store_list_open(st, directory, &list, fault) != 0)
        return -1;
    count = gather(&list, sketch, &found);
    store_list_close(&list);
    if (count > 0)
        qsort(found, count, sizeof(*found), compare);
    for (size_t i = 0; i < count && evicted->bytes < bytes; i++) {
        if (store_unlink_known(st, found[i].hash, found[i].length) != 0)
            continue;
        evicted->bytes += store_disk_bytes(found[i].length);
        evicted->objects++;
        evicted->bar = found[i].frequency;
    }
    free(found);
    return 0;
}
