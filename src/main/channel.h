/*
 * channel.h: the socketpair between the master and each process it forks: messages of fixed size, no
 * text, at most one descriptor.  What may be said depends on who says it; the reader checks that, since
 * a process that parses what strangers send is not to be believed.
 */
#ifndef WEIR_MAIN_CHANNEL_H
#define WEIR_MAIN_CHANNEL_H

#include <stdint.h>

#include "base/base.h"

enum channel_type {
    CHANNEL_READY = 1,    /* process: it serves */
    CHANNEL_HEARD,        /* process: answers a message; arg: its type */
    CHANNEL_SERVE,        /* master: begin to accept */
    CHANNEL_DRAIN,        /* master: stop accepting, end when idle; arg CHANNEL_LAST: nobody follows; keeper: do so with the
                             instance */
    CHANNEL_STOP,         /* master: end now; keeper: stop the instance */
    CHANNEL_OUTCOME,      /* master: what became of the keeper's question: memfd with text; see CHANNEL_ANSWER */
    CHANNEL_LOG,          /* master: descriptor of log number arg: 0 the error log, n + 1 access log n */
    CHANNEL_RELOAD,       /* keeper: reload was asked for; arg of this and of the like: the question's number */
    CHANNEL_UPGRADE,      /* keeper: upgrade was asked for */
    CHANNEL_REOPEN,       /* keeper: reopen the logs */
    CHANNEL_CERT,         /* master: a certificate, key and chain as of core/tls/tls_material.h; arg: its index */
    CHANNEL_TYPES
};

/* The arg of CHANNEL_OUTCOME: the question's number, of 31 bits, and whether it went well. */
#define CHANNEL_ANSWER(number, ok) ((uint32_t)(number) << 1 | ((ok) ? 1U : 0U))

/* Nobody will accept after this process: it does so for CHANNEL_DRY_MS, so that who was on the way is served: a
 * handshake, and, where that is waited for (defer_accept), the first bytes.  New ones are kept away meanwhile. */
#define CHANNEL_LAST 1U
#define CHANNEL_DRY_MS 250

/* Who speaks; bits, so that a type may have several speakers. */
enum channel_speaker {
    CHANNEL_MASTER = 1,
    CHANNEL_WORKER = 2,
    CHANNEL_KEEPER = 4
};

enum channel_result {
    CHANNEL_OK,
    CHANNEL_EMPTY, /* receive: nothing waits; send: the other side's queue is full */
    CHANNEL_ENDED, /* the other side is gone */
    CHANNEL_BAD    /* not a message, or not this speaker's */
};

struct channel_message {
    uint32_t type; /* enum channel_type */
    uint32_t arg;
    int fd; /* the receiver's, close-on-exec; -1 for types that have none */
};

/* A non-blocking, close-on-exec pair; 0, or -1 with errno. */
int channel_pair(int fds[2]) WEIR_MUST_CHECK;

/*
 * Says `type` with `arg`; `passed` is lent for the call, -1 for types without descriptor.  CHANNEL_BAD: not a
 * type, or a descriptor lacks or is too much.
 */
enum channel_result channel_send(int fd, enum channel_type type, uint32_t arg, int passed)
    WEIR_MUST_CHECK;

/*
 * Takes one message of `speaker` into *message.  On anything but CHANNEL_OK *message holds no
 * descriptor; after CHANNEL_BAD and CHANNEL_ENDED the caller closes the channel.
 */
enum channel_result channel_receive(int fd, enum channel_speaker speaker,
                                    struct channel_message *message) WEIR_MUST_CHECK;

/* The type's name for logs, "unknown" for others. */
const char *channel_name(uint32_t type);

#endif
