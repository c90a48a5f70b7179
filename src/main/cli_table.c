/* cli_table.c: see cli_table.h. */
#include "main/cli_table.h"

#include <stdbool.h>
#include <string.h>

void cli_table_init(struct cli_table *t, struct pool *pool, const char *const *headings, size_t columns)
{
    *t = (struct cli_table){.pool = pool,
                            .columns = columns < CLI_TABLE_COLUMNS ? columns : CLI_TABLE_COLUMNS};
    for (size_t i = 0; i < t->columns; i++)
        cli_table_add(t, headings[i]);
}

void cli_table_add(struct cli_table *t, const char *text)
{
    struct str own = pool_str(t->pool, str_of(text && *text ? text : "-"));

    if (t->count == t->room) {
        size_t room = t->room ? t->room * 2 : 64;
        const char **cells = pool_alloc(t->pool, room * sizeof(*cells));

        if (t->count)
            memcpy(cells, t->cells, t->count * sizeof(*cells));
        t->cells = cells;
        t->room = room;
    }
    for (char *c = (char *)(uintptr_t)own.s; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    t->cells[t->count++] = own.s;
}

void cli_table_add_uint(struct cli_table *t, unsigned long long value)
{
    cli_table_add(t, pool_printf(t->pool, "%llu", value).s);
}

/* Characters of UTF-8. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void cell_print(const char *text, size_t width, bool right, bool last, FILE *to)
{
    size_t blank = width - width_of(text);

    for (size_t i = 0; right && i < blank; i++)
        putc(' ', to);
    fputs(text, to);
    for (size_t i = 0; !right && !last && i < blank; i++)
        putc(' ', to);
    fputs(last ? "\n" : "  ", to);
}

void cli_table_print(const struct cli_table *t, const char *indent, FILE *to)
{
    size_t widths[CLI_TABLE_COLUMNS] = {0};
    bool right[CLI_TABLE_COLUMNS] = {false};

    for (size_t i = 0; i < t->count; i++) {
        size_t column = i % t->columns;
        const char *text = t->cells[i];

        if (i < t->columns)
            right[column] = text[0] == '>';
        if (width_of(text + (i < t->columns && right[column])) > widths[column])
            widths[column] = width_of(text + (i < t->columns && right[column]));
    }
    for (size_t i = 0; i + t->columns <= t->count; i += t->columns) {
        fputs(indent, to);
        for (size_t k = 0; k < t->columns; k++)
            cell_print(t->cells[i + k] + (i == 0 && right[k]), widths[k], right[k], k + 1 == t->columns, to);
    }
}
