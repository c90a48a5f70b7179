/* handler_purge.c: drops what a cache has of the URL. */
#include "core/reply.h"
#include "modules/modules.h"

static void start(struct request *req, struct str body WEIR_UNUSED, bool last WEIR_UNUSED)
{
    reply_status(req, 501, "caches cannot be purged by this version");
}

const struct handler handler_purge = {.name = "purge", .start = start};
