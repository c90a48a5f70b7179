/* config_overload.c: queues, slow start, priorities, and when load is shed. */
#include "core/config/config_build.h"

void config_overload_upstream(struct upstream *u, const struct queue_settings *queue)
{
    u->queue = (struct queue_conf){0, 0};
    if (queue)
        u->queue = (struct queue_conf){.size = (unsigned)queue->size, .timeout = queue->timeout};
}

void config_overload_top(struct config *c, const struct limits_settings *limits)
{
    c->shed = limits && limits->shed > 0 ? limits->shed : 0;
}

struct str config_priority_name(enum route_priority priority)
{
    return str_of(priority < PRIORITIES ? settings_priority_names[priority] : "unknown");
}
