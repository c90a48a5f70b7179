/*
 * cache_update.h: which fields of a response are stored (RFC 9111 3.1), and what a 304 or the answer to a
 * HEAD changes in those that are (3.2, 4.3.4, 4.3.5).  Fields are copied as they stand and borrow their
 * texts.
 */
#ifndef WEIR_HTTP_CACHE_UPDATE_H
#define WEIR_HTTP_CACHE_UPDATE_H

#include "http/header.h"

enum cache_set_cookie {
    CACHE_SET_COOKIE_REFUSE, /* a response with Set-Cookie is not stored */
    CACHE_SET_COOKIE_STRIP, /* stored without it */
    CACHE_SET_COOKIE_STORE
};

/* What one response and the settings say of the fields to be stored; see cache_policy_store(). */
struct cache_keep {
    struct str no_cache_fields, private_fields; /* lists of names, borrowed */
    enum cache_set_cookie set_cookie;
};

/*
 * Appends to `to` the fields of a response that are to be stored.  Left out: what belongs to the connection
 * and what Connection nominates, what is between a client and its proxy, what no-cache="..." and
 * private="..." list, Age and Content-Length, which are made anew whenever the response is sent, and
 * Set-Cookie unless it is to be stored.  Adds a Date when there is none to read (RFC 9110 6.6.1), in the pool
 * of `to`.  -1: `to` is full.
 */
int cache_update_keep(const struct header_list *from, const struct cache_keep *keep, int64_t response_time,
                      struct header_list *to) WEIR_MUST_CHECK;

/* Takes out what no-cache="..." and private="..." list, and Set-Cookie unless it is to be stored. */
void cache_update_drop(struct header_list *, const struct cache_keep *keep);

/*
 * Whether a 304 speaks of this stored response (RFC 9111 4.3.4): it names no strong validator, or the same
 * one.  If not, the request is sent again without a condition.
 */
bool cache_update_matches(const struct header_list *stored, const struct header_list *fresh);

/*
 * Appends to `to` the stored fields as a 304 (or a HEAD) changes them: every field of it takes the place of
 * all stored ones of its name, but for those that tell how the stored body is coded and cut (Content-Length,
 * Content-Encoding, Content-Range), and those that are not stored at all.  -1: `to` is full.
 */
int cache_update_merge(const struct header_list *stored, const struct header_list *fresh,
                       const struct cache_keep *keep, int64_t response_time,
                       struct header_list *to) WEIR_MUST_CHECK;

/*
 * Whether the answer 200 to a HEAD may update a stored response of `length` bytes (RFC 9111 4.3.5): where
 * both say a length, an ETag or a Last-Modified, they say the same.  If not, what is stored is outdated.
 */
bool cache_update_head_matches(const struct header_list *stored, uint64_t length,
                               const struct header_list *head);

#endif
