/* store_walk.c: see store_walk.h. */
#include <fcntl.h>
#include <unistd.h>

#include "core/cache/purge_log.h"
#include "core/cache/store_list.h"
#include "core/cache/store_read.h"
#include "core/cache/store_walk.h"

#define ABANDONED_S 3600
#define DEAD_S 10 /* processes that cannot be seen from here (another container) write on for that long at least */

static bool is_left_over(const char *name, const struct stat *st, int64_t now)
{
    int64_t age = now - st->st_mtime;
    uint64_t start;
    pid_t pid;

    if (!store_temporary_parse(name, &pid, &start))
        return false;
    return age > ABANDONED_S || (age > DEAD_S && store_process_start(pid) != start);
}

/* A soft purge is forgotten after the walk: what it hit must know by itself. */
static void mark(struct store *st, struct store_walk *w, const struct store_object *object)
{
    struct store_head head = object->head;
    struct store_fault ignored;

    head.facts.flags |= STORE_SOFT;
    if (store_rewrite(st, object, &head, &ignored) == 0)
        w->marked++;
    else if (ignored.number != ESTALE) /* better gone than no longer purged */
        (void)store_unlink_known(st, head.hash, object->file_bytes);
}

/* Looks whether a purge has hit an object; false: it is gone.  One that cannot be read keeps the purges. */
static bool judge(struct store *st, struct store_walk *w, struct store_list *list, const char *name,
    struct hash_128 hash)
{
    int fd = openat(dirfd(list->dir), name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    enum purge_kind kind = PURGE_NONE;
    struct store_object object;
    const char *wrong;

    if (fd < 0) {
        w->failed += errno != ENOENT;
        return errno != ENOENT;
    }
    store_read_clear(&object);
    wrong = store_read_file(fd, w->buffer, &object);
    if (wrong && errno != 0) {
        close(fd);
        w->failed++;
        return true;
    }
    if (!wrong)
        kind = store_purged(st, &object.head, &object.checked);
    if (!wrong && kind == PURGE_SOFT && object.head.kind == STORE_OBJECT
        && !(object.head.facts.flags & STORE_SOFT))
        mark(st, w, &object);
    else if (wrong || kind == PURGE_HARD)
        w->purged += store_unlink(st, hash) == 0;
    close(fd);
    return !wrong && kind != PURGE_HARD;
}

static void look_at(struct store *st, struct store_walk *w, struct store_list *list, const char *name, int64_t now)
{
    struct hash_128 hash;
    struct stat s;

    if (name[0] == '.' || !store_list_stat(list, name, &s))
        return;
    if (is_left_over(name, &s, now)) {
        w->temporary += unlinkat(dirfd(list->dir), name, 0) == 0;
        return;
    }
    if (!store_name_parse(list->directory, name, &hash))
        return;
    if (st->purge && purge_pending(st->purge) && !judge(st, w, list, name, hash))
        return;
    w->bytes += store_disk_bytes((uint64_t)s.st_size);
    w->objects++;
}

static void begin(struct store *st, struct store_walk *w)
{
    *w = (struct store_walk){.buffer = w->buffer};
    if (st->purge)
        w->begun_seq = purge_log_begin(st->purge);
}

int store_walk_step(struct store *st, struct store_walk *w, int64_t now, struct store_fault *fault)
{
    struct store_list list;
    const char *name;
    int result;

    if (w->next == 0)
        begin(st, w);
    result = store_list_open(st, w->next, &list, fault);
    w->failed += result != 0;
    while ((name = store_list_next(&list)))
        look_at(st, w, &list, name, now);
    store_list_close(&list);
    w->next = (w->next + 1) % STORE_DIRECTORIES;
    if (w->next != 0)
        return result;
    if (st->purge && w->failed == 0)
        purge_log_end(st->purge, st->directory, w->begun_seq);
    return 1;
}
