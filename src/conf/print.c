/*
 * print.c: prints what is in force, so that `weir -T` shows the result of levels and defaults.
 */
#include "conf/print.h"

#include <arpa/inet.h>

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

static void print_group(FILE *to, const struct conf_row *row, unsigned scope, const void *in, unsigned depth)
{
    fputs("{\n", to);
    conf_print(to, row->group, row->enters ? row->enters : scope, in, depth + 1);
    print_indent(to, depth);
    fputc('}', to);
}

static void print_pair(FILE *to, struct str name, struct str value)
{
    fputs("{ name = ", to);
    print_text(to, name);
    fputs("; value = ", to);
    print_text(to, value);
    fputs("; }", to);
}

static void print_list(FILE *to, const struct conf_row *row, unsigned scope,
    const struct conf_list *list, unsigned depth)
{
    size_t size = row->type == CONF_GROUP ? row->group->size : conf_type_size(row->type);
    fputs("( ", to);
    for (size_t i = 0; i < list->n; i++) {
        const char *item = (const char *)list->items + i * size;
        fputs(i ? ", " : "", to);
        if (row->type == CONF_GROUP) {
            print_group(to, row, scope, item, depth);
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

static void print_value(FILE *to, const struct conf_row *row, unsigned scope, const char *member,
    unsigned depth)
{
    if ((row->flags & CONF_LIST) || row->type == CONF_MAP) {
        print_list(to, row, scope, (const struct conf_list *)(const void *)member, depth);
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
        print_group(to, row, scope, pointer, depth);
    } else {
        print_headers(to, pointer);
    }
}

void conf_print(FILE *to, const struct conf_group *group, unsigned scope, const void *in, unsigned depth)
{
    for (size_t i = 0; i < group->n_rows; i++) {
        const struct conf_row *row = &group->rows[i];
        bool fits = !row->scopes || !scope || (row->scopes & scope);
        if ((row->flags & CONF_LATER) || !fits || (!conf_is_present(in, i) && !row->fallback)) {
            continue;
        }
        print_indent(to, depth);
        fprintf(to, "%s = ", row->name);
        print_value(to, row, scope, (const char *)in + row->offset, depth);
        fputs(";\n", to);
    }
}
