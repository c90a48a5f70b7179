/*
 * listener.h: listening sockets: binding them (in the master, one SO_REUSEPORT socket for each worker, or
 * one unix socket for all) and accepting from them (in a worker).  A descriptor outlives the processes
 * that use it: it is handed on by the master and never closed while its listener exists, so a stopped
 * listener leaves its descriptor open.
 */
#ifndef WEIR_IO_LISTENER_H
#define WEIR_IO_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "io/loop.h"

#define LISTENER_ACCEPTS_PER_TURN 64
#define LISTENER_PAUSE_MS 100

struct listener_spec {
    struct sockaddr_storage address; /* AF_INET, AF_INET6 or AF_UNIX */
    socklen_t address_len;
    int backlog;
    int defer_accept_s; /* TCP_DEFER_ACCEPT in seconds; 0: off */
    mode_t unix_mode;   /* of the unix socket's file */
};

struct listener {
    struct loop *loop;
    struct event *event;
    struct event *pause;
    int fd;
    int spare; /* given up to refuse a connection when descriptors are short; -1: none */
    unsigned per_turn;
    bool running;
    /*
     * A new connection: `fd` (non-blocking, close-on-exec) is the callee's from now on.  The callee may
     * stop the listener, but frees it only by loop_defer().
     */
    void (*on_accept)(struct listener *, int fd, const struct sockaddr_storage *peer, socklen_t len);
    void *arg; /* the callee's */
    uint64_t accepted;
    uint64_t pauses; /* times that descriptors or memory were short */
};

/* Text form of an address ("192.0.2.1:80", "[::1]:80", "unix:/path") for messages; always ends in NUL. */
void listener_address_text(const struct sockaddr_storage *, socklen_t, char *text, size_t size);

/*
 * One listening socket.  `shared` false: the address must be free, another listener on it is an error,
 * whether it shares or not; then the socket lets others of ours join.  `shared` true: joins those.
 * A unix path that nobody serves any more is taken over.  The descriptor, or -1 with text in `error`.
 */
int listener_bind(const struct listener_spec *, bool shared, char *error, size_t error_size);

/*
 * Sockets for `n` workers into `fds`: n for TCP, the first as `shared` says; port 0 becomes one port for all.
 * One for a unix address.  Their number, or -1 with text in `error` and none left open.
 */
int listener_bind_all(const struct listener_spec *, int *fds, int n, bool shared, char *error, size_t error_size);

/*
 * Whether one is all addresses of a family and the other a single one at the same port: both can be bound if
 * the second is shared, and the kernel gives a connection to the one that names its address.
 */
bool listener_overlaps(const struct sockaddr_storage *a, const struct sockaddr_storage *b);

/* Whether `fd` is a listening socket bound to the address of the spec. */
bool listener_is_bound_to(int fd, const struct listener_spec *);

/*
 * Prepares to accept from `fd`, which stays the caller's, and to give connections to `on_accept`; 0, or -1
 * (libevent, memory).
 */
int listener_init(struct listener *, struct loop *, int fd,
                  void (*on_accept)(struct listener *, int, const struct sockaddr_storage *, socklen_t),
                  void *arg);

/* Begins to accept; 0, or -1. */
int listener_start(struct listener *);

/* Deletes the events; the descriptor stays open and may then be closed or handed on. */
void listener_stop(struct listener *);

/* Stops and frees what listener_init() took, not the descriptor. */
void listener_free(struct listener *);

#endif
