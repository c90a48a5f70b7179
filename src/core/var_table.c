/* var_table.c: see var_table.h. */
#include "core/var_table.h"

#include "core/client/conn.h"
#include "core/tls/tls_fact.h"
#include "core/worker.h"
#include "http/cookie.h"
#include "io/tls.h"

struct var_name {
    const char *name;
    enum var_kind kind;
    enum var_scope scope;
    bool of_head; /* struct var */
};

static const struct var_name var_names[] = {
    {"host", VAR_HOST, VAR_REQUEST, true},
    {"method", VAR_METHOD, VAR_REQUEST, true},
    {"uri", VAR_URI, VAR_REQUEST, true},
    {"path", VAR_PATH, VAR_REQUEST, true},
    {"query", VAR_QUERY, VAR_REQUEST, true},
    {"scheme", VAR_SCHEME, VAR_REQUEST, true},
    {"remote_addr", VAR_REMOTE_ADDR, VAR_REQUEST, false},
    {"remote_port", VAR_REMOTE_PORT, VAR_REQUEST, false},
    {"remote_user", VAR_REMOTE_USER, VAR_REQUEST, true},
    {"server_addr", VAR_SERVER_ADDR, VAR_REQUEST, false},
    {"server_port", VAR_SERVER_PORT, VAR_REQUEST, false},
    {"request_id", VAR_REQUEST_ID, VAR_REQUEST, false},
    {"protocol", VAR_PROTOCOL, VAR_REQUEST, false},
    {"time", VAR_TIME, VAR_REQUEST, false},
    {"site", VAR_SITE, VAR_REQUEST, false},
    {"route", VAR_ROUTE, VAR_REQUEST, false},
    {"status", VAR_STATUS, VAR_RESPONSE, false},
    {"duration", VAR_DURATION, VAR_RESPONSE, false},
    {"bytes_sent", VAR_BYTES_SENT, VAR_RESPONSE, false},
    {"bytes_received", VAR_BYTES_RECEIVED, VAR_RESPONSE, false},
    {"upstream_addr", VAR_UPSTREAM_ADDR, VAR_RESPONSE, false},
    {"upstream_status", VAR_UPSTREAM_STATUS, VAR_RESPONSE, true},
    {"upstream_duration", VAR_UPSTREAM_DURATION, VAR_RESPONSE, false},
    {"queue_duration", VAR_QUEUE_DURATION, VAR_RESPONSE, false},
    {"grpc_status", VAR_GRPC_STATUS, VAR_RESPONSE, true},
    {"cache_status", VAR_CACHE_STATUS, VAR_RESPONSE, true},
    {"error", VAR_ERROR, VAR_RESPONSE, false},
    {"ssl_protocol", VAR_SSL_PROTOCOL, VAR_REQUEST, false},
    {"ssl_cipher", VAR_SSL_CIPHER, VAR_REQUEST, false},
    {"ssl_sni", VAR_SSL_SNI, VAR_REQUEST, false},
    {"ssl_client_verify", VAR_SSL_CLIENT_VERIFY, VAR_REQUEST, false},
    {"ssl_client_subject", VAR_SSL_CLIENT_SUBJECT, VAR_REQUEST, false},
    {"ssl_client_fingerprint", VAR_SSL_CLIENT_FINGERPRINT, VAR_REQUEST, false},
};

/* Variables whose name goes on with a NAME of the user's choice. */
static const struct var_name var_families[] = {
    {"header_", VAR_HEADER, VAR_REQUEST, true},
    {"cookie_", VAR_COOKIE, VAR_REQUEST, true},
    {"arg_", VAR_ARG, VAR_REQUEST, true},
    {"sent_header_", VAR_SENT_HEADER, VAR_RESPONSE, true},
};

/* Field names hold "-" where a variable's name can only have "_". */
static void var_set_header(struct var *var, struct pool *pool)
{
    char local[64];
    char *text = local;

    if (pool)
        text = pool_text(pool, var->text.len);
    else if (var->text.len > sizeof(local))
        return; /* longer than any known name */
    for (size_t i = 0; i < var->text.len; i++)
        text[i] = var->text.s[i] == '_' ? '-' : var->text.s[i];
    var->header = header_id_of((struct str){text, var->text.len});
    if (pool)
        var->text.s = text;
}

static bool var_find_group(struct str name, struct var *var)
{
    struct str host = STR("host_");

    var->kind = VAR_CAPTURE;
    var->of_head = true;
    if (str_has_prefix(name, host)) {
        var->kind = VAR_HOST_CAPTURE;
        name = (struct str){name.s + host.len, name.len - host.len};
    }
    if (name.len != 1 || name.s[0] < '1' || name.s[0] > '9')
        return false;
    var->group = (unsigned)(name.s[0] - '0');
    return true;
}

static enum var_lookup var_find_family(struct str name, enum var_scope scope, struct pool *pool,
                                       struct var *var)
{
    for (size_t i = 0; i < ARRAY_SIZE(var_families); i++) {
        struct str prefix = str_of(var_families[i].name);

        if (!str_has_prefix(name, prefix) || name.len == prefix.len)
            continue;
        if (var_families[i].scope > scope)
            return VAR_NOT_HERE;
        var->kind = var_families[i].kind;
        var->of_head = var_families[i].of_head;
        var->text = (struct str){name.s + prefix.len, name.len - prefix.len};
        if (var->kind == VAR_HEADER || var->kind == VAR_SENT_HEADER)
            var_set_header(var, pool);
        return VAR_FOUND;
    }
    return str_has_prefix(name, STR("table_")) ? VAR_NO_TABLE : VAR_UNKNOWN;
}

enum var_lookup var_find(struct str name, enum var_scope scope, struct pool *pool, struct var *var)
{
    *var = (struct var){.header = HEADER_OTHER};
    if (var_find_group(name, var))
        return VAR_FOUND;
    for (size_t i = 0; i < ARRAY_SIZE(var_names); i++)
        if (str_eq(name, str_of(var_names[i].name))) {
            var->kind = var_names[i].kind;
            var->of_head = var_names[i].of_head;
            return var_names[i].scope > scope ? VAR_NOT_HERE : VAR_FOUND;
        }
    return var_find_family(name, scope, pool, var);
}

struct str var_nearest(struct str name)
{
    size_t best = name.len > 5 ? 4 : 3;
    struct str nearest = STR_NONE;

    for (size_t i = 0; i < ARRAY_SIZE(var_names); i++) {
        size_t distance = str_distance(name, str_of(var_names[i].name), best);

        if (distance < best) {
            best = distance;
            nearest = str_of(var_names[i].name);
        }
    }
    return nearest;
}

static const struct clock *var_clock(const struct request *req, struct clock *own)
{
    if (req->worker && req->worker->loop)
        return &req->worker->loop->clock;
    clock_init(own);
    return own;
}

/* From `since` to the end of the exchange, or to now. */
static struct str var_since(const struct request *req, int64_t since, char *scratch)
{
    struct clock own;
    int64_t end = req->times.end ? req->times.end : var_clock(req, &own)->mono_ms;

    return since ? var_print_seconds(end - since, scratch) : STR_NONE;
}

/* Whether a name is the wanted one, in which "_" stands for "-" too. */
static bool var_name_is(struct str name, struct str wanted, bool nocase)
{
    if (name.len != wanted.len)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char a = nocase ? ascii_lower(name.s[i]) : name.s[i];
        char b = nocase ? ascii_lower(wanted.s[i]) : wanted.s[i];

        if (a != b && !(a == '-' && b == '_'))
            return false;
    }
    return true;
}

/* Several lines of one name are one list (RFC 9110 5.3). */
static struct str var_join(const struct header_list *list, const struct var *var, struct pool *pool,
                           size_t bytes)
{
    char *text = pool_text(pool, bytes);
    size_t len = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct header *h = &list->items[i];

        if (h->id != var->header || (h->id == HEADER_OTHER && !var_name_is(h->name, var->text, true)))
            continue;
        if (len) {
            text[len++] = var->header == HEADER_COOKIE ? ';' : ',';
            text[len++] = ' ';
        }
        if (h->value.len)
            memcpy(text + len, h->value.s, h->value.len);
        len += h->value.len;
    }
    return (struct str){text, len};
}

static struct str var_header(const struct header_list *list, const struct var *var, struct pool *pool)
{
    struct str value = STR_NONE;
    size_t count = 0, bytes = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct header *h = &list->items[i];

        if (h->id != var->header || (h->id == HEADER_OTHER && !var_name_is(h->name, var->text, true)))
            continue;
        if (count++ == 0)
            value = h->value;
        bytes += h->value.len + 2;
    }
    return count > 1 ? var_join(list, var, pool, bytes) : value;
}

static struct str var_cookie(const struct request *req, struct str name)
{
    struct cookie_walk walk = {.fields = &req->head.headers};
    struct cookie cookie;

    while (cookie_next(&walk, &cookie))
        if (var_name_is(cookie.name, name, false))
            return cookie.value;
    return STR_NONE;
}

/* The value as it stands in the query, escapes and all. */
static struct str var_arg(struct str query, struct str name)
{
    while (query.len) {
        const char *amp = memchr(query.s, '&', query.len);
        size_t len = amp ? (size_t)(amp - query.s) : query.len;
        const char *equals = len ? memchr(query.s, '=', len) : NULL;
        size_t name_len = equals ? (size_t)(equals - query.s) : len;

        if (var_name_is((struct str){query.s, name_len}, name, false))
            return equals ? (struct str){equals + 1, len - name_len - 1} : STR("");
        len += amp != NULL;
        query = (struct str){query.s + len, query.len - len};
    }
    return STR_NONE;
}

static struct str var_group(const struct regex_captures *captures, unsigned group)
{
    return group < captures->count ? captures->group[group] : STR_NONE;
}

/* Without a copy: normally both lie in the target as it came. */
struct str var_query_mark(struct request *req)
{
    struct str target = req->head.target;
    uintptr_t query = (uintptr_t)req->query.s, first = (uintptr_t)target.s;

    if (!req->has_query)
        return STR_NONE;
    if (req->query.len == 0)
        return STR("?");
    if (target.len && query > first && query < first + target.len && req->query.s[-1] == '?')
        return (struct str){req->query.s - 1, req->query.len + 1};
    return pool_printf(req->pool, "?%.*s", STR_ARG(req->query));
}

static struct str var_fact(struct request *req, enum tls_fact fact)
{
    const struct conn *c = req->conn;

    return req->tls && c && c->tls ? tls_fact(tls_ssl(c->tls), fact, req->pool) : STR_NONE;
}

static struct str var_get_tls(enum var_kind kind, struct request *req)
{
    switch (kind) {
    case VAR_SSL_SNI: return req->sni;
    case VAR_SSL_PROTOCOL: return var_fact(req, TLS_FACT_PROTOCOL);
    case VAR_SSL_CIPHER: return var_fact(req, TLS_FACT_CIPHER);
    case VAR_SSL_CLIENT_VERIFY: return var_fact(req, TLS_FACT_CLIENT_VERIFY);
    case VAR_SSL_CLIENT_SUBJECT: return var_fact(req, TLS_FACT_CLIENT_SUBJECT);
    case VAR_SSL_CLIENT_FINGERPRINT: return var_fact(req, TLS_FACT_CLIENT_FINGERPRINT);
    default: return STR_NONE;
    }
}

static struct str var_get_family(const struct var *var, struct request *req)
{
    switch (var->kind) {
    case VAR_CAPTURE: return var_group(&req->captures, var->group);
    case VAR_HOST_CAPTURE: return var_group(&req->host_captures, var->group);
    case VAR_HEADER: return var_header(&req->head.headers, var, req->pool);
    case VAR_SENT_HEADER: return var_header(&req->response.headers, var, req->pool);
    case VAR_COOKIE: return var_cookie(req, var->text);
    case VAR_ARG: return var_arg(req->query, var->text);
    default: return var_get_tls(var->kind, req);
    }
}

/* All attempts, where there were several: "a, b"; "-" stands for what the last one does not have. */
static struct str var_attempts(struct request *req, struct str before, struct str last)
{
    if (before.len == 0)
        return last;
    return pool_printf(req->pool, "%.*s%.*s", STR_ARG(before), STR_ARG(last.len > 0 ? last : STR("-")));
}

static struct str var_get_response(const struct var *var, struct request *req, char scratch[VAR_SCRATCH])
{
    const struct request_times *times = &req->times;

    switch (var->kind) {
    case VAR_STATUS: return req->response.status ? var_print_number(req->response.status, scratch) : STR_NONE;
    case VAR_DURATION: return var_since(req, times->start, scratch);
    case VAR_BYTES_SENT: return var_print_number(req->bytes_sent, scratch);
    case VAR_BYTES_RECEIVED: return var_print_number(req->bytes_received, scratch);
    case VAR_UPSTREAM_ADDR: return var_attempts(req, req->before.addrs, req->upstream_addr);
    case VAR_GRPC_STATUS: return req->grpc_status;
    case VAR_CACHE_STATUS: return req->cache_status;
    case VAR_ERROR: return req->error ? str_of(req->error) : STR_NONE;
    case VAR_UPSTREAM_STATUS:
        return var_attempts(req, req->before.statuses,
                            req->upstream_status ? var_print_number(req->upstream_status, scratch) : STR_NONE);
    case VAR_UPSTREAM_DURATION:
        return var_attempts(req, req->before.durations, var_since(req, times->attempt, scratch));
    case VAR_QUEUE_DURATION:
        return req->upstream_addr.len || times->queued ? var_print_seconds(times->queued, scratch) : STR_NONE;
    default: return var_get_family(var, req);
    }
}

struct str var_get(const struct var *var, struct request *req, char scratch[VAR_SCRATCH])
{
    struct clock own;

    switch (var->kind) {
    case VAR_TEXT: return var->text;
    case VAR_HOST: return req->host;
    case VAR_METHOD: return req->head.method;
    case VAR_PATH: return req->path;
    case VAR_QUERY: return req->query;
    case VAR_QUERY_MARK: return var_query_mark(req);
    case VAR_URI:
        return req->has_query ? pool_printf(req->pool, "%.*s?%.*s", STR_ARG(req->path), STR_ARG(req->query))
                              : req->path;
    case VAR_SCHEME: return req->tls ? STR("https") : STR("http");
    case VAR_REMOTE_ADDR: return var_print_ip(&req->client, scratch);
    case VAR_REMOTE_PORT: return var_print_port(&req->client, scratch);
    case VAR_SERVER_ADDR: return req->listener ? var_print_ip(&req->listener->address, scratch) : STR_NONE;
    case VAR_SERVER_PORT: return req->listener ? var_print_port(&req->listener->address, scratch) : STR_NONE;
    case VAR_REQUEST_ID: return req->id.len ? req->id : request_id(req);
    case VAR_PROTOCOL: return request_protocol(req);
    case VAR_TIME: return var_print_time(var_clock(req, &own)->wall_s, scratch);
    case VAR_SSL_SNI: return req->sni;
    case VAR_SITE: return req->site ? req->site->name : STR_NONE;
    case VAR_ROUTE: return req->route ? req->route->label : STR_NONE;
    default: return var_get_response(var, req, scratch);
    }
}
