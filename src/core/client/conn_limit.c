/* conn_limit.c: see conn_limit.h. */
#include "core/client/conn_limit.h"

#include <stdlib.h>

#include "base/hash.h"
#include "core/board/board.h"
#include "core/board/limit_table.h"

/* Between two lines about refused connections. */
#define TELL_MS 1000

/* Of a worker, made with the first limit that is met. */
struct conn_limits {
    struct hash_key key; /* the same in all processes of the instance */
    struct limit_entry *entries;
    struct limit_entry *own; /* malloc'ed, where there is no place on the board; else NULL */
    uint64_t refused; /* since that was told */
    int64_t tell_ms; /* not told again before */
};

static struct conn_limits *limits_of(struct worker *w)
{
    struct conn_limits *l = w->conn_limits;

    if (l)
        return l;
    l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    if (w->board)
        l->key = hash_key_of(board_secret(w->board));
    l->entries = w->board ? board_limits(w->board, w->slot) : NULL;
    if (!l->entries) {
        l->own = l->entries = calloc(LIMIT_ENTRIES, sizeof(*l->own));
        if (!l->own)
            abort();
    }
    return w->conn_limits = l;
}

static uint64_t hash_of(const struct conn_limits *l, const struct conn *c, struct str key)
{
    struct str place = c->listener->text;
    uint64_t hashes[2] = {hash_bytes(&l->key, place.s, place.len), hash_bytes(&l->key, key.s, key.len)};

    return hash_bytes(&l->key, hashes, sizeof(hashes));
}

static uint64_t part_of(const struct worker *w, uint64_t max)
{
    return max / w->count + (w->index < max % w->count);
}

static void tell(struct conn_limits *l, const struct conn *c, uint64_t max)
{
    int64_t now = c->worker->loop->clock.mono_ms;
    struct addr peer = conn_peer(c);
    char text[ADDR_TEXT_MAX];

    c->worker->stats->limited_connections++;
    l->refused++;
    if (now < l->tell_ms)
        return;
    addr_print(&peer, text);
    log_write(c->worker->log, LOG_LEVEL_WARN, "client %s listener %.*s: closed: connection_limit (max = %llu) is reached%s",
              text, STR_ARG(c->listener->text), (unsigned long long)max,
              l->refused > 1 ? ", as for others before that were not told of" : "");
    l->refused = 0;
    l->tell_ms = now + TELL_MS;
}

bool conn_limit_take(struct conn *c, uint64_t max, struct str key)
{
    struct worker *w = c->worker;
    struct conn_limits *l = limits_of(w);
    uint32_t entry;

    switch (limit_take(l->entries, l->own ? NULL : w->board, w->slot, hash_of(l, c, key), l->own ? part_of(w, max) : max,
                       &entry)) {
    case LIMIT_TAKEN:
        c->limited = entry + 1;
        return true;
    case LIMIT_REACHED:
        tell(l, c, max);
        return false;
    case LIMIT_NO_PLACE:
        break;
    }
    return true;
}

struct str conn_limit_address(const struct addr *address, char text[ADDR_TEXT_MAX])
{
    struct addr network = *address;
    uint8_t ip[16];

    if (addr_ip_bytes(address, ip) == sizeof(ip))
        memset(network.in6.sin6_addr.s6_addr + 8, 0, 8);
    return addr_print_ip(&network, text);
}

void conn_limit_give(struct conn *c)
{
    if (c->limited == 0)
        return;
    limit_give(c->worker->conn_limits->entries, c->limited - 1);
    c->limited = 0;
}

void conn_limits_free(struct conn_limits *l)
{
    if (l)
        free(l->own);
    free(l);
}
