/*
 * channel.c: SOCK_SEQPACKET keeps messages apart and tells of the other side's end; one table says who
 * may say what and whether a descriptor comes with it.
 */
#include "main/channel.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct channel_rule {
    const char *name; /* NULL: no such type */
    unsigned speakers;
    bool has_fd;
};

struct channel_wire {
    uint32_t type;
    uint32_t arg;
};

#define CHANNEL_PROCESS (CHANNEL_WORKER | CHANNEL_KEEPER)

static const struct channel_rule channel_rules[CHANNEL_TYPES] = {
    [CHANNEL_READY] = {"ready", CHANNEL_PROCESS, false},
    [CHANNEL_HEARD] = {"heard", CHANNEL_PROCESS, false},
    [CHANNEL_SERVE] = {"serve", CHANNEL_MASTER, false},
    [CHANNEL_DRAIN] = {"drain", CHANNEL_MASTER | CHANNEL_KEEPER, false},
    [CHANNEL_STOP] = {"stop", CHANNEL_MASTER | CHANNEL_KEEPER, false},
    [CHANNEL_OUTCOME] = {"outcome", CHANNEL_MASTER, true},
    [CHANNEL_LOG] = {"log", CHANNEL_MASTER, true},
    [CHANNEL_RELOAD] = {"reload", CHANNEL_KEEPER, false},
    [CHANNEL_UPGRADE] = {"upgrade", CHANNEL_KEEPER, false},
    [CHANNEL_REOPEN] = {"reopen", CHANNEL_KEEPER, false},
    [CHANNEL_CERT] = {"certificate", CHANNEL_MASTER, true},
};

/* NULL: no such type. */
static const struct channel_rule *channel_rule_of(uint32_t type)
{
    if (type >= CHANNEL_TYPES || !channel_rules[type].name)
        return NULL;
    return &channel_rules[type];
}

const char *channel_name(uint32_t type)
{
    const struct channel_rule *rule = channel_rule_of(type);

    return rule ? rule->name : "unknown";
}

int channel_pair(int fds[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
}

enum channel_result channel_send(int fd, enum channel_type type, uint32_t arg, int passed)
{
    const struct channel_rule *rule = channel_rule_of(type);
    struct channel_wire wire = {.type = type, .arg = arg};
    struct iovec iov = {.iov_base = &wire, .iov_len = sizeof(wire)};
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;

    if (!rule || rule->has_fd != (passed >= 0))
        return CHANNEL_BAD;
    if (passed >= 0) {
        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.head), &passed, sizeof(passed));
    }
    do
        n = sendmsg(fd, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof(wire))
        return CHANNEL_OK;
    return n < 0 && errno == EAGAIN ? CHANNEL_EMPTY : CHANNEL_ENDED;
}

/* Takes the descriptors out of the control data; keeps the first, closes the rest.  Their number. */
static unsigned channel_take_fds(struct msghdr *msg, int *first)
{
    unsigned count = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + sizeof(int) <= c->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
            if (count++ == 0)
                *first = fd;
            else
                close(fd);
        }
    }
    return count;
}

static bool channel_is_valid(const struct channel_wire *wire, size_t size, unsigned fds,
                             enum channel_speaker speaker)
{
    const struct channel_rule *rule;

    if (size != sizeof(*wire))
        return false;
    rule = channel_rule_of(wire->type);
    return rule && (rule->speakers & speaker) && fds == (rule->has_fd ? 1U : 0U);
}

enum channel_result channel_receive(int fd, enum channel_speaker speaker,
                                    struct channel_message *message)
{
    struct channel_wire wire = {0};
    struct iovec iov = {.iov_base = &wire, .iov_len = sizeof(wire)};
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control)};
    unsigned fds;
    ssize_t n;

    *message = (struct channel_message){.fd = -1};
    do
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? CHANNEL_EMPTY : CHANNEL_ENDED;
    fds = channel_take_fds(&msg, &message->fd);
    if (n == 0 && fds == 0)
        return CHANNEL_ENDED;
    if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
        !channel_is_valid(&wire, (size_t)n, fds, speaker)) {
        if (message->fd >= 0)
            close(message->fd);
        message->fd = -1;
        return CHANNEL_BAD;
    }
    message->type = wire.type;
    message->arg = wire.arg;
    return CHANNEL_OK;
}
