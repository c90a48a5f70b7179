/*
 * fuzz_cache_control.c: what the cache's rules read from fields.  The lines of the input are lines of
 * Cache-Control, of CDN-Cache-Control and of Vary at once; the whole of it is also a query, a date, a
 * Content-Range and a Location.
 */
#include "fuzz.h"
#include "http/cache_fresh.h"
#include "http/cache_invalidate.h"
#include "http/cache_key.h"
#include "http/cache_partial.h"
#include "http/cache_policy.h"
#include "http/cache_target.h"
#include "http/cache_vary.h"

const char *const fuzz_tokens[] = {
    "max-age=",
    "s-maxage=",
    "no-store",
    "no-cache",
    "private",
    "no-cache=\"a, b\"",
    "private=\"",
    "must-understand",
    "max-stale",
    "min-fresh=",
    "stale-while-revalidate=",
    "stale-if-error=",
    "public",
    "99999999999",
    "-1",
    "1.5",
    "\"",
    "\\\"",
    ",",
    ", ",
    "=",
    " =",
    "\n",
    "\t",
    "?0",
    "?1",
    ":aGk=:",
    "(",
    ")",
    ";a=1",
    "*",
    "Accept-Encoding",
    "accept-language",
    "X-Forwarded-For",
    "&",
    "utm_a=1",
    "bytes 0-4/10",
    "bytes */",
    "/*",
    "//example.com/",
    "https:",
    "../",
    "?",
    "#",
    ":443",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "sUNDAY, 06-nov-94 08:49:37 gmt",
    NULL,
};

static const struct str ignored_rows[] = {{"utm_*", 5}, {"x", 1}};
static const struct cache_names ignored = {ignored_rows, ARRAY_SIZE(ignored_rows)};

static void check_seconds(int64_t seconds)
{
    CLAIM(seconds >= -1 && seconds <= CACHE_DELTA_MAX);
}

static void check_control(const struct cache_control *cc, struct str in)
{
    check_seconds(cc->max_age);
    check_seconds(cc->s_maxage);
    check_seconds(cc->stale_while_revalidate);
    check_seconds(cc->stale_if_error);
    check_seconds(cc->min_fresh);
    check_seconds(cc->max_stale);
    CLAIM(fuzz_is_inside(cc->no_cache_fields, in) && fuzz_is_inside(cc->private_fields, in));
}

/* A line more takes nothing back. */
static void check_stricter(const struct cache_control *before, const struct cache_control *after)
{
    CLAIM((before->set & ~after->set) == 0);
    CLAIM(before->max_age < 0 || (after->max_age >= 0 && after->max_age <= before->max_age));
    CLAIM(before->max_stale < 0 || (after->max_stale >= 0 && after->max_stale <= before->max_stale));
    CLAIM(after->min_fresh >= before->min_fresh);
}

/* Case changes nothing (RFC 9111 5.2). */
static void check_case(const struct cache_control *cc, struct str line, struct pool *pool)
{
    char *upper = pool_text(pool, line.len + 1);
    struct cache_control other;

    for (size_t i = 0; i < line.len; i++)
        upper[i] = line.s[i] >= 'a' && line.s[i] <= 'z' ? (char)(line.s[i] - 32) : line.s[i];
    cache_control_init(&other);
    cache_control_add(&other, (struct str){upper, line.len});
    CLAIM(other.set == cc->set && other.max_age == cc->max_age && other.max_stale == cc->max_stale);
    CLAIM(other.private_fields.len == cc->private_fields.len);
}

/* The fields that the rules look at; a line stands as the value of each, or of one after the other. */
static const uint8_t ids[] = {HEADER_CACHE_CONTROL, HEADER_ETAG,  HEADER_EXPIRES,    HEADER_VARY,
                              HEADER_LAST_MODIFIED, HEADER_DATE,  HEADER_CONNECTION, HEADER_ACCEPT_LANGUAGE,
                              HEADER_AGE,           HEADER_OTHER, HEADER_SET_COOKIE, HEADER_ACCEPT_ENCODING};

/* -1: the list is full. */
static int add_field(struct header_list *fields, enum header_id id, struct str line)
{
    if (id == HEADER_OTHER)
        return header_add(fields, STR("CDN-Cache-Control"), line);
    return header_add_known(fields, id, line);
}

static int add_fields(struct header_list *fields, struct str line)
{
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        if (add_field(fields, (enum header_id)ids[i], line) < 0)
            return -1;
    }
    return 0;
}

static void check_lines(struct str in, struct header_list *fields, struct pool *pool)
{
    struct cache_control all, one, before;
    struct str rest = in;

    cache_control_init(&all);
    while (rest.len) {
        struct str line = str_trim(fuzz_line(&rest));

        cache_control_init(&one);
        cache_control_add(&one, line);
        check_control(&one, in);
        check_case(&one, line, pool);
        before = all;
        cache_control_add(&all, line);
        check_stricter(&before, &all);
        if (add_fields(fields, line) < 0)
            return;
    }
    cache_control_read(fields, &one);
    CLAIM(one.set == all.set && one.max_age == all.max_age && one.s_maxage == all.s_maxage);
}

static void check_vary(const struct header_list *fields, struct pool *pool)
{
    struct header_list again;
    struct str names;

    if (cache_vary_check(fields, &ignored) != CACHE_REASON_NONE)
        return;
    names = cache_vary_names(fields, &ignored, pool);
    header_list_init(&again, pool, 1);
    CLAIM(header_add_known(&again, HEADER_VARY, names) == 0);
    CLAIM(cache_vary_check(&again, &ignored) == CACHE_REASON_NONE);
    CLAIM(str_eq(cache_vary_names(&again, &ignored, pool), names));
    CLAIM((cache_vary_key(names, fields, pool).len == 0) == (names.len == 0));
}

static void check_kept(const struct header_list *kept)
{
    CLAIM(!header_find(kept, HEADER_AGE) && !header_find(kept, HEADER_CONNECTION));
    CLAIM(header_count(kept, HEADER_DATE) >= 1);
}

/* What is stored can be used, and is used less and less as time goes by; what a 304 makes of it is sound. */
static void check_policy(struct str in, struct pool *pool)
{
    struct header_list response;
    const struct header_list *fields = &response;
    struct cache_rules rules = {.ttls = {NULL, 0, 60}, .stale_while_revalidate = 5, .stale_if_error = 9};
    struct message request = {.method = STR("GET")};
    struct cache_exchange x = {&request, false, false, 200, fields, NULL, 784111776, 784111777};
    struct cache_keep keep;
    struct cache_facts facts;
    struct header_list kept, merged;
    enum cache_use last = CACHE_USE_FRESH;

    header_list_init(&response, pool, ARRAY_SIZE(ids) * 2);
    for (size_t i = 0; in.len && i < ARRAY_SIZE(ids) * 2; i++)
        CLAIM(add_field(&response, (enum header_id)ids[i % ARRAY_SIZE(ids)], str_trim(fuzz_line(&in))) == 0);
    if (cache_policy_store(&x, &rules, &facts, &keep) != CACHE_REASON_NONE)
        return;
    CLAIM(facts.lifetime >= 0 && facts.lifetime <= CACHE_DELTA_MAX);
    CLAIM(facts.initial_age >= 1 && facts.initial_age <= CACHE_DELTA_MAX);
    for (int64_t after = 1; after < CACHE_DELTA_MAX; after *= 2) {
        enum cache_use use = cache_policy_use(&facts, NULL, x.response_time + after).use;

        CLAIM(use >= last && use <= CACHE_USE_REVALIDATE);
        last = use;
    }
    header_list_init(&kept, pool, fields->count + 1);
    CLAIM(cache_update_keep(fields, &keep, x.response_time, &kept) == 0);
    check_kept(&kept);
    header_list_init(&merged, pool, kept.count + fields->count + 1);
    CLAIM(cache_policy_update(&x, &kept, &rules, &facts, &merged) != CACHE_REASON_FIELDS);
    check_kept(&merged);
}

static void check_query(struct str in, struct pool *pool)
{
    struct str kept = cache_key_query(in, &ignored, false, pool),
               sorted = cache_key_query(in, &ignored, true, pool);

    CLAIM(kept.len <= in.len && sorted.len <= in.len);
    CLAIM(str_eq(cache_key_query(kept, &ignored, false, pool), kept));
    CLAIM(str_eq(cache_key_query(sorted, &ignored, true, pool), sorted));
    CLAIM(str_eq(cache_key_query(kept, NULL, true, pool), sorted) || kept.len == 0);
}

static void check_whole(struct str in, struct pool *pool)
{
    struct cache_place place = {STR("https"), STR("example.com"), STR("/a/b?c")};
    struct cache_piece piece;
    struct range range;
    struct str target;
    int64_t seconds;

    if (cache_fresh_date(in, 784111777, &seconds) == 0)
        CLAIM(in.len <= 33);
    if (cache_partial_read(in, &piece) == 0) {
        CLAIM(piece.first <= piece.last && piece.last < piece.size);
        if (cache_partial_serves(&piece, STR("bytes=2-3"), &range))
            CLAIM(range.first >= piece.first && range.last <= piece.last);
    }
    piece = (struct cache_piece){2, 7, 10};
    if (cache_partial_serves(&piece, in, &range))
        CLAIM(range.first >= 2 && range.last <= 7 && range.first <= range.last);
    if (cache_invalidate_resolve(&place, in, pool, &target))
        CLAIM(target.len > 0 && target.s[0] == '/' && memchr(target.s, '#', target.len) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pool *pool = pool_new(4096);
    char *copy = fuzz_copy((struct str){(const char *)data, size});
    struct str in = {copy, size};
    struct header_list fields;
    struct cache_control cc;

    header_list_init(&fields, pool, 100);
    check_lines(in, &fields, pool);
    if (cache_target_read(&fields, &cc).len)
        check_control(&cc, in);
    check_vary(&fields, pool);
    check_policy(in, pool);
    check_query(in, pool);
    check_whole(in, pool);
    pool_free(pool);
    free(copy);
    return 0;
}
