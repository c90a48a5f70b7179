/*
 * var_table.h: the variables themselves: their names, where each may stand, and how its value is found in
 * a request.  For var.c, which compiles and expands the texts that hold them, and for who asks what a text is made of.
 */
#ifndef WEIR_CORE_VAR_TABLE_H
#define WEIR_CORE_VAR_TABLE_H

#include "core/request.h"
#include "core/var.h"
#include "core/var_print.h"

enum var_kind {
    VAR_TEXT, /* not a variable: plain text */
    VAR_HOST, VAR_METHOD, VAR_PATH, VAR_QUERY, VAR_QUERY_MARK, /* "?" and the query, as in $uri */
    VAR_URI, VAR_SCHEME, VAR_REMOTE_ADDR, VAR_REMOTE_PORT, VAR_REMOTE_USER, VAR_SERVER_ADDR, VAR_SERVER_PORT,
    VAR_REQUEST_ID, VAR_PROTOCOL, VAR_TIME, VAR_SITE, VAR_ROUTE, VAR_SSL_SNI,
    VAR_SSL_PROTOCOL, VAR_SSL_CIPHER, VAR_SSL_CLIENT_VERIFY, VAR_SSL_CLIENT_SUBJECT, VAR_SSL_CLIENT_FINGERPRINT,
    VAR_STATUS, VAR_DURATION, VAR_BYTES_SENT, VAR_BYTES_RECEIVED, VAR_UPSTREAM_ADDR, VAR_UPSTREAM_STATUS,
    VAR_UPSTREAM_DURATION, VAR_QUEUE_DURATION, VAR_GRPC_STATUS, VAR_CACHE_STATUS,
    VAR_ERROR,
    VAR_CAPTURE, VAR_HOST_CAPTURE, VAR_HEADER, VAR_COOKIE, VAR_ARG, VAR_SENT_HEADER
};

/* A text or a variable with what it needs to be found. */
struct var {
    enum var_kind kind;
    enum header_id header; /* of VAR_HEADER and VAR_SENT_HEADER */
    bool of_head; /* it has a value only with the head of a request of HTTP */
    unsigned group; /* of the captures */
    struct str text; /* of VAR_TEXT; of the families: NAME */
};

enum var_lookup { VAR_FOUND, VAR_UNKNOWN, VAR_NOT_HERE /* not in this scope */, VAR_NO_TABLE };

/* What a text was compiled to; of $uri its path and VAR_QUERY_MARK. */
const struct var *template_pieces(const struct template *, size_t *count);

/* Finds a variable by its name; header names are made in `pool`, or borrowed when it is NULL. */
enum var_lookup var_find(struct str name, enum var_scope scope, struct pool *pool, struct var *var);

/* The name nearest to `name`; empty when none is near. */
struct str var_nearest(struct str name);

/* The value: borrowed from the request or written into `scratch`; STR_NONE when there is none. */
struct str var_get(const struct var *var, struct request *req, char scratch[VAR_SCRATCH]);

#endif
