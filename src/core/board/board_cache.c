/* board_cache.c: see board_cache.h. */
#include "core/board/board_cache.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/board/board_map.h"
#include "core/cache/purge.h"
#include "core/config/config_cache.h"

/* Objects of the smallest size that a file takes. */
#define SKETCHED_BYTES 4096

/* ---- slots ---- */

static uint64_t path_hash(const struct cache_conf *conf)
{
    static const struct hash_key none;

    return hash_bytes(&none, conf->path.s, conf->path.len);
}

/* Slots from there on were never used. */
static unsigned end_of(const struct board *board)
{
    uint32_t end = __atomic_load_n(&board->map->head.cache_end, __ATOMIC_RELAXED);

    return end < BOARD_CACHES ? end : BOARD_CACHES;
}

static bool has_name(const struct board_cache *c, struct str name)
{
    return c->is_used && c->name_len == name.len && memcmp(c->name, name.s, name.len) == 0;
}

int board_cache_slot(const struct board *board, struct str name)
{
    uint64_t newest = 0;
    int found = -1;

    for (unsigned slot = 0; slot < end_of(board); slot++) {
        const struct board_cache *c = &board->map->caches[slot];

        if (has_name(c, name) && (found < 0 || c->generation > newest)) {
            found = (int)slot;
            newest = c->generation;
        }
    }
    return found;
}

/* Gives pages back to the kernel; what could not be is zeroed by hand. */
static void forget(struct board *board, void *at, size_t bytes)
{
    off_t from = (off_t)((const char *)at - (const char *)board->map);

    if (fallocate(board->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, (off_t)bytes) < 0)
        memset(at, 0, bytes);
}

/* Of all processes that ever were; only what was written to, as zeroing a hole would fill it. */
static void zero_parts(struct board *board, unsigned slot)
{
    unsigned end = board_process_end(board);

    for (unsigned process = 0; process < end; process++) {
        struct board_cache_part *part = &board->map->cache_parts[process][slot];
        struct board_cache_part there;
        const char *bytes = (const char *)&there;
        off_t at = (off_t)((const char *)part - (const char *)board->map);

        if (pread(board->fd, &there, sizeof(there), at) != (ssize_t)sizeof(there))
            continue;
        if (bytes[0] != 0 || memcmp(bytes, bytes + 1, sizeof(there) - 1) != 0)
            memset(part, 0, sizeof(*part));
    }
}

static int find(const struct board *board, const struct cache_conf *conf)
{
    for (unsigned slot = 0; slot < end_of(board); slot++) {
        const struct board_cache *c = &board->map->caches[slot];

        if (has_name(c, conf->name) && c->path_hash == path_hash(conf))
            return (int)slot;
    }
    return -1;
}

static int make(struct board *board, const struct cache_conf *conf)
{
    unsigned slot = 0;
    struct board_cache *c;

    while (slot < BOARD_CACHES && board->map->caches[slot].is_used)
        slot++;
    if (slot == BOARD_CACHES || conf->name.len > BOARD_CACHE_NAME_MAX)
        return -1;
    c = &board->map->caches[slot];
    memset(c, 0, sizeof(*c));
    c->path_hash = path_hash(conf);
    c->name_len = (uint32_t)conf->name.len;
    memcpy(c->name, conf->name.s, conf->name.len);
    c->is_used = 1;
    if (slot >= end_of(board))
        __atomic_store_n(&board->map->head.cache_end, slot + 1, __ATOMIC_RELAXED);
    return (int)slot;
}

static uint64_t sketch_size(uint64_t bytes)
{
    size_t words = sketch_words(bytes / SKETCHED_BYTES);

    return words < BOARD_CACHE_SKETCH_WORDS ? words : BOARD_CACHE_SKETCH_WORDS;
}

size_t board_name_caches(struct board *board, struct config *config)
{
    size_t without = 0;

    for (size_t i = 0; i < config->cache_count; i++) {
        struct cache_conf *conf = &config->caches[i];
        int slot = find(board, conf);

        if (slot < 0)
            slot = make(board, conf);
        conf->board_slot = slot;
        if (slot < 0) {
            without++;
            continue;
        }
        board->map->caches[slot].generation = board_last_generation(board);
        board->map->caches[slot].sketch_words = sketch_size(conf->size);
    }
    return without;
}

unsigned board_cache_collect(struct board *board, uint64_t oldest)
{
    unsigned freed = 0;

    for (unsigned slot = 0; slot < end_of(board); slot++) {
        struct board_cache *c = &board->map->caches[slot];

        if (!c->is_used || c->generation >= oldest)
            continue;
        zero_parts(board, slot);
        forget(board, board->map->cache_purges[slot], sizeof(board->map->cache_purges[slot]));
        forget(board, board->map->cache_sketches[slot], sizeof(board->map->cache_sketches[slot]));
        memset(c, 0, sizeof(*c));
        freed++;
    }
    return freed;
}

/* ---- parts ---- */

void *board_cache_purges(struct board *board, unsigned slot)
{
    if (slot >= BOARD_CACHES || purge_board_bytes(BOARD_CACHE_PURGE_BITS) > sizeof(board->map->cache_purges[slot]))
        return NULL;
    return board->map->cache_purges[slot];
}

_Atomic uint64_t *board_cache_sketch(struct board *board, unsigned slot, size_t *words)
{
    uint64_t wanted;

    if (slot >= BOARD_CACHES)
        return NULL;
    wanted = __atomic_load_n(&board->map->caches[slot].sketch_words, __ATOMIC_RELAXED);
    *words = SKETCH_LINE;
    while (*words < wanted && *words < BOARD_CACHE_SKETCH_WORDS)
        *words *= 2;
    return board->map->cache_sketches[slot];
}

static struct board_cache_part *part_of(const struct board *board, unsigned process_slot, unsigned slot)
{
    return process_slot < BOARD_PROCESSES && slot < BOARD_CACHES ? &board->map->cache_parts[process_slot][slot] : NULL;
}

struct store_counts *board_cache_counts(struct board *board, unsigned process_slot, unsigned slot)
{
    struct board_cache_part *part = part_of(board, process_slot, slot);

    return part ? &part->counts : NULL;
}

struct cache_stats *board_cache_stats(struct board *board, unsigned process_slot, unsigned slot)
{
    struct board_cache_part *part = part_of(board, process_slot, slot);

    return part ? &part->stats : NULL;
}

struct board_cache_size *board_cache_size(struct board *board, unsigned slot)
{
    return slot < BOARD_CACHES ? &board->map->caches[slot].size : NULL;
}

/* ---- sums ---- */

static void add_words(uint64_t *sum, const uint64_t *more, size_t bytes)
{
    for (size_t i = 0; i < bytes / sizeof(*sum); i++)
        sum[i] += __atomic_load_n(&more[i], __ATOMIC_RELAXED);
}

void board_cache_sum_counts(const struct board *board, unsigned slot, struct store_counts *sum)
{
    unsigned end = slot < BOARD_CACHES ? board_process_end(board) : 0;

    memset(sum, 0, sizeof(*sum));
    for (unsigned process = 0; process < end; process++)
        add_words((uint64_t *)(void *)sum, (const uint64_t *)(const void *)&part_of(board, process, slot)->counts,
                  sizeof(*sum));
}

void board_cache_sum_stats(const struct board *board, unsigned slot, struct cache_stats *sum)
{
    unsigned end = slot < BOARD_CACHES ? board_process_end(board) : 0;

    memset(sum, 0, sizeof(*sum));
    for (unsigned process = 0; process < end; process++)
        add_words((uint64_t *)(void *)sum, (const uint64_t *)(const void *)&part_of(board, process, slot)->stats,
                  sizeof(*sum));
}

/* Something may be counted as removed before it was counted as added. */
static uint64_t held(uint64_t base, uint64_t added, uint64_t removed)
{
    uint64_t sum = base + added - removed;

    return sum >> 63 ? 0 : sum;
}

struct board_cache_held board_cache_held(const struct board *board, unsigned slot)
{
    const struct board_cache_size *size;
    struct store_counts sum;

    if (slot >= BOARD_CACHES)
        return (struct board_cache_held){0, 0, 0};
    size = &board->map->caches[slot].size;
    board_cache_sum_counts(board, slot, &sum);
    return (struct board_cache_held){
        .bytes = held(size->base_bytes, sum.added_bytes, sum.removed_bytes),
        .objects = held(size->base_objects, sum.added_objects, sum.removed_objects),
        .writing = held(0, sum.writing_bytes, 0),
    };
}

uint64_t board_cache_bytes(const struct board *board, unsigned slot)
{
    return board_cache_held(board, slot).bytes;
}

uint64_t board_cache_objects(const struct board *board, unsigned slot)
{
    return board_cache_held(board, slot).objects;
}

void board_cache_ended(struct board *board, unsigned process_slot)
{
    for (unsigned slot = 0; slot < end_of(board); slot++) {
        if (board->map->caches[slot].is_used)
            atomic_store(&part_of(board, process_slot, slot)->counts.writing_bytes, 0);
    }
}
