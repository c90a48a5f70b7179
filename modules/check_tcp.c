/* check_tcp.c: a connection, and where it is asked for what is said on it. */
#include "core/health/probe.h"
#include "core/route/regex.h"
#include "modules/modules.h"

#define LOOKED_AT (64 * 1024)

static enum check_step tcp_start(struct probe *p)
{
    const struct check_conf *conf = p->job.conf;

    if (conf->send.len)
        probe_send(p, conf->send);
    if (conf->body)
        return CHECK_GOES_ON;
    return probe_pass(p, "connected");
}

static enum check_step tcp_on_data(struct probe *p, bool end)
{
    struct str in = {p->in, p->in_len < LOOKED_AT ? p->in_len : LOOKED_AT};

    if (regex_match(p->job.conf->body, p->owner->regex, in, NULL) == REGEX_MATCH)
        return probe_pass(p, "the answer matches");
    if (end || p->in_len >= LOOKED_AT)
        return probe_fail(p, p->in_len ? "the answer does not match"
                                       : "the server closed the connection without an answer");
    return CHECK_GOES_ON;
}

const struct check check_tcp = {.name = "tcp", .start = tcp_start, .on_data = tcp_on_data};
