/*
 * access_log.h: a line for each finished request, in a format compiled at load, buffered by the worker and
 * written when the buffer is full or the flush time is over.
 */
#ifndef WEIR_CORE_LOG_ACCESS_LOG_H
#define WEIR_CORE_LOG_ACCESS_LOG_H

#include "core/request.h"

struct access_logs;
struct match;
struct template;

enum access_format { ACCESS_COMBINED, ACCESS_JSON, ACCESS_CUSTOM };

/* A member of the object that a line is. */
struct access_field {
    struct str name;
    const struct template *value;
    bool is_number;
    bool is_list; /* one element for each attempt */
};

struct access_fields {
    struct access_field *items;
    size_t count;
};

/*
 * Looks the variables `names` up, once for all lines; none: all but those of TLS and those with a NAME.
 * What is no variable is reported as in a template.
 */
void access_fields_init(struct access_fields *, struct pool *pool, const struct str *names, size_t count,
                        struct conf_place at, struct conf_report *report);

/* One log as configured; those with the same path share an index and a file. */
struct access_log {
    struct str path; /* absolute; "-" is standard output; "syslog:..." */
    size_t index;    /* in config.access_logs: of the file */
    enum access_format format;
    const struct template *line; /* ACCESS_CUSTOM */
    struct access_fields fields; /* ACCESS_JSON */
    size_t buffer;            /* bytes; 0: each line is written at once */
    int64_t flush;            /* milliseconds */
    double sample;            /* 0 to 1: the part of the requests that is logged */
    const struct match *when; /* NULL: all */
};

/* The buffers of one worker; `fds` by index, -1: not open. */
struct access_logs *access_logs_new(struct pool *pool, const struct config *config, const int *fds);

/*
 * The line of a finished request into each log of its route.  Never waits: what a full disk or a pipe that
 * nobody reads does not take stays in the buffer, and lines for which there is no room are lost, counted, and
 * told of once a minute.
 */
void access_logs_write(struct access_logs *, struct request *);

/* Writes what is older than its flush time; `now` monotonic ms.  `all`: everything, as before the worker
 * ends. */
void access_logs_flush(struct access_logs *, int64_t now, bool all);

/* Lines to come go to `fd`; those in the buffer are first written to the old one, which stays the caller's to
 * close. */
void access_logs_set_fd(struct access_logs *, size_t index, int fd);

/* Lines lost so far. */
uint64_t access_logs_lost(const struct access_logs *);

/*
 * Opens `path` for appending ("-", "syslog:..." too; no symbolic link followed); in the master.  The
 * descriptor, or -1 with a text in `error`.
 */
int access_log_open(struct str path, char *error, size_t error_size) WEIR_MUST_CHECK;

#endif
