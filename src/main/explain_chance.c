/* explain_chance.c: conditions whose answer hangs on a secret that nobody has written. */
#include "core/route/match.h"
#include "main/explain.h"

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_OPEN };

static enum answer chance_of(const struct match_term *term, struct request *req);

static enum answer chance_of_any(const struct match_term *term, struct request *req)
{
    enum answer result = ANSWER_NO;

    for (size_t i = 0; i < term->any_count && result != ANSWER_YES; i++) {
        enum answer one = chance_of(&term->any[i], req);

        if (one != ANSWER_NO)
            result = one;
    }
    if (result == ANSWER_OPEN || !term->invert)
        return result;
    return result == ANSWER_YES ? ANSWER_NO : ANSWER_YES;
}

static enum answer chance_of(const struct match_term *term, struct request *req)
{
    struct match_term copy = *term;
    const struct match one = {&copy, 1};

    if (term->subject == MATCH_ANY)
        return chance_of_any(term, req);
    if (term->subject == MATCH_PERCENT && term->percent > 0 && term->percent < 100)
        return ANSWER_OPEN;
    return match_holds(&one, req, NULL) == MATCH_YES ? ANSWER_YES : ANSWER_NO;
}

bool explain_is_open(const struct explain *e, const struct match *when)
{
    struct request req = e->req;
    bool open = false;

    for (size_t i = 0; when && !e->config->has_secret && i < when->count; i++) {
        enum answer one = chance_of(&when->terms[i], &req);

        if (one == ANSWER_NO)
            return false;
        open = open || one == ANSWER_OPEN;
    }
    return open;
}

bool explain_is_by_chance(const struct explain *e)
{
    const struct site *site = e->req.site;

    for (size_t i = 0; site && i < site->route_count; i++)
        if (e->notes && e->notes[i].noted && explain_is_open(e, site->routes[i].when))
            return true;
    return false;
}
