/*
 * listing_page.h: the names in a directory as HTML.
 */
#ifndef WEIR_MODULES_LISTING_PAGE_H
#define WEIR_MODULES_LISTING_PAGE_H

#include "base/pool.h"
#include "base/str.h"

struct listing_item {
    struct str name; /* as the file system has it */
    bool is_dir;
    uint64_t size; /* bytes; of files only */
    int64_t mtime_s;
};

struct listing_page {
    struct str title; /* the path of the directory, decoded; "/" is the only one without a parent */
    const struct listing_item *items;
    size_t count;
    bool cut; /* there are more names: the page says so */
};

/* The page, in the pool. */
struct str listing_page_make(const struct listing_page *, struct pool *pool);

#endif
