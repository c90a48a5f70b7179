/* settings_condition.c: the tables of conditions and of access logs, which have some of their own. */
#include "core/settings.h"

static const char *const schemes[] = {"http", "https", NULL};

#define AT(member) .offset = offsetof(struct condition_settings, member)
static const struct conf_row rows[] = {
    {.name = "method", .type = CONF_STRING, AT(method), .flags = CONF_LIST, .doc = "Methods."},
    {.name = "source", .type = CONF_CIDR, AT(source), .flags = CONF_LIST, .doc = "Networks of the client."},
    {.name = "scheme", .type = CONF_ENUM, AT(scheme), .flags = CONF_LIST, .choices = schemes,
     .doc = "What the client speaks."},
    {.name = "language", .type = CONF_STRING, AT(language), .flags = CONF_LIST,
     .doc = "Languages; holds when Accept-Language gives one of them a weight."},
    {.name = "user_agent", .type = CONF_REGEX, AT(user_agent), .doc = "Matches User-Agent."},
    {.name = "percent", .type = CONF_RATIO, AT(percent), .min = 0, .max = 100, .unit = "percent",
     .doc = "The part of all keys for which it holds."},
    {.name = "key", .type = CONF_TEMPLATE, AT(key), .doc = "What `percent` is taken of; $remote_addr when not set."},
    {.name = "sni", .type = CONF_STRING, AT(sni), .flags = CONF_LIST, .doc = "Names that TLS asked for."},
    {.name = "header", .type = CONF_STRING, AT(header), .doc = "A field of the request; * is any characters."},
    {.name = "cookie", .type = CONF_STRING, AT(cookie), .doc = "A cookie; * is any characters."},
    {.name = "query", .type = CONF_STRING, AT(query), .doc = "A member of the query; * is any characters."},
    {.name = "value", .type = CONF_TEMPLATE, AT(value), .doc = "Text with variables."},
    {.name = "is", .type = CONF_STRING, AT(is), .flags = CONF_LIST | CONF_NUMBERS, .doc = "The values that hold."},
    {.name = "regex", .type = CONF_REGEX, AT(regex), .doc = "Matches the value."},
    {.name = "present", .type = CONF_BOOL, AT(present), .doc = "Whether it must be there; true when neither `is` nor `regex` is set."},
    {.name = "any", .type = CONF_GROUP, AT(any), .flags = CONF_LIST, .group = &settings_condition_group,
     .doc = "Conditions of which one must hold."},
    {.name = "not", .type = CONF_BOOL, AT(not), .fallback = "false", .doc = "Inverts the condition."},
    {.name = "status", .type = CONF_STATUS, AT(status), .flags = CONF_LIST, .scopes = SCOPE_LOG,
     .doc = "The status of the response."},
    {.name = "sent_header", .type = CONF_STRING, AT(sent_header), .scopes = SCOPE_LOG,
     .doc = "A field of the response."},
    {.name = "longer_than", .type = CONF_DURATION, AT(longer_than), .scopes = SCOPE_LOG,
     .doc = "How long the exchange took."},
};
#undef AT
const struct conf_group settings_condition_group = {"a condition", sizeof(struct condition_settings), rows,
    ARRAY_SIZE(rows), NULL, false};

static const char *const paths[] = {"off", "-", "syslog:", NULL};

#define AT(member) .offset = offsetof(struct access_log_settings, member)
static const struct conf_row log_rows[] = {
    {.name = "path", .type = CONF_PATH, AT(path), .choices = paths, .fallback = "\"off\"",
     .doc = "File, \"-\" for standard output, \"syslog:\" with a facility, or \"off\"."},
    {.name = "format", .type = CONF_TEMPLATE, AT(format), .fallback = "\"combined\"",
     .doc = "\"combined\", \"json\", or a text with variables."},
    {.name = "fields", .type = CONF_STRING, AT(fields), .flags = CONF_LIST,
     .doc = "Variables of the json format; all when not set."},
    {.name = "buffer", .type = CONF_SIZE, AT(buffer), .fallback = "\"64k\"", .min = 0, .max = 16 << 20,
     .doc = "Bytes that a worker collects before it writes; 0 writes each line at once."},
    {.name = "flush", .type = CONF_DURATION, AT(flush), .fallback = "\"1s\"",
     .doc = "How long a line may wait in the buffer."},
    {.name = "sample", .type = CONF_RATIO, AT(sample), .fallback = "\"1\"", .min = 0, .max = 1,
     .doc = "The part of the requests that is logged."},
    {.name = "when", .type = CONF_GROUP, AT(when), .flags = CONF_LIST, .group = &settings_condition_group,
     .enters = SCOPE_LOG, .doc = "Conditions that all must hold."},
};
#undef AT
const struct conf_group settings_access_log_group = {"an access log", sizeof(struct access_log_settings),
    log_rows, ARRAY_SIZE(log_rows), "path", false};
