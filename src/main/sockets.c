/*
 * sockets.c: entries are found by address; those of a configuration under trial are marked by numbers that
 * tell what was there before it.
 */
#include "main/sockets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main/addresses.h"
#include "main/port_owner.h"
#include "main/steer.h"
#include "main/take.h"

void sockets_init(struct sockets *s)
{
    *s = (struct sockets){.take = -1, .take_before = -1};
}

static void sockets_entry_cut(struct sockets_entry *e, unsigned count)
{
    while (e->count > count)
        close(e->fds[--e->count]);
}

static void sockets_remove(struct sockets *s, struct sockets_entry *e)
{
    struct sockets_entry **at = &s->first;

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    sockets_entry_cut(e, 0);
    free(e->fds);
    free(e);
}

static void *sockets_grow(void *old, size_t count, size_t size)
{
    void *p = reallocarray(old, count ? count : 1, size);

    if (!p)
        abort();
    return p;
}

static struct sockets_entry *sockets_add(struct sockets *s, enum handover_kind kind,
                                         const struct listener_spec *spec)
{
    struct sockets_entry *e = sockets_grow(NULL, 1, sizeof(*e));
    struct sockets_entry **at = &s->first;

    *e = (struct sockets_entry){.kind = kind, .spec = *spec};
    listener_address_text(&spec->address, spec->address_len, e->address, sizeof(e->address));
    while (*at)
        at = &(*at)->next;
    *at = e;
    return e;
}

struct sockets_entry *sockets_find(const struct sockets *s, const char *address)
{
    struct sockets_entry *e = s->first;

    while (e && strcmp(e->address, address) != 0)
        e = e->next;
    return e;
}

/* Whether a descriptor of a former master is what it is said to be; fills in the spec. */
static bool sockets_is_bound(const struct handover_item *item, struct listener_spec *spec)
{
    char address[HANDOVER_ADDRESS_SIZE];

    memset(spec, 0, sizeof(*spec));
    spec->address_len = sizeof(spec->address);
    if (getsockname(item->fd, (void *)&spec->address, &spec->address_len) < 0 ||
        spec->address_len > sizeof(spec->address))
        return false;
    spec->backlog = item->backlog;
    spec->defer_accept_s = item->defer_accept_s;
    listener_address_text(&spec->address, spec->address_len, address, sizeof(address));
    return strcmp(address, item->address) == 0 && listener_is_bound_to(item->fd, spec);
}

static void sockets_adopt_one(struct sockets *s, struct handover_item *item)
{
    struct listener_spec spec;
    struct sockets_entry *e;

    if (!sockets_is_bound(item, &spec))
        return;
    e = sockets_find(s, item->address);
    if (!e)
        e = sockets_add(s, (enum handover_kind)item->kind, &spec);
    e->fds = sockets_grow(e->fds, e->count + 1, sizeof(int));
    e->fds[e->count++] = item->fd;
    item->fd = -1;
    /* What program the group has is not known: sockets_steer() sets it anew. */
    e->served = 0;
}

void sockets_adopt(struct sockets *s, struct handover_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct handover_item *item = &set->items[i];

        if (item->fd < 0 || item->kind == HANDOVER_BOARD)
            continue;
        if (item->kind != HANDOVER_TAKE) {
            sockets_adopt_one(s, item);
        } else if (s->take < 0) {
            s->take = item->fd;
            memcpy(s->take_path, item->address, sizeof(s->take_path));
            item->fd = -1;
        }
    }
}

static enum handover_kind sockets_kind(const struct listener_conf *conf, const struct listener_spec *spec)
{
    if (conf->is_control)
        return HANDOVER_CONTROL;
    return spec->address.ss_family == AF_UNIX ? HANDOVER_UNIX : HANDOVER_TCP;
}

struct sockets_trial {
    struct sockets *sockets;
    const struct config *config;
    char *error;
    size_t error_size;
};

/* Whether sockets of our own are at the same port, of all addresses where this is one of them, or of one. */
static bool sockets_overlap(const struct sockets *s, const struct sockets_entry *e)
{
    for (const struct sockets_entry *o = s->first; o; o = o->next)
        if (o != e && o->count > 0 && listener_overlaps(&e->spec.address, &o->spec.address))
            return true;
    return false;
}

/* The first sockets of an address. */
static int sockets_bind_new(struct sockets_trial *t, struct sockets_entry *e, unsigned wanted)
{
    bool shared = sockets_overlap(t->sockets, e);
    int n;

    e->fds = sockets_grow(NULL, wanted, sizeof(int));
    if ((n = listener_bind_all(&e->spec, e->fds, (int)wanted, shared, t->error, t->error_size)) < 0) {
        port_owner_name(&e->spec, t->error, t->error_size);
        return -1;
    }
    e->served = e->count = (unsigned)n;
    return 0;
}

/* More sockets of an address; the kernel gives them nothing before sockets_steer(). */
static int sockets_bind_more(struct sockets_trial *t, struct sockets_entry *e, unsigned wanted)
{
    if (e->count >= wanted)
        return 0;
    if (steer_to(e->fds[0], e->served ? e->served : e->count, wanted) < 0) {
        snprintf(t->error, t->error_size, "%s: the sockets cannot be steered", e->address);
        return -1;
    }
    e->fds = sockets_grow(e->fds, wanted, sizeof(int));
    while (e->count < wanted) {
        int fd = listener_bind(&e->spec, true, t->error, t->error_size);

        if (fd < 0)
            return -1;
        e->fds[e->count++] = fd;
    }
    return 0;
}

/* Which line of the file it is that cannot be. */
static void sockets_tell_place(struct sockets_trial *t, const struct listener_conf *conf)
{
    char text[1024];

    if (!conf->at.file)
        return;
    snprintf(text, sizeof(text), "%s", t->error);
    snprintf(t->error, t->error_size, "%s:%u: cannot listen: %s", conf->at.file, conf->at.line, text);
}

static int sockets_plan_one(void *arg, const struct listener_conf *conf, const struct listener_spec *spec)
{
    struct sockets_trial *t = arg;
    enum handover_kind kind = sockets_kind(conf, spec);
    unsigned wanted = kind == HANDOVER_TCP && !addresses_is_keepers(conf) ? t->config->workers : 1;
    char address[HANDOVER_ADDRESS_SIZE];
    struct sockets_entry *e;

    listener_address_text(&spec->address, spec->address_len, address, sizeof(address));
    e = sockets_find(t->sockets, address);
    if (!e)
        e = sockets_add(t->sockets, kind, spec);
    e->is_planned = true;
    e->spec = *spec;
    e->kind = kind;
    if ((e->count == 0 ? sockets_bind_new(t, e, wanted) : sockets_bind_more(t, e, wanted)) == 0)
        return 0;
    sockets_tell_place(t, conf);
    return -1;
}

/* The socket by which a new master finds the processes that outlived this one. */
static int sockets_plan_take(struct sockets *s, const struct config *config, char *error, size_t error_size)
{
    char path[HANDOVER_ADDRESS_SIZE] = "";
    int fd = -1;

    if (config->control_listener && config->control_listener->address.sa.sa_family == AF_UNIX)
        snprintf(path, sizeof(path), "%s.take", config->control_listener->address.un.sun_path);
    if (strcmp(path, s->take_path) == 0 && (s->take >= 0 || !path[0]))
        return 0;
    if (path[0]) {
        fd = take_bind(path, error, error_size);
        if (fd < 0)
            return -1;
    }
    s->take_is_tried = true;
    s->take_before = s->take;
    memcpy(s->take_path_before, s->take_path, sizeof(s->take_path));
    s->take = fd;
    memcpy(s->take_path, path, sizeof(path));
    return 0;
}

static void sockets_close_take(int fd, const char *path)
{
    if (fd < 0)
        return;
    close(fd);
    unlink(path);
}

static void sockets_undo_take(struct sockets *s)
{
    if (!s->take_is_tried)
        return;
    sockets_close_take(s->take, s->take_path);
    s->take = s->take_before;
    memcpy(s->take_path, s->take_path_before, sizeof(s->take_path));
    s->take_is_tried = false;
}

static void sockets_commit_take(struct sockets *s)
{
    if (!s->take_is_tried)
        return;
    sockets_close_take(s->take_before, s->take_path_before);
    s->take_is_tried = false;
}

int sockets_plan(struct sockets *s, const struct config *config, char *error, size_t error_size)
{
    struct sockets_trial trial = {s, config, error, error_size};

    for (struct sockets_entry *e = s->first; e; e = e->next) {
        e->before = e->count;
        e->is_planned = false;
    }
    if (addresses_each(config, sockets_plan_one, &trial) == 0 &&
        sockets_plan_take(s, config, error, error_size) == 0)
        return 0;
    sockets_undo(s);
    return -1;
}

void sockets_undo(struct sockets *s)
{
    struct sockets_entry *next;

    sockets_undo_take(s);
    for (struct sockets_entry *e = s->first; e; e = next) {
        next = e->next;
        e->is_planned = false;
        if (e->before > 0) {
            sockets_entry_cut(e, e->before);
            continue;
        }
        if (e->count > 0 && e->kind != HANDOVER_TCP)
            unlink(e->address + strlen("unix:"));
        sockets_remove(s, e);
    }
}

static size_t sockets_list(const struct sockets *s, const char *head, bool added, char *text, size_t size)
{
    size_t len = 0;

    for (const struct sockets_entry *e = s->first; e; e = e->next) {
        if (added ? e->before > 0 || !e->is_planned : e->is_planned)
            continue;
        len += (size_t)snprintf(text + len, size - len, "%s %s", len ? "" : head, e->address);
        if (len >= size)
            return size - 1;
    }
    if (len > 0 && len + 1 < size)
        text[len++] = '.';
    text[len] = 0;
    return len;
}

void sockets_changes(const struct sockets *s, char *text, size_t size)
{
    size_t len = sockets_list(s, " Added:", true, text, size);

    sockets_list(s, " Removed:", false, text + len, size - len);
}

bool sockets_commit(struct sockets *s)
{
    bool removed = false;

    sockets_commit_take(s);
    for (struct sockets_entry *e = s->first; e; e = e->next) {
        e->before = e->count;
        e->is_removed = !e->is_planned;
        if (!e->is_removed)
            continue;
        removed = true;
        if (e->kind != HANDOVER_TCP)
            unlink(e->address + strlen("unix:"));
        for (unsigned i = 0; e->kind == HANDOVER_TCP && i < e->count; i++)
            steer_drop_syn(e->fds[i]);
    }
    return removed;
}

static int sockets_steer_one(void *arg, const struct listener_conf *conf, const struct listener_spec *spec)
{
    struct sockets_trial *t = arg;
    char address[HANDOVER_ADDRESS_SIZE];
    struct sockets_entry *e;
    unsigned n;

    listener_address_text(&spec->address, spec->address_len, address, sizeof(address));
    e = sockets_find(t->sockets, address);
    if (!e || e->kind != HANDOVER_TCP)
        return 0;
    n = addresses_is_keepers(conf) ? 1 : t->config->workers;
    if (n > e->count)
        n = e->count;
    if (n != e->served && steer_to(e->fds[0], n, e->count) == 0)
        e->served = n;
    return 0;
}

void sockets_steer(struct sockets *s, const struct config *config)
{
    struct sockets_trial trial = {.sockets = s, .config = config};

    addresses_each(config, sockets_steer_one, &trial);
}

void sockets_close_removed(struct sockets *s)
{
    struct sockets_entry *next;

    for (struct sockets_entry *e = s->first; e; e = next) {
        next = e->next;
        if (e->is_removed)
            sockets_remove(s, e);
    }
}

static int sockets_mark(void *arg, const struct listener_conf *conf, const struct listener_spec *spec)
{
    char address[HANDOVER_ADDRESS_SIZE];
    struct sockets_entry *e;

    (void)conf;
    listener_address_text(&spec->address, spec->address_len, address, sizeof(address));
    e = sockets_find(arg, address);
    if (e)
        e->is_removed = false;
    return 0;
}

void sockets_keep(struct sockets *s, const struct config *config)
{
    for (struct sockets_entry *e = s->first; e; e = e->next)
        e->is_removed = true;
    addresses_each(config, sockets_mark, s);
    sockets_close_removed(s);
}

void sockets_unlink(const struct sockets *s)
{
    for (const struct sockets_entry *e = s->first; e; e = e->next)
        if (e->kind != HANDOVER_TCP)
            unlink(e->address + strlen("unix:"));
    if (s->take >= 0)
        unlink(s->take_path);
}

void sockets_free(struct sockets *s)
{
    while (s->first)
        sockets_remove(s, s->first);
    if (s->take >= 0)
        close(s->take);
    s->take = -1;
}
