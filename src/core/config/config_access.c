/* config_access.c: whether the workers' user may do in a directory what a request will need. */
#include <fcntl.h>
#include <grp.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/config/config_build.h"

/* What the kernel says is all that counts (modes, ACLs, the mount), so it is asked as that user. */
static bool access_try(int fd, bool list)
{
    struct stat st;
    int dir;

    if (!list)
        return fstatat(fd, ".", &st, 0) == 0;
    dir = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0)
        close(dir);
    return dir >= 0;
}

static bool access_try_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Of the file `path`, or where that is NULL of the directory `fd`. */
static bool access_as_user(struct build *b, const char *path, int fd, bool list)
{
    int n = b->drops ? getgroups(0, NULL) : -1;
    gid_t *groups;
    bool may;

    if (n < 0)
        return true;
    groups = pool_alloc(b->pool, ((size_t)n + 1) * sizeof(*groups));
    n = getgroups(n, groups);
    if (n < 0 || setgroups(0, NULL) < 0)
        return true;
    setfsgid(b->gid);
    setfsuid(b->uid);
    may = path ? access_try_file(path) : access_try(fd, list);
    setfsuid(geteuid());
    setfsgid(getegid());
    (void)!setgroups((size_t)n, groups);
    return may;
}

bool config_user_may(struct build *b, int fd, bool list)
{
    return access_as_user(b, NULL, fd, list);
}

bool config_user_may_read(struct build *b, const char *path)
{
    return access_as_user(b, path, -1, false);
}
