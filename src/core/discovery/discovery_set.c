/* discovery_set.c: see discovery_set.h. */
#include "core/discovery/discovery_set.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/rnd.h"
#include "core/board/board.h"
#include "core/upstream/upstream_servers.h"

/* A name wanted, and what the board has of it. */
struct wanted {
    const struct server_want *want; /* NULL: only of `former` */
    bool there; /* a record says just this by now, or another origin has it */
    bool takes_over; /* from a server of the API's */
    int slot; /* where it was added; -1: it was not */
};

/* A server that was added at run time, and what a servers_file names in its place. */
struct handover {
    unsigned slot;
    struct wanted *to;
};

struct apply {
    struct board *board;
    const struct discovery_wish *wish;
    struct discovery_change *change;
    struct pool *pool;
    struct hash_table *names, *addresses; /* to struct wanted */
    struct handover *handovers;
    size_t handover_count;
    unsigned *leaving; /* slots */
    size_t leaving_count;
    bool joins; /* there were servers before */
};

/* ---- what is wanted ---- */

static void add_names(struct apply *a, const struct server_set *set, bool wanted)
{
    char text[ADDR_TEXT_MAX];

    for (size_t i = 0; set && i < set->count; i++) {
        struct wanted *w;

        if (hash_table_get(a->names, set->items[i].name))
            continue;
        w = pool_zalloc(a->pool, sizeof(*w));
        w->want = wanted ? &set->items[i] : NULL;
        w->slot = -1;
        (void)hash_table_set(a->names, set->items[i].name, w);
        if (wanted && !hash_table_get(a->addresses, addr_print(&set->items[i].address, text)))
            (void)hash_table_set(a->addresses, pool_str(a->pool, addr_print(&set->items[i].address, text)), w);
    }
}

/* Besides name and address. */
static bool record_says(const struct board_server *s, const struct server_want *want)
{
    return s->weight == want->weight && s->backup == want->backup && s->template_slot == want->template_slot;
}

static struct board_server record_of(const struct discovery_wish *wish, const struct server_want *want)
{
    return (struct board_server){
        .upstream = wish->upstream->name,
        .name = want->name,
        .address = want->address,
        .origin = wish->origin,
        .weight = want->weight,
        .backup = want->backup,
        .template_slot = want->template_slot,
    };
}

/* ---- the difference ---- */

static void tell(char *text, size_t size, char sign, struct str name)
{
    size_t len = strlen(text);

    if (len + name.len + 16 < size)
        snprintf(text + len, size - len, "%s%c %.*s", len ? ", " : "", sign, STR_ARG(name));
    else if (len + 6 < size && !str_has_suffix(str_of(text), STR(" ...")))
        memcpy(text + len, " ...", 5);
}

static void tell_change(struct discovery_change *c, char sign, struct str name)
{
    tell(c->text, sizeof(c->text), sign, name);
}

/* The same server, of which something else is said now. */
static void change_record(struct apply *a, unsigned slot, const struct server_want *want)
{
    struct board_server record = record_of(a->wish, want);

    board_server_change(a->board, slot, &record);
    a->change->changed++;
    tell_change(a->change, '~', want->name);
}

/* A file that names it may be what the API's server was waiting for; an answer of DNS leaves that alone. */
static bool takes_over(struct apply *a, const struct board_server *s, struct wanted *w)
{
    struct board_server record;

    if (!w || !w->want || w->takes_over || s->origin != BOARD_ORIGIN_API || a->wish->origin != BOARD_ORIGIN_FILE)
        return false;
    record = record_of(a->wish, w->want);
    return !upstream_server_in_file(a->wish->upstream, &record);
}

/* A server that is there by other means. */
static void look_at_other(struct apply *a, unsigned slot, const struct board_server *s)
{
    char text[ADDR_TEXT_MAX];
    struct wanted *both[] = {hash_table_get(a->addresses, addr_print(&s->address, text)),
                             hash_table_get(a->names, s->name)};

    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        if (takes_over(a, s, both[i])) {
            both[i]->takes_over = true;
            a->handovers[a->handover_count++] = (struct handover){slot, both[i]};
            return;
        }
        if (both[i])
            both[i]->there = true;
    }
}

static void look_at_record(struct apply *a, unsigned slot, const struct board_server *s)
{
    struct wanted *w = hash_table_get(a->names, s->name);

    if (s->origin != a->wish->origin) {
        look_at_other(a, slot, s);
        return;
    }
    a->joins = true;
    if (w && w->want && !w->there && addr_eq(&s->address, &w->want->address)) {
        w->there = true;
        a->change->count++;
        if (!record_says(s, w->want))
            change_record(a, slot, w->want);
    } else if (w || a->wish->all_spoke) {
        a->leaving[a->leaving_count++] = slot;
    } else {
        a->change->count++;
    }
}

static void look_at_board(struct apply *a)
{
    unsigned end = board_server_end(a->board);
    struct board_server s;
    char text[BOARD_NAME_MAX];

    a->leaving = pool_alloc(a->pool, (end - BOARD_SERVERS_FROM + 1) * sizeof(*a->leaving));
    a->handovers = pool_alloc(a->pool, (end - BOARD_SERVERS_FROM + 1) * sizeof(*a->handovers));
    for (unsigned slot = BOARD_SERVERS_FROM; slot < end; slot++)
        if (board_server_read(a->board, slot, &s, text) == 0 && str_eq(s.upstream, a->wish->upstream->name))
            look_at_record(a, slot, &s);
}

/* ---- the change ---- */

static void add_record(struct apply *a, struct wanted *w)
{
    const struct server_want *want = w->want;
    struct board_server record = record_of(a->wish, want);
    int slot = board_server_add(a->board, &record);

    w->slot = slot;

    if (slot < 0) {
        a->change->failed++;
        return;
    }
    if (a->joins && a->wish->slow_start_from_ms && !w->takes_over) {
        peer_came_back(board_peer_shared(a->board, (unsigned)slot), a->wish->slow_start_from_ms);
        board_peers_changed(a->board);
    }
    a->change->added++;
    a->change->count++;
    tell_change(a->change, '+', want->name);
}

static void add_wanted(struct apply *a)
{
    for (size_t i = 0; i < a->wish->set_count; i++) {
        const struct server_set *set = a->wish->sets[i];

        for (size_t k = 0; set && k < set->count; k++) {
            struct wanted *w = hash_table_get(a->names, set->items[k].name);
            struct board_server record = record_of(a->wish, &set->items[k]);

            if (w->want == &set->items[k] && !w->there &&
                !upstream_server_in_file(a->wish->upstream, &record))
                add_record(a, w);
        }
    }
}

static void remove_leaving(struct apply *a)
{
    struct board_server s;
    char text[BOARD_NAME_MAX];

    for (size_t i = 0; i < a->leaving_count; i++) {
        if (board_server_read(a->board, a->leaving[i], &s, text) == 0)
            tell_change(a->change, '-', s.name);
        board_server_remove(a->board, a->leaving[i]);
        a->change->removed++;
    }
}

/* What was changed of a server goes over to that of the same address which the file names now. */
static void hand_over(struct apply *a, const struct handover *h, const struct board_server *from)
{
    struct peer_shared *old = board_peer_shared(a->board, h->slot);
    struct peer_shared *new = board_peer_shared(a->board, (unsigned)h->to->slot);
    uint32_t word = __atomic_load_n(&old->override_weight, __ATOMIC_RELAXED);
    unsigned weight = word > 0 && word <= PEER_WEIGHT_MAX + 1 ? word - 1 : from->weight;

    if (weight != h->to->want->weight)
        __atomic_store_n(&new->override_weight, weight + 1, __ATOMIC_RELAXED);
    if (old->remove_at_ms == 0)
        __atomic_store_n(&new->override, __atomic_load_n(&old->override, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
    new->up_since_ms = old->up_since_ms;
}

static void remove_handed_over(struct apply *a)
{
    struct board_server s;
    char text[BOARD_NAME_MAX];

    for (size_t i = 0; i < a->handover_count; i++) {
        const struct handover *h = &a->handovers[i];
        bool same;

        /* There was no room for the other one. */
        if (h->to->slot < 0 || board_server_read(a->board, h->slot, &s, text) < 0)
            continue;
        same = addr_eq(&s.address, &h->to->want->address);
        if (same)
            hand_over(a, h, &s);
        else
            tell(a->change->dropped, sizeof(a->change->dropped), '-', s.name);
        board_server_remove(a->board, h->slot);
        tell_change(a->change, '-', s.name);
        a->change->removed++;
    }
    if (a->handover_count > 0)
        board_peers_changed(a->board);
}

/* First those that come: at no moment there are fewer than before and after. */
void discovery_set_apply(struct board *board, const struct discovery_wish *wish,
                         struct discovery_change *change)
{
    struct apply a = {.board = board, .wish = wish, .change = change, .pool = pool_new(16 * 1024)};
    uint8_t seed[16];

    *change = (struct discovery_change){0};
    rnd_bytes(seed, sizeof(seed));
    a.names = hash_table_new(a.pool, hash_key_of(seed), 64);
    a.addresses = hash_table_new(a.pool, hash_key_of(seed), 64);
    for (size_t i = 0; i < wish->set_count; i++)
        add_names(&a, wish->sets[i], true);
    add_names(&a, wish->former, false);
    look_at_board(&a);
    add_wanted(&a);
    remove_leaving(&a);
    remove_handed_over(&a);
    pool_free(a.pool);
}

bool discovery_set_has(struct board *board, struct str upstream, enum board_origin origin)
{
    unsigned end = board_server_end(board);
    struct board_server s;
    char text[BOARD_NAME_MAX];

    for (unsigned slot = BOARD_SERVERS_FROM; slot < end; slot++)
        if (board_server_read(board, slot, &s, text) == 0 && s.origin == origin &&
            str_eq(s.upstream, upstream))
            return true;
    return false;
}

/* ---- answers ---- */

static unsigned srv_weight_most(const struct resolver_answer *answer)
{
    unsigned most = 0;

    for (size_t i = 0; i < answer->count; i++)
        if (answer->items[i].weight > most)
            most = answer->items[i].weight;
    return most;
}

/* A weight of SRV goes to 65535; 0 is the least there is (RFC 2782). */
static unsigned srv_weight(unsigned weight, unsigned most)
{
    if (most > PEER_WEIGHT_MAX)
        weight = weight * PEER_WEIGHT_MAX / most;
    return weight ? weight : 1;
}

static bool family_failed(const struct resolver_answer *answer, const struct addr *address)
{
    return address->sa.sa_family == AF_INET ? answer->v4_failed : answer->v6_failed;
}

static bool set_has(const struct server_set *set, struct str name)
{
    for (size_t i = 0; i < set->count; i++)
        if (str_eq(set->items[i].name, name))
            return true;
    return false;
}

struct server_set discovery_set_of(struct pool *pool, const struct upstream *upstream, uint32_t template_at,
                                   const struct resolver_answer *answer, const struct server_set *former)
{
    const struct peer_conf *conf = &upstream->peers[template_at];
    size_t room = answer->count + (former ? former->count : 0);
    struct server_set set = {pool_zalloc(pool, (room + 1) * sizeof(*set.items)), 0};
    unsigned most = srv_weight_most(answer);
    char text[ADDR_TEXT_MAX];

    for (size_t i = 0; i < answer->count; i++) {
        const struct resolver_address *found = &answer->items[i];

        set.items[set.count++] = (struct server_want){
            .name = pool_str(pool, addr_print(&found->address, text)),
            .address = found->address,
            .weight = conf->port ? conf->weight : srv_weight(found->weight, most),
            .backup = conf->backup || found->priority > answer->priority,
            .template_slot = conf->board_slot >= 0 ? (uint32_t)conf->board_slot : BOARD_NO_TEMPLATE,
        };
    }
    for (size_t i = 0; former && i < former->count; i++) {
        const struct server_want *old = &former->items[i];

        if (!family_failed(answer, &old->address) || set_has(&set, old->name))
            continue;
        set.items[set.count] = *old;
        set.items[set.count++].name = pool_str(pool, old->name);
    }
    return set;
}
