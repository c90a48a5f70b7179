/* check_http.c: a request whose answer must have the right status, and body where one is asked for. */
#include "core/health/http_answer.h"
#include "core/health/probe.h"
#include "core/route/regex.h"
#include "http/h1_write.h"
#include "http/status.h"
#include "modules/modules.h"

#define FIELDS_MAX 80
#define HEAD_FIRST 2048
#define HEAD_MAX (256 * 1024)

static enum h1_written write_head(struct probe *p, char *text, size_t room, size_t *len)
{
    const struct check_conf *conf = p->job.conf;
    struct message head = {.method = conf->method, .target = conf->uri, .minor = 1};
    struct h1_framing framing = {.kind = H1_LENGTH_NONE, .connection = STR("close")};
    struct h1_buffer buffer = {.bytes = text, .room = room};
    enum h1_written written;
    int full = 0;

    header_list_init(&head.headers, p->pool, FIELDS_MAX);
    full |= header_add(&head.headers, STR("Host"), p->job.host);
    if (!header_find(&conf->headers, HEADER_USER_AGENT))
        full |= header_add(&head.headers, STR("User-Agent"), STR("weir (health check)"));
    for (size_t i = 0; i < conf->headers.count; i++)
        full |= header_add(&head.headers, conf->headers.items[i].name, conf->headers.items[i].value);
    written = full ? H1_WRITE_UNSAFE : h1_write_request(&buffer, &head, &framing);
    *len = buffer.used;
    return written;
}

static enum check_step http_start(struct probe *p)
{
    struct http_answer *answer = pool_alloc(p->pool, sizeof(*answer));
    enum h1_written written = H1_WRITE_FULL;
    size_t len = 0;

    http_answer_init(answer, p->pool, p->job.conf->method);
    p->data = answer;
    for (size_t room = HEAD_FIRST; written == H1_WRITE_FULL && room <= HEAD_MAX; room *= 4) {
        char *text = pool_text(p->pool, room);

        written = write_head(p, text, room, &len);
        if (written == H1_WRITTEN)
            probe_send(p, (struct str){text, len});
    }
    return written == H1_WRITTEN ? CHECK_GOES_ON : probe_fail(p, "the request of the check cannot be sent");
}

static bool status_is_well(const struct check_conf *conf, unsigned status)
{
    return conf->statuses ? status_set_has(conf->statuses, status) : status == 200;
}

static enum check_step http_judge(struct probe *p, const struct http_answer *answer)
{
    const struct check_conf *conf = p->job.conf;
    struct str body = {p->in + answer->body, answer->body_len};

    if (!status_is_well(conf, answer->status))
        return probe_fail(p, "status %u %.*s", answer->status, STR_ARG(status_reason(answer->status)));
    if (conf->body && regex_match(conf->body, p->owner->regex, body, NULL) != REGEX_MATCH)
        return probe_fail(p, "status %u, but the body does not match", answer->status);
    return probe_pass(p, "status %u", answer->status);
}

static enum check_step http_on_data(struct probe *p, bool end)
{
    struct http_answer *answer = p->data;

    switch (http_answer_read(answer, p->in, &p->in_len, end)) {
    case HTTP_ANSWER_DONE: return http_judge(p, answer);
    case HTTP_ANSWER_BAD: return probe_fail(p, "malformed answer: %s", answer->reason);
    default:
        if (!end)
            return CHECK_GOES_ON;
        return probe_fail(p, "the server closed the connection %s",
                          answer->has_head ? "within the body"
                          : p->in_len      ? "within the head"
                                           : "without an answer");
    }
}

const struct check check_http = {.name = "http", .start = http_start, .on_data = http_on_data};
const struct check check_https = {.name = "https", .start = http_start, .on_data = http_on_data};
