/* listing_page.c: see listing_page.h.  Thousands of rows are made at once: no row goes through printf. */
#include "modules/listing_page.h"

#include <time.h>

#include "http/uri.h"

/* What a row takes beside its name, which stands in it twice. */
#define ROW_BYTES 100
#define PAGE_BYTES 2048
#define DAY_S 86400

struct page {
    struct pool *pool;
    char *s;
    size_t len, room;
    int64_t day; /* of the date that `date` holds */
    char date[24]; /* "2026-01-31 " */
};

static void put(struct page *p, struct str s)
{
    p->s = pool_text_grow(p->pool, p->s, p->len, &p->room, s.len);
    if (s.len)
        memcpy(p->s + p->len, s.s, s.len);
    p->len += s.len;
}

static struct str entity_of(char c)
{
    switch (c) {
    case '&': return STR("&amp;");
    case '<': return STR("&lt;");
    case '>': return STR("&gt;");
    case '"': return STR("&quot;");
    default: return STR_NONE;
    }
}

static void put_escaped(struct page *p, struct str s)
{
    size_t run = 0;

    for (size_t i = 0; i < s.len; i++) {
        struct str entity = entity_of(s.s[i]);

        if (!entity.s)
            continue;
        put(p, (struct str){s.s + run, i - run});
        put(p, entity);
        run = i + 1;
    }
    put(p, str_from(s, run));
}

/* The same in a URI, in HTML and in the file system. */
static bool is_plain(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.s[i], lower = ascii_lower(c);

        if ((lower < 'a' || lower > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_')
            return false;
    }
    return true;
}

static void put_number(struct page *p, uint64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    put(p, (struct str){digits + at, sizeof(digits) - at});
}

/* Files of one directory are often of one day, which is then put together once. */
static void put_time(struct page *p, int64_t time_s)
{
    int64_t second = (time_s % DAY_S + DAY_S) % DAY_S, day = time_s - second;
    unsigned minutes = (unsigned)second / 60;
    char clock[] = {(char)('0' + minutes / 600), (char)('0' + minutes / 60 % 10), ':',
                    (char)('0' + minutes % 60 / 10), (char)('0' + minutes % 10)};

    if (day != p->day) {
        time_t t = (time_t)day;
        struct tm tm;

        if (!gmtime_r(&t, &tm) || strftime(p->date, sizeof(p->date), "%Y-%m-%d ", &tm) == 0)
            p->date[0] = '\0';
        p->day = day;
    }
    put(p, str_of(p->date));
    put(p, (struct str){clock, sizeof(clock)});
}

static void put_item(struct page *p, const struct listing_item *item)
{
    bool plain = is_plain(item->name);

    put(p, STR("<tr><td><a href=\"./"));
    if (plain)
        put(p, item->name);
    else
        put_escaped(p, uri_encode_path(item->name, p->pool));
    put(p, item->is_dir ? STR("/\">") : STR("\">"));
    if (plain)
        put(p, item->name);
    else
        put_escaped(p, item->name);
    put(p, item->is_dir ? STR("/</a></td><td>") : STR("</a></td><td>"));
    if (!item->is_dir)
        put_number(p, item->size);
    put(p, STR("</td><td>"));
    put_time(p, item->mtime_s);
    put(p, STR("</td></tr>\n"));
}

static void put_head(struct page *p, struct str title)
{
    put(p, STR("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
               "<meta name=\"viewport\" content=\"width=device-width\"><title>"));
    put_escaped(p, title);
    put(p, STR("</title>\n<style>body{font:15px/1.6 system-ui,sans-serif;max-width:60em;"
               "margin:2em auto;padding:0 1em;"
               "color:#222;background:#fff}td{padding:0 2em 0 0}td+td{text-align:right;color:#777;"
               "font-variant-numeric:tabular-nums}a{text-decoration:none;color:#06c}"
               "@media(prefers-color-scheme:dark){body{color:#ddd;background:#111}a{color:#6af}}"
               "</style></head>\n<body><h1>"));
    put_escaped(p, title);
    put(p, STR("</h1>\n<table>\n"));
    if (title.len > 1)
        put(p, STR("<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n"));
}

struct str listing_page_make(const struct listing_page *listing, struct pool *pool)
{
    struct page p = {.pool = pool, .room = PAGE_BYTES + 2 * listing->title.len, .day = INT64_MIN};

    for (size_t i = 0; i < listing->count; i++)
        p.room += ROW_BYTES + 2 * listing->items[i].name.len;
    p.s = pool_text(pool, p.room);
    put_head(&p, listing->title);
    for (size_t i = 0; i < listing->count; i++)
        put_item(&p, &listing->items[i]);
    put(&p, STR("</table>\n"));
    if (listing->cut)
        put(&p, STR("<p>There are more names than are shown here.</p>\n"));
    put(&p, STR("</body></html>\n"));
    return (struct str){p.s, p.len};
}
