/*
 * upload.h: a request on its way to a server: its head, then its body as the client sends it, framed anew.
 * The body goes on as it comes; what the server does not take is kept in a spool, and the route's buffering
 * says how much of that there may be before the client has to wait.  A body that may be needed again is kept
 * whole, as it came, until it is known that it is not.
 */
#ifndef WEIR_CORE_PROXY_UPLOAD_H
#define WEIR_CORE_PROXY_UPLOAD_H

#include "core/request.h"
#include "core/proxy/spool.h"
#include "core/upstream/uconn.h"
#include "http/h1_chunk.h"
#include "http/h1_write.h"

enum upload_result {
    UPLOAD_DONE, /* all is with the kernel */
    UPLOAD_BLOCKED, /* the server takes no more: upload_flush() once it can be written to */
    UPLOAD_HUNGRY, /* the rest of the body has not come yet */
    UPLOAD_FAILED, /* the connection failed, with errno */
    UPLOAD_DISK_FAILED, /* the spool's file failed, with errno */
    UPLOAD_TOO_LARGE, /* the head is: nothing was sent */
    UPLOAD_UNSAFE /* a byte of the head must not be sent: nothing was */
};

struct upload {
    struct request *req;
    struct uconn *uconn; /* that it goes to as HTTP/1; NULL: the body is only kept */
    struct spool *spool; /* NULL: nothing had to be kept so far */
    struct str unsent; /* of the head, comes before the spool */
    enum body_buffering buffering;
    bool touched; /* something of it, head and framing included, was given to a server's connection */
    bool begun; /* the head was sent: the body may follow */
    bool chunked;
    bool last; /* the end of the body has come */
    bool stopped; /* no more is sent: the server does not want it */
    bool sink_blocked; /* the server takes no more of what comes by upload_sink() */

    /* Of a body that is kept: the spool holds it without framing. */
    bool whole;
    bool if_small; /* only as long as it fits in memory */
    bool ended; /* the last chunk was made */
    uint64_t chunk_left; /* of the chunk begun */
    char line[H1_CHUNK_LINE_MAX]; /* what `unsent` points to within the body */
};

void upload_init(struct upload *, struct request *);

/* All of the body is kept from now on, so that upload_restart() can begin anew; before anything else. */
void upload_keep_whole(struct upload *);

/* The same as long as it is not larger than the memory it may have. */
void upload_keep_small(struct upload *);

/* It is not needed any more. */
void upload_let_go(struct upload *);

/* Whether upload_restart() may follow although something was sent; the body need not be there yet. */
bool upload_is_kept(const struct upload *);

/* Part of the body while there is no connection; 0, or -1 with errno when the disk does not take it. */
int upload_keep(struct upload *, struct str body, bool last) WEIR_MUST_CHECK;

/* How the body is to be framed by whoever writes the head, if `body` and `last` are what comes with it. */
struct h1_framing upload_framing(struct upload *, struct str body, bool last);

/* Sends `head`, then what was kept, or `body`; both are the caller's again.  After upload_framing(). */
enum upload_result upload_start(struct upload *, struct uconn *, struct h1_buffer *head, struct str body,
                                bool last);

/*
 * Forgets a connection on which a request was begun whose body is kept, or was not touched, and with it what of
 * the head that connection did not take: the head is written anew for the next one.
 */
void upload_restart(struct upload *);

/* More of the body. */
enum upload_result upload_body(struct upload *, struct str body, bool last);

/*
 * The socket that may be given more of the body without a look at it, after all that came before; -1: none now.
 * upload_sunk() says what became of it, as upload_body() would.
 */
int upload_sink(const struct upload *);
enum upload_result upload_sunk(struct upload *, size_t bytes, enum handler_sunk);

/* Sends what waits. */
enum upload_result upload_flush(struct upload *);

/* The connection turns into a tunnel: bytes go on as they are. */
void upload_tunnel(struct upload *);

/* The same from the start: there is no head. */
void upload_start_tunnel(struct upload *, struct uconn *);

/* How much of the body the client may send now; 0: it has to wait. */
size_t upload_wants(const struct upload *);

bool upload_is_done(const struct upload *);

/* Something waits because the server does not take it. */
bool upload_is_blocked(const struct upload *);

/* Nothing was sent, and the body is still where it came from, all of it and unframed. */
bool upload_is_untouched(const struct upload *);

/* The client waits only because memory is full, and the disk might be used. */
bool upload_is_held(const struct upload *);

#endif
