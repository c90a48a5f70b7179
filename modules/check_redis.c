/* check_redis.c: PING, and with `role` the first word of ROLE. */
#include "core/health/probe.h"
#include "modules/modules.h"

#define LINE_MAX_BYTES 512

enum redis_state { REDIS_PONG, REDIS_ROLE, REDIS_LENGTH, REDIS_WORD };

struct redis_check {
    enum redis_state state;
};

static enum check_step redis_start(struct probe *p)
{
    p->data = pool_zalloc(p->pool, sizeof(struct redis_check));
    probe_send(p, STR("*1\r\n$4\r\nPING\r\n"));
    return CHECK_GOES_ON;
}

/* The next line without its end, taken by the caller; false: it is not complete. */
static bool next_line(const struct probe *p, struct str *line)
{
    const char *lf = memchr(p->in, '\n', p->in_len);

    if (!lf)
        return false;
    *line = (struct str){p->in, (size_t)(lf - p->in)};
    if (line->len && line->s[line->len - 1] == '\r')
        line->len--;
    return true;
}

static enum check_step redis_word(struct probe *p, struct str line)
{
    struct str role = p->job.conf->role;

    if (!str_eq(line, role))
        return probe_fail(p, "the role is \"%.*s\" and not \"%.*s\"", (int)(line.len < 20 ? line.len : 20),
                          line.s, STR_ARG(role));
    return probe_pass(p, "PONG, role %.*s", STR_ARG(role));
}

static enum check_step redis_line(struct probe *p, struct redis_check *redis, struct str line)
{
    if (redis->state == REDIS_WORD)
        return redis_word(p, line);
    if (line.len && line.s[0] == '-')
        return probe_fail(p, "the server says: %.*s", (int)(line.len < 60 ? line.len : 60) - 1, line.s + 1);
    if (redis->state == REDIS_PONG) {
        if (!str_eq(line, STR("+PONG")))
            return probe_fail(p, "the answer to PING is not PONG");
        if (p->job.conf->role.len == 0)
            return probe_pass(p, "PONG");
        probe_send(p, STR("*1\r\n$4\r\nROLE\r\n"));
    } else if (line.len < 2 || line.s[0] != (redis->state == REDIS_ROLE ? '*' : '$')) {
        return probe_fail(p, "the answer to ROLE is malformed");
    }
    redis->state++;
    return CHECK_GOES_ON;
}

static enum check_step redis_on_data(struct probe *p, bool end)
{
    enum check_step step = CHECK_GOES_ON;
    struct str line;

    while (step == CHECK_GOES_ON && next_line(p, &line)) {
        size_t taken = (size_t)((const char *)memchr(p->in, '\n', p->in_len) - p->in) + 1;

        step = redis_line(p, p->data, line);
        probe_take(p, taken);
    }
    if (step == CHECK_GOES_ON && p->in_len > LINE_MAX_BYTES)
        return probe_fail(p, "the answer is not Redis's");
    if (step == CHECK_GOES_ON && end)
        return probe_fail(p, "the server closed the connection early");
    return step;
}

const struct check check_redis = {.name = "redis", .start = redis_start, .on_data = redis_on_data};
