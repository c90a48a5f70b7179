/*
 * sockets_share.c: who gets which sockets: processes, and a master that follows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "main/addresses.h"
#include "main/sockets.h"
#include "main/steer.h"

struct sockets_share {
    const struct sockets *sockets;
    struct worker_socket *out;
    size_t n;
    bool keeper;
    bool standby; /* unix sockets are everybody's already */
    unsigned index, count;
};

static int sockets_share_one(void *arg, const struct listener_conf *conf, const struct listener_spec *spec)
{
    struct sockets_share *share = arg;
    char address[HANDOVER_ADDRESS_SIZE];
    const struct sockets_entry *e;

    if (addresses_is_keepers(conf) != share->keeper)
        return 0;
    listener_address_text(&spec->address, spec->address_len, address, sizeof(address));
    e = sockets_find(share->sockets, address);
    for (unsigned i = 0; e && i < e->count; i++) {
        if (e->kind != HANDOVER_TCP ? !share->standby : share->keeper || i % share->count == share->index)
            share->out[share->n++] = (struct worker_socket){.fd = e->fds[i], .conf = conf};
    }
    return 0;
}

size_t sockets_of(const struct sockets *s, const struct config *config, bool keeper, unsigned index,
                  unsigned count, struct pool *pool, struct worker_socket **out, size_t *standby)
{
    struct sockets_share share = {.sockets = s, .keeper = keeper, .index = index, .count = count};
    size_t all = 0, own;

    for (const struct sockets_entry *e = s->first; e; e = e->next)
        all += e->count;
    share.out = pool_zalloc(pool, (all + 1) * sizeof(*share.out));
    addresses_each(config, sockets_share_one, &share);
    *out = share.out;
    own = share.n;
    share.standby = true;
    share.index = (index + count - 1) % count;
    if (!keeper && count > 1)
        addresses_each(config, sockets_share_one, &share);
    *standby = share.n - own;
    return own;
}

static int sockets_dry_one(void *arg, const struct listener_conf *conf, const struct listener_spec *spec)
{
    char address[HANDOVER_ADDRESS_SIZE];
    struct sockets_entry *e;

    if (addresses_is_keepers(conf))
        return 0;
    listener_address_text(&spec->address, spec->address_len, address, sizeof(address));
    e = sockets_find(arg, address);
    if (!e)
        return 0;
    e->is_removed = true;
    if (e->kind != HANDOVER_TCP)
        unlink(e->address + strlen("unix:"));
    for (unsigned i = 0; e->kind == HANDOVER_TCP && i < e->count; i++)
        steer_drop_syn(e->fds[i]);
    return 0;
}

void sockets_run_dry(struct sockets *s, const struct config *config)
{
    addresses_each(config, sockets_dry_one, s);
}

void sockets_shut(struct sockets *s)
{
    for (struct sockets_entry *e = s->first; e; e = e->next)
        for (unsigned i = 0; e->is_removed && i < e->count; i++)
            (void)shutdown(e->fds[i], SHUT_RDWR);
    sockets_close_removed(s);
}

static void sockets_item(struct handover_item *item, enum handover_kind kind, const char *address,
                         unsigned index, int fd, const struct listener_spec *spec)
{
    *item = (struct handover_item){.kind = (uint32_t)kind, .index = index, .fd = fd};
    snprintf(item->address, sizeof(item->address), "%s", address);
    if (spec) {
        item->backlog = spec->backlog;
        item->defer_accept_s = spec->defer_accept_s;
    }
}

struct handover_item *sockets_items(const struct sockets *s, size_t *count)
{
    struct handover_item *items;
    size_t n = 1, at = 0;

    for (const struct sockets_entry *e = s->first; e; e = e->next)
        n += e->count;
    items = calloc(n, sizeof(*items));
    if (!items)
        abort();
    for (const struct sockets_entry *e = s->first; e; e = e->next) {
        for (unsigned i = 0; i < e->count && !e->is_removed; i++)
            sockets_item(&items[at++], e->kind, e->address, i, e->fds[i], &e->spec);
    }
    if (s->take >= 0)
        sockets_item(&items[at++], HANDOVER_TAKE, s->take_path, 0, s->take, NULL);
    *count = at;
    return items;
}
