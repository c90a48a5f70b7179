/*
 * store_vary.h: variants of a response that has Vary.
 * The primary file of the key is then a marker: the names that Vary lists, a random nonce, and as its body
 * the hashes of at most STORE_VARIANTS_MAX variants, newest last.  A variant is an object of its own, named
 * by key, nonce and the values of the request's fields.  A new marker has a new nonce, so that variants of
 * the old one are never found again.  Two processes that add a variant at once may lose one from the list: it
 * is served all the same, and costs at most one variant beyond the limit.
 */
#ifndef WEIR_CORE_CACHE_STORE_VARY_H
#define WEIR_CORE_CACHE_STORE_VARY_H

#include "core/cache/store_write.h"

#define STORE_VARIANTS_MAX 256

/* Writes a marker for the primary `key` with the names `vary` and sets its new nonce.  `seq` as in a head. */
int store_vary_mark(struct store *, const struct store_key *key, struct str vary, uint64_t seq, uint64_t *nonce,
    struct store_fault *fault) WEIR_MUST_CHECK;

/*
 * The nonce under which variants for the names `vary` are to be stored: of the marker that stands there, where it has
 * these names and no purge has hit it; else of a new one.  `buffer` as for store_read_open.  Where two processes make
 * the first marker at once, the variants of one are not found: they are fetched again.
 * Calls: openat, pread, close; with those of store_vary_mark where there is no such marker.
 */
int store_vary_nonce(struct store *, const struct store_key *key, struct str vary, uint64_t seq, char *buffer,
    uint64_t *nonce, struct store_fault *fault) WEIR_MUST_CHECK;

/* How many variants the marker lists. */
unsigned store_vary_count(const struct store_object *marker);

/*
 * The variant number `i` of those, for who wants to see them all; as store_read_open, but a purged one is only not
 * there.
 */
enum store_found store_vary_read(struct store *, const struct store_object *marker, unsigned i, char *buffer,
    struct store_object *) WEIR_MUST_CHECK;

/*
 * Enters `variant` in the list of `marker`, where it is not there yet, by writing the marker anew; with
 * `most` listed already, the one that was entered first is unlinked and leaves the list.  0, or -1 with
 * *fault.
 */
int store_vary_add(struct store *, const struct store_object *marker, struct hash_128 variant, unsigned most,
    struct store_fault *fault) WEIR_MUST_CHECK;

#endif
