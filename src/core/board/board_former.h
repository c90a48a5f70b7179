/*
 * board_former.h: the board of a former master whose program laid it out otherwise.  Nothing of it can be
 * used but the first words of its head, which lie at the same place in every version: what tells that it is a
 * board, the generation that serves, and the secret.
 */
#ifndef WEIR_CORE_BOARD_BOARD_FORMER_H
#define WEIR_CORE_BOARD_BOARD_FORMER_H

#include "core/board/board.h"

/*
 * The board's secret is that of the board of `fd` from now on; before any process is started.  -1: `fd` is no
 * board, and nothing was changed.
 */
int board_former_secret(struct board *, int fd) WEIR_MUST_CHECK;

/*
 * Calls on all processes of the board of `fd` to drain: raises its serve_from above every generation that it
 * can have.  -1: it is no board.
 */
int board_former_drain(int fd) WEIR_MUST_CHECK;

#endif
