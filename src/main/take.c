/*
 * take.c: both ends of the take-over socket, and the processes of the former master.  The board is not
 * believed: a process is adopted only if its user is the workers', so that no other can be signalled.
 */
#include "main/take.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TAKE_TIMEOUT_MS 2000

int take_bind(const char *path, char *error, size_t error_size)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(un.sun_path)) {
        snprintf(error, error_size, "%s: the path of a socket is at most %zu bytes long", path,
                 sizeof(un.sun_path) - 1);
        return -1;
    }
    memcpy(un.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* Whoever could serve it was asked before, under the lock of pid_file. */
    if (fd >= 0 && (unlink(path) == 0 || errno == ENOENT) &&
        bind(fd, (const void *)&un, sizeof(un)) == 0 && chmod(path, 0600) == 0 && listen(fd, 16) == 0)
        return fd;
    snprintf(error, error_size, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

void take_serve(int fd, const struct sockets *sockets, int board, uid_t owner, struct log *log)
{
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    struct handover_item *items;
    char error[256];
    size_t n;

    if (peer < 0)
        return;
    if (!handover_peer_is_allowed(peer, owner)) {
        log_write(log, LOG_LEVEL_WARN, "take-over refused: the asker is neither root nor user %ld", (long)owner);
        close(peer);
        return;
    }
    items = sockets_items(sockets, &n);
    items = reallocarray(items, n + 1, sizeof(*items));
    if (!items)
        abort();
    items[n] = (struct handover_item){.kind = HANDOVER_BOARD, .fd = board};
    if (handover_send(peer, items, n + 1, TAKE_TIMEOUT_MS, error, sizeof(error)) < 0)
        log_write(log, LOG_LEVEL_ERROR, "%s", error);
    else
        log_write(log, LOG_LEVEL_NOTICE, "handed %zu descriptors to a new master", n + 1);
    free(items);
    close(peer);
}

int take_ask(const char *path, struct handover_set *set, char *error, size_t error_size)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    /* A full queue of connections must not hang the start; connect() keeps to the time for sending. */
    struct timeval patience = {.tv_sec = TAKE_TIMEOUT_MS / 1000};
    int rc = 0, fd;

    *set = (struct handover_set){NULL, 0};
    if (strlen(path) >= sizeof(un.sun_path))
        return 0;
    memcpy(un.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const void *)&un, sizeof(un)) == 0) {
        /* Who listens there was put there by a master: of root or of us, else it is a trap. */
        if (!handover_peer_is_allowed(fd, geteuid())) {
            snprintf(error, error_size, "%s is served by another user", path);
            rc = -1;
        } else {
            rc = handover_receive(fd, set, TAKE_TIMEOUT_MS, error, error_size) < 0 ? -1 : 1;
        }
    }
    close(fd);
    return rc;
}

static bool take_belongs_to(pid_t pid, uid_t uid)
{
    char path[64], line[256];
    unsigned real = 0;
    bool belongs = false;
    FILE *in;

    snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
    in = fopen(path, "re");
    while (in && fgets(line, sizeof(line), in)) {
        if (sscanf(line, "Uid: %u", &real) == 1) {
            belongs = real == uid;
            break;
        }
    }
    if (in)
        fclose(in);
    return belongs;
}

/* The descriptor names the process since before the look at its user. */
static bool take_adopt_one(struct supervise_child *child, pid_t pid, uid_t uid, int64_t now_ms)
{
    struct pollfd poller = {.events = POLLIN};

    if (supervise_adopt(child, pid, now_ms) < 0)
        return false;
    poller.fd = child->pidfd;
    return take_belongs_to(pid, uid) && poll(&poller, 1, 0) == 0;
}

static enum supervise_role take_role(uint32_t role)
{
    return role == BOARD_KEEPER ? SUPERVISE_KEEPER : role == BOARD_JANITOR ? SUPERVISE_JANITOR : SUPERVISE_WORKER;
}

unsigned take_adopt(struct supervise *s, struct board *board, uid_t uid, int64_t now_ms,
                    void (*on_adopted)(struct supervise_child *, unsigned slot, void *arg), void *arg)
{
    unsigned n = 0;

    for (unsigned slot = 0; slot < BOARD_PROCESSES; slot++) {
        const struct board_process *p = board_process(board, slot);
        struct supervise_child *child;

        if (!p || p->role == BOARD_FREE || supervise_find(s, p->pid))
            continue;
        child = supervise_add(s, take_role(p->role), p->index, p->generation);
        child->retired = true;
        if (p->pid > 1 && take_adopt_one(child, p->pid, uid, now_ms)) {
            on_adopted(child, slot, arg);
            n++;
        } else {
            supervise_remove(s, child);
            board_process_free(board, slot);
        }
    }
    return n;
}
