/* proxy_wait.c: no server can be had: the request waits for one, or ends and says why. */
#include "core/log/fault.h"
#include "core/proxy/proxy_state.h"
#include "core/upstream/sticky.h"
#include "core/upstream/upstream_wait.h"

/* "2 down, 1 ejected" of the servers that were not tried. */
static struct str why_down(struct proxy *p)
{
    unsigned counts[PEER_STATUSES] = {0};
    struct str text = STR_NONE;

    for (size_t i = 0; i < p->state->peer_count; i++)
        counts[p->state->peers[i]->status]++;
    for (unsigned status = 0; status < PEER_STATUSES; status++) {
        struct str name = peer_status_name((enum peer_status)status);

        if (counts[status] > 0)
            text = pool_printf(p->req->pool, "%.*s%s%u %.*s", STR_ARG(text), text.len > 0 ? ", " : "",
                               counts[status], STR_ARG(name));
    }
    return text;
}

static void end_down(struct proxy *p)
{
    struct reply_error error = {
        .status = 503,
        .proxy_error = "destination_unavailable",
        .reason = "no server of the upstream can be used",
        .retry_after_s = PROXY_RETRY_AFTER_S,
    };

    error.cause = why_down(p);
    proxy_end(p, &error);
}

static void end_full(struct proxy *p, const char *reason, struct str cause)
{
    struct reply_error error = {
        .status = 503,
        .proxy_error = "connection_limit_reached",
        .reason = reason,
        .cause = cause,
        .retry_after_s = PROXY_RETRY_AFTER_S,
    };

    proxy_end(p, &error);
}

static void end_queue_full(struct proxy *p)
{
    unsigned size = p->state->conf->queue.size;

    if (size == 0)
        end_full(p, "every server of the upstream is at its max_connections, and none may wait",
                 fault_count(p->req, "queue.size", size));
    else
        end_full(p, "every server of the upstream is at its max_connections, and the queue is full",
                 fault_count(p->req, "queue.size", size));
}

void proxy_wait_end(struct proxy *p)
{
    p->req->times.queued += upstream_wait_end(p->state, &p->waiter);
}

void proxy_wait_ended(struct queue_waiter *w, enum queue_end end)
{
    struct proxy *p = container_of(w, struct proxy, waiter);

    if (end == QUEUE_EXPIRED && !upstream_is_full(p->state, p->tried, p->tried_count))
        end_down(p);
    else if (end == QUEUE_DISPLACED)
        end_full(p, "the queue is full, and a request of a higher priority came",
                 fault_count(p->req, "queue.size", p->state->conf->queue.size));
    else
        end_full(p, "every server of the upstream stayed at its max_connections",
                 fault_time(p->req, "queue.timeout", p->state->conf->queue.timeout));
}

bool proxy_wait_place(struct queue_waiter *w)
{
    struct proxy *p = container_of(w, struct proxy, waiter);
    int wanted;

    if (proxy_try(p, STR_NONE))
        return true;
    wanted = sticky_waits_for(p->req, p->state);
    queue_waiter_wish(w, wanted < 0 ? NULL : &p->state->peers[wanted]->wish);
    return false;
}

void proxy_wait(struct proxy *p, struct str body)
{
    enum route_priority priority = p->req->route->priority;

    if (!upstream_must_wait(p->state, priority) && !upstream_is_full(p->state, p->tried, p->tried_count)) {
        end_down(p);
        return;
    }
    if (body.len > 0 && upload_keep(&p->client.upload, body, false) < 0) {
        proxy_disk_failed(p);
        return;
    }
    if (!upstream_wait(p->state, &p->waiter, priority)) {
        end_queue_full(p);
        return;
    }
    proxy_give_credit(p);
}
