/* store_write.c: an object that comes piece by piece: see store_write.h. */
#include <stdlib.h>
#include <unistd.h>

#include <xxhash.h>

#include "core/cache/store_file.h"
#include "core/cache/store_write.h"

#define FIRST_ROOM 4096 /* bytes of the first memory for a body of unknown length */
#define SLACK 512       /* room that a head in a big file has to grow, beside a quarter of it */

/* The hashes of a big body, block by block. */
struct block_hashes {
    XXH3_state_t *state; /* of the block that is being filled */
    size_t in_block;
    uint64_t *done;
    size_t count, room;
};

struct store_write {
    struct store *store;
    struct store_head head;
    char *texts;      /* that the head's point to */
    int64_t expected; /* bytes, or -1 */
    uint64_t length;  /* of the body so far */
    char *memory;     /* the body while fd is -1 */
    size_t room;
    int fd;
    char name[STORE_NAME]; /* of the temporary file; empty: there is none (any more) */
    struct block_hashes hashes;
    int failed; /* errno of what failed; 0 */
    uint64_t written; /* bytes in the temporary file, as counted */
};

/* One copy of all texts of the head. */
static int copy_texts(struct store_write *w, const struct store_head *head)
{
    struct str *texts[] = {&w->head.key, &w->head.variant, &w->head.fields};
    char *at = malloc(head->key.len + head->variant.len + head->fields.len);

    if (!at)
        return -1;
    w->texts = at;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (texts[i]->len > 0)
            memcpy(at, texts[i]->s, texts[i]->len);
        texts[i]->s = at;
        at += texts[i]->len;
    }
    return 0;
}

static void count_written(struct store_write *w, size_t bytes)
{
    w->written += bytes;
    store_count_writing(w->store, (int64_t)bytes);
}

/* They are no longer those of a temporary file. */
static void count_over(struct store_write *w)
{
    if (w->written > 0)
        store_count_writing(w->store, -(int64_t)w->written);
    w->written = 0;
}

/* The file is gone and nothing will be stored; what came can be read still. */
static int fail(struct store_write *w, struct store_fault *fault, const char *what)
{
    w->failed = errno ? errno : EIO;
    if (w->name[0])
        store_discard(w->store, w->name);
    w->name[0] = '\0';
    count_over(w);
    return store_fault_set(fault, what);
}

static void drop_hashes(struct block_hashes *h)
{
    if (h->state)
        XXH3_freeState(h->state);
    free(h->done);
    *h = (struct block_hashes){0};
}

static int end_block(struct block_hashes *h)
{
    if (h->count == h->room) {
        size_t room = h->room ? 2 * h->room : 16;
        uint64_t *more = realloc(h->done, room * sizeof(*more));

        if (!more)
            return -1;
        h->done = more;
        h->room = room;
    }
    h->done[h->count++] = XXH3_64bits_digest(h->state);
    h->in_block = 0;
    return XXH3_64bits_reset(h->state) == XXH_OK ? 0 : -1;
}

static int add_hashes(struct block_hashes *h, struct str bytes)
{
    while (bytes.len > 0) {
        size_t n = STORE_BLOCK - h->in_block;

        n = n < bytes.len ? n : bytes.len;
        if (XXH3_64bits_update(h->state, bytes.s, n) != XXH_OK)
            return -1;
        h->in_block += n;
        bytes = str_from(bytes, n);
        if (h->in_block == STORE_BLOCK && end_block(h) != 0)
            return -1;
    }
    return 0;
}

/* From memory to a temporary file, with the places of the head free. */
static int spill(struct store_write *w, struct store_fault *fault)
{
    size_t size = store_head_size(&w->head);
    size_t room = (size + size / 4 + SLACK + STORE_ROOM_UNIT - 1) / STORE_ROOM_UNIT * STORE_ROOM_UNIT;
    struct str held = {w->memory, w->length};

    w->head.room = (uint32_t)(room < STORE_HEAD_MAX ? room : STORE_HEAD_MAX);
    w->head.body_at = (2 * w->head.room + 4095) & ~4095u;
    w->hashes.state = XXH3_createState();
    if (!w->hashes.state || XXH3_64bits_reset(w->hashes.state) != XXH_OK || add_hashes(&w->hashes, held) != 0) {
        errno = ENOMEM;
        return fail(w, fault, "no memory");
    }
    w->fd = store_temporary(w->store, w->head.hash, w->name, fault);
    if (w->fd < 0) {
        w->failed = errno ? errno : EIO;
        w->name[0] = '\0';
        return -1;
    }
    if (store_write_at(w->fd, held.s, held.len, w->head.body_at) != 0) {
        close(w->fd);
        w->fd = -1;
        return fail(w, fault, "cannot write a temporary file");
    }
    count_written(w, w->head.body_at + held.len);
    free(w->memory);
    w->memory = NULL;
    return 0;
}

static bool fits_small(const struct store_write *w, uint64_t body_len)
{
    return body_len <= STORE_BUFFER && store_head_size(&w->head) + body_len <= STORE_BUFFER;
}

struct store_write *store_write_begin(struct store *st, const struct store_head *head, int64_t expected,
    struct store_fault *fault)
{
    struct store_write *w;

    if (store_head_size(head) == 0) {
        store_fault_as(fault, E2BIG, "the head is too large");
        return NULL;
    }
    w = calloc(1, sizeof(*w));
    if (!w) {
        store_fault_as(fault, ENOMEM, "no memory");
        return NULL;
    }
    w->store = st;
    w->head = *head;
    w->head.room = w->head.version = 0;
    w->expected = expected;
    w->fd = -1;
    if (copy_texts(w, head) != 0)
        store_fault_as(fault, ENOMEM, "no memory");
    else if (expected < 0 || fits_small(w, (uint64_t)expected) || spill(w, fault) == 0)
        return w;
    store_write_free(w);
    return NULL;
}

/* Room for `more` bytes in memory. */
static int grow(struct store_write *w, size_t more)
{
    size_t room = w->room ? w->room : w->expected > 0 ? (size_t)w->expected : FIRST_ROOM;
    char *memory;

    while (room < w->length + more)
        room *= 2;
    if (room == w->room)
        return 0;
    memory = realloc(w->memory, room);
    if (!memory)
        return -1;
    w->memory = memory;
    w->room = room;
    return 0;
}

int store_write_body(struct store_write *w, struct str bytes, struct store_fault *fault)
{
    if (w->failed)
        return store_fault_as(fault, w->failed, "an earlier write failed");
    if (bytes.len == 0)
        return 0;
    if (w->fd < 0 && !fits_small(w, w->length + bytes.len) && spill(w, fault) != 0)
        return -1;
    if (w->fd < 0) {
        if (grow(w, bytes.len) != 0)
            return fail(w, fault, "no memory");
        memcpy(w->memory + w->length, bytes.s, bytes.len);
    } else {
        if (store_write_at(w->fd, bytes.s, bytes.len, w->head.body_at + w->length) != 0)
            return fail(w, fault, "cannot write a temporary file");
        count_written(w, bytes.len);
        if (add_hashes(&w->hashes, bytes) != 0) {
            errno = ENOMEM;
            return fail(w, fault, "no memory");
        }
    }
    w->length += bytes.len;
    return 0;
}

uint64_t store_write_length(const struct store_write *w)
{
    return w->length;
}

struct store_head *store_write_head(struct store_write *w)
{
    return &w->head;
}

ssize_t store_write_peek(const struct store_write *w, uint64_t at, char *to, size_t n)
{
    if (at >= w->length)
        return 0;
    n = n < w->length - at ? n : (size_t)(w->length - at);
    if (w->fd >= 0)
        return store_read_at(w->fd, to, n, w->head.body_at + at);
    memcpy(to, w->memory + at, n);
    return (ssize_t)n;
}

int store_write_fd(const struct store_write *w, uint64_t *body_at)
{
    *body_at = w->head.body_at;
    return w->fd;
}

/* The table and the head, which make the file whole; its length. */
static int finish_file(struct store_write *w, uint64_t *file_bytes)
{
    struct block_hashes *h = &w->hashes;
    uint64_t table_at = w->head.body_at + w->length;
    char head[STORE_HEAD_MAX];
    size_t table;

    if (h->in_block > 0 && end_block(h) != 0) {
        errno = ENOMEM;
        return -1;
    }
    table = h->count > 1 ? h->count * sizeof(*h->done) : 0;
    w->head.body_len = w->length;
    w->head.body_hash = table ? XXH3_64bits(h->done, table) : h->done[0];
    *file_bytes = table_at + table;
    store_head_encode(&w->head, head);
    if (store_write_at(w->fd, h->done, table, table_at) != 0)
        return -1;
    return store_write_at(w->fd, head, store_head_size(&w->head), 0);
}

int store_write_commit(struct store_write *w, struct store_fault *fault)
{
    uint64_t file_bytes;
    int result;

    if (w->failed)
        return store_fault_as(fault, w->failed, "an earlier write failed");
    if (w->expected >= 0 && w->length != (uint64_t)w->expected) {
        errno = EINVAL;
        return fail(w, fault, "the body has another length than was said");
    }
    if (!store_may_store(w->store, &w->head)) {
        errno = ECANCELED;
        return fail(w, fault, "purged while it was fetched");
    }
    if (w->fd < 0)
        return store_put_small(w->store, &w->head, (struct str){w->memory, w->length}, fault);
    if (finish_file(w, &file_bytes) != 0)
        return fail(w, fault, "cannot write a temporary file");
    result = store_place(w->store, w->name, w->head.hash, file_bytes, fault);
    count_over(w);
    w->name[0] = '\0';
    w->failed = result == 0 ? 0 : errno;
    return result;
}

void store_write_free(struct store_write *w)
{
    if (!w)
        return;
    count_over(w);
    if (w->name[0])
        store_discard(w->store, w->name);
    if (w->fd >= 0)
        close(w->fd);
    drop_hashes(&w->hashes);
    free(w->memory);
    free(w->texts);
    free(w);
}
