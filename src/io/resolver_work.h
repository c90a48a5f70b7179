/* resolver_work.h: for resolver*.c alone: the channel and a question under way. */
#ifndef WEIR_IO_RESOLVER_WORK_H
#define WEIR_IO_RESOLVER_WORK_H

/* Later versions call the functions that Debian 12 has deprecated. */
#define CARES_NO_DEPRECATED
#include <ares.h>

#include "io/resolver.h"

struct resolver_socket;

struct resolver {
    struct loop *loop;
    ares_channel channel;
    struct resolver_socket *sockets;
    unsigned under_way;
};

/* The smallest time to live of an answer's records, seconds; 0: they cannot be read (RFC 1035 4.1.3). */
uint32_t resolver_ttl(const unsigned char *bytes, int len);

#endif
