/* store_put.c: objects that are whole in memory, and new heads for old bodies: see store_write.h. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <xxhash.h>

#include "core/cache/store_file.h"
#include "core/cache/store_write.h"

/* Both in one call; a disk that takes a part takes the rest, or says why not. */
static int write_both(int fd, struct str head, struct str body)
{
    struct iovec io[2] = {{(void *)(uintptr_t)head.s, head.len}, {(void *)(uintptr_t)body.s, body.len}};
    ssize_t n;

    do
        n = writev(fd, io, body.len > 0 ? 2 : 1);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -1;
    if ((size_t)n < head.len && store_write_at(fd, head.s + n, head.len - (size_t)n, (uint64_t)n) != 0)
        return -1;
    if ((size_t)n < head.len)
        n = (ssize_t)head.len;
    body = str_from(body, (size_t)n - head.len);
    return store_write_at(fd, body.s, body.len, (uint64_t)n);
}

int store_put_small(struct store *st, struct store_head *head, struct str body, struct store_fault *fault)
{
    char bytes[STORE_HEAD_MAX], name[STORE_NAME];
    size_t size = store_head_size(head);
    int fd, result;

    head->room = head->version = 0;
    head->body_at = (uint32_t)size;
    head->body_len = body.len;
    head->body_hash = XXH3_64bits(body.s, body.len);
    store_head_encode(head, bytes);
    fd = store_temporary(st, head->hash, name, fault);
    if (fd < 0)
        return -1;
    if (write_both(fd, (struct str){bytes, size}, body) == 0)
        result = store_place(st, name, head->hash, size + body.len, fault);
    else {
        store_discard(st, name);
        result = store_fault_set(fault, "cannot write a temporary file");
    }
    close(fd);
    return result;
}

int store_put(struct store *st, const struct store_head *head, struct str body, struct store_fault *fault)
{
    size_t size = store_head_size(head);
    struct store_write *w;
    int result;

    if (size == 0)
        return store_fault_as(fault, E2BIG, "the head is too large");
    if (!store_may_store(st, head))
        return store_fault_as(fault, ECANCELED, "purged while it was fetched");
    if (body.len <= STORE_BUFFER && size + body.len <= STORE_BUFFER) {
        struct store_head copy = *head;

        return store_put_small(st, &copy, body, fault);
    }
    w = store_write_begin(st, head, (int64_t)body.len, fault);
    if (!w)
        return -1;
    result = store_write_body(w, body, fault) == 0 ? store_write_commit(w, fault) : -1;
    store_write_free(w);
    return result;
}

/* The file under the object's name, for writing; -1 where it is no longer the one that `object` has open. */
static int open_same(struct store *st, const struct store_object *object, struct store_fault *fault)
{
    struct stat named, held;
    char name[STORE_NAME];
    int fd;

    store_name(object->head.hash, name);
    fd = openat(st->directory, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? store_fault_as(fault, ESTALE, "the object is gone")
                               : store_fault_set(fault, "cannot open an object");
    if (fstat(fd, &named) == 0 && fstat(object->fd, &held) == 0 && named.st_ino == held.st_ino
        && named.st_dev == held.st_dev)
        return fd;
    close(fd);
    return store_fault_as(fault, ESTALE, "the object was replaced");
}

/* In the place that its present head does not have: a reader finds the old one or the new one. */
static int update_big(struct store *st, const struct store_object *object, const struct store_head *head,
    struct store_fault *fault)
{
    struct store_head next = *head;
    char bytes[STORE_HEAD_MAX];
    int fd, result = 0;

    next.room = object->head.room;
    next.version = object->head.version + 1;
    next.body_at = object->head.body_at;
    next.body_len = object->head.body_len;
    next.body_hash = object->head.body_hash;
    if (store_head_size(head) > next.room)
        return store_fault_as(fault, E2BIG, "the new head has no room");
    store_head_encode(&next, bytes);
    fd = open_same(st, object, fault);
    if (fd < 0)
        return -1;
    if (store_write_at(fd, bytes, store_head_size(&next), (next.version & 1) * next.room) != 0)
        result = store_fault_set(fault, "cannot write the new head");
    close(fd);
    return result;
}

int store_rewrite(struct store *st, const struct store_object *object, const struct store_head *head,
    struct store_fault *fault)
{
    struct store_head next = *head;

    if (store_head_size(head) == 0)
        return store_fault_as(fault, E2BIG, "the head is too large");
    if (object->fd >= 0)
        return update_big(st, object, head, fault);
    if (store_head_size(head) + object->body.len > STORE_BUFFER)
        return store_fault_as(fault, E2BIG, "the new head has no room");
    return store_put_small(st, &next, object->body, fault);
}

int store_update(struct store *st, const struct store_object *object, const struct store_head *head,
    struct store_fault *fault)
{
    if (!store_may_store(st, head))
        return store_fault_as(fault, ECANCELED, "purged while it was validated");
    return store_rewrite(st, object, head, fault);
}
