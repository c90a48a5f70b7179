/*
 * board_map.h: how the board's bytes lie; for board*.c alone.  A change here or in stats.h
 * changes the layout hash, and with it which binaries can take a board over from each other.
 */
#ifndef WEIR_CORE_BOARD_BOARD_MAP_H
#define WEIR_CORE_BOARD_BOARD_MAP_H

#include "base/hash.h"
#include "core/board/board.h"
#include "core/board/board_staples.h"
#include "core/board/board_tickets.h"
#include "core/board/board_challenge.h"
#include "core/board/board_claim.h"
#include "core/board/board_cache.h"
#include "core/board/limit_table.h"
#include "core/upstream/sticky_learn.h"

#define BOARD_MAGIC 0x3264726f62726577ULL /* "werbord2" */
#define BOARD_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Keys of session tickets, see board_tickets.h; written by the keeper alone. */
struct board_tickets {
    int64_t made_ms; /* monotonic: the newest */
    uint32_t newest; /* counts the keys made */
    struct board_ticket_key ring[BOARD_TICKET_KEYS + 1];
};

/*
 * Words for all; the page's rest is spare.  The first four lie where they lie in every version for ever, so
 * that any can drain the processes of another's board and take its secret over (board_former.h).
 */
struct board_head {
    uint64_t magic;
    uint64_t layout;
    uint64_t serve_from;
    uint8_t secret[BOARD_SECRET];
    int64_t started_s;
    uint64_t last_generation;
    uint64_t end_before;
    uint64_t restarts;
    uint32_t process_end; /* slots from here on were never taken */
    uint32_t peer_end; /* the same of the master's named slots */
    uint32_t cache_end; /* the same of caches */
    uint32_t server_end; /* the same of the keeper's, counted from BOARD_SERVERS_FROM */
    uint32_t peers_version; /* counts changes of servers' shared words and of the keeper's records */
    uint32_t servers_version; /* counts changes of the keeper's records alone */
    uint32_t changes_read; /* what state_dir has was put on this board */
    int32_t master_pid;
    struct board_tickets tickets;
    uint32_t challenges; /* how many are open; the keeper's */
} __attribute__((aligned(4096)));

/* Two cache lines at least: the prefetcher takes them in pairs. */
struct board_process_slot {
    struct board_process process;
} __attribute__((aligned(128)));

/* Of a named slot; the last two of the keeper's alone. */
enum board_peer_use { BOARD_PEER_FREE, BOARD_PEER_USED, BOARD_PEER_REMOVED, BOARD_PEER_TAKEN };

/* A named slot; written by the master alone, those of the keeper's servers by the keeper. */
struct board_peer {
    uint64_t generation; /* newest that named it */
    uint32_t incarnation;
    uint16_t is_used; /* enum board_peer_use */
    uint8_t upstream_len, server_len;
    char name[BOARD_NAME_MAX]; /* upstream, then server */
};

/* What a record of the keeper's says besides. */
struct board_server_record {
    struct addr address;
    uint32_t origin; /* enum board_origin */
    uint32_t weight;
    uint32_t template_slot; /* of the configured server whose settings it has; BOARD_NO_TEMPLATE: none */
    uint32_t backup;
    int64_t removed_ms; /* monotonic: when it was taken out */
    uint64_t revision; /* counts changes since its server is there */
};

/* Of an authority, for all workers; written by the keeper. */
struct board_challenge {
    uint32_t version; /* odd: it is being written */
    uint32_t kind; /* enum board_challenge_kind */
    uint16_t key_len, value_len;
    char key[BOARD_CHALLENGE_KEY];
    char value[BOARD_CHALLENGE_VALUE];
};

struct board_counters {
    struct peer_stats stats;
} __attribute__((aligned(64)));

/* What one process counts. */
struct board_part {
    struct board_counters peers[BOARD_PEERS];
} __attribute__((aligned(4096)));

/* Of a certificate, see board_staples.h; written by the keeper alone. */
struct board_staple_place {
    uint32_t version; /* counts what was put; 0: nothing */
    uint64_t sums[2];
    struct board_staple copies[2]; /* version % 2 is shown */
};

/* Of a cache, see board_cache.h; written by the master, `size` by the janitor. */
struct board_cache {
    uint64_t generation; /* newest that named it */
    uint64_t path_hash;
    uint64_t sketch_words;
    uint32_t is_used;
    uint32_t name_len;
    char name[BOARD_CACHE_NAME_MAX];
    struct board_cache_size size __attribute__((aligned(64)));
} __attribute__((aligned(128)));

/* What one process counts of a cache. */
struct board_cache_part {
    struct store_counts counts;
    struct cache_stats stats;
} __attribute__((aligned(64)));

/* Room for purge_board_bytes(BOARD_CACHE_PURGE_BITS): two words for each number of so many bits, and a list. */
#define BOARD_CACHE_PURGE_BYTES ((16 << BOARD_CACHE_PURGE_BITS) + (1 << 19))

struct board_map {
    struct board_head head;
    struct board_process_slot processes[BOARD_PROCESSES];
    struct board_peer peers[BOARD_PEERS] __attribute__((aligned(4096)));
    struct board_server_record servers[BOARD_SERVERS] __attribute__((aligned(4096)));
    struct peer_shared shared[BOARD_PEERS] __attribute__((aligned(4096)));
    struct learn_entry learnt[BOARD_LEARNT] __attribute__((aligned(4096)));
    uint8_t staple_ids[BOARD_STAPLES][BOARD_STAPLE_ID] __attribute__((aligned(4096)));
    struct board_staple_place staples[BOARD_STAPLES] __attribute__((aligned(4096)));
    struct board_challenge challenges[BOARD_CHALLENGES] __attribute__((aligned(4096)));
    uint64_t claims[BOARD_CLAIMS] __attribute__((aligned(4096)));
    struct board_cache caches[BOARD_CACHES] __attribute__((aligned(4096)));
    struct board_cache_part cache_parts[BOARD_PROCESSES][BOARD_CACHES] __attribute__((aligned(4096)));
    uint8_t cache_purges[BOARD_CACHES][BOARD_CACHE_PURGE_BYTES] __attribute__((aligned(4096)));
    _Atomic uint64_t cache_sketches[BOARD_CACHES][BOARD_CACHE_SKETCH_WORDS] __attribute__((aligned(4096)));
    struct limit_entry limits[BOARD_PARTS][LIMIT_ENTRIES] __attribute__((aligned(4096)));
    struct board_part parts[BOARD_PARTS];
};

_Static_assert(offsetof(struct board_head, layout) == 8 && offsetof(struct board_head, serve_from) == 16 &&
                   offsetof(struct board_head, secret) == 24 && BOARD_SECRET == 32,
               "fixed for ever: other versions read and write them");
_Static_assert(sizeof(struct board_peer) == 256, "records of peers are 256 bytes");
_Static_assert(sizeof(struct board_counters) == 192, "the size that board.h names");
/* Both are summed word by word: a member of another type would need its own sum. */
_Static_assert(sizeof(struct process_stats) == (31 + STICKY_RESULTS + STATS_BUCKETS + 1) * sizeof(uint64_t),
               "words only");
_Static_assert(sizeof(struct store_counts) == 5 * sizeof(uint64_t), "words only");
_Static_assert(sizeof(struct cache_stats) == (CACHE_RESULTS + 11) * sizeof(uint64_t), "words only");
_Static_assert(sizeof(struct peer_shared) == 192, "three cache lines, which begin where one does");
_Static_assert(sizeof(struct peer_stats) == (5 + STATS_BUCKETS + 1) * sizeof(uint64_t), "words only");

struct board {
    int fd;
    struct board_map *map;
    struct pool *pool; /* of the index; NULL until a name is looked up */
    struct hash_table *index; /* name to slot + 1: the master's own, which no worker can change */
    unsigned free_from; /* named slots below it are in use */
    unsigned server_free_from; /* the keeper's below it, counted from BOARD_SERVERS_FROM, are in use */
    struct peer_stats scrap;
    struct peer_shared scrap_shared;
};

/* Zeroes what in the part of `slot` must not outlive its process. */
void board_part_zero_gauges(struct board *, unsigned slot);

/*
 * At no server requests wait any more in workers of number `index`.  Another of that number, of an older
 * generation, says so anew at its next look.
 */
void board_waiter_clear(struct board *, unsigned index);

/* Takes the counters of named slot `slot` to zero, in the parts of all processes. */
void board_peer_zero(struct board *, unsigned slot);

#endif
