/*
 * alert.h: telling others that a server is down, or up again: a command that is run, a webhook that is
 * posted to.  Neither is waited for; a few are under way at a time, a bounded number waits, more are
 * dropped with a line in the log.  In the keeper only.
 */
#ifndef WEIR_CORE_HEALTH_ALERT_H
#define WEIR_CORE_HEALTH_ALERT_H

#include "core/health/probe.h"

struct alerts {
    struct loop *loop;
    struct deadlines *deadlines;
    struct log *log;
    struct probes probes;           /* of webhooks */
    struct list waiting, under_way; /* struct alert by `link` */
    size_t waits, commands;         /* how many wait; commands that run */
    uint64_t dropped;               /* since the last that found room */
};

/* What happened; all of it is copied. */
struct alert_event {
    struct str upstream, server, state, reason;
    int64_t at_s; /* seconds since 1970 */
};

void alerts_init(struct alerts *, struct loop *, struct deadlines *, struct log *);

/* `conf` outlives the alerts. */
void alerts_tell(struct alerts *, const struct alert_conf *conf, const struct alert_event *);

/* Whether some wait or are under way. */
bool alerts_busy(const struct alerts *);

/* Commands that still run are killed. */
void alerts_free(struct alerts *);

#endif
