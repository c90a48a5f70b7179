/* cache_status.c: see cache_status.h. */
#include "http/cache_status.h"

/* A longer key is left out: it is for people to read. */
#define KEY_LONGEST 1024
/* Room for all parameters but the key. */
#define TEXT_ROOM 256

struct str cache_status_forward_text(enum cache_forward forward)
{
    static const char *const tokens[] = {
        [CACHE_FORWARD_NONE] = "hit",
        [CACHE_FORWARD_BYPASS] = "bypass",
        [CACHE_FORWARD_METHOD] = "method",
        [CACHE_FORWARD_URI_MISS] = "uri-miss",
        [CACHE_FORWARD_VARY_MISS] = "vary-miss",
        [CACHE_FORWARD_MISS] = "miss",
        [CACHE_FORWARD_REQUEST] = "request",
        [CACHE_FORWARD_STALE] = "stale",
        [CACHE_FORWARD_PARTIAL] = "partial",
    };

    return str_of(forward < ARRAY_SIZE(tokens) ? tokens[forward] : "miss");
}

enum cache_forward cache_status_forward(enum cache_reason reason)
{
    switch (reason) {
    case CACHE_REASON_METHOD:
    case CACHE_REASON_SETTING_METHODS:
        return CACHE_FORWARD_METHOD;
    case CACHE_REASON_REQUEST_BODY:
    case CACHE_REASON_SETTING_BYPASS:
        return CACHE_FORWARD_BYPASS;
    case CACHE_REASON_ABSENT:
    case CACHE_REASON_PURGED:
    case CACHE_REASON_HIT_FOR_MISS:
        return CACHE_FORWARD_URI_MISS;
    case CACHE_REASON_VARIANT_ABSENT:
        return CACHE_FORWARD_VARY_MISS;
    case CACHE_REASON_REQUEST_NO_CACHE:
    case CACHE_REASON_REQUEST_NO_STORE:
    case CACHE_REASON_REQUEST_MAX_AGE:
    case CACHE_REASON_REQUEST_MIN_FRESH:
        return CACHE_FORWARD_REQUEST;
    case CACHE_REASON_STALE:
    case CACHE_REASON_NO_CACHE:
    case CACHE_REASON_MUST_REVALIDATE:
    case CACHE_REASON_WHILE_REVALIDATE:
        return CACHE_FORWARD_STALE;
    case CACHE_REASON_TAKES_PART:
        return CACHE_FORWARD_PARTIAL;
    default:
        return CACHE_FORWARD_MISS;
    }
}

/* Whether a key may stand in a quoted string of a structured field as it is, or escaped (RFC 8941 3.3.3). */
static bool is_sayable(struct str key)
{
    if (key.len == 0 || key.len > KEY_LONGEST)
        return false;
    for (size_t i = 0; i < key.len; i++) {
        if (key.s[i] < 0x20 || key.s[i] > 0x7e)
            return false;
    }
    return true;
}

static char *put(char *to, struct str s)
{
    if (s.len)
        memcpy(to, s.s, s.len);
    return to + s.len;
}

static char *put_key(char *to, struct str key)
{
    to = put(to, STR("; key=\""));
    for (size_t i = 0; i < key.len; i++) {
        if (key.s[i] == '"' || key.s[i] == '\\')
            *to++ = '\\';
        *to++ = key.s[i];
    }
    *to++ = '"';
    return to;
}

static char *put_number(char *to, struct str parameter, int64_t value)
{
    char digits[STR_U64_MAX];

    to = put(to, parameter);
    if (value < 0)
        *to++ = '-';
    return put(to, str_of_u64(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, digits));
}

struct str cache_status_text(const struct cache_status *status, struct str name, struct pool *pool)
{
    bool key = is_sayable(status->key);
    char *out = pool_text(pool, name.len + TEXT_ROOM + (key ? 2 * status->key.len : 0)), *to = put(out, name);

    if (status->forward == CACHE_FORWARD_NONE) {
        to = put(to, STR("; hit"));
    } else {
        to = put(to, STR("; fwd="));
        to = put(to, cache_status_forward_text(status->forward));
    }
    if (status->forward_status)
        to = put_number(to, STR("; fwd-status="), status->forward_status);
    if (status->has_ttl)
        to = put_number(to, STR("; ttl="), status->ttl);
    if (status->stored)
        to = put(to, STR("; stored"));
    if (status->collapsed)
        to = put(to, STR("; collapsed"));
    if (key)
        to = put_key(to, status->key);
    if (cache_reason_token(status->detail).len) {
        to = put(to, STR("; detail="));
        to = put(to, cache_reason_token(status->detail));
    }
    return (struct str){out, (size_t)(to - out)};
}
