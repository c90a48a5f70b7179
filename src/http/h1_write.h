/*
 * h1_write.h: writes HTTP/1.1 heads from the parsed form, in one spelling.  Every byte of a line was seen by
 * the parser or is checked here, so that no rewrite, capture or setting can split a message (RFC 9112 11.1).
 * Lines that were received in that spelling are copied together: the bytes are those that would be written
 * one by one.
 */
#ifndef WEIR_HTTP_H1_WRITE_H
#define WEIR_HTTP_H1_WRITE_H

#include "http/message.h"

/* How the end of the body that follows is told (RFC 9112 6). */
enum h1_length { H1_LENGTH_NONE, H1_LENGTH_KNOWN, H1_LENGTH_CHUNKED };

struct h1_framing {
    enum h1_length kind;
    uint64_t length; /* bytes, of H1_LENGTH_KNOWN */
    struct str connection; /* the value of Connection; empty: the field is not sent */
};

/* Where a head is written: `used` bytes of `room`. */
struct h1_buffer {
    char *bytes;
    size_t room;
    size_t used;
};

enum h1_written {
    H1_WRITTEN,
    H1_WRITE_FULL, /* the buffer is too small; `used` is as it was */
    H1_WRITE_UNSAFE, /* a target, name or value holds a byte that must not be sent; `used` is as it was */
};

/* Appends the request line, the fields and the framing of `head`.  The head's own framing fields must be
 * gone. */
enum h1_written h1_write_request(struct h1_buffer *, const struct message *head,
                                 const struct h1_framing *) WEIR_MUST_CHECK;

/* The same for a response; the version is always HTTP/1.1 (RFC 9110 2.5), the reason the one given
 * or none. */
enum h1_written h1_write_response(struct h1_buffer *, const struct message *head,
                                  const struct h1_framing *) WEIR_MUST_CHECK;

#endif
