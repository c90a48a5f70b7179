/*
 * stats.h: counters of one process, in its own cache lines on the board; written by plain stores of one
 * writer, summed by readers, never reset.
 */
#ifndef WEIR_CORE_BOARD_STATS_H
#define WEIR_CORE_BOARD_STATS_H

#include <stdint.h>

struct request;
struct worker;

/* Upper bounds of the latency histogram in milliseconds: 1 2 4 ... 2^14, then all. */
#define STATS_BUCKETS 16

struct stats_histogram {
    uint64_t bucket[STATS_BUCKETS];
    uint64_t sum_ms;
};

/* What became of the cookie that ties a client to a server; the order is that of the metric's labels. */
enum sticky_result {
    STICKY_KEPT, /* the server that the cookie names has answered */
    STICKY_NEW, /* there was none, and it was set, rewritten or learnt */
    STICKY_MOVED, /* another has answered than the one named */
    STICKY_FORGED, /* the cookie names no server and never did: made up, foreign, or forgotten */
    STICKY_RESULTS
};

struct process_stats {
    uint64_t requests;
    uint64_t responses[6];               /* by first digit of the status; [0]: none was sent */
    uint64_t bytes_received, bytes_sent; /* bodies */
    uint64_t accepted;                   /* connections */
    uint64_t connections;                /* gauge: open client connections */
    uint64_t h2_connections; /* gauge: those of them that speak HTTP/2 */
    uint64_t h2_requests; /* of `requests` */
    uint64_t h2_refused; /* connections ended because of what the client did */
    uint64_t h2_stalled; /* streams ended because the client took nothing of their answers */
    uint64_t tls_handshakes, tls_resumptions, tls_failures; /* with clients; resumptions are handshakes too */
    uint64_t tls_waits; /* steps of handshakes that were put off to a later turn */
    uint64_t upstream_connects, upstream_reuses, upstream_failures;
    uint64_t upstream_handshakes, upstream_resumed, upstream_handshakes_failed; /* of TLS towards servers */
    uint64_t breaker_refused; /* requests and retries that `circuit_breaker` did not let through */
    uint64_t limited_connections; /* closed because of `connection_limit` */
    uint64_t shed[3]; /* turned away under load, by enum route_priority */
    uint64_t sticky[STICKY_RESULTS];
    uint64_t heartbeat_ms;
    struct stats_histogram duration;
};

/* Counters of one process for one upstream server. */
struct peer_stats {
    uint64_t active; /* gauge: requests being forwarded */
    uint64_t queued; /* gauge: requests that wait for a place */
    uint64_t requests, failures;
    uint64_t retries; /* requests that came from another server, or again to this one */
    struct stats_histogram latency; /* request sent to first byte */
};

/* Counts a finished request. */
void stats_request(struct process_stats *, const struct request *, int64_t duration_ms);

void stats_histogram_add(struct stats_histogram *, int64_t ms);

/*
 * The value below which `part` (0 to 1) of the observations lie, in ms, from summed buckets; between the
 * bounds of a bucket the observations count as evenly spread.  0 without any; beyond the last bound, that
 * bound.
 */
double stats_quantile(const struct stats_histogram *, double part);

#endif
