/*
 * cidr.c: reads, prints and matches networks.  IPv4-mapped ones are kept as IPv4, the form in which
 * addr_ip_bytes gives addresses, so that a match is one comparison of a prefix.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/addr_text.h"

/* Clears every bit behind the prefix; true if one was set. */
static bool clear_host_bits(struct cidr *c)
{
    bool cleared = false;

    for (unsigned i = 0; i < c->ip_len; i++) {
        unsigned kept = c->bits > 8 * i ? c->bits - 8 * i : 0;
        uint8_t mask = (uint8_t)(kept >= 8 ? 0xffU : 0xff00U >> kept);

        if (c->ip[i] & (uint8_t)~mask)
            cleared = true;
        c->ip[i] &= mask;
    }
    return cleared;
}

/* A network inside ::ffff:0:0/96 is one of IPv4 addresses, and clients are compared as those. */
static void unmap(struct cidr *c)
{
    if (c->ip_len != 16 || c->bits < 96 ||
        memcmp(c->ip, addr_mapped_prefix, sizeof(addr_mapped_prefix)) != 0)
        return;
    memmove(c->ip, c->ip + 12, 4);
    memset(c->ip + 4, 0, 12);
    c->ip_len = 4;
    c->bits = (uint8_t)(c->bits - 96);
}

static int bad_cidr(struct str text, char *error, size_t error_size)
{
    snprintf(error, error_size,
             "\"%.*s\" is not a network: write \"10.0.0.0/8\", \"2001:db8::/32\", an address or "
             "\"all\"",
             STR_ARG(addr_shown(text)));
    return -1;
}

int cidr_parse(struct str text, struct cidr *out, char *error, size_t error_size)
{
    struct cidr c = {.ip_len = 0};
    const char *slash = text.len > 0 ? memchr(text.s, '/', text.len) : NULL;
    struct str ip = {text.s, slash ? (size_t)(slash - text.s) : text.len};
    uint64_t bits;
    char buf[ADDR_TEXT_MAX];

    if (str_eq(text, STR("all"))) {
        *out = c;
        return 0;
    }
    if (addr_read_ip(AF_INET, ip, c.ip))
        c.ip_len = 4;
    else if (addr_read_ip(AF_INET6, ip, c.ip))
        c.ip_len = 16;
    else
        return bad_cidr(text, error, error_size);
    bits = c.ip_len * 8U;
    if (slash && str_to_u64((struct str){slash + 1, text.len - ip.len - 1}, bits, &bits) < 0) {
        snprintf(error, error_size, "\"%.*s\" needs a prefix length from 0 to %d after the \"/\"",
                 STR_ARG(addr_shown(text)), c.ip_len * 8);
        return -1;
    }
    c.bits = (uint8_t)bits;
    if (clear_host_bits(&c)) {
        unmap(&c);
        cidr_print(&c, buf);
        snprintf(error, error_size, "\"%.*s\" has bits set behind its prefix: the network is \"%s\"",
                 STR_ARG(addr_shown(text)), buf);
        return -1;
    }
    unmap(&c);
    *out = c;
    return 0;
}

bool cidr_holds(const struct cidr *c, const struct addr *a)
{
    uint8_t ip[16];
    unsigned whole = c->bits / 8U, rest = c->bits % 8U;

    if (c->ip_len == 0)
        return true;
    if (addr_ip_bytes(a, ip) != c->ip_len || memcmp(ip, c->ip, whole) != 0)
        return false;
    return rest == 0 || (ip[whole] ^ c->ip[whole]) >> (8U - rest) == 0;
}

struct str cidr_print(const struct cidr *c, char buf[ADDR_TEXT_MAX])
{
    char ip[INET6_ADDRSTRLEN];
    int n;

    if (c->ip_len == 0) {
        memcpy(buf, "all", sizeof("all"));
        return str_of(buf);
    }
    inet_ntop(c->ip_len == 4 ? AF_INET : AF_INET6, c->ip, ip, sizeof(ip));
    if (c->bits == c->ip_len * 8)
        n = snprintf(buf, ADDR_TEXT_MAX, "%s", ip);
    else
        n = snprintf(buf, ADDR_TEXT_MAX, "%s/%u", ip, (unsigned)c->bits);
    return (struct str){buf, (size_t)n};
}
