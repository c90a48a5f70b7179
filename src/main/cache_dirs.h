/*
 * cache_dirs.h: the directories of caches, as far as they need the master: those on disks are given to the workers' user,
 * those of caches in memory lie in one directory of the instance under /dev/shm, "weir-" and a number made from the
 * board's secret: it stays the same over reload, upgrade and take-over.  All processes of the instance hold a lock on
 * that directory, which ends with the last of them, however that ends: so it can be told, then and by another instance
 * later, that nobody needs it any more.
 */
#ifndef WEIR_MAIN_CACHE_DIRS_H
#define WEIR_MAIN_CACHE_DIRS_H

#include "base/log.h"
#include "conf/report.h"
#include "core/board/board.h"
#include "core/config/config.h"
#include "main/privdrop.h"

struct master;

struct cache_dirs {
    int fd; /* of the instance's directory, locked; processes inherit it; -1: none */
    char path[64];
    bool drops; /* it belongs to `user` */
    struct privdrop_user user;
};

/*
 * Makes what is missing for the caches of `config` and says in cache_conf.directory where those in memory lie.  `user`:
 * whom they are to belong to; NULL: to us.  What fails is logged; the caches store nothing then.
 */
void cache_dirs_make(struct cache_dirs *, struct board *, struct config *, const struct privdrop_user *user,
                     struct log *);

/* In a process of its own: removes what ended instances left, and what no generation has any more. */
void cache_dirs_tidy(struct master *);

/* The master's end: removes the instance's directory, unless a process has it still.  Waits. */
void cache_dirs_end(struct cache_dirs *);

/* For -t: whether the directories can be made and written to; true: no error. */
bool cache_dirs_check(const struct config *, struct conf_report *);

#endif
