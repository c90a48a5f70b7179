/*
 * file_listing.h: a directory as a page.  A large one is read in steps, between which the worker serves
 * others.
 */
#ifndef WEIR_MODULES_FILE_LISTING_H
#define WEIR_MODULES_FILE_LISTING_H

#include "core/request.h"

/* Names beyond this number are left out, and that is said. */
#define FILE_LISTING_MAX 10000

/* Entries of the directory that are looked at in one turn of the loop. */
#define FILE_LISTING_STEP 256

/*
 * Answers with the names in the directory `path` (decoded, relative, ending in "/" or empty, NUL behind it),
 * in this turn or a later one; until then the request's handler is one that only knows how to give up.
 */
void file_listing_send(struct request *, struct str path);

#endif
