/*
 * json_read.c: over jansson, whose names are like those of core/json.h: the two headers are never included
 * together.
 */
#include "core/json_read.h"

#include <jansson.h>
#include <stdio.h>

/* Brackets outside of strings; whether they belong together is the parser's business. */
static bool is_too_deep(struct str text)
{
    unsigned depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.s[i];

        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '[') && ++depth > JSON_READ_DEPTH)
            return true;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return false;
}

static void member_of(struct pool *pool, struct json_member *m, const char *name, const json_t *value)
{
    m->name = pool_str(pool, str_of(name));
    m->type = JSON_READ_OTHER;
    switch (json_typeof(value)) {
    case JSON_STRING:
        m->type = JSON_READ_TEXT;
        m->text = pool_str(pool, (struct str){json_string_value(value), json_string_length(value)});
        break;
    case JSON_INTEGER:
        m->type = JSON_READ_NUMBER;
        m->number = json_integer_value(value);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        m->type = JSON_READ_BOOL;
        m->truth = json_is_true(value);
        break;
    default:
        break;
    }
}

static int members_of(struct pool *pool, struct json_members *to, json_t *object, char *error,
                      size_t error_size)
{
    const char *name;
    json_t *value;

    memset(to, 0, sizeof(*to));
    if (!json_is_object(object)) {
        snprintf(error, error_size, "a JSON object is wanted: { \"name\": value, ... }");
        return -1;
    }
    json_object_foreach (object, name, value) {
        if (to->count == JSON_READ_MEMBERS) {
            snprintf(error, error_size, "the object has more than %d members", JSON_READ_MEMBERS);
            return -1;
        }
        member_of(pool, &to->items[to->count++], name, value);
    }
    return 0;
}

int json_read(struct pool *pool, struct str text, struct json_members *members, char *error,
              size_t error_size)
{
    json_error_t why;
    json_t *root;
    int rc;

    members->count = 0;
    if (text.len > JSON_READ_MAX) {
        snprintf(error, error_size, "the text is longer than %d bytes", JSON_READ_MAX);
        return -1;
    }
    if (is_too_deep(text)) {
        snprintf(error, error_size, "arrays and objects are nested deeper than %d", JSON_READ_DEPTH);
        return -1;
    }
    root = json_loadb(text.len ? text.s : "", text.len, JSON_REJECT_DUPLICATES, &why);
    if (!root) {
        snprintf(error, error_size, "not JSON: line %d, column %d: %s", why.line, why.column, why.text);
        return -1;
    }
    rc = members_of(pool, members, root, error, error_size);
    json_decref(root);
    return rc;
}

const struct json_member *json_member(const struct json_members *members, const char *name)
{
    for (size_t i = 0; i < members->count; i++)
        if (str_eq(members->items[i].name, str_of(name)))
            return &members->items[i];
    return NULL;
}
