/*
 * h2_limits.h: what an HTTP/2 client may cost, in one place: each number, why it is that, and the attack that it is
 * for (RFC 9113 10.5).  Beside them what else is legal, costs a client nothing and leads nowhere is counted: pings,
 * settings, priorities, window updates, empty frames, streams that are reset.  Each is a glitch unless what is sent and
 * received explains it; too many of them within ten seconds end the connection with ENHANCE_YOUR_CALM.
 */
#ifndef WEIR_HTTP_H2_LIMITS_H
#define WEIR_HTTP_H2_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- streams ---- */

/*
 * Of one client at a time, told in SETTINGS.  Those count whose handler has not let go of them yet, too: a stream that
 * was reset frees its place only when its work has ended.  Browsers want 100.  For: rapid reset (CVE-2023-44487).
 */
#define H2_STREAMS_MAX 128

/*
 * The client's last streams of which is remembered whether they were opened and ended: several times as many as may be
 * open.  For: frames on streams that are over, which make a server reset them (CVE-2025-8671, MadeYouReset).
 */
#define H2_GUARD_STREAMS 512

/*
 * Resets that nghttp2 lets pass, at once and per second: above H2_GLITCHES_MAX, so that our own count ends the
 * connection first, and tells why.  For: rapid reset.
 */
#define H2_RESET_BURST 2000
#define H2_RESET_RATE 200

/* ---- heads ---- */

/*
 * A block of fields that is so many times as large as was announced (MAX_HEADER_LIST_SIZE) is no mistake: it is not
 * read to its end.  What is over the limit by less is answered 431, and is a glitch.  For: HPACK bombs, where a byte
 * stands for a field of 4 KB (CVE-2016-6581).
 */
#define H2_BOMB_FACTOR 4

/* CONTINUATION frames of a head: a head of the largest size that is announced needs four or five.  For: those without
 * end (CVE-2024-28182), which versions of nghttp2 limit differently, or not. */
#define H2_CONTINUATIONS_MAX 8

/* ---- memory ---- */

/*
 * Bytes that nghttp2 may have for one connection: its tables of HPACK (4 KB each way), streams, and frames that wait.
 * An honest client with all streams open needs about 150 KB.  For: queues of answers to PING and SETTINGS that are not
 * read (CVE-2019-9512, -9515), priorities of idle streams (CVE-2019-9513).
 */
#define H2_MEMORY_MAX ((size_t)1024 * 1024)

/* Frames that are made and not taken by the socket; with more nothing is made.  For: internal data buffering
 * (CVE-2019-9517). */
#define H2_OUTPUT_BYTES ((size_t)64 * 1024)

/*
 * Bytes of bodies that may come before a handler takes them, of one stream and of all: what a connection can make us
 * keep, however many streams it opens.  Two round trips of 10 ms at 100 Mbit/s.
 */
#define H2_WINDOW_STREAM (128 * 1024)
#define H2_WINDOW_CONN (256 * 1024)

/* ---- time ---- */

/*
 * A client that takes nothing of what waits on its connection, by its socket or by the connection's window, is gone
 * after this, or after the shortest timeouts.client_send of the routes whose answers wait.
 */
#define H2_STALL_MS 30000

/*
 * So much of an answer must be taken within timeouts.client_send: less is as nothing, for a window that is opened by a
 * byte now and then keeps a stream and its server as well as none at all.  For: data dribble and zero windows
 * (CVE-2019-9511, -9517).
 */
#define H2_STALL_BYTES 512

/* Streams of one connection that are reset because of that, within ten seconds: more are no accident. */
#define H2_STALLED_MAX 32

/*
 * A DATA frame of the client that is shorter, or one of ours that a window has cut to less, explains nothing that the
 * client sends.
 */
#define H2_DRIBBLE_BYTES 256

/* A body must come at this rate, bytes per second, once the client has been waited for that long.  For: slow POST. */
#define H2_BODY_RATE 500
#define H2_BODY_GRACE_MS 10000

/* Of a body that nobody wants any more so much is taken, so long, while the client learns of its answer. */
#define H2_DROP_BYTES (256 * 1024)
#define H2_DROP_MS 1000

/* Between the word that the connection will end and its end (RFC 9113 6.8). */
#define H2_NOTICE_MS 1000

/* ---- frames ---- */

/*
 * Glitches within so many milliseconds.  A browser that leaves a page of 300 pictures resets as many streams.  For:
 * floods of PING, SETTINGS, PRIORITY, PRIORITY_UPDATE, RST_STREAM and of empty frames (CVE-2019-9511 to -9518,
 * CVE-2020-11080), rapid reset.
 */
#define H2_GLITCHES_MAX 500
#define H2_GLITCHES_MS 10000

/* Control frames that are explained by those with content are not saved for ever. */
#define H2_EXPLAINED_MAX 1000

/* A frame with content explains so many that have none: a client may update two windows for each, and more. */
#define H2_EXPLAINS 4

/* All zero: a new connection. */
struct h2_limits {
    int64_t since; /* monotonic ms: when these ten seconds began */
    unsigned glitches; /* in them */
    unsigned stalled; /* streams of which nothing was taken, in them */
    unsigned explained; /* control frames that may come without being glitches */
};

/* A frame with content was sent or received: it explains some that have none. */
static inline void h2_limits_explain(struct h2_limits *l)
{
    if (l->explained < H2_EXPLAINED_MAX)
        l->explained += H2_EXPLAINS;
}

/* A glitch, at `now`.  False: it was one too many. */
bool h2_limits_glitch(struct h2_limits *, int64_t now);

/* A frame without content: a glitch unless one with content explains it.  False: it was one too many. */
bool h2_limits_control(struct h2_limits *, int64_t now);

/* A stream of which nothing was taken.  False: it was one too many. */
bool h2_limits_stalled(struct h2_limits *, int64_t now);

#endif
