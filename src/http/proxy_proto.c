/* proxy_proto.c: see proxy_proto.h. */
#include "http/proxy_proto.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define V1_MAX 107
#define V2_HEAD 16
#define V2_SIGNATURE STR("\r\n\r\n\0\r\nQUIT\n")

static bool begins_alike(struct str in, struct str with)
{
    size_t n = in.len < with.len ? in.len : with.len;

    return memcmp(in.s, with.s, n) == 0;
}

/* Takes what stands before the next space, or all; false: nothing. */
static bool take_word(struct str *line, struct str *word)
{
    const char *space = line->len ? memchr(line->s, ' ', line->len) : NULL;

    *word = *line;
    if (space) {
        word->len = (size_t)(space - line->s);
        line->s = space + 1;
        line->len -= word->len + 1;
    } else {
        *line = STR_NONE;
    }
    return word->len > 0;
}

static bool parse_port(struct str text, uint16_t *port)
{
    uint64_t value;

    if (str_to_u64(text, 65535, &value) < 0 || (text.len > 1 && text.s[0] == '0'))
        return false;
    *port = (uint16_t)value;
    return true;
}

/* "TCP4 SOURCE DESTINATION SPORT DPORT" without "PROXY " and CRLF. */
static bool parse_v1_line(struct str line, struct addr *source)
{
    struct str family, from, to, from_port, to_port;
    struct addr destination;
    uint16_t port, ignored;
    sa_family_t wanted;

    if (!take_word(&line, &family))
        return false;
    if (str_eq(family, STR("UNKNOWN")))
        return true;
    if (!take_word(&line, &from) || !take_word(&line, &to) || !take_word(&line, &from_port) ||
        !take_word(&line, &to_port) || line.len > 0)
        return false;
    if (!parse_port(from_port, &port) || !parse_port(to_port, &ignored) || addr_parse_ip(from, port, source) < 0 ||
        addr_parse_ip(to, ignored, &destination) < 0)
        return false;
    wanted = str_eq(family, STR("TCP4")) ? AF_INET : str_eq(family, STR("TCP6")) ? AF_INET6 : AF_UNSPEC;
    return source->sa.sa_family == wanted && destination.sa.sa_family == wanted;
}

static enum proxy_proto_result parse_v1(struct str in, struct addr *source, size_t *used)
{
    size_t look = in.len < V1_MAX ? in.len : V1_MAX;
    const char *lf = memchr(in.s, '\n', look);
    struct str line;

    if (!lf)
        return look == V1_MAX ? PROXY_PROTO_BAD : PROXY_PROTO_MORE;
    *used = (size_t)(lf - in.s) + 1;
    line = (struct str){in.s, *used - 1};
    if (line.len < 7 || line.s[line.len - 1] != '\r' || !str_has_prefix(line, STR("PROXY ")))
        return PROXY_PROTO_BAD;
    line.s += 6;
    line.len -= 7;
    if (!parse_v1_line(line, source)) {
        source->len = 0;
        return PROXY_PROTO_BAD;
    }
    return PROXY_PROTO_DONE;
}

static void set_ipv4(struct addr *a, const uint8_t *ip, const uint8_t *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET};

    memcpy(&in.sin_addr, ip, 4);
    memcpy(&in.sin_port, port, 2);
    *a = addr_of((const struct sockaddr *)&in, sizeof(in));
}

static void set_ipv6(struct addr *a, const uint8_t *ip, const uint8_t *port)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    memcpy(&in6.sin6_addr, ip, 16);
    memcpy(&in6.sin6_port, port, 2);
    *a = addr_of((const struct sockaddr *)&in6, sizeof(in6));
}

static enum proxy_proto_result parse_v2(struct str in, struct addr *source, size_t *used)
{
    const uint8_t *b = (const uint8_t *)in.s;
    size_t length;

    if (in.len < V2_HEAD)
        return PROXY_PROTO_MORE;
    length = (size_t)b[14] << 8 | b[15];
    if (b[12] >> 4 != 2 || (b[12] & 15) > 1 || V2_HEAD + length > PROXY_PROTO_MAX)
        return PROXY_PROTO_BAD;
    if (in.len < V2_HEAD + length)
        return PROXY_PROTO_MORE;
    *used = V2_HEAD + length;
    /* LOCAL: the balancer's own check, it speaks for nobody. */
    if ((b[12] & 15) == 0)
        return PROXY_PROTO_DONE;
    if (b[13] == 0x11) {
        if (length < 12)
            return PROXY_PROTO_BAD;
        set_ipv4(source, b + 16, b + 24);
    } else if (b[13] == 0x21) {
        if (length < 36)
            return PROXY_PROTO_BAD;
        set_ipv6(source, b + 16, b + 48);
    }
    return PROXY_PROTO_DONE;
}

enum proxy_proto_result proxy_proto_parse(struct str in, struct addr *source, size_t *used)
{
    memset(source, 0, sizeof(*source));
    *used = 0;
    if (in.len == 0)
        return PROXY_PROTO_MORE;
    if (begins_alike(in, V2_SIGNATURE))
        return in.len < V2_SIGNATURE.len ? PROXY_PROTO_MORE : parse_v2(in, source, used);
    if (begins_alike(in, STR("PROXY ")))
        return parse_v1(in, source, used);
    return PROXY_PROTO_BAD;
}

/* ---- writing ---- */

/* Both ends as IPv6 where one is: 4 or 16, or 0 where one is no IP address. */
static size_t both_ends(const struct addr *ends[2], uint8_t ip[2][16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    size_t lens[2] = {addr_ip_bytes(ends[0], ip[0]), addr_ip_bytes(ends[1], ip[1])};

    if (lens[0] == 0 || lens[1] == 0)
        return 0;
    for (size_t i = 0; i < 2; i++) {
        if (lens[i] == 16 || lens[0] == lens[1])
            continue;
        memmove(ip[i] + sizeof(mapped), ip[i], 4);
        memcpy(ip[i], mapped, sizeof(mapped));
    }
    return lens[0] > lens[1] ? lens[0] : lens[1];
}

static size_t write_v1(const struct addr *ends[2], size_t ip_len, uint8_t ip[2][16], char *to)
{
    char text[2][INET6_ADDRSTRLEN];
    int family = ip_len == 4 ? AF_INET : AF_INET6;

    if (ip_len == 0 || !inet_ntop(family, ip[0], text[0], sizeof(text[0])) ||
        !inet_ntop(family, ip[1], text[1], sizeof(text[1])))
        return (size_t)snprintf(to, PROXY_PROTO_WRITTEN_MAX, "PROXY UNKNOWN\r\n");
    return (size_t)snprintf(to, PROXY_PROTO_WRITTEN_MAX, "PROXY %s %s %s %u %u\r\n", ip_len == 4 ? "TCP4" : "TCP6",
                            text[0], text[1], addr_port(ends[0]), addr_port(ends[1]));
}

static size_t write_v2(const struct addr *ends[2], size_t ip_len, uint8_t ip[2][16], bool is_local, char *to)
{
    size_t len = ip_len ? 2 * ip_len + 4 : 0;
    char *at = to + V2_HEAD;

    memcpy(to, V2_SIGNATURE.s, V2_SIGNATURE.len);
    to[12] = (char)(0x20 | !is_local);
    to[13] = (char)(ip_len == 4 ? 0x11 : ip_len == 16 ? 0x21 : 0);
    to[14] = 0;
    to[15] = (char)len;
    for (size_t i = 0; i < 2 && ip_len; i++) {
        unsigned port = addr_port(ends[i]);

        memcpy(at + i * ip_len, ip[i], ip_len);
        at[2 * ip_len + 2 * i] = (char)(port >> 8);
        at[2 * ip_len + 2 * i + 1] = (char)(port & 0xff);
    }
    return V2_HEAD + len;
}

size_t proxy_proto_write(unsigned version, const struct addr *source, const struct addr *destination,
                         char to[PROXY_PROTO_WRITTEN_MAX])
{
    const struct addr *ends[2] = {source, destination};
    uint8_t ip[2][16];
    size_t ip_len = source && destination ? both_ends(ends, ip) : 0;

    return version == 1 ? write_v1(ends, ip_len, ip, to) : write_v2(ends, ip_len, ip, !source, to);
}
