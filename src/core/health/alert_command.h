/*
 * alert_command.h: one program that runs beside the keeper: started without blocking it, watched, killed
 * when it takes too long, reaped.
 */
#ifndef WEIR_CORE_HEALTH_ALERT_COMMAND_H
#define WEIR_CORE_HEALTH_ALERT_COMMAND_H

#include <event2/event_struct.h>
#include <sys/types.h>

#include "base/str.h"
#include "io/deadline.h"
#include "io/loop.h"

struct alert_command {
    struct loop *loop;
    pid_t pid; /* leader of a process group of its own */
    int pidfd; /* -1: does not run */
    bool late; /* it was killed */
    struct event event;
    struct deadline deadline;
    /* It has ended with `status` as waitpid() has it; -1: that is not known. */
    void (*done)(struct alert_command *, int status);
};

/*
 * Runs `path` with the environment `env`, its descriptors closed but for /dev/null, in "/".  0, or -1 with
 * errno.
 */
int alert_command_start(struct alert_command *, struct loop *, struct deadlines *, const char *path,
                        char *const *env) WEIR_MUST_CHECK;

/* Kills it, if it runs; done() is not called. */
void alert_command_kill(struct alert_command *);

#endif
