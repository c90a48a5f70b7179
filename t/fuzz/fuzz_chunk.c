/* fuzz_chunk.c: chunked bodies; however the bytes are cut into pieces, the message is the same. */
#include "fuzz.h"
#include "http/h1_chunk.h"

const char *const fuzz_tokens[] = {
    "\r\n",
    "\n",
    "\r",
    "0\r\n\r\n",
    "0\r\n",
    "1\r\nx\r\n",
    ";",
    ";a=\"b\"",
    "ffffffffffffffff",
    "7fffffffffffffff",
    "A: b\r\n",
    "Content-Length: 1\r\n",
    " ",
    "\t",
    "+",
    "-",
    "0x",
    "\"",
    "\\",
    "00000000000000000",
    "\x80",
    NULL,
};

struct result {
    enum h1_chunk_event event;
    int status;
    char *body;
    size_t body_len, consumed, trailers;
    struct header_list list;
};

/* Pieces of 1 to `most` bytes; 0: all in one. */
static void feed(struct str in, size_t most, bool keep, struct pool *pool, struct result *r)
{
    struct h1_chunk chunk;
    uint64_t draw = 88172645463325252U;

    *r = (struct result){.event = H1_CHUNK_MORE, .body = malloc(in.len + 1)};
    CLAIM(r->body);
    header_list_init(&r->list, pool, 4);
    h1_chunk_init(&chunk, 4, 200, keep ? &r->list : NULL);
    while (r->event == H1_CHUNK_MORE && r->consumed < in.len) {
        size_t left = in.len - r->consumed, take = left;
        struct str piece, data, whole;
        char *copy;

        draw ^= draw << 13, draw ^= draw >> 7, draw ^= draw << 17;
        if (most && 1 + draw % most < left)
            take = 1 + draw % most;
        whole = piece = (struct str){in.s + r->consumed, take};
        copy = fuzz_copy(piece);
        whole.s = piece.s = copy;
        while ((r->event = h1_chunk_next(&chunk, &piece, &data)) == H1_CHUNK_DATA) {
            CLAIM(data.len > 0 && fuzz_is_inside(data, whole));
            memcpy(r->body + r->body_len, data.s, data.len);
            r->body_len += data.len;
        }
        CLAIM(r->event != H1_CHUNK_MORE || piece.len == 0);
        r->consumed += take - piece.len;
        free(copy);
    }
    r->status = r->event == H1_CHUNK_BAD ? chunk.status : 0;
    r->trailers = chunk.trailers;
    CLAIM(r->event != H1_CHUNK_BAD ||
          (chunk.reason && (r->status == 400 || r->status == 413 || r->status == 431)));
}

static void same(const struct result *a, const struct result *b)
{
    CLAIM(a->event == b->event && a->status == b->status);
    CLAIM(a->body_len == b->body_len && memcmp(a->body, b->body, a->body_len) == 0);
    if (a->event == H1_CHUNK_END)
        CLAIM(a->consumed == b->consumed && a->trailers == b->trailers);
}

/* The body, coded anew, is the body. */
static void check_again(const struct result *r, struct pool *pool)
{
    char *text = pool_text(pool, r->body_len + H1_CHUNK_LINE_MAX + 16), line[H1_CHUNK_LINE_MAX];
    size_t len = 0;
    struct result again;

    if (r->body_len) {
        len = h1_chunk_size_line(line, r->body_len);
        memcpy(text, line, len);
        memcpy(text + len, r->body, r->body_len);
        len += r->body_len;
        memcpy(text + len, "\r\n", 2);
        len += 2;
    }
    memcpy(text + len, "0\r\n\r\n", 5);
    feed((struct str){text, len + 5}, 0, false, pool, &again);
    CLAIM(again.event == H1_CHUNK_END && again.consumed == len + 5 && again.body_len == r->body_len);
    CLAIM(memcmp(again.body, r->body, r->body_len) == 0);
    free(again.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    struct pool *pool = pool_new(4096);
    struct result whole, bytes, pieces;

    feed(in, 0, true, pool, &whole);
    feed(in, 1, true, pool, &bytes);
    feed(in, 9, false, pool, &pieces);
    same(&whole, &bytes);
    same(&whole, &pieces);
    CLAIM(whole.list.count == bytes.list.count);
    for (size_t i = 0; whole.event == H1_CHUNK_END && i < whole.list.count; i++) {
        CLAIM(str_eq(whole.list.items[i].name, bytes.list.items[i].name));
        CLAIM(str_eq(whole.list.items[i].value, bytes.list.items[i].value));
    }
    if (whole.event == H1_CHUNK_END)
        check_again(&whole, pool);
    free(whole.body);
    free(bytes.body);
    free(pieces.body);
    pool_free(pool);
    return 0;
}
