/* fuzz_head.h: what the targets for request and response heads share. */
#ifndef WEIR_FUZZ_HEAD_H
#define WEIR_FUZZ_HEAD_H

#include "fuzz.h"
#include "http/h1_frame.h"
#include "http/h1_parse.h"
#include "http/h1_write.h"

/* Room for a head that is sent on. */
#define FUZZ_SENT_BYTES (32 * 1024)

static const struct h1_limits fuzz_limits = {2048, 8192, 50};

/* Scans the whole at once and in pieces: both must say the same of where the head is. */
static inline enum h1_verdict fuzz_scan(enum h1_direction direction, struct str in, struct pool *pool,
                                        struct h1_scan *whole)
{
    enum h1_verdict verdict, piecewise = H1_SCAN_MORE;
    struct h1_scan scan;
    size_t step = 1 + in.len % 7;

    h1_scan_init(whole, pool);
    verdict = h1_scan_feed(whole, direction, &fuzz_limits, in.s, in.len);
    h1_scan_init(&scan, pool);
    for (size_t len = 0; len < in.len && piecewise == H1_SCAN_MORE;) {
        len = in.len - len < step ? in.len : len + step;
        piecewise = h1_scan_feed(&scan, direction, &fuzz_limits, in.s, len);
    }
    CLAIM((verdict == H1_SCAN_MORE) == (piecewise == H1_SCAN_MORE));
    CLAIM((verdict == H1_SCAN_DONE) == (piecewise == H1_SCAN_DONE));
    if (verdict == H1_SCAN_DONE) {
        CLAIM(whole->start == scan.start && whole->end == scan.end && whole->fields == scan.fields);
        CLAIM(whole->start_line == scan.start_line);
        CLAIM(whole->fields == 0 || memcmp(whole->lines, scan.lines, scan.fields * sizeof(*scan.lines)) == 0);
        CLAIM(whole->start < whole->end && whole->end <= in.len && whole->fields <= fuzz_limits.fields);
    } else if (verdict != H1_SCAN_MORE) {
        CLAIM(whole->reason && whole->at <= in.len);
    }
    return verdict;
}

static inline void fuzz_check_text(struct str text, struct str head)
{
    CLAIM(fuzz_is_inside(text, head));
    for (size_t i = 0; i < text.len; i++)
        CLAIM(text.s[i] != '\r' && text.s[i] != '\n' && text.s[i] != '\0');
}

static inline void fuzz_check_fields(const struct message *m, struct str head)
{
    CLAIM(m->headers.count <= fuzz_limits.fields && m->minor <= 1);
    for (size_t i = 0; i < m->headers.count; i++) {
        const struct header *h = &m->headers.items[i];

        fuzz_check_text(h->name, head);
        fuzz_check_text(h->value, head);
        CLAIM(h->name.len > 0 && h->id == header_id_of(h->name));
        CLAIM(str_eq(h->value, str_trim(h->value)));
    }
}

/* The framing with which a head of this frame is sent on. */
static inline struct h1_framing fuzz_framing(const struct frame *frame)
{
    struct h1_framing framing = {H1_LENGTH_NONE, frame->length, STR("")};

    if (frame->kind == FRAME_LENGTH)
        framing.kind = H1_LENGTH_KNOWN;
    else if (frame->kind == FRAME_CHUNKED)
        framing.kind = H1_LENGTH_CHUNKED;
    return framing;
}

/* The fields of `sent` stand in `got`, in the same order and alone but for framing. */
static inline void fuzz_same_fields(const struct header_list *sent, const struct header_list *got)
{
    CLAIM(got->count >= sent->count && got->count <= sent->count + 2);
    for (size_t i = 0; i < sent->count; i++) {
        CLAIM(str_eq(sent->items[i].name, got->items[i].name));
        CLAIM(str_eq(sent->items[i].value, got->items[i].value));
    }
}

/* How a head of one direction is read. */
struct fuzz_reader {
    enum h1_direction direction;
    int (*parse)(struct str head, const struct h1_scan *scan, struct pool *pool, const struct h1_limits *limits,
                 struct message *m, const char **reason);
};

/* Scans the input, reads the head in it from a copy of just its size, and checks what was read. */
static inline int fuzz_read_head(const struct fuzz_reader *reader, const uint8_t *data, size_t size,
                                 void (*check)(struct message *m, struct str head, struct pool *pool))
{
    struct str in = {(const char *)data, size}, head;
    const char *reason = NULL;
    struct message m;
    struct h1_scan scan;
    struct pool *pool;
    char *copy;

    pool = pool_new(4096);
    if (fuzz_scan(reader->direction, in, pool, &scan) != H1_SCAN_DONE) {
        pool_free(pool);
        return 0;
    }
    head = (struct str){in.s + scan.start, scan.end - scan.start};
    copy = fuzz_copy(head);
    head.s = copy;
    if (reader->parse(head, &scan, pool, &fuzz_limits, &m, &reason) == 0)
        check(&m, head, pool);
    else
        CLAIM(reason);
    pool_free(pool);
    free(copy);
    return 0;
}

/* What was sent on is read as a client or server behind would. */
static inline void fuzz_read_again(const struct fuzz_reader *reader, struct str sent, struct pool *pool,
                                   struct message *again)
{
    struct h1_limits limits = {4096, FUZZ_SENT_BYTES, fuzz_limits.fields + 2};
    struct h1_scan scan;
    const char *reason;

    h1_scan_init(&scan, pool);
    CLAIM(h1_scan_feed(&scan, reader->direction, &limits, sent.s, sent.len) == H1_SCAN_DONE);
    CLAIM(scan.start == 0 && scan.end == sent.len);
    CLAIM(reader->parse(sent, &scan, pool, &limits, again, &reason) == 0);
}

#endif
