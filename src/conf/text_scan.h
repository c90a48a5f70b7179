/*
 * text_scan.h: what the files of the text pass share: the sources being read (text.c), the scanner over
 * their tokens (text_scan.c) and what it knows of the brackets around it (text_slips.c).  After an error
 * the pass goes on as the writer most likely meant, so that one run shows them all.
 */
#ifndef WEIR_CONF_TEXT_SCAN_H
#define WEIR_CONF_TEXT_SCAN_H

#include "conf/text.h"

/* Brackets deeper than this are refused: libconfig's parser and the loader recurse. */
#define CONF_SCAN_DEPTH 64

enum conf_token { T_NONE, T_NAME, T_ASSIGN, T_STRING, T_VALUE, T_COMMA, T_END, T_CLOSED };

struct conf_seen {
    struct conf_seen *next;
    struct str name;
    struct conf_place at;
};

struct conf_frame {
    char open; /* '{', '(' or '['; 0 for the file itself, which is a group */
    struct conf_place at;
    struct conf_seen *names;
    struct str name; /* of the setting being written in this group */
    struct conf_place name_at;
    size_t name_pos; /* in the clean text */
    struct str map;  /* the setting whose names are free ("set", "types") and stand here; or STR_NONE */
    enum conf_token last;
};

struct conf_scan {
    struct pool *pool;
    struct conf_report *report;
    struct conf_text *text;
    size_t room, line_room;
    size_t comma; /* where the last comma is in the clean text */
    struct conf_frame frames[CONF_SCAN_DEPTH];
    size_t depth; /* index of the innermost frame */
    bool too_deep;
    bool hopeless;   /* an error after which the rest may mean anything */
    unsigned again;  /* settings that were there before */
};

/* One file being read. */
struct conf_source {
    struct str in;
    size_t pos;
    struct conf_place at;
    unsigned depth;
    bool line_has_token;
};

/* scan_put where the text must grow or a line begins. */
void conf_scan_put_slowly(struct conf_scan *, char c, struct conf_place at);

/* Adds to the clean text; what is put at the start of a line gives the line its place. */
static inline void scan_put(struct conf_scan *sc, char c, struct conf_place at)
{
    struct conf_text *t = sc->text;
    if (t->len + 1 < sc->room && t->len && t->s[t->len - 1] != '\n') {
        t->s[t->len++] = c;
    } else {
        conf_scan_put_slowly(sc, c, at);
    }
}

/* The same for text without newlines. */
void conf_scan_put_str(struct conf_scan *, struct str s, struct conf_place at);

/* The byte `ahead` of the next; NUL behind the end. */
static inline char source_peek(const struct conf_source *src, size_t ahead)
{
    return src->pos + ahead < src->in.len ? src->in.s[src->pos + ahead] : '\0';
}

static inline bool frame_is_group(const struct conf_frame *f)
{
    return f->open == 0 || f->open == '{';
}

/* The report, for what is wrong and cannot be mended. */
struct conf_report *conf_scan_hopeless(struct conf_scan *);

/* All tokens of a source, its includes too. */
void conf_scan_source(struct conf_scan *, struct conf_source *);

/* `@include "FILE"`, alone on its line. */
void conf_scan_include(struct conf_scan *, struct conf_source *);

/* A value (string, bare word or bracket) begins: is it where a value may stand? */
void conf_slip_value(struct conf_scan *, struct conf_place at, bool is_string);

/* A name, and a bare word that is a value: both are put, the word quoted or mended where it must be. */
void conf_slip_name(struct conf_scan *, struct str name, struct conf_place at);
void conf_slip_word(struct conf_scan *, struct str word, struct conf_place at);

/* A bracket, which is left to the caller to put. */
void conf_slip_open(struct conf_scan *, char c, struct conf_place at);
void conf_slip_close(struct conf_scan *, char c, struct conf_place at);

/* A comma or semicolon; what is put for it: itself, a comma or nothing (a space). */
char conf_slip_separator(struct conf_scan *, char c, struct conf_place at);

/* The end of the last source: what is still open or without a value? */
void conf_slip_end(struct conf_scan *);

#endif
