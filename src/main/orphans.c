/* orphans.c: who has the control socket while nobody has the lock of pid_file. */
#include "main/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "main/port_owner.h"

#define ORPHANS_TEXT 1024

/* One that has ended and waits to be reaped does not run. */
static bool orphans_runs(long pid)
{
    char path[64], state = 'R';
    FILE *in;

    if (kill((pid_t)pid, 0) < 0 && errno == ESRCH)
        return false;
    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    in = fopen(path, "re");
    if (in && fscanf(in, "%*d (%*[^)]) %c", &state) != 1)
        state = 'R';
    if (in)
        fclose(in);
    return state != 'Z' && state != 'X';
}

struct orphans_file {
    bool locked; /* a master runs */
    long pid; /* that is in it; 0: none */
};

static struct orphans_file orphans_read(const char *pid_file)
{
    struct flock held = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = pid_file[0] ? open(pid_file, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    struct orphans_file file = {false, 0};
    char text[32] = "";

    if (fd < 0)
        return file;
    file.locked = fcntl(fd, F_GETLK, &held) < 0 || held.l_type != F_UNLCK;
    if (read(fd, text, sizeof(text) - 1) > 0 && sscanf(text, "%ld", &file.pid) != 1)
        file.pid = 0;
    close(fd);
    return file;
}

bool orphans_are(const struct control_target *t)
{
    struct orphans_file file = orphans_read(t->pid_file);
    char pids[ORPHANS_TEXT];

    /* In an upgrade the lock is nobody's for a moment. */
    return !file.locked && file.pid > 1 && !orphans_runs(file.pid) &&
           port_owner_of_unix(t->control, pids, sizeof(pids));
}

void orphans_say(const struct control_target *t, const char *file)
{
    struct orphans_file pid_file = orphans_read(t->pid_file);
    char pids[ORPHANS_TEXT] = "";

    if (pid_file.locked) {
        fputs("weir: another master is about to take over; ask again\n", stderr);
        return;
    }
    (void)port_owner_of_unix(t->control, pids, sizeof(pids));
    fputs("weir: the master ", stderr);
    if (pid_file.pid > 1)
        fprintf(stderr, "(process %ld) ", pid_file.pid);
    fprintf(stderr,
            "has died; its workers still serve, but nobody can command them.\n"
            "weir: `weir -c %s` starts a new master, which takes over from them without a gap and can then be told to "
            "quit.\n",
            file);
    if (pids[0])
        fprintf(stderr, "weir: To stop them instead, at once: kill%s\n", pids);
}
