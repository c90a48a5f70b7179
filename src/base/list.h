/*
 * list.h: doubly linked lists whose links lie inside their elements.
 * A list and an element's link are the same type: a ring in which the head is the link that belongs
 * to no element.  An element may be in as many lists as it has links; container_of leads back from a
 * link to its element.  A link that is in no list points at itself, so taking it out again is harmless.
 */
#ifndef WEIR_BASE_LIST_H
#define WEIR_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"

struct list {
    struct list *prev;
    struct list *next;
};

/* Makes an empty list, or a link that is in no list.  Every list and link needs this first. */
static inline void list_init(struct list *l)
{
    l->prev = l;
    l->next = l;
}

/* Of a list: it has no element.  Of a link: it is in no list. */
static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

/* Puts `link`, which is in no list, in front of `before`. */
static inline void list_insert(struct list *before, struct list *link)
{
    link->prev = before->prev;
    link->next = before;
    before->prev->next = link;
    before->prev = link;
}

static inline void list_append(struct list *head, struct list *link)
{
    list_insert(head, link);
}

static inline void list_prepend(struct list *head, struct list *link)
{
    list_insert(head->next, link);
}

/* Takes `link` out of its list, if it is in one. */
static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* Walks the links from the first on; the body must not take `link` out. */
#define list_each(link, head) \
    for (struct list *link = (head)->next; link != (head); link = link->next)

/* The same, where the body may take `link` itself, but no other, out of the list. */
#define list_each_safe(link, head)                                                 \
    for (struct list *link = (head)->next, *link##_next = link->next; link != (head); \
         link = link##_next, link##_next = link->next)

#endif
