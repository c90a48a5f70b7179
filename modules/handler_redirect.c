/* handler_redirect.c: sends the client elsewhere. */
#include "core/reply.h"
#include "core/var.h"
#include "http/bytes.h"
#include "http/uri.h"
#include "modules/modules.h"

static bool is_on_host(struct str to)
{
    return to.len > 0 && to.s[0] == '/' && !(to.len > 1 && to.s[1] == '/');
}

static void start(struct request *req, struct str body WEIR_UNUSED, bool last WEIR_UNUSED)
{
    struct str to = template_expand(req->route->redirect_to, req);

    if (!to.s) {
        reply_status(req, 500, "the target of `redirect` is longer than 64 KB");
        return;
    }
    if (to.len == 0 || !bytes_are_value(to)) {
        reply_status(req, 500, "`redirect` expanded to nothing that may stand in Location");
        return;
    }
    to = uri_encode(to, req->pool);
    /* What was written as a path of this host stays one, whatever a variable brings in: "//x" would be host x. */
    if (is_on_host(template_text(req->route->redirect_to)) && !is_on_host(to))
        to = pool_printf(req->pool, "/.%.*s", STR_ARG(to));
    reply_redirect(req, req->route->status, to);
}

const struct handler handler_redirect = {.name = "redirect", .start = start};
