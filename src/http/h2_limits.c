/* h2_limits.c: see h2_limits.h. */
#include "http/h2_limits.h"

static void begin_anew(struct h2_limits *l, int64_t now)
{
    if (now - l->since < H2_GLITCHES_MS)
        return;
    l->since = now;
    l->glitches = l->stalled = 0;
}

bool h2_limits_glitch(struct h2_limits *l, int64_t now)
{
    begin_anew(l, now);
    return ++l->glitches <= H2_GLITCHES_MAX;
}

bool h2_limits_control(struct h2_limits *l, int64_t now)
{
    if (l->explained == 0)
        return h2_limits_glitch(l, now);
    l->explained--;
    return true;
}

bool h2_limits_stalled(struct h2_limits *l, int64_t now)
{
    begin_anew(l, now);
    return ++l->stalled <= H2_STALLED_MAX;
}
