/* cache_dirs.c: see cache_dirs.h. */
#include "main/cache_dirs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "core/config/config_cache.h"
#include "main/master.h"
#include "main/state_dir.h"

#define MEMORY "/dev/shm"
#define PREFIX "weir-"
#define DIGITS 16
#define LOCK_TRIES 100 /* of 10 ms: somebody looks whether it is in use */

/* ---- the instance's ---- */

static void instance_path(struct board *board, char *path, size_t size)
{
    const struct hash_key key = hash_key_of(board_secret(board));

    snprintf(path, size, MEMORY "/" PREFIX "%016llx", (unsigned long long)hash_bytes(&key, "caches", 6));
}

/* A name in it: the same for the same cache. */
static void cache_name(const struct cache_conf *c, char name[DIGITS + 1])
{
    static const struct hash_key none;

    snprintf(name, DIGITS + 1, "%016llx", (unsigned long long)hash_bytes(&none, c->name.s, c->name.len));
}

static int lock_shared(int fd)
{
    const struct timespec a_while = {.tv_nsec = 10 * 1000 * 1000};

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_SH | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -1;
        nanosleep(&a_while, NULL);
    }
    return -1;
}

/* Opened, found to be the user's alone, and locked; -1 with errno. */
static int open_instance(const char *path, uid_t uid, gid_t gid)
{
    struct stat st, named;
    int fd;

    if (mkdir(path, 0700) == 0 && lchown(path, uid, gid) < 0)
        return -1;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    errno = EPERM;
    if (fstat(fd, &st) == 0 && st.st_uid == uid && (st.st_mode & 077) == 0 && lock_shared(fd) == 0) {
        /* It may have been taken for a left-over before it was locked. */
        if (stat(path, &named) == 0 && named.st_ino == st.st_ino)
            return fd;
        errno = EAGAIN;
    }
    close(fd);
    return -1;
}

static int make_instance(struct cache_dirs *d, struct board *board, const struct privdrop_user *user)
{
    if (d->fd >= 0)
        return 0;
    d->drops = user != NULL;
    if (user)
        d->user = *user;
    instance_path(board, d->path, sizeof(d->path));
    for (int tries = 0; tries < 3 && d->fd < 0; tries++)
        d->fd = open_instance(d->path, user ? user->uid : geteuid(), user ? user->gid : getegid());
    return d->fd < 0 ? -1 : 0;
}

static int make_in_memory(struct cache_dirs *d, struct board *board, struct config *config, struct cache_conf *c,
                          const struct privdrop_user *user)
{
    char name[DIGITS + 1];

    if (make_instance(d, board, user) < 0)
        return -1;
    cache_name(c, name);
    if (mkdirat(d->fd, name, 0700) == 0) {
        if (user && fchownat(d->fd, name, user->uid, user->gid, AT_SYMLINK_NOFOLLOW) < 0)
            return -1;
    } else if (errno != EEXIST) {
        return -1;
    }
    c->directory = pool_printf(config->pool, "%s/%s", d->path, name);
    return 0;
}

void cache_dirs_make(struct cache_dirs *d, struct board *board, struct config *config, const struct privdrop_user *user,
                     struct log *log)
{
    for (size_t i = 0; i < config->cache_count; i++) {
        struct cache_conf *c = &config->caches[i];

        if (!c->in_memory && user)
            state_dir_give(c->path, user);
        if (c->in_memory && make_in_memory(d, board, config, c, user) < 0)
            log_write(log, LOG_LEVEL_ERROR, "cache \"%.*s\": no directory in " MEMORY ": %s", STR_ARG(c->name),
                      strerror(errno));
    }
}

/* ---- removing ---- */

static DIR *open_list(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (!dir && fd >= 0)
        close(fd);
    return dir;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* With all that is in it, `depth` levels at most. */
static void remove_tree(int at, const char *name, int depth)
{
    DIR *dir = depth > 0 ? open_list(at, name) : NULL;
    const struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (!is_dots(entry->d_name) && unlinkat(dirfd(dir), entry->d_name, 0) < 0)
            remove_tree(dirfd(dir), entry->d_name, depth - 1);
    }
    if (dir)
        closedir(dir);
    (void)!unlinkat(at, name, AT_REMOVEDIR);
}

#define DEPTH 3 /* of an instance: caches, their directories, files */

/* Whether it is called like an instance's directory. */
static bool is_instance(const char *name)
{
    return strncmp(name, PREFIX, sizeof(PREFIX) - 1) == 0 && strlen(name) == sizeof(PREFIX) - 1 + DIGITS &&
           strspn(name + sizeof(PREFIX) - 1, "0123456789abcdef") == DIGITS;
}

/* If no process has it. */
static void remove_instance(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0)
        remove_tree(at, name, DEPTH);
    close(fd);
}

static void remove_ended(const char *own)
{
    DIR *dir = open_list(AT_FDCWD, MEMORY);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (is_instance(entry->d_name) && strcmp(entry->d_name, own) != 0)
            remove_instance(dirfd(dir), entry->d_name);
    }
    if (dir)
        closedir(dir);
}

static bool config_has(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->cache_count; i++) {
        char own[DIGITS + 1];

        cache_name(&config->caches[i], own);
        if (config->caches[i].in_memory && strcmp(own, name) == 0)
            return true;
    }
    return false;
}

static bool is_wanted(const struct master *m, const char *name)
{
    for (const struct generation *g = m->generations; g; g = g->next) {
        if (config_has(g->config, name))
            return true;
    }
    return false;
}

/* In our own directory, what no configuration has. */
static void remove_unwanted(const struct master *m)
{
    DIR *dir = open_list(AT_FDCWD, m->cache_dirs.path);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (!is_dots(entry->d_name) && !is_wanted(m, entry->d_name))
            remove_tree(dirfd(dir), entry->d_name, DEPTH - 1);
    }
    if (dir)
        closedir(dir);
}

static bool become(const struct cache_dirs *d)
{
    char error[256];

    return !d->drops || privdrop_to(&d->user, false, error, sizeof(error)) == 0;
}

/* Those of a former master may have another configuration. */
static bool has_adopted(const struct master *m)
{
    for (const struct supervise_child *c = m->supervise.first; c; c = c->next) {
        if (c->adopted)
            return true;
    }
    return false;
}

void cache_dirs_tidy(struct master *m)
{
    bool adopted = has_adopted(m);
    pid_t pid;

    if (m->cache_dirs.fd < 0)
        return;
    fflush(NULL);
    pid = fork();
    if (pid != 0)
        return;
    master_leave_in_child(m);
    /* It needs no lock for itself, and is not to keep the directory from its end. */
    close(m->cache_dirs.fd);
    /* Files are many: others come first. */
    (void)!nice(10);
    if (become(&m->cache_dirs)) {
        remove_ended(m->cache_dirs.path + sizeof(MEMORY));
        if (!adopted)
            remove_unwanted(m);
    }
    _exit(0);
}

void cache_dirs_end(struct cache_dirs *d)
{
    int status;
    pid_t pid;

    if (d->fd < 0)
        return;
    close(d->fd);
    d->fd = -1;
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        if (become(d))
            remove_instance(AT_FDCWD, d->path);
        _exit(0);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
}
