/* discovery_index.c: see discovery_index.h. */
#include "core/discovery/discovery_index.h"

#include "base/hash.h"
#include "base/rnd.h"

struct upstream_records {
    struct discovery_records records;
    bool wanted[BOARD_ORIGIN_FILE + 1];
};

struct discovery_index {
    struct pool *pool;
    struct hash_key key;
    struct hash_table *names; /* to struct upstream_records */
    bool looked;
    uint32_t seen; /* board_servers_version() */
};

struct discovery_index *discovery_index_new(struct pool *pool, size_t expected)
{
    struct discovery_index *index = pool_zalloc(pool, sizeof(*index));
    uint8_t seed[16];

    rnd_bytes(seed, sizeof(seed));
    index->pool = pool;
    index->key = hash_key_of(seed);
    index->names = hash_table_new(pool, index->key, expected);
    return index;
}

const struct discovery_records *discovery_index_add(struct discovery_index *index, struct str upstream,
                                                    enum board_origin origin)
{
    struct upstream_records *u = hash_table_get(index->names, upstream);

    if (!u) {
        u = pool_zalloc(index->pool, sizeof(*u));
        (void)hash_table_set(index->names, upstream, u);
    }
    u->wanted[origin] = true;
    return &u->records;
}

bool discovery_index_has(const struct discovery_index *index, struct str upstream, enum board_origin origin)
{
    const struct upstream_records *u = hash_table_get(index->names, upstream);

    return u && u->wanted[origin];
}

static void index_clear(struct discovery_index *index)
{
    size_t position = 0;
    struct str name;
    void *u;

    while (hash_table_next(index->names, &position, &name, &u))
        ((struct upstream_records *)u)->records = (struct discovery_records){0};
}

/* The sum is the same in whatever order the records stand. */
static void index_count(struct discovery_index *index, struct board *board, unsigned slot)
{
    uint64_t marks[] = {slot, board_server_incarnation(board, slot), board_server_revision(board, slot)};
    struct upstream_records *u;
    struct board_server s;
    char text[BOARD_NAME_MAX];

    if (board_server_read(board, slot, &s, text) < 0)
        return;
    u = hash_table_get(index->names, s.upstream);
    if (!u)
        return;
    u->records.count[s.origin]++;
    u->records.sum += hash_bytes(&index->key, marks, sizeof(marks));
}

void discovery_index_look(struct discovery_index *index, struct board *board)
{
    uint32_t version = board_servers_version(board);
    unsigned end = board_server_end(board);

    if (index->looked && index->seen == version)
        return;
    index->looked = true;
    index->seen = version;
    index_clear(index);
    for (unsigned slot = BOARD_SERVERS_FROM; slot < end; slot++)
        index_count(index, board, slot);
}
