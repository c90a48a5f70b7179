/*
 * client_hello.h: the name that a client asks for, read from the first bytes of a TLS connection without a part in it
 * (RFC 8446 4.1.2, RFC 6066 3).  Pure: bytes in, an answer out; what a stranger sent is bounded and never believed.
 */
#ifndef WEIR_IO_CLIENT_HELLO_H
#define WEIR_IO_CLIENT_HELLO_H

#include "base/str.h"

/* Longest name of a host (RFC 1035 2.3.4), and room for its end. */
#define CLIENT_HELLO_NAME_MAX 256
/* Of a ClientHello with all its records; longer ones are not read. */
#define CLIENT_HELLO_BYTES_MAX (16 * 1024)

enum client_hello {
    CLIENT_HELLO_MORE, /* so far it may be one */
    CLIENT_HELLO_DONE,
    CLIENT_HELLO_NONE /* it is none, or too long */
};

/*
 * `bytes` are the first of a connection.  DONE: `name` has the name asked for, in lower case and without a final dot;
 * empty when there is none, or none that can be a host's.
 */
enum client_hello client_hello_name(struct str bytes, char name[CLIENT_HELLO_NAME_MAX]);

#endif
