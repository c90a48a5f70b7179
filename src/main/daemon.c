/*
 * daemon.c: the parent waits at a pipe for one byte.
 */
#include "main/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int daemon_fork(int *fd, int *code)
{
    int fds[2];
    char byte;
    pid_t pid;
    ssize_t n;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    fflush(NULL);
    pid = fork();
    if (pid < 0) {
        close(fds[0]);
        close(fds[1]);
        return -1;
    }
    if (pid == 0) {
        close(fds[0]);
        *fd = fds[1];
        setsid();
        return 0;
    }
    close(fds[1]);
    do
        n = read(fds[0], &byte, 1);
    while (n < 0 && errno == EINTR);
    close(fds[0]);
    *code = n == 1 ? 0 : 1;
    return 1;
}

void daemon_forget_inherited(void)
{
    /* Where the kernel knows no such call they stay open, as they always did. */
    (void)!close_range(STDERR_FILENO + 1, ~0U, 0);
}

void daemon_detach(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int i = STDIN_FILENO; null >= 0 && i <= STDERR_FILENO; i++)
        (void)!dup2(null, i);
    if (null > STDERR_FILENO)
        close(null);
}

void daemon_ready(int fd)
{
    daemon_detach();
    (void)!write(fd, "", 1);
    close(fd);
}

void daemon_notify(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char text[64];
    size_t len;
    int fd;

    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(un.sun_path))
        return;
    len = strlen(path);
    memcpy(un.sun_path, path, len);
    if (path[0] == '@')
        un.sun_path[0] = 0;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    snprintf(text, sizeof(text), "READY=1\nMAINPID=%ld\n", (long)getpid());
    (void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const void *)&un,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}
