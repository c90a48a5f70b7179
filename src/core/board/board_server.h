/*
 * board_server.h: servers that are in no file: added through the runtime API, found by DNS, or read from a
 * servers_file.  Each is a record on the board, with the counters and shared words of its slot; workers of all
 * generations take it in (core/upstream/upstream_servers.h).  The keeper of the serving generation writes them; what
 * no generation has yet also the master at load, and a keeper that is about to serve (core/discovery/discovery.h).
 * What is read back is not believed: it is copied, and a record that no keeper would have written is none.
 */
#ifndef WEIR_CORE_BOARD_BOARD_SERVER_H
#define WEIR_CORE_BOARD_BOARD_SERVER_H

#include "base/addr.h"
#include "core/board/board.h"

enum board_origin { BOARD_ORIGIN_NONE, BOARD_ORIGIN_API, BOARD_ORIGIN_DNS, BOARD_ORIGIN_FILE };

/* The record takes no configured server's settings. */
#define BOARD_NO_TEMPLATE UINT32_MAX

/*
 * How long after its removal a slot is given to no other server: a process that was stuck may not know yet.
 */
#define BOARD_SERVER_REST_MS 60000

struct board_server {
    struct str upstream, name; /* together at most BOARD_NAME_MAX bytes, without control characters */
    struct addr address; /* IPv4 or IPv6 with a port, or a unix path */
    enum board_origin origin;
    unsigned weight; /* 0 to PEER_WEIGHT_MAX */
    bool backup;
    /*
     * The named slot of the configured server whose settings it has, or BOARD_NO_TEMPLATE: each generation
     * finds its own of that name by it, wherever that stands in its file.
     */
    uint32_t template_slot;
};

/*
 * Keeper: a new record with fresh counters and shared words.  Its slot, from BOARD_SERVERS_FROM on, good for
 * board_peer_shared() too; -1: it is none that board_server_read() would give back, or all slots are taken
 * (those removed come back with board_server_collect()).  That its name is new in the upstream is the
 * caller's business.
 */
int board_server_add(struct board *, const struct board_server *) WEIR_MUST_CHECK;

/*
 * Keeper: gives a record the weight, the rank and the template of `s`; else it stays the server it was, with
 * its counters and shared words.  No such record, or one that would not be read back: nothing happens.
 */
void board_server_change(struct board *, unsigned slot, const struct board_server *s);

/* Keeper: takes a record out; workers let what is under way end.  No such record: nothing happens. */
void board_server_remove(struct board *, unsigned slot);

/*
 * Keeper, every second or so: makes free what was removed BOARD_SERVER_REST_MS before `now_ms` (monotonic)
 * and has nothing active or queued in any process.  How many.
 */
unsigned board_server_collect(struct board *, int64_t now_ms);

/* A copy of a record, its names in `text`; 0, or -1: there is none, or it changes at this moment. */
int board_server_read(struct board *, unsigned slot, struct board_server *,
                      char text[BOARD_NAME_MAX]) WEIR_MUST_CHECK;

/* Which of its owners a slot has; 0: no record.  Another number means another server. */
uint32_t board_server_incarnation(struct board *, unsigned slot);

/*
 * Another number after board_server_change().  Read before the record: who then sees half a change finds
 * another number at the next look.
 */
uint64_t board_server_revision(struct board *, unsigned slot);

/* Slots from BOARD_SERVERS_FROM to below this number may have records. */
unsigned board_server_end(const struct board *);

/* Another number after each change of the records; health, states and weights do not change it. */
uint32_t board_servers_version(const struct board *);

/* Keeper: whether the changes that were saved in state_dir are on this board. */
bool board_changes_read(const struct board *);
void board_set_changes_read(struct board *);

#endif
