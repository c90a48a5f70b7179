/* port_owner.c: see port_owner.h. */
#include "main/port_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PORT_OWNER_TCP_LISTEN 0x0a /* a state in /proc/net/tcp */
#define PORT_OWNER_UNIX_LISTEN 0x10000 /* a flag in /proc/net/unix */

/* The inode of a socket that listens on that port in a /proc/net/tcp file, or 0. */
static unsigned long port_owner_inode(const char *file, unsigned port)
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
            local_port == port && state == PORT_OWNER_TCP_LISTEN)
            inode = found;
    }
    fclose(in);
    return inode;
}

static bool port_owner_holds(const char *pid, const char *wanted)
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

static void port_owner_process_name(const char *pid, char *name, size_t size)
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
static bool port_owner_wanted(const struct listener_spec *spec, char *wanted, size_t size)
{
    const struct sockaddr_in *in = (const void *)&spec->address;
    const struct sockaddr_in6 *in6 = (const void *)&spec->address;
    unsigned port = ntohs(spec->address.ss_family == AF_INET ? in->sin_port : in6->sin6_port);
    unsigned long inode = port_owner_inode("/proc/net/tcp", port);

    if (inode == 0)
        inode = port_owner_inode("/proc/net/tcp6", port);
    snprintf(wanted, size, "socket:[%lu]", inode);
    return inode != 0;
}

bool port_owner_is(const struct listener_spec *spec, pid_t pid)
{
    char wanted[64], name[16];

    if (spec->address.ss_family == AF_UNIX || !port_owner_wanted(spec, wanted, sizeof(wanted)))
        return false;
    snprintf(name, sizeof(name), "%ld", (long)pid);
    return port_owner_holds(name, wanted);
}

void port_owner_name(const struct listener_spec *spec, char *error, size_t error_size)
{
    char wanted[64], name[64], text[160];
    struct dirent *entry;
    DIR *proc;

    if (spec->address.ss_family == AF_UNIX || !strstr(error, "in use"))
        return;
    proc = port_owner_wanted(spec, wanted, sizeof(wanted)) ? opendir("/proc") : NULL;
    while (proc && (entry = readdir(proc))) {
        if (!isdigit((unsigned char)entry->d_name[0]) || !port_owner_holds(entry->d_name, wanted))
            continue;
        port_owner_process_name(entry->d_name, name, sizeof(name));
        listener_address_text(&spec->address, spec->address_len, text, sizeof(text));
        snprintf(error, error_size, "%s is in use by process %s (%s)", text, entry->d_name, name);
        break;
    }
    if (proc)
        closedir(proc);
}

/* The inode of the socket that listens at that path, or 0. */
static unsigned long port_owner_unix_inode(const char *path)
{
    FILE *in = fopen("/proc/net/unix", "re");
    unsigned long inode = 0;
    char line[512];

    while (in && inode == 0 && fgets(line, sizeof(line), in)) {
        unsigned long found;
        unsigned flags;
        int at = 0;

        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "%*s %*s %*s %x %*s %*s %lu %n", &flags, &found, &at) == 2 &&
            (flags & PORT_OWNER_UNIX_LISTEN) && at > 0 && strcmp(line + at, path) == 0)
            inode = found;
    }
    if (in)
        fclose(in);
    return inode;
}

bool port_owner_of_unix(const char *path, char *pids, size_t size)
{
    unsigned long inode = port_owner_unix_inode(path);
    DIR *proc = inode ? opendir("/proc") : NULL;
    struct dirent *entry;
    size_t used = 0;
    char wanted[64];

    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    pids[0] = 0;
    while (proc && (entry = readdir(proc))) {
        size_t len = strlen(entry->d_name);

        if (!isdigit((unsigned char)entry->d_name[0]) || used + len + 2 > size ||
            !port_owner_holds(entry->d_name, wanted))
            continue;
        used += (size_t)snprintf(pids + used, size - used, " %s", entry->d_name);
    }
    if (proc)
        closedir(proc);
    return used > 0;
}
