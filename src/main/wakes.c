/* wakes.c: see wakes.h. */
#include "main/wakes.h"

#include <sys/eventfd.h>
#include <unistd.h>

/* Whether requests may ever wait for a server. */
static bool may_wait(const struct config *config)
{
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct upstream *upstream = config->upstreams[i];

        if (upstream->server_defaults.max_connections > 0)
            return true;
        for (size_t k = 0; k < upstream->peer_count; k++)
            if (upstream->peers[k].max_connections > 0)
                return true;
    }
    return false;
}

void wakes_make(struct wakes *w, const struct config *config)
{
    if (config->workers < 2 || !may_wait(config))
        return;
    while (w->count < WAKES_MAX && w->count < config->workers) {
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

        if (fd < 0)
            return;
        w->fds[w->count++] = fd;
    }
}

void wakes_close(struct wakes *w)
{
    while (w->count > 0)
        close(w->fds[--w->count]);
}
