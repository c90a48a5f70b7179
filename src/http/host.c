/*
 * host.c: see host.h.  The checks are stricter than the grammar where the grammar lets two
 * spellings name one host (percent-encoding) or where other programs split the value (comma).
 */
#include "http/host.h"

#include <arpa/inet.h>

static const bool is_name_byte[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['-'] = true, ['.'] = true,
    ['_'] = true, ['~'] = true, ['!'] = true, ['$'] = true,
    ['&'] = true, ['\''] = true, ['('] = true, [')'] = true,
    ['*'] = true, ['+'] = true, [';'] = true, ['='] = true,
};

static int parse_port(struct str text, uint16_t *port)
{
    uint64_t value;

    *port = 0;
    if (text.len == 0) {
        return 0;
    }
    if (str_to_u64(text, UINT16_MAX, &value) < 0 || value == 0) {
        return -1;
    }
    *port = (uint16_t)value;
    return 0;
}

/* What follows the name: nothing, or a colon and a port. */
static int parse_rest(struct str rest, struct host *host)
{
    host->port = 0;
    if (rest.len == 0) {
        return 0;
    }
    if (rest.s[0] != ':') {
        return -1;
    }
    return parse_port((struct str){rest.s + 1, rest.len - 1}, &host->port);
}

static int parse_ipv6(struct str text, struct pool *pool, struct host *host)
{
    const char *end = memchr(text.s, ']', text.len);
    char buf[INET6_ADDRSTRLEN];
    struct in6_addr addr;
    size_t len;

    if (end == NULL) {
        return -1;
    }
    len = (size_t)(end - text.s) - 1;
    if (len == 0 || len >= sizeof(buf) || memchr(text.s + 1, '\0', len) != NULL) {
        return -1;
    }
    memcpy(buf, text.s + 1, len);
    buf[len] = '\0';
    if (inet_pton(AF_INET6, buf, &addr) != 1 || !inet_ntop(AF_INET6, &addr, buf, sizeof(buf)) ||
        parse_rest((struct str){end + 1, text.len - len - 2}, host) < 0) {
        return -1;
    }
    host->name = pool_printf(pool, "[%s]", buf);
    return 0;
}

/* Length of the name at the start of `text`, without its trailing dot; 0 when it is not one. */
static size_t name_length(struct str text, size_t *taken)
{
    size_t i;

    for (i = 0; i < text.len && is_name_byte[(unsigned char)text.s[i]]; i++) {
        if (text.s[i] == '.' && (i == 0 || text.s[i - 1] == '.')) {
            return 0; /* an empty label: "a.." would still end in a dot after one is stripped */
        }
    }
    *taken = i;
    if (i > 0 && text.s[i - 1] == '.') {
        i--;
    }
    return i <= HOST_NAME_MAX_LEN ? i : 0;
}

int host_parse(struct str text, struct pool *pool, struct host *host)
{
    size_t taken = 0, len, i;
    char *name;

    if (text.len > 0 && text.s[0] == '[') {
        return parse_ipv6(text, pool, host);
    }
    len = name_length(text, &taken);
    if (len == 0 || parse_rest((struct str){text.s + taken, text.len - taken}, host) < 0) {
        return -1;
    }
    name = pool_text(pool, len + 1);
    for (i = 0; i < len; i++) {
        name[i] = ascii_lower(text.s[i]);
    }
    name[len] = '\0';
    host->name = (struct str){name, len};
    return 0;
}

uint16_t host_port_unless_default(const struct host *host, bool https)
{
    return host->port == (https ? 443 : 80) ? 0 : host->port;
}
