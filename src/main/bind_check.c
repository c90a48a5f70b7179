/* bind_check.c: tries each address the way the master would, without the option that lets sockets share one. */
#include "main/bind_check.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/listener.h"
#include "io/transparent.h"
#include "main/addresses.h"
#include "main/port_owner.h"

struct bind_check {
    struct conf_report *report;
    pid_t master; /* of the running instance; 0: there is none */
};

static int bind_check_connect(const struct sockaddr *address, socklen_t len)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, address, len) < 0 && errno != EAGAIN) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The process that holds the lock on the pid file, or 0. */
static pid_t bind_check_locked_by(const char *path)
{
    struct flock held = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    pid_t pid = 0;

    if (fd < 0)
        return 0;
    if (fcntl(fd, F_GETLK, &held) == 0 && held.l_type != F_UNLCK)
        pid = held.l_pid;
    close(fd);
    return pid;
}

/* The process that made the control socket, or 0 when nobody answers there. */
static pid_t bind_check_answered_by(const struct listener_conf *control)
{
    struct ucred peer = {.pid = 0};
    socklen_t len = sizeof(peer);
    int fd = bind_check_connect(&control->address.sa, control->address.len);

    if (fd < 0)
        return 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        peer.pid = 0;
    close(fd);
    return peer.pid;
}

static pid_t bind_check_instance(const struct config *config)
{
    pid_t pid = config->pid_file.len ? bind_check_locked_by(config->pid_file.s) : 0;

    if (pid == 0 && config->control_listener && config->control_listener->address.len)
        pid = bind_check_answered_by(config->control_listener);
    return pid;
}

/* 0, or -1 with errno. */
static int bind_check_tcp(const struct listener_spec *spec)
{
    int family = spec->address.ss_family, on = 1, rc, error;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    rc = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (rc == 0 && family == AF_INET6)
        rc = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (rc == 0)
        rc = bind(fd, (const void *)&spec->address, spec->address_len);
    error = errno;
    close(fd);
    errno = error;
    return rc;
}

/* Binding would leave a file, so that only what it needs is looked at. */
static int bind_check_unix(const struct listener_spec *spec)
{
    const struct sockaddr_un *un = (const void *)&spec->address;
    char dir[sizeof(un->sun_path) + 1];
    struct stat st;
    char *slash;
    int fd;

    if (lstat(un->sun_path, &st) == 0) {
        fd = S_ISSOCK(st.st_mode) ? bind_check_connect((const void *)un, spec->address_len) : 0;
        if (fd > 0)
            close(fd);
        if (fd >= 0) {
            errno = EADDRINUSE;
            return -1;
        }
    }
    snprintf(dir, sizeof(dir), "%s", un->sun_path);
    slash = strrchr(dir, '/');
    if (!slash)
        return 0;
    slash[slash == dir] = 0;
    return access(dir, W_OK | X_OK);
}

/* Whether the instance, which runs, has the address. */
static bool bind_check_is_own(const struct bind_check *c, const struct listener_spec *spec, const char *text)
{
    char path[64];

    if (spec->address.ss_family == AF_UNIX || port_owner_is(spec, c->master))
        return true;
    snprintf(path, sizeof(path), "/proc/%ld/fd", (long)c->master);
    if (access(path, R_OK | X_OK) == 0)
        return false;
    /* Another user's process cannot be looked into. */
    fprintf(stderr, "weir: warning: %s is in use, as it seems by the running instance, process %ld\n", text,
            (long)c->master);
    return true;
}

static int bind_check_one(void *arg, const struct listener_conf *conf, const struct listener_spec *spec)
{
    struct bind_check *c = arg;
    bool is_unix = spec->address.ss_family == AF_UNIX;
    char text[160], why[256];
    int error;

    if ((is_unix ? bind_check_unix(spec) : bind_check_tcp(spec)) == 0)
        return 0;
    error = errno;
    listener_address_text(&spec->address, spec->address_len, text, sizeof(text));
    if (error == EADDRINUSE && c->master != 0 && bind_check_is_own(c, spec, text))
        return 0;
    snprintf(why, sizeof(why), "%s: %s", text, strerror(error));
    if (error == EADDRINUSE)
        port_owner_name(spec, why, sizeof(why));
    conf_report_add(c->report, conf->at, "cannot listen on %s; %s", why,
                    error == EADDRNOTAVAIL ? "write an address that this machine has"
                    : error == EACCES      ? "start Weir as a user that may"
                                           : "write another address or end what has it");
    return 0;
}

/* The place of the first server with `transparent`. */
static struct conf_place bind_check_place(const struct config *config)
{
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct upstream *u = config->upstreams[i];

        for (size_t k = 0; k < u->peer_count; k++)
            if (u->peers[k].transparent)
                return u->peers[k].at;
        if (u->server_defaults.transparent)
            return u->at;
    }
    return (struct conf_place){NULL, 0};
}

bool bind_check(const struct config *config, struct conf_report *report)
{
    struct bind_check c = {report, bind_check_instance(config)};
    size_t before = report->n;

    addresses_each(config, bind_check_one, &c);
    if (config_is_transparent(config) && transparent_try() < 0)
        conf_report_add(report, bind_check_place(config),
                        "no right to connect to servers from the addresses of clients, as 'transparent' has it: %s; run this, "
                        "and Weir, as root or with CAP_NET_RAW, or remove it", strerror(errno));
    return report->n == before;
}
