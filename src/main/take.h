/*
 * take.h: how a master that was started after another was killed finds what outlived it: processes
 * whose master is gone serve `control` + ".take", and give sockets and board to whoever may have them.
 */
#ifndef WEIR_MAIN_TAKE_H
#define WEIR_MAIN_TAKE_H

#include "base/log.h"
#include "core/board/board.h"
#include "main/handover.h"
#include "main/sockets.h"
#include "main/supervise.h"

/* A listening SOCK_SEQPACKET socket of mode 0600 at `path`, in place of what was left there; -1 with `error`. */
int take_bind(const char *path, char *error, size_t error_size) WEIR_MUST_CHECK;

/* Accepts one connection on `fd` and sends all, if the peer is root's or `owner`'s. */
void take_serve(int fd, const struct sockets *, int board, uid_t owner, struct log *);

/* Asks those who serve `path`: 1 and the set is filled, 0 when nobody does, -1 with text in `error`. */
int take_ask(const char *path, struct handover_set *, char *error, size_t error_size) WEIR_MUST_CHECK;

/*
 * Puts the processes on the board that belong to `uid` and run, and are not there yet, into the table, to be
 * watched.  Their number.
 */
unsigned take_adopt(struct supervise *, struct board *, uid_t uid, int64_t now_ms,
                    void (*on_adopted)(struct supervise_child *, unsigned slot, void *arg), void *arg);

#endif
