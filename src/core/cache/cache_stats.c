/* cache_stats.c: see cache_stats.h. */
#include "core/cache/cache_stats.h"

_Static_assert((int)CACHE_RESULT_PARTIAL == (int)CACHE_FORWARD_PARTIAL, "one order");

struct str cache_result_name(enum cache_result result)
{
    switch (result) {
    case CACHE_RESULT_HIT_STALE:
        return STR("hit-stale");
    case CACHE_RESULT_REVALIDATED:
        return STR("revalidated");
    case CACHE_RESULT_ONLY_IF_CACHED:
        return STR("only-if-cached");
    default:
        return cache_status_forward_text((enum cache_forward)result);
    }
}

enum cache_result cache_result_of(const struct cache_status *status)
{
    if (status->detail == CACHE_REASON_WHILE_REVALIDATE || status->detail == CACHE_REASON_IF_ERROR ||
        status->detail == CACHE_REASON_MAX_STALE)
        return CACHE_RESULT_HIT_STALE;
    if (status->forward == CACHE_FORWARD_STALE && status->forward_status == 304)
        return CACHE_RESULT_REVALIDATED;
    return (enum cache_result)status->forward;
}
