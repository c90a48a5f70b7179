/*
 * check.h: how a server is asked whether it is well: one conversation on one new connection.  The core makes
 * the connection (core/health/probe.h), a check says what is sent and judges what comes back; it never waits and
 * never touches the socket.
 */
#ifndef WEIR_CORE_HEALTH_CHECK_H
#define WEIR_CORE_HEALTH_CHECK_H

#include "core/config/config.h"

struct probe;

enum check_step {
    CHECK_GOES_ON, /* more is to come */
    CHECK_PASSED,  /* probe_pass() or probe_say() named the reason */
    CHECK_FAILED   /* probe_fail() named the reason */
};

struct check {
    const char *name;
    /* The connection is there, with TLS where that is spoken. */
    enum check_step (*start)(struct probe *);
    /*
     * probe->in holds what came and was not taken yet (probe_take()); `end`: nothing more will come, and
     * CHECK_GOES_ON then means that the server closed too early.
     */
    enum check_step (*on_data)(struct probe *, bool end);
    /* It is over: frees what lies in probe->data and not in probe->pool.  May be NULL. */
    void (*release)(struct probe *);
};

#endif
