/* acme_answer.c: see acme_answer.h. */
#include "core/acme/acme_answer.h"

#include "core/board/board_challenge.h"
#include "core/reply.h"
#include "core/worker.h"

bool acme_answer(struct request *req)
{
    static const struct str prefix = {"/.well-known/acme-challenge/", 28};
    const struct worker *w = req->worker;
    char value[BOARD_CHALLENGE_VALUE];
    struct str answer;

    if (!w->board || !board_challenges_any(w->board) || w->admin)
        return false;
    if (!str_has_prefix(req->head.target, prefix) || req->frame.kind != FRAME_NONE ||
        !(str_eq(req->head.method, STR("GET")) || str_eq(req->head.method, STR("HEAD"))))
        return false;
    answer = board_challenge_find(w->board, BOARD_CHALLENGE_TOKEN, str_from(req->head.target, prefix.len), value);
    if (!answer.len)
        return false;
    reply_text(req, 200, STR("application/octet-stream"), pool_str(req->pool, answer));
    return true;
}
