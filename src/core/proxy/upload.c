/* upload.c: see upload.h. */
#include "core/proxy/upload.h"

#include <errno.h>

#include "core/proxy/spool_out.h"
#include "core/proxy/upload_whole.h"
#include "core/upstream/uconn_io.h"
#include "core/worker.h"

/* A body of up to this is copied behind its head, so that one buffer leaves instead of a vector. */
#define COPY_MAX (16 * 1024)
#define PIECES 4

struct pieces {
    struct iovec iov[PIECES];
    size_t count;
    size_t total;
};

void upload_init(struct upload *u, struct request *req)
{
    *u = (struct upload){.req = req, .buffering = req->route->body_buffering};
}

/* Bytes of it are here that were not sent. */
static bool is_kept(const struct upload *u)
{
    return u->unsent.len > 0 || (u->spool && spool_length(u->spool) > 0);
}

static bool is_pending(const struct upload *u)
{
    bool waits = u->uconn && (u->sink_blocked || uconn_is_blocked(u->uconn));

    return waits || (u->whole ? upload_whole_pending(u) : is_kept(u));
}

bool upload_is_done(const struct upload *u)
{
    return u->begun && u->last && !is_pending(u) && !u->stopped;
}

bool upload_is_blocked(const struct upload *u)
{
    return u->begun && is_pending(u);
}

bool upload_is_untouched(const struct upload *u)
{
    return !u->touched && !u->spool && u->unsent.len == 0;
}

static enum upload_result state_of(const struct upload *u)
{
    if (is_pending(u))
        return UPLOAD_BLOCKED;
    return u->last ? UPLOAD_DONE : UPLOAD_HUNGRY;
}

static int append(struct upload *u, struct str bytes)
{
    const struct request *req = u->req;

    if (bytes.len == 0)
        return 0;
    if (!u->spool)
        u->spool = spool_new(req->pool, req->route->body_memory, req->config->state_dir);
    return spool_append(u->spool, bytes);
}

int upload_keep(struct upload *u, struct str body, bool last)
{
    u->last = u->last || last;
    if (u->whole)
        upload_whole_limit(u, body.len);
    return append(u, body);
}

static void add_piece(struct pieces *p, struct str s)
{
    if (s.len == 0)
        return;
    /* iovec has no const variant; sendmsg only reads. */
    p->iov[p->count++] = (struct iovec){.iov_base = (void *)(uintptr_t)s.s, .iov_len = s.len};
    p->total += s.len;
}

/* Keeps what is behind the first `sent` bytes. */
static int keep_rest(struct upload *u, const struct pieces *p, size_t sent)
{
    for (size_t i = 0; i < p->count; i++) {
        size_t len = p->iov[i].iov_len;
        size_t skip = sent < len ? sent : len;

        if (append(u, (struct str){(const char *)p->iov[i].iov_base + skip, len - skip}) < 0)
            return -1;
        sent -= skip;
    }
    return 0;
}

static enum upload_result write_pieces(struct upload *u, const struct pieces *p)
{
    ssize_t n = 0;

    if (p->count == 0)
        return state_of(u);
    if (!is_pending(u)) {
        n = uconn_send(u->uconn, p->iov, p->count, false);
        if (n < 0 && errno != EAGAIN)
            return UPLOAD_FAILED;
        if (n < 0)
            n = 0;
        u->touched |= n > 0;
        if ((size_t)n == p->total)
            return state_of(u);
    }
    return keep_rest(u, p, (size_t)n) < 0 ? UPLOAD_DISK_FAILED : UPLOAD_BLOCKED;
}

ssize_t upload_send(struct upload *u, struct str bytes, bool more)
{
    ssize_t n = uconn_send_bytes(u->uconn, bytes.s, bytes.len, more);

    if (n < 0 && errno == EAGAIN)
        n = 0;
    u->touched |= n > 0;
    return n;
}

enum upload_result upload_send_head(struct upload *u, const struct h1_buffer *head, bool more)
{
    ssize_t n = upload_send(u, (struct str){head->bytes, head->used}, more);

    if (n < 0)
        return UPLOAD_FAILED;
    if ((size_t)n == head->used)
        return UPLOAD_DONE;
    u->unsent = pool_str(u->req->pool, (struct str){head->bytes + n, head->used - (size_t)n});
    return UPLOAD_BLOCKED;
}

enum upload_result upload_send_unsent(struct upload *u, bool more)
{
    while (u->unsent.len > 0) {
        ssize_t n = upload_send(u, u->unsent, more);

        if (n <= 0)
            return n < 0 ? UPLOAD_FAILED : UPLOAD_BLOCKED;
        u->unsent = str_from(u->unsent, (size_t)n);
    }
    return UPLOAD_DONE;
}

/* The end of a chunk that holds `len` bytes, and of the body. */
static struct str chunk_end(size_t len, bool last)
{
    if (len == 0)
        return last ? STR("0\r\n\r\n") : STR_NONE;
    return last ? STR("\r\n0\r\n\r\n") : STR("\r\n");
}

/* `line` holds the text of the size until the pieces are sent. */
static void add_body(const struct upload *u, struct pieces *p, char line[H1_CHUNK_LINE_MAX], struct str body,
                     bool last)
{
    if (u->chunked && body.len > 0)
        add_piece(p, (struct str){line, h1_chunk_size_line(line, body.len)});
    add_piece(p, body);
    if (u->chunked)
        add_piece(p, chunk_end(body.len, last));
}

struct h1_framing upload_framing(struct upload *u, struct str body, bool last)
{
    const struct frame *frame = &u->req->frame;

    u->chunked = false;
    if (frame->kind == FRAME_LENGTH)
        return (struct h1_framing){.kind = H1_LENGTH_KNOWN, .length = frame->length};
    if (frame->kind != FRAME_CHUNKED)
        return (struct h1_framing){.kind = H1_LENGTH_NONE};
    if (last || u->last) {
        uint64_t kept = u->spool ? spool_length(u->spool) : 0;

        return (struct h1_framing){.kind = H1_LENGTH_KNOWN, .length = kept + body.len};
    }
    u->chunked = true;
    return (struct h1_framing){.kind = H1_LENGTH_CHUNKED};
}

/* The head in front of a body that waited for the connection. */
static enum upload_result start_kept(struct upload *u, struct h1_buffer *head)
{
    enum upload_result result;

    if (u->chunked && head->room - head->used < H1_CHUNK_LINE_MAX) {
        errno = EMSGSIZE;
        return UPLOAD_FAILED;
    }
    if (u->chunked) {
        head->used += h1_chunk_size_line(head->bytes + head->used, spool_length(u->spool));
        if (append(u, chunk_end(1, u->last)) < 0)
            return UPLOAD_DISK_FAILED;
    }
    result = upload_send_head(u, head, true);
    return result == UPLOAD_DONE ? upload_flush(u) : result;
}

/* Copies a small piece behind the head's bytes; false: it does not fit. */
static bool join(struct h1_buffer *head, const struct pieces *p)
{
    if (p->total > COPY_MAX || head->room - head->used < p->total)
        return false;
    for (size_t i = 0; i < p->count; i++) {
        memcpy(head->bytes + head->used, p->iov[i].iov_base, p->iov[i].iov_len);
        head->used += p->iov[i].iov_len;
    }
    return true;
}

enum upload_result upload_start(struct upload *u, struct uconn *uconn, struct h1_buffer *head,
                                struct str body, bool last)
{
    struct pieces p = {.count = 0}, all = {.count = 0};
    char line[H1_CHUNK_LINE_MAX];

    u->uconn = uconn;
    u->begun = true;
    u->last = u->last || last;
    if (u->whole)
        return upload_whole_start(u, head, body);
    if (is_kept(u))
        return start_kept(u, head);
    add_body(u, &p, line, body, u->last);
    if (p.count == 0 || join(head, &p)) {
        add_piece(&all, (struct str){head->bytes, head->used});
        return write_pieces(u, &all);
    }
    add_piece(&all, (struct str){head->bytes, head->used});
    for (size_t i = 0; i < p.count; i++)
        add_piece(&all, (struct str){p.iov[i].iov_base, p.iov[i].iov_len});
    return write_pieces(u, &all);
}

void upload_restart(struct upload *u)
{
    u->uconn = NULL;
    u->begun = false;
    u->touched = false;
    u->stopped = u->sink_blocked = false;
    u->unsent = STR_NONE;
    if (u->whole)
        upload_whole_rewind(u);
    else
        u->spool = NULL;
}

enum upload_result upload_body(struct upload *u, struct str body, bool last)
{
    struct pieces p = {.count = 0};
    char line[H1_CHUNK_LINE_MAX];

    u->last = u->last || last;
    if (u->whole)
        return upload_whole_body(u, body);
    add_body(u, &p, line, body, last);
    return write_pieces(u, &p);
}

enum upload_result upload_flush(struct upload *u)
{
    enum upload_result result;

    u->sink_blocked = false;
    if (uconn_flush(u->uconn) < 0)
        return errno == EAGAIN ? UPLOAD_BLOCKED : UPLOAD_FAILED;
    if (u->whole)
        return upload_whole_flush(u);
    result = upload_send_unsent(u, true);
    if (result != UPLOAD_DONE)
        return result;
    if (u->spool) {
        uint64_t before = spool_length(u->spool);
        enum spool_sent sent = before > 0 ? spool_out(u->spool, u->uconn, UINT64_MAX) : SPOOL_EMPTY;

        u->touched |= spool_length(u->spool) < before;
        if (sent == SPOOL_FAILED)
            return UPLOAD_FAILED;
        if (sent == SPOOL_DISK_FAILED)
            return UPLOAD_DISK_FAILED;
    }
    return state_of(u);
}

int upload_sink(const struct upload *u)
{
    bool fits = u->uconn && u->uconn->state == UCONN_BUSY && u->buffering == BODY_STREAM && !u->whole && !u->chunked;

    return fits && uconn_may_splice(u->uconn) && !u->stopped && (u->sink_blocked || !is_pending(u)) ? u->uconn->fd : -1;
}

enum upload_result upload_sunk(struct upload *u, size_t bytes, enum handler_sunk how)
{
    u->touched |= bytes > 0;
    u->sink_blocked = how == HANDLER_SUNK_BLOCKED;
    if (how == HANDLER_SUNK_FAILED)
        return UPLOAD_FAILED;
    u->last = how == HANDLER_SUNK_LAST;
    return state_of(u);
}

void upload_tunnel(struct upload *u)
{
    u->chunked = false;
    u->last = false;
    u->buffering = BODY_STREAM;
}

void upload_start_tunnel(struct upload *u, struct uconn *uconn)
{
    upload_tunnel(u);
    u->uconn = uconn;
    u->begun = true;
}

bool upload_is_held(const struct upload *u)
{
    return u->buffering == BODY_MEMORY_DISK && u->spool && spool_is_full(u->spool) &&
           !spool_uses_disk(u->spool);
}

size_t upload_wants(const struct upload *u)
{
    if (u->last)
        return 0;
    if (u->stopped)
        return WORKER_BUFFER_BYTES;
    switch (u->buffering) {
    case BODY_STREAM:
        return !u->begun || is_pending(u) ? 0 : WORKER_BUFFER_BYTES;
    case BODY_MEMORY_DISK:
        return upload_is_held(u) ? 0 : WORKER_BUFFER_BYTES;
    }
    return 0;
}
