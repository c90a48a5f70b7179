/*
 * addr_text.h: what the readers of addresses (addr.c) and networks (cidr.c) share: IP addresses as text,
 * and how a wrong one is shown.  Others include addr.h.
 */
#ifndef WEIR_BASE_ADDR_TEXT_H
#define WEIR_BASE_ADDR_TEXT_H

#include "base/addr.h"

/* What an IPv4-mapped IPv6 address begins with (RFC 4291 2.5.5.2). */
extern const uint8_t addr_mapped_prefix[12];

/* The part of a wrong value that an error text shows. */
struct str addr_shown(struct str text);

/* inet_pton() for text without NUL at its end; an embedded NUL is refused. */
bool addr_read_ip(int family, struct str text, void *ip);

#endif
