/* discovery_source.h: for discovery*.c alone: a name or a file, and those of one upstream together. */
#ifndef WEIR_CORE_DISCOVERY_DISCOVERY_SOURCE_H
#define WEIR_CORE_DISCOVERY_DISCOVERY_SOURCE_H

#include "core/discovery/discovery.h"
#include "core/discovery/discovery_index.h"
#include "core/discovery/discovery_set.h"
#include "io/resolver.h"
#include "io/watch.h"

#define DISCOVERY_FAILURE 600

struct discovery_source {
    struct discovery_group *group;
    struct str name; /* of the server, or the path of the file; ends in NUL */
    int slot;
    struct peer_shared *shared, own_shared;
    struct server_set set, next; /* in force; to be in force */
    struct pool *pool, *next_pool; /* theirs; without next_pool there is no next */
    bool spoke; /* with all it has to say */
    bool spoke_ever; /* also of an error */
    int64_t look_at_ms;
    char told[200]; /* the last error that was logged */
    char failure[DISCOVERY_FAILURE]; /* of the last look; empty: it was good */

    /* Of a name. */
    struct resolver_question question;
    char host[256];
    uint32_t template_at;
    unsigned failures; /* one after another */
    bool asked; /* a question is under way */
    bool is_cut; /* it has more addresses than are taken: told */

    /* Of a file. */
    struct servers_file_mark mark;
    bool has_mark; /* of the last state that was read, well or badly */
    int wd; /* of its directory; -1: not watched */
    char directory[4096];
};

/* All sources of one kind in one upstream. */
struct discovery_group {
    struct discovery *discovery;
    const struct upstream *upstream;
    enum board_origin origin;
    struct discovery_source *sources;
    const struct server_set **sets; /* theirs */
    size_t count;
    bool filled; /* the board had servers of it before this keeper came */
    bool is_full; /* no room on the board: told */
    const struct discovery_records *records; /* of the upstream */
    uint64_t seen; /* group_sees() when the board was last made right */
};

struct discovery {
    struct worker *worker;
    struct discovery_group *groups;
    size_t count;
    struct discovery_index *index;
    struct resolver *resolver; /* NULL: no name is to be resolved, or it cannot work */
    struct watch *watch; /* NULL: no inotify */
    int64_t stale_at_ms;
    uint32_t stale_seen;
};

/* discovery_look.c: asks and reads when it is time. */
void discovery_look_start(struct discovery *);
void discovery_look_stop(struct discovery *);
void discovery_look_tick(struct discovery *, bool serves);

/* What came of a look.  The set lies in `pool`, which becomes the source's. */
void discovery_source_says(struct discovery_source *, struct pool *, const struct server_set *,
                           bool complete);
void discovery_source_is_well(struct discovery_source *);
void discovery_source_failed(struct discovery_source *, const char *why);

#endif
