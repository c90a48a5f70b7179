/* transport.c: see transport.h. */
#include "core/upstream/transport.h"

void uclient_deliver(struct uclient *c, struct str bytes, bool last)
{
    struct request *req = c->req;
    bool takes;

    if (c->head_waits && req->raw) {
        c->head_waits = false;
        req->response.status = c->head.status;
        takes = req->out->head(req, &c->head, &c->told, bytes, last);
    } else if (c->head_waits) {
        c->head_waits = false;
        takes = request_send_head(req, &c->head, &c->told, bytes, last);
    } else {
        takes = req->out->body(req, bytes, last);
    }
    if (!last && !takes)
        c->blocked = true;
}

/* RFC 9110 8.6, 9.3.2 */
void uclient_tell_head(struct uclient *c)
{
    const struct header *length = header_find(&c->head.headers, HEADER_CONTENT_LENGTH);
    uint64_t value;

    c->told = c->frame;
    if (!str_eq(c->req->head.method, STR("HEAD")) || c->head.status == 204 || c->head.status == 304)
        return;
    if (length && str_to_u64(length->value, INT64_MAX, &value) == 0)
        c->told = (struct frame){.kind = FRAME_LENGTH, .length = value, .keep_alive = c->frame.keep_alive};
    else
        c->told.kind = FRAME_CHUNKED;
}
