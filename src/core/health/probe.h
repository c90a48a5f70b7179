/*
 * probe.h: the connections on which servers are checked and webhooks are told: made anew for each, bounded in
 * number, time and bytes, closed when the verdict is there.  The objects and their memory are used again.
 */
#ifndef WEIR_CORE_HEALTH_PROBE_H
#define WEIR_CORE_HEALTH_PROBE_H

#include <event2/event_struct.h>

#include "core/health/check.h"
#include "core/tls/tls_client.h"
#include "core/upstream/peer.h"
#include "io/deadline.h"
#include "io/loop.h"

#define PROBE_BYTES_MAX (256 * 1024) /* read on one connection */

struct log;
struct regex_scratch;
struct tls_scratch;

/* What is to be asked; all of it outlives the probe. */
struct probe_job {
    const struct check *check;
    const struct check_conf *conf; /* NULL: a check without settings */
    const struct addr *address;
    struct str host; /* as Host has it: name and port */
    const struct tls_client_conf *tls; /* NULL: in the clear */
    enum tls_client_alpn alpn;
    uint8_t proxy_protocol; /* version of a PROXY header that says that nobody is behind it; 0: none */
    int64_t timeout; /* milliseconds for all of it */
    void *user;
    /* It is over; `reason` is printable and lives during the call.  Also from within probe_start(). */
    void (*done)(void *user, bool ok, struct str reason);
};

enum probe_state { PROBE_CONNECTING, PROBE_HANDSHAKE, PROBE_TALKING };

struct probe {
    struct probe_job job;
    struct probes *owner;
    struct list link;  /* under way or spare */
    struct pool *pool; /* for one conversation */
    void *data;        /* the check's own; NULL at start */
    char *in;          /* what came and was not taken */
    size_t in_len;

    enum probe_state state;
    int fd;
    struct event event;
    struct deadline deadline;
    struct tls *tls; /* NULL: none, or not begun */
    size_t in_room, received;
    char *out;
    size_t out_len, out_room, sent;
    char reason[PEER_REASON_MAX];
};

struct probes {
    struct loop *loop;
    struct deadlines *deadlines;
    struct regex_scratch *regex;
    struct log *log;
    struct tls_scratch *tls_scratch; /* for jobs with tls */
    struct list under_way, spare;
    size_t count, max; /* under way */
};

/* No probe yet; at most `max` at a time, less where descriptors are few. */
void probes_init(struct probes *, struct loop *, struct deadlines *, struct regex_scratch *, struct log *,
                 size_t max);

/* Ends those under way without a word to their users, and frees everything. */
void probes_free(struct probes *);

bool probes_full(const struct probes *);

/* Begins one; !probes_full(). */
void probe_start(struct probes *, const struct probe_job *);

/* ---- for checks ---- */

/* Sends a copy of `bytes`, when the connection takes them. */
void probe_send(struct probe *, struct str bytes);

/* The first `n` bytes of `in` are done with. */
void probe_take(struct probe *, size_t n);

/* The verdict with its reason, cut at PEER_REASON_MAX; bytes that are not printable become '?'. */
enum check_step probe_pass(struct probe *, const char *fmt, ...) WEIR_PRINTF(2, 3);
enum check_step probe_fail(struct probe *, const char *fmt, ...) WEIR_PRINTF(2, 3);

#endif
