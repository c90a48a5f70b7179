/*
 * cache_fetch.h: what a cache asks an upstream for, once, on behalf of all visits that wait for the same.  It is a
 * request of its own (core/subrequest.h), so that it goes on when the client for whom it began has left.  Its answer
 * fills an object, which the visits are sent while it grows; or it is none that may be stored, goes to the first visit as
 * it comes, and the others have to ask for themselves.
 */
#ifndef WEIR_CORE_CACHE_CACHE_FETCH_H
#define WEIR_CORE_CACHE_CACHE_FETCH_H

#include "core/cache/cache_claim.h"
#include "core/cache/cache_visit.h"

enum cache_fetch_state {
    FETCH_ASKS, /* no head yet */
    FETCH_RELAYS, /* to the one visit there is */
    FETCH_FILLS, /* `object` */
    FETCH_DROPS, /* what comes is of no use */
    FETCH_OVER
};

struct cache_fetch {
    struct request request; /* first: the two have one address */
    struct cache *cache;
    const struct cache_usage *use;
    struct list link; /* of the cache's; in none when it is over */
    enum cache_fetch_state state;
    struct store_key key; /* that visits join it by */
    struct store_key primary;
    struct list visits;
    struct cache_object *found; /* is validated, or is used when the upstream fails; NULL: none */
    bool validates;
    enum cache_reason refused; /* why its answer is not to be stored, before it is there; CACHE_REASON_NONE: it may be */
    struct cache_object *object; /* that is filled */
    bool unkept; /* what it fills will not be stored: too large, or the disk failed */
    uint64_t seq; /* of purges, before it was sent */
    int64_t request_time;
    bool answered; /* the handler has given all */
    bool paused; /* the handler waits for resume() */
    struct cache_claim claim;
    struct loop_deferred deferred;
};

/* A fetch under way for that key, which may still be joined; NULL: none. */
struct cache_fetch *cache_fetch_find(struct cache *, struct hash_128);

/*
 * Has the upstream asked for what the visit wants; the visit waits for it, unless `background`.  It takes the claim over.
 * -1: no memory.
 */
int cache_fetch_begin(struct cache_visit *, struct cache_claim *, bool background) WEIR_MUST_CHECK;

/* The visit came after a purge of what is fetched, so that it is to have what is newer. */
bool cache_fetch_is_too_old(const struct cache_fetch *, const struct cache_visit *);

/* The visit waits for it too. */
void cache_fetch_join(struct cache_fetch *, struct cache_visit *);

/* What became of it at the upstream is what logs of the client's request say. */
void cache_fetch_tell(const struct cache_fetch *, struct cache_visit *);

/* The visit's client has left. */
void cache_fetch_leave(struct cache_visit *);

/* The visit's client takes more. */
void cache_fetch_resume(struct cache_fetch *);

/* Ends it, whatever it does: when the worker ends. */
void cache_fetch_end(struct cache_fetch *);

/* ---- cache_fill.c ---- */

/* What was found, as a 304 changes it, with a reference for the caller; NULL: the 304 is not of it, or no memory. */
struct cache_object *cache_fill_update(struct cache_fetch *, const struct message *head);

/* A visit is sent what is there of the object, and the rest as it comes. */
void cache_fill_join(struct cache_fetch *, struct cache_visit *);

/* The answer may be stored: begins an object and sends it to all visits that it is for.  -1: it cannot be, no visit
 * has been answered. */
int cache_fill_begin(struct cache_fetch *, const struct message *head, const struct frame *, const struct cache_facts *,
                     const struct cache_keep *, struct str body, bool last) WEIR_MUST_CHECK;

/* More of it.  As request_out.body. */
bool cache_fill_add(struct cache_fetch *, struct str bytes, bool last);

/* It broke off. */
void cache_fill_fail(struct cache_fetch *);

/* Whether those who are sent it have all that is there; the fetch may go on then. */
bool cache_fill_is_taken(struct cache_fetch *);

#endif
