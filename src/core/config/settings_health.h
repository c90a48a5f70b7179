/*
 * settings_health.h: `health` and `alert` as they are written in the file.
 */
#ifndef WEIR_CORE_CONFIG_SETTINGS_HEALTH_H
#define WEIR_CORE_CONFIG_SETTINGS_HEALTH_H

#include "conf/load.h"

struct expect_settings {
    struct conf_head head;
    struct conf_list status; /* struct conf_statuses */
    struct str body;
};

struct health_settings {
    struct conf_head head;
    int type, initial;
    struct str uri, method, host, send, user, role;
    struct conf_list headers; /* struct conf_pair */
    struct expect_settings *expect;
    int64_t interval, fast_interval, timeout, fall, rise, port, jitter;
};

struct alert_settings {
    struct conf_head head;
    struct str command, webhook;
};

extern const struct conf_group settings_health_group;
extern const struct conf_group settings_alert_group;

/* The names of `health.type`: enum check_type, then "none". */
extern const char *const settings_health_types[];

#endif
