/*
 * explain.h: what `weir explain` finds out about a request that is never sent: the listener, each route and
 * why it was taken or not, the path after each rewrite.  Made by explain_run(), printed as text or JSON.
 */
#ifndef WEIR_MAIN_EXPLAIN_H
#define WEIR_MAIN_EXPLAIN_H

#include <stdio.h>

#include "core/asked.h"
#include "core/json.h"
#include "core/request.h"
#include "core/route/router.h"
#include "core/upstream/upstream.h"

/* What the router said of one route. */
struct explain_note {
    bool noted, taken;
    struct str why;
};

/* The path after one of the route's rewrites that changed it. */
struct explain_step {
    struct str what;
    struct str path; /* with its query */
};

/* One diversion that was looked at. */
struct explain_divert {
    const struct divert_conf *divert;
    enum { EXPLAIN_PASSED, EXPLAIN_TAKEN, EXPLAIN_OPEN /* nobody but the running Weir can know */ } result;
    struct str why;
};

struct explain {
    const struct config *config;
    struct request req;
    struct router_trace trace;
    struct explain_note *notes; /* by index of the route in its site; NULL: no site was found */
    struct str sni; /* the name that a client asks for in the TLS handshake; empty: an address, or no TLS */
    bool listener_assumed; /* no listener has the URL's port, which was not written */
    unsigned status; /* 0: a handler takes the request; else what would be answered */
    const char *reason; /* of `status` */
    struct explain_step *steps;
    size_t step_count;
    struct explain_divert *diverts; /* in the order in which they are asked */
    size_t divert_count;
    bool diverts_open; /* what follows holds only if those that are open do not */
    const struct upstream *upstream; /* that takes it, after `divert`; NULL: none is asked */
    struct str key; /* that its server is chosen by; STR_NONE: none */
    const struct peer_conf *server; /* chosen by the key, if it can be used; NULL: it depends on more */
    struct str server_why; /* how, or why not; empty where no key is looked at */
};

/*
 * 0 and *explain filled, living in `pool`; or -1 with the reason in `error`: the URL is at fault, or no
 * listener has its port.
 */
int explain_run(const struct config *, const struct asked *, struct pool *pool,
                struct explain *explain, char *error, size_t error_size) WEIR_MUST_CHECK;

/* Finds `upstream` and what follows it, of a route that forwards. */
void explain_upstream(struct explain *);

/* Why a route of the site found was not taken, or "taken". */
struct str explain_why(const struct explain *, const struct route *);

/* A route whose exact path or prefix is another than the request's: of the many that need no line. */
bool explain_is_apart(const struct explain *, const struct route *);

/*
 * explain_tcp.c: false: the listener is not of mode "tcp".  Else its route is found, by the name of the URL or of Host,
 * or `status` and `reason` say why the connection is closed; explain_print_tcp() prints that.
 */
bool explain_tcp(struct explain *);
void explain_print_tcp(const struct explain *, FILE *to);

/* Whether the client speaks TLS where that is not spoken, or the other way: then `status` and `reason` are set. */
bool explain_wrong_scheme(struct explain *);

/* Why a site was taken or not. */
struct str explain_why_site(const struct explain *, const struct site *);

/*
 * explain_chance.c: whether it is a condition `percent` alone that decides, with a secret made up for this run:
 * another run may decide otherwise.  Of one list of conditions (NULL: none); of the routes that were asked.
 */
bool explain_is_open(const struct explain *, const struct match *);
bool explain_is_by_chance(const struct explain *);

/* explain_divert.c: asks the diversions; the state of the upstream that takes the request. */
struct upstream_state *explain_diverts(struct explain *, struct upstreams *);
void explain_print_diverts(const struct explain *, FILE *to);
void explain_put_diverts(struct json *, const struct explain *);

/* What a method other than GET and HEAD gets where only these are served; NULL: nothing in its way. */
const char *explain_refusal(const struct explain *);

/* Host, X-Forwarded-* and Via as sent to the server, before request_headers; none where none is asked. */
void explain_defaults(struct explain *, struct header_list *fields);

/* "prefix /api/", "regex \"...\"" . */
struct str explain_matcher(const struct route *, struct pool *pool);

/* "weir.conf:12"; empty when it was written nowhere. */
struct str explain_place(struct conf_place, struct pool *pool);

/* "proxy", "files" ... */
const char *explain_action(enum action_kind);

/* "remove", "set" or "add". */
const char *explain_op(const struct header_op *);

/* "insert, cookie WEIRID: names server b1"; and the name of that server, STR_NONE: none. */
struct str explain_sticky(const struct explain *, const struct upstream *, struct str *server);

/* The value that an operation would send now; parts known only with the response are empty. */
struct str explain_value(const struct header_op *, struct request *);

/* The file below root that a path stands for, escapes and all. */
struct str explain_file(const struct explain *, struct str path);

/* `all`: a line for each route and site, whether or not it could have been meant. */
void explain_print_text(struct explain *, bool all, FILE *to);
void explain_print_json(struct explain *, FILE *to);

#endif
