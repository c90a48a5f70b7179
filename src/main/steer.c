/*
 * steer.c: small BPF programs, and a look into /proc.
 */
#include "main/steer.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/base.h"

#define STEER_TCP_FLAGS 13 /* offset of the flags in a TCP head */
#define STEER_TCP_SYN 0x02
#define STEER_TCP_LISTEN 0x0a /* in /proc/net/tcp */

int steer_to(int fd, unsigned n, unsigned all)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)SKF_AD_OFF + SKF_AD_RANDOM),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};
    int none = 0;

    if (n < all)
        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
    if (setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &none, sizeof(none)) < 0 && errno != ENOENT)
        return -1;
    return 0;
}

void steer_drop_syn(int fd)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, STEER_TCP_FLAGS),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, STEER_TCP_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};

    /* Without it new connections are reset at the close instead of timing out: no reason to fail. */
    (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

bool steer_has_ipv6(void)
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

/* The inode of a socket that listens on that port in a /proc/net/tcp file, or 0. */
static unsigned long steer_inode(const char *file, unsigned port)
{
    FILE *in = fopen(file, "re");
    unsigned long inode = 0;
    char line[512];

    if (!in)
        return 0;
    while (inode == 0 && fgets(line, sizeof(line), in)) {
        unsigned local_port, state;
        unsigned long found;

        if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %lu", &local_port,
                   &state, &found) == 3 &&
            local_port == port && state == STEER_TCP_LISTEN)
            inode = found;
    }
    fclose(in);
    return inode;
}

static bool steer_holds(const char *pid, const char *wanted)
{
    char path[300], target[64];
    struct dirent *entry;
    bool holds = false;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    dir = opendir(path);
    while (dir && !holds && (entry = readdir(dir))) {
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

        target[n > 0 ? n : 0] = 0;
        holds = n > 0 && strcmp(target, wanted) == 0;
    }
    if (dir)
        closedir(dir);
    return holds;
}

static void steer_process_name(const char *pid, char *name, size_t size)
{
    char path[300];
    FILE *in;

    snprintf(path, sizeof(path), "/proc/%s/comm", pid);
    in = fopen(path, "re");
    if (!in || !fgets(name, (int)size, in))
        snprintf(name, size, "?");
    if (in)
        fclose(in);
    name[strcspn(name, "\n")] = 0;
}

/* How /proc calls a socket that listens on the port of the spec; false when there is none. */
static bool steer_wanted(const struct listener_spec *spec, char *wanted, size_t size)
{
    const struct sockaddr_in *in = (const void *)&spec->address;
    const struct sockaddr_in6 *in6 = (const void *)&spec->address;
    unsigned port = ntohs(spec->address.ss_family == AF_INET ? in->sin_port : in6->sin6_port);
    unsigned long inode = steer_inode("/proc/net/tcp", port);

    if (inode == 0)
        inode = steer_inode("/proc/net/tcp6", port);
    snprintf(wanted, size, "socket:[%lu]", inode);
    return inode != 0;
}

bool steer_is_held_by(const struct listener_spec *spec, pid_t pid)
{
    char wanted[64], name[16];

    if (spec->address.ss_family == AF_UNIX || !steer_wanted(spec, wanted, sizeof(wanted)))
        return false;
    snprintf(name, sizeof(name), "%ld", (long)pid);
    return steer_holds(name, wanted);
}

void steer_name_owner(const struct listener_spec *spec, char *error, size_t error_size)
{
    char wanted[64], name[64], text[160];
    struct dirent *entry;
    DIR *proc;

    if (spec->address.ss_family == AF_UNIX || !strstr(error, "in use"))
        return;
    proc = steer_wanted(spec, wanted, sizeof(wanted)) ? opendir("/proc") : NULL;
    while (proc && (entry = readdir(proc))) {
        if (!isdigit((unsigned char)entry->d_name[0]) || !steer_holds(entry->d_name, wanted))
            continue;
        steer_process_name(entry->d_name, name, sizeof(name));
        listener_address_text(&spec->address, spec->address_len, text, sizeof(text));
        snprintf(error, error_size, "%s is in use by process %s (%s)", text, entry->d_name, name);
        break;
    }
    if (proc)
        closedir(proc);
}

int steer_bind_take(const char *path, char *error, size_t error_size)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(un.sun_path)) {
        snprintf(error, error_size, "%s: the path of a socket is at most %zu bytes long", path,
                 sizeof(un.sun_path) - 1);
        return -1;
    }
    memcpy(un.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* Whoever could serve it was asked before, under the lock of pid_file. */
    if (fd >= 0 && (unlink(path) == 0 || errno == ENOENT) &&
        bind(fd, (const void *)&un, sizeof(un)) == 0 && chmod(path, 0600) == 0 && listen(fd, 16) == 0)
        return fd;
    snprintf(error, error_size, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}
