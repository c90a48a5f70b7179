/*
 * discovery_set.h: the difference between the servers an upstream should have, as its sources (names, a file)
 * say, and the keeper's records on the board; and how the board is made to say the same.
 */
#ifndef WEIR_CORE_DISCOVERY_DISCOVERY_SET_H
#define WEIR_CORE_DISCOVERY_DISCOVERY_SET_H

#include "core/board/board_server.h"
#include "core/config/config.h"
#include "core/discovery/servers_file.h"
#include "io/resolver.h"

/* All that is wanted of one origin in one upstream. */
struct discovery_wish {
    const struct upstream *upstream;
    enum board_origin origin;
    const struct server_set *const *sets; /* of each source; the first that has a name counts */
    size_t set_count;
    /*
     * Every source has spoken: what none of them has goes.  Else a record goes only if it was of `former`,
     * what the source that speaks had before (may be NULL): the others may have come from those that are
     * silent, and stay.
     */
    bool all_spoke;
    const struct server_set *former;
    int64_t slow_start_from_ms; /* for servers that join others; 0: none */
};

/* What changed, as names for the log: "~ A, + B, - C"; "~": it has another weight, rank or template. */
#define DISCOVERY_CHANGE_TEXT 512

struct discovery_change {
    size_t added, removed, changed, failed; /* failed: there was no room on the board */
    size_t count; /* servers of the origin there are now */
    char text[DISCOVERY_CHANGE_TEXT];
    char dropped[DISCOVERY_CHANGE_TEXT]; /* "- A": of the API, whose names a file gives to other addresses */
};

/*
 * Makes the board say what is wished; an error leaves what can be left.  A server that the API added and a file names
 * now is the file's from then on, with what was changed of it: as when the configuration has it.
 */
void discovery_set_apply(struct board *, const struct discovery_wish *, struct discovery_change *);

/* Whether the board has a record of that origin in the upstream. */
bool discovery_set_has(struct board *, struct str upstream, enum board_origin origin);

/*
 * What an answer for server `template_at` of the upstream says, in memory of `pool`: the addresses, and of
 * `former` (may be NULL) those of a family of which nothing was learnt.  Of SRV those of the lowest priority
 * are servers, others backups, with weights scaled to 1 to 256.
 */
struct server_set discovery_set_of(struct pool *, const struct upstream *, uint32_t template_at,
                                   const struct resolver_answer *, const struct server_set *former);

#endif
