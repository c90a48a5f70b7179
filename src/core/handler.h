/*
 * handler.h: what a route does with a request, as a table of functions.  A handler answers through
 * request_send_head() and the request's `out`; it keeps what it needs in request->handler_data.
 */
#ifndef WEIR_CORE_HANDLER_H
#define WEIR_CORE_HANDLER_H

#include "base/str.h"

struct request;

/* How far a body got that goes to a handler's sink. */
enum handler_sunk {
    HANDLER_SUNK_MORE, /* the client has sent no more yet */
    HANDLER_SUNK_BLOCKED, /* the sink takes no more: credit() is to say when it does */
    HANDLER_SUNK_LAST, /* all of the body is there */
    HANDLER_SUNK_FAILED /* the sink failed with errno */
};

struct handler {
    const char *name; /* for logs and explain */
    /*
     * The head is complete and routed.  `body` is what of the request's body is there already (may be empty),
     * `last` whether that is all of it.  The bytes are the worker's: copy what is kept.
     */
    void (*start)(struct request *, struct str body, bool last);
    /* More of the body, after the credit() of the request's `out` asked for it.  NULL: the body is dropped. */
    void (*body)(struct request *, struct str bytes, bool last);
    /*
     * A socket that takes the body's next bytes as they are, so that nobody copies them; -1: none, body() is to have
     * them.  sunk() is told that `bytes` were taken from the client, though not all of them need have arrived when
     * it is blocked.  NULL, both: never.
     */
    int (*sink)(struct request *);
    void (*sunk)(struct request *, size_t bytes, enum handler_sunk);
    /* The client can take more: after an `out` function answered false.  May be NULL where only a head is
     * sent. */
    void (*resume)(struct request *);
    /* The client is gone, or what it sent turned out malformed: give up all that is held for it; nothing may
     * be sent any more.  Not called once the handler has ended its answer.  May be NULL. */
    void (*abort)(struct request *, const char *reason);
};

#endif
