/*
 * acme_order.h: one certificate for one name, from the authority's directory to the chain (RFC 8555 7).  What the
 * authority says is not believed further than it must be: sizes, numbers of requests and times are limited.
 */
#ifndef WEIR_CORE_ACME_ACME_ORDER_H
#define WEIR_CORE_ACME_ACME_ORDER_H

#include "core/acme/acme_http.h"
#include "core/acme/acme_store.h"
#include "core/config/config_tls.h"

#define ACME_NONCE_MAX 512

/* With one authority; shared by the orders. */
struct acme_account {
    struct acme_account *next;
    const struct acme_conf *conf;
    EVP_PKEY *key; /* NULL: not read yet */
    struct pool *pool; /* of the texts */
    struct str new_nonce, new_account, new_order; /* of the directory; empty: not asked yet */
    struct str kid; /* the account's URL; empty: not asked yet */
};

enum acme_step {
    ACME_DIRECTORY,
    ACME_ACCOUNT,
    ACME_ORDER,
    ACME_AUTHORIZATION,
    ACME_CHALLENGE,
    ACME_CHECK,
    ACME_FINALIZE,
    ACME_ISSUE,
    ACME_DOWNLOAD
};

struct acme_order {
    /* For the maker. */
    struct acme_http *http;
    struct board *board;
    struct acme_account *account;
    struct str host;
    void (*done)(struct acme_order *, bool ok); /* from the loop or from acme_order_begin() */

    /* The outcome. */
    char error[ACME_ERROR_MAX]; /* may hold what the authority said: not printable everywhere */
    int64_t retry_after_s; /* what it asked for; 0: nothing */
    struct str chain; /* in the order's pool */
    EVP_PKEY *key; /* of the certificate */
    int64_t not_before_s, not_after_s;

    struct pool *pool;
    struct acme_request request;
    enum acme_step step;
    bool wants_nonce;
    char nonce[ACME_NONCE_MAX];
    struct str url, payload; /* of what is being asked */
    bool is_get;
    unsigned requests, refused; /* refused: nonces, in a row */
    int64_t wake_s; /* goes on then; 0: waits for an answer */
    int64_t pause_s; /* the last one */
    int64_t deadline_s;
    struct str order_url, authorization_url, finalize_url;
    int challenge; /* on the board; -1: none */
};

/* Goes on until done(); the first five members are set, the rest is zero. */
void acme_order_begin(struct acme_order *);

/* Once a second or so. */
void acme_order_tick(struct acme_order *);

/* Frees what it holds, but not the order.  No request of it may be under way. */
void acme_order_end(struct acme_order *);

#endif
