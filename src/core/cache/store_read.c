/* store_read.c: see store_read.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "core/cache/store_file.h"
#include "core/cache/store_read.h"

static uint64_t blocks_of(uint64_t body_len)
{
    return (body_len + STORE_BLOCK - 1) / STORE_BLOCK;
}

/* Of a body that is one block, body_hash is its own hash, and there is no table. */
static uint64_t table_bytes(uint64_t body_len)
{
    uint64_t blocks = blocks_of(body_len);

    return blocks > 1 ? blocks * sizeof(uint64_t) : 0;
}

/* In a big file the newer of two heads that is whole. */
static const char *decode_heads(const char *bytes, size_t n, struct store_head *head)
{
    uint32_t room = store_head_room(bytes, n);
    const char *wrong = store_head_decode(bytes, room && n > room ? room : n, head);
    struct store_head other;

    if (room == 0 || n < 2 * (size_t)room || store_head_decode(bytes + room, room, &other) != NULL)
        return wrong;
    if (wrong || other.version > head->version)
        *head = other;
    return NULL;
}

/* The object whose first `n` bytes are in the buffer: all of them where it is less than full. */
static const char *parse_file(int fd, const char *buffer, size_t n, struct store_object *object)
{
    const char *wrong = decode_heads(buffer, n, &object->head);
    const struct store_head *head = &object->head;
    struct stat st = {.st_size = (off_t)n};

    if (wrong)
        return wrong;
    if (n == STORE_BUFFER && fstat(fd, &st) != 0)
        return "cannot be read";
    object->file_bytes = (uint64_t)st.st_size;
    if (object->file_bytes != head->body_at + head->body_len + table_bytes(head->body_len))
        return "the file has another length than its head says";
    object->bytes = (struct str){buffer, n};
    if (object->file_bytes <= STORE_BUFFER && head->body_len <= STORE_BLOCK) {
        object->body = (struct str){buffer + head->body_at, head->body_len};
        if (XXH3_64bits(object->body.s, object->body.len) != head->body_hash)
            return "the body is damaged";
    } else {
        object->fd = fd;
        object->bytes.len = head->room ? 2 * (size_t)head->room : head->body_at;
    }
    return NULL;
}

/* A file gives all it has in one call; where a part is missing it is asked again before it is called cut. */
const char *store_read_file(int fd, char *buffer, struct store_object *object)
{
    const char *wrong;
    ssize_t n, more;

    do
        n = pread(fd, buffer, STORE_BUFFER, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return "cannot be read";
    wrong = parse_file(fd, buffer, (size_t)n, object);
    if (!wrong || n == STORE_BUFFER || errno != 0)
        return wrong;
    more = store_read_at(fd, buffer + n, STORE_BUFFER - (size_t)n, (uint64_t)n);
    if (more < 0)
        return "cannot be read";
    return more > 0 ? parse_file(fd, buffer, (size_t)(n + more), object) : wrong;
}

void store_read_clear(struct store_object *object)
{
    object->fd = -1;
    object->body = STR_NONE;
    object->soft = false;
    object->checked = 0;
    object->blocks = NULL;
    object->sound = NULL;
    errno = 0;
}

static bool is_for(const struct store_head *head, const struct store_key *key)
{
    if (!hash_128_eq(head->hash, key->hash) || !str_eq(head->key, key->key))
        return false;
    if (head->kind == STORE_MARKER)
        return key->nonce == 0;
    return head->nonce == key->nonce && str_eq(head->variant, key->variant);
}

/* Of an object that was read without fault. */
static enum store_found judge(struct store *st, const struct store_key *key, struct store_object *object)
{
    enum purge_kind purged;

    if (!is_for(&object->head, key))
        return STORE_MISS;
    purged = store_purged(st, &object->head, &object->checked);
    if (purged == PURGE_HARD) {
        store_unlink_known(st, key->hash, object->file_bytes);
        return STORE_PURGED;
    }
    object->soft = object->head.kind == STORE_OBJECT
        && (purged == PURGE_SOFT || (object->head.facts.flags & STORE_SOFT));
    return STORE_HIT;
}

enum store_found store_read_open(struct store *st, const struct store_key *key, char *buffer,
    struct store_object *object, struct store_fault *fault)
{
    char name[STORE_NAME];
    enum store_found found;
    const char *wrong;
    int fd;

    store_name(key->hash, name);
    fd = openat(st->directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        if (errno == ENOENT)
            return STORE_MISS;
        store_fault_set(fault, "cannot open an object");
        return STORE_FAULT;
    }
    store_read_clear(object);
    wrong = store_read_file(fd, buffer, object);
    if (wrong) {
        if (fault)
            *fault = (struct store_fault){errno, wrong};
        found = errno ? STORE_FAULT : STORE_BAD;
        if (found == STORE_BAD)
            store_unlink(st, key->hash);
    } else
        found = judge(st, key, object);
    if (found != STORE_HIT || object->fd < 0) {
        close(fd);
        object->fd = -1;
    }
    return found;
}

void store_read_close(struct store_object *object)
{
    if (object->fd >= 0)
        close(object->fd);
    object->fd = -1;
    free(object->blocks);
    free(object->sound);
    object->blocks = NULL;
    object->sound = NULL;
}

void store_read_move(struct store_object *object, char *to)
{
    const char *from = object->bytes.s;

    memcpy(to, from, object->bytes.len);
    store_head_move(&object->head, from, to);
    if (object->fd < 0)
        object->body.s = to + object->head.body_at;
    object->bytes.s = to;
}

/* The table of the blocks' hashes, itself checked against the head. */
static int load_blocks(struct store_object *object, struct store_fault *fault)
{
    const struct store_head *head = &object->head;
    uint64_t count = blocks_of(head->body_len);
    size_t size = count * sizeof(uint64_t);

    object->blocks = malloc(size);
    object->sound = calloc(1, count / 8 + 1);
    if (!object->blocks || !object->sound)
        store_fault_as(fault, ENOMEM, "no memory");
    else if (count == 1) {
        object->blocks[0] = head->body_hash;
        return 0;
    } else if (store_read_at(object->fd, object->blocks, size, head->body_at + head->body_len) != (ssize_t)size)
        store_fault_as(fault, EIO, "cannot read the hashes of the blocks");
    else if (XXH3_64bits(object->blocks, size) != head->body_hash)
        store_fault_as(fault, EBADMSG, "the hashes of the blocks are damaged");
    else
        return 0;
    free(object->blocks);
    free(object->sound);
    object->blocks = NULL;
    object->sound = NULL;
    return -1;
}

static size_t block_len(const struct store_object *object, uint64_t block)
{
    uint64_t left = object->head.body_len - block * STORE_BLOCK;

    return left < STORE_BLOCK ? left : STORE_BLOCK;
}

/* Reads a block and checks it. */
static int read_block(struct store_object *object, uint64_t block, char *to, struct store_fault *fault)
{
    size_t len = block_len(object, block);
    ssize_t n;

    if (!object->sound && load_blocks(object, fault) != 0)
        return -1;
    n = store_read_at(object->fd, to, len, object->head.body_at + block * STORE_BLOCK);
    if (n < 0)
        return store_fault_set(fault, "cannot read the body");
    if (n != (ssize_t)len || XXH3_64bits(to, len) != object->blocks[block])
        return store_fault_as(fault, EBADMSG, "the body is damaged");
    object->sound[block / 8] |= (uint8_t)(1u << block % 8);
    return 0;
}

int store_read_check(struct store_object *object, uint64_t from, uint64_t len, char *scratch,
    struct store_fault *fault)
{
    uint64_t end = object->head.body_len;

    if (object->fd < 0 || from >= end || len == 0)
        return 0;
    if (len < end - from)
        end = from + len;
    for (uint64_t block = from / STORE_BLOCK; block <= (end - 1) / STORE_BLOCK; block++) {
        if (object->sound && (object->sound[block / 8] & 1u << block % 8))
            continue;
        if (read_block(object, block, scratch, fault) != 0)
            return -1;
    }
    return 0;
}

int store_read_block(struct store_object *object, uint64_t at, char *block, struct str *bytes,
    struct store_fault *fault)
{
    *bytes = STR_NONE;
    if (at >= object->head.body_len)
        return 0;
    if (object->fd < 0) {
        *bytes = str_from(object->body, at);
        return 0;
    }
    if (read_block(object, at / STORE_BLOCK, block, fault) != 0)
        return -1;
    *bytes = (struct str){block + at % STORE_BLOCK, block_len(object, at / STORE_BLOCK) - at % STORE_BLOCK};
    return 0;
}
