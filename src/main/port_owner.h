/*
 * port_owner.h: which process listens on a TCP port, as far as /proc shows it to this user: so that a bind that
 * fails can name who is in the way.
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

#endif
