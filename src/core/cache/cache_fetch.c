/* cache_fetch.c: see cache_fetch.h; the `out` of the request that it sends. */
#include "core/cache/cache_fetch.h"

#include <stdlib.h>

#include "core/reply.h"
#include "core/route/match.h"
#include "core/subrequest.h"
#include "core/worker.h"
#include "http/cache_condition.h"
#include "http/cache_vary.h"

static const struct request_out fetch_out;

static struct cache_fetch *fetch_of(struct request *sub)
{
    return (struct cache_fetch *)(void *)sub;
}

static int64_t now_s(const struct cache *c)
{
    return c->worker->loop->clock.wall_s;
}

static struct cache_visit *first_visit(const struct cache_fetch *f)
{
    return list_empty(&f->visits) ? NULL : container_of(f->visits.next, struct cache_visit, link);
}

/* A purge since it was sent has hit it. */
static bool is_purged(const struct cache_fetch *f)
{
    const struct purge *purge = f->cache->purge;
    const struct cache_object *o = f->object ? f->object : f->found;
    struct purge_subject subject = {.primary = f->primary.primary.high, .key = f->primary.key, .seq = f->seq};

    if (!purge || purge_seq(purge) == f->seq)
        return false;
    if (o) {
        subject.tags = o->stored.head.tags;
        subject.tag_count = o->stored.head.tag_count;
    }
    return purge_check(purge, &subject) != PURGE_NONE;
}

bool cache_fetch_is_too_old(const struct cache_fetch *f, const struct cache_visit *v)
{
    return v->purges > f->seq && is_purged(f);
}

struct cache_fetch *cache_fetch_find(struct cache *c, struct hash_128 hash)
{
    list_each(link, &c->fetches) {
        struct cache_fetch *f = container_of(link, struct cache_fetch, link);

        if (hash_128_eq(f->key.hash, hash) && !is_purged(f) && f->refused == CACHE_REASON_NONE &&
            (f->state == FETCH_ASKS || (f->state == FETCH_FILLS && !f->unkept)))
            return f;
    }
    return NULL;
}

/* ---- its end ---- */

static void on_over(struct loop_deferred *d)
{
    struct cache_fetch *f = container_of(d, struct cache_fetch, deferred);

    if (f->object)
        cache_object_release(f->object);
    if (f->found)
        cache_object_release(f->found);
    f->cache->worker->caches->fetching--;
    subrequest_end(&f->request, f->answered);
    free(f);
}

/* Nothing is sent or received for it any more; `pass_ms`: see cache_claim_release(). */
static void fetch_over(struct cache_fetch *f, int64_t pass_ms)
{
    if (f->state == FETCH_OVER)
        return;
    f->state = FETCH_OVER;
    list_remove(&f->link);
    /* Those who have not got all of it yet go on with the object alone. */
    list_each_safe(link, &f->visits) {
        container_of(link, struct cache_visit, link)->fetch = NULL;
        list_remove(link);
    }
    cache_claim_release(f->cache, &f->claim, pass_ms);
    /* Its handler may be on the stack. */
    loop_defer(f->cache->worker->loop, &f->deferred, on_over);
}

void cache_fetch_end(struct cache_fetch *f)
{
    if (f->state == FETCH_FILLS)
        cache_fill_fail(f);
    fetch_over(f, 0);
}

/* ---- who is told ---- */

void cache_fetch_tell(const struct cache_fetch *f, struct cache_visit *v)
{
    const struct request *sub = &f->request;
    struct request *client = v->req;
    int64_t start = client->times.start;

    client->upstream = sub->upstream;
    /* Texts may lie in the pool of another client, who may be gone when this one's request is logged. */
    client->upstream_addr = pool_str(client->pool, sub->upstream_addr);
    client->upstream_status = sub->upstream_status;
    client->before = (struct request_attempts){.addrs = pool_str(client->pool, sub->before.addrs),
                                               .statuses = pool_str(client->pool, sub->before.statuses),
                                               .durations = pool_str(client->pool, sub->before.durations)};
    client->times = sub->times;
    client->times.start = start;
    client->grpc_status = pool_str(client->pool, sub->grpc_status);
}

/* All visits are to find their way again once the stack is empty. */
static void send_away(struct cache_fetch *f, bool pass)
{
    list_each_safe(link, &f->visits)
        cache_visit_again(container_of(link, struct cache_visit, link), pass);
}

static void answer_all(struct cache_fetch *f, struct cache_object *o, const struct cache_status *status)
{
    list_each_safe(link, &f->visits) {
        struct cache_visit *v = container_of(link, struct cache_visit, link);
        struct cache_status told = *status;

        if (cache_fetch_is_too_old(f, v)) {
            cache_visit_again(v, false);
            continue;
        }
        told.forward = v->forward;
        told.collapsed = v->collapsed;
        cache_fetch_tell(f, v);
        cache_answer(v, o, &told);
    }
}

/* ---- the answer is passed on as it comes ---- */

static int64_t pass_ms(const struct cache_fetch *f, enum cache_reason why)
{
    /* What was refused because of its size, or for the moment, says nothing of the next one. */
    return why == CACHE_REASON_NONE || why == CACHE_REASON_MIN_USES || f->request.own_reply ? 0 : f->use->hit_for_miss;
}

static void add_status(struct cache_visit *v, struct message *head, enum cache_reason why)
{
    const struct cache_status status = {.forward = v->forward, .forward_status = head->status, .detail = why};

    cache_answer_status(v, &head->headers, &status);
}

static void free_pool(void *pool)
{
    pool_free(pool);
}

/* What the client is told and logged lies in the pool of who began the fetch, and he may have left. */
static void hold_texts(struct request *client, const struct cache_fetch *f)
{
    if (client->pool != f->request.pool)
        pool_on_free(client->pool, free_pool, pool_hold(f->request.pool));
}

static bool relay_head(struct cache_fetch *f, const struct message *head, const struct frame *frame, struct str body,
                       bool last, enum cache_reason why)
{
    struct cache_visit *v = first_visit(f);
    struct request *client = v->req;
    struct message told = *head;

    hold_texts(client, f);
    cache_fetch_tell(f, v);
    client->own_reply = f->request.own_reply;
    client->error = f->request.error;
    client->fail_reason = f->request.fail_reason;
    client->sticky = f->request.sticky;
    v->state = VISIT_RELAYED;
    if (client->own_reply)
        cache_stats_forward(f->cache->stats, v->forward);
    else
        add_status(v, &told, why);
    if (last)
        cache_visit_detach(v);
    f->paused = !request_send_head(client, &told, frame, body, last);
    return !f->paused;
}

/* Only the first visit can have it; the others ask for themselves, or are told of the same failure. */
static void part_others(struct cache_fetch *f, const struct message *head)
{
    struct request *sub = &f->request;
    struct list *first = f->visits.next;
    struct reply_error failure = {.status = head->status, .proxy_error = sub->error, .reason = sub->fail_reason,
                                  .quiet = true};

    list_each_safe(link, &f->visits) {
        struct cache_visit *v = container_of(link, struct cache_visit, link);

        if (link == first)
            continue;
        if (sub->own_reply) {
            cache_fetch_tell(f, v);
            cache_visit_detach(v);
            cache_stats_forward(f->cache->stats, v->forward);
            reply_error(v->req, &failure);
        } else {
            cache_visit_again(v, true);
        }
    }
}

static bool let_pass(struct cache_fetch *f, const struct message *head, const struct frame *frame, struct str body,
                     bool last, enum cache_reason why)
{
    int64_t pass = pass_ms(f, why);
    bool more = true;

    /* From now on nobody has to wait for this one. */
    cache_claim_release(f->cache, &f->claim, pass);
    part_others(f, head);
    f->state = FETCH_RELAYS;
    if (first_visit(f))
        more = relay_head(f, head, frame, body, last, why);
    else
        f->state = FETCH_DROPS;
    if (last)
        fetch_over(f, pass);
    return more;
}

/* ---- the answer is for the cache ---- */

static enum cache_reason may_store(struct cache_fetch *f, const struct message *head, const struct frame *frame,
                                   struct cache_facts *facts, struct cache_keep *keep)
{
    struct request *sub = &f->request;
    const struct cache_exchange exchange = {
        .request = &sub->head,
        .status = head->status,
        .fields = &head->headers,
        .request_time = f->request_time,
        .response_time = now_s(f->cache),
    };
    enum cache_reason why = cache_policy_store(&exchange, &f->use->rules, facts, keep);

    if (why != CACHE_REASON_NONE)
        return why;
    if (f->refused != CACHE_REASON_NONE)
        return f->refused;
    if (frame->kind == FRAME_LENGTH && frame->length > f->use->max_object)
        return CACHE_REASON_TOO_LARGE;
    sub->response = *head;
    if (f->use->no_store && match_holds(f->use->no_store, sub, NULL) != MATCH_NO)
        return CACHE_REASON_SETTING_NO_STORE;
    return CACHE_REASON_NONE;
}

/* The upstream says that what was found is still what it would answer (RFC 9111 4.3.4). */
static void validated(struct cache_fetch *f, const struct message *head)
{
    const struct cache_status status = {.forward_status = 304, .stored = true};
    struct cache_object *fresh = cache_fill_update(f, head);

    if (!fresh) {
        list_each(link, &f->visits)
            container_of(link, struct cache_visit, link)->unconditional = true;
        send_away(f, false);
        return;
    }
    answer_all(f, fresh, &status);
    cache_object_release(fresh);
}

/* What was found is better than that. */
static bool is_worse(const struct cache_fetch *f, const struct message *head)
{
    return f->found && (f->request.own_reply || cache_policy_is_error(head->status)) &&
           cache_policy_may_serve_error(&f->found->facts, NULL, now_s(f->cache));
}

static bool drop_rest(struct cache_fetch *f, bool last)
{
    f->state = FETCH_DROPS;
    if (last)
        fetch_over(f, 0);
    return true;
}

static bool out_head(struct request *sub, const struct message *head, const struct frame *frame, struct str body,
                     bool last)
{
    struct cache_fetch *f = fetch_of(sub);
    struct cache_facts facts;
    struct cache_keep keep;
    enum cache_reason why = CACHE_REASON_NONE;

    f->answered = last;
    sub->head_sent = true;
    if (f->state != FETCH_ASKS)
        return drop_rest(f, last);
    if (f->validates && head->status == 304 && !sub->own_reply) {
        validated(f, head);
        return drop_rest(f, last);
    }
    if (is_worse(f, head)) {
        const struct cache_status status = {.forward_status = sub->own_reply ? 0 : head->status,
                                            .detail = CACHE_REASON_IF_ERROR};

        answer_all(f, f->found, &status);
        return drop_rest(f, last);
    }
    if (!sub->own_reply)
        why = may_store(f, head, frame, &facts, &keep);
    if (why == CACHE_REASON_NONE && !sub->own_reply && frame->kind != FRAME_TUNNEL &&
        cache_fill_begin(f, head, frame, &facts, &keep, body, last) == 0) {
        if (last)
            fetch_over(f, 0);
        return !f->paused;
    }
    return let_pass(f, head, frame, body, last, why);
}

static bool out_body(struct request *sub, struct str bytes, bool last)
{
    struct cache_fetch *f = fetch_of(sub);
    struct cache_visit *v = first_visit(f);
    struct request *client = v ? v->req : NULL;

    f->answered = last;
    if (f->state == FETCH_FILLS) {
        f->paused = !cache_fill_add(f, bytes, last);
    } else if (f->state == FETCH_RELAYS && client) {
        if (last)
            cache_visit_detach(v);
        f->paused = !client->out->body(client, bytes, last);
    }
    if (last)
        fetch_over(f, 0);
    return last || !f->paused;
}

static void out_interim(struct request *sub, const struct message *head)
{
    struct cache_fetch *f = fetch_of(sub);

    list_each_safe(link, &f->visits) {
        struct request *client = container_of(link, struct cache_visit, link)->req;

        if (client->out->interim)
            client->out->interim(client, head);
    }
}

static void out_trailers(struct request *sub, const struct header_list *trailers)
{
    struct cache_visit *v = first_visit(fetch_of(sub));

    if (fetch_of(sub)->state == FETCH_RELAYS && v && v->req->out->trailers)
        v->req->out->trailers(v->req, trailers);
}

static enum splice_result out_splice(struct request *sub, int fd, uint64_t *left, bool last)
{
    struct cache_fetch *f = fetch_of(sub);
    struct cache_visit *v = first_visit(f);
    enum splice_result moved;

    if (f->state != FETCH_RELAYS || !v || !v->req->out->splice)
        return SPLICE_UNFIT;
    moved = v->req->out->splice(v->req, fd, left, last);
    f->paused = moved == SPLICE_BLOCKED;
    if (moved == SPLICE_DONE && last) {
        f->answered = true;
        cache_visit_detach(v);
        fetch_over(f, 0);
    }
    return moved;
}

static void out_abort(struct request *sub, const char *reason)
{
    struct cache_fetch *f = fetch_of(sub);
    struct cache_visit *v = first_visit(f);

    f->answered = true;
    if (f->state == FETCH_FILLS) {
        cache_fill_fail(f);
    } else if (f->state == FETCH_RELAYS && v) {
        struct request *client = v->req;

        client->error = sub->error;
        cache_visit_detach(v);
        client->out->abort(client, reason);
    }
    fetch_over(f, 0);
}

static void out_credit(struct request *sub WEIR_UNUSED, size_t bytes WEIR_UNUSED)
{
    /* It has no body. */
}

static const struct request_out fetch_out = {
    .interim = out_interim,
    .head = out_head,
    .body = out_body,
    .trailers = out_trailers,
    .splice = out_splice,
    .abort = out_abort,
    .credit = out_credit,
};

/* ---- its visits ---- */

void cache_fetch_join(struct cache_fetch *f, struct cache_visit *v)
{
    v->fetch = f;
    v->purges = f->cache->purge ? purge_seq(f->cache->purge) : 0;
    f->cache->stats->collapsed += !v->collapsed;
    v->collapsed = true;
    if (f->state == FETCH_FILLS) {
        cache_fill_join(f, v);
        return;
    }
    v->state = VISIT_WAITS;
    list_append(&f->visits, &v->link);
}

void cache_fetch_leave(struct cache_visit *v)
{
    struct cache_fetch *f = v->fetch;
    bool relayed = v->state == VISIT_RELAYED;

    cache_visit_detach(v);
    if (!f)
        return;
    /* What can be stored is worth its end; what is passed on is of no use to anybody else. */
    if (!list_empty(&f->visits))
        cache_fetch_resume(f);
    else if (relayed || f->unkept || f->refused != CACHE_REASON_NONE)
        cache_fetch_end(f);
}

void cache_fetch_resume(struct cache_fetch *f)
{
    if (!f->paused || f->state == FETCH_OVER || (f->state == FETCH_FILLS && !cache_fill_is_taken(f)))
        return;
    f->paused = false;
    if (f->request.handler->resume)
        f->request.handler->resume(&f->request);
}

/* ---- its beginning ---- */

/* Of the codings only those that a key tells apart. */
static int set_encoding(struct request *sub)
{
    struct header_list *fields = &sub->head.headers;
    struct str codings = cache_vary_encoding(fields);

    if (header_may_have(fields, HEADER_ACCEPT_ENCODING))
        header_remove(fields, HEADER_ACCEPT_ENCODING);
    return codings.len > 0 ? header_add_known(fields, HEADER_ACCEPT_ENCODING, codings) : 0;
}

/* What it asks is the cache's own question, not the client's. */
static void make_head(struct cache_fetch *f, bool validate)
{
    struct header_list *fields = &f->request.head.headers;

    /* A HEAD may have what is stale asked for behind it. */
    f->request.head.method = STR("GET");
    cache_condition_strip(fields);
    f->validates = set_encoding(&f->request) == 0 && validate && f->found &&
                   cache_condition_validate(fields, &f->found->fields) > 0;
}

int cache_fetch_begin(struct cache_visit *v, struct cache_claim *claim, bool background)
{
    struct cache *c = v->cache;
    struct cache_fetch *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    subrequest_init(&f->request, v->req, &fetch_out);
    f->cache = c;
    f->use = v->use;
    f->key = v->key;
    f->refused = v->reason == CACHE_REASON_MIN_USES ? v->reason : CACHE_REASON_NONE;
    f->primary = v->primary;
    f->claim = *claim;
    f->found = v->found ? cache_object_hold(v->found) : NULL;
    f->seq = c->purge ? purge_seq(c->purge) : 0;
    f->request_time = now_s(c);
    list_init(&f->visits);
    list_init(&f->link);
    /* Who comes next waits for the newest: those before it may hang. */
    list_prepend(&c->fetches, &f->link);
    c->worker->caches->fetching++;
    c->stats->fetches++;
    make_head(f, !v->unconditional);
    if (!background) {
        v->fetch = f;
        v->state = VISIT_WAITS;
        v->collapsed = false;
        list_append(&f->visits, &v->link);
    }
    subrequest_start(&f->request, c->worker->handlers[ACTION_PROXY]);
    return 0;
}
