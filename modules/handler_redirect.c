/* handler_redirect.c: sends the client elsewhere. */
#include "core/reply.h"
#include "core/var.h"
#include "http/bytes.h"
#include "http/status.h"
#include "http/uri.h"
#include "modules/modules.h"

static bool is_on_host(struct str to)
{
    return to.len > 0 && to.s[0] == '/' && !(to.len > 1 && to.s[1] == '/');
}

static void start(struct request *req, struct str body WEIR_UNUSED, bool last WEIR_UNUSED)
{
    struct str to = template_expand(req->route->redirect_to, req);
    struct message head = {.status = req->route->status, .reason = status_reason(req->route->status)};
    struct frame frame = {.kind = FRAME_LENGTH, .length = 0};

    if (to.len == 0 || !bytes_are_value(to)) {
        reply_status(req, 500, "`redirect` expanded to nothing that may stand in Location");
        return;
    }
    to = uri_encode(to, req->pool);
    /* What was written as a path of this host stays one, whatever a variable brings in: "//x" would be the
     * host x. */
    if (is_on_host(template_text(req->route->redirect_to)) && !is_on_host(to))
        to = pool_printf(req->pool, "/.%.*s", STR_ARG(to));
    req->own_reply = true;
    header_list_init(&head.headers, req->pool, 64);
    if (header_add(&head.headers, STR("Location"), to) < 0) {
        reply_status(req, 500, "no room for Location");
        return;
    }
    (void)!request_send_head(req, &head, &frame, STR_NONE, true);
}

const struct handler handler_redirect = {.name = "redirect", .start = start};
