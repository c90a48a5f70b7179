/*
 * changes_state.h: for changes*.c alone: what a change of one server is, as words of the board and as a line
 * of JSON.
 */
#ifndef WEIR_CORE_DISCOVERY_CHANGES_STATE_H
#define WEIR_CORE_DISCOVERY_CHANGES_STATE_H

#include "core/board/board_server.h"
#include "core/discovery/changes.h"
#include "core/upstream/upstream.h"
#include "core/worker.h"

struct changes {
    struct worker *worker;
    struct board *board;
    struct str path; /* in state_dir; ends in NUL */
    int64_t look_at_ms; /* of changes_tick() */
    bool touched; /* words were written that workers have to look at */
    bool unsaved;
    uint64_t saved; /* hash of what was saved last; 0: nothing yet */
    uint32_t saved_seen; /* board_servers_version() then */
    char why_unsaved[300];
};

/* One server that is not as the configuration says. */
struct change {
    struct str upstream, server, address;
    bool added; /* through the API: the configuration does not have it */
    bool has_name, has_backup; /* of a call: they were said */
    bool backup;
    bool has_weight;
    unsigned weight;
    enum peer_override state;
    bool removing; /* drains, to be taken out */
};

/* Up to JSON_READ_MEMBERS names. */
const char *change_state_name(const struct change *);

/* What differs for a server; false: nothing.  Texts are borrowed from it. */
bool change_of(const struct changes *, const struct peer_state *, struct change *);

/* The members of a JSON object that is begun already. */
void change_write(struct json *, const struct change *);

/*
 * The peer by name, by address (one that leaves only where there is no other), by either, of those that have
 * not gone; NULL: none.  GONE ones of the file are found.
 */
struct peer_state *change_find_name(struct upstream_state *, struct str name);
struct peer_state *change_find_address(struct upstream_state *, const struct addr *);
struct peer_state *change_find(struct upstream_state *, struct str server);

/* Taken out, or about to be. */
bool change_leaves(const struct peer_state *);

/* Whence it came; BOARD_ORIGIN_NONE: the configuration. */
enum board_origin change_origin(const struct changes *, const struct peer_state *);

struct upstream_state *change_upstream(const struct changes *, struct str name);

/* As of the last look: a look after each of many records that are added would take long. */
struct upstream_state *change_upstream_known(const struct changes *, struct str name);

/* The words of a server whose weight in the configuration, or in its record, is `conf_weight`. */
void change_set_words(struct changes *, struct peer_shared *, const struct change *, unsigned conf_weight);

/* A new record of the API's; its slot, or -1 with `error`. */
int change_add_record(struct changes *, const struct change *, const struct addr *,
                      char error[CHANGE_TEXT_MAX]);

/* changes_say.c: sentences for the caller.  No such upstream; no such server, or it was taken out. */
void change_say_no_upstream(struct str upstream, char text[CHANGE_TEXT_MAX]);
void change_say_no_server(struct str upstream, struct str server, const struct peer_state *gone,
                          char text[CHANGE_TEXT_MAX]);
/* One that cannot be changed, and why. */
void change_say_fixed(const struct peer_state *, char text[CHANGE_TEXT_MAX]);
/* Another cannot be added because of this one. */
void change_say_taken(const struct changes *, const struct peer_state *, char text[CHANGE_TEXT_MAX]);
/* How it is now; `what` happened to it, or NULL. */
void change_say_state(const struct changes *, const struct peer_state *, const char *what,
                      char text[CHANGE_TEXT_MAX]);
/* That it is taken out; false: that it cannot be. */
bool change_say_removal(const struct changes *, const struct peer_state *, char text[CHANGE_TEXT_MAX]);

/* changes_call.c: what the caller of changes_add() and changes_set() sent; `to->upstream` is set before. */
enum change_outcome change_read_add(const struct json_members *call, struct change *to, struct addr *address,
                                    char error[CHANGE_TEXT_MAX]);
enum change_outcome change_read_set(const struct json_members *call, struct change *to,
                                    char error[CHANGE_TEXT_MAX]);

/* changes_file.c: writes all changes to state_dir, if they are not there; and puts on the board what is there. */
void changes_save(struct changes *);
void changes_file_read(struct changes *);

#endif
