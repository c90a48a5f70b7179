/* mdoc.c: walks the groups breadth first; groups that share their rows share a subsection. */
#include "conf/mdoc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

#define MDOC_COLUMNS 78
#define MDOC_GROUPS 64

struct mdoc_part {
    const struct conf_group *group;
    unsigned scopes; /* levels at which it can be reached */
};

struct mdoc {
    FILE *to;
    const struct conf_scope_name *names;
    struct mdoc_part parts[MDOC_GROUPS];
    size_t n_parts;
};

/* How `c` is written: some characters mean something to mdoc, a few only at the beginning of a line. */
static const char *mdoc_escape(char c, bool begins, bool *quoted)
{
    switch (c) {
    case '\\': return "\\e";
    case '"': return "\\(dq";
    case '`': *quoted = !*quoted; return *quoted ? "\\(oq" : "\\(cq";
    case '.': return begins ? "\\&." : NULL;
    case '\'': return begins ? "\\&'" : NULL;
    default: return NULL;
    }
}

/* Writes the word unless `to` is NULL; its length when written. */
static size_t mdoc_word(FILE *to, const char *word, size_t len)
{
    bool quoted = false;
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        const char *escape = mdoc_escape(word[i], i == 0, &quoted);
        n += escape ? strlen(escape) : 1;
        if (to && escape)
            fputs(escape, to);
        else if (to)
            putc(word[i], to);
    }
    return n;
}

/* The text in lines that are not too long, each sentence beginning one of its own. */
static void mdoc_text(FILE *to, const char *text)
{
    size_t column = 0;

    while (*text) {
        size_t len = strcspn(text, " "), width = mdoc_word(NULL, text, len);

        if (column && column + 1 + width > MDOC_COLUMNS) {
            putc('\n', to);
            column = 0;
        }
        if (column++)
            putc(' ', to);
        column += mdoc_word(to, text, len);
        if (text[len] == '\0' || text[len - 1] == '.') {
            putc('\n', to);
            column = 0;
        }
        text += len + strspn(text + len, " ");
    }
}

static struct mdoc_part *mdoc_find(struct mdoc *m, const struct conf_group *group)
{
    for (size_t i = 0; i < m->n_parts; i++)
        if (m->parts[i].group == group)
            return &m->parts[i];
    return NULL;
}

/* True when it is new, or reached at a new level. */
static bool mdoc_reach(struct mdoc *m, const struct conf_group *group, unsigned scopes)
{
    struct mdoc_part *part = mdoc_find(m, group);

    if (!part) {
        if (m->n_parts == MDOC_GROUPS)
            abort();
        part = &m->parts[m->n_parts++];
        *part = (struct mdoc_part){group, 0};
    } else if ((part->scopes | scopes) == part->scopes) {
        return false;
    }
    part->scopes |= scopes;
    return true;
}

/* Ends: every round adds a group or a level to one. */
static void mdoc_collect(struct mdoc *m)
{
    bool more = true;

    while (more) {
        more = false;
        for (size_t p = 0; p < m->n_parts; p++) {
            const struct conf_group *group = m->parts[p].group;
            for (size_t i = 0; i < group->n_rows; i++) {
                const struct conf_row *row = &group->rows[i];
                unsigned here = row->scopes ? row->scopes & m->parts[p].scopes : m->parts[p].scopes;
                if (row->type == CONF_GROUP && !(row->flags & CONF_LATER))
                    more |= mdoc_reach(m, row->group, row->enters ? row->enters : here);
            }
        }
    }
}

/* "Access log" of "an access log", "timeouts" of "'timeouts'". */
static void mdoc_name(FILE *to, const char *name, bool begins)
{
    size_t article = strncmp(name, "a ", 2) == 0 ? 2 : strncmp(name, "an ", 3) == 0 ? 3 : 0;

    if (*name == '\'')
        fprintf(to, "%.*s", (int)strlen(name) - 2, name + 1);
    else
        fprintf(to, "%c%s", begins ? toupper((unsigned char)name[article]) : name[article],
                name + article + 1);
}

/* The names of all groups with these rows: "defaults, site, route". */
static void mdoc_title(struct mdoc *m, const char *macro, const struct conf_group *group)
{
    bool first = true;

    fputs(macro, m->to);
    for (size_t p = 0; p < m->n_parts; p++) {
        if (m->parts[p].group->rows != group->rows)
            continue;
        fputs(first ? " " : ", ", m->to);
        mdoc_name(m->to, m->parts[p].group->name, first);
        first = false;
    }
}

static const char *mdoc_type(const struct conf_row *row)
{
    static const char *const names[] = {"boolean", "integer", "size", "duration", "number", "rate",
        "text", "text with variables", "regular expression", "path", "one of", "address", "network",
        "status", "operations on header fields", "names and values", "group"};
    static const char *const lists[] = {"booleans", "integers", "sizes", "durations", "numbers", "rates",
        "texts", "texts with variables", "regular expressions", "paths", "any of", "addresses", "networks",
        "statuses", "operations on header fields", "names and values", "groups"};

    return row->flags & CONF_LIST ? lists[row->type] : names[row->type];
}

static void mdoc_number(FILE *out, const struct conf_row *row, int64_t n)
{
    char buf[UNITS_TEXT_MAX];

    if (row->type == CONF_DURATION)
        fputs(units_print_duration(n, buf).s, out);
    else if (row->type == CONF_SIZE)
        fputs(units_print_size((uint64_t)n, buf).s, out);
    else
        fprintf(out, "%lld", (long long)n);
}

static void mdoc_limits(FILE *out, const struct conf_row *row)
{
    bool bounded = row->max && row->max < INT32_MAX;

    if (!bounded && !row->min)
        return;
    fputs(bounded ? ", from " : ", at least ", out);
    mdoc_number(out, row, row->min);
    if (bounded) {
        fputs(" to ", out);
        mdoc_number(out, row, row->max);
    }
}

static void mdoc_value(FILE *out, const struct conf_row *row)
{
    const char *type = mdoc_type(row);
    bool list = (row->flags & CONF_LIST) && row->type != CONF_MAP && row->type != CONF_ENUM;

    fprintf(out, "%s%c%s", list ? "List of " : "", list ? *type : toupper((unsigned char)*type), type + 1);
    for (size_t i = 0; row->choices && row->choices[i]; i++) {
        const char *before = row->type == CONF_ENUM ? " " : " or ";
        const char *choice = row->choices[i];
        if (!(row->later >> i & 1))
            fprintf(out, "%s\"%s%s\"", i == 0 ? before : ", ", choice,
                    choice[strlen(choice) - 1] == ':' ? "..." : "");
    }
    if (row->unit)
        fprintf(out, " (%s)", row->unit);
    mdoc_limits(out, row);
    if (row->flags & CONF_OFF)
        fputs(", or false", out);
    if (row->fallback && row->type != CONF_GROUP)
        fprintf(out, "; default %s", row->fallback);
    fputs(row->flags & CONF_REQUIRED ? "; required. " : ". ", out);
    fputs(row->doc ? row->doc : "", out);
}

/* Says where the row may stand when that is not everywhere in its group. */
static void mdoc_levels(struct mdoc *m, FILE *out, const struct conf_row *row, unsigned reached)
{
    const char *before = " Only in ";

    if (!row->scopes || (reached & ~row->scopes) == 0)
        return;
    for (const struct conf_scope_name *s = m->names; s->scope; s++) {
        if (s->scope & row->scopes & reached) {
            fprintf(out, "%s%s", before, s->name);
            before = ", ";
        }
    }
    putc('.', out);
}

static void mdoc_row(struct mdoc *m, const struct conf_row *row, unsigned reached)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    mdoc_value(out, row);
    mdoc_levels(m, out, row, reached);
    if (row->type == CONF_GROUP)
        fputs(" See", out);
    if (fclose(out) != 0)
        abort();
    fprintf(m->to, ".It Ic %s\n", row->name);
    mdoc_text(m->to, text);
    free(text);
    if (row->type == CONF_GROUP) {
        mdoc_title(m, ".Sx", row->group);
        fputs(" .\n", m->to);
    }
}

/* Levels at which any of the groups with these rows can be reached. */
static unsigned mdoc_reached(const struct mdoc *m, const struct conf_row *rows)
{
    unsigned scopes = 0;

    for (size_t p = 0; p < m->n_parts; p++)
        if (m->parts[p].group->rows == rows)
            scopes |= m->parts[p].scopes;
    return scopes;
}

static void mdoc_part(struct mdoc *m, const struct conf_group *group)
{
    mdoc_title(m, ".Ss", group);
    putc('\n', m->to);
    if (group->main)
        fprintf(m->to, "A single value stands for a group with only\n.Ic %s .\n", group->main);
    if (group->positional)
        fputs("An array gives the values in the order below.\n", m->to);
    fputs(".Bl -tag -width Ds\n", m->to);
    for (size_t i = 0; i < group->n_rows; i++)
        if (!(group->rows[i].flags & CONF_LATER))
            mdoc_row(m, &group->rows[i], mdoc_reached(m, group->rows));
    fputs(".El\n", m->to);
}

void mdoc_print(FILE *to, const struct conf_group *root, unsigned scope, const struct conf_scope_name *names)
{
    struct mdoc m = {.to = to, .names = names};

    mdoc_reach(&m, root, scope);
    mdoc_collect(&m);
    for (size_t p = 0; p < m.n_parts; p++) {
        size_t first = 0;
        while (m.parts[first].group->rows != m.parts[p].group->rows)
            first++;
        if (first == p)
            mdoc_part(&m, m.parts[p].group);
    }
}
