/* text.c: reads files and what they include into one clean text, and keeps the place of each line. */
#include "conf/text.h"

#include <errno.h>
#include <stdio.h>

#include "conf/text_scan.h"

static void *grow(struct pool *pool, void *old, size_t used, size_t size)
{
    void *more = pool_alloc(pool, size);
    if (used) {
        memcpy(more, old, used);
    }
    return more;
}

void conf_scan_put_slowly(struct conf_scan *sc, char c, struct conf_place at)
{
    struct conf_text *t = sc->text;
    if (t->len + 1 >= sc->room) {
        sc->room = sc->room ? sc->room * 2 : 4096;
        t->s = grow(sc->pool, t->s, t->len, sc->room);
    }
    if (t->n_lines == 0 || (t->len && t->s[t->len - 1] == '\n')) {
        if (t->n_lines == sc->line_room) {
            sc->line_room = sc->line_room ? sc->line_room * 2 : 128;
            t->lines = grow(sc->pool, t->lines, t->n_lines * sizeof(*t->lines),
                sc->line_room * sizeof(*t->lines));
        }
        t->lines[t->n_lines++] = at;
    }
    t->s[t->len++] = c;
}

void conf_scan_put_str(struct conf_scan *sc, struct str s, struct conf_place at)
{
    struct conf_text *t = sc->text;
    if (s.len == 0) {
        return;
    }
    scan_put(sc, s.s[0], at);
    if (s.len > sc->room - t->len - 1) {
        for (size_t i = 1; i < s.len; i++) {
            scan_put(sc, s.s[i], at);
        }
        return;
    }
    memcpy(t->s + t->len, s.s + 1, s.len - 1);
    t->len += s.len - 1;
}

/* The whole of `path` in the pool; false and an error at `at` when it cannot be read. */
static bool slurp(struct conf_scan *sc, const char *path, struct conf_place at, struct str *content)
{
    size_t room = 8192, len = 0, n;
    char *buf = pool_alloc(sc->pool, room);
    FILE *f = fopen(path, "re");
    while (f && (n = fread(buf + len, 1, room - len, f)) > 0) {
        len += n;
        if (len == room) {
            buf = grow(sc->pool, buf, len, room * 2);
            room *= 2;
        }
    }
    bool ok = f && !ferror(f);
    if (!ok) {
        conf_report_add(conf_scan_hopeless(sc), at, "cannot read %s: %s", path, strerror(errno));
    }
    if (f) {
        fclose(f);
    }
    *content = (struct str){buf, len};
    return ok;
}

static void include_file(struct conf_scan *sc, struct conf_source *src, struct str name)
{
    const char *path = conf_path_in(sc->pool, sc->text->dir, name);
    if (src->depth >= CONF_INCLUDE_DEPTH) {
        conf_report_add(conf_scan_hopeless(sc), src->at,
            "@include nests deeper than %d; does %s include itself?", CONF_INCLUDE_DEPTH, path);
        return;
    }
    struct conf_source inner = {.at = {path, 1}, .depth = src->depth + 1};
    if (slurp(sc, path, src->at, &inner.in)) {
        conf_scan_source(sc, &inner);
        scan_put(sc, '\n', inner.at);
    }
}

void conf_scan_include(struct conf_scan *sc, struct conf_source *src)
{
    const char *start = src->in.s + src->pos;
    const char *nl = memchr(start, '\n', src->in.len - src->pos);
    struct str line = {start, nl ? (size_t)(nl - start) : src->in.len - src->pos};
    src->pos += line.len;
    if (line.len && line.s[line.len - 1] == '\r') {
        line.len--;
    }
    line = str_trim(line);
    struct str word = STR("@include");
    struct str rest = STR_NONE;
    if (str_has_prefix(line, word)) {
        rest = str_trim((struct str){line.s + word.len, line.len - word.len});
    }
    const char *quote = rest.len > 2 && rest.s[0] == '"' ? memchr(rest.s + 1, '"', rest.len - 1) : NULL;
    struct str after = STR_NONE;
    if (quote) {
        after = str_trim((struct str){quote + 1, (size_t)(rest.s + rest.len - quote - 1)});
    }
    bool comment = after.len == 0 || after.s[0] == '#' || str_has_prefix(after, STR("//"));
    if (src->line_has_token || !quote || !comment || quote == rest.s + 1) {
        conf_report_add(conf_scan_hopeless(sc), src->at,
            "@include is not alone on its line; write @include \"FILE\" and nothing else there");
        return;
    }
    scan_put(sc, '\n', src->at);
    include_file(sc, src, (struct str){rest.s + 1, (size_t)(quote - rest.s - 1)});
}

static int scan_all(struct conf_text *t, struct pool *pool, struct conf_report *report,
    struct conf_source *src)
{
    struct conf_scan *sc = pool_zalloc(pool, sizeof(*sc));
    size_t before = report->n;
    sc->pool = pool;
    sc->report = report;
    sc->text = t;
    if (src->in.s || slurp(sc, src->at.file, (struct conf_place){src->at.file, 0}, &src->in)) {
        conf_scan_source(sc, src);
    }
    conf_slip_end(sc);
    scan_put(sc, '\n', src->at);
    t->s[t->len] = '\0';
    t->mended = report->n != before && !sc->hopeless;
    return report->n == before ? 0 : -1;
}

int conf_text_read(struct conf_text *t, struct pool *pool, struct conf_report *report,
    const char *path, const char *dir)
{
    *t = (struct conf_text){.dir = pool_str(pool, str_of(dir)).s};
    struct conf_source src = {.at = {pool_str(pool, str_of(path)).s, 1}};
    return scan_all(t, pool, report, &src);
}

int conf_text_from(struct conf_text *t, struct pool *pool, struct conf_report *report,
    const char *name, const char *dir, struct str content)
{
    *t = (struct conf_text){.dir = pool_str(pool, str_of(dir)).s};
    struct conf_source src = {.in = content, .at = {pool_str(pool, str_of(name)).s, 1}};
    return scan_all(t, pool, report, &src);
}

struct conf_place conf_text_place(const struct conf_text *t, unsigned line)
{
    if (t->n_lines == 0) {
        return (struct conf_place){NULL, 0};
    }
    size_t i = line == 0 ? 0 : line - 1;
    return t->lines[i < t->n_lines ? i : t->n_lines - 1];
}

const char *conf_path_in(struct pool *pool, const char *dir, struct str path)
{
    if (path.len && path.s[0] == '/') {
        return pool_str(pool, path).s;
    }
    return pool_printf(pool, "%s/%.*s", dir && *dir ? dir : ".", STR_ARG(path)).s;
}
