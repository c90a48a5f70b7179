/* settings_sticky.c: the table of `sticky`. */
#include "core/config/settings.h"

static const char *const modes[] = {"insert", "rewrite", "learn", NULL};
static const char *const samesites[] = {"lax", "strict", "none", NULL};

#define AT(member) .offset = offsetof(struct sticky_settings, member)
static const struct conf_row rows[] = {
    {.name = "mode",
     .type = CONF_ENUM,
     AT(mode),
     .choices = modes,
     .fallback = "\"insert\"",
     .doc =
         "\"insert\": a cookie of Weir's own. \"rewrite\": the server's cookie of that name carries the "
         "choice to the client and is as the server has set it when it comes back. \"learn\": the server's "
         "cookie stays as it is, and Weir remembers which server has set it: a million of them, in memory that "
         "all workers share; they outlast reloads and upgrades, not the whole instance."},
    {.name = "cookie",
     .type = CONF_STRING,
     AT(cookie),
     .fallback = "\"WEIRID\"",
     .doc =
         "The cookie's name; has to be written unless the mode is \"insert\". With \"insert\" a server's own "
         "cookie of that name does not reach the client."},
    {.name = "ttl",
     .type = CONF_STRING,
     AT(ttl),
     .flags = CONF_NUMBERS,
     .doc =
         "How long a client stays, as a duration (\"8h\") or \"forever\", which is 400 days, the most that "
         "browsers keep. Counted from the last visit: the cookie holds the time when it was set, and is set "
         "anew after a tenth of it. Not written, a session cookie, which Weir never counts as expired. With "
         "\"learn\", how long a cookie that nobody sends is remembered (1h)."},
    {.name = "path",
     .type = CONF_STRING,
     AT(path),
     .fallback = "\"/\"",
     .doc = "The cookie's Path; this and the following are for \"insert\"."},
    {.name = "domain",
     .type = CONF_STRING,
     AT(domain),
     .doc = "Its Domain; not sent when not written, so that the cookie is for this host alone."},
    {.name = "secure",
     .type = CONF_BOOL,
     AT(secure),
     .fallback = "false",
     .doc = "Sent by clients over TLS only."},
    {.name = "httponly", .type = CONF_BOOL, AT(httponly), .fallback = "true", .doc = "Hidden from scripts."},
    {.name = "samesite",
     .type = CONF_ENUM,
     AT(samesite),
     .choices = samesites,
     .doc = "Whether it is sent when another site leads here; not sent when not written."},
    {.name = "indirect",
     .type = CONF_BOOL,
     AT(indirect),
     .fallback = "false",
     .doc = "Hide the cookie from the servers."},
    {.name = "secret",
     .type = CONF_STRING,
     AT(secret),
     .doc = "Random text or \"file:PATH\", from which the values are made: with the same one another machine "
            "knows them too. The file's own 'secret' when not written; without that, one that lasts as long as "
            "the instance, over reloads and upgrades."},
};
#undef AT
const struct conf_group settings_sticky_group = {
    "'sticky'", sizeof(struct sticky_settings), rows, ARRAY_SIZE(rows), "mode", false};
