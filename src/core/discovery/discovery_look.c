/* discovery_look.c: when a name is asked for again and a file looked at again, and what is said of errors. */
#include <errno.h>
#include <stdio.h>

#include "core/discovery/discovery_source.h"
#include "core/upstream/upstream_servers.h"
#include "core/worker.h"

#define BACK_OFF_LEAST_MS 1000
#define BACK_OFF_MOST_MS 30000
#define FILE_LOOK_MS 2000 /* beside what the directory tells */
#define FILE_REST_MS 50 /* after a change, for the next one of a row */
#define FILE_ERRORS_TOLD 10

static struct worker *worker_of(const struct discovery_source *s)
{
    return s->group->discovery->worker;
}

static int64_t now_of(const struct discovery_source *s)
{
    return worker_of(s)->loop->clock.mono_ms;
}

/* ---- names ---- */

static int64_t back_off(unsigned failures)
{
    int64_t ms = BACK_OFF_LEAST_MS;

    for (unsigned i = 1; i < failures && ms < BACK_OFF_MOST_MS; i++)
        ms *= 2;
    return ms < BACK_OFF_MOST_MS ? ms : BACK_OFF_MOST_MS;
}

/* Each error once, until it is another or the name is found again. */
static void name_tell(struct discovery_source *s, const char *error)
{
    if (strcmp(s->told, error) == 0)
        return;
    snprintf(s->told, sizeof(s->told), "%s", error);
    log_write(worker_of(s)->log, LOG_LEVEL_WARN, "upstream %.*s: cannot resolve %.*s: %s; %s",
              STR_ARG(s->group->upstream->name), STR_ARG(s->name), error,
              s->set.count || s->group->filled ? "the addresses found before stay" : "it has no address yet");
}

static void name_on_answer(struct resolver_question *question, const struct resolver_answer *answer)
{
    struct discovery_source *s = container_of(question, struct discovery_source, question);
    const struct server_set *former = s->next_pool ? &s->next : &s->set;

    s->asked = false;
    if (answer->count > 0) {
        struct pool *pool = pool_new(4096);
        struct server_set set = discovery_set_of(pool, s->group->upstream, s->template_at, answer,
                                                 answer->error ? former : NULL);

        discovery_source_says(s, pool, &set, !answer->error);
    }
    if (answer->is_cut && !s->is_cut)
        log_write(worker_of(s)->log, LOG_LEVEL_WARN, "upstream %.*s: %.*s has more addresses than are taken",
                  STR_ARG(s->group->upstream->name), STR_ARG(s->name));
    s->is_cut = answer->is_cut;
    if (answer->error) {
        name_tell(s, answer->error);
        discovery_source_failed(s, answer->error);
        s->look_at_ms = now_of(s) + back_off(++s->failures);
        return;
    }
    s->failures = 0;
    s->told[0] = '\0';
    discovery_source_is_well(s);
    s->look_at_ms = now_of(s) + answer->ttl_ms;
}

static void name_look(struct discovery_source *s)
{
    const struct peer_conf *conf = &s->group->upstream->peers[s->template_at];
    struct resolver *resolver = s->group->discovery->resolver;

    if (s->asked || !resolver || !resolver_has_room(resolver))
        return;
    s->asked = true;
    s->question = (struct resolver_question){s->host, conf->port, name_on_answer};
    resolver_ask(resolver, &s->question);
}

/* ---- files ---- */

struct file_errors {
    struct servers_file_errors errors;
    struct discovery_source *source;
    char first[DISCOVERY_FAILURE - 40];
};

static void file_on_wrong(struct servers_file_errors *errors, unsigned line, const char *what)
{
    struct file_errors *e = container_of(errors, struct file_errors, errors);
    struct discovery_source *s = e->source;
    char place[16] = "";

    if (line)
        snprintf(place, sizeof(place), ":%u", line);
    if (errors->count == 1)
        snprintf(e->first, sizeof(e->first), "%s%s%s%s", line ? "line " : "", line ? place + 1 : "",
                 line ? ": " : "", what);
    if (errors->count <= FILE_ERRORS_TOLD)
        log_write(worker_of(s)->log, LOG_LEVEL_ERROR, "%.*s%s: %s", STR_ARG(s->name), place, what);
}

static void file_failed(struct discovery_source *s, const struct file_errors *e)
{
    char why[DISCOVERY_FAILURE];

    if (e->errors.count > 1)
        snprintf(why, sizeof(why), "%s; %zu errors in all", e->first, e->errors.count);
    else
        snprintf(why, sizeof(why), "%s", e->first);
    log_write(worker_of(s)->log, LOG_LEVEL_ERROR,
              "upstream %.*s: %.*s has %zu error%s: the servers found before stay",
              STR_ARG(s->group->upstream->name), STR_ARG(s->name), e->errors.count,
              e->errors.count == 1 ? "" : "s");
    discovery_source_failed(s, why);
}

/* `servers` of the configuration comes first: the same server is not there twice. */
static void file_tell_doubles(const struct discovery_source *s, const struct server_set *set)
{
    const struct upstream *u = s->group->upstream;
    unsigned told = 0;

    for (size_t i = 0; i < set->count && told < FILE_ERRORS_TOLD; i++) {
        const struct server_want *want = &set->items[i];
        const struct peer_conf *conf =
            upstream_server_in_file(u, &(struct board_server){.name = want->name, .address = want->address});
        char there[ADDR_TEXT_MAX], here[ADDR_TEXT_MAX];

        if (!conf)
            continue;
        told++;
        log_write(worker_of(s)->log, LOG_LEVEL_WARN,
                  "upstream %.*s: the server %.*s (%.*s) of %.*s is not used: `servers` has %.*s (%.*s), line %u; keep "
                  "it in one place",
                  STR_ARG(u->name), STR_ARG(want->name), STR_ARG(addr_print(&want->address, here)), STR_ARG(s->name),
                  STR_ARG(conf->name), STR_ARG(conf->resolve ? conf->resolve_name : addr_print(&conf->address, there)),
                  conf->at.line);
    }
}

static void file_read(struct discovery_source *s)
{
    const struct upstream *u = s->group->upstream;
    struct file_errors e = {.errors = {file_on_wrong, 0}, .source = s};
    struct servers_file_rules rules = {u->server_defaults.weight, BOARD_NAME_MAX - u->name.len};
    struct pool *pool = pool_new(4096);
    struct server_set set;

    if (servers_file_read(pool, s->name.s, &rules, &e.errors, &set, &s->mark) == 0) {
        file_tell_doubles(s, &set);
        discovery_source_says(s, pool, &set, true);
        discovery_source_is_well(s);
    } else {
        pool_free(pool);
        file_failed(s, &e);
    }
}

static void file_watch(struct discovery_source *s)
{
    struct watch *watch = s->group->discovery->watch;

    if (watch && s->directory[0])
        s->wd = watch_directory(watch, s->directory);
}

static void file_look(struct discovery_source *s)
{
    struct servers_file_mark mark;
    struct file_errors e = {.errors = {file_on_wrong, 1}, .source = s};

    /* First: a change after the look is told of. */
    file_watch(s);
    s->look_at_ms = now_of(s) + FILE_LOOK_MS;
    if (servers_file_look(s->name.s, &mark) < 0) {
        if (errno == ENOENT && s->has_mark)
            file_on_wrong(&e.errors, 0, "the file is gone");
        else if (s->has_mark || !s->spoke_ever)
            file_on_wrong(&e.errors, 0, strerror(errno));
        else
            return;
        s->has_mark = false;
        file_failed(s, &e);
        return;
    }
    if (s->has_mark && servers_file_same(&s->mark, &mark)) {
        if (s->shared->check_ok)
            s->shared->checked_s = worker_of(s)->loop->clock.wall_s;
        return;
    }
    s->has_mark = true;
    s->mark = mark;
    file_read(s);
}

static void files_on_change(void *arg, int wd)
{
    struct discovery *d = arg;

    for (size_t i = 0; i < d->count; i++) {
        struct discovery_source *s = &d->groups[i].sources[0];
        int64_t at = d->worker->loop->clock.mono_ms + FILE_REST_MS;

        if (d->groups[i].origin == BOARD_ORIGIN_FILE && (wd == -1 || wd == s->wd) && at < s->look_at_ms)
            s->look_at_ms = at;
    }
}

/* ---- all ---- */

static void start_names(struct discovery_group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        struct str host = g->upstream->peers[g->sources[i].template_at].resolve_name;

        snprintf(g->sources[i].host, sizeof(g->sources[i].host), "%.*s", STR_ARG(host));
    }
}

static void start_file(struct discovery_group *g)
{
    struct discovery_source *s = &g->sources[0];
    const char *slash = strrchr(s->name.s, '/');
    int len = slash && slash > s->name.s ? (int)(slash - s->name.s) : 1;

    /* Seeded by the master from the same file: what holds until it was looked at. */
    s->wd = -1;
    if (slash)
        snprintf(s->directory, sizeof(s->directory), "%.*s", len, s->name.s);
}

void discovery_look_start(struct discovery *d)
{
    const char *servers = d->worker->config->resolver.len ? d->worker->config->resolver.s : NULL;
    const char *error = "";
    bool names = false, files = false;

    for (size_t i = 0; i < d->count; i++) {
        bool is_file = d->groups[i].origin == BOARD_ORIGIN_FILE;

        if (is_file)
            start_file(&d->groups[i]);
        else
            start_names(&d->groups[i]);
        files = files || is_file;
        names = names || !is_file;
    }
    if (names)
        d->resolver = resolver_new(d->worker->loop, servers, &error);
    if (names && !d->resolver)
        log_write(d->worker->log, LOG_LEVEL_ERROR, "names cannot be resolved: %s", error);
    if (files)
        d->watch = watch_new(d->worker->loop, files_on_change, d);
}

void discovery_look_stop(struct discovery *d)
{
    resolver_free(d->resolver);
    watch_free(d->watch);
}

void discovery_look_tick(struct discovery *d, bool serves)
{
    if (d->resolver)
        resolver_tick(d->resolver);
    for (size_t i = 0; i < d->count; i++) {
        struct discovery_group *g = &d->groups[i];

        for (size_t k = 0; (serves || !g->filled) && k < g->count; k++) {
            struct discovery_source *s = &g->sources[k];

            if (now_of(s) < s->look_at_ms)
                continue;
            if (g->origin == BOARD_ORIGIN_FILE)
                file_look(s);
            else
                name_look(s);
        }
    }
}
