/* config_log.c: access logs; those with the same path share an index, and so a file. */
#include "base/syslog.h"
#include "core/config/config_build.h"

/* The logs of a level, shared by the routes that inherit them. */
struct build_logs {
    struct access_log **logs;
    size_t count;
};

static void log_index(struct build *b, struct access_log *log)
{
    struct config *c = b->config;
    const struct access_log *first = hash_table_get(b->logs, log->path);

    if (first) {
        log->index = first->index;
        return;
    }
    if (c->access_log_count == b->log_room) {
        size_t room = b->log_room ? b->log_room * 2 : 8;
        struct access_log **more = pool_zalloc(b->pool, room * sizeof(struct access_log *));
        if (c->access_log_count)
            memcpy(more, c->access_logs, c->access_log_count * sizeof(struct access_log *));
        c->access_logs = more;
        b->log_room = room;
    }
    log->index = c->access_log_count;
    c->access_logs[c->access_log_count++] = log;
    hash_table_set(b->logs, log->path, log);
}

static void log_fields(struct build *b, const struct access_log_settings *s, struct access_log *log)
{
    struct conf_place at = conf_place_of(&settings_access_log_group, &s->head, "fields");

    if (log->format == ACCESS_JSON || s->fields.n)
        access_fields_init(&log->fields, b->pool, s->fields.items, s->fields.n, at, b->report);
    if (s->fields.n && log->format != ACCESS_JSON)
        conf_report_add(b->report, at, "'fields' is for format = \"json\"; remove it");
}

void config_check_log(struct build *b, struct str path, const char *setting, struct conf_place at)
{
    struct syslog_target target;
    char error[256];

    if (!syslog_is_target(path))
        config_check_file(b, path, setting, at);
    else if (syslog_parse(path, &target, error, sizeof(error)) != 0)
        conf_report_add(b->report, at, "%s: %s", setting, error);
}

/* A text without variables is the same on every line: most likely a misspelt name. */
static void log_check_format(struct build *b, const struct access_log_settings *s)
{
    static const char *const names[] = {"combined", "json"};
    struct conf_place at = conf_place_of(&settings_access_log_group, &s->head, "format");
    size_t limit = s->format.len / 3 + 2;
    const char *near = NULL;

    if (memchr(s->format.s, '$', s->format.len))
        return;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        size_t d = str_distance(s->format, str_of(names[i]), limit);
        if (d < limit) {
            limit = d;
            near = names[i];
        }
    }
    if (near)
        conf_report_add(b->report, at, "the format \"%.*s\" has no variable; did you mean \"%s\"?", STR_ARG(s->format),
                        near);
    else
        conf_report_add(b->report, at,
                        "the format \"%.*s\" has no variable; write \"combined\", \"json\" or a text such as "
                        "\"$remote_addr $status\"",
                        STR_ARG(s->format));
}

static struct access_log *log_build(struct build *b, const struct access_log_settings *s)
{
    struct access_log *log = pool_zalloc(b->pool, sizeof(*log));

    log->path = s->path;
    config_check_log(b, s->path, "access_log", conf_place_of(&settings_access_log_group, &s->head, "path"));
    if (str_eq(s->format, STR("combined"))) {
        log->format = ACCESS_COMBINED;
    } else if (str_eq(s->format, STR("json"))) {
        log->format = ACCESS_JSON;
    } else {
        log->format = ACCESS_CUSTOM;
        log_check_format(b, s);
        log->line = template_new(b->pool, s->format, VAR_RESPONSE,
                                 conf_place_of(&settings_access_log_group, &s->head, "format"), b->report);
    }
    log_fields(b, s, log);
    log->buffer = (size_t)s->buffer;
    log->flush = s->flush;
    log->sample = s->sample;
    log->when = config_match(b, &s->when, VAR_RESPONSE);
    log_index(b, log);
    return log;
}

void config_build_access_logs(struct build *b, const struct level_settings *s, struct access_log ***logs,
                              size_t *count)
{
    const struct access_log_settings *from = s->access_log.items;
    struct build_logs *made = config_made(b, from);

    if (s->access_log.n == 0)
        return;
    if (!made) {
        made = pool_zalloc(b->pool, sizeof(*made));
        made->logs = pool_zalloc(b->pool, s->access_log.n * sizeof(struct access_log *));
        for (size_t i = 0; i < s->access_log.n; i++)
            if (!str_eq(from[i].path, STR("off")))
                made->logs[made->count++] = log_build(b, &from[i]);
        config_keep(b, from, made);
    }
    *logs = made->logs;
    *count = made->count;
}
