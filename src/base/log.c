/* log.c: lines for people, one write each. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

static const char *const level_names[] = {"crit", "error", "warn", "notice", "info", "debug"};

void log_init(struct log *log, int fd, enum log_level level, const char *role)
{
    *log = (struct log){.target = LOG_TO_FD, .level = level, .fd = fd, .role = role};
}

int log_open_file(struct str path, char *error, size_t error_size)
{
    char name[PATH_MAX];
    int fd;

    if (path.len == 0 || path.len >= sizeof(name) || memchr(path.s, '\0', path.len)) {
        snprintf(error, error_size, "log file: the path is empty or too long");
        return -1;
    }
    memcpy(name, path.s, path.len);
    name[path.len] = '\0';
    /* O_NONBLOCK is for those that name a FIFO: nobody reading it must not stop the process. */
    fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
    if (fd < 0)
        snprintf(error, error_size, "log file %s: %s", name,
                 errno == ELOOP ? "is a symbolic link; name the file itself" : strerror(errno));
    return fd;
}

int log_open(struct log *log, struct str path, enum log_level level, const char *role, char *error,
             size_t error_size)
{
    struct log l = {.level = level, .role = role, .fd = STDERR_FILENO};

    if (syslog_is_target(path)) {
        l.target = LOG_TO_SYSLOG;
        l.owns_fd = true;
        if (syslog_parse(path, &l.syslog, error, error_size) != 0)
            return -1;
        l.fd = syslog_open(&l.syslog, error, error_size);
    } else if (!str_eq(path, STR("stderr"))) {
        l.owns_fd = true;
        l.fd = log_open_file(path, error, error_size);
    }
    if (l.fd < 0)
        return -1;
    *log = l;
    return 0;
}

void log_close(struct log *log)
{
    if (log->owns_fd && log->fd >= 0)
        close(log->fd);
    log->owns_fd = false;
    log->fd = -1;
}

/* Appends like printf as far as there is room; the new length. */
WEIR_PRINTF(4, 0)
static size_t append_v(char *buf, size_t len, size_t size, const char *fmt, va_list args)
{
    int n = vsnprintf(buf + len, size - len, fmt, args);

    if (n < 0)
        return len;
    return (size_t)n < size - len ? len + (size_t)n : size - 1;
}

WEIR_PRINTF(4, 5)
static size_t append(char *buf, size_t len, size_t size, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    len = append_v(buf, len, size, fmt, args);
    va_end(args);
    return len;
}

static size_t print_time(char *buf, size_t size, const struct timespec *now)
{
    struct tm tm = {0};

    gmtime_r(&now->tv_sec, &tm);
    return append(buf, 0, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ ", tm.tm_year + 1900, tm.tm_mon + 1,
                  tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now->tv_nsec / 1000000);
}

/* A pipe or terminal that nobody empties would stop the process; one that can be written takes LOG_LINE_MAX
 * bytes. */
static bool write_line(struct log *log, const char *line, size_t len)
{
    struct pollfd p = {.fd = log->fd, .events = POLLOUT};
    ssize_t n;

    do
        n = poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) ? write(log->fd, line, len) : 0;
    while (n < 0 && errno == EINTR);
    if (n > 0)
        log->torn = n < (ssize_t)len;
    return n == (ssize_t)len;
}

static bool write_syslog(const struct log *log, enum log_level level, int64_t now, const char *text,
                         size_t len)
{
    static const unsigned severities[] = {2, 3, 4, 5, 6, 7};
    char prefix[SYSLOG_PREFIX_MAX];
    size_t n = syslog_print_prefix(&log->syslog, severities[level], now, (long)getpid(), prefix);

    return syslog_send(&log->syslog, log->fd, (struct str){prefix, n}, (struct str){text, len});
}

void log_write_v(struct log *log, enum log_level level, const char *fmt, va_list args)
{
    char room[LOG_LINE_MAX + 2], *line = room + 1; /* a newline may come in front */
    struct timespec now;
    int saved = errno;
    size_t text, len;
    bool sent;

    if (!log_is_on(log, level) || log->fd < 0)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    len = log->target == LOG_TO_FD ? print_time(line, LOG_LINE_MAX, &now) : 0;
    len = append(line, len, LOG_LINE_MAX, "%s %s", level_names[level], log->role);
    len = log->target == LOG_TO_FD ? append(line, len, LOG_LINE_MAX, " [%ld] ", (long)getpid())
                                   : append(line, len, LOG_LINE_MAX, ": ");
    text = len;
    errno = saved; /* for "%m" */
    len = append_v(line, len, LOG_LINE_MAX, fmt, args);
    for (size_t i = text; i < len; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
    }
    if (log->target == LOG_TO_FD) {
        line[len++] = '\n';
        room[0] = '\n';
        sent = log->torn ? write_line(log, room, len + 1) : write_line(log, line, len);
    } else {
        sent = write_syslog(log, level, now.tv_sec, line, len);
    }
    if (!sent) {
        log->suppressed++;
    } else if (log->suppressed > 0) {
        unsigned long long lost = log->suppressed;

        log->suppressed = 0;
        log_write(log, level, "%llu line%s before the last %s lost: this log could not take %s", lost, lost == 1 ? "" : "s",
                  lost == 1 ? "was" : "were", lost == 1 ? "it" : "them");
    }
    errno = saved;
}

void log_write(struct log *log, enum log_level level, const char *fmt, ...)
{
    va_list args;

    if (!log_is_on(log, level))
        return;
    va_start(args, fmt);
    log_write_v(log, level, fmt, args);
    va_end(args);
}

struct str log_escape(struct str text, char *buf, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    size_t room = size > LOG_ESCAPED_MAX ? LOG_ESCAPED_MAX : size - (size > 0);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.s[i];

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            if (n + 1 > room)
                break;
            buf[n++] = (char)c;
        } else {
            if (n + 4 > room)
                break;
            buf[n++] = '\\';
            buf[n++] = 'x';
            buf[n++] = digits[c >> 4];
            buf[n++] = digits[c & 15];
        }
    }
    if (size > 0)
        buf[n] = '\0';
    return (struct str){buf, n};
}
