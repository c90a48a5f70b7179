/*
 * peer.h: what a server is at this moment: its place in the configuration, and the words about it that all
 * processes share on the board, put together in one place.  Whoever changes a shared word calls
 * board_peers_changed() afterwards; workers look at the words again when they see that.
 */
#ifndef WEIR_CORE_UPSTREAM_PEER_H
#define WEIR_CORE_UPSTREAM_PEER_H

#include "core/config/config.h"

/* What the checks have found; written by the keeper. */
enum peer_health {
    PEER_HEALTH_NONE, /* not checked, or not yet and taken for well */
    PEER_HEALTH_PASSED,
    PEER_HEALTH_FAILED,
    PEER_HEALTH_CHECKING /* no traffic before the first pass */
};

/* What was said through the runtime API; written by the keeper. */
enum peer_override {
    PEER_OVERRIDE_NONE,
    PEER_OVERRIDE_UP,
    PEER_OVERRIDE_DRAIN,
    PEER_OVERRIDE_DOWN,
    PEER_OVERRIDE_GONE /* of a server that the file has: taken out */
};

#define PEER_REASON_MAX 80
#define PEER_EJECTED_MAX 36

/*
 * The shared words about one server.  The first part has one writer, the keeper of the serving generation;
 * times are of the monotonic clock, which all processes of a machine share, unless their name ends in _s.
 */
struct peer_shared {
    uint32_t health; /* enum peer_health; may hold anything */
    uint32_t override; /* enum peer_override; may hold anything */
    uint32_t override_weight; /* weight + 1; 0: that of the configuration */
    uint32_t check_ok; /* the last check passed */
    int64_t checked_s; /* when it ended, seconds since 1970; 0: never */
    int64_t up_since_ms; /* when it came back; 0: it was never away.  Slow start counts from here. */
    int64_t remove_at_ms; /* drains, to be taken out then or when nothing is active; 0: not */
    char reason[PEER_REASON_MAX]; /* of the last check, not ended by NUL when full; read with peer_reason() */

    /* Of a source of servers (core/discovery/discovery.h); they end the first part, which shares no cache line. */
    uint32_t looks_failed;
    uint32_t found; /* servers it has */

    /* Changed by every process, atomically. */
    int64_t ejected_until_ms; /* by the passive checks; 0: not */
    uint64_t errors; /* passive: start of the window in units of 64 ms << 32 | errors in it */
    uint32_t ejections; /* one after another, without a success between */
    char ejected_why[PEER_EJECTED_MAX]; /* the last failure, as `reason`; of the one who ejected it */
    uint64_t waiters; /* a bit for each worker (number modulo 64) in which requests wait for a place */
};

/* What may be done with a server. */
enum peer_status {
    PEER_UP,
    PEER_DRAIN, /* pinned clients only */
    PEER_DOWN,
    PEER_CHECKING,
    PEER_EJECTED,
    PEER_UNRESOLVED, /* its name has no address yet */
    PEER_GONE, /* taken out at run time; what is under way ends */
    PEER_STATUSES
};

/* "up", "drain" ... as the runtime API says. */
struct str peer_status_name(enum peer_status);

/* The configuration and the shared words together. */
enum peer_status peer_status_of(const struct peer_conf *, const struct peer_shared *, int64_t now_ms);

/* 0 to 256: what the runtime API or the file says. */
unsigned peer_weight_of(const struct peer_conf *, const struct peer_shared *);

/* A weight of 1, so that slow start and bounded loads have room for parts of it. */
#define PEER_SHARE 64

/*
 * The weight in units of 1/PEER_SHARE, scaled by slow start: never 0 unless the weight is.  *changes_ms
 * becomes the time at which it will be another, if that is sooner.
 */
unsigned peer_share_of(const struct peer_conf *, const struct peer_shared *, int64_t now_ms,
                       int64_t *changes_ms);

/* The server is back since `at_ms`, after it was away: its slow start begins. */
void peer_came_back(struct peer_shared *, int64_t at_ms);

/* The reason of the last check in `text`, printable whatever the memory holds; empty when there is none. */
struct str peer_reason(const struct peer_shared *, char text[PEER_REASON_MAX]);

/* The same of the failure for which it was ejected. */
struct str peer_ejected_why(const struct peer_shared *, char text[PEER_EJECTED_MAX]);
void peer_set_ejected_why(struct peer_shared *, const char *why);

#endif
