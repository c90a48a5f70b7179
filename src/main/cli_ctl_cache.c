/* cli_ctl_cache.c: weir ctl caches and weir ctl cache: what caches hold, purges, and why. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "main/cli.h"
#include "main/cli_ctl.h"
#include "main/cli_table.h"

/* ---- purge ---- */

static json_t *purge_body(const struct ctl *c)
{
    json_t *body = c->key      ? json_pack("{s:s}", "key", c->key)
                   : c->prefix ? json_pack("{s:s}", "prefix", c->prefix)
                   : c->tag    ? json_pack("{s:s}", "tag", c->tag)
                               : json_pack("{s:b}", "all", 1);

    if (body && c->soft)
        json_object_set_new(body, "soft", json_true());
    return body;
}

static int cache_purge(const struct ctl *c)
{
    char path[CTL_PATH_MAX] = "/api/v1/cache/";
    json_t *body;
    char *text;
    int code;

    if (c->argc != 1 || (c->key != NULL) + (c->prefix != NULL) + (c->tag != NULL) + c->all != 1)
        return cli_wrong("cache purge takes NAME and one of --key KEY, --prefix TEXT, --tag TAG and --all [--soft]");
    if (cli_ctl_path_add(path, c->argv[0], true) < 0 || cli_ctl_path_add(path, "/purge", false) < 0)
        return cli_wrong("the name is too long");
    body = purge_body(c);
    text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (!text)
        return cli_wrong("what was given is not UTF-8");
    code = cli_ctl_call(c, "POST", path, str_of(text), cli_ctl_show_done);
    free(text);
    return code;
}

/* ---- why ---- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "-";
}

/* On one line, whatever is in it. */
static void print_line(const char *name, const char *text, FILE *to)
{
    fprintf(to, "%-9s", name);
    for (; *text; text++)
        putc((unsigned char)*text < ' ' || *text == 127 ? '?' : *text, to);
    putc('\n', to);
}

static void show_variants(const json_t *answer, FILE *to)
{
    static const char *const headings[] = {"VARIANT", ">STATUS", ">FRESH S", "PURGED"};
    const json_t *variants = json_object_get(answer, "variants"), *v;
    struct pool *pool = pool_new(16384);
    struct cli_table t;
    char ttl[32];
    size_t i;

    print_line("vary", text_of(answer, "vary"), to);
    print_line("variant", text_of(answer, "variant"), to);
    cli_table_init(&t, pool, headings, sizeof(headings) / sizeof(headings[0]));
    json_array_foreach (variants, i, v) {
        snprintf(ttl, sizeof(ttl), "%" PRIdMAX, (intmax_t)json_integer_value(json_object_get(v, "ttl")));
        cli_table_add(&t, text_of(v, "variant"));
        cli_table_add_uint(&t, (unsigned long long)json_integer_value(json_object_get(v, "status")));
        cli_table_add(&t, ttl);
        cli_table_add(&t, json_is_true(json_object_get(v, "soft_purged")) ? "softly" : NULL);
    }
    cli_table_print(&t, "  ", to);
    pool_free(pool);
}

static void show_why(const json_t *answer, FILE *to)
{
    print_line("answer", text_of(answer, "answer"), to);
    print_line("", text_of(answer, "text"), to);
    if (json_is_true(json_object_get(answer, "fetched_now")))
        print_line("", "It is being fetched at this moment.", to);
    print_line("route", text_of(answer, "route"), to);
    print_line("cache", text_of(answer, "cache"), to);
    print_line("key", text_of(answer, "key"), to);
    if (json_is_string(json_object_get(answer, "vary")))
        show_variants(answer, to);
}

static int add_argument(char path[CTL_PATH_MAX], const char *name, const char *value)
{
    if (!value)
        return 0;
    return cli_ctl_path_add(path, strchr(path, '?') ? "&" : "?", false) < 0 ||
                   cli_ctl_path_add(path, name, false) < 0 || cli_ctl_path_add(path, "=", false) < 0 ||
                   cli_ctl_path_add(path, value, true) < 0
               ? -1
               : 0;
}

static int cache_why(const struct ctl *c)
{
    char path[CTL_PATH_MAX] = "/api/v1/cache/why";
    int failed = 0;

    if (c->argc != 1)
        return cli_wrong("cache why takes [-X METHOD] [-H 'Name: value']... [--from IP] URL");
    failed |= add_argument(path, "url", c->argv[0]);
    failed |= add_argument(path, "method", c->method);
    failed |= add_argument(path, "from", c->from);
    for (size_t i = 0; i < c->field_count; i++)
        failed |= add_argument(path, "header", c->fields[i]);
    if (failed)
        return cli_wrong("the URL with its header fields is too long");
    return cli_ctl_call(c, "GET", path, STR_NONE, show_why);
}

int cli_ctl_cache(struct ctl *c)
{
    const char *what = c->argc > 0 ? c->argv[0] : "";
    bool purges = strcmp(what, "purge") == 0;

    if (c->argc > 0) {
        c->argc--;
        c->argv++;
    }
    if (purges)
        return cache_purge(c);
    if (strcmp(what, "why") == 0)
        return cache_why(c);
    return cli_wrong("cache takes purge or why, not \"%s\"", what);
}

/* ---- all ---- */

static unsigned long long number_of(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));

    return value > 0 ? (unsigned long long)value : 0;
}

/* "93.1", or "-" where nobody has asked. */
static const char *hits_of(const json_t *cache, char text[16])
{
    const json_t *results = json_object_get(cache, "results");
    unsigned long long all = number_of(cache, "requests");
    unsigned long long hits = number_of(results, "hit") + number_of(results, "hit-stale");

    if (all == 0)
        return NULL;
    snprintf(text, 16, "%.1f", 100.0 * (double)hits / (double)all);
    return text;
}

static void show_caches(const json_t *answer, FILE *to)
{
    static const char *const headings[] = {"CACHE",      "PATH",     ">SIZE MB", ">MB",    ">OBJECTS", ">REQUESTS", ">HIT %",
                                           ">COLLAPSED", ">FETCHES", ">EVICTED", ">FAULTS"};
    struct pool *pool = pool_new(16384);
    const json_t *cache;
    struct cli_table t;
    char text[16];
    size_t i;

    cli_table_init(&t, pool, headings, sizeof(headings) / sizeof(headings[0]));
    json_array_foreach (json_object_get(answer, "caches"), i, cache) {
        cli_table_add(&t, text_of(cache, "name"));
        cli_table_add(&t, text_of(cache, "path"));
        cli_table_add_uint(&t, number_of(cache, "size") >> 20);
        cli_table_add_uint(&t, number_of(cache, "bytes") >> 20);
        cli_table_add_uint(&t, number_of(cache, "objects"));
        cli_table_add_uint(&t, number_of(cache, "requests"));
        cli_table_add(&t, hits_of(cache, text));
        cli_table_add_uint(&t, number_of(cache, "collapsed"));
        cli_table_add_uint(&t, number_of(cache, "fetches"));
        cli_table_add_uint(&t, number_of(cache, "evicted"));
        cli_table_add_uint(&t, number_of(cache, "faults"));
    }
    if (i > 0)
        cli_table_print(&t, "", to);
    else
        fputs("The configuration has no caches.\n", to);
    pool_free(pool);
}

int cli_ctl_caches(struct ctl *c)
{
    return cli_ctl_call(c, "GET", "/api/v1/caches", STR_NONE, show_caches);
}
