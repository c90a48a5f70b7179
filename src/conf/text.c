/*
 * text.c: a small scanner over the syntax of libconfig.  It knows brackets, names, strings and bare
 * words, which is enough to see the slips that libconfig reads wrongly or reports far from their place.
 * After an error it goes on as the writer most likely meant, so that one run shows them all.
 */
#include "conf/text.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* Brackets deeper than this are refused: libconfig's parser and the loader recurse. */
#define MAX_DEPTH 64

enum token { T_NONE, T_NAME, T_ASSIGN, T_STRING, T_VALUE, T_COMMA, T_END, T_CLOSED };

struct seen {
    struct seen *next;
    struct str name;
    struct conf_place at;
};

struct frame {
    char open; /* '{', '(' or '['; 0 for the file itself, which is a group */
    struct conf_place at;
    struct seen *names;
    struct str name; /* of the setting being written in this group */
    struct conf_place name_at;
    size_t name_pos; /* in the clean text */
    bool nocase;     /* names are header names */
    enum token last;
};

struct scan {
    struct pool *pool;
    struct conf_report *report;
    struct conf_text *text;
    size_t room, line_room;
    size_t comma; /* where the last comma is in the clean text */
    struct frame frames[MAX_DEPTH];
    size_t depth; /* index of the innermost frame */
    bool too_deep;
    bool hopeless;   /* an error after which the rest may mean anything */
    unsigned again;  /* settings that were there before */
};

/* One file being read. */
struct source {
    struct str in;
    size_t pos;
    struct conf_place at;
    unsigned depth;
    bool line_has_token;
};

static void scan_source(struct scan *sc, struct source *src);

static void *grow(struct pool *pool, void *old, size_t used, size_t size)
{
    void *more = pool_alloc(pool, size);
    if (used) {
        memcpy(more, old, used);
    }
    return more;
}

static void put_slowly(struct scan *sc, char c, struct conf_place at)
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

static inline void put(struct scan *sc, char c, struct conf_place at)
{
    struct conf_text *t = sc->text;
    if (t->len + 1 < sc->room && t->len && t->s[t->len - 1] != '\n') {
        t->s[t->len++] = c;
    } else {
        put_slowly(sc, c, at);
    }
}

/* Text without newlines. */
static void put_str(struct scan *sc, struct str s, struct conf_place at)
{
    struct conf_text *t = sc->text;
    if (s.len == 0) {
        return;
    }
    put(sc, s.s[0], at);
    if (s.len > sc->room - t->len - 1) {
        for (size_t i = 1; i < s.len; i++) {
            put(sc, s.s[i], at);
        }
        return;
    }
    memcpy(t->s + t->len, s.s + 1, s.len - 1);
    t->len += s.len - 1;
}

static char peek(const struct source *src, size_t ahead)
{
    return src->pos + ahead < src->in.len ? src->in.s[src->pos + ahead] : '\0';
}

static void put_text(struct scan *sc, const char *s, struct conf_place at)
{
    put_str(sc, str_of(s), at);
}

/* What is wrong at `at` cannot be mended. */
static struct conf_report *hopeless(struct scan *sc)
{
    sc->hopeless = true;
    return sc->report;
}

static bool is_group(const struct frame *f)
{
    return f->open == 0 || f->open == '{';
}

/* A value (string, bare word or bracket) begins: is it where a value may stand? */
static void before_value(struct scan *sc, struct conf_place at, bool is_string)
{
    struct frame *f = &sc->frames[sc->depth];
    if (is_group(f)) {
        if (f->last == T_NAME) {
            conf_report_add(sc->report, f->name_at, "no '=' after '%.*s'; write %.*s = ...;",
                STR_ARG(f->name), STR_ARG(f->name));
            put_text(sc, "= ", at);
        } else if (f->last != T_ASSIGN && !(is_string && f->last == T_STRING)) {
            conf_report_add(hopeless(sc), at, "a value without a name; write NAME = VALUE;");
        }
        return;
    }
    if (is_string && f->last == T_STRING) {
        conf_report_add(sc->report, at,
            "two strings without a comma between; write a comma before this one");
        put_text(sc, ", ", at);
    } else if (f->last == T_STRING || f->last == T_VALUE || f->last == T_CLOSED) {
        conf_report_add(sc->report, at,
            "two elements without a comma between; write a comma before this one");
        put_text(sc, ", ", at);
    }
}

static bool is_duplicate(struct scan *sc, struct frame *f, struct str name, struct conf_place at)
{
    for (struct seen *s = f->names; s; s = s->next) {
        if (f->nocase ? str_ieq(s->name, name) : str_eq(s->name, name)) {
            conf_report_add(sc->report, at, "'%.*s' is set twice, first at %s:%u; keep one of them",
                STR_ARG(name), s->at.file, s->at.line);
            return true;
        }
    }
    struct seen *s = pool_zalloc(sc->pool, sizeof(*s));
    *s = (struct seen){.next = f->names, .name = pool_str(sc->pool, name), .at = at};
    f->names = s;
    return false;
}

static void on_name(struct scan *sc, struct str name, struct conf_place at)
{
    struct frame *f = &sc->frames[sc->depth];
    f->name = pool_str(sc->pool, name);
    f->name_at = at;
    f->last = T_NAME;
    f->name_pos = sc->text->len;
    if (is_duplicate(sc, f, name, at)) {
        name = pool_printf(sc->pool, CONF_TEXT_AGAIN "%u", sc->again++);
    }
    put_str(sc, name, at);
}

static bool is_header_map(struct str name)
{
    return str_eq(name, STR("set")) || str_eq(name, STR("add")) || str_eq(name, STR("headers"));
}

static void on_open(struct scan *sc, char c, struct conf_place at)
{
    before_value(sc, at, false);
    struct frame *outer = &sc->frames[sc->depth];
    if (sc->depth + 1 == MAX_DEPTH) {
        if (!sc->too_deep) {
            conf_report_add(hopeless(sc), at, "brackets nest deeper than %d; write it flatter",
                MAX_DEPTH - 1);
        }
        sc->too_deep = true;
        return;
    }
    bool nocase = c == '{' && is_group(outer) && is_header_map(outer->name);
    sc->frames[++sc->depth] = (struct frame){.open = c, .at = at, .nocase = nocase};
}

static void not_closed(struct scan *sc, const struct frame *f)
{
    conf_report_add(hopeless(sc), f->at, "'%c' is not closed; write the '%c' that ends it", f->open,
        f->open == '{' ? '}' : f->open == '(' ? ')' : ']');
}

static void on_name_without_value(struct scan *sc, const struct frame *f)
{
    if (is_group(f) && (f->last == T_NAME || f->last == T_ASSIGN)) {
        conf_report_add(sc->report, f->name_at, "'%.*s' has no value; write %.*s = VALUE;",
            STR_ARG(f->name), STR_ARG(f->name));
        for (size_t i = f->name_pos; i < sc->text->len; i++) {
            sc->text->s[i] = sc->text->s[i] == '\n' ? '\n' : ' ';
        }
    }
}

static void on_close(struct scan *sc, char c, struct conf_place at)
{
    char open = c == '}' ? '{' : c == ')' ? '(' : '[';
    size_t d = sc->depth;
    while (d > 0 && sc->frames[d].open != open) {
        d--;
    }
    if (d == 0) {
        if (!sc->too_deep) {
            conf_report_add(hopeless(sc), at, "'%c' closes nothing; remove it or write its '%c'", c,
                open);
        }
        return;
    }
    for (; sc->depth > d; sc->depth--) {
        not_closed(sc, &sc->frames[sc->depth]);
        sc->frames[sc->depth - 1].last = T_CLOSED;
    }
    struct frame *f = &sc->frames[d];
    on_name_without_value(sc, f);
    if (!is_group(f) && f->last == T_COMMA) {
        sc->text->s[sc->comma] = ' ';
    }
    sc->depth--;
    sc->frames[sc->depth].last = T_CLOSED;
}

/* What is put for it: itself, a comma or nothing. */
static char on_separator(struct scan *sc, char c, struct conf_place at)
{
    struct frame *f = &sc->frames[sc->depth];
    if (is_group(f)) {
        bool ends = f->last == T_STRING || f->last == T_VALUE || f->last == T_CLOSED;
        on_name_without_value(sc, f);
        if (f->last == T_END || f->last == T_NONE) {
            conf_report_add(sc->report, at, "'%c' ends nothing; remove it", c);
        }
        f->last = T_END;
        return ends ? c : ' ';
    }
    if (c == ';') {
        conf_report_add(sc->report, at, "';' between the elements of '%c'; write a comma", f->open);
    } else if (f->last == T_COMMA || f->last == T_NONE) {
        conf_report_add(sc->report, at, "no element before this comma; remove the comma");
        return ' ';
    }
    f->last = T_COMMA;
    sc->comma = sc->text->len;
    return ',';
}

/* Digits, and no more of them than 31 bits hold; `*big` when only an L would make them right. */
static bool is_integer(struct str w, bool *big)
{
    *big = false;
    char buf[32];
    if (w.len == 0 || w.len >= sizeof(buf)) {
        return false;
    }
    memcpy(buf, w.s, w.len);
    buf[w.len] = '\0';
    bool hex = w.len > 2 && w.s[0] == '0' && (w.s[1] == 'x' || w.s[1] == 'X');
    size_t start = !hex && (w.s[0] == '-' || w.s[0] == '+');
    if (!hex && !isdigit((unsigned char)buf[start])) {
        return false;
    }
    char *end;
    errno = 0;
    long long v = strtoll(buf, &end, hex ? 16 : 10);
    bool over = errno == ERANGE;
    if (strcmp(end, "L") == 0 || strcmp(end, "LL") == 0) {
        return !over;
    }
    *big = *end == '\0' && (over || v > INT_MAX || v < INT_MIN);
    return *end == '\0';
}

/* The floats of libconfig 1.5: a point or an exponent, digits before or after. */
static bool is_float(struct str w)
{
    size_t i = w.len && (w.s[0] == '-' || w.s[0] == '+'), digits = 0;
    bool point = false, exponent = false;
    for (; i < w.len && (isdigit((unsigned char)w.s[i]) || (w.s[i] == '.' && !point)); i++) {
        point |= w.s[i] == '.';
        digits += w.s[i] != '.';
    }
    if (digits && i < w.len && (w.s[i] == 'e' || w.s[i] == 'E')) {
        i++;
        i += i < w.len && (w.s[i] == '-' || w.s[i] == '+');
        size_t from = i;
        while (i < w.len && isdigit((unsigned char)w.s[i])) {
            i++;
        }
        exponent = i > from;
    }
    return digits && i == w.len && (point || exponent);
}

static bool is_unit_number(struct str w)
{
    size_t i = 0;
    while (i < w.len && (isdigit((unsigned char)w.s[i]) || w.s[i] == '.')) {
        i++;
    }
    size_t digits = i;
    while (i < w.len && (isalpha((unsigned char)w.s[i]) || w.s[i] == '%')) {
        i++;
    }
    return digits && i == w.len;
}

/* yes/on (1), no/off (0), or -1. */
static int word_as_bool(struct str w)
{
    if (str_ieq(w, STR("on")) || str_ieq(w, STR("yes"))) {
        return 1;
    }
    return str_ieq(w, STR("off")) || str_ieq(w, STR("no")) ? 0 : -1;
}

static void put_quoted(struct scan *sc, struct str w, struct conf_place at)
{
    put(sc, '"', at);
    for (size_t i = 0; i < w.len; i++) {
        if (w.s[i] == '\\') {
            put(sc, '\\', at);
        }
        put(sc, w.s[i], at);
    }
    put(sc, '"', at);
}

static void on_word(struct scan *sc, struct str w, struct conf_place at)
{
    bool big;
    before_value(sc, at, false);
    sc->frames[sc->depth].last = T_VALUE;
    if (str_ieq(w, STR("true")) || str_ieq(w, STR("false")) || is_float(w)) {
        put_str(sc, w, at);
    } else if (is_integer(w, &big)) {
        put_str(sc, w, at);
        if (big) {
            conf_report_add(sc->report, at, "%.*s does not fit in 31 bits; write %.*sL", STR_ARG(w),
                STR_ARG(w));
            put(sc, 'L', at);
        }
    } else if (word_as_bool(w) >= 0) {
        const char *value = word_as_bool(w) ? "true" : "false";
        conf_report_add(sc->report, at, "'%.*s' is not a value here; write %s", STR_ARG(w), value);
        put_text(sc, value, at);
    } else {
        const char *fmt = is_unit_number(w) ? "a number with a unit needs quotes; write \"%.*s\""
                                            : "'%.*s' is not a value; write \"%.*s\" if it is text";
        conf_report_add(sc->report, at, fmt, STR_ARG(w), STR_ARG(w));
        put_quoted(sc, w, at);
    }
}

static bool is_word_char(char c)
{
    static const bool odd[128] = {
        ['_'] = true, ['-'] = true, ['.'] = true, ['+'] = true, ['*'] = true, ['/'] = true, ['%'] = true,
        ['$'] = true, ['@'] = true, [':'] = true, ['&'] = true, ['~'] = true, ['!'] = true, ['?'] = true,
        ['<'] = true, ['>'] = true, ['|'] = true, ['^'] = true, ['\''] = true, ['`'] = true, ['\\'] = true,
    };
    return isalnum((unsigned char)c) || (c & 0x80) || odd[(unsigned char)c & 0x7f];
}

static size_t word_length(const struct source *src, bool name)
{
    size_t n = 0;
    for (;; n++) {
        char c = peek(src, n);
        char next = peek(src, n + 1);
        /* "NAME: VALUE" is libconfig's other way to write "=", and a comment ends a word. */
        if (!is_word_char(c) || (c == ':' && name) ||
            (c == '/' && (next == '/' || next == '*') && n)) {
            return n;
        }
    }
}

/* A bare word: a name where one is due, else a value. */
static void scan_word(struct scan *sc, struct source *src)
{
    struct frame *f = &sc->frames[sc->depth];
    bool due = is_group(f) && f->last != T_NAME && f->last != T_ASSIGN;
    size_t n = word_length(src, due);
    struct str w = {src->in.s + src->pos, n ? n : 1};
    src->pos += w.len;
    if (n == 0 && iscntrl((unsigned char)w.s[0])) {
        conf_report_add(sc->report, src->at, "the byte \\x%02x has no meaning here; remove it",
            (unsigned char)w.s[0]);
    } else if (n == 0) {
        conf_report_add(sc->report, src->at, "'%c' has no meaning here; remove it or quote the text",
            w.s[0]);
    } else if (!due) {
        on_word(sc, w, src->at);
    } else {
        if (!isalpha((unsigned char)w.s[0]) && w.s[0] != '*') {
            conf_report_add(hopeless(sc), src->at, "'%.*s' is not a name; write NAME = VALUE;",
                STR_ARG(w));
        }
        on_name(sc, w, src->at);
    }
}

/* Bytes of a string that stand for themselves. */
static size_t plain_length(const struct source *src)
{
    size_t n = src->pos;
    while (n < src->in.len && src->in.s[n] != '"' && src->in.s[n] != '\\' && src->in.s[n] != '\n' &&
           src->in.s[n] != '\0') {
        n++;
    }
    return n - src->pos;
}

/* The string at src->pos, copied as it stands. */
static void scan_string(struct scan *sc, struct source *src)
{
    before_value(sc, src->at, true);
    sc->frames[sc->depth].last = T_STRING;
    put(sc, '"', src->at);
    for (src->pos++; src->pos < src->in.len; src->pos++) {
        size_t plain = plain_length(src);
        put_str(sc, (struct str){src->in.s + src->pos, plain}, src->at);
        src->pos += plain;
        char c = peek(src, 0);
        if (c == '\n' || src->pos == src->in.len) {
            break;
        }
        if (c == '\0') {
            /* libconfig would take it for the end of the file. */
            conf_report_add(sc->report, src->at, "a NUL byte in the text; remove it");
            c = ' ';
        }
        put(sc, c, src->at);
        if (c == '"') {
            src->pos++;
            return;
        }
        if (c == '\\' && peek(src, 1) && peek(src, 1) != '\n') {
            if (peek(src, 1) == 'x' && peek(src, 2) == '0' && peek(src, 3) == '0') {
                conf_report_add(sc->report, src->at,
                    "\\x00 would end the text there; remove it");
            }
            put(sc, peek(src, 1), src->at);
            src->pos++;
        }
    }
    put(sc, '"', src->at);
    conf_report_add(hopeless(sc), src->at,
        "the string is not closed on its line; write the '\"' that ends it");
}

/* A comment becomes one space, a newline in it stays. */
static void scan_comment(struct scan *sc, struct source *src)
{
    struct conf_place from = src->at;
    put(sc, ' ', src->at);
    if (peek(src, 0) == '#' || peek(src, 1) == '/') {
        while (src->pos < src->in.len && peek(src, 0) != '\n') {
            src->pos++;
        }
        return;
    }
    for (src->pos += 2; src->pos < src->in.len; src->pos++) {
        if (peek(src, 0) == '*' && peek(src, 1) == '/') {
            src->pos += 2;
            return;
        }
        if (peek(src, 0) == '\n') {
            put(sc, '\n', src->at);
            src->at.line++;
        }
    }
    conf_report_add(hopeless(sc), from, "the comment is not closed; write the '*/' that ends it");
}

/* The whole of `path` in the pool; NULL and an error at `at` when it cannot be read. */
static bool slurp(struct scan *sc, const char *path, struct conf_place at, struct str *content)
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
        conf_report_add(hopeless(sc), at, "cannot read %s: %s", path, strerror(errno));
    }
    if (f) {
        fclose(f);
    }
    *content = (struct str){buf, len};
    return ok;
}

static void include_file(struct scan *sc, struct source *src, struct str name)
{
    const char *path = conf_path_in(sc->pool, sc->text->dir, name);
    if (src->depth >= CONF_INCLUDE_DEPTH) {
        conf_report_add(hopeless(sc), src->at, "@include nests deeper than %d; does %s include itself?",
            CONF_INCLUDE_DEPTH, path);
        return;
    }
    struct source inner = {.at = {path, 1}, .depth = src->depth + 1};
    if (slurp(sc, path, src->at, &inner.in)) {
        scan_source(sc, &inner);
        put(sc, '\n', inner.at);
    }
}

/* `@include "FILE"`, alone on its line. */
static void scan_include(struct scan *sc, struct source *src)
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
        conf_report_add(hopeless(sc), src->at,
            "@include is not alone on its line; write @include \"FILE\" and nothing else there");
        return;
    }
    put(sc, '\n', src->at);
    include_file(sc, src, (struct str){rest.s + 1, (size_t)(quote - rest.s - 1)});
}

static void scan_punctuation(struct scan *sc, struct source *src, char c)
{
    struct frame *f = &sc->frames[sc->depth];
    if (c == '=' || c == ':') {
        if (!is_group(f) || f->last != T_NAME) {
            conf_report_add(hopeless(sc), src->at, "'%c' without a name before it; write NAME = VALUE;",
                c);
        }
        f->last = T_ASSIGN;
    } else if (c == ',' || c == ';') {
        c = on_separator(sc, c, src->at);
    } else if (strchr("{([", c)) {
        on_open(sc, c, src->at);
    } else {
        on_close(sc, c, src->at);
    }
    /* An array of libconfig holds one type only; a list is read the same way and may mix them. */
    put(sc, c == '[' ? '(' : c == ']' ? ')' : c, src->at);
    src->pos++;
}

static void scan_source(struct scan *sc, struct source *src)
{
    /* Editors of one large system write a byte order mark; it means nothing in UTF-8. */
    if (str_has_prefix(src->in, STR("\xef\xbb\xbf"))) {
        src->pos = 3;
    }
    while (src->pos < src->in.len) {
        char c = peek(src, 0);
        if (c == '\n') {
            put(sc, c, src->at);
            src->at.line++;
            src->line_has_token = false;
            src->pos++;
            continue;
        }
        if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
            /* One is as good as many. */
            while (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
                src->pos++;
                c = peek(src, 0);
            }
            put(sc, ' ', src->at);
            continue;
        }
        if (c == '#' || (c == '/' && (peek(src, 1) == '/' || peek(src, 1) == '*'))) {
            scan_comment(sc, src);
            continue;
        }
        if (c == '@') {
            scan_include(sc, src);
        } else if (c == '"') {
            scan_string(sc, src);
        } else if (c && strchr("=:,;{}()[]", c)) {
            scan_punctuation(sc, src, c);
        } else {
            scan_word(sc, src);
        }
        src->line_has_token = true;
    }
}

static int scan_all(struct conf_text *t, struct pool *pool, struct conf_report *report,
    struct source *src)
{
    struct scan *sc = pool_zalloc(pool, sizeof(*sc));
    size_t before = report->n;
    sc->pool = pool;
    sc->report = report;
    sc->text = t;
    if (src->in.s || slurp(sc, src->at.file, (struct conf_place){src->at.file, 0}, &src->in)) {
        scan_source(sc, src);
    }
    for (; sc->depth > 0; sc->depth--) {
        not_closed(sc, &sc->frames[sc->depth]);
        sc->frames[sc->depth - 1].last = T_CLOSED;
    }
    on_name_without_value(sc, &sc->frames[0]);
    put(sc, '\n', src->at);
    t->s[t->len] = '\0';
    t->mended = report->n != before && !sc->hopeless;
    return report->n == before ? 0 : -1;
}

int conf_text_read(struct conf_text *t, struct pool *pool, struct conf_report *report,
    const char *path, const char *dir)
{
    *t = (struct conf_text){.dir = pool_str(pool, str_of(dir)).s};
    struct source src = {.at = {pool_str(pool, str_of(path)).s, 1}};
    return scan_all(t, pool, report, &src);
}

int conf_text_from(struct conf_text *t, struct pool *pool, struct conf_report *report,
    const char *name, const char *dir, struct str content)
{
    *t = (struct conf_text){.dir = pool_str(pool, str_of(dir)).s};
    struct source src = {.in = content, .at = {pool_str(pool, str_of(name)).s, 1}};
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
