/* store_summary.c: what a cache holds, for the next start: see store_walk.h. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/file.h"
#include "core/cache/store_file.h"
#include "core/cache/store_walk.h"

struct summary_file {
    struct store_summary summary;
    uint64_t hash;
};

int store_summary_write(struct store *st, const struct store_summary *summary, struct store_fault *fault)
{
    struct summary_file file = {*summary, XXH3_64bits(summary, sizeof(*summary))};
    char name[STORE_NAME];
    int fd, result;

    /* While a generation follows another there are two janitors. */
    snprintf(name, sizeof(name), "tmp.summary.%d", (int)st->pid);
    fd = openat(st->directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return store_fault_set(fault, "cannot make the file summary");
    result = file_write_all(fd, &file, sizeof(file)) == 0
            && renameat(st->directory, name, st->directory, "summary") == 0
        ? 0
        : store_fault_set(fault, "cannot write the file summary");
    close(fd);
    if (result != 0)
        store_discard(st, name);
    return result;
}

int store_summary_read(struct store *st, struct store_summary *summary, struct store_fault *fault)
{
    int fd = openat(st->directory, "summary", O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct summary_file file;
    ssize_t n;

    *summary = (struct store_summary){0};
    if (fd < 0)
        return store_fault_set(fault, "cannot open the file summary");
    n = store_read_at(fd, &file, sizeof(file), 0);
    close(fd);
    if (n != (ssize_t)sizeof(file) || file.hash != XXH3_64bits(&file.summary, sizeof(file.summary)))
        return store_fault_as(fault, EBADMSG, "the file summary is damaged");
    *summary = file.summary;
    return 0;
}
