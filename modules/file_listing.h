/*
 * file_listing.h: a directory as a page.
 */
#ifndef WEIR_MODULES_FILE_LISTING_H
#define WEIR_MODULES_FILE_LISTING_H

#include "core/request.h"

/* Names beyond this number are left out, and that is said. */
#define FILE_LISTING_MAX 10000

/* Answers with the names in the directory `path` (decoded, relative, ending in "/" or empty); ends the
 * request. */
void file_listing_send(struct request *, struct str path);

#endif
