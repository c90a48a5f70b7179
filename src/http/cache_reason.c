/* cache_reason.c: see cache_reason.h. */
#include "http/cache_reason.h"

static const struct {
    struct str token, text;
} reasons[CACHE_REASON_COUNT] = {
#define CACHE_REASON_ROW(id, token, text) \
    [CACHE_REASON_##id] = {{token, sizeof(token) - 1}, {text, sizeof(text) - 1}},
    CACHE_REASON_LIST(CACHE_REASON_ROW)
#undef CACHE_REASON_ROW
};

struct str cache_reason_token(enum cache_reason reason)
{
    return reason < CACHE_REASON_COUNT ? reasons[reason].token : STR("");
}

struct str cache_reason_text(enum cache_reason reason)
{
    return reason < CACHE_REASON_COUNT ? reasons[reason].text : reasons[CACHE_REASON_NONE].text;
}
