/* changes_call.c: what a caller sent of a change, checked member by member. */
#include <stdio.h>

#include "core/discovery/changes_state.h"
#include "core/json_read.h"

#define STATES_WANTED "\"up\", \"drain\" or \"down\""

static enum change_outcome bad(char error[CHANGE_TEXT_MAX], const char *text)
{
    snprintf(error, CHANGE_TEXT_MAX, "%s", text);
    return CHANGE_BAD;
}

/* All members are among `names`. */
static enum change_outcome check_names(const struct json_members *call, const char *const *names,
                                       const char *wanted, char error[CHANGE_TEXT_MAX])
{
    for (size_t i = 0; i < call->count; i++) {
        size_t k = 0;

        while (names[k] && !str_eq(call->items[i].name, str_of(names[k])))
            k++;
        if (names[k])
            continue;
        snprintf(error, CHANGE_TEXT_MAX, "\"%.*s\" is not a member of this call; it has %s.",
                 (int)(call->items[i].name.len < 60 ? call->items[i].name.len : 60), call->items[i].name.s,
                 wanted);
        return CHANGE_BAD;
    }
    return CHANGE_DONE;
}

static enum change_outcome read_weight(const struct json_members *call, struct change *to,
                                       char error[CHANGE_TEXT_MAX])
{
    const struct json_member *m = json_member(call, "weight");

    if (!m)
        return CHANGE_DONE;
    if (m->type != JSON_READ_NUMBER || m->number < 0 || m->number > PEER_WEIGHT_MAX)
        return bad(error, "\"weight\" is a whole number from 0 to 256.");
    to->has_weight = true;
    to->weight = (unsigned)m->number;
    return CHANGE_DONE;
}

static enum change_outcome read_state(const struct json_members *call, struct change *to,
                                      char error[CHANGE_TEXT_MAX])
{
    static const char *const names[] = {
        [PEER_OVERRIDE_UP] = "up", [PEER_OVERRIDE_DRAIN] = "drain", [PEER_OVERRIDE_DOWN] = "down"};
    const struct json_member *m = json_member(call, "state");

    if (!m)
        return CHANGE_DONE;
    for (size_t i = 1; i < ARRAY_SIZE(names); i++)
        if (m->type == JSON_READ_TEXT && str_eq(m->text, str_of(names[i]))) {
            to->state = (enum peer_override)i;
            return CHANGE_DONE;
        }
    return bad(error, "\"state\" is " STATES_WANTED ".");
}

/* What else a new server may be told. */
static enum change_outcome read_names(const struct json_members *call, struct change *to,
                                      char error[CHANGE_TEXT_MAX])
{
    const struct json_member *address = json_member(call, "address");
    const struct json_member *name = json_member(call, "name");
    const struct json_member *backup = json_member(call, "backup");

    if (!address || address->type != JSON_READ_TEXT)
        return bad(error, "\"address\" is missing: a text like \"192.0.2.1:8080\".");
    if (name && (name->type != JSON_READ_TEXT || !str_is_printable(name->text)))
        return bad(error, "\"name\" is a text without control characters.");
    if (backup && backup->type != JSON_READ_BOOL)
        return bad(error, "\"backup\" is true or false.");
    to->address = address->text;
    to->has_name = name != NULL;
    to->server = name ? name->text : address->text;
    to->has_backup = backup != NULL;
    to->backup = backup && backup->truth;
    if (to->upstream.len + to->server.len > BOARD_NAME_MAX)
        return bad(error, "The names of upstream and server are together longer than 240 bytes.");
    return CHANGE_DONE;
}

static enum change_outcome read_address(struct str text, struct addr *address, char error[CHANGE_TEXT_MAX])
{
    if (addr_parse(text, address, NULL, 0) == 0 && !address->any)
        return CHANGE_DONE;
    return bad(error,
               "\"address\" is an IP address with a port, \"192.0.2.1:8080\" or \"[2001:db8::1]:8080\", or "
               "\"unix:/path\"; names are looked up for servers of the configuration only.");
}

enum change_outcome change_read_add(const struct json_members *call, struct change *to, struct addr *address,
                                    char error[CHANGE_TEXT_MAX])
{
    static const char *const names[] = {"address", "name", "weight", "backup", NULL};
    enum change_outcome outcome = check_names(call, names, "address, name, weight and backup", error);

    if (outcome == CHANGE_DONE)
        outcome = read_weight(call, to, error);
    if (outcome == CHANGE_DONE)
        outcome = read_names(call, to, error);
    return outcome == CHANGE_DONE ? read_address(to->address, address, error) : outcome;
}

enum change_outcome change_read_set(const struct json_members *call, struct change *to,
                                    char error[CHANGE_TEXT_MAX])
{
    static const char *const names[] = {"state", "weight", NULL};
    enum change_outcome outcome = check_names(call, names, "state and weight", error);

    if (outcome == CHANGE_DONE)
        outcome = read_state(call, to, error);
    if (outcome == CHANGE_DONE)
        outcome = read_weight(call, to, error);
    if (outcome == CHANGE_DONE && to->state == PEER_OVERRIDE_NONE && !to->has_weight)
        return bad(error, "\"state\" (" STATES_WANTED ") or \"weight\" (0 to 256) is missing.");
    return outcome;
}
