/*
 * changes.h: what is changed of servers at run time, by the runtime API: added, taken out, drained, taken
 * down, given another weight.  The board says what holds, so that it is in force in all workers at their next
 * choice and through reloads and upgrades; a copy in state_dir brings it back when Weir is started again.  A
 * change ends when the configuration says the same.  For the keeper of the serving generation alone.
 */
#ifndef WEIR_CORE_DISCOVERY_CHANGES_H
#define WEIR_CORE_DISCOVERY_CHANGES_H

#include "base/str.h"

struct changes;
struct json;
struct json_members;
struct worker;

enum change_outcome {
    CHANGE_DONE,
    CHANGE_BAD, /* the call itself is wrong */
    CHANGE_UNKNOWN, /* no such upstream or server */
    CHANGE_CONFLICT /* not as things are */
};

#define CHANGE_TEXT_MAX 800

/*
 * Before the generation serves: puts what state_dir has on a board that is new, and gives servers that the
 * file has by now what was changed of them when it did not, so that the first request finds all of it.
 */
void changes_prepare(struct worker *);

/* Those of the board, without those that the configuration says too.  Lives as long as the worker. */
struct changes *changes_new(struct worker *);

/*
 * To be called every tick: takes out servers that were drained for it, and frees their slots after their
 * rest.
 */
void changes_tick(struct changes *);

/*
 * Each changes a server of upstream `upstream`, called by its name or address.  `text` says what was done and how
 * things are then; on another outcome than CHANGE_DONE what is wrong.  `call` is what the caller sent: add: "address", and perhaps
 * "name", "weight", "backup"; set: "state" ("up", "drain", "down"), "weight", or both.
 */
enum change_outcome changes_add(struct changes *, struct str upstream, const struct json_members *call,
                                char text[CHANGE_TEXT_MAX]);
enum change_outcome changes_set(struct changes *, struct str upstream, struct str server,
                                const struct json_members *call, char text[CHANGE_TEXT_MAX]);
/* Drains it; it is gone when nothing is active, or after drain_timeout. */
enum change_outcome changes_remove(struct changes *, struct str upstream, struct str server,
                                   char text[CHANGE_TEXT_MAX]);

/* An array "changes" of what differs from the configuration. */
void changes_write(struct changes *, struct json *);

/* Why the changes would not survive a restart: state_dir cannot be written; NULL: they are saved. */
const char *changes_unsaved(const struct changes *);

/* Where they are saved. */
struct str changes_path(const struct changes *);

#endif
