/* settings_request.c: the tables of what a request may cost: times, sizes, attempts. */
#include "core/config/settings.h"

enum { HEAD_LEVELS = SCOPE_DEFAULTS | SCOPE_LISTENER };
enum { ROUTE_LEVELS = SCOPE_DEFAULTS | SCOPE_SITE | SCOPE_ROUTE };

#define AT(member) .offset = offsetof(struct timeouts_settings, member)
static const struct conf_row timeouts_rows[] = {
    {.name = "connect", .type = CONF_DURATION, AT(connect), .scopes = ROUTE_LEVELS | SCOPE_LISTENER, .fallback = "\"5s\"",
     .min = 0, .max = 600000, .doc = "Until a connection to a server is made; 0 is none, here and below. In a listener, as "
            "`tunnel`: of mode \"tcp\"."},
    {.name = "send", .type = CONF_DURATION, AT(send), .scopes = ROUTE_LEVELS, .fallback = "\"30s\"",
     .doc = "Between two bytes that a server takes."},
    {.name = "read", .type = CONF_DURATION, AT(read), .scopes = ROUTE_LEVELS, .fallback = "\"60s\"",
     .doc = "Between two bytes that a server sends."},
    {.name = "client_header", .type = CONF_DURATION, AT(client_header), .scopes = HEAD_LEVELS,
     .fallback = "\"15s\"", .doc = "Until the whole head of a request is there."},
    {.name = "client_body", .type = CONF_DURATION, AT(client_body), .scopes = ROUTE_LEVELS,
     .fallback = "\"30s\"", .doc = "Between two bytes of a request's body."},
    {.name = "client_send", .type = CONF_DURATION, AT(client_send), .scopes = ROUTE_LEVELS,
     .fallback = "\"30s\"", .doc = "Between two bytes that a client takes; with HTTP/2 of each answer for itself, and 512 of them at least if so many wait."},
    {.name = "keepalive", .type = CONF_DURATION, AT(keepalive), .fallback = "\"60s\"",
     .doc = "How long a client may wait before its next request."},
    {.name = "tunnel", .type = CONF_DURATION, AT(tunnel), .scopes = ROUTE_LEVELS | SCOPE_LISTENER, .fallback = "\"1h\"",
     .doc = "How long nothing may pass on an upgraded connection, an event stream, or a connection of mode "
            "\"tcp\"."},
    {.name = "total", .type = CONF_DURATION, AT(total), .scopes = ROUTE_LEVELS, .fallback = "0",
     .doc = "The whole exchange."},
};
#undef AT
const struct conf_group settings_timeouts_group = {"'timeouts'", sizeof(struct timeouts_settings),
    timeouts_rows, ARRAY_SIZE(timeouts_rows), NULL, false};

#define AT(member) .offset = offsetof(struct request_head_settings, member)
static const struct conf_row head_rows[] = {
    {.name = "max_size", .type = CONF_SIZE, AT(max_size), .fallback = "\"32k\"", .min = 512, .max = 1 << 20,
     .doc = "Bytes of the request line and all fields."},
    {.name = "max_fields", .type = CONF_INT, AT(max_fields), .fallback = "100", .min = 1, .max = 10000,
     .doc = "Field lines."},
};
#undef AT
const struct conf_group settings_request_head_group = {"'request_head'", sizeof(struct request_head_settings),
    head_rows, ARRAY_SIZE(head_rows), NULL, false};

static const char *const buffers[] = {"memory+disk", "stream", NULL};

#define AT(member) .offset = offsetof(struct request_body_settings, member)
static const struct conf_row body_rows[] = {
    {.name = "max_size", .type = CONF_SIZE, AT(max_size), .fallback = "\"1m\"",
     .doc = "Bytes; 0 is without limit."},
    {.name = "buffer", .type = CONF_ENUM, AT(buffer), .choices = buffers, .fallback = "\"memory+disk\"",
     .doc = "Whether a body is collected before it is forwarded."},
    {.name = "memory", .type = CONF_SIZE, AT(memory), .fallback = "\"64k\"", .min = 0, .max = 1 << 30,
     .doc = "Bytes of a body that are held in memory before the disk is used: an unlinked file in "
            "state_dir, or in /tmp where that cannot be written; a worker waits for the disk, so where it is "
            "slow and bodies are large, buffer = \"stream\" or a tmpfs is better."},
};
#undef AT
const struct conf_group settings_request_body_group = {"'request_body'", sizeof(struct request_body_settings),
    body_rows, ARRAY_SIZE(body_rows), NULL, false};

const char *const settings_retry_names[] = {"connect", "timeout", "reset", "502", "503", "504", NULL};

const char *const settings_replay_names[] = {"never", "idempotent", "key", "always", NULL};

#define AT(member) .offset = offsetof(struct retry_settings, member)
static const struct conf_row retry_rows[] = {
    {.name = "tries",
     .type = CONF_INT,
     AT(tries),
     .fallback = "3",
     .min = 1,
     .max = 100,
     .doc = "Attempts in all, the first included, each at another server; the same one is asked again "
            "only when there is no other and it ended the connection. Nothing is tried again once a byte "
            "of an answer has gone to the client."},
    {.name = "on",
     .type = CONF_ENUM,
     AT(on),
     .flags = CONF_LIST | CONF_NUMBERS,
     .choices = settings_retry_names,
     .fallback = "[ \"connect\", \"timeout\", \"reset\" ]",
     .doc = "What another attempt follows on: no connection, no head of an answer in time, a connection "
            "that ended or gave no proper head, the status of an answer."},
    {.name = "replay",
     .type = CONF_ENUM,
     AT(replay),
     .choices = settings_replay_names,
     .fallback = "\"idempotent\"",
     .doc = "Requests that may be sent again once something of them was sent: none; GET, HEAD, OPTIONS, "
            "TRACE, PUT and DELETE; those that carry Idempotency-Key, too; all. Those of them that have a "
            "body need buffer = \"memory+disk\". A request that could not be sent may always go to "
            "another server."},
    {.name = "per_try",
     .type = CONF_DURATION,
     AT(per_try),
     .fallback = "0",
     .doc = "How long an attempt may take until the head of its answer is there; 0 is as long as timeouts "
            "let it."},
    {.name = "budget",
     .type = CONF_INT,
     AT(budget),
     .unit = "percent",
     .fallback = "20",
     .min = 0,
     .max = 100,
     .doc = "So many of the requests under way in a worker to the upstream may be on another attempt at "
            "once, and 10 in any case; those that could not be sent do not count."},
};
#undef AT
const struct conf_group settings_retry_group = {"'retry'", sizeof(struct retry_settings), retry_rows,
    ARRAY_SIZE(retry_rows), "tries", false};
