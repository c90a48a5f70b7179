/*
 * generation.h: the processes that serve one configuration.  At most one generation serves; older ones drain
 * until their last process has ended.
 */
#ifndef WEIR_MAIN_GENERATION_H
#define WEIR_MAIN_GENERATION_H

#include "core/config/config.h"
#include "main/logfiles.h"
#include "main/privdrop.h"
#include "main/process.h"

#define GENERATION_MAX 8 /* that have processes, those of former masters too */
#define GENERATION_HURRY_MS 5000 /* for the requests in hand of one that has to make room */

struct generation {
    struct generation *next;
    uint64_t number;
    struct config *config;
    struct logfiles logs;
    struct privdrop_user user;
    bool drops; /* processes become `user` */
    unsigned workers;
    unsigned ends; /* processes that ended before it served */
};

/* A new generation, first in the master's list; takes the configuration over.  NULL with text in `error`. */
struct generation *generation_new(struct master *, struct config *, char *error, size_t error_size);

/* Forks keeper, janitor and workers. */
void generation_start(struct master *, struct generation *);

/* All its processes are ready. */
bool generation_is_ready(const struct master *, const struct generation *);

/* From now on it is the one that serves; the former one's processes are not started again. */
void generation_serve(struct master *, struct generation *);

/* None of the older generations' processes accepts any more. */
bool generation_older_drain(const struct master *, const struct generation *);

/* Tells all processes of a generation (NULL: of all). */
void generation_tell(struct master *, const struct generation *, enum channel_type);

/* Kills its processes at once: it never came to serve. */
void generation_kill(struct master *, struct generation *);

/*
 * Calls on the oldest ones to end, so that no more than `most` are left.  True when there are no more.  The
 * board is asked, as a former master's processes are not ours.
 */
bool generation_limit(struct master *, unsigned most);

/* Frees those that neither serve nor start nor have a process. */
void generation_collect(struct master *, const struct generation *starting);

/* Frees all. */
void generation_free_all(struct master *);

#endif
