/*
 * board_challenge.h: what authorities ask to see that somebody has control of a name (RFC 8555 8), from the keeper to all
 * workers.  Few are open at a time, and only for seconds.
 */
#ifndef WEIR_CORE_BOARD_BOARD_CHALLENGE_H
#define WEIR_CORE_BOARD_BOARD_CHALLENGE_H

#include "core/board/board.h"

#define BOARD_CHALLENGES 64
#define BOARD_CHALLENGE_KEY 256 /* bytes of a token or of a name, at most */
#define BOARD_CHALLENGE_VALUE 320

enum board_challenge_kind { BOARD_CHALLENGE_NONE, BOARD_CHALLENGE_TOKEN, BOARD_CHALLENGE_NAME };

/*
 * Keeper: `value` is the answer to a request for `key`: a token of http-01, or the name that is asked for by
 * tls-alpn-01.  A number for board_challenge_end(); -1: all places are taken, or a text is too long.
 */
int board_challenge_begin(struct board *, enum board_challenge_kind, struct str key, struct str value) WEIR_MUST_CHECK;

/* Keeper: -1 is allowed. */
void board_challenge_end(struct board *, int number);

/* Keeper, when it begins: those of a former one are over. */
void board_challenges_end(struct board *);

/* Whether there may be one: costs a look. */
bool board_challenges_any(const struct board *);

/* The answer, copied to `value`, or STR_NONE. */
struct str board_challenge_find(const struct board *, enum board_challenge_kind, struct str key,
                                char value[BOARD_CHALLENGE_VALUE]);

#endif
