/* forwarded.c: see forwarded.h. */
#include "http/forwarded.h"

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80". */
static int parse_node(struct str text, struct addr *address)
{
    char ignored[128];

    if (addr_parse_ip(text, 0, address) == 0)
        return 0;
    if (text.len == 0 || str_has_prefix(text, STR("unix:")) || text.s[0] == '*')
        return -1;
    return addr_parse(text, address, ignored, sizeof(ignored));
}

/* The last element of a list in which quoted strings hold no comma of their own: addresses have none. */
static struct str take_last(struct str *list)
{
    const char *comma = list->len ? memrchr(list->s, ',', list->len) : NULL;
    size_t from = comma ? (size_t)(comma - list->s) + 1 : 0;
    struct str last = str_trim((struct str){list->s + from, list->len - from});

    list->len = comma ? from - 1 : 0;
    return last;
}

int forwarded_last_address(struct str *list, struct addr *address)
{
    return parse_node(take_last(list), address);
}

int forwarded_last_for(struct str *list, struct addr *address)
{
    struct str element = take_last(list);

    while (element.len > 0) {
        const char *semicolon = memchr(element.s, ';', element.len);
        size_t len = semicolon ? (size_t)(semicolon - element.s) : element.len;
        struct str pair = str_trim((struct str){element.s, len});

        if (pair.len > 4 && str_ieq((struct str){pair.s, 4}, STR("for="))) {
            struct str node = {pair.s + 4, pair.len - 4};

            if (node.len >= 2 && node.s[0] == '"' && node.s[node.len - 1] == '"')
                node = (struct str){node.s + 1, node.len - 2};
            return parse_node(node, address);
        }
        element.s += semicolon ? len + 1 : len;
        element.len -= semicolon ? len + 1 : len;
    }
    return -1;
}
