/*
 * tls_server_state.h: what a worker keeps to speak TLS with clients; for tls_server.c, which makes contexts, and
 * tls_hello.c, which leads a client to one.
 */
#ifndef WEIR_CORE_TLS_TLS_SERVER_STATE_H
#define WEIR_CORE_TLS_TLS_SERVER_STATE_H

#include <openssl/ssl.h>

#include "core/tls/tls_names.h"
#include "core/tls/tls_server.h"
#include "core/tls/tls_tickets.h"

struct tls_listener;

struct tls_context_key {
    const struct tls_listener *listener;
    const struct tls_policy *policy;
    const struct tls_material *pairs[TLS_KINDS];
};

struct tls_context {
    struct tls_context_key key;
    struct tls_context *next; /* of all */
    SSL_CTX *ctx; /* NULL: to be made when it is needed */
};

struct tls_listener {
    struct tls_server *server;
    const struct listener_conf *conf;
    struct tls_context *base; /* for clients that name nothing */
};

/* Of a struct tls_conf with several certificates. */
struct tls_list {
    const struct tls_conf *conf;
    struct tls_names *names;
};

/* Of an authority's file. */
struct tls_trust {
    X509_STORE *store;
    STACK_OF(X509_NAME) *names;
};

struct tls_server {
    struct worker *worker;
    struct hash_key key;
    int index; /* of an SSL's settings among its data */
    int hello_index; /* and of what it asked for in its first hello */
    struct tls_listener *listeners; /* by index */
    struct tls_list *lists; /* by index of the struct tls_conf */
    struct tls_trust *trusts; /* by index of the material */
    struct hash_table *contexts; /* by struct tls_context_key */
    struct tls_context *all;
    struct tls_tickets tickets;
};

/* The context for a name in lower case, or an empty one, under these settings; its `ctx` may have to be made. */
struct tls_context *tls_context_find(struct tls_listener *, const struct tls_conf *, struct str name);

/* NULL with text in `error`. */
SSL_CTX *tls_context_make(struct tls_context *, char *error, size_t error_size) WEIR_MUST_CHECK;

/* What OpenSSL asks in handshakes of the context is answered by tls_hello.c. */
void tls_hello_callbacks(SSL_CTX *, struct tls_context *);

#endif
