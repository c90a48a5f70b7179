/* access_log.c: buffers of whole lines, one for each file, written with one write each. */
#include "core/log/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log/access_line.h"
#include "core/route/match.h"
#include "core/var.h"
#include "core/worker.h"

#define RETRY_MS 100          /* a file that took nothing is left alone that long */
#define REPORT_MS (60 * 1000) /* between two lines about lost lines */

struct access_file {
    const struct access_log *conf;
    int fd;
    bool is_syslog, is_regular;
    bool torn;    /* the buffer begins in the middle of a line, whose beginning is in the file */
    char *buffer; /* `limit` and a line */
    size_t used, limit;
    int64_t first_ms;        /* when the oldest line came */
    int64_t retry_ms;        /* no write before that */
    int error;               /* why the last write failed */
    uint64_t lost, reported; /* lines */
    int64_t report_ms;
    struct syslog_target syslog;
};

struct access_logs {
    struct access_file *files;
    size_t count;
    int64_t wall_s; /* of the two texts below */
    char time[ACCESS_TIME_SIZE];
    size_t time_len;
    char prefix[SYSLOG_PREFIX_MAX];
    long pid;
};

static void file_take_fd(struct access_file *file, int fd)
{
    struct stat st;

    file->fd = fd;
    file->retry_ms = 0;
    file->is_regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

struct access_logs *access_logs_new(struct pool *pool, const struct config *config, const int *fds)
{
    struct access_logs *logs = pool_zalloc(pool, sizeof(*logs));

    logs->count = config->access_log_count;
    logs->files = pool_zalloc(pool, logs->count * sizeof(*logs->files) + 1);
    logs->wall_s = INT64_MIN;
    logs->pid = (long)getpid();
    for (size_t i = 0; i < logs->count; i++) {
        struct access_file *file = &logs->files[i];
        char error[256];

        file->conf = config->access_logs[i];
        file->is_syslog = syslog_is_target(file->conf->path);
        file_take_fd(file, fds[i]);
        if (!file->is_syslog) {
            file->limit = file->conf->buffer;
            file->buffer = pool_alloc(pool, file->limit + ACCESS_LINE_MAX);
        } else if (syslog_parse(file->conf->path, &file->syslog, error, sizeof(error)) != 0) {
            file->fd = -1;
        }
    }
    return logs;
}

/* What the next write takes: to a pipe, whole lines that it takes whole or not at all. */
static size_t file_piece(const struct access_file *file)
{
    const char *end;

    if (file->is_regular || file->used <= PIPE_BUF)
        return file->used;
    end = memrchr(file->buffer, '\n', PIPE_BUF);
    return end ? (size_t)(end + 1 - file->buffer) : PIPE_BUF;
}

/* Bytes written; 0: nothing can be written now, with file->error. */
static size_t file_write_piece(struct access_file *file, size_t piece)
{
    struct pollfd p = {.fd = file->fd, .events = POLLOUT};
    ssize_t n;

    if (!file->is_regular && (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))) {
        file->error = EAGAIN;
        return 0;
    }
    do
        n = write(file->fd, file->buffer, piece);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        return (size_t)n;
    file->error = n < 0 ? errno : EIO;
    return 0;
}

/* Writes what is in the buffer as far as the file takes it at once. */
static void file_flush(struct access_file *file, int64_t now)
{
    while (file->used > 0 && file->fd >= 0) {
        size_t n = file_write_piece(file, file_piece(file));

        if (n == 0) {
            file->retry_ms = now + RETRY_MS;
            return;
        }
        file->torn = file->buffer[n - 1] != '\n';
        file->used -= n;
        memmove(file->buffer, file->buffer + n, file->used);
    }
}

/* A place for a line, or NULL: it is lost. */
static char *file_room(struct access_file *file, int64_t now)
{
    if (file->fd < 0) {
        file->error = EBADF;
        return NULL;
    }
    if (file->used > file->limit && now >= file->retry_ms)
        file_flush(file, now);
    if (file->used > file->limit)
        return NULL;
    if (file->used == 0)
        file->first_ms = now;
    return file->buffer + file->used;
}

static size_t make_line(const struct access_logs *logs, const struct access_log *log, struct request *r,
                        char *buf)
{
    switch (log->format) {
    case ACCESS_COMBINED:
        return access_line_combined(r, (struct str){logs->time, logs->time_len}, buf);
    case ACCESS_JSON:
        return access_line_json(r, &log->fields, buf);
    case ACCESS_CUSTOM:
        break;
    }
    return template_print(log->line, r, buf, ACCESS_LINE_MAX - 1, access_line_escape);
}

static bool write_syslog(struct access_logs *logs, struct access_file *file, const struct access_log *log,
                         struct request *r)
{
    char line[ACCESS_LINE_MAX];
    size_t len = make_line(logs, log, r, line);
    size_t prefix =
        syslog_print_prefix(&file->syslog, file->syslog.severity, logs->wall_s, logs->pid, logs->prefix);

    if (file->fd >= 0 &&
        syslog_send(&file->syslog, file->fd, (struct str){logs->prefix, prefix}, (struct str){line, len}))
        return true;
    file->error = file->fd >= 0 ? errno : EBADF;
    return false;
}

static bool write_buffered(struct access_logs *logs, struct access_file *file, const struct access_log *log,
                           struct request *r, int64_t now)
{
    char *to = file_room(file, now);
    size_t len;

    if (!to)
        return false;
    len = make_line(logs, log, r, to);
    to[len] = '\n';
    file->used += len + 1;
    if ((file->used >= file->limit || log->buffer == 0) && now >= file->retry_ms)
        file_flush(file, now);
    return true;
}

/* Says in the error log, now and then, that lines are missing. */
static void report_lost(struct access_file *file, struct log *log, int64_t now)
{
    if (file->lost == file->reported || now < file->report_ms || !log)
        return;
    log_write(log, LOG_LEVEL_ERROR, "access log %.*s: %llu lines lost: %s", STR_ARG(file->conf->path),
              (unsigned long long)(file->lost - file->reported), strerror(file->error));
    file->reported = file->lost;
    file->report_ms = now + REPORT_MS;
}

static bool is_wanted(const struct access_log *log, struct request *r)
{
    if (log->sample < 1 && (double)(rnd_u64(&r->worker->rnd) >> 11) * 0x1p-53 >= log->sample)
        return false;
    return !log->when || match_holds(log->when, r, NULL) != MATCH_NO; /* what cannot be told is logged */
}

/* What has no route, malformed requests among them, goes to the logs of its site or of the listener's first.
 */
static size_t logs_of(const struct request *r, struct access_log *const **list)
{
    const struct listener_conf *listener = r->listener;
    const struct site *site = r->site;

    if (r->route) {
        *list = r->route->access_logs;
        return r->route->access_log_count;
    }
    if (!site && listener)
        site = listener->default_site ? listener->default_site
               : listener->site_count ? listener->sites[0]
                                      : NULL;
    *list = site ? site->access_logs : NULL;
    return site ? site->access_log_count : 0;
}

void access_logs_write(struct access_logs *logs, struct request *r)
{
    const struct clock *clock = &r->worker->loop->clock;
    struct access_log *const *list;
    size_t count = logs_of(r, &list);

    for (size_t i = 0; i < count; i++) {
        const struct access_log *log = list[i];
        struct access_file *file = &logs->files[log->index];

        if (!is_wanted(log, r))
            continue;
        if (logs->wall_s != clock->wall_s) {
            logs->wall_s = clock->wall_s;
            logs->time_len = access_line_time(logs->wall_s, logs->time);
        }
        if (!(file->is_syslog ? write_syslog(logs, file, log, r)
                              : write_buffered(logs, file, log, r, clock->mono_ms)))
            file->lost++;
        report_lost(file, r->worker->log, clock->mono_ms);
    }
}

void access_logs_flush(struct access_logs *logs, int64_t now, bool all)
{
    for (size_t i = 0; i < logs->count; i++) {
        struct access_file *file = &logs->files[i];

        if (file->used > 0 && (all || (now >= file->retry_ms && now - file->first_ms >= file->conf->flush)))
            file_flush(file, now);
    }
}

void access_logs_set_fd(struct access_logs *logs, size_t index, int fd)
{
    struct access_file *file = &logs->files[index];

    file_flush(file, 0);
    if (file->torn && file->used > 0) {
        const char *end = memchr(file->buffer, '\n', file->used);
        size_t skip = end ? (size_t)(end + 1 - file->buffer) : file->used;

        file->used -= skip;
        memmove(file->buffer, file->buffer + skip, file->used);
        file->lost++;
    }
    file->torn = false;
    file_take_fd(file, fd);
}

uint64_t access_logs_lost(const struct access_logs *logs)
{
    uint64_t lost = 0;

    for (size_t i = 0; i < logs->count; i++)
        lost += logs->files[i].lost;
    return lost;
}

int access_log_open(struct str path, char *error, size_t error_size)
{
    struct syslog_target target;
    int fd;

    if (syslog_is_target(path))
        return syslog_parse(path, &target, error, error_size) == 0 ? syslog_open(&target, error, error_size)
                                                                   : -1;
    if (!str_eq(path, STR("-")))
        return log_open_file(path, error, error_size);
    /* Opened anew where that is possible, so that not to wait here changes nothing for others who write
     * there. */
    fd = open("/proc/self/fd/1", O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        snprintf(error, error_size, "access log \"-\": standard output: %s", strerror(errno));
    return fd;
}
