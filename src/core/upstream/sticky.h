/*
 * sticky.h: how a client stays with the server that has its session: by a cookie of Weir's own, by a name for
 * the server in front of the server's own cookie, or by remembering who has set that cookie.  Read once for a
 * request, before a server is chosen; the answer sets the cookie anew where another server has answered. What
 * a client sends is believed only as far as sticky_value.h or sticky_learn.h vouch for it.
 */
#ifndef WEIR_CORE_UPSTREAM_STICKY_H
#define WEIR_CORE_UPSTREAM_STICKY_H

#include "core/upstream/upstream.h"
#include "http/message.h"

/* Cookies of one name that are looked at; more of them are no browser's. */
#define STICKY_COOKIES 8

#define STICKY_NONE (-1) /* no server is wanted, or it cannot be had: balance */
#define STICKY_WAIT (-2) /* the server that is wanted is full, and there is a queue */

/* What the client's cookie says. */
enum sticky_said {
    STICKY_SAID_NOTHING, /* there is none, or its time is over */
    STICKY_SAID_FOREIGN, /* Weir does not know it */
    STICKY_SAID_GONE, /* a server that is not there any more */
    STICKY_SAID_SERVER
};

/* What is known of one request; in its pool. */
struct sticky_visit {
    struct upstream_state *state;
    enum sticky_said said;
    int wanted; /* the server named; -1: none */
    unsigned lives; /* of it: with another number its place has another server now */
    int taken; /* the server last chosen; -1: none */
    bool outdated; /* the cookie is right, but to be set anew */
    bool has_hash;
    uint64_t hash; /* STICKY_LEARN: of the client's cookie */
};

/* Of an upstream in a worker; NULL: its configuration has no `sticky`. */
struct sticky *sticky_new(const struct upstream_state *);

/* NULL is allowed. */
void sticky_free(struct sticky *);

/* The upstream's servers are others, or may be. */
void sticky_look(struct upstream_state *);

/*
 * The server that pick->req's client was with, if it can have it; else STICKY_NONE or STICKY_WAIT.  Sets
 * req->sticky, from which a queue can see who waits for whom.
 */
int sticky_pick(struct upstream_state *, const struct pick *);

/*
 * The server of the upstream that the request waits for, as sticky_pick() said last; below 0: it waits for
 * none in particular.
 */
int sticky_waits_for(const struct request *, const struct upstream_state *);

/* Which server it became, however it was chosen; below 0: none. */
void sticky_picked(struct request *, int index);

/* Takes out of the fields to a server what only Weir is to see. */
void sticky_hide(struct request *, struct header_list *);

/* Sets, rewrites or learns in the head of a server's answer to the client, and counts. */
void sticky_answer(struct request *, struct message *head);

/* For `weir explain`: what the cookie of a request says. */
struct sticky_told {
    bool readable; /* false: only the running Weir knows */
    enum sticky_said said;
    int server; /* of the file; -1: none */
};

void sticky_tell(const struct upstream *, const struct request *, struct sticky_told *);

/* "insert" ... */
const char *sticky_mode_name(enum sticky_mode);

#endif
