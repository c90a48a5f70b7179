/*
 * cache_partial.h: pieces of a response (206): which bytes one holds, whether two are of the same whole and
 * may be combined (RFC 9111 3.4), and whether a request can be answered from one (RFC 9111 3.3).
 */
#ifndef WEIR_HTTP_CACHE_PARTIAL_H
#define WEIR_HTTP_CACHE_PARTIAL_H

#include "http/header.h"
#include "http/range.h"

struct cache_piece {
    uint64_t first, last; /* both inclusive */
    uint64_t size; /* of the whole; CACHE_PIECE_UNKNOWN */
};

#define CACHE_PIECE_UNKNOWN UINT64_MAX

/*
 * Reads a Content-Range value, "bytes 0-4/10" or "bytes 0-4/" and a star (RFC 9110 14.4).  -1: another unit,
 * no range (as in a 416), last below first, or behind the end of the whole.
 */
int cache_partial_read(struct str content_range, struct cache_piece *piece) WEIR_MUST_CHECK;

/*
 * Whether a piece may be stored: a 206 to a request for one range, with one Content-Range, which is no
 * multipart/byteranges, of a whole with a strong ETag, without which no other piece could ever be known to
 * belong to it.
 */
bool cache_partial_storable(unsigned status, const struct header_list *fields, struct cache_piece *piece);

/*
 * Whether two pieces can be made into one: the same strong ETag (RFC 9111 3.4), no two sizes of the whole,
 * and no gap between them.  *both is the piece they make.  A whole 200 of n bytes is the piece {0, n - 1, n}.
 */
bool cache_partial_combine(const struct header_list *fields_a, const struct cache_piece *a,
                           const struct header_list *fields_b, const struct cache_piece *b,
                           struct cache_piece *both);

/* Whether the piece is all there is. */
bool cache_partial_is_whole(const struct cache_piece *);

/*
 * Whether a stored piece holds all of the one range that a Range field asks for; *range is it, in the numbers
 * of the whole.  False also where the field asks for several, or for a suffix of a whole of unknown size.
 */
bool cache_partial_serves(const struct cache_piece *, struct str range_field, struct range *range);

#endif
