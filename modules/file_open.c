/* file_open.c: see file_open.h. */
#include "modules/file_open.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPEN_TRIES 4

/* A FIFO must not block the worker, a terminal not become ours. */
#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* RFC 8615: /.well-known is there to be served. */
static bool has_dotfile(struct str path)
{
    struct str well_known = STR(".well-known");

    if (str_has_prefix(path, well_known) && (path.len == well_known.len || path.s[well_known.len] == '/')) {
        path.s += well_known.len;
        path.len -= well_known.len;
    } else if (path.len > 0 && path.s[0] == '.') {
        return true;
    }
    for (size_t i = 1; i < path.len; i++) {
        if (path.s[i] == '.' && path.s[i - 1] == '/')
            return true;
    }
    return false;
}

/* Segment by segment, where the kernel has no openat2: links are refused altogether. */
static int open_stepwise(int root, struct str path)
{
    int dir = dup(root);
    char name[256];

    while (dir >= 0) {
        const char *slash = memchr(path.s, '/', path.len);
        size_t len = slash ? (size_t)(slash - path.s) : path.len;
        int next;

        if (len >= sizeof(name) || (len == 2 && path.s[0] == '.' && path.s[1] == '.')) {
            close(dir);
            errno = ENOENT;
            return -1;
        }
        memcpy(name, path.s, len);
        name[len] = '\0';
        next = openat(dir, len ? name : ".", OPEN_FLAGS | O_NOFOLLOW | (slash ? O_DIRECTORY : 0));
        close(dir);
        if (!slash || next < 0)
            return next;
        path.s += len + 1;
        path.len -= len + 1;
        dir = next;
    }
    return -1;
}

/* RESOLVE_BENEATH alone would let a variable climb from one directory of the root into another. */
static bool has_parent(struct str path)
{
    for (size_t i = 0; i + 1 < path.len; i++) {
        if (path.s[i] == '.' && path.s[i + 1] == '.' && (i == 0 || path.s[i - 1] == '/') &&
            (i + 2 == path.len || path.s[i + 2] == '/'))
            return true;
    }
    return false;
}

static bool is_refused(const struct files_conf *conf, struct str path)
{
    return (!conf->dotfiles && has_dotfile(path)) || has_parent(path) ||
           (path.len > 0 && memchr(path.s, '\0', path.len));
}

/*
 * The root as its path leads there now: a deployment may have put another directory or link in its place.  Where the
 * worker may not follow that path, the directory that was opened when the file was loaded.
 */
static int open_root(const struct files_conf *conf)
{
    int root = open(conf->root.s, O_PATH | O_DIRECTORY | O_CLOEXEC);

    return root < 0 && errno != ENOENT && errno != ENOTDIR ? conf->root_fd : root;
}

static void close_keeping_errno(int fd)
{
    int saved = errno;

    if (fd >= 0)
        close(fd);
    errno = saved;
}

int file_open(const struct files_conf *conf, struct str path)
{
    struct open_how how = {.flags = OPEN_FLAGS,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
                                      (conf->symlinks ? 0 : RESOLVE_NO_SYMLINKS)};
    unsigned tries = 0;
    int root;
    long fd;

    if (is_refused(conf, path)) {
        errno = ENOENT;
        return -1;
    }
    root = open_root(conf);
    /* EAGAIN: something was renamed while a link was followed. */
    do
        fd = syscall(SYS_openat2, root, path.len ? path.s : ".", &how, sizeof(how));
    while (fd < 0 && errno == EAGAIN && ++tries < OPEN_TRIES);
    if (fd < 0 && errno == ENOSYS)
        fd = open_stepwise(root, path);
    if (root != conf->root_fd)
        close_keeping_errno(root);
    return (int)fd;
}

struct str file_open_refusal(const struct files_conf *conf, struct str path, int error)
{
    if (!conf->dotfiles && has_dotfile(path))
        return STR("dotfiles is false");
    if (error == ELOOP)
        return conf->symlinks ? STR("symbolic links lead in a circle") : STR("symlinks is false");
    if (error == EXDEV)
        return STR("a symbolic link leads out of the root");
    return STR_NONE;
}
