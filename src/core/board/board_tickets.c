/*
 * board_tickets.c: a ring with a place more than keys that are read, so that the one being written is nobody's, and a
 * writer that dies in the middle harms none.
 */
#include "core/board/board_tickets.h"

#include <time.h>

#include "base/rnd.h"
#include "core/board/board_map.h"

static struct board_ticket_key *place(struct board_tickets *t, uint32_t number)
{
    return &t->ring[number % ARRAY_SIZE(t->ring)];
}

static void make(struct board_tickets *t, int64_t mono_ms)
{
    uint32_t next = __atomic_load_n(&t->newest, __ATOMIC_RELAXED) + 1;
    struct board_ticket_key *key = place(t, next);

    rnd_bytes(key->name, sizeof(key->name));
    rnd_bytes(key->secret, sizeof(key->secret));
    __atomic_store_n(&t->made_ms, mono_ms, __ATOMIC_RELAXED);
    __atomic_store_n(&t->newest, next, __ATOMIC_RELEASE);
}

void board_tickets_init(struct board *board)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    make(&board->map->head.tickets, (int64_t)now.tv_sec * 1000);
}

bool board_tickets_tick(struct board *board, int64_t mono_ms)
{
    struct board_tickets *t = &board->map->head.tickets;
    int64_t age = mono_ms - __atomic_load_n(&t->made_ms, __ATOMIC_RELAXED);

    /* A key from the future is no key of this machine's. */
    if (age >= 0 && age < BOARD_TICKET_MS)
        return false;
    make(t, mono_ms);
    return true;
}

bool board_ticket_key(const struct board *board, unsigned age, struct board_ticket_key *key)
{
    struct board_tickets *t = &board->map->head.tickets;
    uint32_t newest = __atomic_load_n(&t->newest, __ATOMIC_ACQUIRE);

    if (age >= BOARD_TICKET_KEYS || age >= newest)
        return false;
    *key = *place(t, newest - age);
    return true;
}
