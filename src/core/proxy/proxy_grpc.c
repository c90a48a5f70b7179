/* proxy_grpc.c: what gRPC says of an exchange: how long it may take, and how it ended. */
#include "core/health/passive.h"
#include "core/proxy/proxy_state.h"
#include "http/grpc.h"
#include "http/hop.h"

void proxy_grpc_begin(struct proxy *p)
{
    const struct header *field = header_find_name(&p->req->head.headers, STR("grpc-timeout"));
    int64_t ms = field ? grpc_timeout_ms(field->value) : -1;

    p->grpc = true;
    if (ms <= 0 || (p->total_timeout > 0 && p->total_timeout <= ms))
        return;
    p->total_timeout = ms;
    p->total_setting = "grpc-timeout";
}

static bool is_unavailable(struct str status)
{
    return str_eq(status, STR("14"));
}

unsigned proxy_grpc_status(struct proxy *p, const struct message *head, bool last)
{
    if (!p->grpc || !last)
        return head->status;
    p->req->grpc_status = grpc_status_in(&head->headers);
    return head->status == 200 && is_unavailable(p->req->grpc_status) ? 503 : head->status;
}

void proxy_grpc_trailers(struct proxy *p, struct header_list *trailers)
{
    struct request *req = p->req;

    if (p->grpc)
        req->grpc_status = grpc_status_in(trailers);
    if (is_unavailable(req->grpc_status) && passive_is_failure(p->state->conf, 503))
        proxy_judge(p, false, "grpc-status 14");
    hop_strip(trailers);
    if (req->out->trailers)
        req->out->trailers(req, trailers);
}
