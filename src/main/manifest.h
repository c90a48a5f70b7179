/*
 * manifest.h: the list of inherited descriptors that a master leaves for the program that replaces it: lines
 * of text, so that versions that lay out their memory differently understand each other.
 */
#ifndef WEIR_MAIN_MANIFEST_H
#define WEIR_MAIN_MANIFEST_H

#include <stddef.h>

#include "main/handover.h"

/* A memfd with the list, not close-on-exec; -1 with errno. */
int manifest_write(const struct handover_item *items, size_t count, int peer) WEIR_MUST_CHECK;

/* Reads it; descriptors become close-on-exec and the set's.  0, or -1 with text in `error`. */
int manifest_read(int fd, struct handover_set *, int *peer, char *error, size_t error_size) WEIR_MUST_CHECK;

#endif
