/*
 * transparent.h: sockets that speak for an address which this machine has not (IP_TRANSPARENT of ip(7)), so that a
 * server sees the client that a connection is made for.  They want CAP_NET_RAW, or CAP_NET_ADMIN, and answers find them
 * only where the server's way back leads through this machine and its rules give them to local sockets.
 */
#ifndef WEIR_IO_TRANSPARENT_H
#define WEIR_IO_TRANSPARENT_H

#include "base/addr.h"

/*
 * Before connect(): `fd`, a TCP socket for connections to `to`, speaks for the address of `client`, from whatever port.
 * A client of another family than `to`, or without an address, cannot be spoken for: then nothing is done, and the server
 * sees this machine.  0, or -1 with errno (EPERM: no capability).
 */
int transparent_bind(int fd, const struct addr *to, const struct addr *client) WEIR_MUST_CHECK;

/* Whether this process may: 0, or -1 with errno. */
int transparent_try(void) WEIR_MUST_CHECK;

#endif
