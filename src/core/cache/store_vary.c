/* store_vary.c: see store_vary.h. */
#include <fcntl.h>
#include <unistd.h>

#include "base/rnd.h"
#include "core/cache/store_file.h"
#include "core/cache/store_vary.h"

int store_vary_mark(struct store *st, const struct store_key *key, struct str vary, uint64_t seq, uint64_t *nonce,
    struct store_fault *fault)
{
    struct store_head head;

    store_head_init(&head, key);
    head.kind = STORE_MARKER;
    head.variant = vary;
    head.seq = seq;
    do
        rnd_bytes(&head.nonce, sizeof(head.nonce));
    while (head.nonce == 0);
    *nonce = head.nonce;
    return store_put(st, &head, STR_NONE, fault);
}

int store_vary_nonce(struct store *st, const struct store_key *key, struct str vary, uint64_t seq, char *buffer,
    uint64_t *nonce, struct store_fault *fault)
{
    struct store_object object;
    bool same = false;

    if (store_read_open(st, key, buffer, &object, fault) == STORE_HIT) {
        same = object.head.kind == STORE_MARKER && str_eq(object.head.variant, vary);
        *nonce = object.head.nonce;
        store_read_close(&object);
    }
    return same ? 0 : store_vary_mark(st, key, vary, seq, nonce, fault);
}

unsigned store_vary_count(const struct store_object *marker)
{
    size_t count = marker->body.len / sizeof(struct hash_128);

    return count < STORE_VARIANTS_MAX ? (unsigned)count : STORE_VARIANTS_MAX;
}

enum store_found store_vary_read(struct store *st, const struct store_object *marker, unsigned i, char *buffer,
    struct store_object *object)
{
    struct hash_128 hash;
    char name[STORE_NAME];
    enum purge_kind purged;
    const char *wrong;
    int fd;

    memcpy(&hash, marker->body.s + i * sizeof(hash), sizeof(hash));
    store_name(hash, name);
    fd = openat(st->directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return STORE_MISS;
    store_read_clear(object);
    wrong = store_read_file(fd, buffer, object);
    purged = wrong ? PURGE_HARD : store_purged(st, &object->head, &object->checked);
    object->soft = purged == PURGE_SOFT;
    if (purged != PURGE_HARD && object->fd >= 0)
        return STORE_HIT;
    close(fd);
    object->fd = -1;
    return purged != PURGE_HARD ? STORE_HIT : STORE_MISS;
}

int store_vary_add(struct store *st, const struct store_object *marker, struct hash_128 variant, unsigned most,
    struct store_fault *fault)
{
    struct hash_128 list[STORE_VARIANTS_MAX + 1];
    unsigned count = store_vary_count(marker), drop = 0;
    struct store_head head = marker->head;
    struct str body;

    if (count > 0)
        memcpy(list, marker->body.s, count * sizeof(*list));
    for (unsigned i = 0; i < count; i++)
        if (hash_128_eq(list[i], variant))
            return 0;
    list[count++] = variant;
    most = most < 1 ? 1 : most > STORE_VARIANTS_MAX ? STORE_VARIANTS_MAX : most;
    while (count - drop > most)
        drop++;
    body = (struct str){(const char *)(list + drop), (count - drop) * sizeof(*list)};
    if (store_put_small(st, &head, body, fault) != 0)
        return -1;
    for (unsigned i = 0; i < drop; i++)
        (void)store_unlink(st, list[i]);
    return 0;
}
