/*
 * http_answer.h: reads one HTTP/1 response that is not for a client: the answer to a check or a webhook.
 * As strict as for traffic; interim responses are passed over, the body is put together from its chunks and
 * cut at HTTP_ANSWER_BODY.
 */
#ifndef WEIR_CORE_HEALTH_HTTP_ANSWER_H
#define WEIR_CORE_HEALTH_HTTP_ANSWER_H

#include "base/pool.h"
#include "http/h1_chunk.h"
#include "http/h1_frame.h"
#include "http/h1_scan.h"

#define HTTP_ANSWER_BODY (64 * 1024)

enum http_answer_verdict { HTTP_ANSWER_MORE, HTTP_ANSWER_DONE, HTTP_ANSWER_BAD };

struct http_answer {
    struct pool *pool;
    struct str method; /* of the request */
    struct h1_scan scan;
    struct h1_chunk chunk;
    struct frame frame;
    bool has_head;
    unsigned interims;
    unsigned status; /* once has_head */
    size_t head;     /* where the head that is being read begins */
    size_t body;     /* where the body begins */
    size_t body_len;
    const char *reason; /* HTTP_ANSWER_BAD: static text */
};

/* `method` is that of the request; the parser takes its memory from `pool`. */
void http_answer_init(struct http_answer *, struct pool *pool, struct str method);

/*
 * Goes on with bytes[0..*len), the whole answer so far as the calls before left it; *len becomes less where
 * framing is taken out.  `end`: nothing more will come.  After HTTP_ANSWER_DONE the body is at
 * bytes[body..body + body_len).
 */
enum http_answer_verdict http_answer_read(struct http_answer *, char *bytes, size_t *len, bool end);

#endif
