/* cache_policy.c: see cache_policy.h. */
#include "http/cache_policy.h"

#include "http/cache_target.h"
#include "http/cache_vary.h"
#include "http/etag.h"

/* A stale response that can be validated is kept for so long: most are asked for again within a day, or
 * never. */
#define VALIDATE_FOR 86400

/* What the response says, from whichever field counts. */
struct said {
    struct cache_control cc;
    bool targeted;
};

static void read_said(const struct header_list *fields, struct said *said)
{
    said->targeted = cache_target_read(fields, &said->cc).len > 0;
    if (!said->targeted)
        cache_control_read(fields, &said->cc);
}

static enum cache_reason judge_request(const struct cache_exchange *x)
{
    struct cache_control asked;

    if (!str_eq(x->request->method, STR("GET"))) {
        if (!x->is_of_get)
            return str_eq(x->request->method, STR("HEAD")) ? CACHE_REASON_HEAD : CACHE_REASON_METHOD;
    } else if (x->request_body) {
        return CACHE_REASON_REQUEST_BODY;
    }
    if (cache_control_read(&x->request->headers, &asked) && (asked.set & CACHE_CONTROL_NO_STORE))
        return CACHE_REASON_REQUEST_NO_STORE;
    return CACHE_REASON_NONE;
}

/*
 * Statuses that answer what is in one request beside its target: its condition, range, credentials, size or
 * rate (RFC 9110 15.5, RFC 6585, RFC 8470).  Stored, they would be an attacker's way to put an error before
 * others.
 */
static bool is_of_request(unsigned status)
{
    switch (status) {
    case 304:
    case 407:
    case 408:
    case 412:
    case 413:
    case 416:
    case 417:
    case 421:
    case 425:
    case 426:
    case 428:
    case 429:
    case 431:
    case 511:
        return true;
    default:
        return false;
    }
}

static enum cache_reason judge_status(unsigned status, unsigned set)
{
    if (status < 200)
        return CACHE_REASON_STATUS_INTERIM;
    if (status == 206)
        return CACHE_REASON_STATUS_PARTIAL;
    if (is_of_request(status))
        return CACHE_REASON_STATUS_REQUEST;
    if ((set & CACHE_CONTROL_MUST_UNDERSTAND) && str_eq(status_reason(status), STR("Unknown")))
        return CACHE_REASON_STATUS_UNKNOWN;
    return CACHE_REASON_NONE;
}

static enum cache_reason judge_directives(const struct cache_exchange *x, const struct cache_control *cc)
{
    if (cc->set & CACHE_CONTROL_BROKEN)
        return CACHE_REASON_BROKEN;
    /* must-understand by a cache that does takes the place of no-store (RFC 9111 5.2.2.3). */
    if ((cc->set & CACHE_CONTROL_NO_STORE) && !(cc->set & CACHE_CONTROL_MUST_UNDERSTAND))
        return CACHE_REASON_NO_STORE;
    if (cc->set & CACHE_CONTROL_PRIVATE)
        return CACHE_REASON_PRIVATE;
    if (header_find(&x->request->headers, HEADER_AUTHORIZATION) && cc->s_maxage < 0 &&
        !(cc->set & (CACHE_CONTROL_PUBLIC | CACHE_CONTROL_MUST_REVALIDATE)))
        return CACHE_REASON_AUTHORIZATION;
    return CACHE_REASON_NONE;
}

static enum cache_reason judge_cookie(const struct cache_exchange *x, const struct cache_keep *keep)
{
    if (keep->set_cookie != CACHE_SET_COOKIE_REFUSE || !header_find(x->fields, HEADER_SET_COOKIE))
        return CACHE_REASON_NONE;
    /* What is left out when storing sets nobody's cookie. */
    if (cache_control_names(keep->private_fields, STR("Set-Cookie")) ||
        cache_control_names(keep->no_cache_fields, STR("Set-Cookie")))
        return CACHE_REASON_NONE;
    return CACHE_REASON_SET_COOKIE;
}

static bool has_validator(const struct header_list *fields, int64_t response_time)
{
    const struct header *tag = header_find(fields, HEADER_ETAG);
    const struct header *modified = header_find(fields, HEADER_LAST_MODIFIED);
    int64_t at;

    return (tag && etag_in_list(tag->value, tag->value, false)) ||
           (modified && cache_fresh_date(modified->value, response_time, &at) == 0);
}

/* Stale use (RFC 9111 4.2.4): never against must-revalidate; against s-maxage, which says the same in
   passing, only by what the response itself says next to it. */
static void set_windows(struct cache_facts *facts, const struct cache_control *cc,
                        const struct cache_rules *rules)
{
    bool must = cc->set & (CACHE_CONTROL_MUST_REVALIDATE | CACHE_CONTROL_PROXY_REVALIDATE);
    bool settings = !must && cc->s_maxage < 0 && facts->lifetime > 0;

    if (must || cc->s_maxage >= 0)
        facts->flags |= CACHE_FACT_MUST_REVALIDATE;
    facts->stale_while_revalidate = settings ? rules->stale_while_revalidate : 0;
    facts->stale_if_error = settings ? rules->stale_if_error : 0;
    if (!must && cc->stale_while_revalidate >= 0)
        facts->stale_while_revalidate = cc->stale_while_revalidate;
    if (!must && cc->stale_if_error >= 0)
        facts->stale_if_error = cc->stale_if_error;
}

static void set_facts(const struct cache_exchange *x, const struct said *said,
                      const struct cache_rules *rules, struct cache_facts *facts)
{
    struct cache_lifetime lifetime =
        cache_fresh_lifetime(x->status, x->fields, &said->cc, said->targeted, &rules->ttls, x->response_time);

    *facts = (struct cache_facts){
        .response_time = x->response_time,
        .initial_age =
            cache_fresh_initial_age(x->answer ? x->answer : x->fields, x->request_time, x->response_time),
        .lifetime = lifetime.seconds,
        .source = lifetime.source,
    };
    if (has_validator(x->fields, x->response_time))
        facts->flags |= CACHE_FACT_VALIDATOR;
    set_windows(facts, &said->cc, rules);
    /* What was never fresh may be one client's own page: no client and no failure makes it another's. */
    if ((said->cc.set & CACHE_CONTROL_NO_CACHE) ||
        (facts->lifetime == 0 && facts->stale_while_revalidate == 0 && facts->stale_if_error == 0))
        facts->flags |= CACHE_FACT_NO_CACHE;
}

/* A response is only worth its place if it can be used at least once. */
static enum cache_reason judge_use(const struct cache_exchange *x, const struct said *said,
                                   const struct cache_facts *facts)
{
    if (facts->source == CACHE_SOURCE_NONE && !cache_fresh_may_guess(x->status) &&
        !(said->cc.set & CACHE_CONTROL_PUBLIC))
        return CACHE_REASON_STATUS_DEFAULT;
    if (facts->flags & CACHE_FACT_VALIDATOR)
        return CACHE_REASON_NONE;
    if (facts->source == CACHE_SOURCE_NONE)
        return CACHE_REASON_NO_FRESHNESS;
    if (said->cc.set & CACHE_CONTROL_NO_CACHE)
        return CACHE_REASON_NO_VALIDATOR;
    if (facts->lifetime + facts->stale_while_revalidate <= facts->initial_age &&
        facts->lifetime + facts->stale_if_error <= facts->initial_age)
        return CACHE_REASON_ALREADY_STALE;
    return CACHE_REASON_NONE;
}

enum cache_reason cache_policy_store(const struct cache_exchange *x, const struct cache_rules *rules,
                                     struct cache_facts *facts, struct cache_keep *keep)
{
    enum cache_reason reason = judge_request(x);
    struct said said;

    if (reason)
        return reason;
    read_said(x->fields, &said);
    *keep = (struct cache_keep){said.cc.no_cache_fields, said.cc.private_fields, rules->set_cookie};
    reason = judge_status(x->status, said.cc.set);
    if (!reason)
        reason = judge_directives(x, &said.cc);
    if (!reason)
        reason = judge_cookie(x, keep);
    if (!reason)
        reason = cache_vary_check(x->fields, rules->ignore_vary);
    if (reason)
        return reason;
    set_facts(x, &said, rules, facts);
    return judge_use(x, &said, facts);
}

enum cache_reason cache_policy_update(const struct cache_exchange *x, const struct header_list *stored,
                                      const struct cache_rules *rules, struct cache_facts *facts,
                                      struct header_list *to)
{
    struct cache_keep keep = {.set_cookie = rules->set_cookie};
    struct cache_exchange merged = *x;
    enum cache_reason reason;

    if (cache_update_merge(stored, x->fields, &keep, x->response_time, to) < 0)
        return CACHE_REASON_FIELDS;
    merged.fields = to;
    merged.answer = x->fields;
    reason = cache_policy_store(&merged, rules, facts, &keep);
    if (!reason)
        cache_update_drop(to, &keep);
    return reason;
}

int64_t cache_policy_age(const struct cache_facts *facts, int64_t now)
{
    /* A clock that was set back makes nothing younger than it came. */
    int64_t resident = now > facts->response_time ? now - facts->response_time : 0;
    int64_t age = facts->initial_age + resident;

    return age < CACHE_DELTA_MAX ? age : CACHE_DELTA_MAX;
}

static struct cache_verdict ask(const struct cache_control *asked, enum cache_reason reason)
{
    if (asked && (asked->set & CACHE_CONTROL_ONLY_IF_CACHED))
        return (struct cache_verdict){CACHE_USE_TIMEOUT, CACHE_REASON_ONLY_IF_CACHED};
    return (struct cache_verdict){CACHE_USE_REVALIDATE, reason};
}

/* What the client wants beyond freshness (RFC 9111 5.2.1). */
static enum cache_reason judge_asked(const struct cache_control *asked, int64_t age, int64_t ttl)
{
    if (asked->set & CACHE_CONTROL_NO_CACHE)
        return CACHE_REASON_REQUEST_NO_CACHE;
    /* max-age=0 is how a client asks for validation, whatever the age in whole seconds. */
    if (asked->max_age == 0 || (asked->max_age > 0 && age > asked->max_age))
        return CACHE_REASON_REQUEST_MAX_AGE;
    if (asked->min_fresh >= 0 && ttl < asked->min_fresh)
        return CACHE_REASON_REQUEST_MIN_FRESH;
    return CACHE_REASON_NONE;
}

static struct cache_verdict judge_stale(const struct cache_facts *facts, const struct cache_control *asked,
                                        int64_t stale_for)
{
    if (stale_for < facts->stale_while_revalidate)
        return (struct cache_verdict){CACHE_USE_STALE, CACHE_REASON_WHILE_REVALIDATE};
    if (facts->flags & CACHE_FACT_MUST_REVALIDATE)
        return ask(asked, CACHE_REASON_MUST_REVALIDATE);
    if (asked && asked->max_stale >= 0 && stale_for <= asked->max_stale)
        return (struct cache_verdict){CACHE_USE_STALE, CACHE_REASON_MAX_STALE};
    return ask(asked, CACHE_REASON_STALE);
}

struct cache_verdict cache_policy_use(const struct cache_facts *facts, const struct cache_control *asked,
                                      int64_t now)
{
    int64_t age = cache_policy_age(facts, now), ttl = facts->lifetime - age;
    enum cache_reason reason;

    if (facts->flags & CACHE_FACT_NO_CACHE)
        return ask(asked, CACHE_REASON_NO_CACHE);
    if (asked) {
        reason = judge_asked(asked, age, ttl);
        if (reason)
            return ask(asked, reason);
    }
    if (ttl > 0)
        return (struct cache_verdict){CACHE_USE_FRESH, CACHE_REASON_FRESH};
    return judge_stale(facts, asked, -ttl);
}

struct cache_verdict cache_policy_absent(const struct cache_control *asked)
{
    return ask(asked, CACHE_REASON_ABSENT);
}

bool cache_policy_is_error(unsigned status)
{
    return status == 500 || (status >= 502 && status <= 504);
}

bool cache_policy_may_serve_error(const struct cache_facts *facts, const struct cache_control *asked,
                                  int64_t now)
{
    int64_t ttl = cache_policy_ttl(facts, now), window = facts->stale_if_error;

    if (facts->flags & CACHE_FACT_NO_CACHE)
        return false;
    if (!(facts->flags & CACHE_FACT_MUST_REVALIDATE) && asked && asked->stale_if_error > window)
        window = asked->stale_if_error;
    return ttl > 0 || -ttl < window;
}

int64_t cache_policy_useful_until(const struct cache_facts *facts)
{
    int64_t after = facts->flags & CACHE_FACT_VALIDATOR ? VALIDATE_FOR : 0;

    if (after < facts->stale_while_revalidate)
        after = facts->stale_while_revalidate;
    if (after < facts->stale_if_error)
        after = facts->stale_if_error;
    return facts->response_time - facts->initial_age + facts->lifetime + after;
}
