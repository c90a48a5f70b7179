/* tls_material.c: see tls_material.h. */
#include "core/tls/tls_material.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static bool part_is_secret(const struct tls_material *m, enum tls_part_kind kind)
{
    if (m->kind == TLS_MATERIAL_TICKET_KEY)
        return true;
    return m->kind == TLS_MATERIAL_PAIR && &m->parts[kind] == tls_material_key(m);
}

/* Key managers have links that lead to the newest file; a stranger's would lead to a file that is not his. */
static int part_open(const char *path, bool secret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (secret ? O_NOFOLLOW : 0));
    struct stat st;

    if (fd >= 0 || errno != ELOOP || !secret)
        return fd;
    if (lstat(path, &st) < 0)
        return -1;
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        errno = ELOOP;
        return -1;
    }
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static struct tls_stamp stamp_of(const struct stat *st)
{
    return (struct tls_stamp){st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim};
}

static bool time_same(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool stamp_same(const struct tls_stamp *a, const struct tls_stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && time_same(&a->mtime, &b->mtime) &&
           time_same(&a->ctime, &b->ctime);
}

static void part_free(struct tls_part *p)
{
    if (p->bytes) {
        explicit_bzero(p->bytes, p->len);
        free(p->bytes);
    }
    p->bytes = NULL;
    p->len = 0;
}

static void part_alloc(struct tls_part *p, size_t len)
{
    p->bytes = malloc(len + 1);
    if (!p->bytes)
        abort();
    p->bytes[len] = 0;
    p->len = len;
}

static int read_all(int fd, char *to, size_t len)
{
    size_t at = 0;

    while (at < len) {
        ssize_t n = read(fd, to + at, len - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        at += (size_t)n;
    }
    return 0;
}

static int part_fill(struct tls_part *p, int fd, char *error, size_t size)
{
    struct tls_part fresh = *p;
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        snprintf(error, size, "%s is not a file", p->path.s);
        return -1;
    }
    if (st.st_size > (off_t)TLS_PART_MAX) {
        snprintf(error, size, "%s is larger than 4 MB", p->path.s);
        return -1;
    }
    part_alloc(&fresh, (size_t)st.st_size);
    if (read_all(fd, fresh.bytes, fresh.len) < 0) {
        snprintf(error, size, "%s was changed while it was read", p->path.s);
        part_free(&fresh);
        return -1;
    }
    fresh.stamp = stamp_of(&st);
    fresh.exposed = (st.st_mode & (S_IRWXO | S_IWGRP)) != 0;
    part_free(p);
    *p = fresh;
    return 0;
}

int tls_part_read(struct tls_material *m, enum tls_part_kind kind, char *error, size_t error_size)
{
    struct tls_part *p = &m->parts[kind];
    bool secret = part_is_secret(m, kind);
    int fd = part_open(p->path.s, secret);
    int rc;

    if (fd < 0 && errno == ELOOP && secret) {
        snprintf(error, error_size, "%s is a symbolic link of another user", p->path.s);
        return -1;
    }
    if (fd < 0) {
        snprintf(error, error_size, "cannot read %s: %s", p->path.s, strerror(errno));
        return -1;
    }
    rc = part_fill(p, fd, error, error_size);
    if (!secret)
        p->exposed = false;
    close(fd);
    return rc;
}

void tls_material_free(struct tls_material *m)
{
    for (size_t i = 0; i < TLS_PARTS; i++)
        part_free(&m->parts[i]);
}

struct tls_material tls_material_like(const struct tls_material *m)
{
    struct tls_material fresh = *m;

    fresh.made = false;
    for (size_t i = 0; i < TLS_PARTS; i++)
        fresh.parts[i] = (struct tls_part){.path = m->parts[i].path};
    return fresh;
}

void tls_material_make(struct tls_material *m, char *bytes, size_t len)
{
    struct tls_part *p = &m->parts[TLS_PART_CERT];

    part_free(p);
    p->bytes = bytes;
    p->len = len;
    p->stamp = (struct tls_stamp){0};
    m->made = true;
}

void tls_material_move(struct tls_material *to, struct tls_material *from)
{
    to->made = from->made;
    for (size_t i = 0; i < TLS_PARTS; i++) {
        struct str path = to->parts[i].path;

        part_free(&to->parts[i]);
        to->parts[i] = from->parts[i];
        to->parts[i].path = path;
        from->parts[i].bytes = NULL;
        from->parts[i].len = 0;
    }
}

int tls_material_read(struct tls_material *m, char *error, size_t error_size)
{
    for (int i = 0; i < TLS_PARTS; i++) {
        if (m->parts[i].path.len && tls_part_read(m, (enum tls_part_kind)i, error, error_size) < 0)
            return -1;
    }
    return 0;
}

struct tls_stamps tls_material_look(const struct tls_material *m)
{
    struct tls_stamps now = {0};
    struct stat st;

    for (size_t i = 0; i < TLS_PARTS; i++) {
        if (m->parts[i].path.len && stat(m->parts[i].path.s, &st) == 0)
            now.parts[i] = stamp_of(&st);
    }
    return now;
}

struct tls_stamps tls_material_stamps(const struct tls_material *m)
{
    struct tls_stamps all;

    for (size_t i = 0; i < TLS_PARTS; i++)
        all.parts[i] = m->parts[i].stamp;
    return all;
}

bool tls_stamps_same(const struct tls_stamps *a, const struct tls_stamps *b)
{
    for (size_t i = 0; i < TLS_PARTS; i++) {
        if (!stamp_same(&a->parts[i], &b->parts[i]))
            return false;
    }
    return true;
}

int tls_material_pack(const struct tls_material *m)
{
    uint64_t lens[TLS_PARTS];
    int fd = memfd_create("certificate", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int rc;

    if (fd < 0)
        return -1;
    for (size_t i = 0; i < TLS_PARTS; i++)
        lens[i] = m->parts[i].len;
    rc = file_write_all(fd, lens, sizeof(lens));
    for (size_t i = 0; i < TLS_PARTS && rc == 0; i++)
        rc = file_write_all(fd, m->parts[i].bytes, m->parts[i].len);
    if (rc == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0 &&
        lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    close(fd);
    return -1;
}

/* By pread(), as all workers have the same file, and its position. */
static int read_at(int fd, void *to, size_t len, off_t *at)
{
    ssize_t n = pread(fd, to, len, *at);

    *at += (off_t)len;
    return n == (ssize_t)len ? 0 : -1;
}

int tls_material_unpack(int fd, struct tls_material *m)
{
    uint64_t lens[TLS_PARTS];
    off_t at = 0;

    if (read_at(fd, lens, sizeof(lens), &at) < 0)
        return -1;
    for (size_t i = 0; i < TLS_PARTS; i++) {
        if (lens[i] == 0)
            continue;
        if (lens[i] > TLS_PART_MAX)
            return -1;
        part_alloc(&m->parts[i], (size_t)lens[i]);
        if (read_at(fd, m->parts[i].bytes, (size_t)lens[i], &at) < 0) {
            tls_material_free(m);
            return -1;
        }
    }
    return 0;
}
