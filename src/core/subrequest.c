/* subrequest.c: see subrequest.h. */
#include "core/subrequest.h"

#include "core/worker.h"

static void copy_fields(struct request *sub, const struct header_list *from)
{
    struct header_list *to = &sub->head.headers;

    *to = *from;
    to->items = pool_alloc(sub->pool, from->room * sizeof(*to->items));
    to->pool = sub->pool;
    memcpy(to->items, from->items, from->count * sizeof(*to->items));
}

void subrequest_init(struct request *sub, const struct request *client, const struct request_out *out)
{
    *sub = *client;
    pool_hold(sub->pool);
    copy_fields(sub, &client->head.headers);
    sub->conn = NULL;
    sub->is_own = true;
    sub->out = out;
    sub->watch = NULL;
    sub->handler = NULL;
    sub->handler_data = NULL;
    sub->next_spare = NULL;
    sub->frame = (struct frame){.kind = FRAME_NONE};
    sub->upstream = NULL;
    sub->sticky = NULL;
    sub->response = (struct message){.status = 0};
    sub->head_sent = sub->must_close = sub->own_reply = false;
    sub->first_body = STR_NONE;
    sub->first_last = true;
    sub->bytes_received = sub->bytes_sent = 0;
    sub->fail_reason = sub->error = NULL;
    sub->upstream_addr = sub->grpc_status = STR_NONE;
    sub->upstream_status = 0;
    sub->before = (struct request_attempts){.addrs = STR_NONE};
    sub->times = (struct request_times){.start = client->worker->loop->clock.mono_ms};
}

void subrequest_start(struct request *sub, const struct handler *handler)
{
    sub->handler = handler;
    handler->start(sub, STR_NONE, true);
}

void subrequest_end(struct request *sub, bool answered)
{
    if (!answered && sub->handler->abort)
        sub->handler->abort(sub, "nobody waits for it any more");
    pool_free(sub->pool);
}
