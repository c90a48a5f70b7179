/*
 * print.c: prints what is in force, so that `weir -T` shows the result of levels and defaults.
 */
#include "conf/print.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/units.h"

static void print_text(FILE *to, struct str s)
{
    fputc('"', to);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.s[i];
        if (c == '"' || c == '\\') {
            fprintf(to, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            fprintf(to, "\\x%02x", c);
        } else {
            fputc(c, to);
        }
    }
    fputc('"', to);
}

static void print_integer(FILE *to, int64_t v)
{
    fprintf(to, "%lld%s", (long long)v, v > INT32_MAX || v < INT32_MIN ? "L" : "");
}

static void print_number(FILE *to, const struct conf_row *row, int64_t v)
{
    char buf[UNITS_TEXT_MAX];
    if (v < 0 && (row->flags & CONF_OFF)) {
        fputs("false", to);
    } else if (row->type == CONF_DURATION) {
        print_text(to, units_print_duration(v, buf));
    } else if (row->type == CONF_SIZE) {
        print_text(to, units_print_size((uint64_t)v, buf));
    } else {
        print_integer(to, v);
    }
}

static void print_cidr(FILE *to, const struct conf_cidr *c)
{
    char buf[INET6_ADDRSTRLEN];
    if (!c->family) {
        fputs("\"all\"", to);
        return;
    }
    inet_ntop(c->family == 6 ? AF_INET6 : AF_INET, c->addr, buf, sizeof(buf));
    fprintf(to, "\"%s/%u\"", buf, c->bits);
}

static void print_scalar(FILE *to, const struct conf_row *row, const void *v)
{
    switch (row->type) {
    case CONF_BOOL: fputs(*(const bool *)v ? "true" : "false", to); break;
    case CONF_INT:
    case CONF_SIZE:
    case CONF_DURATION: print_number(to, row, *(const int64_t *)v); break;
    case CONF_RATIO: fprintf(to, "\"%.17g\"", *(const double *)v); break;
    case CONF_RATE:
        fprintf(to, "\"%lld/%lldms\"", (long long)((const struct conf_rate *)v)->count,
            (long long)((const struct conf_rate *)v)->period);
        break;
    case CONF_ENUM: print_text(to, str_of(row->choices[*(const int *)v])); break;
    case CONF_ADDRESS: print_text(to, ((const struct conf_address *)v)->text); break;
    case CONF_CIDR: print_cidr(to, v); break;
    case CONF_STATUS:
        fprintf(to, "\"%d-%d\"", ((const struct conf_statuses *)v)->first,
            ((const struct conf_statuses *)v)->last);
        break;
    default: print_text(to, *(const struct str *)v); break;
    }
}

static void print_indent(FILE *to, unsigned depth)
{
    fprintf(to, "%*s", (int)depth * 4, "");
}

/* Where what is printed stands: its depth, the level of its rows, and the levels around it. */
struct where {
    unsigned scope, depth;
    const struct conf_level *level; /* that elements of lists have theirs from; NULL: they are printed whole */
    const struct conf_level *outer; /* that this one has what it lacks from; or NULL */
    bool sparse; /* it was not filled: what was not written is not printed */
};

static void print_rows(FILE *to, const struct conf_group *group, const void *in, struct where w);

static unsigned scope_inside(const struct conf_row *row, unsigned scope)
{
    return row->enters ? row->enters : scope;
}

static void print_group(FILE *to, const struct conf_row *row, const void *in, struct where w)
{
    bool sparse = w.sparse || (row->flags & CONF_SPARSE);
    struct where inner = {scope_inside(row, w.scope), w.depth + 1, w.level, w.outer, sparse};
    fputs("{\n", to);
    print_rows(to, row->group, in, inner);
    print_indent(to, w.depth);
    fputc('}', to);
}

/* An element of a list: a level of its own, or a group that has nothing from others. */
static void print_element(FILE *to, const struct conf_row *row, const void *in, struct where w)
{
    struct conf_level own = {row->group, in};
    bool is_level = w.level && (row->flags & CONF_LEVEL);
    w.outer = is_level ? w.level : NULL;
    w.level = is_level ? &own : NULL;
    print_group(to, row, in, w);
}

static void print_pair(FILE *to, struct str name, struct str value)
{
    fputs("{ name = ", to);
    print_text(to, name);
    fputs("; value = ", to);
    print_text(to, value);
    fputs("; }", to);
}

static void print_list(FILE *to, const struct conf_row *row, const struct conf_list *list, struct where w)
{
    size_t size = row->type == CONF_GROUP ? row->group->size : conf_type_size(row->type);
    fputs("( ", to);
    for (size_t i = 0; i < list->n; i++) {
        const char *item = (const char *)list->items + i * size;
        fputs(i ? ", " : "", to);
        if (row->type == CONF_GROUP) {
            print_element(to, row, item, w);
        } else if (row->type == CONF_MAP) {
            const struct conf_pair *p = (const struct conf_pair *)(const void *)item;
            print_pair(to, p->name, p->value);
        } else {
            print_scalar(to, row, item);
        }
    }
    fputs(" )", to);
}

static void print_headers(FILE *to, const struct conf_headers *h)
{
    static const char *const names[] = {"remove", "set", "add"};
    fputs(h->alone ? "{ inherit = false;" : "{", to);
    for (int what = CONF_HEADER_REMOVE; what <= CONF_HEADER_ADD; what++) {
        size_t shown = 0;
        for (size_t i = 0; i < h->n; i++) {
            if (h->ops[i].what != (enum conf_header_what)what) {
                continue;
            }
            if (shown++) {
                fputs(", ", to);
            } else {
                fprintf(to, " %s = ( ", names[what]);
            }
            if (what == CONF_HEADER_REMOVE) {
                print_text(to, h->ops[i].name);
            } else {
                print_pair(to, h->ops[i].name, h->ops[i].value);
            }
        }
        fputs(shown ? " );" : "", to);
    }
    fputs(" }", to);
}

static bool is_list(const struct conf_row *row)
{
    return (row->flags & CONF_LIST) || row->type == CONF_MAP;
}

static void print_value(FILE *to, const struct conf_row *row, const char *member, struct where w)
{
    if (is_list(row)) {
        print_list(to, row, (const struct conf_list *)(const void *)member, w);
        return;
    }
    if (row->type != CONF_GROUP && row->type != CONF_HEADERS) {
        print_scalar(to, row, member);
        return;
    }
    const void *pointer = *(void *const *)(const void *)member;
    if (!pointer) {
        fputs("false", to);
    } else if (row->type == CONF_GROUP) {
        w.level = NULL;
        print_group(to, row, pointer, w);
    } else {
        print_headers(to, pointer);
    }
}

/* The member of the level around that gives to `row`, or NULL; by the rules by which levels are joined. */
static const char *giver_of(const struct conf_level *outer, const struct conf_row *row)
{
    if (!outer || (row->flags & CONF_OWN)) {
        return NULL;
    }
    for (size_t i = 0; i < outer->group->n_rows; i++) {
        const struct conf_row *o = &outer->group->rows[i];
        if (o->type == row->type && o->group == row->group && strcmp(o->name, row->name) == 0) {
            bool has = o->fallback || conf_is_present(outer->values, i);
            return has ? (const char *)outer->values + o->offset : NULL;
        }
    }
    return NULL;
}

/* What is inherited is shared, so that mostly the bytes tell; if not, the texts do. */
static bool same_value(const struct conf_row *row, const char *a, const char *b, struct where w)
{
    size_t size = is_list(row) ? sizeof(struct conf_list) : conf_type_size(row->type), sizes[2];
    char *texts[2];
    if (memcmp(a, b, size) == 0) {
        return true;
    }
    for (int i = 0; i < 2; i++) {
        FILE *text = open_memstream(&texts[i], &sizes[i]);
        if (!text) {
            abort();
        }
        print_value(text, row, i ? b : a, w);
        fclose(text);
    }
    bool same = sizes[0] == sizes[1] && memcmp(texts[0], texts[1], sizes[0]) == 0;
    free(texts[0]);
    free(texts[1]);
    return same;
}

/* Of a group that both levels have: the members that differ. */
static void print_difference(FILE *to, const struct conf_row *row, const void *in, struct where w)
{
    char *text;
    size_t size;
    FILE *rows = open_memstream(&text, &size);
    if (!rows) {
        abort();
    }
    struct where inner = {scope_inside(row, w.scope), w.depth + 1, NULL, w.outer, false};
    print_rows(rows, row->group, in, inner);
    fclose(rows);
    if (size) {
        print_indent(to, w.depth);
        fprintf(to, "%s = {\n%s", row->name, text);
        print_indent(to, w.depth);
        fputs("};\n", to);
    }
    free(text);
}

static void print_row(FILE *to, const struct conf_row *row, const char *member, struct where w)
{
    const char *given = giver_of(w.outer, row);
    struct where whole = {w.scope, w.depth, w.level, NULL, w.sparse};
    if (given && row->type == CONF_GROUP && !is_list(row)) {
        const void *own = *(void *const *)(const void *)member;
        struct conf_level outer = {row->group, *(void *const *)(const void *)given};
        if (own && outer.values) {
            w.outer = &outer;
            print_difference(to, row, own, w);
            return;
        }
    }
    if (given && same_value(row, member, given, whole)) {
        return;
    }
    print_indent(to, w.depth);
    fprintf(to, "%s = ", row->name);
    print_value(to, row, member, whole);
    fputs(";\n", to);
}

static void print_rows(FILE *to, const struct conf_group *group, const void *in, struct where w)
{
    for (size_t i = 0; i < group->n_rows; i++) {
        const struct conf_row *row = &group->rows[i];
        bool fits = !row->scopes || !w.scope || (row->scopes & w.scope);
        /* At a level, a switch that nobody has touched and that is off says nothing. */
        if (w.level && row->type == CONF_BOOL && !conf_is_present(in, i) && !*((const char *)in + row->offset)) {
            continue;
        }
        if (!(row->flags & CONF_LATER) && fits && (conf_is_present(in, i) || (row->fallback && !w.sparse))) {
            print_row(to, row, (const char *)in + row->offset, w);
        }
    }
}

void conf_print(FILE *to, const struct conf_group *group, unsigned scope, const void *in, unsigned depth)
{
    print_rows(to, group, in, (struct where){scope, depth, NULL, NULL, false});
}

void conf_print_levels(FILE *to, const struct conf_group *group, unsigned scope, const void *in,
    const struct conf_level *around)
{
    print_rows(to, group, in, (struct where){scope, 0, around, NULL, false});
}
