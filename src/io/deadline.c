/* deadline.c: see deadline.h. */
#include "io/deadline.h"

void deadlines_init(struct deadlines *all, int64_t now)
{
    for (size_t i = 0; i < DEADLINE_SLOTS; i++)
        list_init(&all->slots[i]);
    all->done = now / DEADLINE_SLOT_MS;
}

void deadline_init(struct deadline *d, void (*on_passed)(struct deadline *))
{
    list_init(&d->link);
    d->last_at = 0;
    d->length = 0;
    d->on_passed = on_passed;
}

void deadline_stop(struct deadline *d)
{
    list_remove(&d->link);
    d->length = 0;
}

/* One past the wheel's reach waits in its last slot, and is put on from there. */
static void place(struct deadlines *all, struct deadline *d)
{
    int64_t slot = (d->last_at + d->length + DEADLINE_SLOT_MS - 1) / DEADLINE_SLOT_MS;

    if (slot <= all->done)
        slot = all->done + 1;
    if (slot > all->done + DEADLINE_SLOTS - 1)
        slot = all->done + DEADLINE_SLOTS - 1;
    list_append(&all->slots[slot % DEADLINE_SLOTS], &d->link);
}

void deadline_start(struct deadlines *all, struct deadline *d, int64_t length, int64_t now)
{
    bool later = d->length > 0 && length >= d->length && now >= d->last_at;

    d->last_at = now;
    if (length <= 0) {
        deadline_stop(d);
        return;
    }
    d->length = length;
    if (later)
        return;
    list_remove(&d->link);
    place(all, d);
}

static void check_slot(struct deadlines *all, struct list *slot, int64_t now)
{
    struct list due;

    /* The slot is emptied first: what is put on may land in it again, a whole turn of the wheel ahead. */
    list_init(&due);
    while (!list_empty(slot)) {
        struct list *link = slot->next;

        list_remove(link);
        list_append(&due, link);
    }
    while (!list_empty(&due)) {
        struct deadline *d = container_of(due.next, struct deadline, link);

        list_remove(&d->link);
        if (d->last_at + d->length > now) {
            place(all, d);
            continue;
        }
        d->length = 0;
        d->on_passed(d);
    }
}

void deadlines_check(struct deadlines *all, int64_t now)
{
    int64_t last = now / DEADLINE_SLOT_MS;

    /* After a stop of the whole process no slot needs a second look. */
    if (last - all->done > DEADLINE_SLOTS)
        all->done = last - DEADLINE_SLOTS;
    while (all->done < last) {
        all->done++;
        check_slot(all, &all->slots[all->done % DEADLINE_SLOTS], now);
    }
}
