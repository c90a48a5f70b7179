/* settings_health.c: the tables of active checks and alerts. */
#include "core/config/settings_health.h"

#include "core/config/config.h"

const char *const settings_health_types[] = {
    [CHECK_HTTP] = "http", [CHECK_HTTPS] = "https", [CHECK_TCP] = "tcp", [CHECK_GRPC] = "grpc",
    [CHECK_MYSQL] = "mysql", [CHECK_REDIS] = "redis", [CHECK_TYPES] = "none", NULL};
_Static_assert(ARRAY_SIZE(settings_health_types) == CHECK_TYPES + 2, "a name for each, then none, then the end");
static const char *const initial_names[] = {"up", "checking", NULL};

#define AT(member) .offset = offsetof(struct expect_settings, member)
static const struct conf_row expect_rows[] = {
    {.name = "status",
     .type = CONF_STATUS,
     AT(status),
     .flags = CONF_LIST,
     .fallback = "[ 200 ]",
     .doc = "Statuses that are well, for http and https."},
    {.name = "body",
     .type = CONF_REGEX,
     AT(body),
     .doc =
         "What the body must match, or for tcp the bytes that the server sends; the first 64 KB are looked "
         "at."},
};
#undef AT
static const struct conf_group expect_group = {
    "'expect'", sizeof(struct expect_settings), expect_rows, ARRAY_SIZE(expect_rows), "body", false};

#define AT(member) .offset = offsetof(struct health_settings, member)
static const struct conf_row health_rows[] = {
    {.name = "type",
     .type = CONF_ENUM,
     AT(type),
     .choices = settings_health_types,
     .fallback = "\"http\"",
     .doc = "How a server is asked: http and https by a request, tcp by a connection, grpc by "
            "grpc.health.v1 over HTTP/2, mysql by a login, redis by PING; none: not at all.  A server with `tls` "
            "is asked over TLS by the same settings, but for mysql, and for those other than https when `port` is "
            "set.  One without is asked over TLS for https: its certificate must be signed by an authority of "
            "the system and be valid for the name in `host` or, without one, in the address."},
    {.name = "uri",
     .type = CONF_STRING,
     AT(uri),
     .fallback = "\"/\"",
     .doc = "Path and query that are asked for; for grpc the name of the service behind the \"/\"."},
    {.name = "method", .type = CONF_STRING, AT(method), .fallback = "\"GET\"", .doc = "For http and https."},
    {.name = "host",
     .type = CONF_STRING,
     AT(host),
     .doc = "The Host field; the server's address when not set."},
    {.name = "headers",
     .type = CONF_MAP,
     AT(headers),
     .flags = CONF_LIST,
     .doc = "More fields of the request, for http and https."},
    {.name = "expect",
     .type = CONF_GROUP,
     AT(expect),
     .group = &expect_group,
     .fallback = "{ }",
     .doc = "What the answer must be."},
    {.name = "send",
     .type = CONF_STRING,
     AT(send),
     .doc = "For tcp: sent once the connection is there.  Without `send` and `expect` the connection is "
            "enough."},
    {.name = "user",
     .type = CONF_STRING,
     AT(user),
     .doc = "For mysql: logs in as this user without a password, and out again.  Without it the greeting is "
            "enough, which the server counts as an aborted connection."},
    {.name = "role",
     .type = CONF_STRING,
     AT(role),
     .doc = "For redis: \"master\" or \"slave\" (also written \"replica\"), which the server must be."},
    {.name = "interval",
     .type = CONF_DURATION,
     AT(interval),
     .fallback = "\"5s\"",
     .min = 100,
     .max = 86400000,
     .doc =
         "From the begin of one check of a server to the begin of its next, which waits for the end of the "
         "one before."},
    {.name = "fast_interval",
     .type = CONF_DURATION,
     AT(fast_interval),
     .fallback = "0",
     .min = 0,
     .max = 86400000,
     .doc = "The same while results speak against what the server is taken for; `interval` when not set."},
    {.name = "timeout",
     .type = CONF_DURATION,
     AT(timeout),
     .fallback = "\"5s\"",
     .min = 10,
     .max = 3600000,
     .doc = "For one check in all, from connecting to the end of the answer."},
    {.name = "fall",
     .type = CONF_INT,
     AT(fall),
     .fallback = "3",
     .min = 1,
     .max = 1000,
     .doc = "Failures in a row that take a server out."},
    {.name = "rise",
     .type = CONF_INT,
     AT(rise),
     .fallback = "2",
     .min = 1,
     .max = 1000,
     .doc = "Passes in a row that bring it back."},
    {.name = "port",
     .type = CONF_INT,
     AT(port),
     .min = 1,
     .max = 65535,
     .doc = "The port that is asked; the server's own when not set."},
    {.name = "jitter",
     .type = CONF_INT,
     AT(jitter),
     .unit = "percent",
     .fallback = "0",
     .min = 0,
     .max = 50,
     .doc = "By how much an interval may be shorter or longer, at random."},
    {.name = "initial",
     .type = CONF_ENUM,
     AT(initial),
     .choices = initial_names,
     .fallback = "\"up\"",
     .doc = "\"up\": a new server gets traffic until checks fail; \"checking\": none before the first pass, "
            "and it is checked at once."},
};
#undef AT
const struct conf_group settings_health_group = {
    "'health'", sizeof(struct health_settings), health_rows, ARRAY_SIZE(health_rows), "type", false};

#define AT(member) .offset = offsetof(struct alert_settings, member)
static const struct conf_row alert_rows[] = {
    {.name = "command",
     .type = CONF_PATH,
     AT(command),
     .doc = "A program that is run, without arguments, with WEIR_UPSTREAM, WEIR_SERVER, WEIR_STATE and "
            "WEIR_REASON in its environment; it is killed after 10 seconds."},
    {.name = "webhook",
     .type = CONF_STRING,
     AT(webhook),
     .doc = "An \"http://\" address to which the same is sent by POST as JSON: upstream, server, state, "
            "reason, at."},
};
#undef AT
const struct conf_group settings_alert_group = {
    "'alert'", sizeof(struct alert_settings), alert_rows, ARRAY_SIZE(alert_rows), "command", false};
