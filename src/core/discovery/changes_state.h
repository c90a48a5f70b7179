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
    char why_unsaved[300];
};

/* One server that is not as the configuration says. */
struct change {
    struct str upstream, server, address;
    bool added; /* through the API: the configuration does not have it */
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
 * The peer by name, else by address, of those that have not gone; NULL: none.  GONE ones of the file are
 * found.
 */
struct peer_state *change_find(struct upstream_state *, struct str server);

struct upstream_state *change_upstream(const struct changes *, struct str name);

/* As of the last look: a look after each of many records that are added would take long. */
struct upstream_state *change_upstream_known(const struct changes *, struct str name);

/* The words of a server whose weight in the configuration, or in its record, is `conf_weight`. */
void change_set_words(struct changes *, struct peer_shared *, const struct change *, unsigned conf_weight);

/* A new record of the API's; its slot, or -1 with `error`. */
int change_add_record(struct changes *, const struct change *, const struct addr *,
                      char error[CHANGE_ERROR_MAX]);

/* changes_call.c: what the caller of changes_add() and changes_set() sent; `to->upstream` is set before. */
enum change_outcome change_read_add(const struct json_members *call, struct change *to, struct addr *address,
                                    char error[CHANGE_ERROR_MAX]);
enum change_outcome change_read_set(const struct json_members *call, struct change *to,
                                    char error[CHANGE_ERROR_MAX]);

/* changes_file.c: writes all changes to state_dir; and puts on the board what is there. */
void changes_save(struct changes *);
void changes_file_read(struct changes *);

#endif
