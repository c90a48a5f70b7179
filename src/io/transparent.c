/* transparent.c: see transparent.h. */
#include "io/transparent.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int set_transparent(int fd, int family)
{
    int on = 1;

    return family == AF_INET ? setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on))
                             : setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof(on));
}

/* The address alone, without its port: the socket's own side.  Of len 0: the client has none of that family. */
static struct addr side_of(const struct addr *client, int family)
{
    struct addr side = {.len = 0};
    uint8_t ip[16];
    size_t n = addr_ip_bytes(client, ip);

    if (family == AF_INET && n == 4) {
        side.in.sin_family = AF_INET;
        memcpy(&side.in.sin_addr, ip, 4);
        side.len = sizeof(side.in);
    } else if (family == AF_INET6 && n == 16) {
        side.in6.sin6_family = AF_INET6;
        memcpy(&side.in6.sin6_addr, ip, 16);
        side.in6.sin6_scope_id = client->in6.sin6_scope_id;
        side.len = sizeof(side.in6);
    }
    return side;
}

int transparent_bind(int fd, const struct addr *to, const struct addr *client)
{
    struct addr side = side_of(client, to->sa.sa_family);
    int on = 1;

    if (side.len == 0)
        return 0;
    if (set_transparent(fd, to->sa.sa_family) < 0)
        return -1;
    /* The port is chosen by connect(), which knows the server: any that this client uses with no other. */
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    return bind(fd, &side.sa, side.len);
}

int transparent_try(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc, error;

    if (fd < 0)
        return -1;
    rc = set_transparent(fd, AF_INET);
    error = errno;
    close(fd);
    errno = error;
    return rc;
}
