/* api_command.c: what the API asks of the master; the answer comes when the master has done it. */
#include "modules/api.h"

struct api_wait {
    struct api_pending pending; /* first: what the handler sees */
    struct admin_wait wait;
    struct request *req;
};

/* The text as lines of the file are: without the last line feed. */
static void command_done(struct admin_wait *wait, bool ok, struct str text)
{
    struct request *req = container_of(wait, struct api_wait, wait)->req;
    struct json json;

    req->handler_data = NULL;
    while (text.len && text.s[text.len - 1] == '\n')
        text.len--;
    json_init(&json, req->pool);
    json_object(&json, NULL);
    json_bool(&json, "ok", ok);
    json_str(&json, "text", text.len ? text : STR(""));
    json_object_end(&json);
    api_reply_json(req, ok ? 200 : 409, &json);
}

int api_command_of(struct str name)
{
    static const char *const names[] = {
        [ADMIN_RELOAD] = "reload", [ADMIN_QUIT] = "quit",       [ADMIN_STOP] = "stop",
        [ADMIN_REOPEN] = "reopen", [ADMIN_UPGRADE] = "upgrade",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (str_eq(name, str_of(names[i])))
            return (int)i;
    return -1;
}

static void command_abort(struct request *req)
{
    struct api_wait *wait = req->handler_data;

    req->handler_data = NULL;
    req->worker->admin->forget(req->worker->admin, &wait->wait);
}

void api_command(struct request *req, enum admin_command command)
{
    struct admin *admin = req->worker->admin;
    struct api_wait *wait;

    if (!admin) {
        api_reply_error(req, 409, STR("This process has no way to the master."), STR_NONE);
        return;
    }
    wait = pool_zalloc(req->pool, sizeof(*wait));
    wait->req = req;
    wait->pending.abort = command_abort;
    wait->wait.command = command;
    wait->wait.done = command_done;
    list_init(&wait->wait.link);
    /* Before asking: done() may come at once, and end the request. */
    req->handler_data = wait;
    admin->ask(admin, &wait->wait);
}
