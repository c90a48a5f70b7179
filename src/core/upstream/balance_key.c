/* balance_key.c: see balance_key.h. */
#include "core/upstream/balance_key.h"

#include "base/hash.h"
#include "core/var.h"
#include "http/cookie.h"

bool balance_has_key(enum balance_method method)
{
    /* Without a default, so that the compiler asks for the next method that there is. */
    switch (method) {
    case BALANCE_SOURCE:
    case BALANCE_URI:
    case BALANCE_URL_PARAM:
    case BALANCE_HEADER:
    case BALANCE_RDP_COOKIE:
    case BALANCE_HASH:
        return true;
    case BALANCE_ROUND_ROBIN:
    case BALANCE_STATIC_RR:
    case BALANCE_LEAST_CONN:
    case BALANCE_LEAST_TIME:
    case BALANCE_RANDOM:
    case BALANCE_LEAST_PENDING:
    case BALANCE_FIRST:
    case BALANCE_METHODS:
        break;
    }
    return false;
}

bool balance_wants_head(const struct upstream *upstream)
{
    switch (upstream->balance) {
    case BALANCE_URI:
    case BALANCE_URL_PARAM:
    case BALANCE_HEADER:
    case BALANCE_RDP_COOKIE:
        return true;
    case BALANCE_HASH:
        return upstream->balance_conf.key && template_wants_head(upstream->balance_conf.key);
    case BALANCE_SOURCE:
    case BALANCE_ROUND_ROBIN:
    case BALANCE_STATIC_RR:
    case BALANCE_LEAST_CONN:
    case BALANCE_LEAST_TIME:
    case BALANCE_RANDOM:
    case BALANCE_LEAST_PENDING:
    case BALANCE_FIRST:
    case BALANCE_METHODS:
        break;
    }
    return false;
}

static struct str key_of_source(const struct request *req)
{
    char text[ADDR_TEXT_MAX];

    if (req->client.len == 0)
        return STR_NONE;
    return pool_str(req->pool, addr_print_ip(&req->client, text));
}

/* The first `depth` segments of the path and of these `length` bytes. */
static struct str key_of_uri(const struct balance_conf *conf, const struct request *req)
{
    struct str key = req->path;
    unsigned slashes = 0;

    if (conf->whole && req->has_query)
        key = pool_printf(req->pool, "%.*s?%.*s", STR_ARG(req->path), STR_ARG(req->query));
    for (size_t i = 0; conf->depth > 0 && i < key.len && key.s[i] != '?'; i++) {
        slashes += key.s[i] == '/';
        if (slashes > conf->depth)
            key.len = i;
    }
    if (conf->length > 0 && key.len > conf->length)
        key.len = conf->length;
    return key;
}

/* The value of the first parameter of that name, as it came. */
static struct str key_of_param(struct str query, struct str name)
{
    while (query.len > 0) {
        const char *end = memchr(query.s, '&', query.len);
        size_t len = end ? (size_t)(end - query.s) : query.len;

        if (len > name.len && query.s[name.len] == '=' && memcmp(query.s, name.s, name.len) == 0)
            return (struct str){query.s + name.len + 1, len - name.len - 1};
        if (!end)
            break;
        query = (struct str){end + 1, query.len - len - 1};
    }
    return STR_NONE;
}

static struct str key_of_cookie(const struct header_list *fields, struct str name)
{
    struct cookie_walk walk = {.fields = fields};
    struct cookie cookie;

    while (cookie_next(&walk, &cookie))
        if (str_eq(cookie.name, name))
            return cookie.value;
    return STR_NONE;
}

static struct str key_of(const struct upstream *upstream, struct request *req)
{
    const struct balance_conf *conf = &upstream->balance_conf;
    const struct header *header;

    switch (upstream->balance) {
    case BALANCE_SOURCE: return key_of_source(req);
    case BALANCE_URI: return key_of_uri(conf, req);
    case BALANCE_URL_PARAM: return key_of_param(req->query, conf->name);
    case BALANCE_RDP_COOKIE: return key_of_cookie(&req->head.headers, conf->name);
    case BALANCE_HASH: return template_expand(conf->key, req);
    case BALANCE_HEADER:
        header = header_find_name(&req->head.headers, conf->name);
        return header ? header->value : STR_NONE;
    default: return STR_NONE;
    }
}

struct str balance_key(const struct upstream *upstream, struct request *req)
{
    struct str key = req ? key_of(upstream, req) : STR_NONE;

    return key.len > 0 ? key : STR_NONE;
}

uint64_t balance_hash(struct str text)
{
    /* Any number will do, as long as it never changes. */
    static const struct hash_key key = {UINT64_C(0x7765697262616c61), UINT64_C(0x6e63656b65790001)};

    return hash_bytes(&key, text.s, text.len);
}

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t balance_hash_next(uint64_t hash, unsigned nth)
{
    uint64_t z = hash + nth * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
