/*
 * acme_http.h: requests to an authority: each on a connection of its own, with TLS that is verified by the system's
 * authorities, bounded in time and bytes.  Nothing waits.
 */
#ifndef WEIR_CORE_ACME_ACME_HTTP_H
#define WEIR_CORE_ACME_ACME_HTTP_H

#include "core/health/probe.h"
#include "io/resolver.h"

#define ACME_URL_MAX 1024
#define ACME_ADDRESSES 4 /* tried, one after the other */

struct worker;

struct acme_http {
    struct worker *worker;
    struct probes probes;
    struct resolver *resolver; /* NULL: not needed yet */
    SSL_CTX *ctx; /* NULL: the same */
};

/* Texts belong to whoever asks, and stay until done(). */
struct acme_request {
    struct str method, url, body;
    struct pool *pool; /* for the answer */
    /* `error`: static, or lives during the call; NULL: there is an answer. */
    void (*done)(struct acme_request *, const char *error);

    unsigned status; /* the answer's */
    struct str head, body_in;

    struct acme_http *http;
    struct resolver_question question;
    struct str authority, target;
    char host[256];
    struct tls_client_conf tls;
    bool has_tls;
    struct addr addresses[ACME_ADDRESSES];
    size_t address_count, at;
};

void acme_http_init(struct acme_http *, struct worker *);

/* Ends what is under way without a word. */
void acme_http_free(struct acme_http *);

void acme_http_tick(struct acme_http *);

/* done() may be called within it. */
void acme_http_ask(struct acme_http *, struct acme_request *);

/* A field of the answer; STR_NONE: there is none, or it is empty. */
struct str acme_http_field(const struct acme_request *, const char *name);

/* "https://HOST/...", or "http://" to this machine alone; not longer than ACME_URL_MAX. */
bool acme_url_is_good(struct str url);

#endif
