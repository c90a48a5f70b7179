/* settings_cache.c: the tables of `caches` and of `cache` on routes, which share most of their rows. */
#include "core/config/settings_cache.h"

#include "core/config/settings.h"

const char *const settings_cache_methods[] = {"GET", "HEAD", NULL};
const char *const settings_set_cookie_names[] = {"refuse", "strip", "store", NULL};
static const char *const paths[] = {"memory", NULL};

#define AT(member) .offset = offsetof(struct cache_ttl_settings, member)
static const struct conf_row ttl_rows[] = {
    {.name = "status", .type = CONF_STATUS, AT(status), .flags = CONF_LIST | CONF_REQUIRED,
     .doc = "Statuses, or ranges of them."},
    {.name = "ttl", .type = CONF_DURATION, AT(ttl), .flags = CONF_REQUIRED,
     .doc = "How long; 0 is not at all: such an answer is not stored unless it says so itself."},
};
#undef AT
const struct conf_group settings_cache_ttl_group = {
    "an element of 'ttl'", sizeof(struct cache_ttl_settings), ttl_rows, ARRAY_SIZE(ttl_rows), NULL, true};

#define AT(member) .offset = offsetof(struct cache_settings, member)

static const struct conf_row rows[] = {
    {.name = "name", .type = CONF_STRING, AT(name),
     .doc = "Of the cache: for `cache`, `purge` and reports. In `cache` of a route the one that is used; what is written "
            "beside it, here or at an outer level, holds there instead of what the cache says."},
    {.name = "path", .type = CONF_PATH, AT(path), .flags = CONF_REQUIRED, .scopes = SCOPE_CACHE, .choices = paths,
     .doc = "The directory of its files, which is made if it is not there, and for no other use; it outlasts restarts. "
            "\"memory\": none on disk; what is kept is lost with the instance."},
    {.name = "size", .type = CONF_SIZE, AT(size), .flags = CONF_REQUIRED, .scopes = SCOPE_CACHE, .min = 1 << 20,
     .max = INT64_C(1) << 50, .doc = "Of all files; a twentieth more may be there for a moment."},
    {.name = "memory", .type = CONF_SIZE, AT(memory), .scopes = SCOPE_CACHE, .fallback = "\"64m\"", .min = 0,
     .max = INT64_C(1) << 40, .doc = "In which all workers together hold what is asked for most; 0 is none."},

    /* What makes an object. */
    {.name = "key", .type = CONF_TEMPLATE, AT(key), .fallback = "\"$scheme$host$uri\"",
     .doc = "What tells one object from another; purges name it as it comes out. Here $host has the port behind it "
            "where the client names another than its scheme's. The key of RFC 9111 2 is the whole URI: whatever else "
            "servers answer by, be it in the key or in the Vary of their answers, or one client gets what is meant for "
            "another. Fields by which many servers change host, path or method (X-Forwarded-Prefix, X-Host, "
            "X-Original-URL, X-HTTP-Method-Override and others) are not passed on with a cache unless they are in the "
            "key or in request_headers; `weir explain` names them."},
    {.name = "ignore_query", .type = CONF_STRING, AT(ignore_query), .flags = CONF_LIST,
     .doc = "Arguments of the query that the key goes without: names, \"PREFIX*\", or \"*\" for all. Overrides RFC 9111 "
            "2: requests that differ in them alone get each other's answers, so that they must change nothing; they are "
            "forwarded all the same."},
    {.name = "sort_query", .type = CONF_BOOL, AT(sort_query), .fallback = "false",
     .doc = "The key has the arguments in the order of their names. Overrides RFC 9111 2 for servers that go by the "
            "order in which different names stand."},
    {.name = "ignore_vary", .type = CONF_STRING, AT(ignore_vary), .flags = CONF_LIST,
     .doc = "Fields in Vary that are looked over. Overrides RFC 9111 4.1: an answer that was chosen by the field of one "
            "client is given to all."},

    /* For how long. */
    {.name = "default_ttl", .type = CONF_DURATION, AT(default_ttl), .flags = CONF_OFF, .fallback = "false",
     .doc = "How long an answer is fresh that does not say so and whose status may be kept all the same (RFC 9110 "
            "15.1). Overrides the guess of RFC 9111 4.2.2, which is a tenth of the time since Last-Modified, at most a "
            "day; private, no-store and Authorization count as ever."},
    {.name = "ttl", .type = CONF_GROUP, AT(ttl), .flags = CONF_LIST, .group = &settings_cache_ttl_group,
     .doc = "The same by status; the first that has it counts, before default_ttl. Overrides RFC 9111 3 where the "
            "status may not be kept without being told: with 500-599 the error of one moment is everybody's for so "
            "long."},
    {.name = "stale_while_revalidate", .type = CONF_DURATION, AT(stale_while_revalidate), .flags = CONF_OFF,
     .fallback = "false",
     .doc = "How long an answer that is no longer fresh is given out while it is fetched anew, unless it says so itself "
            "(RFC 5861 3). RFC 9111 4.2.4 lets only the server allow that, which this does for it; must-revalidate, "
            "proxy-revalidate, s-maxage and no-cache forbid it all the same."},
    {.name = "stale_if_error", .type = CONF_DURATION, AT(stale_if_error), .flags = CONF_OFF, .fallback = "false",
     .doc = "How long one is given out when no server answers, or with 500, 502, 503 or 504, unless it says so itself "
            "(RFC 5861 4). Said for the server, and forbidden, as with stale_while_revalidate."},

    /* Who fetches. */
    {.name = "lock", .type = CONF_BOOL, AT(lock), .fallback = "true",
     .doc = "Of the requests for what is not there one goes to a server, in all workers, and the others wait for what it "
            "gets (RFC 9111 4)."},
    {.name = "lock_timeout", .type = CONF_DURATION, AT(lock_timeout), .fallback = "\"5s\"", .min = 1, .max = 3600000,
     .doc = "How long they wait before they go themselves."},
    {.name = "hit_for_miss", .type = CONF_DURATION, AT(hit_for_miss), .fallback = "\"5s\"", .min = 0, .max = 86400000,
     .doc = "How long after an answer that may not be stored nobody waits for its like; 0 is none."},

    /* What is kept, and what is given out. */
    {.name = "max_object", .type = CONF_SIZE, AT(max_object), .min = 1, .max = INT64_MAX,
     .doc = "Larger answers are not stored; an eighth of the cache's size when not set."},
    {.name = "max_variants", .type = CONF_INT, AT(max_variants), .fallback = "64", .min = 1, .max = 65536,
     .doc = "Answers to one key that Vary tells apart, at most."},
    {.name = "min_uses", .type = CONF_INT, AT(min_uses), .fallback = "1", .min = 1, .max = 15,
     .doc = "The request for an object, of those not long ago, whose answer is the first to be stored."},
    {.name = "methods", .type = CONF_ENUM, AT(methods), .flags = CONF_LIST, .choices = settings_cache_methods,
     .fallback = "[ \"GET\", \"HEAD\" ]",
     .doc = "What is answered from the cache; HEAD is from what GET got. Others never are, and unsafe ones drop what is "
            "kept of their URI (RFC 9111 4.4)."},
    {.name = "bypass", .type = CONF_GROUP, AT(bypass), .flags = CONF_LIST, .group = &settings_condition_group,
     .doc = "Requests for which one of these conditions holds are answered by a server whatever is kept; its answer is "
            "stored."},
    {.name = "no_store", .type = CONF_GROUP, AT(no_store), .flags = CONF_LIST, .group = &settings_condition_group,
     .enters = SCOPE_LOG,
     .doc = "Answers for which one of these conditions, of the request or of the answer, holds are not stored; what is "
            "kept is given out."},
    {.name = "set_cookie", .type = CONF_ENUM, AT(set_cookie), .choices = settings_set_cookie_names,
     .fallback = "\"refuse\"",
     .doc = "An answer with Set-Cookie is not stored (\"refuse\"); is stored without the field (\"strip\"); is stored "
            "with it (\"store\"). RFC 9111 7.3 has it stored: then everybody gets the cookie of one client, and often "
            "the session; \"refuse\" and \"strip\" are stricter."},
    {.name = "tags_header", .type = CONF_STRING, AT(tags_header),
     .doc = "The field in which answers name their tags, with blanks or commas between, by which they can be purged; "
            "clients get it too."},
};
#undef AT
const struct conf_group settings_cache_group = {"a cache", sizeof(struct cache_settings), rows, ARRAY_SIZE(rows), NULL,
                                                false};
const struct conf_group settings_cache_use_group = {"'cache'", sizeof(struct cache_settings), rows, ARRAY_SIZE(rows),
                                                    "name", false};
