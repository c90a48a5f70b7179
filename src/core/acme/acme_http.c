/* acme_http.c: see acme_http.h. */
#include "core/acme/acme_http.h"

#include <openssl/ssl.h>

#include "core/acme/acme_jws.h"
#include "core/health/http_answer.h"
#include "core/worker.h"

#define REQUESTS_MAX 8 /* at once */
#define REQUEST_MS 30000

struct url {
    bool https;
    struct str authority, host, target;
    uint16_t port;
};

static bool is_this_machine(struct str host)
{
    struct addr ip;

    return str_eq(host, STR("localhost")) || (addr_parse_ip(host, 1, &ip) == 0 && addr_is_loopback(&ip));
}

static bool cut_port(struct url *u, struct str rest)
{
    uint64_t port;

    u->port = u->https ? 443 : 80;
    if (!rest.len)
        return true;
    if (rest.s[0] != ':' || str_to_u64(str_from(rest, 1), 65535, &port) != 0 || port == 0)
        return false;
    u->port = (uint16_t)port;
    return true;
}

static bool cut_host(struct url *u)
{
    struct str a = u->authority;
    const char *end;

    if (a.len && a.s[0] == '[') {
        end = memchr(a.s, ']', a.len);
        if (!end)
            return false;
        u->host = (struct str){a.s + 1, (size_t)(end - a.s) - 1};
        return cut_port(u, str_from(a, u->host.len + 2));
    }
    end = memchr(a.s, ':', a.len);
    u->host = (struct str){a.s, end ? (size_t)(end - a.s) : a.len};
    return cut_port(u, str_from(a, u->host.len));
}

static bool url_cut(struct str text, struct url *u)
{
    const char *slash;

    if (text.len > ACME_URL_MAX || !acme_is_plain(text))
        return false;
    u->https = str_has_prefix(text, STR("https://"));
    if (!u->https && !str_has_prefix(text, STR("http://")))
        return false;
    text = str_from(text, u->https ? 8 : 7);
    slash = memchr(text.s, '/', text.len);
    u->authority = slash ? (struct str){text.s, (size_t)(slash - text.s)} : text;
    u->target = slash ? str_from(text, u->authority.len) : STR("/");
    if (memchr(u->authority.s, '@', u->authority.len) || !cut_host(u) || !u->host.len || u->host.len > 253)
        return false;
    return u->https || is_this_machine(u->host);
}

bool acme_url_is_good(struct str url)
{
    struct url u;

    return url_cut(url, &u);
}

/* ---- the conversation ---- */

static enum check_step on_start(struct probe *p)
{
    const struct acme_request *r = p->job.user;
    struct http_answer *answer = pool_alloc(p->pool, sizeof(*answer));

    http_answer_init(answer, p->pool, r->method);
    p->data = answer;
    probe_send(p, pool_printf(p->pool,
                              "%.*s %.*s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: weir\r\nAccept: */*\r\n"
                              "Connection: close\r\n",
                              STR_ARG(r->method), STR_ARG(r->target), STR_ARG(r->authority)));
    if (r->body.len)
        probe_send(p, pool_printf(p->pool, "Content-Type: application/jose+json\r\nContent-Length: %zu\r\n", r->body.len));
    probe_send(p, STR("\r\n"));
    probe_send(p, r->body);
    return CHECK_GOES_ON;
}

static enum check_step on_data(struct probe *p, bool end)
{
    struct acme_request *r = p->job.user;
    struct http_answer *answer = p->data;

    switch (http_answer_read(answer, p->in, &p->in_len, end)) {
    case HTTP_ANSWER_MORE:
        return CHECK_GOES_ON;
    case HTTP_ANSWER_BAD:
        return probe_fail(p, "malformed answer: %s", answer->reason);
    case HTTP_ANSWER_DONE:
        break;
    }
    if (answer->body_len >= HTTP_ANSWER_BODY)
        return probe_fail(p, "the answer is longer than %d bytes", HTTP_ANSWER_BODY);
    r->status = answer->status;
    r->head = pool_str(r->pool, (struct str){p->in + answer->body - answer->scan.end, answer->scan.end});
    r->body_in = pool_str(r->pool, (struct str){p->in + answer->body, answer->body_len});
    return probe_pass(p, "answered");
}

static const struct check conversation = {.name = "acme", .start = on_start, .on_data = on_data};

static void next_address(struct acme_request *);

static void on_done(void *user, bool ok, struct str reason)
{
    struct acme_request *r = user;
    char text[PEER_REASON_MAX + 300];

    if (ok) {
        r->done(r, NULL);
        return;
    }
    if (r->at < r->address_count) {
        next_address(r);
        return;
    }
    snprintf(text, sizeof(text), "%s: %.*s", r->host, STR_ARG(reason));
    r->done(r, text);
}

static void next_address(struct acme_request *r)
{
    struct acme_http *h = r->http;

    if (probes_full(&h->probes)) {
        r->done(r, "too many requests at once");
        return;
    }
    probe_start(&h->probes, &(struct probe_job){
                                .check = &conversation,
                                .address = &r->addresses[r->at++],
                                .host = r->authority,
                                .tls = r->has_tls ? &r->tls : NULL,
                                .alpn = TLS_CLIENT_HTTP1,
                                .timeout = REQUEST_MS,
                                .user = r,
                                .done = on_done,
                            });
}

static void on_resolved(struct resolver_question *q, const struct resolver_answer *answer)
{
    struct acme_request *r = container_of(q, struct acme_request, question);
    char text[400];

    for (size_t i = 0; i < answer->count && r->address_count < ACME_ADDRESSES; i++)
        r->addresses[r->address_count++] = answer->items[i].address;
    if (r->address_count) {
        next_address(r);
        return;
    }
    snprintf(text, sizeof(text), "%s has no address: %s", r->host, answer->error ? answer->error : "none is known");
    r->done(r, text);
}

static const char *need_tls(struct acme_http *h)
{
    X509_STORE *store = NULL;

    if (h->ctx)
        return NULL;
    h->ctx = tls_client_context(true);
    if (!h->ctx)
        return "no memory for TLS";
    if (tls_client_use_system(h->ctx, &store) == 0)
        return NULL;
    SSL_CTX_free(h->ctx);
    h->ctx = NULL;
    return "the system's certificate authorities cannot be read";
}

static const char *need_resolver(struct acme_http *h)
{
    const struct config *c = h->worker->config;
    const char *error = NULL;

    if (!h->resolver)
        h->resolver = resolver_new(h->worker->loop, c->resolver.len ? c->resolver.s : NULL, &error);
    if (!h->resolver)
        return error;
    return resolver_has_room(h->resolver) ? NULL : "too many names are looked up at once";
}

/* The error, or NULL: it goes on. */
static const char *begin(struct acme_http *h, struct acme_request *r)
{
    const char *error;
    struct url u;
    struct addr ip;

    if (!url_cut(r->url, &u))
        return "the authority named a URL that is not good";
    r->authority = u.authority;
    r->target = u.target;
    snprintf(r->host, sizeof(r->host), "%.*s", STR_ARG(u.host));
    r->has_tls = u.https;
    if (u.https && (error = need_tls(h)))
        return error;
    r->tls = (struct tls_client_conf){.ctx = h->ctx, .name = str_of(r->host), .verify = true};
    if (addr_parse_ip(u.host, u.port, &ip) == 0) {
        r->addresses[r->address_count++] = ip;
        next_address(r);
        return NULL;
    }
    if ((error = need_resolver(h)))
        return error;
    r->question = (struct resolver_question){.name = r->host, .port = u.port, .done = on_resolved};
    resolver_ask(h->resolver, &r->question);
    return NULL;
}

void acme_http_ask(struct acme_http *h, struct acme_request *r)
{
    const char *error;

    r->http = h;
    r->address_count = r->at = 0;
    r->status = 0;
    r->head = r->body_in = STR_NONE;
    error = begin(h, r);
    if (error)
        r->done(r, error);
}

struct str acme_http_field(const struct acme_request *r, const char *name)
{
    size_t n = strlen(name);
    struct str rest = r->head;

    while (rest.len) {
        const char *end = memchr(rest.s, '\n', rest.len);
        struct str line = {rest.s, end ? (size_t)(end - rest.s) : rest.len};

        rest = str_from(rest, end ? line.len + 1 : line.len);
        if (line.len && line.s[line.len - 1] == '\r')
            line.len--;
        if (line.len > n && line.s[n] == ':' && str_same_letters(line.s, name, n))
            return str_trim(str_from(line, n + 1));
    }
    return STR_NONE;
}

void acme_http_init(struct acme_http *h, struct worker *w)
{
    *h = (struct acme_http){.worker = w};
    probes_init(&h->probes, w->loop, &w->deadlines, NULL, w->log, REQUESTS_MAX);
    h->probes.tls_scratch = w->tls_scratch;
}

void acme_http_tick(struct acme_http *h)
{
    if (h->resolver)
        resolver_tick(h->resolver);
}

void acme_http_free(struct acme_http *h)
{
    resolver_free(h->resolver);
    probes_free(&h->probes);
    SSL_CTX_free(h->ctx);
}
