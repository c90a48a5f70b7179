/* changes_say.c: what the caller of a change is told: what is now, of which server, and what to do next. */
#include <stdio.h>

#include "base/units.h"
#include "core/discovery/changes_state.h"

#define SERVER "The server \"%.*s\" of the upstream \"%.*s\""
#define SERVER_ARGS(peer) STR_ARG((peer)->conf->name), STR_ARG((peer)->upstream->conf->name)

void change_say_no_upstream(struct str upstream, char text[CHANGE_TEXT_MAX])
{
    snprintf(text, CHANGE_TEXT_MAX, "There is no upstream \"%.*s\"; `weir ctl upstreams` shows those there are.",
             STR_ARG(upstream));
}

void change_say_no_server(struct str upstream, struct str server, const struct peer_state *gone,
                          char text[CHANGE_TEXT_MAX])
{
    snprintf(text, CHANGE_TEXT_MAX, "The upstream \"%.*s\" has no server \"%.*s\"%s", STR_ARG(upstream),
             STR_ARG(server),
             gone ? " any more: it was taken out; add it to have it back."
                  : "; `weir ctl upstreams` shows those there are.");
}

void change_say_fixed(const struct peer_state *peer, char text[CHANGE_TEXT_MAX])
{
    snprintf(text, CHANGE_TEXT_MAX, SERVER " %s", SERVER_ARGS(peer),
             peer->conf->resolve ? "is a name that is resolved: change its addresses one by one, or the "
                                   "configuration."
                                 : "has no place on the board, where changes are kept: there are too many "
                                   "servers; change the configuration.");
}

static const char *origin_text(const struct changes *c, const struct peer_state *peer)
{
    static const char *const texts[] = {
        [BOARD_ORIGIN_NONE] = "the configuration has it",
        [BOARD_ORIGIN_API] = "it was added at run time",
        [BOARD_ORIGIN_DNS] = "it was found by DNS",
        [BOARD_ORIGIN_FILE] = "its servers_file has it",
    };

    return texts[change_origin(c, peer)];
}

void change_say_taken(const struct changes *c, const struct peer_state *peer, char text[CHANGE_TEXT_MAX])
{
    int len = snprintf(text, CHANGE_TEXT_MAX, "The upstream \"%.*s\" has a server \"%.*s\" at %.*s already (%s%s)",
                       STR_ARG(peer->upstream->conf->name), STR_ARG(peer->conf->name), STR_ARG(peer->address),
                       origin_text(c, peer), peer->conf->backup ? ", as a backup" : "");

    if (len < 0 || len >= CHANGE_TEXT_MAX)
        return;
    if (!change_leaves(peer))
        snprintf(text + len, CHANGE_TEXT_MAX - (size_t)len,
                 "; change that one, or give another name and another address.");
    else if (peer->status == PEER_GONE)
        snprintf(text + len, CHANGE_TEXT_MAX - (size_t)len,
                 ", which was taken out; it comes back under that name and rank when it is added without them.");
    else
        snprintf(text + len, CHANGE_TEXT_MAX - (size_t)len,
                 ", which is being taken out; it stays when it is added under that name and rank, or wait until "
                 "it is gone.");
}

/* What it does about requests at this moment. */
static void state_text(const struct changes *c, const struct peer_state *peer, char text[160])
{
    uint32_t override = __atomic_load_n(&peer->shared->override, __ATOMIC_RELAXED);
    unsigned weight = peer_weight_of(peer->conf, peer->shared);
    int64_t now_ms = c->worker->loop->clock.mono_ms;

    switch (peer_status_of(peer->conf, peer->shared, now_ms)) {
    case PEER_UP:
        snprintf(text, 160, "is up, with weight %u%s", weight, peer->conf->backup ? ", as a backup" : "");
        break;
    case PEER_DRAIN:
        snprintf(text, 160, "%s",
                 override == PEER_OVERRIDE_DRAIN
                     ? "drains: it gets no requests but those of clients that are kept with it"
                     : "is up, but its weight is 0: it gets no new requests until it has another weight");
        break;
    case PEER_DOWN:
        snprintf(text, 160, "%s",
                 override == PEER_OVERRIDE_DOWN || (peer->conf->down && override == PEER_OVERRIDE_NONE)
                     ? "is down: it gets no requests"
                     : "may be used, but its checks fail: it gets no requests until one passes");
        break;
    case PEER_CHECKING:
        snprintf(text, 160, "may be used: it gets requests once its first check has passed");
        break;
    default:
        snprintf(text, 160, "may be used, but is ejected: it gets requests when its pause is over");
        break;
    }
}

void change_say_state(const struct changes *c, const struct peer_state *peer, const char *what,
                      char text[CHANGE_TEXT_MAX])
{
    char state[160];

    state_text(c, peer, state);
    snprintf(text, CHANGE_TEXT_MAX, SERVER " %s%s%s%s.", SERVER_ARGS(peer), what ? what : "", what ? ": it " : "",
             state, peer->shared->remove_at_ms != 0 ? "; it is being taken out still" : "");
}

bool change_say_removal(const struct changes *c, const struct peer_state *peer, char text[CHANGE_TEXT_MAX])
{
    enum board_origin origin = change_origin(c, peer);
    char most[UNITS_TEXT_MAX];

    if (origin == BOARD_ORIGIN_DNS || origin == BOARD_ORIGIN_FILE) {
        snprintf(text, CHANGE_TEXT_MAX, SERVER " would be found again (%s): take it down instead%s.",
                 SERVER_ARGS(peer), origin_text(c, peer),
                 origin == BOARD_ORIGIN_FILE ? ", or out of that file" : "");
        return false;
    }
    if (peer->shared->remove_at_ms != 0) {
        snprintf(text, CHANGE_TEXT_MAX, SERVER " is being taken out already.", SERVER_ARGS(peer));
        return true;
    }
    snprintf(text, CHANGE_TEXT_MAX, SERVER " drains; it is taken out when nothing is active, at most %.*s from now%s.",
             SERVER_ARGS(peer), STR_ARG(units_print_duration(c->worker->config->drain_timeout, most)),
             origin == BOARD_ORIGIN_NONE ? ", until it is added again" : "");
    return true;
}
