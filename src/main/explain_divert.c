/* explain_divert.c: which diversions were asked, and why each took the request or not. */
#include "core/route/match.h"
#include "core/upstream/divert.h"
#include "main/explain.h"

static void note_answer(struct explain *e, struct explain_divert *note, enum divert_said said,
                        const struct match_term *failed)
{
    struct str name = note->divert->to->name, text;

    switch (said) {
    case DIVERT_TAKES:
        note->result = EXPLAIN_TAKEN;
        note->why = STR("taken");
        break;
    case DIVERT_UNUSABLE:
        note->why = pool_printf(e->req.pool, "its conditions hold, but %.*s has no usable server", STR_ARG(name));
        break;
    case DIVERT_LIMIT:
        note->why = STR("a regex met its limit");
        break;
    case DIVERT_FAILS:
        text = match_describe(failed, e->req.pool);
        note->why = pool_printf(e->req.pool, "does not hold: %.*s", STR_ARG(text));
    }
}

/* Of one upstream: where the request goes on; NULL: it stays. */
static const struct upstream *ask_all(struct explain *e, struct upstreams *all, const struct upstream *upstream)
{
    for (size_t i = 0; i < upstream->divert_count; i++) {
        struct explain_divert *note = &e->diverts[e->divert_count++];
        const struct match_term *failed = NULL;
        enum divert_said said;

        note->divert = &upstream->diverts[i];
        if (explain_is_open(e, note->divert->when)) {
            note->result = EXPLAIN_OPEN;
            note->why = STR("cannot be known here: `percent` without a `secret` hangs on one that only the running Weir has");
            e->diverts_open = true;
            continue;
        }
        said = divert_ask(all, note->divert, &e->req, &failed);
        note_answer(e, note, said, failed);
        if (said == DIVERT_TAKES)
            return note->divert->to;
    }
    return NULL;
}

struct upstream_state *explain_diverts(struct explain *e, struct upstreams *all)
{
    const struct upstream *upstream = e->req.route->upstream, *next;
    size_t most = 0;

    for (size_t i = 0; i < e->config->upstream_count; i++)
        most += e->config->upstreams[i]->divert_count;
    e->diverts = pool_zalloc(e->req.pool, (most + 1) * sizeof(*e->diverts));
    while ((next = ask_all(e, all, upstream)))
        upstream = next;
    return upstream_state(all, upstream);
}

void explain_print_diverts(const struct explain *e, FILE *to)
{
    static const char marks[] = {[EXPLAIN_PASSED] = '-', [EXPLAIN_TAKEN] = '*', [EXPLAIN_OPEN] = '?'};

    for (size_t i = 0; i < e->divert_count; i++) {
        const struct explain_divert *note = &e->diverts[i];
        struct str place = explain_place(note->divert->at, e->req.pool);

        fprintf(to, "%-11s%c to %.*s  (%.*s): %.*s\n", i ? "" : "diverts", marks[note->result],
                STR_ARG(note->divert->to->name), STR_ARG(place), STR_ARG(note->why));
    }
    if (e->diverts_open)
        fprintf(to, "%-11swhat follows is so if none of those marked \"?\" holds; write secret = \"...\"; to know\n",
                "note");
}

void explain_put_diverts(struct json *j, const struct explain *e)
{
    json_array(j, "diverts");
    for (size_t i = 0; i < e->divert_count; i++) {
        const struct explain_divert *note = &e->diverts[i];
        struct str place = explain_place(note->divert->at, j->pool);

        json_object(j, NULL);
        json_str(j, "to", note->divert->to->name);
        json_str(j, "at", place.len ? place : STR_NONE);
        if (note->result == EXPLAIN_OPEN)
            json_null(j, "taken");
        else
            json_bool(j, "taken", note->result == EXPLAIN_TAKEN);
        json_str(j, "why", note->why);
        json_object_end(j);
    }
    json_array_end(j);
}
