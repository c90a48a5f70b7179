/*
 * resolver.h: names to addresses (A, AAAA, SRV) by c-ares, driven by the event loop: no threads, nothing
 * waits.  What name servers say is not believed further than it must be: answers are matched by c-ares with
 * what was asked, numbers of addresses and targets are limited, times to live are bounded.  /etc/hosts comes
 * first.
 */
#ifndef WEIR_IO_RESOLVER_H
#define WEIR_IO_RESOLVER_H

#include "base/addr.h"
#include "io/loop.h"

/* Of one name; further ones are left out. */
#define RESOLVER_ADDRESSES_MAX 256
#define RESOLVER_TARGETS_MAX 32
/* Questions under way at once. */
#define RESOLVER_QUESTIONS_MAX 32

#define RESOLVER_TTL_LEAST_MS 1000
#define RESOLVER_TTL_MOST_MS 300000

struct resolver;

struct resolver_address {
    struct addr address; /* with its port */
    unsigned priority, weight; /* of SRV (RFC 2782), else 0 */
};

struct resolver_answer {
    const char *error; /* static text; NULL: all that was asked was answered, and there is an address */
    const struct resolver_address *items; /* each address once; there may be some beside an error */
    size_t count;
    bool v4_failed, v6_failed; /* addresses of that family may lack: there was no answer to a part of it */
    bool is_cut; /* there were more than the limits allow */
    unsigned priority; /* of SRV: the lowest there is, of whatever target */
    int64_t ttl_ms; /* the smallest time to live of all that was used, bounded; of errors 0 */
};

/* Lies in what the asker owns and stays until done(), which may be called within resolver_ask(). */
struct resolver_question {
    const char *name;
    uint16_t port; /* 0: `name` is looked up as SRV, which says the ports */
    /* The answer is valid during it. */
    void (*done)(struct resolver_question *, const struct resolver_answer *);
};

/* `servers`: "192.0.2.1:53,[2001:db8::1]:53"; NULL: those of /etc/resolv.conf.  NULL with *error: it cannot
 * work. */
struct resolver *resolver_new(struct loop *, const char *servers, const char **error);

/* Gives up all questions; done() is not called.  NULL is allowed. */
void resolver_free(struct resolver *);

/* Whether another question may be asked now. */
bool resolver_has_room(const struct resolver *);

void resolver_ask(struct resolver *, struct resolver_question *);

/* To be called every tick: what is not answered in time is asked again, or ends with an error. */
void resolver_tick(struct resolver *);

#endif
