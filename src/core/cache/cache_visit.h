/*
 * cache_visit.h: a client's request at a cache: what it wants, what was found for it, and what it waits for.  It lies in
 * the pool of the request, which it is the handler's data of.
 */
#ifndef WEIR_CORE_CACHE_CACHE_VISIT_H
#define WEIR_CORE_CACHE_CACHE_VISIT_H

#include "core/cache/cache_object.h"
#include "core/request.h"
#include "http/cache_status.h"
#include "io/deadline.h"

struct cache_fetch;

enum cache_visit_state {
    VISIT_WAITS, /* for the head of what `fetch` asked for, or for another worker's */
    VISIT_RELAYED, /* gets the answer to `fetch` as it comes: it is not stored */
    VISIT_SENT /* is sent `object` */
};

struct cache_visit {
    struct request *req;
    struct cache *cache;
    const struct cache_usage *use;
    enum cache_visit_state state;
    struct store_key primary;
    struct store_key key; /* what it asks for: the primary one, or that of the variant where there is a marker */
    struct cache_control asked; /* what Cache-Control of the request says */
    bool asks; /* it says something */

    /* What was found. */
    struct cache_object *found; /* may be stale; held in the request's pool; NULL: nothing */
    struct cache_object *marker; /* that leads to variants; held likewise; NULL: the key has none */
    enum cache_reason reason; /* why it, or nothing, is used */
    enum cache_forward forward; /* the same in the words of Cache-Status, where an upstream is asked */
    bool counted; /* as a use of what it asks for */
    bool unconditional; /* what was found cannot be validated */

    /* What it waits for. */
    struct cache_fetch *fetch; /* NULL: another worker's, or its turn */
    uint64_t purges; /* purge_seq when it joined `fetch`; 0: it began that */
    struct list link; /* among the visits of `fetch`, or of the caches that wait or are to go on */
    struct deadline patience; /* `lock_timeout` */
    int64_t patient_until; /* monotonic ms; 0: it has not waited yet */
    bool impatient; /* it is over: asks for itself */
    bool passes; /* goes to the upstream when its turn comes */
    bool bypasses; /* `bypass` holds: waits for nobody */
    bool collapsed; /* another visit had it asked for */

    /* What it is sent. */
    struct cache_object *object;
    uint64_t at, end; /* of the body */
    bool to_end; /* `end` is not known yet */
    bool blocked; /* the client takes no more until resume() */
};

/* ---- cache_visit.c ---- */

/* It is in no list and waits for nothing; what it is told after that is its end. */
void cache_visit_detach(struct cache_visit *);

/* Finds its way once more when the stack is empty; `pass`: past the cache. */
void cache_visit_again(struct cache_visit *, bool pass);

/* Sees to it that what the answer to an unsafe request makes invalid is not used again (RFC 9111 4.4). */
void cache_invalidate_watch(struct request *);

/* Those whose turn has come; and those that wait for other workers, some of which may have done. */
void cache_visits_go_on(struct caches *);
void cache_visits_look(struct caches *);

/* ---- cache_find.c ---- */

/* The key under which the object lies; borrows its texts. */
struct store_key cache_find_key(const struct cache_object *);


/* Looks for what is stored: sets `found`; `reason` where there is nothing. */
void cache_find(struct cache_visit *);

/* ---- cache_answer.c ---- */

/* Answers with the object, or with the part of it that was asked for, as far as it is there; tells `status`. */
void cache_answer(struct cache_visit *, struct cache_object *, const struct cache_status *);

/* Sends on what has come since. */
void cache_answer_more(struct cache_visit *);

/* Adds Cache-Status, and sets $cache_status. */
void cache_answer_status(struct cache_visit *, struct header_list *, const struct cache_status *);

#endif
