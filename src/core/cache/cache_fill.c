/* cache_fill.c: an answer that becomes an object, and is sent to visits while it does; see cache_fetch.h. */
#include "core/cache/cache_fetch.h"

#include <stdlib.h>

#include "core/cache/store_vary.h"
#include "core/worker.h"
#include "http/cache_vary.h"

/* More fields than an answer may have are not stored. */
#define FILL_FIELDS 256

/* ---- the key ---- */

/* Under which name it is stored: its own where it has no Vary, else that of a variant, to which a marker leads. */
static int find_key(struct cache_fetch *f, const struct header_list *response, struct store_key *key)
{
    struct cache *c = f->cache;
    struct str names = cache_vary_names(response, f->use->rules.ignore_vary, f->request.pool);
    struct store_fault fault;
    uint64_t nonce;

    *key = f->primary;
    if (names.len == 0)
        return 0;
    if (store_vary_nonce(c->store, &f->primary, names, f->seq, c->worker->caches->buffer, &nonce, &fault) < 0) {
        cache_tell_fault(c, &fault);
        return -1;
    }
    return store_key_variant(c->store, &f->primary, nonce, cache_vary_key(names, &f->request.head.headers, f->request.pool),
                             key);
}

/* The marker lists the variant, so that there are never too many. */
static void enter_variant(struct cache_fetch *f)
{
    struct cache *c = f->cache;
    struct cache_object *o = f->object;
    struct store_object marker;
    struct store_fault fault;

    if (hash_128_eq(o->stored.head.hash, f->primary.hash))
        return;
    if (store_read_open(c->store, &f->primary, c->worker->caches->buffer, &marker, &fault) != STORE_HIT)
        return;
    if (marker.head.kind == STORE_MARKER &&
        store_vary_add(c->store, &marker, o->stored.head.hash, f->use->max_variants, &fault) < 0)
        cache_tell_fault(c, &fault);
    store_read_close(&marker);
    hot_drop(c->hot, f->primary.hash);
}

/* ---- its head ---- */

static void set_tags(struct cache_fetch *f, const struct header_list *fields, struct store_head *to)
{
    struct str name = f->use->tags_header;
    const struct header *field = name.len ? header_find_name(fields, name) : NULL;
    struct str rest = field ? field->value : STR_NONE;

    while (rest.len > 0 && to->tag_count < STORE_TAGS_MAX) {
        size_t n = 0;

        while (n < rest.len && rest.s[n] != ',' && rest.s[n] != ' ')
            n++;
        if (n > 0)
            to->tags[to->tag_count++] = store_tag_hash(f->cache->store, (struct str){rest.s, n});
        rest = str_from(rest, n < rest.len ? n + 1 : n);
    }
}

static struct cache_object *make_object(struct cache_fetch *f, const struct store_key *key, struct message *stored,
                                        const struct cache_facts *facts)
{
    struct cache_object *o = cache_object_new(key, stored, facts);

    if (o) {
        o->stored.head.seq = f->seq;
        o->stored.head.facts.request_time = f->request_time;
        set_tags(f, &stored->headers, &o->stored.head);
    }
    return o;
}

static void forget(struct cache *c, const struct cache_object *o)
{
    (void)store_unlink(c->store, o->stored.head.hash);
    hot_drop(c->hot, o->stored.head.hash);
}

static void replace_head(struct cache *c, struct cache_object *old, struct cache_object *fresh)
{
    struct store_fault fault;

    if (store_update(c->store, &old->stored, &fresh->stored.head, &fault) < 0) {
        /* Outgrown, or another is there by now: this one is for those who asked. */
        if (fault.number != ESTALE)
            forget(c, old);
        if (fault.number != E2BIG && fault.number != ESTALE)
            cache_tell_fault(c, &fault);
        return;
    }
    cache_hot_put(c, fresh);
}

struct cache_object *cache_fill_update(struct cache_fetch *f, const struct message *head)
{
    struct cache *c = f->cache;
    struct cache_object *old = f->found, *o;
    struct message merged = {.status = old->status, .minor = 1};
    struct store_key key = cache_find_key(old);
    struct cache_facts facts;
    enum cache_reason why;
    const struct cache_exchange exchange = {
        .request = &f->request.head, .status = old->status, .fields = &head->headers,
        .request_time = f->request_time, .response_time = c->worker->loop->clock.wall_s};

    if (!cache_update_matches(&old->fields, &head->headers))
        return NULL;
    header_list_init(&merged.headers, f->request.pool, FILL_FIELDS);
    why = cache_policy_update(&exchange, &old->fields, &f->use->rules, &facts, &merged.headers);
    if (why == CACHE_REASON_FIELDS || !(o = make_object(f, &key, &merged, &facts)))
        return NULL;
    cache_object_take_body(o, old);
    if (why == CACHE_REASON_NONE)
        replace_head(c, old, o);
    else if (why > CACHE_REASON_AUTHORIZATION)
        forget(c, old);
    return o;
}

/* ---- its body ---- */

/* The rest cannot be stored, but those who are sent it get it all the same, in step. */
static void keep_no_longer(struct cache_fetch *f)
{
    f->unkept = true;
    /* Nobody has to wait for it: it will not be there. */
    cache_claim_release(f->cache, &f->claim, f->use->hit_for_miss);
}

static int grow(struct cache_object *o, size_t more)
{
    size_t want = (size_t)o->have + more, room = o->body_room ? o->body_room : 1024;
    char *body;

    if (want <= o->body_room)
        return 0;
    if (o->has_length && o->length <= STORE_BUFFER && o->length >= want)
        room = (size_t)o->length;
    while (room < want)
        room *= 2;
    body = realloc(o->body_room ? o->body : NULL, room);
    if (!body)
        return -1;
    o->body = body;
    o->body_room = room;
    return 0;
}

/* Whether there is room for it.  If not, what it takes the place of goes too, as it is older. */
static bool has_room(struct cache_fetch *f)
{
    struct cache_object *o = f->object;

    if (cache_admits(f->cache, o->stored.head.hash.high, o->has_length ? o->length : o->have))
        return true;
    (void)store_unlink(f->cache->store, o->stored.head.hash);
    return false;
}

/* From memory to a file.  Nothing is told of a cache that is full. */
static int begin_file(struct cache_fetch *f, struct store_fault *fault)
{
    struct cache_object *o = f->object;

    fault->what = NULL;
    if (!has_room(f))
        return -1;
    o->write = store_write_begin(f->cache->store, &o->stored.head, o->has_length ? (int64_t)o->length : -1, fault);
    if (!o->write)
        return -1;
    return o->have > 0 ? store_write_body(o->write, (struct str){o->body, (size_t)o->have}, fault) : 0;
}

static int keep(struct cache_fetch *f, struct str bytes)
{
    struct cache_object *o = f->object;
    struct store_fault fault;

    if (o->have + bytes.len > f->use->max_object)
        return -1;
    if (!o->write) {
        uint64_t all = o->has_length ? o->length : o->have + bytes.len;

        if (all <= CACHE_MEMORY_MAX) {
            if (grow(o, bytes.len) < 0)
                return -1;
            memcpy(o->body + o->have, bytes.s, bytes.len);
            return 0;
        }
        if (begin_file(f, &fault) < 0) {
            if (fault.what)
                cache_tell_fault(f->cache, &fault);
            return -1;
        }
    }
    if (store_write_body(o->write, bytes, &fault) < 0) {
        cache_tell_fault(f->cache, &fault);
        return -1;
    }
    return 0;
}

/* The piece stands behind what is kept, alone: the one before it was taken by all. */
static void keep_tail(struct cache_object *o, struct str bytes)
{
    char *copy = malloc(bytes.len);

    if (!copy)
        abort();
    memcpy(copy, bytes.s, bytes.len);
    free(o->tail);
    o->tail = copy;
    o->tail_at = o->have;
}

/* Those of another variant have no need to wait for it any more, those of the same one have. */
static void take_key(struct cache_fetch *f, const struct store_key *key)
{
    struct cache_claim claim = {.held = false};

    if (hash_128_eq(key->hash, f->key.hash))
        return;
    if (f->claim.held && cache_claim_take(f->cache, key->hash, &claim) != CLAIM_TAKEN)
        claim.held = false;
    cache_claim_release(f->cache, &f->claim, 0);
    f->claim = claim;
    f->key = *key;
}

static void send_on(struct cache_fetch *f)
{
    list_each_safe(link, &f->visits) {
        struct cache_visit *v = container_of(link, struct cache_visit, link);

        /* Others have not been given the head yet. */
        if (v->state == VISIT_SENT)
            cache_answer_more(v);
    }
}

bool cache_fill_is_taken(struct cache_fetch *f)
{
    list_each(link, &f->visits) {
        const struct cache_visit *v = container_of(link, struct cache_visit, link);

        if (v->state == VISIT_SENT && v->at < f->object->have)
            return false;
    }
    return true;
}

/* It is whole: it can be found from now on. */
static void commit(struct cache_fetch *f)
{
    struct cache_object *o = f->object;
    struct cache *c = f->cache;
    struct store_fault fault;
    int failed;

    if (o->write) {
        failed = store_write_commit(o->write, &fault);
    } else if (!has_room(f)) {
        cache_hot_put(c, o);
        return;
    } else {
        failed = store_put(c->store, &o->stored.head, (struct str){o->body, (size_t)o->have}, &fault);
        cache_hot_put(c, o);
    }
    if (failed < 0 && fault.number != ECANCELED)
        cache_tell_fault(c, &fault);
    if (failed < 0) {
        c->stats->failed++;
        return;
    }
    c->stats->stored++;
    c->stats->stored_bytes += o->have;
    enter_variant(f);
}

bool cache_fill_add(struct cache_fetch *f, struct str bytes, bool last)
{
    struct cache_object *o = f->object;

    if (bytes.len > 0) {
        if (!f->unkept && keep(f, bytes) < 0)
            keep_no_longer(f);
        if (f->unkept)
            keep_tail(o, bytes);
        o->have += bytes.len;
    }
    /* There may be no end of what nobody wants. */
    if (f->unkept && !last && list_empty(&f->visits))
        cache_fetch_end(f);
    if (last) {
        o->growing = false;
        o->has_length = true;
        o->length = o->have;
        if (!f->unkept)
            commit(f);
    }
    send_on(f);
    return !f->unkept || cache_fill_is_taken(f);
}

void cache_fill_fail(struct cache_fetch *f)
{
    f->object->growing = false;
    f->object->in_part = true;
    send_on(f);
}

/* ---- who is sent it ---- */

static void join(struct cache_fetch *f, struct cache_visit *v)
{
    const struct cache_status status = {.forward = v->forward, .forward_status = f->object->status,
                                        .stored = !f->unkept, .collapsed = v->collapsed};

    list_append(&f->visits, &v->link);
    cache_answer(v, f->object, &status);
}

void cache_fill_join(struct cache_fetch *f, struct cache_visit *v)
{
    join(f, v);
}

/* Whether the object is what the visit wants: of the same variant. */
static bool is_for(const struct cache_fetch *f, const struct cache_visit *v)
{
    const struct store_head *head = &f->object->stored.head;
    struct str names;

    if (cache_fetch_is_too_old(f, v))
        return false;
    if (!v->collapsed || hash_128_eq(head->hash, f->primary.hash))
        return true;
    names = cache_vary_names(&f->object->fields, f->use->rules.ignore_vary, v->req->pool);
    return str_eq(cache_vary_key(names, &v->req->head.headers, v->req->pool), head->variant);
}

static void send_to_visits(struct cache_fetch *f)
{
    struct list all;

    /* Each is taken out and put in again, or goes its own way. */
    list_init(&all);
    while (!list_empty(&f->visits)) {
        struct list *link = f->visits.next;

        list_remove(link);
        list_append(&all, link);
    }
    while (!list_empty(&all)) {
        struct cache_visit *v = container_of(all.next, struct cache_visit, link);

        list_remove(&v->link);
        if (is_for(f, v)) {
            cache_fetch_tell(f, v);
            join(f, v);
        } else {
            cache_visit_again(v, false);
        }
    }
}

int cache_fill_begin(struct cache_fetch *f, const struct message *head, const struct frame *frame,
                     const struct cache_facts *facts, const struct cache_keep *kept, struct str body, bool last)
{
    struct message stored = {.status = head->status, .minor = 1};
    struct cache_object *o;
    struct store_key key;

    header_list_init(&stored.headers, f->request.pool, FILL_FIELDS);
    if (cache_update_keep(&head->headers, kept, f->cache->worker->loop->clock.wall_s, &stored.headers) < 0 ||
        find_key(f, &head->headers, &key) < 0 || !(o = make_object(f, &key, &stored, facts)))
        return -1;
    o->has_length = frame->kind == FRAME_LENGTH || frame->kind == FRAME_NONE || last;
    o->length = frame->kind == FRAME_LENGTH ? frame->length : last ? body.len : 0;
    f->object = o;
    f->state = FETCH_FILLS;
    take_key(f, &key);
    /* A short one is whole before its head is sent. */
    if (last) {
        f->paused = !cache_fill_add(f, body, true);
        send_to_visits(f);
        return 0;
    }
    send_to_visits(f);
    f->paused = !cache_fill_add(f, body, false);
    return 0;
}
