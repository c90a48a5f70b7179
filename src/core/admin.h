/*
 * admin.h: how the keeper's API reaches the master.
 */
#ifndef WEIR_CORE_ADMIN_H
#define WEIR_CORE_ADMIN_H

#include <stdbool.h>

#include "base/list.h"
#include "base/str.h"

enum admin_command { ADMIN_RELOAD, ADMIN_QUIT, ADMIN_STOP, ADMIN_REOPEN, ADMIN_UPGRADE };

/* One question that waits for its outcome. */
struct admin_wait {
    struct list link;
    enum admin_command command;
    /* Called once; `text` are the errors (or what was done), lines, valid during the call. */
    void (*done)(struct admin_wait *, bool ok, struct str text);
};

struct acme;
struct changes;
struct discovery;

struct admin {
    /* Asks the master; `wait` is kept until done() or forget(). */
    void (*ask)(struct admin *, struct admin_wait *);
    /* The asker is gone. */
    void (*forget)(struct admin *, struct admin_wait *);
    /* The changes of servers; NULL: this process is not the keeper of the serving generation. */
    struct changes *(*changes)(struct admin *);
    /* What it finds servers by; NULL: nothing yet. */
    const struct discovery *(*discovery)(struct admin *);
    /* The certificates it gets; NULL: none, or this process does not get them. */
    const struct acme *(*acme)(struct admin *);
};

#endif
