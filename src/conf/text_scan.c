/*
 * text_scan.c: the tokens of libconfig: brackets, names, strings and bare words.  That is enough to see the
 * slips that libconfig reads wrongly or reports far from their place.
 */
#include <ctype.h>

#include "conf/text_scan.h"

static bool is_word_char(char c)
{
    static const bool odd[128] = {
        ['_'] = true, ['-'] = true, ['.'] = true, ['+'] = true, ['*'] = true, ['/'] = true, ['%'] = true,
        ['$'] = true, ['@'] = true, [':'] = true, ['&'] = true, ['~'] = true, ['!'] = true, ['?'] = true,
        ['<'] = true, ['>'] = true, ['|'] = true, ['^'] = true, ['\''] = true, ['`'] = true, ['\\'] = true,
    };
    return isalnum((unsigned char)c) || (c & 0x80) || odd[(unsigned char)c & 0x7f];
}

static size_t word_length(const struct conf_source *src, bool name)
{
    size_t n = 0;
    for (;; n++) {
        char c = source_peek(src, n);
        char next = source_peek(src, n + 1);
        /* "NAME: VALUE" is libconfig's other way to write "=", and a comment ends a word. */
        if (!is_word_char(c) || (c == ':' && name) ||
            (c == '/' && (next == '/' || next == '*') && n)) {
            return n;
        }
    }
}

/* A bare word: a name where one is due, else a value. */
static void scan_word(struct conf_scan *sc, struct conf_source *src)
{
    struct conf_frame *f = &sc->frames[sc->depth];
    bool due = frame_is_group(f) && f->last != T_NAME && f->last != T_ASSIGN;
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
        conf_slip_word(sc, w, src->at);
    } else {
        conf_slip_name(sc, w, src->at);
    }
}

/* Bytes of a string that stand for themselves. */
static size_t plain_length(const struct conf_source *src)
{
    size_t n = src->pos;
    while (n < src->in.len && src->in.s[n] != '"' && src->in.s[n] != '\\' && src->in.s[n] != '\n' &&
           src->in.s[n] != '\0') {
        n++;
    }
    return n - src->pos;
}

/* The string at src->pos, copied as it stands. */
static void scan_string(struct conf_scan *sc, struct conf_source *src)
{
    conf_slip_value(sc, src->at, true);
    sc->frames[sc->depth].last = T_STRING;
    scan_put(sc, '"', src->at);
    for (src->pos++; src->pos < src->in.len; src->pos++) {
        size_t plain = plain_length(src);
        conf_scan_put_str(sc, (struct str){src->in.s + src->pos, plain}, src->at);
        src->pos += plain;
        char c = source_peek(src, 0);
        if (c == '\n' || src->pos == src->in.len) {
            break;
        }
        if (c == '\0') {
            /* libconfig would take it for the end of the file. */
            conf_report_add(sc->report, src->at, "a NUL byte in the text; remove it");
            c = ' ';
        }
        scan_put(sc, c, src->at);
        if (c == '"') {
            src->pos++;
            return;
        }
        if (c == '\\' && source_peek(src, 1) && source_peek(src, 1) != '\n') {
            if (source_peek(src, 1) == 'x' && source_peek(src, 2) == '0' && source_peek(src, 3) == '0') {
                conf_report_add(sc->report, src->at,
                    "\\x00 would end the text there; remove it");
            }
            scan_put(sc, source_peek(src, 1), src->at);
            src->pos++;
        }
    }
    scan_put(sc, '"', src->at);
    conf_report_add(conf_scan_hopeless(sc), src->at,
        "the string is not closed on its line; write the '\"' that ends it");
}

/* A comment becomes one space, a newline in it stays. */
static void scan_comment(struct conf_scan *sc, struct conf_source *src)
{
    struct conf_place from = src->at;
    scan_put(sc, ' ', src->at);
    if (source_peek(src, 0) == '#' || source_peek(src, 1) == '/') {
        while (src->pos < src->in.len && source_peek(src, 0) != '\n') {
            src->pos++;
        }
        return;
    }
    for (src->pos += 2; src->pos < src->in.len; src->pos++) {
        if (source_peek(src, 0) == '*' && source_peek(src, 1) == '/') {
            src->pos += 2;
            return;
        }
        if (source_peek(src, 0) == '\n') {
            scan_put(sc, '\n', src->at);
            src->at.line++;
        }
    }
    conf_report_add(conf_scan_hopeless(sc), from, "the comment is not closed; write the '*/' that ends it");
}

static void scan_punctuation(struct conf_scan *sc, struct conf_source *src, char c)
{
    struct conf_frame *f = &sc->frames[sc->depth];
    if (c == '=' || c == ':') {
        if (!frame_is_group(f) || f->last != T_NAME) {
            conf_report_add(conf_scan_hopeless(sc), src->at,
                "'%c' without a name before it; write NAME = VALUE;", c);
        }
        f->last = T_ASSIGN;
    } else if (c == ',' || c == ';') {
        c = conf_slip_separator(sc, c, src->at);
    } else if (strchr("{([", c)) {
        conf_slip_open(sc, c, src->at);
    } else {
        conf_slip_close(sc, c, src->at);
    }
    /* An array of libconfig holds one type only; a list is read the same way and may mix them. */
    scan_put(sc, c == '[' ? '(' : c == ']' ? ')' : c, src->at);
    src->pos++;
}

void conf_scan_source(struct conf_scan *sc, struct conf_source *src)
{
    /* Editors of one large system write a byte order mark; it means nothing in UTF-8. */
    if (str_has_prefix(src->in, STR("\xef\xbb\xbf"))) {
        src->pos = 3;
    }
    while (src->pos < src->in.len) {
        char c = source_peek(src, 0);
        if (c == '\n') {
            scan_put(sc, c, src->at);
            src->at.line++;
            src->line_has_token = false;
            src->pos++;
            continue;
        }
        if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
            /* One is as good as many. */
            while (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
                src->pos++;
                c = source_peek(src, 0);
            }
            scan_put(sc, ' ', src->at);
            continue;
        }
        if (c == '#' || (c == '/' && (source_peek(src, 1) == '/' || source_peek(src, 1) == '*'))) {
            scan_comment(sc, src);
            continue;
        }
        if (c == '@') {
            conf_scan_include(sc, src);
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
