/*
 * radix.c: layout of and descent into the prefix tree.
 * Nodes stand in breadth-first order, so that labels, children and values of node i are the ranges
 * from where node i's begin to where node i+1's begin, and no lengths are stored.  Each node knows
 * the nearest node above it that has values: a walk descends once, then follows these links
 * upwards, which gives the longest prefix first without a stack.
 */
#include "core/route/radix.h"

#include <stdlib.h>

#define RADIX_NONE UINT32_MAX

struct radix_node {
    uint32_t label; /* first byte in text */
    uint32_t child; /* first child in nodes, ordered by first label byte */
    uint32_t value; /* first in values */
    uint32_t up;    /* nearest node above this one that has values, or RADIX_NONE */
};

struct radix_entry {
    struct str prefix;
    void *value;
    uint32_t order;
    struct radix_entry *next;
};

struct radix {
    struct pool *pool;
    struct pool *building; /* entries and scratch; NULL once frozen */
    struct radix_entry *entries;
    uint32_t entry_count;
    uint32_t node_count;
    struct radix_node *nodes; /* node_count and one more, which ends the last ranges */
    char *text;
    void **values;
};

/* The entries [low, high) of the sorted array, which agree in their first `depth` bytes. */
struct radix_range {
    uint32_t low;
    uint32_t high;
    uint32_t parent;
    size_t depth;
};

/* What radix_freeze works on. */
struct radix_layout {
    struct radix_entry **sorted;
    struct radix_range *ranges;
    struct radix_node *nodes;
    char *text;
    void **values;
    uint32_t range_count;
    uint32_t text_len;
    uint32_t value_count;
};

/* A configuration may be given up between radix_new and radix_freeze. */
static void radix_drop_building(void *arg)
{
    struct radix *tree = arg;

    pool_free(tree->building);
    tree->building = NULL;
}

struct radix *radix_new(struct pool *pool)
{
    struct radix *tree = pool_zalloc(pool, sizeof(*tree));

    tree->pool = pool;
    tree->building = pool_new(4096);
    pool_on_free(pool, radix_drop_building, tree);
    return tree;
}

void radix_add(struct radix *tree, struct str prefix, void *value)
{
    struct radix_entry *entry = pool_alloc(tree->building, sizeof(*entry));

    entry->prefix = prefix;
    entry->value = value;
    entry->order = tree->entry_count++;
    entry->next = tree->entries;
    tree->entries = entry;
}

static int radix_compare(const void *left, const void *right)
{
    const struct radix_entry *a = *(struct radix_entry *const *)left;
    const struct radix_entry *b = *(struct radix_entry *const *)right;
    size_t len = a->prefix.len < b->prefix.len ? a->prefix.len : b->prefix.len;
    int order = len ? memcmp(a->prefix.s, b->prefix.s, len) : 0;

    if (order)
        return order;
    if (a->prefix.len != b->prefix.len)
        return a->prefix.len < b->prefix.len ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static struct radix_entry **radix_sorted(const struct radix *tree, size_t *text_len)
{
    size_t size = sizeof(struct radix_entry *) * (tree->entry_count + 1U);
    struct radix_entry **sorted = pool_alloc(tree->building, size);
    uint32_t count = 0;

    *text_len = 0;
    for (struct radix_entry *e = tree->entries; e; e = e->next) {
        sorted[count++] = e;
        *text_len += e->prefix.len;
    }
    /* Positions in text are 32 bits wide; a configuration of gigabytes was refused long before. */
    if (*text_len >= RADIX_NONE)
        abort();
    qsort(sorted, count, sizeof(struct radix_entry *), radix_compare);
    return sorted;
}

/* Where the label of a range ends: entries are sorted, so what first and last share, all share. */
static size_t radix_common(struct str first, struct str last, size_t depth)
{
    size_t len = first.len < last.len ? first.len : last.len;

    while (depth < len && first.s[depth] == last.s[depth])
        depth++;
    return depth;
}

/* Appends one range for each byte that follows the label, in the order of these bytes. */
static void radix_split(struct radix_layout *l, uint32_t low, uint32_t high, uint32_t parent,
                        size_t depth)
{
    while (low < high) {
        char byte = l->sorted[low]->prefix.s[depth];
        struct radix_range *child = &l->ranges[l->range_count++];

        *child = (struct radix_range){.low = low, .parent = parent, .depth = depth};
        while (low < high && l->sorted[low]->prefix.s[depth] == byte)
            low++;
        child->high = low;
    }
}

/* What a child of `parent` links to; node parent + 1, maybe the child, has its `value` by now. */
static uint32_t radix_link(const struct radix_layout *l, uint32_t parent)
{
    if (parent == RADIX_NONE)
        return RADIX_NONE;
    if (l->nodes[parent].value < l->nodes[parent + 1].value)
        return parent;
    return l->nodes[parent].up;
}

/* Makes node `number` of the range with that number and queues its children. */
static void radix_layout_node(struct radix_layout *l, uint32_t number)
{
    struct radix_range range = l->ranges[number];
    struct radix_node *node = &l->nodes[number];
    struct str first = l->sorted[range.low]->prefix;
    size_t end = radix_common(first, l->sorted[range.high - 1]->prefix, range.depth);
    size_t label_len = end - range.depth;

    node->label = l->text_len;
    node->value = l->value_count;
    node->child = l->range_count;
    if (label_len)
        memcpy(l->text + l->text_len, first.s + range.depth, label_len);
    l->text_len += (uint32_t)label_len;
    while (range.low < range.high && l->sorted[range.low]->prefix.len == end)
        l->values[l->value_count++] = l->sorted[range.low++]->value;
    node->up = radix_link(l, range.parent);
    radix_split(l, range.low, range.high, number, end);
}

static void radix_keep(struct radix *tree, const struct radix_layout *l)
{
    size_t node_bytes = (l->range_count + (size_t)1) * sizeof(*tree->nodes);
    size_t value_bytes = l->value_count * sizeof(*tree->values);

    tree->node_count = l->range_count;
    tree->nodes = pool_alloc(tree->pool, node_bytes);
    memcpy(tree->nodes, l->nodes, node_bytes);
    tree->values = pool_alloc(tree->pool, value_bytes);
    memcpy(tree->values, l->values, value_bytes);
    tree->text = pool_text(tree->pool, l->text_len + (size_t)1);
    memcpy(tree->text, l->text, l->text_len);
}

void radix_freeze(struct radix *tree)
{
    struct radix_layout l = {.range_count = 0};
    size_t most_nodes = (size_t)tree->entry_count * 2 + 2;
    size_t text_len;

    if (tree->entry_count) {
        l.sorted = radix_sorted(tree, &text_len);
        l.ranges = pool_alloc(tree->building, most_nodes * sizeof(*l.ranges));
        l.nodes = pool_alloc(tree->building, most_nodes * sizeof(*l.nodes));
        l.values = pool_alloc(tree->building, tree->entry_count * sizeof(*l.values));
        l.text = pool_text(tree->building, text_len + 1);
        l.ranges[l.range_count++] =
            (struct radix_range){.high = tree->entry_count, .parent = RADIX_NONE};
        for (uint32_t number = 0; number < l.range_count; number++)
            radix_layout_node(&l, number);
        l.nodes[l.range_count] = (struct radix_node){
            .label = l.text_len, .child = l.range_count, .value = l.value_count};
        radix_keep(tree, &l);
    }
    tree->entries = NULL;
    radix_drop_building(tree);
}

/* The child of `number` whose label begins with `byte`, or RADIX_NONE. */
static uint32_t radix_child(const struct radix *tree, uint32_t number, char byte)
{
    uint32_t low = tree->nodes[number].child;
    uint32_t high = tree->nodes[number + 1].child;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        char here = tree->text[tree->nodes[middle].label];

        if (here == byte)
            return middle;
        if ((unsigned char)here < (unsigned char)byte)
            low = middle + 1;
        else
            high = middle;
    }
    return RADIX_NONE;
}

/* The deepest node whose whole string is a prefix of `path`, or RADIX_NONE. */
static uint32_t radix_deepest(const struct radix *tree, struct str path)
{
    uint32_t deepest = RADIX_NONE;
    uint32_t number = tree->node_count ? 0 : RADIX_NONE;
    size_t done = 0;

    while (number != RADIX_NONE) {
        uint32_t label = tree->nodes[number].label;
        size_t label_len = tree->nodes[number + 1].label - label;

        if (label_len > path.len - done)
            break;
        if (label_len && memcmp(tree->text + label, path.s + done, label_len) != 0)
            break;
        deepest = number;
        done += label_len;
        number = done < path.len ? radix_child(tree, number, path.s[done]) : RADIX_NONE;
    }
    return deepest;
}

/* Sets the walk on the values of `number`, or at its end. */
static void radix_walk_set(struct radix_walk *walk, uint32_t number)
{
    walk->node = number;
    if (number != RADIX_NONE) {
        walk->value = walk->tree->nodes[number].value;
        walk->value_end = walk->tree->nodes[number + 1].value;
    }
}

void radix_walk_start(struct radix_walk *walk, const struct radix *tree, struct str path)
{
    *walk = (struct radix_walk){.tree = tree};
    radix_walk_set(walk, radix_deepest(tree, path));
    if (walk->node != RADIX_NONE && walk->value == walk->value_end)
        radix_walk_set(walk, tree->nodes[walk->node].up);
}

void *radix_walk_next(struct radix_walk *walk)
{
    if (walk->node == RADIX_NONE)
        return NULL;
    if (walk->value == walk->value_end)
        radix_walk_set(walk, walk->tree->nodes[walk->node].up);
    return walk->node == RADIX_NONE ? NULL : walk->tree->values[walk->value++];
}

size_t radix_bytes(const struct radix *tree)
{
    const struct radix_node *end = tree->nodes ? tree->nodes + tree->node_count : NULL;

    if (!end)
        return sizeof(*tree);
    return sizeof(*tree) + (tree->node_count + (size_t)1) * sizeof(*tree->nodes) + end->label +
           end->value * sizeof(*tree->values);
}
