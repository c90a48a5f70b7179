/*
 * discovery_index.h: which upstreams the board's records belong to, kept by one walk over the board for a change
 * of any of them: so a change in one upstream is no work for the groups of all others.
 */
#ifndef WEIR_CORE_DISCOVERY_DISCOVERY_INDEX_H
#define WEIR_CORE_DISCOVERY_DISCOVERY_INDEX_H

#include "core/board/board_server.h"

struct discovery_index;

/* The records of one upstream, at the last look. */
struct discovery_records {
    uint64_t sum; /* another number when one of them came, changed or went; 0: there are none */
    unsigned count[BOARD_ORIGIN_FILE + 1]; /* by origin */
};

/* In `pool`, for about so many upstreams. */
struct discovery_index *discovery_index_new(struct pool *pool, size_t expected);

/* Records of that upstream and origin are looked for; what the looks find.  The name is borrowed. */
const struct discovery_records *discovery_index_add(struct discovery_index *, struct str upstream,
                                                    enum board_origin);

/* Whether they were added. */
bool discovery_index_has(const struct discovery_index *, struct str upstream, enum board_origin);

/* To be called often: does nothing when no record has changed. */
void discovery_index_look(struct discovery_index *, struct board *);

#endif
