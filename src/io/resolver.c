/* resolver.c: the channel of c-ares and its sockets; what becomes of a question is resolver_work.c. */
#include <stdlib.h>

#include "io/resolver_work.h"

#define RESOLVER_TIMEOUT_MS 1500 /* c-ares waits longer for each further try */
#define RESOLVER_TRIES 2
#define RESOLVER_UDP_BYTES 1232 /* of EDNS: what passes everywhere in one piece */

struct resolver_socket {
    struct resolver *resolver;
    struct resolver_socket *next;
    ares_socket_t fd;
    struct event *event;
};

static void socket_on_event(evutil_socket_t fd, short what, void *arg)
{
    struct resolver_socket *s = arg;
    struct resolver *r = s->resolver;

    loop_event(r->loop);
    /* The socket may be gone afterwards. */
    ares_process_fd(r->channel, what & EV_READ ? fd : ARES_SOCKET_BAD,
                    what & EV_WRITE ? fd : ARES_SOCKET_BAD);
}

static void socket_drop(struct resolver_socket **at)
{
    struct resolver_socket *s = *at;

    *at = s->next;
    if (s->event)
        event_free(s->event);
    free(s);
}

/* c-ares wants to know of a socket: when it can be read or written; neither: it is about to be closed. */
static void socket_on_state(void *arg, ares_socket_t fd, int reads, int writes)
{
    struct resolver *r = arg;
    struct resolver_socket **at = &r->sockets, *s;
    short what = (short)((reads ? EV_READ : 0) | (writes ? EV_WRITE : 0));

    while (*at && (*at)->fd != fd)
        at = &(*at)->next;
    if (*at)
        socket_drop(at);
    if (what == 0)
        return;
    s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    *s = (struct resolver_socket){.resolver = r, .next = r->sockets, .fd = fd};
    r->sockets = s;
    s->event = event_new(r->loop->base, fd, (short)(what | EV_PERSIST), socket_on_event, s);
    /* Without it the question ends by its timeout. */
    if (s->event)
        (void)!event_add(s->event, NULL);
}

struct resolver *resolver_new(struct loop *loop, const char *servers, const char **error)
{
    struct resolver *r = calloc(1, sizeof(*r));
    struct ares_options options = {
        .flags = ARES_FLAG_EDNS,
        .timeout = RESOLVER_TIMEOUT_MS,
        .tries = RESOLVER_TRIES,
        .ednspsz = RESOLVER_UDP_BYTES,
        .sock_state_cb = socket_on_state,
        .sock_state_cb_data = r,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
               ARES_OPT_SOCK_STATE_CB;
    int status;

    if (!r)
        abort();
    r->loop = loop;
    status = ares_library_init(ARES_LIB_INIT_ALL);
    if (status != ARES_SUCCESS) {
        *error = ares_strerror(status);
        free(r);
        return NULL;
    }
    status = ares_init_options(&r->channel, &options, mask);
    if (status == ARES_SUCCESS && servers) {
        status = ares_set_servers_ports_csv(r->channel, servers);
        if (status != ARES_SUCCESS)
            ares_destroy(r->channel);
    }
    if (status != ARES_SUCCESS) {
        *error = ares_strerror(status);
        ares_library_cleanup();
        free(r);
        return NULL;
    }
    return r;
}

void resolver_free(struct resolver *r)
{
    if (!r)
        return;
    ares_destroy(r->channel);
    while (r->sockets)
        socket_drop(&r->sockets);
    ares_library_cleanup();
    free(r);
}

bool resolver_has_room(const struct resolver *r)
{
    return r->under_way < RESOLVER_QUESTIONS_MAX;
}

void resolver_tick(struct resolver *r)
{
    if (r->under_way > 0)
        ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}
