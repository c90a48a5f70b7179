/*
 * handler.h: what a route does with a request, as a table of functions.  A handler answers through
 * request_send_head() and the request's `out`; it keeps what it needs in request->handler_data.
 */
#ifndef WEIR_CORE_HANDLER_H
#define WEIR_CORE_HANDLER_H

#include "base/str.h"

struct request;

struct handler {
    const char *name; /* for logs and explain */
    /*
     * The head is complete and routed.  `body` is what of the request's body is there already (may be empty),
     * `last` whether that is all of it.  The bytes are the worker's: copy what is kept.
     */
    void (*start)(struct request *, struct str body, bool last);
    /* More of the body, after the credit() of the request's `out` asked for it.  NULL: the body is dropped. */
    void (*body)(struct request *, struct str bytes, bool last);
    /* The client can take more: after an `out` function answered false.  May be NULL where only a head is
     * sent. */
    void (*resume)(struct request *);
    /* The client is gone, or what it sent turned out malformed: give up all that is held for it; nothing may
     * be sent any more.  Not called once the handler has ended its answer.  May be NULL. */
    void (*abort)(struct request *, const char *reason);
};

#endif
