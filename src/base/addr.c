/*
 * addr.c: reads, prints and compares socket addresses.
 * Comparisons go through addr_ip_bytes, the one place that turns IPv4-mapped IPv6 addresses into
 * IPv4.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/addr_text.h"

const uint8_t addr_mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static const struct str unix_prefix = {"unix:", 5};

struct str addr_shown(struct str text)
{
    return text.len > 80 ? (struct str){text.s, 80} : text;
}

bool addr_read_ip(int family, struct str text, void *ip)
{
    char buf[INET6_ADDRSTRLEN];

    if (text.len == 0 || text.len >= sizeof(buf) || memchr(text.s, '\0', text.len))
        return false;
    memcpy(buf, text.s, text.len);
    buf[text.len] = '\0';
    return inet_pton(family, buf, ip) == 1;
}

static void set_in(struct addr *a, struct in_addr ip, uint16_t port)
{
    memset(a, 0, sizeof(*a));
    a->in.sin_family = AF_INET;
    a->in.sin_addr = ip;
    a->in.sin_port = htons(port);
    a->len = sizeof(a->in);
}

static void set_in6(struct addr *a, const struct in6_addr *ip, uint16_t port)
{
    memset(a, 0, sizeof(*a));
    a->in6.sin6_family = AF_INET6;
    a->in6.sin6_addr = *ip;
    a->in6.sin6_port = htons(port);
    a->len = sizeof(a->in6);
}

static int parse_unix(struct str path, struct addr *a, char *error, size_t error_size)
{
    if (path.len == 0 || path.s[0] != '/' || memchr(path.s, '\0', path.len)) {
        snprintf(error, error_size, "\"unix:%.*s\" needs an absolute path: write \"unix:/path\"",
                 STR_ARG(addr_shown(path)));
        return -1;
    }
    if (path.len >= sizeof(a->un.sun_path)) {
        snprintf(error, error_size, "the path of a unix socket has at most %zu bytes, this %zu",
                 sizeof(a->un.sun_path) - 1, path.len);
        return -1;
    }
    memset(a, 0, sizeof(*a));
    a->un.sun_family = AF_UNIX;
    memcpy(a->un.sun_path, path.s, path.len);
    a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
    return 0;
}

static bool parse_host(struct str host, uint16_t port, struct addr *a)
{
    struct in_addr in;
    struct in6_addr in6;

    if (str_eq(host, STR("*"))) {
        set_in6(a, &in6addr_any, port);
        a->any = true;
        return true;
    }
    if (addr_read_ip(AF_INET, host, &in)) {
        set_in(a, in, port);
        return true;
    }
    if (host.len < 2 || host.s[0] != '[' || host.s[host.len - 1] != ']' ||
        !addr_read_ip(AF_INET6, (struct str){host.s + 1, host.len - 2}, &in6))
        return false;
    set_in6(a, &in6, port);
    return true;
}

/* Why `text` is no address, with the text that was probably meant. */
static int explain_address(struct str text, char *error, size_t error_size)
{
    uint8_t ip[16];
    struct str t = addr_shown(text);
    bool bracketed = t.len > 2 && t.s[0] == '[' && t.s[t.len - 1] == ']';

    if (addr_read_ip(AF_INET6, t, ip))
        snprintf(error, error_size, "\"%.*s\" has no port: write \"[%.*s]:80\"", STR_ARG(t),
                 STR_ARG(t));
    else if (bracketed || addr_read_ip(AF_INET, t, ip) || str_eq(t, STR("*")))
        snprintf(error, error_size, "\"%.*s\" has no port: write \"%.*s:80\"", STR_ARG(t),
                 STR_ARG(t));
    else
        snprintf(error, error_size,
                 "\"%.*s\" is not an address: write \"*:80\", \"127.0.0.1:80\", \"[::1]:80\" or "
                 "\"unix:/path\"",
                 STR_ARG(t));
    return -1;
}

int addr_parse(struct str text, struct addr *a, char *error, size_t error_size)
{
    const char *colon;
    struct addr parsed;
    struct str host, port_text;
    uint64_t port;

    if (str_has_prefix(text, unix_prefix))
        return parse_unix((struct str){text.s + unix_prefix.len, text.len - unix_prefix.len}, a,
                          error, error_size);
    colon = text.len > 0 ? memrchr(text.s, ':', text.len) : NULL;
    if (!colon)
        return explain_address(text, error, error_size);
    host = (struct str){text.s, (size_t)(colon - text.s)};
    port_text = (struct str){colon + 1, text.len - host.len - 1};
    if (!parse_host(host, 0, &parsed))
        return explain_address(text, error, error_size);
    if (str_to_u64(port_text, UINT16_MAX, &port) < 0 || port == 0) {
        snprintf(error, error_size, "\"%.*s\" is not a port: write a number from 1 to 65535",
                 STR_ARG(addr_shown(port_text)));
        return -1;
    }
    *a = parsed;
    if (a->sa.sa_family == AF_INET)
        a->in.sin_port = htons((uint16_t)port);
    else
        a->in6.sin6_port = htons((uint16_t)port);
    return 0;
}

int addr_parse_ip(struct str text, uint16_t port, struct addr *a)
{
    struct in6_addr in6;

    if (str_eq(text, STR("*")))
        return -1;
    if (parse_host(text, port, a))
        return 0;
    if (!addr_read_ip(AF_INET6, text, &in6))
        return -1;
    set_in6(a, &in6, port);
    return 0;
}

struct addr addr_of(const struct sockaddr *sa, socklen_t len)
{
    struct addr a;
    bool known;

    memset(&a, 0, sizeof(a));
    if (len < sizeof(sa->sa_family) || len > sizeof(a.storage))
        return a;
    known = (sa->sa_family == AF_INET && len >= sizeof(a.in)) ||
            (sa->sa_family == AF_INET6 && len >= sizeof(a.in6)) || sa->sa_family == AF_UNIX;
    if (!known)
        return a;
    memcpy(&a.storage, sa, len);
    a.len = len;
    return a;
}

size_t addr_ip_bytes(const struct addr *a, uint8_t ip[16])
{
    if (a->len == 0)
        return 0;
    if (a->sa.sa_family == AF_INET) {
        memcpy(ip, &a->in.sin_addr, 4);
        return 4;
    }
    if (a->sa.sa_family != AF_INET6)
        return 0;
    if (memcmp(&a->in6.sin6_addr, addr_mapped_prefix, sizeof(addr_mapped_prefix)) == 0) {
        memcpy(ip, (const uint8_t *)&a->in6.sin6_addr + sizeof(addr_mapped_prefix), 4);
        return 4;
    }
    memcpy(ip, &a->in6.sin6_addr, 16);
    return 16;
}

bool addr_is_loopback(const struct addr *a)
{
    static const uint8_t ip6_loopback[16] = {[15] = 1};
    uint8_t ip[16];
    size_t len = addr_ip_bytes(a, ip);

    return len == 4 ? ip[0] == 127 : len == 16 && memcmp(ip, ip6_loopback, sizeof(ip)) == 0;
}

uint16_t addr_port(const struct addr *a)
{
    if (a->len > 0 && a->sa.sa_family == AF_INET)
        return ntohs(a->in.sin_port);
    if (a->len > 0 && a->sa.sa_family == AF_INET6)
        return ntohs(a->in6.sin6_port);
    return 0;
}

/* The path; the abstract ones of Linux keep their leading NUL; empty for an unnamed socket. */
static struct str unix_path(const struct addr *a)
{
    size_t head = offsetof(struct sockaddr_un, sun_path);
    size_t n = a->len > head ? a->len - head : 0;

    if (n > sizeof(a->un.sun_path))
        n = sizeof(a->un.sun_path);
    if (n > 0 && a->un.sun_path[0] != '\0')
        n = strnlen(a->un.sun_path, n);
    return (struct str){a->un.sun_path, n};
}

static struct str print_unix(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
    struct str path = unix_path(a);

    memcpy(buf, unix_prefix.s, unix_prefix.len);
    memcpy(buf + unix_prefix.len, path.s, path.len);
    for (size_t i = 0; i < path.len; i++)
        if (buf[unix_prefix.len + i] == '\0')
            buf[unix_prefix.len + i] = '@'; /* as ss(8) shows abstract names */
    buf[unix_prefix.len + path.len] = '\0';
    return (struct str){buf, unix_prefix.len + path.len};
}

/* As inet_ntop(), at a tenth of its cost: it is done for every request that is forwarded. */
static size_t print_ipv4(const uint8_t ip[4], char *buf)
{
    char *to = buf;

    for (int i = 0; i < 4; i++) {
        if (i > 0)
            *to++ = '.';
        if (ip[i] >= 100)
            *to++ = (char)('0' + ip[i] / 100);
        if (ip[i] >= 10)
            *to++ = (char)('0' + ip[i] / 10 % 10);
        *to++ = (char)('0' + ip[i] % 10);
    }
    *to = '\0';
    return (size_t)(to - buf);
}

struct str addr_print_ip(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
    uint8_t ip[16];
    size_t n = addr_ip_bytes(a, ip);

    if (a->len > 0 && a->sa.sa_family == AF_UNIX)
        return print_unix(a, buf);
    if (n == 0)
        memcpy(buf, "-", sizeof("-"));
    else if (a->any)
        memcpy(buf, "*", sizeof("*"));
    else if (n == 4)
        return (struct str){buf, print_ipv4(ip, buf)};
    else
        inet_ntop(AF_INET6, ip, buf, ADDR_TEXT_MAX);
    return str_of(buf);
}

struct str addr_print(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
    char host[ADDR_TEXT_MAX];
    struct str h = addr_print_ip(a, host);
    bool brackets;
    int n;

    if (a->len == 0 || a->sa.sa_family == AF_UNIX) {
        memcpy(buf, h.s, h.len + 1);
        return (struct str){buf, h.len};
    }
    brackets = memchr(h.s, ':', h.len) != NULL;
    n = snprintf(buf, ADDR_TEXT_MAX, "%s%.*s%s:%u", brackets ? "[" : "",
                 (int)(h.len < INET6_ADDRSTRLEN ? h.len : INET6_ADDRSTRLEN), h.s,
                 brackets ? "]" : "", (unsigned)addr_port(a));
    return (struct str){buf, (size_t)n};
}

bool addr_same_ip(const struct addr *a, const struct addr *b)
{
    uint8_t x[16], y[16];
    size_t n = addr_ip_bytes(a, x);

    if (n == 0 || addr_ip_bytes(b, y) != n || memcmp(x, y, n) != 0 || a->any != b->any)
        return false;
    /* A link-local address names a host only together with its link. */
    return n == 4 || a->in6.sin6_scope_id == b->in6.sin6_scope_id;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
    if (a->len == 0 || b->len == 0)
        return a->len == b->len;
    if (a->sa.sa_family == AF_UNIX || b->sa.sa_family == AF_UNIX)
        return a->sa.sa_family == b->sa.sa_family && str_eq(unix_path(a), unix_path(b));
    return addr_port(a) == addr_port(b) && addr_same_ip(a, b);
}
