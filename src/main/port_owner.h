/*
 * port_owner.h: which process listens on a TCP port, or at the path of a unix socket, as far as /proc shows it to
 * this user: so that a bind that fails can name who is in the way.
 */
#ifndef WEIR_MAIN_PORT_OWNER_H
#define WEIR_MAIN_PORT_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "io/listener.h"

/* Whether the process has a socket that listens on the port of the spec; false also when it cannot be seen. */
bool port_owner_is(const struct listener_spec *, pid_t pid);

/* If some process is seen to listen on the TCP address of the spec, `error` is made to name it. */
void port_owner_name(const struct listener_spec *, char *error, size_t error_size);

/* The processes that have the listening socket of that path open, each with a blank before it; false: none is seen. */
bool port_owner_of_unix(const char *path, char *pids, size_t size);

#endif
