/* cache_answer.c: an object goes to a client: whole, in part, or only as the word that it has it already. */
#include "core/cache/cache_fetch.h"

#include "core/reply.h"
#include "core/worker.h"
#include "http/cache_condition.h"
#include "http/range.h"

/* What one call sends of a body in memory; and of a file, whose blocks are looked at before they go. */
#define ANSWER_PIECE ((uint64_t)64 * 1024)
#define ANSWER_FILE_PIECE ((uint64_t)1024 * 1024)
/* Beside the stored fields: Age, Cache-Status, Content-Range, Accept-Ranges, and what the route adds. */
#define ANSWER_MORE_FIELDS 40

static int64_t now_s(const struct cache_visit *v)
{
    return v->cache->worker->loop->clock.wall_s;
}

void cache_answer_status(struct cache_visit *v, struct header_list *fields, const struct cache_status *status)
{
    struct request *req = v->req;

    req->cache_status = cache_status_forward_text(status->forward);
    v->cache->stats->results[cache_result_of(status)]++;
    (void)!header_add(fields, STR("Cache-Status"), cache_status_text(status, STR("weir"), req->pool));
}

/* ---- the head ---- */

struct answer {
    struct message head;
    struct frame frame;
    bool no_body;
};

static void add(struct answer *a, enum header_id id, struct str value)
{
    /* There is room: ANSWER_MORE_FIELDS. */
    (void)!header_add_known(&a->head.headers, id, value);
}

static void start_head(struct cache_visit *v, struct answer *a, const struct cache_object *o)
{
    a->head = (struct message){.status = o->status, .reason = o->reason, .minor = 1};
    header_list_init(&a->head.headers, v->req->pool, o->fields.count + ANSWER_MORE_FIELDS);
    header_reserve(&a->head.headers, o->fields.count + 4);
}

static void copy_fields(struct answer *a, const struct cache_object *o)
{
    for (size_t i = 0; i < o->fields.count; i++)
        header_put(&a->head.headers, &o->fields.items[i]);
}

static void make_not_modified(struct cache_visit *v, struct answer *a, const struct cache_object *o)
{
    a->head.status = 304;
    a->head.reason = STR("Not Modified");
    a->frame = (struct frame){.kind = FRAME_NONE};
    a->no_body = true;
    (void)!cache_condition_not_modified(&o->fields, &a->head.headers);
    v->at = v->end = 0;
    v->to_end = false;
}

static void make_whole(struct cache_visit *v, struct answer *a, const struct cache_object *o)
{
    copy_fields(a, o);
    v->at = 0;
    v->to_end = !o->has_length;
    v->end = o->length;
    a->frame = (struct frame){.kind = o->has_length ? FRAME_LENGTH : FRAME_CHUNKED, .length = o->length};
}

static void make_part(struct cache_visit *v, struct answer *a, const struct cache_object *o, const struct range *range)
{
    char *text = pool_alloc(v->req->pool, RANGE_CONTENT_SIZE);

    a->head.status = 206;
    a->head.reason = STR("Partial Content");
    copy_fields(a, o);
    range_print_content(range, o->length, text);
    add(a, HEADER_CONTENT_RANGE, str_of(text));
    v->at = range->first;
    v->end = range->last + 1;
    v->to_end = false;
    a->frame = (struct frame){.kind = FRAME_LENGTH, .length = v->end - v->at};
}

/* False: answered, with an error. */
static bool make_head(struct cache_visit *v, struct answer *a, const struct cache_object *o)
{
    const struct header_list *asked = &v->req->head.headers;
    enum etag_verdict verdict = ETAG_PROCEED;
    struct range_set set = {.count = 0};
    char text[RANGE_CONTENT_SIZE];

    start_head(v, a, o);
    if (o->status == 200 && cache_condition_is(asked)) {
        verdict = cache_condition_evaluate(asked, o->status, &o->fields, o->facts.response_time, now_s(v));
        if (verdict == ETAG_NOT_MODIFIED) {
            make_not_modified(v, a, o);
            return true;
        }
        if (o->has_length && header_may_have(asked, HEADER_RANGE)) {
            switch (cache_condition_range(asked, o->status, verdict, o->length, &set)) {
            case RANGE_UNSATISFIABLE:
                range_print_content(NULL, o->length, text);
                cache_visit_detach(v);
                v->cache->stats->results[CACHE_RESULT_HIT]++;
                reply_unsatisfiable(v->req, pool_str(v->req->pool, str_of(text)));
                return false;
            case RANGE_PARTIAL:
                /* Several parts in one answer are an option that few clients want; the whole is always right. */
                if (set.count == 1) {
                    make_part(v, a, o, &set.ranges[0]);
                    return true;
                }
                break;
            case RANGE_WHOLE:
                break;
            }
        }
    }
    make_whole(v, a, o);
    return true;
}

/* ---- the body ---- */

/* The object whose file or memory has the body. */
static struct cache_object *holder(struct cache_object *o)
{
    return o->body_of ? o->body_of : o;
}

/* A piece in memory from v->at on; empty: it is in a file. */
static struct str piece_in_memory(const struct cache_visit *v, struct cache_object *o, uint64_t n)
{
    struct cache_object *h = holder(o);

    if (h->tail && v->at >= h->tail_at)
        return (struct str){h->tail + (v->at - h->tail_at), (size_t)n};
    if (!h->body || h->write)
        return STR_NONE;
    return (struct str){h->body + v->at, (size_t)n};
}

/* The file and where the body begins in it; -1: damaged, or not to be had. */
static int piece_in_file(struct cache_visit *v, struct cache_object *o, uint64_t n, uint64_t *body_at)
{
    struct cache_object *h = holder(o);
    struct store_fault fault;

    if (h->write)
        return store_write_fd(h->write, body_at);
    *body_at = h->stored.head.body_at;
    if (store_read_check(&h->stored, v->at, n, v->cache->worker->caches->buffer, &fault) == 0)
        return h->stored.fd;
    cache_tell_fault(v->cache, &fault);
    store_unlink(v->cache->store, h->stored.head.hash);
    hot_drop(v->cache->hot, h->stored.head.hash);
    return -1;
}

/*
 * Of an object that is filled: a copy of the piece, where it is in memory of the writer's still, or where the length was
 * not told: then each piece is framed of its own, which `file` does not do.
 */
static bool copy_piece(struct cache_visit *v, const struct store_write *write, size_t n, struct str *piece)
{
    char *buffer = v->cache->worker->caches->buffer;

    *piece = (struct str){buffer, n};
    return store_write_peek(write, v->at, buffer, n) == (ssize_t)n;
}

static void cut(struct cache_visit *v, const char *reason)
{
    struct request *req = v->req;

    cache_visit_detach(v);
    req->out->abort(req, reason);
}

/* False: the client takes no more, or it is over. */
static bool send_piece(struct cache_visit *v, uint64_t n, bool last)
{
    struct request *req = v->req;
    struct cache_object *o = v->object;
    struct str piece = piece_in_memory(v, o, n);
    uint64_t body_at = 0;
    off_t from = (off_t)v->at;
    int fd = -1;
    bool more;

    if (piece.len == 0 && n > 0) {
        const struct store_write *write = holder(o)->write;

        fd = piece_in_file(v, o, n, &body_at);
        if (write && (fd < 0 || v->to_end) ? !copy_piece(v, write, (size_t)n, &piece) : fd < 0) {
            cut(v, "what is stored cannot be read");
            return false;
        }
    }
    v->at += n;
    if (last)
        cache_visit_detach(v);
    more = piece.len > 0 || n == 0 ? req->out->body(req, piece, last)
                                   : req->out->file(req, fd, (off_t)body_at + from, n, last);
    if (last)
        return false;
    v->blocked = !more;
    return more;
}

void cache_answer_more(struct cache_visit *v)
{
    while (!v->blocked) {
        struct cache_object *o = v->object;
        uint64_t end = v->to_end && !o->growing ? o->have : v->end;
        bool end_known = !v->to_end || (!o->growing && !o->in_part);
        uint64_t there = end_known && end < o->have ? end : o->have, n = there > v->at ? there - v->at : 0, most;
        struct cache_object *h = holder(o);

        if (n == 0 && o->in_part) {
            cut(v, "the upstream's answer broke off");
            return;
        }
        if (n == 0 && !(end_known && v->at == end))
            return;
        /* What is kept and what stands behind it are two places. */
        if (h->tail && v->at < h->tail_at && n > h->tail_at - v->at)
            n = h->tail_at - v->at;
        most = v->to_end || (h->body && !h->write) ? ANSWER_PIECE : ANSWER_FILE_PIECE;
        if (n > most)
            n = most;
        if (!send_piece(v, n, end_known && v->at + n == end))
            return;
    }
}

/* What can go with the head: all of it, where it is in memory and short. */
static struct str first_piece(const struct cache_visit *v, const struct cache_object *o, bool *last)
{
    struct str all = STR_NONE;

    *last = !o->growing && !o->in_part && !v->to_end && v->end - v->at <= ANSWER_PIECE;
    if (*last && v->end > v->at) {
        all = piece_in_memory(v, v->object, v->end - v->at);
        *last = all.len > 0;
    }
    return all;
}

static bool is_head(const struct request *req)
{
    return str_eq(req->head.method, STR("HEAD"));
}

void cache_answer(struct cache_visit *v, struct cache_object *o, const struct cache_status *status)
{
    struct request *req = v->req;
    struct cache_status told = *status;
    struct answer a = {.no_body = false};
    struct str body;
    int64_t age;
    bool last;

    cache_object_hold_in(req->pool, o);
    v->object = o;
    v->state = VISIT_SENT;
    if (!make_head(v, &a, o))
        return;
    age = cache_policy_age(&o->facts, now_s(v));
    if (age > 0 || told.forward == CACHE_FORWARD_NONE || told.forward_status == 304)
        add(&a, HEADER_AGE, str_of_u64((uint64_t)age, pool_text(req->pool, STR_U64_MAX)));
    told.ttl = o->facts.lifetime - age;
    told.has_ttl = told.forward == CACHE_FORWARD_NONE;
    cache_answer_status(v, &a.head.headers, &told);
    body = first_piece(v, o, &last);
    if (a.no_body || is_head(req)) {
        body = STR_NONE;
        last = true;
    }
    v->at += body.len;
    if (last)
        cache_visit_detach(v);
    if (request_send_head(req, &a.head, &a.frame, body, last) || last) {
        if (!last)
            cache_answer_more(v);
        return;
    }
    v->blocked = true;
}
