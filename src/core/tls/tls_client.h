/*
 * tls_client.h: TLS towards servers: what they have to show, what is shown to them, and how a session with one begins.
 * An SSL_CTX is made when the configuration is loaded, by who may read the files, and is inherited by all processes.
 */
#ifndef WEIR_CORE_TLS_TLS_CLIENT_H
#define WEIR_CORE_TLS_TLS_CLIENT_H

#include "base/addr.h"
#include "core/tls/tls_sessions.h"
#include "io/tls.h"

/* `tls` of a server. */
struct tls_client_conf {
    SSL_CTX *ctx; /* shared by all with the same files */
    struct str name; /* asked for, and expected in the certificate; ends in NUL; empty: the address is */
    struct str ca, cert; /* paths; empty: the system's authorities; none */
    bool verify;
};

/* A context without authorities and certificate; NULL: no memory. */
SSL_CTX *tls_client_context(bool verify) WEIR_MUST_CHECK;

/* The authorities of a PEM file; those of the system, which are read once and shared.  0, or -1 with `error`. */
int tls_client_use_ca(SSL_CTX *, const char *path, char *error, size_t room) WEIR_MUST_CHECK;
int tls_client_use_system(SSL_CTX *, X509_STORE **store) WEIR_MUST_CHECK;

/* The certificate and its chain, and its key.  0, or -1 with `error`. */
int tls_client_use_cert(SSL_CTX *, const char *cert, char *error, size_t room) WEIR_MUST_CHECK;
int tls_client_use_key(SSL_CTX *, const char *key, char *error, size_t room) WEIR_MUST_CHECK;

/* What is to be spoken (RFC 7301). */
enum tls_client_alpn { TLS_CLIENT_ANY, TLS_CLIENT_HTTP1, TLS_CLIENT_H2 };

/*
 * A session on `fd`, connected to `address`, before its first handshake step.  It goes on with one of *sessions, if
 * that has any, and what the server gives for later goes there: it has to live longer; NULL: never.  NULL: no memory.
 */
struct tls *tls_client_new(const struct tls_client_conf *, const struct addr *address, enum tls_client_alpn,
                           int fd, struct tls_scratch *, struct tls_sessions *sessions) WEIR_MUST_CHECK;

/* After the handshake: whether the server chose HTTP/2, and whether it goes on with an earlier session. */
bool tls_client_is_h2(const struct tls *);
bool tls_client_is_resumed(const struct tls *);

enum tls_client_fault {
    TLS_CLIENT_CERTIFICATE, /* the server's is not valid; tls_error() says why */
    TLS_CLIENT_ALERT, /* the server has refused something */
    TLS_CLIENT_PROTOCOL
};

/* After TLS_FAILED, or EPROTO. */
enum tls_client_fault tls_client_fault(const struct tls *);

/* The name, or else the address, that the certificate is expected for. */
struct str tls_client_name(const struct tls_client_conf *, const struct addr *address, char text[ADDR_TEXT_MAX]);

#endif
