/* cache_fresh.c: see cache_fresh.h. */
#include "http/cache_fresh.h"

#include "http/date.h"

/* No form of date is longer: "Wednesday, 06-Nov-94 08:49:37 GMT". */
#define DATE_LONGEST 33
#define GUESS_PART 10
#define GUESS_MAX 86400

static bool is_letter(char c)
{
    c = ascii_lower(c);
    return c >= 'a' && c <= 'z';
}

/* Writes the spelling that date_parse() knows: one capital to a word, but for the zone at the end. */
static void spell(struct str text, char *out)
{
    for (size_t i = 0; i < text.len; i++) {
        bool capital = i == 0 || !is_letter(text.s[i - 1]) || i + 3 >= text.len;
        char c = ascii_lower(text.s[i]);

        out[i] = capital && is_letter(c) ? (char)(c - 32) : c;
    }
}

int cache_fresh_date(struct str text, int64_t now, int64_t *seconds)
{
    char spelled[DATE_LONGEST];

    if (date_parse(text, now, seconds) == 0)
        return 0;
    if (text.len > sizeof(spelled))
        return -1;
    spell(text, spelled);
    return date_parse((struct str){spelled, text.len}, now, seconds);
}

int64_t cache_fresh_date_of(const struct header_list *fields, int64_t response_time)
{
    const struct header *field = header_find(fields, HEADER_DATE);
    int64_t date;

    return field && cache_fresh_date(field->value, response_time, &date) == 0 ? date : response_time;
}

int64_t cache_fresh_age_field(const struct header_list *fields)
{
    const struct header *field = header_find(fields, HEADER_AGE);
    struct str rest, first;
    int64_t age;

    if (!field)
        return 0;
    rest = field->value;
    if (!str_next_element(&rest, &first))
        return 0;
    age = cache_control_delta(first);
    return age < 0 ? 0 : age;
}

int64_t cache_fresh_initial_age(const struct header_list *fields, int64_t request_time, int64_t response_time)
{
    int64_t apparent = response_time - cache_fresh_date_of(fields, response_time);
    int64_t delay = response_time > request_time ? response_time - request_time : 0;
    int64_t corrected = cache_fresh_age_field(fields) + delay;

    if (corrected < apparent)
        corrected = apparent;
    return corrected < CACHE_DELTA_MAX ? corrected : CACHE_DELTA_MAX;
}

bool cache_fresh_may_guess(unsigned status)
{
    switch (status) {
    case 200:
    case 203:
    case 204:
    case 206:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 501:
        return true;
    default:
        return false;
    }
}

static int64_t clamp(int64_t seconds)
{
    return seconds < 0 ? 0 : seconds > CACHE_DELTA_MAX ? CACHE_DELTA_MAX : seconds;
}

/* Whether all lines of a field that should stand once say the same. */
static bool is_one_value(const struct header_list *fields, const struct header *first)
{
    for (const struct header *field = first + 1; field < fields->items + fields->count; field++) {
        if (field->id == first->id && !str_eq(field->value, first->value))
            return false;
    }
    return true;
}

/* An Expires that cannot be read, or is several, lies in the past (RFC 9111 5.3, 4.2.1). */
static int64_t until_expires(const struct header_list *fields, const struct header *expires,
                             int64_t response_time)
{
    int64_t at;

    if (!is_one_value(fields, expires) || cache_fresh_date(expires->value, response_time, &at) < 0)
        return 0;
    return clamp(at - cache_fresh_date_of(fields, response_time));
}

static bool from_setting(unsigned status, const struct cache_ttls *ttls, bool may_guess, int64_t *seconds)
{
    for (size_t i = 0; ttls && i < ttls->count; i++) {
        if (status_set_has(&ttls->ttls[i].statuses, status)) {
            *seconds = ttls->ttls[i].seconds;
            return true;
        }
    }
    if (!ttls || ttls->otherwise < 0 || !may_guess)
        return false;
    *seconds = ttls->otherwise;
    return true;
}

static bool from_last_modified(const struct header_list *fields, int64_t response_time, int64_t *seconds)
{
    const struct header *field = header_find(fields, HEADER_LAST_MODIFIED);
    int64_t modified, since;

    if (!field || cache_fresh_date(field->value, response_time, &modified) < 0)
        return false;
    since = cache_fresh_date_of(fields, response_time) - modified;
    if (since <= 0)
        return false;
    *seconds = since / GUESS_PART < GUESS_MAX ? since / GUESS_PART : GUESS_MAX;
    return true;
}

struct cache_lifetime cache_fresh_lifetime(unsigned status, const struct header_list *fields,
                                           const struct cache_control *cc, bool targeted,
                                           const struct cache_ttls *ttls, int64_t response_time)
{
    const struct header *expires = targeted ? NULL : header_find(fields, HEADER_EXPIRES);
    bool may_guess = cache_fresh_may_guess(status) || (cc->set & CACHE_CONTROL_PUBLIC);
    int64_t seconds;

    if (cc->s_maxage >= 0)
        return (struct cache_lifetime){cc->s_maxage, CACHE_SOURCE_S_MAXAGE};
    if (cc->max_age >= 0)
        return (struct cache_lifetime){cc->max_age, CACHE_SOURCE_MAX_AGE};
    if (expires)
        return (struct cache_lifetime){until_expires(fields, expires, response_time), CACHE_SOURCE_EXPIRES};
    if (from_setting(status, ttls, may_guess, &seconds))
        return (struct cache_lifetime){clamp(seconds), CACHE_SOURCE_SETTING};
    if (may_guess && from_last_modified(fields, response_time, &seconds))
        return (struct cache_lifetime){seconds, CACHE_SOURCE_GUESS};
    return (struct cache_lifetime){0, CACHE_SOURCE_NONE};
}

struct str cache_source_text(enum cache_source source)
{
    static const char *const texts[] = {
        [CACHE_SOURCE_NONE] = "nothing",
        [CACHE_SOURCE_S_MAXAGE] = "s-maxage",
        [CACHE_SOURCE_MAX_AGE] = "max-age",
        [CACHE_SOURCE_EXPIRES] = "Expires",
        [CACHE_SOURCE_SETTING] = "the settings of the cache",
        [CACHE_SOURCE_GUESS] = "a tenth of the time since Last-Modified",
    };

    return str_of(source < ARRAY_SIZE(texts) ? texts[source] : texts[CACHE_SOURCE_NONE]);
}
