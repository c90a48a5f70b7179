/*
 * handler_fixture.h: a worker without sockets, a request of it, and an `out` that keeps what the handler
 * said; for tests of handlers and of Weir's own replies.
 */
#ifndef WEIR_UNIT_HANDLER_FIXTURE_H
#define WEIR_UNIT_HANDLER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/request.h"
#include "core/worker.h"

#define FIXTURE_NOW 1700000000

struct told {
    unsigned heads, ends, aborts;
    struct message head;
    struct frame frame;
    char *body; /* malloc */
    size_t len;
    bool by_file;
};

struct bench {
    struct loop loop;
    struct log log;
    int log_fd;
    struct config config;
    struct worker worker;
    struct listener_conf listener;
    struct site site;
    struct route route;
    struct request req;
    struct told told;
    bool blocked; /* the client takes no more for now */
};

static struct bench bench;

static void told_append(const char *bytes, size_t len)
{
    bench.told.body = realloc(bench.told.body, bench.told.len + len + 1);
    assert_non_null(bench.told.body);
    if (len)
        memcpy(bench.told.body + bench.told.len, bytes, len);
    bench.told.len += len;
    bench.told.body[bench.told.len] = '\0';
}

static bool told_head(struct request *req, const struct message *head, const struct frame *frame, struct str body,
                      bool last)
{
    assert_int_equal(bench.told.ends, 0);
    req->head_sent = true;
    bench.told.heads++;
    bench.told.head = *head;
    bench.told.frame = *frame;
    bench.told.ends += last;
    told_append(body.s, body.len);
    return !bench.blocked;
}

static bool told_body(struct request *req, struct str bytes, bool last)
{
    (void)req;
    assert_int_equal(bench.told.ends, 0);
    bench.told.ends += last;
    told_append(bytes.s, bytes.len);
    return !bench.blocked;
}

static bool told_file(struct request *req, int fd, off_t offset, uint64_t length, bool last)
{
    char *bytes = malloc(length);

    (void)req;
    assert_int_equal(bench.told.ends, 0);
    assert_int_equal(pread(fd, bytes, length, offset), (ssize_t)length);
    told_append(bytes, length);
    free(bytes);
    bench.told.by_file = true;
    bench.told.ends += last;
    return true;
}

static void told_abort(struct request *req, const char *reason)
{
    (void)req;
    (void)reason;
    bench.told.aborts++;
}

static const struct request_out told_out = {
    .head = told_head, .body = told_body, .file = told_file, .abort = told_abort};

/* The value of a field of the answer, "" when it is not there. */
static inline const char *told_field(const char *name)
{
    const struct header *h = header_find_name(&bench.told.head.headers, str_of(name));

    return h ? pool_str(bench.worker.pool, h->value).s : "";
}

static inline void bench_init(void)
{
    char name[] = "/tmp/weir-unit-XXXXXX";

    bench = (struct bench){.log_fd = mkstemp(name)};
    assert_true(bench.log_fd >= 0);
    unlink(name);
    log_init(&bench.log, bench.log_fd, LOG_LEVEL_INFO, "test");
    clock_init_fixed(&bench.loop.clock, 1000000, FIXTURE_NOW);
    bench.listener.text = STR("*:80");
    bench.worker = (struct worker){.loop = &bench.loop, .log = &bench.log, .config = &bench.config};
    bench.worker.pool = pool_new(4096);
    rnd_init_fixed(&bench.worker.rnd, 1);
}

static inline void bench_forget(void)
{
    if (bench.req.pool)
        pool_free(bench.req.pool);
    free(bench.told.body);
    bench.req.pool = NULL;
    bench.told = (struct told){.heads = 0};
}

/* A new request; the one before is over. */
static inline void bench_request(const char *method, const char *target)
{
    struct request *req = &bench.req;
    const char *mark = strchr(target, '?');

    bench_forget();
    *req = (struct request){.pool = pool_new(4096), .worker = &bench.worker, .out = &told_out};
    req->config = &bench.config;
    req->listener = &bench.listener;
    assert_int_equal(addr_parse(STR("192.0.2.7:5555"), &req->peer, NULL, 0), 0);
    req->client = req->peer;
    req->head.method = str_of(method);
    req->head.target = str_of(target);
    req->head.minor = 1;
    header_list_init(&req->head.headers, req->pool, 100);
    req->path = mark ? (struct str){target, (size_t)(mark - target)} : str_of(target);
    req->query = mark ? str_of(mark + 1) : STR("");
    req->has_query = mark != NULL;
    req->forward_path = req->path;
    req->site = &bench.site;
    req->route = &bench.route;
}

static inline void bench_field(const char *name, const char *value)
{
    assert_int_equal(header_add(&bench.req.head.headers, str_of(name), str_of(value)), 0);
}

/* What the log holds; in the worker's pool. */
static inline const char *bench_log(void)
{
    char *text = pool_text(bench.worker.pool, 8192);
    ssize_t n = pread(bench.log_fd, text, 8191, 0);

    assert_true(n >= 0);
    text[n] = '\0';
    return text;
}

static inline void bench_free(void)
{
    bench_forget();
    pool_free(bench.worker.pool);
    close(bench.log_fd);
}

#endif
