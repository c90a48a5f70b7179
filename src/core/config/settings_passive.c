/* settings_passive.c: the tables of passive health and of the circuit breaker. */
#include "core/config/settings.h"

#define AT(member) .offset = offsetof(struct passive_settings, member)
static const struct conf_row passive_rows[] = {
    {.name = "errors", .type = CONF_INT, AT(errors), .fallback = "5", .min = 1, .max = 1000000,
     .doc = "So many failures in a row eject a server; a success between them, and they count from 0 again."},
    {.name = "window", .type = CONF_DURATION, AT(window), .fallback = "\"10s\"", .min = 100, .max = 86400000,
     .doc = "They are to happen within this time."},
    {.name = "pause", .type = CONF_DURATION, AT(pause), .fallback = "\"10s\"", .min = 100, .max = 86400000,
     .doc = "How long it gets no requests; twice as long when it is ejected again without a success, and so "
            "on up to ten times."},
    {.name = "max_ejected", .type = CONF_INT, AT(max_ejected), .unit = "percent", .fallback = "50",
     .min = 0, .max = 100,
     .doc = "Of the upstream's servers at once, but at least one and never the last; when fewer than half of "
            "the servers can be used, the ejected ones are used all the same."},
    {.name = "statuses", .type = CONF_STATUS, AT(statuses), .flags = CONF_LIST | CONF_NUMBERS,
     .fallback = "[ \"500-599\" ]",
     .doc = "Statuses of answers that are failures; connections that fail or end, and times that are "
            "over, always are."},
};
#undef AT
const struct conf_group settings_passive_group = {"'passive'", sizeof(struct passive_settings), passive_rows,
    ARRAY_SIZE(passive_rows), NULL, false};

#define AT(member) .offset = offsetof(struct circuit_breaker_settings, member)
static const struct conf_row breaker_rows[] = {
    {.name = "max_requests", .type = CONF_INT, AT(max_requests), .fallback = "0", .min = 0, .max = INT32_MAX,
     .doc = "Requests under way to all servers together, of all workers; 0 is no limit, here and below."},
    {.name = "max_pending", .type = CONF_INT, AT(max_pending), .fallback = "0", .min = 0, .max = INT32_MAX,
     .doc = "Requests that wait for a server, of all workers."},
    {.name = "max_retries", .type = CONF_INT, AT(max_retries), .fallback = "0", .min = 0, .max = INT32_MAX,
     .doc = "Requests that are on another attempt; each worker has its share of them."},
    {.name = "latency", .type = CONF_DURATION, AT(latency), .fallback = "0",
     .doc = "The mean time to the first byte of an answer, as a worker sees it of late; while it is longer, "
            "one request in a second goes through to find out."},
};
#undef AT
const struct conf_group settings_circuit_breaker_group = {"'circuit_breaker'",
    sizeof(struct circuit_breaker_settings), breaker_rows, ARRAY_SIZE(breaker_rows), NULL, false};
