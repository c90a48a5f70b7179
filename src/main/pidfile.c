/*
 * pidfile.c: open, lock, then look whether the path still names what was locked: a master that ended in
 * between has removed it, and a lock on a nameless file keeps nobody out.
 */
#include "main/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIDFILE_TRIES 16

static int pidfile_fail(const char *path, char *error, size_t error_size)
{
    snprintf(error, error_size, "pid_file %s: %s", path, strerror(errno));
    return -1;
}

/* Says who holds the lock. */
static int pidfile_fail_held(int fd, const char *path, char *error, size_t error_size)
{
    struct flock held = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(fd, F_GETLK, &held) == 0 && held.l_type != F_UNLCK)
        snprintf(error, error_size, "pid_file %s: process %ld is the master already", path,
                 (long)held.l_pid);
    else
        snprintf(error, error_size, "pid_file %s: another master holds it", path);
    return -1;
}

static bool pidfile_is_at_path(int fd, const char *path)
{
    struct stat own, named;

    return fstat(fd, &own) == 0 && lstat(path, &named) == 0 && own.st_dev == named.st_dev &&
           own.st_ino == named.st_ino;
}

int pidfile_lock(struct pidfile *p, const char *path, char *error, size_t error_size)
{
    p->fd = -1;
    if (strlen(path) >= sizeof(p->path)) {
        errno = ENAMETOOLONG;
        return pidfile_fail(path, error, error_size);
    }
    memcpy(p->path, path, strlen(path) + 1);
    for (int i = 0; i < PIDFILE_TRIES; i++) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
        int rc;

        if (fd < 0)
            return pidfile_fail(path, error, error_size);
        if (fcntl(fd, F_SETLK, &lock) < 0) {
            rc = errno == EAGAIN || errno == EACCES ? pidfile_fail_held(fd, path, error, error_size)
                                                    : pidfile_fail(path, error, error_size);
            close(fd);
            return rc;
        }
        if (pidfile_is_at_path(fd, path)) {
            p->fd = fd;
            return 0;
        }
        close(fd);
    }
    errno = EBUSY;
    return pidfile_fail(path, error, error_size);
}

int pidfile_write(struct pidfile *p, pid_t pid, char *error, size_t error_size)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%ld\n", (long)pid);
    ssize_t n;

    if (ftruncate(p->fd, 0) < 0)
        return pidfile_fail(p->path, error, error_size);
    n = pwrite(p->fd, text, (size_t)len, 0);
    if (n == len)
        return 0;
    if (n >= 0)
        errno = ENOSPC;
    return pidfile_fail(p->path, error, error_size);
}

void pidfile_release(struct pidfile *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

void pidfile_remove(struct pidfile *p)
{
    if (p->fd >= 0 && pidfile_is_at_path(p->fd, p->path))
        unlink(p->path);
    pidfile_release(p);
}
