/*
 * board_staples.h: what authorities say of certificates (OCSP responses), for workers to show with them: fetched by the
 * keeper, kept over a reload and an upgrade.  A place belongs to a certificate, known by a hash of it.
 */
#ifndef WEIR_CORE_BOARD_BOARD_STAPLES_H
#define WEIR_CORE_BOARD_BOARD_STAPLES_H

#include "core/board/board.h"

#define BOARD_STAPLES 256 /* certificates */
#define BOARD_STAPLE_BYTES 6144 /* of a response; longer ones are not kept */
#define BOARD_STAPLE_ID 32 /* bytes: SHA-256 of the certificate */

struct board_staple {
    int64_t from_s, until_s; /* since 1970: when it was fetched, and how long it may be shown */
    uint32_t len;
    uint8_t bytes[BOARD_STAPLE_BYTES];
};

/*
 * A copy of what is kept for this certificate, whether or not its time is over; false: nothing.  A response that is
 * being replaced is never seen in part.
 */
bool board_staple_get(const struct board *, const uint8_t id[BOARD_STAPLE_ID], struct board_staple *);

/* Keeper.  -1: there is no place whose response has ended. */
int board_staple_put(struct board *, const uint8_t id[BOARD_STAPLE_ID], const struct board_staple *,
                     int64_t now_s) WEIR_MUST_CHECK;

#endif
