/* alert_command.c: see alert_command.h. */
#include "core/health/alert_command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_MS 10000

static void command_forget(struct alert_command *command)
{
    deadline_stop(&command->deadline);
    event_del(&command->event);
    close(command->pidfd);
    command->pidfd = -1;
}

static void command_on_event(evutil_socket_t fd WEIR_UNUSED, short what WEIR_UNUSED, void *arg)
{
    struct alert_command *command = arg;
    int status = -1;

    loop_event(command->loop);
    if (waitpid(command->pid, &status, WNOHANG) == 0)
        return;
    command_forget(command);
    command->done(command, status);
}

static void command_on_deadline(struct deadline *d)
{
    struct alert_command *command = container_of(d, struct alert_command, deadline);

    command->late = true;
    kill(-command->pid, SIGKILL);
}

static int command_actions(posix_spawn_file_actions_t *actions)
{
    int rc = 0;

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && rc == 0; fd++)
        rc = posix_spawn_file_actions_addopen(actions, fd, "/dev/null",
                                              fd == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_addchdir_np(actions, "/");
    return rc ? rc : posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
}

static int command_spawn(const char *path, char *const *env, pid_t *pid)
{
    char *const argv[] = {(char *)(uintptr_t)path, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    rc = posix_spawn_file_actions_init(&actions);
    if (rc)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        posix_spawnattr_setflags(&attr,
                                 POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
        posix_spawnattr_setsigdefault(&attr, &all);
        posix_spawnattr_setsigmask(&attr, &none);
        rc = command_actions(&actions);
        if (rc == 0)
            rc = posix_spawn(pid, path, &actions, &attr, argv, env);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

int alert_command_start(struct alert_command *command, struct loop *loop, struct deadlines *deadlines,
                        const char *path, char *const *env)
{
    int rc = command_spawn(path, env, &command->pid);

    command->pidfd = -1;
    if (rc) {
        errno = rc;
        return -1;
    }
    command->loop = loop;
    command->late = false;
    command->pidfd = (int)syscall(SYS_pidfd_open, command->pid, 0);
    deadline_init(&command->deadline, command_on_deadline);
    if (command->pidfd < 0 ||
        event_assign(&command->event, loop->base, command->pidfd, EV_READ | EV_PERSIST, command_on_event,
                     command) < 0 ||
        event_add(&command->event, NULL) < 0) {
        int error = errno;

        kill(-command->pid, SIGKILL);
        (void)waitpid(command->pid, NULL, 0);
        if (command->pidfd >= 0)
            close(command->pidfd);
        command->pidfd = -1;
        errno = error;
        return -1;
    }
    deadline_start(deadlines, &command->deadline, COMMAND_MS, loop->clock.mono_ms);
    return 0;
}

void alert_command_kill(struct alert_command *command)
{
    if (command->pidfd < 0)
        return;
    command_forget(command);
    kill(-command->pid, SIGKILL);
    (void)waitpid(command->pid, NULL, 0);
}
