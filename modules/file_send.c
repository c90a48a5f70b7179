/* file_send.c: see file_send.h. */
#include "modules/file_send.h"

#include <string.h>

#include "core/reply.h"
#include "http/accept.h"
#include "http/etag.h"
#include "http/range.h"
#include "http/status.h"
#include "modules/file_multipart.h"

/* One answer in the making. */
struct file_answer {
    struct request *req;
    struct file_entry *shown; /* what was asked for: type and siblings */
    struct file_entry *sent; /* itself or a sibling: bytes and validators */
    struct message head;
    enum file_sibling coding; /* of `sent`; 0: none */
    struct etag_request asked;
    struct str accept_encoding;
};

static void add(struct file_answer *a, struct str name, struct str value)
{
    if (value.len > 0 && header_add(&a->head.headers, name, value) < 0)
        a->head.headers.cap = a->head.headers.count;
}

/* A list may be spread over several fields (RFC 9110 5.3). */
static void collect(struct request *req, struct str *into, struct str value)
{
    *into = into->s ? pool_printf(req->pool, "%.*s, %.*s", STR_ARG(*into), STR_ARG(value)) : value;
}

/* One pass over the fields; most requests have none of these. */
static void read_fields(struct file_answer *a)
{
    struct etag_request *asked = &a->asked;

    asked->get_or_head = true;
    for (size_t i = 0; i < a->req->head.headers.count; i++) {
        const struct header *h = &a->req->head.headers.items[i];
        struct str *into = h->id == HEADER_IF_MATCH              ? &asked->if_match
                           : h->id == HEADER_IF_NONE_MATCH       ? &asked->if_none_match
                           : h->id == HEADER_IF_MODIFIED_SINCE   ? &asked->if_modified_since
                           : h->id == HEADER_IF_UNMODIFIED_SINCE ? &asked->if_unmodified_since
                           : h->id == HEADER_RANGE               ? &asked->range
                           : h->id == HEADER_IF_RANGE            ? &asked->if_range
                           : h->id == HEADER_ACCEPT_ENCODING     ? &a->accept_encoding
                                                                 : NULL;

        if (into)
            collect(a->req, into, h->value);
    }
}

/* ---- which bytes ---- */

static struct str coding_name(enum file_sibling coding)
{
    return coding == FILE_BR ? STR("br") : coding == FILE_ZSTD ? STR("zstd") : STR("gzip");
}

/* The sibling the client likes best; among equals the smallest kind. */
static void choose_coding(struct file_answer *a)
{
    static const enum file_sibling all[] = {FILE_BR, FILE_ZSTD, FILE_GZIP};
    unsigned best = 0;

    file_cache_find_siblings(a->req, a->shown);
    if (a->shown->siblings == 0 || !a->accept_encoding.s)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        unsigned weight = accept_encoding(a->accept_encoding, coding_name(all[i]));
        struct file_entry *sibling;

        if (!(a->shown->siblings & all[i]) || weight <= best)
            continue;
        sibling = file_cache_sibling(a->req, a->shown, all[i]);
        if (!sibling)
            continue;
        best = weight;
        a->sent = sibling;
        a->coding = all[i];
    }
}

static enum etag_verdict check_conditions(const struct file_answer *a)
{
    struct etag_resource resource = {.exists = true,
                                     .tag = str_of(a->sent->etag),
                                     .last_modified = a->sent->mtime_s};

    return etag_evaluate(&a->asked, &resource, a->req->worker->loop->clock.wall_s);
}

/* ---- the head ---- */

static void add_expiry(struct file_answer *a)
{
    const struct files_conf *conf = a->shown->conf;
    char *date;

    if (conf->expires < 0)
        return;
    date = pool_text(a->req->pool, DATE_SIZE);
    date_print(a->req->worker->loop->clock.wall_s + conf->expires, date);
    add(a, STR("Expires"), (struct str){date, DATE_LEN});
    add(a, STR("Cache-Control"), str_of(a->shown->cache_control));
}

static struct str type_with_charset(struct file_answer *a)
{
    struct str type = a->shown->type;

    if (!str_has_prefix(type, STR("text/")) || memchr(type.s, ';', type.len))
        return type;
    if (str_eq(type, STR("text/html")))
        return STR("text/html; charset=utf-8");
    return pool_printf(a->req->pool, "%.*s; charset=utf-8", STR_ARG(type));
}

/* What every answer about the file has, 304 included (RFC 9110 15.4.5). */
static void start_head(struct file_answer *a, unsigned status)
{
    a->head = (struct message){.status = status, .reason = status_reason(status)};
    header_list_init(&a->head.headers, a->req->pool, 64);
    add(a, STR("Last-Modified"), (struct str){a->sent->last_modified, DATE_LEN});
    add(a, STR("ETag"), str_of(a->sent->etag));
    add_expiry(a);
    if (a->shown->siblings)
        add(a, STR("Vary"), STR("Accept-Encoding"));
    if (status != 304 && a->coding)
        add(a, STR("Content-Encoding"), coding_name(a->coding));
}

/* ---- the body ---- */

/* Sends bytes [first, first + length) behind the head. */
static void send_part(struct file_answer *a, uint64_t first, uint64_t length)
{
    struct frame frame = {.kind = FRAME_LENGTH, .length = length};
    struct request *req = a->req;

    if (a->sent->bytes || length == 0) {
        struct str body = {a->sent->bytes ? a->sent->bytes + first : "", (size_t)length};

        (void)!request_send_head(req, &a->head, &frame, body, true);
        return;
    }
    if (str_eq(req->head.method, STR("HEAD"))) {
        (void)!request_send_head(req, &a->head, &frame, STR_NONE, true);
        return;
    }
    if (!request_send_head(req, &a->head, &frame, STR_NONE, false)) {
        /* The head itself did not fit: the file follows once it did. */
        struct file_part *part = pool_alloc(req->pool, sizeof(*part));

        *part = (struct file_part){a->sent->fd, (off_t)first, length};
        req->handler_data = part;
        return;
    }
    (void)!req->out->file(req, a->sent->fd, (off_t)first, length, true);
}

static void send_range(struct file_answer *a, const struct range *range)
{
    char *text = pool_text(a->req->pool, RANGE_CONTENT_SIZE);

    range_print_content(range, a->sent->size, text);
    start_head(a, 206);
    add(a, STR("Content-Type"), type_with_charset(a));
    add(a, STR("Content-Range"), str_of(text));
    send_part(a, range->first, range->last - range->first + 1);
}

static void send_unsatisfiable(struct file_answer *a)
{
    char *text = pool_text(a->req->pool, RANGE_CONTENT_SIZE);

    range_print_content(NULL, a->sent->size, text);
    reply_unsatisfiable(a->req, str_of(text));
}

static void send_whole(struct file_answer *a)
{
    start_head(a, 200);
    add(a, STR("Content-Type"), type_with_charset(a));
    add(a, STR("Accept-Ranges"), STR("bytes"));
    send_part(a, 0, a->sent->size);
}

static void send_by_range(struct file_answer *a)
{
    struct range_set set;

    if (!a->asked.range.s || !str_eq(a->req->head.method, STR("GET"))) {
        send_whole(a);
        return;
    }
    switch (range_parse(a->asked.range, a->sent->size, &set)) {
    case RANGE_UNSATISFIABLE:
        send_unsatisfiable(a);
        return;
    case RANGE_PARTIAL:
        if (set.count == 1) {
            send_range(a, &set.ranges[0]);
            return;
        }
        start_head(a, 206);
        if (!file_multipart_send(a->req, &a->head, a->sent, type_with_charset(a), &set))
            send_whole(a);
        return;
    case RANGE_WHOLE:
        break;
    }
    send_whole(a);
}

void file_send(struct request *req, struct file_entry *e)
{
    struct file_answer a = {.req = req, .shown = e, .sent = e};
    struct frame none = {.kind = FRAME_NONE};

    read_fields(&a);
    choose_coding(&a);
    switch (check_conditions(&a)) {
    case ETAG_NOT_MODIFIED:
        start_head(&a, 304);
        (void)!request_send_head(req, &a.head, &none, STR_NONE, true);
        return;
    case ETAG_FAILED:
        reply_status(req, 412, "a precondition of the request does not hold");
        return;
    case ETAG_PROCEED_WHOLE:
        send_whole(&a);
        return;
    case ETAG_PROCEED:
        break;
    }
    send_by_range(&a);
}
