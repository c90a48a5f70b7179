/*
 * percent.h: whether a key falls in the first n percent of all keys.
 * The answer depends on key and secret alone: it is the same in every route, worker, machine and
 * version, and raising n keeps inside who was inside.
 */
#ifndef WEIR_CORE_ROUTE_PERCENT_H
#define WEIR_CORE_ROUTE_PERCENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/str.h"

/* The hash key that stands for a secret of any length. */
struct hash_key percent_key(struct str secret);

/* The place of `key` in millionths: 0 to 999999, evenly spread. */
uint32_t percent_point(const struct hash_key *secret, struct str key);

/* Whether `key` is in the first `percent` (0: nobody, 100: everybody; resolved to 0.0001). */
bool percent_holds(const struct hash_key *secret, struct str key, double percent);

#endif
