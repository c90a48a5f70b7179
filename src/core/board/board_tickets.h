/*
 * board_tickets.h: the keys that seal session tickets of TLS where neither `secret` nor `ticket_keys` is set: random, made
 * on the board so that all workers have them and a reload or an upgrade keeps them, in memory alone.  The newest seals;
 * it and those before it open.  The keeper that serves makes a new one when the newest has sealed for its time.
 */
#ifndef WEIR_CORE_BOARD_BOARD_TICKETS_H
#define WEIR_CORE_BOARD_BOARD_TICKETS_H

#include "core/board/board.h"

#define BOARD_TICKET_NAME 16 /* bytes: stands in the ticket and says which key it is */
#define BOARD_TICKET_SECRET 64 /* bytes */
#define BOARD_TICKET_KEYS 3 /* generations that open tickets */
#define BOARD_TICKET_MS (INT64_C(12) * 3600 * 1000) /* how long one seals */

struct board_ticket_key {
    uint8_t name[BOARD_TICKET_NAME];
    uint8_t secret[BOARD_TICKET_SECRET];
};

/* The key that is `age` generations old, 0 the newest; false: there is none.  A copy: the board's may change. */
bool board_ticket_key(const struct board *, unsigned age, struct board_ticket_key *);

/* Keeper, once a tick: makes a new key when it is time for one.  True: it has. */
bool board_tickets_tick(struct board *, int64_t mono_ms);

/* Of a new board: the first key. */
void board_tickets_init(struct board *);

#endif
