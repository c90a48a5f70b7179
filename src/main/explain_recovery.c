/* explain_recovery.c: see explain_recovery.h. */
#include "main/explain_recovery.h"

#include "base/units.h"
#include "http/status.h"

static const char *const reasons[] = {"connect", "timeout", "reset", "502", "503", "504"};

/* By the order of `reasons`. */
static bool is_on(const struct retry_conf *r, size_t reason)
{
    const bool on[] = {r->on_connect, r->on_timeout, r->on_reset, r->on_502, r->on_503, r->on_504};

    return on[reason];
}

static void print_time(const char *before, int64_t ms, FILE *to)
{
    char text[UNITS_TEXT_MAX];
    struct str duration = units_print_duration(ms, text);

    fprintf(to, "%s%.*s", before, STR_ARG(duration));
}

static void print_retry(const struct retry_conf *r, FILE *to)
{
    const char *before = " on ";

    fprintf(to, "%-11s%u attempt%s", "retry", r->tries, r->tries == 1 ? "" : "s");
    for (size_t i = 0; r->tries > 1 && i < ARRAY_SIZE(reasons); i++)
        if (is_on(r, i)) {
            fprintf(to, "%s%s", before, reasons[i]);
            before = ", ";
        }
    if (r->tries > 1)
        fprintf(to, "; replay %s, budget %u%%", config_replay_name(r->replay), r->budget);
    if (r->per_try > 0)
        print_time(", per try ", r->per_try, to);
    fputc('\n', to);
}

static void print_statuses(const struct status_set *set, FILE *to)
{
    const char *before = "; failures are";

    for (size_t i = 0; set && i < set->count; i++) {
        fprintf(to, "%s %u", before, set->ranges[i].first);
        if (set->ranges[i].last > set->ranges[i].first)
            fprintf(to, "-%u", set->ranges[i].last);
        before = ",";
    }
}

static void print_passive(const struct passive_conf *p, FILE *to)
{
    fprintf(to, "%-11s%u failures", "passive", p->errors);
    print_time(" within ", p->window, to);
    print_time(": ejected for ", p->pause, to);
    fprintf(to, ", at most %u%% of the servers", p->max_ejected);
    print_statuses(p->statuses, to);
    fputc('\n', to);
}

static void print_breaker(const struct breaker_conf *b, FILE *to)
{
    const struct {
        const char *name;
        unsigned value;
    } rows[] = {{"requests", b->max_requests}, {"waiting", b->max_pending}, {"retries", b->max_retries}};
    const char *before = "";

    fprintf(to, "%-11s", "breaker");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].value > 0) {
            fprintf(to, "%sat most %u %s", before, rows[i].value, rows[i].name);
            before = ", ";
        }
    if (b->latency > 0) {
        fputs(before, to);
        print_time("latency at most ", b->latency, to);
    }
    fputc('\n', to);
}

void explain_print_recovery(const struct route *route, FILE *to)
{
    if (route->action != ACTION_PROXY || !route->upstream)
        return;
    print_retry(&route->retry, to);
    if (route->upstream->passive)
        print_passive(route->upstream->passive, to);
    if (route->upstream->breaker)
        print_breaker(route->upstream->breaker, to);
}

static void put_retry(struct json *j, const struct retry_conf *r)
{
    json_object(j, "retry");
    json_uint(j, "tries", r->tries);
    json_array(j, "on");
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
        if (is_on(r, i))
            json_str(j, NULL, str_of(reasons[i]));
    json_array_end(j);
    json_str(j, "replay", str_of(config_replay_name(r->replay)));
    json_int(j, "per_try_ms", r->per_try);
    json_uint(j, "budget", r->budget);
    json_object_end(j);
}

static void put_statuses(struct json *j, const struct status_set *set)
{
    char text[24];

    json_array(j, "statuses");
    for (size_t i = 0; set && i < set->count; i++) {
        const struct status_range *range = &set->ranges[i];

        if (range->last > range->first)
            snprintf(text, sizeof(text), "%u-%u", range->first, range->last);
        else
            snprintf(text, sizeof(text), "%u", range->first);
        json_str(j, NULL, str_of(text));
    }
    json_array_end(j);
}

static void put_passive(struct json *j, const struct passive_conf *p)
{
    json_object(j, "passive");
    json_uint(j, "errors", p->errors);
    json_int(j, "window_ms", p->window);
    json_int(j, "pause_ms", p->pause);
    json_uint(j, "max_ejected", p->max_ejected);
    put_statuses(j, p->statuses);
    json_object_end(j);
}

static void put_breaker(struct json *j, const struct breaker_conf *b)
{
    json_object(j, "circuit_breaker");
    json_uint(j, "max_requests", b->max_requests);
    json_uint(j, "max_pending", b->max_pending);
    json_uint(j, "max_retries", b->max_retries);
    json_int(j, "latency_ms", b->latency);
    json_object_end(j);
}

void explain_put_recovery(struct json *j, const struct route *route)
{
    if (route->action != ACTION_PROXY || !route->upstream)
        return;
    put_retry(j, &route->retry);
    if (route->upstream->passive)
        put_passive(j, route->upstream->passive);
    if (route->upstream->breaker)
        put_breaker(j, route->upstream->breaker);
}
