/* handler_respond.c: answers with a status and a body from the configuration. */
#include "core/reply.h"
#include "core/var.h"
#include "modules/modules.h"

static void start(struct request *req, struct str body WEIR_UNUSED, bool last WEIR_UNUSED)
{
    const struct route *route = req->route;
    struct str text = route->respond_body ? template_expand(route->respond_body, req) : STR("");

    if (!text.s) {
        reply_status(req, 500, "the body of `respond` is longer than 64 KB");
        return;
    }
    reply_text(req, route->status, route->respond_type, text);
}

const struct handler handler_respond = {.name = "respond", .start = start};
