/*
 * cli_ctl_show.c: tables of what the API answered.  What a member lacks or has of another type is shown as
 * "-" or 0.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "main/cli_ctl.h"
#include "main/cli_table.h"

static const char *text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    if (json_is_boolean(value))
        return json_is_true(value) ? "yes" : "no";
    return json_string_value(value);
}

static unsigned long long number_of(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));

    return value > 0 ? (unsigned long long)value : 0;
}

/* A name as it may be printed outside of a table. */
static void name_print(const char *name, FILE *to)
{
    for (; name && *name; name++)
        putc((unsigned char)*name < ' ' || *name == 127 ? '?' : *name, to);
}

static void add_ms(struct cli_table *t, const json_t *server, const char *name)
{
    const json_t *value = json_object_get(json_object_get(server, "latency_ms"), name);
    char text[32];

    snprintf(text, sizeof(text), "%.1f", json_number_value(value));
    cli_table_add(t, json_is_number(value) ? text : NULL);
}

static void time_print(const json_t *value, FILE *to)
{
    time_t at = (time_t)json_integer_value(value);
    char text[64];
    struct tm tm;

    if (at > 0 && gmtime_r(&at, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
        fputs(text, to);
    else
        putc('-', to);
}

static const char *check_of(const json_t *server)
{
    const json_t *check = json_object_get(server, "check");
    const json_t *ok = json_object_get(check, "ok");

    return json_is_true(ok) ? "passed" : text_of(check, "reason");
}

/* Why servers are ejected and when they are used again: a line each. */
static void show_ejected(const json_t *upstream, FILE *to)
{
    const json_t *server, *ejected;
    size_t i;

    json_array_foreach (json_object_get(upstream, "servers"), i, server) {
        ejected = json_object_get(server, "ejected");
        if (!json_is_object(ejected))
            continue;
        fputs("  ", to);
        name_print(text_of(server, "name"), to);
        fputs(" is ejected until ", to);
        time_print(json_object_get(ejected, "until"), to);
        fputs(", its last failure: ", to);
        name_print(text_of(ejected, "reason"), to);
        putc('\n', to);
    }
}

/* What its servers are found by, and how that is doing. */
static void show_discovery(const json_t *upstream, FILE *to)
{
    const json_t *source;
    size_t i;

    json_array_foreach (json_object_get(upstream, "discovery"), i, source) {
        bool ok = json_is_true(json_object_get(source, "ok"));
        unsigned long long servers = number_of(source, "servers");
        const char *reason = text_of(source, "reason");

        fputs("  ", to);
        name_print(text_of(source, "name"), to);
        fprintf(to, ": %llu server%s found, last at ", servers, servers == 1 ? "" : "s");
        time_print(json_object_get(source, "at"), to);
        if (!ok && reason && *reason) {
            fprintf(to, "; FAILS (%llu so far): ", number_of(source, "errors"));
            name_print(reason, to);
        }
        putc('\n', to);
    }
}

void cli_ctl_show_upstream(const json_t *upstream, FILE *to)
{
    static const char *const headings[] = {"SERVER",    "ADDRESS", "STATE",   "BACKUP",
                                           ">WEIGHT",   ">ACTIVE", ">QUEUED", ">REQUESTS",
                                           ">FAILURES", ">P50 MS", ">P99 MS", "CHECK"};
    struct pool *pool = pool_new(16384);
    const json_t *server;
    struct cli_table t;
    size_t i;

    name_print(text_of(upstream, "name"), to);
    fputs(" (", to);
    name_print(text_of(upstream, "balance"), to);
    fputs(")\n", to);
    cli_table_init(&t, pool, headings, sizeof(headings) / sizeof(headings[0]));
    json_array_foreach (json_object_get(upstream, "servers"), i, server) {
        cli_table_add(&t, text_of(server, "name"));
        cli_table_add(&t, text_of(server, "address"));
        cli_table_add(&t, text_of(server, "state"));
        cli_table_add(&t, text_of(server, "backup"));
        cli_table_add_uint(&t, number_of(server, "weight"));
        cli_table_add_uint(&t, number_of(server, "active"));
        cli_table_add_uint(&t, number_of(server, "queued"));
        cli_table_add_uint(&t, number_of(server, "requests"));
        cli_table_add_uint(&t, number_of(server, "failures"));
        add_ms(&t, server, "p50");
        add_ms(&t, server, "p99");
        cli_table_add(&t, check_of(server));
    }
    cli_table_print(&t, "  ", to);
    show_ejected(upstream, to);
    show_discovery(upstream, to);
    pool_free(pool);
}

void cli_ctl_show_upstreams(const json_t *answer, FILE *to)
{
    const json_t *upstream;
    size_t i;

    json_array_foreach (json_object_get(answer, "upstreams"), i, upstream) {
        if (i > 0)
            putc('\n', to);
        cli_ctl_show_upstream(upstream, to);
    }
}

static void show_workers(const json_t *answer, struct pool *pool, FILE *to)
{
    static const char *const headings[] = {"WORKER", ">PID",         ">GENERATION",
                                           "DRAINS", ">CONNECTIONS", ">REQUESTS"};
    const json_t *worker;
    struct cli_table t;
    size_t i;

    cli_table_init(&t, pool, headings, sizeof(headings) / sizeof(headings[0]));
    json_array_foreach (json_object_get(answer, "workers"), i, worker) {
        cli_table_add_uint(&t, number_of(worker, "index"));
        cli_table_add_uint(&t, number_of(worker, "pid"));
        cli_table_add_uint(&t, number_of(worker, "generation"));
        cli_table_add(&t, text_of(worker, "draining"));
        cli_table_add_uint(&t, number_of(worker, "connections"));
        cli_table_add_uint(&t, number_of(worker, "requests"));
    }
    cli_table_print(&t, "", to);
}

/* Of each upstream how many servers are up, and the sums. */
static void show_sums(const json_t *answer, struct pool *pool, FILE *to)
{
    static const char *const headings[] = {"UPSTREAM", "BALANCE",   ">UP",      ">SERVERS",
                                           ">ACTIVE",  ">REQUESTS", ">FAILURES"};
    const json_t *upstream, *server;
    struct cli_table t;
    size_t i, k;

    cli_table_init(&t, pool, headings, sizeof(headings) / sizeof(headings[0]));
    json_array_foreach (json_object_get(answer, "upstreams"), i, upstream) {
        const json_t *servers = json_object_get(upstream, "servers");
        unsigned long long up = 0, active = 0, requests = 0, failures = 0;

        json_array_foreach (servers, k, server) {
            const char *state = text_of(server, "state");

            up += state && strcmp(state, "up") == 0;
            active += number_of(server, "active");
            requests += number_of(server, "requests");
            failures += number_of(server, "failures");
        }
        cli_table_add(&t, text_of(upstream, "name"));
        cli_table_add(&t, text_of(upstream, "balance"));
        cli_table_add_uint(&t, up);
        cli_table_add_uint(&t, json_array_size(servers));
        cli_table_add_uint(&t, active);
        cli_table_add_uint(&t, requests);
        cli_table_add_uint(&t, failures);
    }
    cli_table_print(&t, "", to);
}

/* What became of those that an authority gives; of others, those that end soon. */
static void show_certificates(const json_t *answer, struct pool *pool, FILE *to)
{
    static const char *const headings[] = {"CERTIFICATE", ">DAYS", "ACME", ">FAILURES", "SHOWN", "LAST ERROR"};
    const json_t *cert;
    struct cli_table t;
    size_t i, shown = 0;

    cli_table_init(&t, pool, headings, sizeof(headings) / sizeof(headings[0]));
    json_array_foreach (json_object_get(answer, "certificates"), i, cert) {
        const json_t *acme = json_object_get(cert, "acme");
        const char *name = json_string_value(json_array_get(json_object_get(cert, "names"), 0));
        json_int_t days = json_integer_value(json_object_get(cert, "days"));

        if (!json_is_object(acme) && days >= 14)
            continue;
        shown++;
        cli_table_add(&t, name ? name : text_of(cert, "file"));
        cli_table_add(&t, pool_printf(pool, "%lld", (long long)days).s);
        cli_table_add(&t, json_is_object(acme) ? text_of(acme, "state") : NULL);
        cli_table_add(&t, json_is_object(acme) ? pool_printf(pool, "%llu", number_of(acme, "failures")).s : NULL);
        cli_table_add(&t, json_is_true(json_object_get(acme, "placeholder")) ? "placeholder" : "certificate");
        cli_table_add(&t, json_is_object(acme) ? text_of(acme, "error") : NULL);
    }
    if (!shown)
        return;
    putc('\n', to);
    cli_table_print(&t, "", to);
}

void cli_ctl_show_status(const json_t *answer, FILE *to)
{
    struct pool *pool = pool_new(16384);

    fputs("weir ", to);
    name_print(text_of(answer, "version"), to);
    fprintf(to, ", master %llu, since ", number_of(answer, "pid"));
    time_print(json_object_get(answer, "started"), to);
    fprintf(to, ", generation %llu, %llu restarts of processes\n", number_of(answer, "generation"),
            number_of(answer, "restarts"));
    fprintf(to, "%llu connections open, %llu requests, %llu bytes received, %llu bytes sent\n\n",
            number_of(answer, "connections"), number_of(answer, "requests"),
            number_of(answer, "bytes_received"), number_of(answer, "bytes_sent"));
    show_workers(answer, pool, to);
    putc('\n', to);
    show_sums(answer, pool, to);
    show_certificates(answer, pool, to);
    pool_free(pool);
}

void cli_ctl_show_changes(const json_t *answer, FILE *to)
{
    static const char *const headings[] = {"UPSTREAM", "SERVER", "ADDRESS", "ADDED", "STATE", ">WEIGHT"};
    const json_t *changes = json_object_get(answer, "changes"), *change;
    struct pool *pool = pool_new(16384);
    struct cli_table t;
    size_t i;

    cli_table_init(&t, pool, headings, sizeof(headings) / sizeof(headings[0]));
    json_array_foreach (changes, i, change) {
        cli_table_add(&t, text_of(change, "upstream"));
        cli_table_add(&t, text_of(change, "server"));
        cli_table_add(&t, text_of(change, "address"));
        cli_table_add(&t, text_of(change, "added"));
        cli_table_add(&t, text_of(change, "state"));
        if (json_object_get(change, "weight"))
            cli_table_add_uint(&t, number_of(change, "weight"));
        else
            cli_table_add(&t, NULL);
    }
    if (json_array_size(changes) > 0)
        cli_table_print(&t, "", to);
    else
        fputs("All servers are as the configuration says.\n", to);
    if (json_is_false(json_object_get(answer, "saved"))) {
        fputs("Not saved, a restart loses them: ", to);
        name_print(text_of(answer, "warning"), to);
        putc('\n', to);
    }
    pool_free(pool);
}

void cli_ctl_show_done(const json_t *answer, FILE *to)
{
    const char *warning = text_of(answer, "warning");

    fprintf(to, "%s\n", text_of(answer, "text") ? text_of(answer, "text") : "Done.");
    if (warning)
        fprintf(to, "%s\n", warning);
}
