/* syslog.c: reads "syslog:..." and sends datagrams. */
#include <errno.h>
#include <stdio.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/syslog.h"

#define SYSLOG_PORT 514

static const char *const facilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7",
};
static const char *const severities[] = {"emerg", "alert",  "crit", "error",
                                         "warn",  "notice", "info", "debug"};

bool syslog_is_target(struct str path)
{
    return str_has_prefix(path, STR("syslog:"));
}

static int name_index(const char *const *names, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(str_of(names[i]), name))
            return (int)i;
    }
    return -1;
}

static int read_server(struct str value, struct addr *server, char *error, size_t size)
{
    char reason[128];

    if (addr_parse_ip(value, SYSLOG_PORT, server) == 0)
        return 0;
    if (addr_parse(value, server, reason, sizeof(reason)) == 0 && !server->any)
        return 0;
    snprintf(error, size,
             "syslog server \"%.*s\" is not an address; write 192.0.2.1, 192.0.2.1:514 or unix:/dev/log",
             STR_ARG(value));
    return -1;
}

static int read_tag(struct str value, char tag[SYSLOG_TAG_MAX + 1], char *error, size_t size)
{
    bool good = value.len > 0 && value.len <= SYSLOG_TAG_MAX;

    for (size_t i = 0; good && i < value.len; i++) {
        char c = value.s[i];

        good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
               c == '-' || c == '.';
    }
    if (!good) {
        snprintf(error, size, "syslog tag \"%.*s\" is not right: 1 to %d letters, digits, '_', '-' and '.'",
                 STR_ARG(value), SYSLOG_TAG_MAX);
        return -1;
    }
    memcpy(tag, value.s, value.len);
    tag[value.len] = '\0';
    return 0;
}

static int read_option(struct syslog_target *t, struct str name, struct str value, char *error, size_t size)
{
    int number;

    if (str_eq(name, STR("server")))
        return read_server(value, &t->server, error, size);
    if (str_eq(name, STR("tag")))
        return read_tag(value, t->tag, error, size);
    if (str_eq(name, STR("facility"))) {
        number = name_index(facilities, ARRAY_SIZE(facilities), value);
        if (number >= 0) {
            t->facility = (unsigned)number;
            return 0;
        }
        snprintf(error, size, "unknown syslog facility \"%.*s\"; daemon, user, local0 to local7 are some",
                 STR_ARG(value));
        return -1;
    }
    if (str_eq(name, STR("severity"))) {
        number = name_index(severities, ARRAY_SIZE(severities), value);
        if (number >= 0) {
            t->severity = (unsigned)number;
            return 0;
        }
        snprintf(error, size,
                 "unknown syslog severity \"%.*s\"; right are emerg, alert, crit, error, warn, notice, info, "
                 "debug",
                 STR_ARG(value));
        return -1;
    }
    snprintf(error, size, "unknown syslog option \"%.*s\"; right are server, facility, severity and tag",
             STR_ARG(name));
    return -1;
}

/* A value alone: a facility or an address. */
static int read_word(struct syslog_target *t, struct str word, char *error, size_t size)
{
    int number = name_index(facilities, ARRAY_SIZE(facilities), word);
    char reason[256];

    if (number >= 0) {
        t->facility = (unsigned)number;
        return 0;
    }
    if (read_server(word, &t->server, reason, sizeof(reason)) == 0)
        return 0;
    snprintf(error, size,
             "\"%.*s\" is neither a syslog facility nor an address; write server=ADDRESS, facility=NAME, "
             "severity=NAME or tag=NAME",
             STR_ARG(word));
    return -1;
}

int syslog_parse(struct str path, struct syslog_target *target, char *error, size_t error_size)
{
    struct syslog_target t = {.facility = 23, .severity = 6, .tag = "weir"};
    struct str rest;

    if (!syslog_is_target(path) || addr_parse(STR("unix:/dev/log"), &t.server, error, error_size) != 0) {
        snprintf(error, error_size,
                 "not a syslog target; write \"syslog:server=ADDRESS,facility=local7,tag=weir\"");
        return -1;
    }
    rest = (struct str){path.s + strlen("syslog:"), path.len - strlen("syslog:")};
    while (rest.len > 0) {
        const char *comma = memchr(rest.s, ',', rest.len);
        struct str option = {rest.s, comma ? (size_t)(comma - rest.s) : rest.len};
        const char *equals = memchr(option.s, '=', option.len);
        size_t name = equals ? (size_t)(equals - option.s) : option.len;
        int rc = equals ? read_option(&t, (struct str){option.s, name},
                                      (struct str){equals + 1, option.len - name - 1}, error, error_size)
                        : read_word(&t, option, error, error_size);

        if (rc != 0)
            return -1;
        rest.s += option.len + (comma != NULL);
        rest.len -= option.len + (comma != NULL);
    }
    *target = t;
    return 0;
}

int syslog_open(const struct syslog_target *t, char *error, size_t error_size)
{
    char text[ADDR_TEXT_MAX];
    int fd = socket(t->server.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && connect(fd, &t->server.sa, t->server.len) == 0)
        return fd;
    addr_print(&t->server, text);
    snprintf(error, error_size, "syslog server %s: %s", text, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

size_t syslog_print_prefix(const struct syslog_target *t, unsigned severity, int64_t wall_s, long pid,
                           char buf[SYSLOG_PREFIX_MAX])
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)wall_s;
    struct tm tm = {0};
    int len;

    localtime_r(&seconds, &tm);
    len =
        snprintf(buf, SYSLOG_PREFIX_MAX, "<%u>%.3s %2d %02d:%02d:%02d %s[%ld]: ", t->facility * 8 + severity,
                 months + 3 * tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, t->tag, pid);
    return len < 0 ? 0 : len < SYSLOG_PREFIX_MAX ? (size_t)len : SYSLOG_PREFIX_MAX - 1;
}

static bool send_once(int fd, struct str prefix, struct str line)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)prefix.s, prefix.len},
                             {(void *)(uintptr_t)line.s, line.len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent;

    do
        sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

bool syslog_send(const struct syslog_target *t, int fd, struct str prefix, struct str line)
{
    if (send_once(fd, prefix, line))
        return true;
    if (errno != ECONNREFUSED && errno != ENOTCONN && errno != ECONNRESET)
        return false;
    return connect(fd, &t->server.sa, t->server.len) == 0 && send_once(fd, prefix, line);
}
