/*
 * clock.c: fills a clock from the kernel's.  None costs a system call (the vDSO answers).  Durations are
 * logged to the millisecond, which the coarse monotonic clock, with steps of up to 10, could not give; the
 * date needs no more than a coarse one.
 */
#include <time.h>

#include "base/clock.h"

static void read_kernel(struct clock *c)
{
    struct timespec mono, wall;

    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME_COARSE, &wall);
    c->mono_ms = (int64_t)mono.tv_sec * 1000 + mono.tv_nsec / 1000000;
    c->wall_s = wall.tv_sec;
}

static void read_nothing(struct clock *c)
{
    (void)c;
}

void clock_init(struct clock *c)
{
    c->read = read_kernel;
    clock_refresh(c);
}

void clock_init_fixed(struct clock *c, int64_t mono_ms, int64_t wall_s)
{
    *c = (struct clock){.mono_ms = mono_ms, .wall_s = wall_s, .read = read_nothing};
}

void clock_refresh(struct clock *c)
{
    c->read(c);
}
