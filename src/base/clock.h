/*
 * clock.h: the time as the event loop last saw it.
 * An event loop refreshes its clock once per turn and everything in that turn reads the cached fields:
 * no clock call per use, and one turn sees one time.  A test sets the fields itself, by a `read` of its
 * own or by clock_init_fixed.
 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t mono_ms; /* never goes back; only differences mean anything */
    int64_t wall_s;  /* seconds since 1970-01-01 UTC; may jump */
    void (*read)(struct clock *); /* sets the two above */
};

/* A clock of the kernel (CLOCK_MONOTONIC, CLOCK_REALTIME_COARSE), already refreshed. */
void clock_init(struct clock *);

/* A clock that stands at these times until its owner changes the fields; for tests. */
void clock_init_fixed(struct clock *, int64_t mono_ms, int64_t wall_s);

/* Reads the time anew. */
void clock_refresh(struct clock *);

#endif
