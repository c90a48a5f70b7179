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
    bool there; /* a record says just this by now, or another origin has the name */
};

struct apply {
    struct board *board;
    const struct discovery_wish *wish;
    struct discovery_change *change;
    struct pool *pool;
    struct hash_table *names; /* to struct wanted */
    unsigned *leaving; /* slots */
    size_t leaving_count;
    bool joins; /* there were servers before */
};

/* ---- what is wanted ---- */

static void add_names(struct apply *a, const struct server_set *set, bool wanted)
{
    for (size_t i = 0; set && i < set->count; i++) {
        struct wanted *w;

        if (hash_table_get(a->names, set->items[i].name))
            continue;
        w = pool_zalloc(a->pool, sizeof(*w));
        w->want = wanted ? &set->items[i] : NULL;
        (void)hash_table_set(a->names, set->items[i].name, w);
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

static void tell(struct discovery_change *c, char sign, struct str name)
{
    size_t len = strlen(c->text);

    if (len + name.len + 16 < sizeof(c->text))
        snprintf(c->text + len, sizeof(c->text) - len, "%s%c %.*s", len ? ", " : "", sign, STR_ARG(name));
    else if (len + 6 < sizeof(c->text) && !str_has_suffix(str_of(c->text), STR(" ...")))
        memcpy(c->text + len, " ...", 5);
}

/* The same server, of which something else is said now. */
static void change_record(struct apply *a, unsigned slot, const struct server_want *want)
{
    struct board_server record = record_of(a->wish, want);

    board_server_change(a->board, slot, &record);
    a->change->changed++;
    tell(a->change, '~', want->name);
}

static void look_at_record(struct apply *a, unsigned slot, const struct board_server *s)
{
    struct wanted *w = hash_table_get(a->names, s->name);

    if (s->origin != a->wish->origin) {
        if (w)
            w->there = true;
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
    for (unsigned slot = BOARD_SERVERS_FROM; slot < end; slot++)
        if (board_server_read(a->board, slot, &s, text) == 0 && str_eq(s.upstream, a->wish->upstream->name))
            look_at_record(a, slot, &s);
}

/* ---- the change ---- */

static void add_record(struct apply *a, const struct server_want *want)
{
    struct board_server record = record_of(a->wish, want);
    int slot = board_server_add(a->board, &record);

    if (slot < 0) {
        a->change->failed++;
        return;
    }
    if (a->joins && a->wish->slow_start_from_ms) {
        peer_came_back(board_peer_shared(a->board, (unsigned)slot), a->wish->slow_start_from_ms);
        board_peers_changed(a->board);
    }
    a->change->added++;
    a->change->count++;
    tell(a->change, '+', want->name);
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
                add_record(a, w->want);
        }
    }
}

static void remove_leaving(struct apply *a)
{
    struct board_server s;
    char text[BOARD_NAME_MAX];

    for (size_t i = 0; i < a->leaving_count; i++) {
        if (board_server_read(a->board, a->leaving[i], &s, text) == 0)
            tell(a->change, '-', s.name);
        board_server_remove(a->board, a->leaving[i]);
        a->change->removed++;
    }
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
    for (size_t i = 0; i < wish->set_count; i++)
        add_names(&a, wish->sets[i], true);
    add_names(&a, wish->former, false);
    look_at_board(&a);
    add_wanted(&a);
    remove_leaving(&a);
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
