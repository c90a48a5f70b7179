/* config.c: the steps from a file to a struct config, and what several of them need. */
#include "core/config/config.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rnd.h"
#include "core/config/config_build.h"

/* Names that are compared with all others for the nearest one. */
#define GUESSES 100

static const char *config_absolute(struct pool *pool, const char *path)
{
    char *cwd;
    const char *absolute;

    if (path[0] == '/')
        return pool_str(pool, str_of(path)).s;
    cwd = getcwd(NULL, 0);
    absolute = conf_path_in(pool, cwd, str_of(path));
    free(cwd);
    return absolute;
}

static const char *config_dir_of(struct pool *pool, const char *file)
{
    const char *slash = strrchr(file, '/');
    size_t n = slash == file ? 1 : (size_t)(slash - file);

    return pool_str(pool, (struct str){file, n}).s;
}

static struct build *config_begin(const char *file, const struct config_names *names,
                                  struct conf_report *report)
{
    struct pool *pool = pool_new(256 * 1024);
    struct build *b = pool_zalloc(pool, sizeof(*b));
    uint8_t key[16];

    b->pool = pool;
    b->report = report;
    b->names = names;
    b->config = pool_zalloc(pool, sizeof(*b->config));
    b->config->pool = pool;
    b->config->file = str_of(config_absolute(pool, file));
    b->dir = config_dir_of(pool, b->config->file.s);
    b->text.dir = b->dir;
    b->load = (struct conf_load){pool, report, &b->text, settings_scopes, NULL, NULL, settings_hints};
    b->settings = pool_zalloc(pool, sizeof(*b->settings));
    rnd_bytes(key, sizeof(key));
    b->key = hash_key_of(key);
    b->upstreams = hash_table_new(pool, b->key, 64);
    b->inlines = hash_table_new(pool, b->key, 16);
    b->caches = hash_table_new(pool, b->key, 16);
    b->sites = hash_table_new(pool, b->key, 64);
    b->roots = hash_table_new(pool, b->key, 16);
    b->directories = hash_table_new(pool, b->key, 16);
    b->tls_clients = hash_table_new(pool, b->key, 16);
    b->tls_materials = hash_table_new(pool, b->key, 16);
    b->tls_policies = hash_table_new(pool, b->key, 16);
    b->logs = hash_table_new(pool, b->key, 16);
    b->made = hash_table_new(pool, b->key, 64);
    return b;
}

/* The places of errors name files of the configuration's pool, which goes now. */
static struct config *config_refuse(struct build *b)
{
    struct conf_report *r = b->report;
    const char *from = NULL, *to = NULL;

    for (size_t i = 0; i < r->n; i++) {
        if (!r->errors[i].at.file)
            continue;
        if (r->errors[i].at.file != from) {
            from = r->errors[i].at.file;
            to = pool_str(r->pool, str_of(from)).s;
        }
        r->errors[i].at.file = to;
    }
    r->warnings = NULL;
    pool_free(b->pool);
    return NULL;
}

/* Defaults of the file itself and of `defaults`; the lists are completed where they are built. */
static void config_fill_top(struct build *b)
{
    struct settings *s = b->settings;
    struct conf_list listeners = s->listeners, upstreams = s->upstreams, sites = s->sites;

    s->listeners = s->upstreams = s->sites = (struct conf_list){NULL, 0};
    b->load.text = &b->text;
    if (!s->defaults)
        s->defaults = pool_zalloc(b->pool, sizeof(*s->defaults));
    (void)!conf_fill(&b->load, &settings_group, s);
    s->listeners = listeners;
    s->upstreams = upstreams;
    s->sites = sites;
    if (s->defaults->request_headers)
        s->defaults->request_headers = settings_headers(b->pool, NULL, s->defaults->request_headers);
    if (s->defaults->response_headers)
        s->defaults->response_headers = settings_headers(b->pool, NULL, s->defaults->response_headers);
}

static struct config *config_finish(struct build *b, size_t errors)
{
    b->loaded = b->report->n == errors;
    config_fill_top(b);
    config_build_top(b);
    config_build_upstreams(b);
    config_build_caches(b);
    config_build_sites(b);
    config_build_listeners(b);
    config_check_tls(b);
    config_check_reach(b);
    config_check_cache_paths(b);
    if (b->report->n != errors)
        return config_refuse(b);
    b->config->settings = b->settings;
    config_warn(b);
    return b->config;
}

struct config *config_load_with(const char *file, const struct config_names *names, struct conf_report *report)
{
    size_t errors = report->n;
    struct build *b = config_begin(file, names, report);

    return config_read(b, file) == 0 ? config_finish(b, errors) : config_refuse(b);
}

struct config *config_from_text_with(struct str text, const char *name, const struct config_names *names,
                                     struct conf_report *report)
{
    size_t errors = report->n;
    struct build *b = config_begin(name, names, report);

    return config_read_text(b, text, name) == 0 ? config_finish(b, errors) : config_refuse(b);
}

struct config *config_load(const char *file, struct conf_report *report)
{
    return config_load_with(file, &(struct config_names){.how = CONFIG_NAMES_ASK}, report);
}

struct config *config_from_text(struct str text, const char *name, struct conf_report *report)
{
    return config_from_text_with(text, name, &(struct config_names){.how = CONFIG_NAMES_ASK}, report);
}

void config_free(struct config *config)
{
    if (config)
        pool_free(config->pool);
}

struct timeouts config_timeouts(const struct timeouts_settings *t)
{
    if (!t)
        return (struct timeouts){0};
    return (struct timeouts){
        .connect = t->connect,
        .send = t->send,
        .read = t->read,
        .client_header = t->client_header,
        .client_body = t->client_body,
        .client_send = t->client_send,
        .keepalive = t->keepalive,
        .tunnel = t->tunnel,
        .total = t->total,
    };
}

const struct regex *config_regex(struct build *b, struct str pattern, bool nocase, struct conf_place at)
{
    struct regex_error error;
    const struct regex *regex = regex_new(b->pool, pattern, nocase, &error);

    if (!regex)
        conf_report_add(b->report, at, "the regex \"%.*s\" is wrong at byte %zu: %s", STR_ARG(pattern),
                        error.offset, error.text);
    return regex;
}

void *config_made(const struct build *b, const void *from)
{
    return from ? hash_table_get(b->made, (struct str){(const char *)&from, sizeof(from)}) : NULL;
}

void config_keep(struct build *b, const void *from, void *made)
{
    const void **key = pool_alloc(b->pool, sizeof(*key));

    *key = from;
    hash_table_set(b->made, (struct str){(const char *)key, sizeof(*key)}, made);
}

void config_unknown(struct build *b, struct conf_place at, const char *what, struct str name,
                    const struct hash_table *table)
{
    size_t position = 0, limit = name.len / 3 + 2;
    struct str key, near = STR_NONE;
    void *value;

    if (b->partial)
        return;
    /* A file with as many of them was made by a program, whose author needs no guess for each. */
    if (b->guesses++ >= GUESSES)
        limit = 0;
    while (limit && hash_table_next(table, &position, &key, &value)) {
        size_t d = str_distance(name, key, limit);
        if (d < limit) {
            limit = d;
            near = key;
        }
    }
    if (near.s)
        conf_report_add(b->report, at, "there is no %s \"%.*s\"; did you mean \"%.*s\"?", what, STR_ARG(name),
                        STR_ARG(near));
    else
        conf_report_add(b->report, at, "there is no %s \"%.*s\"; write the name of one that is defined", what,
                        STR_ARG(name));
}

void config_check_field(struct build *b, struct str text, const char *setting, struct conf_place at)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.s[i];
        if ((c >= 0x20 || c == '\t') && c != 0x7f)
            continue;
        conf_report_add(b->report, at,
                        "'%s' holds the control byte \\x%02x, which no header field may hold; remove it", setting, c);
        return;
    }
}

void config_check_directory_of(struct build *b, struct str path, const char *setting, struct conf_place at)
{
    const char *slash = path.len ? memrchr(path.s, '/', path.len) : NULL;
    struct str dir;
    struct stat st;

    if (!slash || path.s[0] != '/')
        return;
    dir = pool_str(b->pool, (struct str){path.s, slash == path.s ? 1 : (size_t)(slash - path.s)});
    if (hash_table_get(b->directories, dir))
        return;
    if (stat(dir.s, &st) == 0 && S_ISDIR(st.st_mode)) {
        hash_table_set(b->directories, dir, b);
        return;
    }
    conf_report_add(b->report, at, "'%s' is in %.*s, which is not a directory; make it or write another path",
                    setting, STR_ARG(dir));
}

void config_check_file(struct build *b, struct str path, const char *setting, struct conf_place at)
{
    struct stat st;

    config_check_directory_of(b, path, setting, at);
    if (path.len && path.s[0] == '/' && stat(pool_str(b->pool, path).s, &st) == 0 && S_ISDIR(st.st_mode))
        conf_report_add(b->report, at, "'%s' is %.*s, which is a directory; write the path of a file", setting,
                        STR_ARG(path));
}
