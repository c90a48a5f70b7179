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
