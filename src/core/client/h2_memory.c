/* h2_memory.c: see h2_memory.h. */
#include "core/client/h2_memory.h"

#include <stdlib.h>

/* Pieces of 64, 128 ... bytes, their head included; larger ones are the system's. */
#define CLASSES 6
#define SMALLEST 64
/* Bytes of each class, and buffers, that are kept. */
#define KEPT_BYTES ((size_t)256 * 1024)
#define KEPT_OUTPUTS 32

/* In front of what nghttp2 gets; as large as what malloc() aligns to. */
union piece {
    struct {
        size_t bytes; /* with this */
        union piece *next; /* while it is a spare */
    };
    max_align_t align;
};

struct h2_spares {
    union piece *free[CLASSES];
    size_t kept[CLASSES];
    union piece *outputs;
    unsigned output_count;
};

static void free_list(union piece *p)
{
    while (p) {
        union piece *next = p->next;

        free(p);
        p = next;
    }
}

static void free_spares(void *arg)
{
    struct h2_spares *spares = arg;

    for (unsigned i = 0; i < CLASSES; i++)
        free_list(spares->free[i]);
    free_list(spares->outputs);
}

/* The class that holds `bytes`; CLASSES: none does. */
static unsigned class_of(size_t bytes)
{
    unsigned class = 0;

    for (size_t room = SMALLEST; room < bytes && class < CLASSES; room *= 2)
        class++;
    return class;
}

static void *take(size_t bytes, void *user)
{
    struct h2_memory *m = user;
    unsigned class;
    union piece *p;

    if (bytes > H2_MEMORY_MAX)
        return NULL;
    bytes += sizeof(*p);
    class = class_of(bytes);
    if (class < CLASSES)
        bytes = (size_t)SMALLEST << class;
    if (m->used + bytes > H2_MEMORY_MAX)
        return NULL;
    if (class < CLASSES && m->spares->free[class]) {
        p = m->spares->free[class];
        m->spares->free[class] = p->next;
        m->spares->kept[class] -= bytes;
    } else {
        p = malloc(bytes);
        if (!p)
            return NULL;
        p->bytes = bytes;
    }
    m->used += bytes;
    return p + 1;
}

static void give(void *ptr, void *user)
{
    struct h2_memory *m = user;
    union piece *p;
    unsigned class;

    if (!ptr)
        return;
    p = (union piece *)ptr - 1;
    m->used -= p->bytes;
    class = class_of(p->bytes);
    if (class == CLASSES || m->spares->kept[class] >= KEPT_BYTES) {
        free(p);
        return;
    }
    p->next = m->spares->free[class];
    m->spares->free[class] = p;
    m->spares->kept[class] += p->bytes;
}

static void *take_zeroed(size_t n, size_t size, void *user)
{
    void *ptr = size == 0 || n <= SIZE_MAX / size ? take(n * size, user) : NULL;

    return ptr ? memset(ptr, 0, n * size) : NULL;
}

static void *take_larger(void *ptr, size_t bytes, void *user)
{
    size_t room;
    void *grown;

    if (!ptr)
        return take(bytes, user);
    room = ((const union piece *)ptr - 1)->bytes - sizeof(union piece);
    if (room >= bytes)
        return ptr;
    grown = take(bytes, user);
    if (grown) {
        memcpy(grown, ptr, room);
        give(ptr, user);
    }
    return grown;
}

void h2_memory_init(struct h2_memory *m, struct worker *w)
{
    if (!w->h2) {
        w->h2 = pool_zalloc(w->pool, sizeof(*w->h2));
        pool_on_free(w->pool, free_spares, w->h2);
    }
    m->spares = w->h2;
    m->used = 0;
    m->mem = (nghttp2_mem){m, take, give, take_zeroed, take_larger};
}

char *h2_memory_take_output(struct h2_memory *m)
{
    union piece *p = m->spares->outputs;

    if (!p)
        return malloc(H2_OUTPUT_BYTES);
    m->spares->outputs = p->next;
    m->spares->output_count--;
    return (char *)p;
}

void h2_memory_give_output(struct h2_memory *m, char *buffer)
{
    union piece *p = (union piece *)(void *)buffer;

    if (m->spares->output_count >= KEPT_OUTPUTS) {
        free(buffer);
        return;
    }
    p->next = m->spares->outputs;
    m->spares->outputs = p;
    m->spares->output_count++;
}
