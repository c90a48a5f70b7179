/*
 * fuzz_h2.c: an HTTP/2 connection of a real worker.  Records "TYPE FLAGS STREAM LENGTH PAYLOAD", one byte each but the
 * last, become frames behind a preface; a TYPE above 0x7f has its payload sent as it is.  Whatever comes, the
 * connection goes on or ends, and nothing is left over when its client is gone.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "core/board/stats.h"
#include "core/client/conn.h"
#include "core/client/h2_session.h"
#include "fuzz.h"
#include "main/registry.h"

#define TURNS_MAX 2000

const char *const fuzz_tokens[] = {
    "\x82\x84\x86\x41\x01\x61",
    "\x82\x84\x87\x41\x01\x61",
    "\x83\x84\x86\x41\x01\x61",
    "\x82\x86\x41\x01\x61\x44\x02/p",
    "\x82\x86\x41\x01\x61\x44\x02/f",
    "\x5c\x01\x35",
    "\x01\x05\x01\x06\x82\x84\x86\x41\x01\x61",
    "\x01\x04\x01\x06\x83\x84\x86\x41\x01\x61",
    "\x40\x09:protocol\x09websocket",
    "\x42\x07" "CONNECT",
    "\x40\x15sec-websocket-version\x02" "13",
    "\x60\x03" "a=b",
    "\x40\x08priority\x05u=0,i",
    "\x40\x02te\x08trailers",
    "\x40\x06" "expect\x0c" "100-continue",
    NULL,
};

static const char conf_text[] =
    "workers = 1; listeners = ( { address = \"127.0.0.1:1\"; http2 = true; } );\n"
    "upstreams = ( { name = \"none\"; servers = [ \"unix:/nonexistent/socket\" ]; } );\n"
    "sites = ( { name = \"a\"; routes = ( { exact = \"/p\"; proxy = \"none\"; },\n"
    "  { exact = \"/f\"; root = \"/\"; }, { prefix = \"/\"; respond = { body = \"text\"; }; } ); } );\n";

static struct worker *worker;

static void on_tick(void *arg)
{
    (void)arg;
    if (worker)
        worker_tick(worker);
}

static void set_up(void)
{
    static struct log log;
    struct pool *pool = pool_new(4096);
    struct conf_report report;
    struct config *config;

    conf_report_init(&report, pool);
    config = config_from_text(str_of(conf_text), "fuzz", &report);
    CLAIM(config);
    log_init(&log, STDERR_FILENO, LOG_LEVEL_CRIT, "fuzz");
    worker = worker_new(&(struct worker_setup){
        .loop = loop_new(on_tick, NULL),
        .config = config,
        .log = &log,
        .count = 1,
        .handlers = registry_handlers,
        .balancers = registry_balancers,
    });
    CLAIM(worker);
}

static void nothing(struct loop_deferred *d)
{
    (void)d;
}

/* A turn that does not wait. */
static void turn(void)
{
    static struct loop_deferred d;

    loop_next_turn(worker->loop, &d, nothing);
    CLAIM(loop_turn(worker->loop) == 0);
}

/* Sends, and reads what comes back, so that the worker never has to wait; false: the worker has ended it. */
static bool tell(int fd, const char *bytes, size_t len)
{
    char in[16384];

    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
        turn();
        while (recv(fd, in, sizeof(in), MSG_DONTWAIT) > 0)
            ;
        if (n < 0)
            return false;
    }
    return true;
}

static bool tell_record(int fd, struct str *rest)
{
    const uint8_t *r = (const uint8_t *)rest->s;
    char frame[9 + 255] = {0};
    size_t len = r[3] < rest->len - 4 ? r[3] : rest->len - 4;

    frame[2] = (char)len;
    frame[3] = (char)r[0];
    frame[4] = (char)r[1];
    frame[8] = (char)r[2];
    memcpy(frame + 9, r + 4, len);
    *rest = str_from(*rest, 4 + len);
    return r[0] > 0x7f ? tell(fd, frame + 9, len) : tell(fd, frame, 9 + len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNIX};
    char *copy = fuzz_copy((struct str){(const char *)data, size});
    struct str rest = {copy, size};
    int fds[2], size_of_buffers = 1024 * 1024;

    if (!worker)
        set_up();
    CLAIM(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    (void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size_of_buffers, sizeof(size_of_buffers));
    conn_accept(worker, &worker->config->listeners[0], fds[0], &peer, sizeof(sa_family_t), false);
    if (tell(fds[1], NGHTTP2_CLIENT_MAGIC "\0\0\0\4\0\0\0\0\0", NGHTTP2_CLIENT_MAGIC_LEN + 9)) {
        while (rest.len >= 4 && tell_record(fds[1], &rest))
            ;
    }
    close(fds[1]);
    for (unsigned i = 0; i < TURNS_MAX && worker->conn_count > 0; i++)
        turn();
    CLAIM(worker->conn_count == 0 && worker->stats->h2_connections == 0);
    free(copy);
    return 0;
}
