/* store_file.c: names of files, temporary ones and their way to a final name: see store_file.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cache/store_file.h"

void store_name(struct hash_128 hash, char name[STORE_NAME])
{
    static const char digits[] = "0123456789abcdef";
    char *to = name;

    for (int i = 0; i < 32; i++) {
        uint64_t half = i < 16 ? hash.high : hash.low;

        if (i == 3)
            *to++ = '/';
        *to++ = digits[half >> (60 - i % 16 * 4) & 15];
    }
    *to = '\0';
}

bool store_name_parse(unsigned directory, const char *name, struct hash_128 *hash)
{
    uint64_t half[2] = {(uint64_t)directory << 52, 0};

    for (int i = 3; i < 32; i++) {
        char c = *name++;

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        half[i / 16] |= (uint64_t)hex_digit(c) << (60 - i % 16 * 4);
    }
    *hash = (struct hash_128){half[0], half[1]};
    return *name == '\0';
}

/* The 22nd field of /proc/PID/stat; the second, the name, may hold anything and ends with the last ")". */
uint64_t store_process_start(pid_t pid)
{
    char path[40], text[1024];
    const char *at;
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at, NULL, 10) : 0;
}

bool store_temporary_parse(const char *name, pid_t *pid, uint64_t *start)
{
    int owner;
    unsigned long long began;

    if (sscanf(name, "tmp.%d.%llu.", &owner, &began) != 2)
        return false;
    *pid = owner;
    *start = began;
    return true;
}

static int create(struct store *st, const char *name)
{
    return openat(st->directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* The directory of an object, and that of the store where it has vanished. */
static int make_directory(struct store *st, const char *name, struct store_fault *fault)
{
    if (mkdirat(st->directory, name, 0700) == 0 || errno == EEXIST)
        return 0;
    if (errno == ENOENT && store_restore(st, fault) == 0
        && (mkdirat(st->directory, name, 0700) == 0 || errno == EEXIST))
        return 0;
    return store_fault_set(fault, "cannot make a directory");
}

int store_temporary(struct store *st, struct hash_128 hash, char name[STORE_NAME], struct store_fault *fault)
{
    char directory[4];
    int fd;

    snprintf(directory, sizeof(directory), "%03x", (unsigned)(hash.high >> 52));
    snprintf(name, STORE_NAME, "%s/tmp.%d.%llu.%u", directory, (int)st->pid, (unsigned long long)st->start,
        atomic_fetch_add_explicit(&st->temporary, 1, memory_order_relaxed));
    fd = create(st, name);
    if (fd < 0 && errno == ENOENT) {
        if (make_directory(st, directory, fault) != 0)
            return -1;
        fd = create(st, name);
    }
    return fd >= 0 ? fd : store_fault_set(fault, "cannot make a temporary file");
}

void store_discard(struct store *st, const char *name)
{
    int number = errno;

    unlinkat(st->directory, name, 0);
    errno = number;
}

uint64_t store_disk_bytes(uint64_t length)
{
    return (length + 4095) & ~UINT64_C(4095);
}

static void add(_Atomic uint64_t *word, uint64_t n)
{
    atomic_fetch_add_explicit(word, n, memory_order_relaxed);
}

void store_count_removed(struct store *st, uint64_t file_bytes)
{
    if (st->counts) {
        add(&st->counts->removed_bytes, store_disk_bytes(file_bytes));
        add(&st->counts->removed_objects, 1);
    }
}

void store_count_writing(struct store *st, int64_t bytes)
{
    if (st->counts)
        add(&st->counts->writing_bytes, (uint64_t)bytes);
}

/* The length of what stands under the name; -1: nothing does. */
static int64_t length_of(struct store *st, const char *name)
{
    struct stat s;

    return fstatat(st->directory, name, &s, AT_SYMLINK_NOFOLLOW) == 0 ? s.st_size : -1;
}

/* With the length of what it replaces in *old, -1 if nothing. */
static int rename_over(struct store *st, const char *from, const char *to, int64_t *old)
{
    *old = -1;
    if (!atomic_load_explicit(&st->plain_rename, memory_order_relaxed)) {
        if (renameat2(st->directory, from, st->directory, to, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno == EINVAL || errno == ENOSYS)
            atomic_store_explicit(&st->plain_rename, true, memory_order_relaxed);
        else if (errno != EEXIST)
            return -1;
    }
    *old = length_of(st, to);
    return renameat(st->directory, from, st->directory, to);
}

int store_place(struct store *st, const char *name, struct hash_128 hash, uint64_t length, struct store_fault *fault)
{
    char final[STORE_NAME];
    int64_t old;

    store_name(hash, final);
    if (rename_over(st, name, final, &old) != 0) {
        store_discard(st, name);
        return store_fault_set(fault, "cannot rename the temporary file");
    }
    if (old >= 0)
        store_count_removed(st, (uint64_t)old);
    if (st->counts) {
        add(&st->counts->added_bytes, store_disk_bytes(length));
        add(&st->counts->added_objects, 1);
    }
    return 0;
}

int store_unlink_known(struct store *st, struct hash_128 hash, uint64_t file_bytes)
{
    char name[STORE_NAME];

    store_name(hash, name);
    if (unlinkat(st->directory, name, 0) != 0)
        return -1;
    store_count_removed(st, file_bytes);
    return 0;
}

int store_unlink(struct store *st, struct hash_128 hash)
{
    char name[STORE_NAME];
    int64_t length;

    store_name(hash, name);
    length = length_of(st, name);
    return length < 0 ? -1 : store_unlink_known(st, hash, (uint64_t)length);
}

int store_write_at(int fd, const void *bytes, size_t len, uint64_t at)
{
    const char *from = bytes;

    while (len > 0) {
        ssize_t n = pwrite(fd, from, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n < 0 ? errno : ENOSPC;
            return -1;
        }
        from += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return 0;
}

ssize_t store_read_at(int fd, void *bytes, size_t len, uint64_t at)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(fd, (char *)bytes + done, len - done, (off_t)(at + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}
