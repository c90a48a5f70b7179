/* text_slips.c: what is wrong with a token where it stands, and what is put into the clean text instead. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "conf/text_scan.h"

static void put_text(struct conf_scan *sc, const char *s, struct conf_place at)
{
    conf_scan_put_str(sc, str_of(s), at);
}

struct conf_report *conf_scan_hopeless(struct conf_scan *sc)
{
    sc->hopeless = true;
    return sc->report;
}

void conf_slip_value(struct conf_scan *sc, struct conf_place at, bool is_string)
{
    struct conf_frame *f = &sc->frames[sc->depth];
    if (frame_is_group(f)) {
        if (f->last == T_NAME) {
            conf_report_add(sc->report, f->name_at, "no '=' after '%.*s'; write %.*s = ...;",
                STR_ARG(f->name), STR_ARG(f->name));
            put_text(sc, "= ", at);
        } else if (f->map.len && is_string && (f->last == T_NONE || f->last == T_END)) {
            conf_report_add(conf_scan_hopeless(sc), at,
                "a name has no quotes; write NAME = VALUE; or %.*s = ( { name = \"NAME\"; value = \"VALUE\"; } );",
                STR_ARG(f->map));
        } else if (f->last != T_ASSIGN && !(is_string && f->last == T_STRING)) {
            conf_report_add(conf_scan_hopeless(sc), at, "a value without a name; write NAME = VALUE;");
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

static bool is_types(struct str name)
{
    return str_eq(name, STR("types"));
}

static bool is_map(struct str name)
{
    return is_types(name) || str_eq(name, STR("set")) || str_eq(name, STR("add")) || str_eq(name, STR("headers"));
}

/* What libconfig takes for a name; '*' is of the names that stand for duplicates. */
static bool is_name(struct str name)
{
    bool good = name.len > 0 && (isalpha((unsigned char)name.s[0]) || name.s[0] == '*');
    for (size_t i = 1; good && i < name.len; i++) {
        good = isalnum((unsigned char)name.s[i]) || strchr("-_*", name.s[i]);
    }
    return good;
}

/* Reports it; in a map, whose names are data, it says how else to write it. */
static void wrong_name(struct conf_scan *sc, const struct conf_frame *f, struct str name, struct conf_place at)
{
    if (f->map.len) {
        conf_report_add(sc->report, at,
            "'%.*s' cannot stand before '='; write %.*s = ( { name = \"%.*s\"; value = \"VALUE\"; } );",
            STR_ARG(name), STR_ARG(f->map), STR_ARG(name));
    } else {
        conf_report_add(sc->report, at, "'%.*s' is not a name; write NAME = VALUE;", STR_ARG(name));
    }
}

static bool is_duplicate(struct conf_scan *sc, struct conf_frame *f, struct str name, struct conf_place at)
{
    for (struct conf_seen *s = f->names; s; s = s->next) {
        if (f->map.len && !is_types(f->map) ? str_ieq(s->name, name) : str_eq(s->name, name)) {
            conf_report_add(sc->report, at, "'%.*s' is set twice, first at %s:%u; keep one of them",
                STR_ARG(name), s->at.file, s->at.line);
            return true;
        }
    }
    struct conf_seen *s = pool_zalloc(sc->pool, sizeof(*s));
    *s = (struct conf_seen){.next = f->names, .name = pool_str(sc->pool, name), .at = at};
    f->names = s;
    return false;
}

void conf_slip_name(struct conf_scan *sc, struct str name, struct conf_place at)
{
    struct conf_frame *f = &sc->frames[sc->depth];
    f->name = pool_str(sc->pool, name);
    f->name_at = at;
    f->last = T_NAME;
    f->name_pos = sc->text->len;
    bool wrong = !is_name(name);
    if (wrong) {
        wrong_name(sc, f, name, at);
    }
    if (wrong || is_duplicate(sc, f, name, at)) {
        name = pool_printf(sc->pool, CONF_TEXT_AGAIN "%u", sc->again++);
    }
    conf_scan_put_str(sc, name, at);
}

void conf_slip_open(struct conf_scan *sc, char c, struct conf_place at)
{
    conf_slip_value(sc, at, false);
    struct conf_frame *outer = &sc->frames[sc->depth];
    if (sc->depth + 1 == CONF_SCAN_DEPTH) {
        if (!sc->too_deep) {
            conf_report_add(conf_scan_hopeless(sc), at, "brackets nest deeper than %d; write it flatter",
                CONF_SCAN_DEPTH - 1);
        }
        sc->too_deep = true;
        return;
    }
    bool map = c == '{' && frame_is_group(outer) && is_map(outer->name);
    sc->frames[++sc->depth] = (struct conf_frame){.open = c, .at = at, .map = map ? outer->name : STR_NONE};
}

static void not_closed(struct conf_scan *sc, const struct conf_frame *f)
{
    conf_report_add(conf_scan_hopeless(sc), f->at, "'%c' is not closed; write the '%c' that ends it", f->open,
        f->open == '{' ? '}' : f->open == '(' ? ')' : ']');
}

static void on_name_without_value(struct conf_scan *sc, const struct conf_frame *f)
{
    if (frame_is_group(f) && (f->last == T_NAME || f->last == T_ASSIGN)) {
        conf_report_add(sc->report, f->name_at, "'%.*s' has no value; write %.*s = VALUE;",
            STR_ARG(f->name), STR_ARG(f->name));
        for (size_t i = f->name_pos; i < sc->text->len; i++) {
            sc->text->s[i] = sc->text->s[i] == '\n' ? '\n' : ' ';
        }
    }
}

void conf_slip_close(struct conf_scan *sc, char c, struct conf_place at)
{
    char open = c == '}' ? '{' : c == ')' ? '(' : '[';
    size_t d = sc->depth;
    while (d > 0 && sc->frames[d].open != open) {
        d--;
    }
    if (d == 0) {
        if (!sc->too_deep) {
            conf_report_add(conf_scan_hopeless(sc), at, "'%c' closes nothing; remove it or write its '%c'", c,
                open);
        }
        return;
    }
    for (; sc->depth > d; sc->depth--) {
        not_closed(sc, &sc->frames[sc->depth]);
        sc->frames[sc->depth - 1].last = T_CLOSED;
    }
    struct conf_frame *f = &sc->frames[d];
    on_name_without_value(sc, f);
    if (!frame_is_group(f) && f->last == T_COMMA) {
        sc->text->s[sc->comma] = ' ';
    }
    sc->depth--;
    sc->frames[sc->depth].last = T_CLOSED;
}

void conf_slip_end(struct conf_scan *sc)
{
    for (; sc->depth > 0; sc->depth--) {
        not_closed(sc, &sc->frames[sc->depth]);
        sc->frames[sc->depth - 1].last = T_CLOSED;
    }
    on_name_without_value(sc, &sc->frames[0]);
}

char conf_slip_separator(struct conf_scan *sc, char c, struct conf_place at)
{
    struct conf_frame *f = &sc->frames[sc->depth];
    if (frame_is_group(f)) {
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

static void put_quoted(struct conf_scan *sc, struct str w, struct conf_place at)
{
    scan_put(sc, '"', at);
    for (size_t i = 0; i < w.len; i++) {
        if (w.s[i] == '\\') {
            scan_put(sc, '\\', at);
        }
        scan_put(sc, w.s[i], at);
    }
    scan_put(sc, '"', at);
}

void conf_slip_word(struct conf_scan *sc, struct str w, struct conf_place at)
{
    bool big;
    conf_slip_value(sc, at, false);
    sc->frames[sc->depth].last = T_VALUE;
    if (str_ieq(w, STR("true")) || str_ieq(w, STR("false")) || is_float(w)) {
        conf_scan_put_str(sc, w, at);
    } else if (is_integer(w, &big)) {
        conf_scan_put_str(sc, w, at);
        if (big) {
            conf_report_add(sc->report, at, "%.*s does not fit in 31 bits; write %.*sL", STR_ARG(w),
                STR_ARG(w));
            scan_put(sc, 'L', at);
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
