/* settings_overload.c: the tables of what happens when there is more to do than can be done. */
#include "core/config/settings.h"

const char *const settings_priority_names[] = {"high", "normal", "low", NULL};

#define AT(member) .offset = offsetof(struct queue_settings, member)
static const struct conf_row queue_rows[] = {
    {.name = "size", .type = CONF_INT, AT(size), .fallback = "1024", .min = 0, .max = 1000000,
     .doc = "Requests of the whole instance that may wait; 0 is none: they are answered with 503, unless a "
            "backup can be used."},
    {.name = "timeout", .type = CONF_DURATION, AT(timeout), .fallback = "\"10s\"", .min = 1, .max = 86400000,
     .doc = "How long a request waits before it is answered with 503."},
};
#undef AT
const struct conf_group settings_queue_group = {"'queue'", sizeof(struct queue_settings), queue_rows,
    ARRAY_SIZE(queue_rows), "size", false};

#define AT(member) .offset = offsetof(struct connection_limit_settings, member)
static const struct conf_row connection_limit_rows[] = {
    {.name = "max", .type = CONF_INT, AT(max), .flags = CONF_REQUIRED, .min = 1, .max = INT32_MAX,
     .doc = "Connections of one key that may be open at once, over all workers; what is more is closed and counted."},
    {.name = "key", .type = CONF_TEMPLATE, AT(key),
     .doc = "Text with variables: what is counted for itself; where it comes to nothing, and when not set, "
            "the client's address, of IPv6 the network of 64 bits that it is of.  \"$remote_addr\" is the same."},
};
#undef AT
const struct conf_group settings_connection_limit_group = {"'connection_limit'", sizeof(struct connection_limit_settings),
    connection_limit_rows, ARRAY_SIZE(connection_limit_rows), "max", false};
