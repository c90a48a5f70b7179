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

static const struct addr *address_resolve(struct build *b, struct str host, struct conf_place at)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    struct addr *known = hash_table_get(b->resolved, host);
    int error;

    if (known)
        return known->len ? known : NULL;
    known = pool_zalloc(b->pool, sizeof(*known));
    host = pool_str(b->pool, host);
    hash_table_set(b->resolved, host, known);
    error = getaddrinfo(host.s, NULL, &hints, &found);
    if (error) {
        conf_report_add(b->report, at,
                        "cannot resolve \"%.*s\": %s; write a name that resolves or an IP address",
                        STR_ARG(host), gai_strerror(error));
        return NULL;
    }
    *known = addr_of(found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return known;
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
    if (out->sa.sa_family == AF_INET6)
        out->in6.sin6_port = htons((uint16_t)a->port);
    else
        out->in.sin_port = htons((uint16_t)a->port);
    return 0;
}
