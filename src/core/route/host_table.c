/*
 * host_table.c: three exact tables and a list of regexes.  "*.example.com" is kept under
 * ".example.com", "www.*" under "www."; a look-up cuts the host at each dot, the longest piece
 * first.
 */
#include "core/route/host_table.h"

#include <stdio.h>

#include "core/route/path_table.h"

struct host_regex {
    struct regex *regex;
    void *value;
    struct host_regex *next;
};

struct host_table {
    struct pool *pool;
    struct path_table *exact;
    struct path_table *suffixes; /* each begins with its dot */
    struct path_table *prefixes; /* each ends with its dot */
    bool has_suffixes;
    bool has_prefixes;
    struct host_regex *regexes;
    struct host_regex **regexes_end;
};

struct host_table *host_table_new(struct pool *pool, struct hash_key key)
{
    struct host_table *table = pool_zalloc(pool, sizeof(*table));

    table->pool = pool;
    table->exact = path_table_new(pool, key);
    table->suffixes = path_table_new(pool, key);
    table->prefixes = path_table_new(pool, key);
    table->regexes_end = &table->regexes;
    return table;
}

static int host_refuse(struct regex_error *error, size_t offset, const char *why)
{
    error->offset = offset;
    snprintf(error->text, sizeof(error->text), "%s", why);
    return -1;
}

static int host_add_regex(struct host_table *table, struct str pattern, void *value,
                          struct regex_error *error)
{
    struct regex *regex = regex_new(table->pool, pattern, true, error);
    struct host_regex *entry;

    if (!regex) {
        error->offset++; /* the "~" */
        return -1;
    }
    entry = pool_alloc(table->pool, sizeof(*entry));
    *entry = (struct host_regex){.regex = regex, .value = value};
    *table->regexes_end = entry;
    table->regexes_end = &entry->next;
    return 0;
}

/* Whether a request can name it: what host_parse() makes of a Host field holds letters, digits and few marks. */
static int host_check(struct str host, struct regex_error *error)
{
    if (host.s[0] == '[')
        return 0;
    for (size_t i = 0; i < host.len; i++) {
        unsigned char c = (unsigned char)host.s[i];

        if (c == ':' || c == '/' || c == '?' || c == '@')
            return host_refuse(error, i, "write the name alone, without scheme, port or path");
        if (c <= ' ' || c >= 127)
            return host_refuse(error, i, "a name holds no such byte; write it as browsers send it (xn--...)");
    }
    if (host.len > 2 && host.s[host.len - 1] == '.')
        return host_refuse(error, host.len - 1, "write it without the dot at the end, which is ignored in requests");
    return 0;
}

int host_table_add(struct host_table *table, struct str host, void *value,
                   struct regex_error *error)
{
    const char *star;
    struct str lower;

    if (host.len == 0)
        return host_refuse(error, 0, "the host is empty");
    if (host.s[0] == '~')
        return host_add_regex(table, (struct str){host.s + 1, host.len - 1}, value, error);
    if (host_check(host, error) != 0)
        return -1;
    lower = pool_lower(table->pool, host);
    star = memchr(lower.s, '*', lower.len);
    if (!star && lower.s[0] != '.') {
        path_table_add(table->exact, lower, value);
    } else if (lower.len < 3) {
        return host_refuse(error, 0, "too short for a host with \"*\" or a leading dot");
    } else if (!star) {
        path_table_add(table->exact, (struct str){lower.s + 1, lower.len - 1}, value);
        path_table_add(table->suffixes, lower, value);
        table->has_suffixes = true;
    } else if (star == lower.s && lower.s[1] == '.' && !memchr(star + 1, '*', lower.len - 1)) {
        path_table_add(table->suffixes, (struct str){lower.s + 1, lower.len - 1}, value);
        table->has_suffixes = true;
    } else if (star == lower.s + lower.len - 1 && star[-1] == '.' && lower.s[0] != '.') {
        path_table_add(table->prefixes, (struct str){lower.s, lower.len - 1}, value);
        table->has_prefixes = true;
    } else {
        return host_refuse(error, (size_t)(star - lower.s),
                           "\"*\" stands for whole labels at the start or at the end only");
    }
    return 0;
}

void host_table_freeze(struct host_table *table)
{
    path_table_freeze(table->exact);
    path_table_freeze(table->suffixes);
    path_table_freeze(table->prefixes);
}

/* ".c.d", then ".d" of "b.c.d": something must stand before the dot. */
static const struct path_entry *host_find_suffix(const struct host_table *table, struct str host)
{
    const struct path_entry *entry = NULL;

    for (size_t at = 1; at < host.len && !entry; at++)
        if (host.s[at] == '.')
            entry = path_table_find(table->suffixes, (struct str){host.s + at, host.len - at});
    return entry;
}

/* "b.c.", then "b." of "b.c.d": something must stand behind the dot. */
static const struct path_entry *host_find_prefix(const struct host_table *table, struct str host)
{
    const struct path_entry *entry = NULL;

    for (size_t len = host.len; len > 1 && !entry; len--)
        if (len < host.len && host.s[len - 1] == '.')
            entry = path_table_find(table->prefixes, (struct str){host.s, len});
    return entry;
}

enum regex_result host_table_find(const struct host_table *table, struct str host,
                                  struct regex_scratch *scratch, struct regex_captures *captures,
                                  void **value)
{
    const struct path_entry *entry = path_table_find(table->exact, host);

    if (captures)
        captures->count = 0;
    if (!entry && table->has_suffixes)
        entry = host_find_suffix(table, host);
    if (!entry && table->has_prefixes)
        entry = host_find_prefix(table, host);
    if (entry) {
        *value = entry->value;
        return REGEX_MATCH;
    }
    for (const struct host_regex *r = table->regexes; r; r = r->next) {
        enum regex_result result = regex_match(r->regex, scratch, host, captures);

        if (result == REGEX_MATCH)
            *value = r->value;
        if (result != REGEX_NO_MATCH)
            return result;
    }
    return REGEX_NO_MATCH;
}
