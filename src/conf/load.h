/*
 * load.h: from the clean text to structs.  libconfig's tree is walked against the tables of
 * directive.h; what is written is checked and stored, and marked as present so that levels can be
 * joined before the defaults are filled in.
 */
#ifndef WEIR_CONF_LOAD_H
#define WEIR_CONF_LOAD_H

#include "conf/directive.h"
#include "conf/text.h"

struct conf_fills;

/* A word of another program's configuration, and what it is here. */
struct conf_hint {
    const char *name;
    const char *in; /* only in the group or level, or as a value of the setting, of that name; NULL: anywhere */
    const struct conf_group *group; /* and its row: what stands for it; NULL: nothing does */
    const char *setting;
    const char *right; /* for the message, behind "write", or behind "remove it:"; NULL: the setting says it */
};

struct conf_load {
    struct pool *pool; /* of all structs and texts; outlives what is loaded */
    struct conf_report *report;
    const struct conf_text *text;
    const struct conf_scope_name *scopes; /* for messages; ends with scope 0 */
    struct conf_fills *fills; /* defaults read before; NULL at the start, then of conf_fill */
    const struct conf_group *undemanding; /* the last group seen that has no CONF_REQUIRED rows; or NULL */
    const struct conf_hint *hints; /* ends with a name that is NULL; or NULL */
};

/* What conf_load returns when the text is not that of a configuration at all. */
#define CONF_UNREADABLE (-2)

/*
 * Parses `l->text` and stores it in `out`, a struct of `group` (zeroed, or loaded before: then lists
 * with CONF_APPEND grow).  `scope` is the level of its rows.  0, -1 with errors reported, or
 * CONF_UNREADABLE with nothing stored.
 */
int conf_load(struct conf_load *l, const struct conf_group *group, unsigned scope,
    void *out) WEIR_MUST_CHECK;

/*
 * Stores the defaults of the rows that are not present, at every depth; they are not marked as present.
 * Equal defaults share their memory: lists and groups that come from here must not be changed.
 * 0, or -1 when a default of the table is itself wrong (reported).
 */
int conf_fill(struct conf_load *l, const struct conf_group *group, void *out) WEIR_MUST_CHECK;

/* Where row `name` of the struct at `head` was written, or the group itself if it was not. */
struct conf_place conf_place_of(const struct conf_group *group, const struct conf_head *head,
    const char *name);

/* The row called `name`, or NULL. */
const struct conf_row *conf_row_find(const struct conf_group *group, struct str name);

#endif
