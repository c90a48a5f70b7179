/*
 * signals.c: one table from signal to action; the signalfd gives each pending signal once.
 */
#include "main/signals.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const struct {
    int number;
    enum signals_action action;
} signals_table[] = {
    {SIGHUP, SIGNALS_RELOAD},  {SIGQUIT, SIGNALS_DRAIN},   {SIGTERM, SIGNALS_STOP},
    {SIGINT, SIGNALS_STOP},    {SIGUSR1, SIGNALS_REOPEN},  {SIGUSR2, SIGNALS_UPGRADE},
    {SIGCHLD, SIGNALS_CHILD},
};

void signals_ignore_pipe(void)
{
    signal(SIGPIPE, SIG_IGN);
}

static void signals_set(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < ARRAY_SIZE(signals_table); i++)
        sigaddset(set, signals_table[i].number);
}

static void signals_on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct signals *s = arg;
    struct signalfd_siginfo info;

    (void)what;
    loop_event(s->loop);
    /* The callee may stop us. */
    while (s->fd >= 0 && read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        for (size_t i = 0; i < ARRAY_SIZE(signals_table); i++) {
            if (signals_table[i].number == (int)info.ssi_signo)
                s->on_signal(signals_table[i].action, s->arg);
        }
    }
}

int signals_start(struct signals *s, struct loop *loop,
                  void (*on_signal)(enum signals_action, void *arg), void *arg)
{
    sigset_t set;

    *s = (struct signals){.loop = loop, .fd = -1, .on_signal = on_signal, .arg = arg};
    signals_set(&set);
    /* A signal that was ignored when we were started would never be pending. */
    for (size_t i = 0; i < ARRAY_SIZE(signals_table); i++)
        signal(signals_table[i].number, SIG_DFL);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    s->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (s->fd < 0)
        return -1;
    s->event = event_new(loop->base, s->fd, EV_READ | EV_PERSIST, signals_on_ready, s);
    if (s->event && event_add(s->event, NULL) == 0)
        return 0;
    signals_stop(s);
    return -1;
}

void signals_stop(struct signals *s)
{
    if (s->event)
        event_free(s->event);
    if (s->fd >= 0)
        close(s->fd);
    s->event = NULL;
    s->fd = -1;
}

void signals_leave_in_child(struct signals *s)
{
    sigset_t set;

    signals_stop(s);
    signals_set(&set);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}
