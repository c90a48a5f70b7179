/* upload_whole.c: see upload_whole.h. */
#include "core/proxy/upload_whole.h"

#include <errno.h>

#include "core/proxy/spool_out.h"
#include "core/upstream/uconn_io.h"
#include "core/worker.h"

/* A body of up to this leaves in the same buffer as its head. */
#define COPY_MAX (16 * 1024)

void upload_keep_whole(struct upload *u)
{
    const struct request *req = u->req;

    u->whole = true;
    u->spool = spool_new(req->pool, req->route->body_memory, req->config->state_dir);
    spool_keep(u->spool);
}

void upload_keep_small(struct upload *u)
{
    upload_keep_whole(u);
    u->if_small = true;
}

void upload_whole_limit(struct upload *u, size_t more)
{
    if (u->if_small && spool_keeps(u->spool) && spool_would_fill(u->spool, more))
        spool_let_go(u->spool);
}

void upload_let_go(struct upload *u)
{
    if (upload_is_kept(u))
        spool_let_go(u->spool);
}

bool upload_is_kept(const struct upload *u)
{
    return u->whole && spool_keeps(u->spool);
}

bool upload_whole_pending(const struct upload *u)
{
    return u->unsent.len > 0 || spool_length(u->spool) > 0 || (u->chunked && u->last && !u->ended);
}

void upload_whole_rewind(struct upload *u)
{
    spool_rewind(u->spool);
    u->chunk_left = 0;
    u->ended = false;
}

static enum upload_result state_of(const struct upload *u)
{
    if (uconn_is_blocked(u->uconn))
        return UPLOAD_BLOCKED;
    return u->last ? UPLOAD_DONE : UPLOAD_HUNGRY;
}

/* Whether something follows at once. */
static bool has_more(const struct upload *u)
{
    return spool_length(u->spool) > 0 || (u->chunked && u->last && !u->ended);
}

static enum upload_result send_spool(struct upload *u, uint64_t most)
{
    uint64_t before = spool_length(u->spool), gone;
    enum spool_sent sent = spool_out(u->spool, u->uconn, most);

    gone = before - spool_length(u->spool);
    u->touched |= gone > 0;
    if (u->chunked) {
        u->chunk_left -= gone;
        if (u->chunk_left == 0)
            u->unsent = STR("\r\n");
    }
    switch (sent) {
    case SPOOL_BLOCKED:
        return UPLOAD_BLOCKED;
    case SPOOL_FAILED:
        return UPLOAD_FAILED;
    case SPOOL_DISK_FAILED:
        return UPLOAD_DISK_FAILED;
    case SPOOL_EMPTY:
        break;
    }
    return UPLOAD_DONE;
}

/* What a chunked body goes on with; false: nothing is to be sent now. */
static bool next_chunk(struct upload *u)
{
    uint64_t waits = spool_length(u->spool);

    if (waits > 0) {
        u->unsent = (struct str){u->line, h1_chunk_size_line(u->line, waits)};
        u->chunk_left = waits;
    } else if (u->last && !u->ended) {
        u->unsent = STR("0\r\n\r\n");
        u->ended = true;
    } else {
        return false;
    }
    return true;
}

enum upload_result upload_whole_flush(struct upload *u)
{
    for (;;) {
        /* Head, lines of chunks, the end. */
        enum upload_result result = upload_send_unsent(u, has_more(u));

        if (result != UPLOAD_DONE)
            return result;
        if (u->chunked && u->chunk_left == 0) {
            if (!next_chunk(u))
                return state_of(u);
            continue;
        }
        if (!u->chunked && spool_length(u->spool) == 0)
            return state_of(u);
        result = send_spool(u, u->chunked ? u->chunk_left : UINT64_MAX);
        if (result != UPLOAD_DONE)
            return result;
    }
}

/* Head and body in one write; the body stays in the spool, too. */
static enum upload_result start_joined(struct upload *u, struct h1_buffer *head, struct str body)
{
    size_t of_head = head->used;
    ssize_t n;

    if (body.len > 0)
        memcpy(head->bytes + head->used, body.s, body.len);
    head->used += body.len;
    n = upload_send(u, (struct str){head->bytes, head->used}, false);
    if (n < 0)
        return UPLOAD_FAILED;
    if ((size_t)n < of_head) {
        u->unsent = pool_str(u->req->pool, (struct str){head->bytes + n, of_head - (size_t)n});
        return UPLOAD_BLOCKED;
    }
    spool_skip(u->spool, (uint64_t)n - of_head);
    return (size_t)n < head->used ? UPLOAD_BLOCKED : state_of(u);
}

enum upload_result upload_whole_start(struct upload *u, struct h1_buffer *head, struct str body)
{
    bool waited = spool_length(u->spool) > 0;
    enum upload_result result;

    upload_whole_limit(u, body.len);
    if (body.len > 0 && spool_append(u->spool, body) < 0)
        return UPLOAD_DISK_FAILED;
    if (!waited && !u->chunked && body.len <= COPY_MAX && head->room - head->used >= body.len)
        return start_joined(u, head, body);
    result = upload_send_head(u, head, has_more(u));
    return result == UPLOAD_DONE ? upload_whole_flush(u) : result;
}

enum upload_result upload_whole_body(struct upload *u, struct str body)
{
    bool waits = u->unsent.len > 0 || spool_length(u->spool) > 0;

    upload_whole_limit(u, body.len);
    if (body.len > 0 && spool_append(u->spool, body) < 0)
        return UPLOAD_DISK_FAILED;
    return waits ? UPLOAD_BLOCKED : upload_whole_flush(u);
}
