/*
 * h1_chunk.h: reads the chunked coding (RFC 9112 7.1) as strictly as its grammar, from pieces of
 * any size, and hands out the body as spans of the input.  Extensions are checked and dropped;
 * trailers are checked, counted, and dropped unless a list is given for them.
 */
#ifndef WEIR_HTTP_H1_CHUNK_H
#define WEIR_HTTP_H1_CHUNK_H

#include "http/header.h"

#define H1_CHUNK_EXT_MAX 256 /* bytes of extensions after one size */
#define H1_CHUNK_EXT_TOTAL (16 * 1024) /* and in one message */
#define H1_CHUNK_LINE_MAX 19 /* 16 digits, CRLF, NUL */

enum h1_chunk_event {
    H1_CHUNK_MORE, /* the input is used up */
    H1_CHUNK_DATA, /* *data is a piece of the body */
    H1_CHUNK_END, /* the message is complete; what is left of the input is not part of it */
    H1_CHUNK_BAD /* malformed or over a limit: see status and reason; do not go on */
};

struct h1_chunk {
    uint64_t left; /* bytes missing from the current chunk, or its size while that is read */
    unsigned state;
    unsigned digits;
    unsigned ext; /* bytes of extensions after this size */
    unsigned ext_total;
    size_t trailers; /* trailer fields seen */
    size_t trailer_bytes;
    size_t max_trailers;
    size_t max_trailer_bytes;
    struct header_list *sink; /* NULL: drop trailers */
    char *text; /* sink only: the trailer section so far, from the pool of the sink */
    size_t name_at; /* sink only: where the current line starts in text */
    size_t colon_at;
    int status; /* H1_CHUNK_BAD: 400, 413 (extensions) or 431 (trailers) */
    const char *reason; /* H1_CHUNK_BAD: static text */
};

/*
 * Starts a body.  At most `max_trailers` trailer fields in `max_trailer_bytes` bytes are
 * accepted.  With a `sink` they are added to it, their text in its pool; never give the list of
 * the head, which trailers must not change (RFC 9110 6.5.1).
 */
void h1_chunk_init(struct h1_chunk *, size_t max_trailers, size_t max_trailer_bytes,
                   struct header_list *sink);

/*
 * Takes what it can from the front of `*in`.  Call again after H1_CHUNK_DATA, at the latest when
 * new input is there.  `*data` points into the input.
 */
enum h1_chunk_event h1_chunk_next(struct h1_chunk *, struct str *in, struct str *data);

/*
 * Takes all it can of bytes[0..len) and moves the pieces together, so that *body is one span in it; *rest is
 * what is left.  Never H1_CHUNK_DATA.
 */
enum h1_chunk_event h1_chunk_join(struct h1_chunk *, char *bytes, size_t len, struct str *body,
                                  struct str *rest);

/* Writes the size line of a chunk of `size` bytes ("1a" CRLF, then NUL); its length without NUL. */
size_t h1_chunk_size_line(char out[H1_CHUNK_LINE_MAX], uint64_t size);

#endif
