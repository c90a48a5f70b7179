/*
 * h2_memory.h: memory for HTTP/2 sessions.  What nghttp2 takes comes from lists of used pieces that a worker keeps,
 * and is counted for each connection: beyond H2_MEMORY_MAX it gets none, and the connection ends.  The buffers in which
 * frames are gathered are kept here too.
 */
#ifndef WEIR_CORE_CLIENT_H2_MEMORY_H
#define WEIR_CORE_CLIENT_H2_MEMORY_H

#include <nghttp2/nghttp2.h>

#include "http/h2_limits.h"
#include "core/worker.h"

struct h2_spares;

/* Of one connection. */
struct h2_memory {
    struct h2_spares *spares;
    size_t used;
    nghttp2_mem mem; /* for nghttp2_session_server_new3() */
};

/* Begins to count; the memory is given back piece by piece, by nghttp2. */
void h2_memory_init(struct h2_memory *, struct worker *);

/* A buffer of H2_OUTPUT_BYTES; NULL: no memory. */
char *h2_memory_take_output(struct h2_memory *);
void h2_memory_give_output(struct h2_memory *, char *buffer);

#endif
