/*
 * var.h: values with $variables, compiled when the configuration is loaded to a list of pieces and put
 * together from a request.
 */
#ifndef WEIR_CORE_VAR_H
#define WEIR_CORE_VAR_H

#include "base/pool.h"
#include "base/str.h"
#include "conf/report.h"

struct request;
struct template;

/* Where a template stands: what it may hold. */
enum var_scope {
    VAR_REQUEST = 0, /* the request and its route */
    VAR_RESPONSE = 1 /* also what is known once the response is ($status, $sent_header_NAME, $duration ...) */
};

/*
 * Compiles `text` for the life of `pool`.  NULL: errors were added to `report` at `at` (unknown variable
 * with the nearest name, "$" without a name ...).
 */
struct template *template_new(struct pool *pool, struct str text, enum var_scope, struct conf_place at,
                              struct conf_report *report) WEIR_MUST_CHECK;

/* No variable in it. */
bool template_is_literal(const struct template *);

/* Whether a variable in it has a value with the head of a request of HTTP only; whether $ssl_sni is in it. */
bool template_wants_head(const struct template *);
bool template_wants_sni(const struct template *);

/* The text as written, for explain and -T. */
struct str template_text(const struct template *);

/*
 * The value; literal templates and lone borrowed variables cost nothing, others are made in the request's
 * pool.  `.s` is NULL only when the value would be longer than 64 KB: an error, to be answered 500; the error
 * log says which text it was.
 */
struct str template_expand(const struct template *, struct request *);

/* The same for logs: cut at 64 KB. */
struct str template_expand_cut(const struct template *, struct request *);

/*
 * Appends the value to `buf` (cap `size`, where it is cut), for logs: each variable, without a value too,
 * is written by `escape` (may be NULL: as it is); bytes written.
 */
size_t template_print(const struct template *, struct request *, char *buf, size_t size,
                      size_t (*escape)(struct str, char *buf, size_t size));

/* One variable by name ("$" not included), for json logs; STR_NONE when it has no value. */
struct str var_value(struct request *, struct str name);

/* "?" and the query, as it came; empty when there was no "?". */
struct str var_query_mark(struct request *);

#endif
