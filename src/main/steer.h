/*
 * steer.h: which sockets of a SO_REUSEPORT group get new connections, and an end to new ones on one socket.
 */
#ifndef WEIR_MAIN_STEER_H
#define WEIR_MAIN_STEER_H

#include "base/base.h"

/*
 * The kernel gives new connections to the first `n` sockets of the group of `fd`; with n = `all` as it does by
 * itself.  0, or -1 with errno.
 */
int steer_to(int fd, unsigned n, unsigned all) WEIR_MUST_CHECK;

/* No new connection arrives any more; those that are waiting stay. */
void steer_drop_syn(int fd);

#endif
