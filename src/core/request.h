/*
 * request.h: one HTTP exchange, seen from the client's side and independent of the protocol version: a
 * feeder (core/client: h1_server, h2_session) fills `head` and gives the body, and takes the answer through
 * `out`.  `weir explain` makes one without any connection, so nothing here may need a socket.
 */
#ifndef WEIR_CORE_REQUEST_H
#define WEIR_CORE_REQUEST_H

#include <sys/types.h>

#include "base/addr.h"
#include "core/config/config.h"
#include "core/handler.h"
#include "core/route/regex.h"
#include "http/h1_frame.h"
#include "http/message.h"

struct conn;
struct proxy;
struct request;
struct router_trace;
struct splice_source;
struct tls_policy;
struct sticky_visit;
struct worker;

enum splice_result {
    SPLICE_MORE, /* the source is empty for now: wait for its read event, call again */
    SPLICE_BLOCKED, /* the client cannot take more: wait for resume(), call again */
    SPLICE_DONE, /* *left is 0 */
    SPLICE_ENDED, /* the source ended before that */
    SPLICE_FAILED, /* the source failed with errno; the client's failures come as abort() */
    SPLICE_UNFIT /* not possible here: use body() */
};

/*
 * How an answer goes to the client.  Each takes what it is given or keeps a copy, and never calls the handler
 * back from within.  A false answer says that the client cannot take more now: the producer stops until
 * resume().  After a call with `last` the answer is complete, and the request belongs to the feeder: the
 * handler must not touch it again.
 */
struct request_out {
    void (*interim)(struct request *, const struct message *head);
    /* `frame` says how the producer's body ends; what the client is told is the feeder's business.  `body`
     * goes in the same write. */
    bool (*head)(struct request *, const struct message *head, const struct frame *frame, struct str body,
                 bool last);
    bool (*body)(struct request *, struct str bytes, bool last);
    /* The fields behind the body, before the last call of body(); they live as long as the pool of the request.  A
     * client that does not want them does not get them.  NULL: none does. */
    void (*trailers)(struct request *, const struct header_list *);
    /* The next `length` bytes of the answer are those of `fd` from `offset` on; `fd` stays open until
     * resume() or, with `last`, until the pool of the request is reset.  False: resume() follows; true: all
     * is sent. */
    bool (*file)(struct request *, int fd, off_t offset, uint64_t length, bool last);
    /* Moves up to *left bytes of the socket `fd` to the client without copying them; `last`: the answer ends
     * when *left is 0. */
    enum splice_result (*splice)(struct request *, int fd, uint64_t *left, bool last);
    /* No more comes from the server, but the client may go on: it is told once it has all.  Of tunnels; may be NULL. */
    void (*shut)(struct request *);
    /* The answer cannot be completed: the client must be able to see that.  Ends the request. */
    void (*abort)(struct request *, const char *reason);
    /* The handler can take more of the request's body: at most about `bytes`. */
    void (*credit)(struct request *, size_t bytes);
};

/* Times of the monotonic clock in milliseconds; 0: did not happen. */
struct request_times {
    int64_t start, connected, first_byte, end;
    int64_t queued; /* not a time: how long it has waited for a place at a server, in all */
    int64_t attempt; /* the last attempt at a server began */
};

/* The attempts before the last, each followed by ", ". */
struct request_attempts {
    struct str addrs, statuses, durations;
};

struct request {
    struct pool *pool; /* reset when the exchange is over */
    struct worker *worker; /* NULL in `weir explain` */
    struct conn *conn; /* NULL for internal requests */
    const struct request_out *out;
    const struct handler *handler; /* NULL before a route is known */
    void *handler_data; /* the handler's own */
    struct request *next_spare;

    const struct config *config;
    const struct listener_conf *listener;
    struct addr peer; /* the socket's */
    struct addr client; /* $remote_addr: the peer, or who a trusted peer speaks for */
    bool trusted; /* the peer is one of the listener's `trusted` */
    bool tls;
    bool raw; /* no HTTP: bytes that a listener of mode "tcp" passes on */
    bool is_h2; /* it came by HTTP/2 */
    bool is_own; /* Weir's own, core/subrequest.h */
    bool is_explain; /* no answer is made */
    struct str sni; /* the name that TLS asked for; else "" */
    const struct tls_policy *tls_policy; /* that the handshake came to; NULL: no TLS */
    struct router_trace *trace; /* of `weir explain`; else NULL */
    struct regex_scratch *regex; /* of a request without worker; else NULL */

    struct message head; /* as it came */
    struct frame frame; /* of its body */
    struct str host; /* normal form, without port; "" when there is none (HTTP/1.0) */
    uint16_t host_port; /* 0: none was given */
    struct str path; /* normal form */
    struct str query; /* behind the "?"; "" when there is none */
    bool has_query; /* there was a "?" */
    struct str id; /* $request_id; made when first wanted, see request_id() */

    const struct site *site;
    const struct route *route;
    const struct upstream *upstream; /* that the request went to: the route's, or where that diverts it; or NULL */
    struct regex_captures captures; /* of the route's regex */
    struct regex_captures host_captures;
    struct str forward_path; /* path after the route's rewrites */
    struct str forward_query; /* with its "?"; "" when there is none */

    struct sticky_visit *sticky; /* which server the client was with, see core/upstream/sticky.h; NULL: nobody has asked */

    /* The answer, for logs and conditions; `response` borrows from the pool. */
    struct message response;
    bool head_sent; /* a final head went out: no other status can be told any more */
    bool must_close; /* nothing more may be read from this client */
    unsigned jumps; /* "@NAME" steps taken */
    struct str first_body; /* what handler->start was given, for the next route: not valid after it */
    bool first_last;
    bool own_reply; /* made by Weir, not by an upstream or from a file */
    uint64_t bytes_received, bytes_sent; /* bodies */
    const char *fail_reason; /* static text; NULL: it did not fail */
    const char *error; /* $error: a type of RFC 9209 2.3; NULL: none */
    struct str upstream_addr; /* of the last attempt; "" */
    unsigned upstream_status;
    struct str cache_status; /* what a cache did with it: "hit", "stale"; empty: there is none */
    /* Is told of the head of an upstream's answer before anything is changed in it; NULL: nobody is. */
    void (*watch)(struct request *, const struct message *head);
    struct str grpc_status; /* of the answer, as it came or as Weir made it; empty: none */
    struct request_attempts before;
    struct request_times times;
};

/* $request_id: unique by construction (address, port, start of the process, pid, counter); made once, in the
 * pool. */
struct str request_id(struct request *);

/* "HTTP/1.1": as the client speaks. */
static inline struct str request_protocol(const struct request *req)
{
    if (req->raw)
        return STR("TCP");
    if (req->is_h2)
        return STR("HTTP/2.0");
    return req->head.minor ? STR("HTTP/1.1") : STR("HTTP/1.0");
}

/*
 * Answers with the final head of a response: applies the route's response_headers, cookies and Location
 * rules, adds what every answer of Weir has, then out->head.  `head`'s text lives at least as long as the
 * request's pool.  Answers as out->head.
 */
bool request_send_head(struct request *, struct message *head, const struct frame *frame, struct str body,
                       bool last) WEIR_MUST_CHECK;

/*
 * Takes the request on once its head is parsed and its `frame` known: normalises, finds site and route,
 * rewrites, and starts the handler; or answers with an error.  `body`, `last` as handler->start.
 */
void request_run(struct request *, struct str body, bool last);

/* The phases before the handler, without any answer: 0, or the status that would be answered, with *reason.
 * 301 and 308: it is sent to https.  For request_run() and explain. */
unsigned request_route(struct request *, const char **reason);

/* The same request goes on at another route of its site ("@NAME"): used by `try`.  False: no such route, or
 * too many. */
bool request_jump(struct request *, struct str route_name);

#endif
