/* settings_balance.c: the tables of `balance` and `divert`. */
#include "core/config/config.h"
#include "core/config/settings.h"

const char *const settings_balance_names[] = {
    [BALANCE_ROUND_ROBIN] = "round_robin", [BALANCE_STATIC_RR] = "static_rr", [BALANCE_LEAST_CONN] = "least_conn",
    [BALANCE_LEAST_TIME] = "least_time", [BALANCE_RANDOM] = "random", [BALANCE_SOURCE] = "source",
    [BALANCE_URI] = "uri", [BALANCE_URL_PARAM] = "url_param", [BALANCE_HEADER] = "header",
    [BALANCE_RDP_COOKIE] = "rdp_cookie", [BALANCE_HASH] = "hash", [BALANCE_LEAST_PENDING] = "least_pending",
    [BALANCE_FIRST] = "first", [BALANCE_METHODS] = NULL};
_Static_assert(ARRAY_SIZE(settings_balance_names) == BALANCE_METHODS + 1, "a name for each, then the end");

const char *const settings_hash_method_names[] = {"map", "consistent", NULL};

#define AT(member) .offset = offsetof(struct balance_settings, member)
static const struct conf_row balance_rows[] = {
    {.name = "method", .type = CONF_ENUM, AT(method), .choices = settings_balance_names,
     .fallback = "\"round_robin\"",
     .doc = "How a server is chosen. In turn: round_robin (smooth, by weight), static_rr (by the weights of "
            "the file alone). By load, over all workers: least_conn (fewest requests under way for its "
            "weight), least_time (the same times what its answers took of late), random (the less busy of two "
            "drawn by weight). By load of this worker: least_pending (fewest requests not answered yet, "
            "weights aside). By a key, so that the same goes to the same server: source (the client's "
            "address), uri (the path), url_param, header, rdp_cookie, hash; requests without the key go in "
            "turn. first: the first that has room."},
    {.name = "depth", .type = CONF_INT, AT(depth), .min = 1, .max = 1000,
     .doc = "Of uri: so many segments of the path count; all when not set."},
    {.name = "length", .type = CONF_INT, AT(length), .min = 1, .max = 1000000, .unit = "bytes",
     .doc = "Of uri: so much of it counts; all when not set."},
    {.name = "whole", .type = CONF_BOOL, AT(whole), .doc = "Of uri: with the query."},
    {.name = "name", .type = CONF_STRING, AT(name),
     .doc = "Of url_param, header and rdp_cookie: whose value is the key; of rdp_cookie \"mstshash\" when not "
            "set."},
    {.name = "key", .type = CONF_TEMPLATE, AT(key), .doc = "Of hash: text with variables."},
};
#undef AT
const struct conf_group settings_balance_group = {"'balance'", sizeof(struct balance_settings), balance_rows,
    ARRAY_SIZE(balance_rows), "method", false};

#define AT(member) .offset = offsetof(struct divert_settings, member)
static const struct conf_row divert_rows[] = {
    {.name = "to", .type = CONF_STRING, AT(to), .flags = CONF_REQUIRED,
     .doc = "The name of an upstream, which may stand further down, or \"http://host:port\"."},
    {.name = "when", .type = CONF_GROUP, AT(when), .flags = CONF_LIST, .group = &settings_condition_group,
     .doc = "Conditions that all must hold; without any, all requests go there."},
};
#undef AT
const struct conf_group settings_divert_group = {"'divert'", sizeof(struct divert_settings), divert_rows,
    ARRAY_SIZE(divert_rows), NULL, false};
