/*
 * addr.h: socket addresses (IPv4, IPv6, unix) and networks (CIDR), read, printed and compared.
 * An IPv4-mapped IPv6 address (RFC 4291 2.5.5.2) is treated everywhere as the IPv4 address it carries:
 * a client looks the same whichever kind of socket accepted it.  Nothing here resolves names.
 * On failure the parsers return -1, leave the result alone and write into `error` (cut at
 * `error_size`) a text that says what would be right.
 */
#ifndef WEIR_BASE_ADDR_H
#define WEIR_BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/base.h"
#include "base/str.h"

/* Enough for whatever addr_print, addr_print_ip and cidr_print write, with its NUL. */
#define ADDR_TEXT_MAX 128

struct addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        struct sockaddr_storage storage;
    };
    socklen_t len; /* of the address in use, for bind() and connect(); 0: no address */
    bool any;      /* written "*": every address of both families; `in6` is then [::] */
};

/* A network; also "all", which holds every address, unix ones too. */
struct cidr {
    uint8_t ip[16];
    uint8_t ip_len; /* 4, 16, or 0 for "all" */
    uint8_t bits;   /* prefix length */
};

/*
 * "*:80", "127.0.0.1:80", "[::1]:80" or "unix:/path" (absolute, shorter than sun_path).  The port is
 * 1 to 65535 and must be there.
 */
int addr_parse(struct str text, struct addr *, char *error, size_t error_size) WEIR_MUST_CHECK;

/* An IP address alone ("192.0.2.1", "2001:db8::1", "[2001:db8::1]") with `port`; 0 or -1. */
int addr_parse_ip(struct str text, uint16_t port, struct addr *) WEIR_MUST_CHECK;

/* A copy of what accept() or getpeername() gave; anything but IPv4, IPv6 and unix leaves len 0. */
struct addr addr_of(const struct sockaddr *sa, socklen_t len);

/* The form that addr_parse reads; "-" for no address, "unix:" for an unnamed socket. */
struct str addr_print(const struct addr *, char buf[ADDR_TEXT_MAX]);

/* Without port and brackets; unix addresses as addr_print. */
struct str addr_print_ip(const struct addr *, char buf[ADDR_TEXT_MAX]);

/* The address in network byte order, IPv4-mapped ones as IPv4: returns 4 or 16, or 0 for unix. */
size_t addr_ip_bytes(const struct addr *, uint8_t ip[16]);

/* The port in host byte order; 0 for unix. */
uint16_t addr_port(const struct addr *);

/* 127.0.0.0/8 or ::1; false for unix and "*". */
bool addr_is_loopback(const struct addr *);

/* Same address and port, or same unix path.  "*" equals only "*". */
bool addr_eq(const struct addr *, const struct addr *);

/* Same IP address whatever the ports; false for unix. */
bool addr_same_ip(const struct addr *, const struct addr *);

/*
 * "10.0.0.0/8", "2001:db8::/32", a bare address (one host) or "all".  Bits set behind the prefix are an
 * error, whose text names the network that was probably meant.
 */
int cidr_parse(struct str text, struct cidr *, char *error, size_t error_size) WEIR_MUST_CHECK;

bool cidr_holds(const struct cidr *, const struct addr *);

/* The form that cidr_parse reads; a single host without prefix length. */
struct str cidr_print(const struct cidr *, char buf[ADDR_TEXT_MAX]);

#endif
