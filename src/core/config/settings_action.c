/* settings_action.c: the tables of the groups that say what a route does and changes. */
#include "core/config/settings.h"

#define AT(member) .offset = offsetof(struct redirect_settings, member)
static const struct conf_row redirect_rows[] = {
    {.name = "to", .type = CONF_TEMPLATE, AT(to), .flags = CONF_REQUIRED, .doc = "The new address."},
    {.name = "status", .type = CONF_INT, AT(status), .fallback = "302", .min = 300, .max = 399,
     .doc = "301, 302, 303, 307 or 308."},
};
#undef AT
const struct conf_group settings_redirect_group = {"'redirect'", sizeof(struct redirect_settings),
    redirect_rows, ARRAY_SIZE(redirect_rows), "to", false};

#define AT(member) .offset = offsetof(struct respond_settings, member)
static const struct conf_row respond_rows[] = {
    {.name = "status", .type = CONF_INT, AT(status), .fallback = "200", .min = 200, .max = 599,
     .doc = "The status of the answer."},
    {.name = "body", .type = CONF_TEMPLATE, AT(body), .doc = "Its body."},
    {.name = "type", .type = CONF_STRING, AT(type), .fallback = "\"text/plain; charset=utf-8\"",
     .doc = "The media type of the body."},
    {.name = "headers", .type = CONF_MAP, AT(headers), .flags = CONF_LIST, .doc = "Fields of the answer."},
};
#undef AT
const struct conf_group settings_respond_group = {"'respond'", sizeof(struct respond_settings), respond_rows,
    ARRAY_SIZE(respond_rows), "status", false};

#define AT(member) .offset = offsetof(struct rewrite_settings, member)
static const struct conf_row rewrite_rows[] = {
    {.name = "regex",
     .type = CONF_REGEX,
     AT(regex),
     .flags = CONF_REQUIRED,
     .doc = "What the path must match."},
    {.name = "to", .type = CONF_TEMPLATE, AT(to), .flags = CONF_REQUIRED, .doc = "The path it becomes."},
    {.name = "last",
     .type = CONF_BOOL,
     AT(last),
     .fallback = "false",
     .doc = "Skip the rules behind this one."},
};
#undef AT
const struct conf_group settings_rewrite_group = {"a rewrite rule", sizeof(struct rewrite_settings),
    rewrite_rows, ARRAY_SIZE(rewrite_rows), NULL, true};

#define AT(member) .offset = offsetof(struct cookies_settings, member)
static const struct conf_row cookies_rows[] = {
    {.name = "domain", .type = CONF_STRING, AT(domain), .doc = "The Domain attribute; \"\" removes it."},
    {.name = "path", .type = CONF_STRING, AT(path), .doc = "The Path attribute; \"\" removes it."},
    {.name = "secure", .type = CONF_BOOL, AT(secure), .doc = "Whether Secure is there."},
    {.name = "httponly", .type = CONF_BOOL, AT(httponly), .doc = "Whether HttpOnly is there."},
    {.name = "samesite",
     .type = CONF_STRING,
     AT(samesite),
     .doc = "\"lax\", \"strict\", \"none\"; \"\" removes it."},
};
#undef AT
const struct conf_group settings_cookies_group = {"'cookies'", sizeof(struct cookies_settings), cookies_rows,
    ARRAY_SIZE(cookies_rows), NULL, false};

#define AT(member) .offset = offsetof(struct proxy_headers_settings, member)
static const struct conf_row proxy_headers_rows[] = {
    {.name = "host",
     .type = CONF_TEMPLATE,
     AT(host),
     .doc = "Host as the server sees it; as it came when not set."},
    {.name = "forwarded",
     .type = CONF_BOOL,
     AT(forwarded),
     .fallback = "true",
     .doc = "Send X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host."},
    {.name = "via", .type = CONF_BOOL, AT(via), .fallback = "true", .doc = "Send Via."},
};
#undef AT
const struct conf_group settings_proxy_headers_group = {"'proxy_headers'",
    sizeof(struct proxy_headers_settings), proxy_headers_rows, ARRAY_SIZE(proxy_headers_rows), NULL, false};
