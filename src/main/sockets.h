/*
 * sockets.h: the table of listening sockets: one entry for each address, with a SO_REUSEPORT socket for each
 * worker, or one where the address is a unix path or belongs to the keeper.  The master makes them, keeps them
 * open and hands them on; every process it forks inherits them.  Socket i is served by worker i mod n.
 * A configuration is tried first: sockets_plan() binds what is new, sockets_undo() gives it up again,
 * sockets_commit() makes it the one that counts.
 */
#ifndef WEIR_MAIN_SOCKETS_H
#define WEIR_MAIN_SOCKETS_H

#include <stdbool.h>

#include "core/config/config.h"
#include "core/worker.h"
#include "io/listener.h"
#include "main/handover.h"

struct sockets_entry {
    struct sockets_entry *next;
    enum handover_kind kind; /* HANDOVER_TCP, HANDOVER_UNIX or HANDOVER_CONTROL */
    struct listener_spec spec;
    char address[HANDOVER_ADDRESS_SIZE];
    int *fds; /* malloc */
    unsigned count;
    unsigned served;  /* how many the kernel gives new connections to */
    unsigned before;  /* sockets there were before the plan */
    bool is_planned;  /* the configuration under trial names it */
    bool is_removed;  /* the serving configuration no longer names it: to be closed soon */
};

struct sockets {
    struct sockets_entry *first;
    int take; /* listening; -1: none */
    char take_path[HANDOVER_ADDRESS_SIZE]; /* "" : none */
    bool take_is_tried; /* the plan has replaced it; the one before is kept until it counts */
    int take_before;
    char take_path_before[HANDOVER_ADDRESS_SIZE];
};

void sockets_init(struct sockets *);

/* The entry of an address, as listener_address_text() has it, or NULL. */
struct sockets_entry *sockets_find(const struct sockets *, const char *address);

/*
 * Takes over what was handed on: those descriptors leave the set.  What is not a listening socket bound to the
 * address it is said to have stays in it.
 */
void sockets_adopt(struct sockets *, struct handover_set *);

/* Binds what `config` names and is not there; 0, or -1 with text in `error` and the table as before. */
int sockets_plan(struct sockets *, const struct config *config, char *error, size_t error_size) WEIR_MUST_CHECK;

/* Closes what the last plan has bound. */
void sockets_undo(struct sockets *);

/* What the plan adds and removes: " Added: ADDRESS ADDRESS. Removed: ADDRESS.", or nothing; cut at `size`. */
void sockets_changes(const struct sockets *, char *text, size_t size);

/*
 * The plan counts now.  Addresses it does not name take no new connection any more (a filter drops SYN, a unix
 * path is removed) and are marked; true: there are such, to be closed by sockets_close_removed().
 */
bool sockets_commit(struct sockets *);

/* Makes the kernel give new connections to as many sockets as there are workers now. */
void sockets_steer(struct sockets *, const struct config *config);

void sockets_close_removed(struct sockets *);

/* In a forked process: closes what `config` does not name. */
void sockets_keep(struct sockets *, const struct config *config);

/*
 * Nobody will serve the workers' addresses any more: sockets_run_dry() keeps new connections from them (a filter drops
 * SYN, a unix path is removed), and those that are on their way are still to be accepted; sockets_shut() then has the
 * kernel refuse all, whichever process holds the sockets, and closes ours.
 */
void sockets_run_dry(struct sockets *, const struct config *config);
void sockets_shut(struct sockets *);

/*
 * What a process accepts from, in an array of `pool`: those of worker `index` of `count`, or with `keeper` those of
 * the keeper.  Their number.  Behind them lie those of the worker before, *standby, which this one serves when
 * that one does not.
 */
size_t sockets_of(const struct sockets *, const struct config *config, bool keeper, unsigned index,
                  unsigned count, struct pool *pool, struct worker_socket **out, size_t *standby);

/* All of them as items to be handed over (malloc, *count); the descriptors are lent. */
struct handover_item *sockets_items(const struct sockets *, size_t *count);

/* Removes the unix paths: the last thing a master does that has no successor. */
void sockets_unlink(const struct sockets *);

/* Closes all. */
void sockets_free(struct sockets *);

#endif
