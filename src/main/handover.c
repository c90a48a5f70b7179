/*
 * handover.c: a message is a head, as many records as descriptors, and the descriptors in the same order.
 * The head repeats the total and says where the message's part begins, so that a lost or foreign
 * message is noticed.  The receiver may be root and believes nothing.
 */
#include "main/handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define HANDOVER_MAGIC 0x57484f31U /* "WHO1": also the version of the format */

struct handover_head {
    uint32_t magic;
    uint32_t total;
    uint32_t first;
    uint32_t count;
};

struct handover_record {
    uint32_t kind;
    uint32_t index;
    int32_t backlog;
    int32_t defer_accept_s;
    char address[HANDOVER_ADDRESS_SIZE];
};

/* One message in memory: about 36 KB, so it is allocated. */
struct handover_message {
    struct handover_head head;
    struct handover_record records[HANDOVER_FDS_PER_MESSAGE];
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(HANDOVER_FDS_PER_MESSAGE * sizeof(int))];
    } control;
};

static int handover_fail(char *error, size_t error_size, const char *what)
{
    snprintf(error, error_size, "handover: %s", what);
    return -1;
}

bool handover_peer_is_allowed(int sock, uid_t owner)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || len != sizeof(peer))
        return false;
    return peer.uid == 0 || peer.uid == owner;
}

static int handover_set_timeout(int sock, int option, int timeout_ms)
{
    struct timeval t = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

    return setsockopt(sock, SOL_SOCKET, option, &t, sizeof(t));
}

static size_t handover_size(size_t count)
{
    return sizeof(struct handover_head) + count * sizeof(struct handover_record);
}

static void handover_fill(struct handover_message *m, const struct handover_item *items, size_t n)
{
    struct cmsghdr *c = &m->control.head;

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(n * sizeof(int));
    for (size_t i = 0; i < n; i++) {
        struct handover_record *r = &m->records[i];

        r->kind = items[i].kind;
        r->index = items[i].index;
        r->backlog = items[i].backlog;
        r->defer_accept_s = items[i].defer_accept_s;
        memcpy(r->address, items[i].address, sizeof(r->address));
        memcpy(CMSG_DATA(c) + i * sizeof(int), &items[i].fd, sizeof(int));
    }
}

static int handover_send_part(int sock, struct handover_message *m)
{
    size_t n = m->head.count;
    struct iovec iov = {.iov_base = m, .iov_len = handover_size(n)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t sent;

    if (n > 0) {
        msg.msg_control = &m->control;
        msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
    }
    do
        sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)iov.iov_len ? 0 : -1;
}

int handover_send(int sock, const struct handover_item *items, size_t count, int timeout_ms,
                  char *error, size_t error_size)
{
    struct handover_message *m;
    size_t done = 0;
    int rc;

    if (count > HANDOVER_MAX_ITEMS)
        return handover_fail(error, error_size, "too many descriptors");
    if (handover_set_timeout(sock, SO_SNDTIMEO, timeout_ms) < 0)
        return handover_fail(error, error_size, strerror(errno));
    m = calloc(1, sizeof(*m));
    if (!m)
        return handover_fail(error, error_size, "no memory");
    /* An empty set is one message too: the receiver learns that there is nothing. */
    do {
        size_t left = count - done;
        size_t n = left < HANDOVER_FDS_PER_MESSAGE ? left : HANDOVER_FDS_PER_MESSAGE;

        m->head = (struct handover_head){HANDOVER_MAGIC, (uint32_t)count, (uint32_t)done, (uint32_t)n};
        if (n > 0)
            handover_fill(m, items + done, n);
        rc = handover_send_part(sock, m);
        done += n;
    } while (rc == 0 && done < count);
    if (rc < 0)
        handover_fail(error, error_size, errno == EAGAIN ? "timed out" : strerror(errno));
    free(m);
    return rc;
}

/* Copies the descriptors received into `fds` (room for a message's); their number. */
static size_t handover_take_fds(struct msghdr *msg, int *fds)
{
    size_t count = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t bytes = c->cmsg_len - CMSG_LEN(0);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        memcpy(fds + count, CMSG_DATA(c), bytes);
        count += bytes / sizeof(int);
    }
    return count;
}

/* NULL: the message fits what came before it; otherwise what is wrong. */
static const char *handover_check(const struct handover_message *m, size_t size, size_t fds, int flags,
                                  const struct handover_set *set, size_t total)
{
    if (size == 0)
        return "the other side ended";
    if (flags & MSG_CTRUNC)
        return "the limit of open files is too low for the descriptors";
    if (size < sizeof(m->head) || m->head.magic != HANDOVER_MAGIC)
        return "the other side speaks another format";
    if ((flags & MSG_TRUNC) || m->head.count != fds || size != handover_size(fds))
        return "records and descriptors differ in number";
    if (m->head.total > HANDOVER_MAX_ITEMS || m->head.first != set->count ||
        m->head.count > m->head.total - set->count || (set->count > 0 && m->head.total != total) ||
        (m->head.count == 0 && m->head.total > 0))
        return "messages do not follow each other";
    for (size_t i = 0; i < fds; i++) {
        const struct handover_record *r = &m->records[i];

        if (r->kind == 0 || r->kind >= HANDOVER_KINDS || !memchr(r->address, 0, sizeof(r->address)))
            return "a record is malformed";
    }
    return NULL;
}

static int handover_append(struct handover_set *set, const struct handover_message *m, const int *fds)
{
    size_t n = m->head.count;
    struct handover_item *items;

    if (n == 0)
        return 0;
    items = realloc(set->items, (set->count + n) * sizeof(*items));
    if (!items)
        return -1;
    set->items = items;
    for (size_t i = 0; i < n; i++) {
        const struct handover_record *r = &m->records[i];
        struct handover_item *item = &items[set->count + i];

        *item = (struct handover_item){.kind = r->kind,
                                       .index = r->index,
                                       .backlog = r->backlog,
                                       .defer_accept_s = r->defer_accept_s,
                                       .fd = fds[i]};
        memcpy(item->address, r->address, sizeof(item->address));
    }
    set->count += n;
    return 0;
}

/* One message into the set; NULL, or what is wrong (then its descriptors are closed). */
static const char *handover_receive_part(int sock, struct handover_message *m,
                                         struct handover_set *set, size_t total)
{
    struct iovec iov = {.iov_base = m, .iov_len = handover_size(HANDOVER_FDS_PER_MESSAGE)};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &m->control,
                         .msg_controllen = sizeof(m->control)};
    int fds[sizeof(m->control) / sizeof(int)];
    const char *wrong;
    size_t count;
    ssize_t n;

    do
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? "timed out" : strerror(errno);
    count = handover_take_fds(&msg, fds);
    wrong = handover_check(m, (size_t)n, count, msg.msg_flags, set, total);
    if (!wrong && handover_append(set, m, fds) < 0)
        wrong = "no memory";
    for (size_t i = 0; wrong && i < count; i++)
        close(fds[i]);
    return wrong;
}

int handover_receive(int sock, struct handover_set *set, int timeout_ms, char *error,
                     size_t error_size)
{
    struct handover_message *m;
    const char *wrong;
    size_t total = 0;

    *set = (struct handover_set){.items = NULL, .count = 0};
    if (handover_set_timeout(sock, SO_RCVTIMEO, timeout_ms) < 0)
        return handover_fail(error, error_size, strerror(errno));
    m = calloc(1, sizeof(*m));
    if (!m)
        return handover_fail(error, error_size, "no memory");
    do {
        wrong = handover_receive_part(sock, m, set, total);
        total = m->head.total;
    } while (!wrong && set->count < total);
    free(m);
    if (!wrong)
        return 0;
    handover_free(set);
    return handover_fail(error, error_size, wrong);
}

void handover_free(struct handover_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].fd >= 0)
            close(set->items[i].fd);
    }
    free(set->items);
    *set = (struct handover_set){.items = NULL, .count = 0};
}
