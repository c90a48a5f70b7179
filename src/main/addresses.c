/*
 * addresses.c: listeners, and the control socket behind them.
 */
#include "main/addresses.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESSES_CONTROL_MODE 0660
#define ADDRESSES_UNIX_MODE 0666 /* as with TCP, who may connect is for the configuration to say */

/* Whether a socket can be bound to [::]. */
static bool addresses_have_ipv6(void)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    bool has;

    if (fd < 0)
        return false;
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    has = bind(fd, (const void *)&any, sizeof(any)) == 0;
    close(fd);
    return has;
}

/* "*" is two sockets, where the system has IPv6; otherwise one. */
static size_t addresses_specs(const struct listener_conf *conf, struct listener_spec specs[2])
{
    struct listener_spec *v4 = &specs[0], *v6 = &specs[1];

    *v4 = (struct listener_spec){
        .address_len = conf->address.len,
        .backlog = conf->backlog,
        .defer_accept_s = conf->defer_accept_s,
        .unix_mode = conf->is_control ? ADDRESSES_CONTROL_MODE : ADDRESSES_UNIX_MODE,
    };
    memcpy(&v4->address, &conf->address.storage, conf->address.len);
    if (!conf->address.any)
        return 1;
    *v6 = *v4;
    v4->address_len = sizeof(struct sockaddr_in);
    memset(&v4->address, 0, sizeof(v4->address));
    *(struct sockaddr_in *)(void *)&v4->address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = conf->address.in6.sin6_port};
    return addresses_have_ipv6() ? 2 : 1;
}

int addresses_each(const struct config *config,
                   int (*fn)(void *arg, const struct listener_conf *, const struct listener_spec *), void *arg)
{
    struct listener_spec specs[2];
    int rc = 0;

    for (size_t i = 0; i <= config->listener_count && rc == 0; i++) {
        const struct listener_conf *conf =
            i < config->listener_count ? &config->listeners[i] : config->control_listener;
        size_t n = conf ? addresses_specs(conf, specs) : 0;

        for (size_t k = 0; k < n && rc == 0; k++)
            rc = fn(arg, conf, &specs[k]);
    }
    return rc;
}
