/*
 * discovery.h: the servers of names to be resolved (`resolve`) and of watched files (`servers_file`): found
 * by the keeper, put on the board as records that all workers take in.  What was found stays through errors,
 * through the keeper's death and through reloads; a name that has no address never keeps anybody waiting.
 *
 * How a source is doing stands in the shared words of a slot that takes no requests (of the server to be
 * resolved, or one of the file's own), so that every process can tell: check_ok, reason and checked_s of the
 * last success, looks_failed, and the servers there are (`found`).
 */
#ifndef WEIR_CORE_DISCOVERY_DISCOVERY_H
#define WEIR_CORE_DISCOVERY_DISCOVERY_H

#include "core/board/board.h"
#include "core/config/config.h"

struct discovery;
struct worker;

/*
 * Master, before it forks the processes of `config`: puts the servers that files named at load on the board,
 * where it has none of that upstream yet.  So the first request finds them; from then on they are the
 * keeper's.
 */
void discovery_seed(struct board *, const struct config *);

/* Keeper: of worker->config, also when that has nothing to find. */
struct discovery *discovery_new(struct worker *);

/* NULL is allowed, also below. */
void discovery_free(struct discovery *);

/*
 * To be called every tick.  `serves`: this is the keeper of the serving generation; before that only what no
 * keeper has found yet is looked up.
 */
void discovery_tick(struct discovery *, bool serves);

/* Whether nothing is looked up for the first time any more: each name was answered, well or badly. */
bool discovery_is_filled(const struct discovery *);

/* How a source is doing, from its slot. */
struct discovery_state {
    bool ok; /* the last look */
    uint64_t errors;
    unsigned servers;
    int64_t at_s; /* of the last good look, seconds since 1970; 0: none */
    char reason[PEER_REASON_MAX + 1]; /* why the last look failed */
};

struct discovery_state discovery_state_of(struct board *, int slot);

/*
 * Keeper: why the last look of a source (called as in the configuration) failed, whole, where `reason` above may
 * be cut; NULL: it did not, or this process has not looked.
 */
const char *discovery_failure(const struct discovery *, struct str upstream, struct str source);

#endif
