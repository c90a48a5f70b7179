/*
 * upstream_servers.h: the servers that come and go while a worker runs.  When the keeper's records on the
 * board changed, a worker takes in those of its upstreams and lets go of those that are no more: what is
 * under way ends, idle connections are closed, and the place is used again for a later server once nothing
 * needs it.  So memory goes by the servers there are at once, never by how many there have been.
 */
#ifndef WEIR_CORE_UPSTREAM_UPSTREAM_SERVERS_H
#define WEIR_CORE_UPSTREAM_UPSTREAM_SERVERS_H

#include "core/board/board_server.h"
#include "core/upstream/upstream.h"

struct upstream_servers;

/*
 * For upstream.c: of all the states of a worker, which are filled with the servers of the configuration
 * already.
 */
struct upstream_servers *upstream_servers_new(struct upstreams *);
void upstream_servers_free(struct upstream_servers *);

/*
 * Takes in what changed of the records since the last call; one word is read when nothing did.  States with
 * other servers than before are looked at again at the next upstream_look().
 */
void upstream_servers_look(struct upstream_servers *);

/* Closes the idle connections of a server that is taken out. */
void peer_close_idle(struct peer_state *);

/*
 * Takes a server that is gone, with nothing under way, off its slot of the board, which may soon be another's.
 * Of others nothing is changed.
 */
void peer_let_go(struct peer_state *);

/*
 * What a record stands for: the settings of the configured server it names, else of the upstream, with its
 * own name, address, weight and rank.  Borrows the record's texts; `host`, which the configuration does not
 * have, is made in `host_text`.
 */
struct peer_conf upstream_server_conf(const struct upstream *, const struct board_server *, unsigned slot,
                                      char host_text[ADDR_TEXT_MAX]);

/*
 * Whether an upstream takes records of that origin in: any of the API's; else only where its own configuration
 * has a name to be resolved or a servers_file.  Records may be of another generation, which is about to serve
 * or never will.
 */
bool upstream_server_is_wanted(const struct upstream *, enum board_origin);

/*
 * The server of the configuration that stands for a record: it has its name, or the address of one that DNS has not
 * found; NULL: none.
 */
const struct peer_conf *upstream_server_in_file(const struct upstream *, const struct board_server *);

#endif
