/*
 * store_list.h: the names in one of the store's directories, for the walk and for eviction.
 */
#ifndef WEIR_CORE_CACHE_STORE_LIST_H
#define WEIR_CORE_CACHE_STORE_LIST_H

#include <dirent.h>
#include <sys/stat.h>

#include "core/cache/store_file.h"

struct store_list {
    DIR *dir; /* NULL: there is no such directory */
    unsigned directory;
};

/* 0, also where the directory is missing; -1 with *fault. */
int store_list_open(struct store *, unsigned directory, struct store_list *, struct store_fault *);
void store_list_close(struct store_list *);

/* The next name, NULL at the end; and what stat says of it, false: it is gone, or no regular file. */
const char *store_list_next(struct store_list *);
bool store_list_stat(struct store_list *, const char *name, struct stat *);

#endif
