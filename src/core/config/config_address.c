/* config_address.c: addresses of listeners and servers; names are looked up here, once. */
#include <netdb.h>

#include "core/config/config_build.h"

/* Relative paths of sockets are relative to the directory of the file. */
static void address_absolute(struct build *b, struct conf_address *a)
{
    if (!a->is_unix || a->host.s[0] == '/')
        return;
    a->host = str_of(conf_path_in(b->pool, b->dir, a->host));
    a->text = pool_printf(b->pool, "unix:%s", a->host.s);
}

int config_listen_address(struct build *b, struct conf_address *a, struct conf_place at, struct addr *out)
{
    char error[256];

    address_absolute(b, a);
    if (addr_parse(a->text, out, error, sizeof(error)) != 0) {
        conf_report_add(b->report, at, "cannot listen on \"%.*s\": %s", STR_ARG(a->text), error);
        return -1;
    }
    if (a->is_unix)
        config_check_directory_of(b, a->host, "address", at);
    return 0;
}

static struct addr *address_keep(struct build *b, struct str host)
{
    struct addr *address = pool_zalloc(b->pool, sizeof(*address));

    hash_table_set(b->resolved, pool_str(b->pool, host), address);
    return address;
}

/* What another process found: each name, NUL, and its address as it is there. */
static void address_take_found(struct build *b, struct str rest)
{
    const char *end;

    while ((end = rest.len ? memchr(rest.s, '\0', rest.len) : NULL)) {
        struct str host = {rest.s, (size_t)(end - rest.s)};
        struct addr address;

        rest = str_from(rest, host.len + 1);
        if (rest.len < sizeof(address))
            return;
        memcpy(&address, rest.s, sizeof(address));
        rest = str_from(rest, sizeof(address));
        *address_keep(b, host) = addr_of(&address.sa, address.len);
    }
}

static void address_tell(const struct build *b, struct str host, const struct addr *address)
{
    if (!b->names->tell)
        return;
    (void)fwrite(host.s, 1, host.len + 1, b->names->tell);
    (void)fwrite(address, 1, sizeof(*address), b->names->tell);
}

static int address_ask(struct build *b, const char *host, struct addr *out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, NULL, &hints, &found);

    if (error)
        return error;
    *out = addr_of(found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    address_tell(b, str_of(host), out);
    return 0;
}

static const struct addr *address_resolve(struct build *b, struct str host, struct conf_place at)
{
    struct addr *known;
    int error;

    if (!b->resolved) {
        b->resolved = hash_table_new(b->pool, b->key, 16);
        if (b->names->how == CONFIG_NAMES_FOUND)
            address_take_found(b, b->names->found);
    }
    known = hash_table_get(b->resolved, host);
    if (known)
        return known->len || b->names->how == CONFIG_NAMES_NONE ? known : NULL;
    known = address_keep(b, host);
    if (b->names->how == CONFIG_NAMES_NONE)
        return known;
    if (b->names->how == CONFIG_NAMES_FOUND) {
        conf_report_add(b->report, at, "\"%.*s\" has come since the file was checked; reload once more",
                        STR_ARG(host));
        return NULL;
    }
    error = address_ask(b, pool_str(b->pool, host).s, known);
    if (error)
        conf_report_add(b->report, at,
                        "cannot resolve \"%.*s\": %s; write a name that resolves or an IP address",
                        STR_ARG(host), gai_strerror(error));
    return error ? NULL : known;
}

int config_server_address(struct build *b, struct conf_address *a, struct conf_place at, struct addr *out)
{
    char error[256];
    const struct addr *found;

    address_absolute(b, a);
    if (a->is_unix) {
        if (addr_parse(a->text, out, error, sizeof(error)) == 0)
            return 0;
        conf_report_add(b->report, at, "\"%.*s\" is not the address of a server: %s", STR_ARG(a->text),
                        error);
        return -1;
    }
    if (a->port <= 0 || str_eq(a->host, STR("*"))) {
        conf_report_add(b->report, at, "\"%.*s\" is not the address of a server; write NAME:PORT or IP:PORT",
                        STR_ARG(a->text));
        return -1;
    }
    if (addr_parse_ip(a->host, (uint16_t)a->port, out) == 0)
        return 0;
    found = address_resolve(b, a->host, at);
    if (!found)
        return -1;
    *out = *found;
    if (!out->len)
        return 0;
    if (out->sa.sa_family == AF_INET6)
        out->in6.sin6_port = htons((uint16_t)a->port);
    else
        out->in.sin_port = htons((uint16_t)a->port);
    return 0;
}

struct cidr *config_networks(struct build *b, const struct conf_list *list, size_t *count)
{
    const struct conf_cidr *from = list->items;
    struct cidr *to = pool_zalloc(b->pool, (list->n + 1) * sizeof(*to));

    *count = list->n;
    for (size_t i = 0; i < list->n; i++) {
        to[i].ip_len = from[i].family == 6 ? 16 : from[i].family;
        to[i].bits = from[i].bits;
        memcpy(to[i].ip, from[i].addr, sizeof(to[i].ip));
    }
    return to;
}
