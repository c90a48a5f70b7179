/*
 * board_claim.h: who does a thing that is to be done once over all processes, named by a hash: a word says which process
 * has it, or until when nobody needs to have it.  The claim of a process that is gone is free, so that nothing has to be
 * taken back when one dies.  Two things that share a word wait for each other, and lose nothing else.
 */
#ifndef WEIR_CORE_BOARD_BOARD_CLAIM_H
#define WEIR_CORE_BOARD_BOARD_CLAIM_H

#include "base/hash.h"
#include "core/board/board.h"

#define BOARD_CLAIMS 65536
/* A thing may be at so many places, one behind the other. */
#define BOARD_CLAIM_PROBES 8

enum board_claim_state {
    BOARD_CLAIM_FREE, /* nobody has it: of a try, no word was free either */
    BOARD_CLAIM_TAKEN, /* of a try: we have it now */
    BOARD_CLAIM_BUSY, /* another process has it */
    BOARD_CLAIM_OPEN /* it may be done by all at once */
};

/* Tries to take it for the process of `slot`; `now`: monotonic milliseconds. */
enum board_claim_state board_claim_try(struct board *, struct hash_128, unsigned slot, int64_t now) WEIR_MUST_CHECK;

/* How it stands, without trying. */
enum board_claim_state board_claim_look(const struct board *, struct hash_128, int64_t now);

/* Gives it back; `open_until` > now: until then it is BOARD_CLAIM_OPEN.  Nothing if the process does not have it. */
void board_claim_release(struct board *, struct hash_128, unsigned slot, int64_t open_until, int64_t now);

#endif
