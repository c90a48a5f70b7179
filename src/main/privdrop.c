/*
 * privdrop.c: the order matters: groups while still root, the user last, and then a look whether root
 * can be had back.
 */
#include "main/privdrop.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int privdrop_fail(const char *what, char *error, size_t error_size)
{
    snprintf(error, error_size, "cannot drop privileges: %s: %s", what, strerror(errno));
    return -1;
}

int privdrop_find(const char *name, const char *group, struct privdrop_user *user, char *error,
                  size_t error_size)
{
    const struct passwd *pw;
    const struct group *gr;

    errno = 0;
    pw = getpwnam(name);
    if (!pw) {
        snprintf(error, error_size, "user \"%s\": %s", name, errno ? strerror(errno) : "no such user");
        return -1;
    }
    *user = (struct privdrop_user){.uid = pw->pw_uid, .gid = pw->pw_gid};
    if (!group || !*group)
        return 0;
    errno = 0;
    gr = getgrnam(group);
    if (!gr) {
        snprintf(error, error_size, "group \"%s\": %s", group,
                 errno ? strerror(errno) : "no such group");
        return -1;
    }
    user->gid = gr->gr_gid;
    return 0;
}

/* All but what sockets that speak for others want, which the change of user has left permitted. */
static int privdrop_keep_net_raw(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

    data[0].effective = data[0].permitted = 1U << CAP_NET_RAW;
    return (int)syscall(SYS_capset, &head, data);
}

static int privdrop_change(const struct privdrop_user *user, char *error, size_t error_size)
{
    bool keeps = user->transparent && user->uid != 0;

    if (keeps && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return privdrop_fail("keepcaps", error, error_size);
    if (setgroups(0, NULL) < 0)
        return privdrop_fail("setgroups", error, error_size);
    if (setresgid(user->gid, user->gid, user->gid) < 0)
        return privdrop_fail("setgid", error, error_size);
    if (setresuid(user->uid, user->uid, user->uid) < 0)
        return privdrop_fail("setuid", error, error_size);
    if (keeps && privdrop_keep_net_raw() < 0)
        return privdrop_fail("CAP_NET_RAW for `transparent` cannot be kept", error, error_size);
    if (user->uid != 0 && setuid(0) == 0) {
        errno = EPERM;
        return privdrop_fail("root could be had back", error, error_size);
    }
    return 0;
}

int privdrop_to(const struct privdrop_user *user, bool dumpable, char *error, size_t error_size)
{
    if (geteuid() == 0) {
        if (privdrop_change(user, error, error_size) < 0)
            return -1;
    } else if (user->uid != geteuid()) {
        snprintf(error, error_size, "cannot become user %ld: not started as root", (long)user->uid);
        return -1;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return privdrop_fail("no_new_privs", error, error_size);
    /* After the change of user, which sets the flag to the system's default. */
    if (prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0) < 0)
        return privdrop_fail("dumpable", error, error_size);
    return 0;
}
