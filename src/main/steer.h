/*
 * steer.h: what is done to single listening sockets beyond binding them: which of a SO_REUSEPORT group get
 * new connections, an end to new ones, who holds an address, and the take-over socket.
 */
#ifndef WEIR_MAIN_STEER_H
#define WEIR_MAIN_STEER_H

#include <stdbool.h>
#include <stddef.h>

#include "io/listener.h"

/*
 * The kernel gives new connections to the first `n` sockets of the group of `fd`; with n = `all` as it does by
 * itself.  0, or -1 with errno.
 */
int steer_to(int fd, unsigned n, unsigned all) WEIR_MUST_CHECK;

/* No new connection arrives any more; those that are waiting stay. */
void steer_drop_syn(int fd);

/* Whether a socket can be bound to [::]. */
bool steer_has_ipv6(void);

/* Whether the process has a socket that listens on the port of the spec; false also when it cannot be seen. */
bool steer_is_held_by(const struct listener_spec *, pid_t pid);

/* If some process is seen to listen on the TCP address of the spec, `error` is made to name it. */
void steer_name_owner(const struct listener_spec *, char *error, size_t error_size);

/* A listening SOCK_SEQPACKET socket of mode 0600 at `path`, in place of what was left there; -1 with `error`. */
int steer_bind_take(const char *path, char *error, size_t error_size) WEIR_MUST_CHECK;

#endif
