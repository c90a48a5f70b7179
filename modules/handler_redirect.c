/* handler_redirect.c: sends the client elsewhere. */
#include "core/reply.h"
#include "core/var.h"
#include "http/bytes.h"
#include "http/status.h"
#include "http/uri.h"
#include "modules/modules.h"

static void start(struct request *req, struct str body WEIR_UNUSED, bool last WEIR_UNUSED)
{
    struct str to = template_expand(req->route->redirect_to, req);
    struct message head = {.status = req->route->status, .reason = status_reason(req->route->status)};
    struct frame frame = {.kind = FRAME_LENGTH, .length = 0};

    if (to.len == 0 || !bytes_are_value(to)) {
        reply_status(req, 500, "`redirect` expanded to nothing that may stand in Location");
        return;
    }
    req->own_reply = true;
    header_list_init(&head.headers, req->pool, 64);
    if (header_add(&head.headers, STR("Location"), uri_encode(to, req->pool)) < 0) {
        reply_status(req, 500, "no room for Location");
        return;
    }
    (void)!request_send_head(req, &head, &frame, STR_NONE, true);
}

const struct handler handler_redirect = {.name = "redirect", .start = start};
