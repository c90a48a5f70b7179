/*
 * handover.h: hands listening sockets and the board from one master (or a process that outlived it) to
 * the next, with a manifest that says what each descriptor is.  The kernel takes at most 253 descriptors
 * a message, so they go in several.
 */
#ifndef WEIR_MAIN_HANDOVER_H
#define WEIR_MAIN_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/base.h"

#define HANDOVER_FDS_PER_MESSAGE 250
#define HANDOVER_MAX_ITEMS 65536
#define HANDOVER_ADDRESS_SIZE 128

enum handover_kind {
    HANDOVER_TCP = 1,
    HANDOVER_UNIX,
    HANDOVER_CONTROL,
    HANDOVER_TAKE,
    HANDOVER_BOARD,
    HANDOVER_KINDS
};

struct handover_item {
    uint32_t kind;  /* enum handover_kind */
    uint32_t index; /* of the socket among those of its address */
    int32_t backlog;
    int32_t defer_accept_s;
    char address[HANDOVER_ADDRESS_SIZE]; /* ends in NUL */
    int fd;
};

struct handover_set {
    struct handover_item *items; /* malloc */
    size_t count;
};

/* Whether the process at the other end is root's or `owner`'s (SO_PEERCRED). */
bool handover_peer_is_allowed(int sock, uid_t owner);

/*
 * Sends all items over a SOCK_SEQPACKET unix socket, each wait at most `timeout_ms`; the descriptors stay
 * the caller's.  0, or -1 with text in `error`.
 */
int handover_send(int sock, const struct handover_item *items, size_t count, int timeout_ms,
                  char *error, size_t error_size) WEIR_MUST_CHECK;

/*
 * Receives and checks a whole set; the items and their descriptors (close-on-exec) are the caller's, see
 * handover_free().  0, or -1 with text in `error` and nothing kept.
 */
int handover_receive(int sock, struct handover_set *, int timeout_ms, char *error, size_t error_size)
    WEIR_MUST_CHECK;

/* Closes the descriptors left (those not set to -1 by who took them) and frees the items. */
void handover_free(struct handover_set *);

#endif
