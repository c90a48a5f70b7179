/*
 * logfiles.c: opening, replacing, closing.
 */
#include "main/logfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/log/access_log.h"

static int logfiles_open_error(struct log *log, const struct config *config, const char *role, char *error,
                               size_t error_size)
{
    enum log_level level = (enum log_level)config->error_log_level;
    int fd;

    if (config->error_log_path.len > 0 && !str_eq(config->error_log_path, STR("stderr")))
        return log_open(log, config->error_log_path, level, role, error, error_size);
    /* A copy: a daemon gives up standard error itself. */
    fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (fd < 0) {
        snprintf(error, error_size, "standard error: %s", strerror(errno));
        return -1;
    }
    log_init(log, fd, level, role);
    return 0;
}

int logfiles_open(struct logfiles *l, const struct config *config, const char *role, char *error,
                  size_t error_size)
{
    *l = (struct logfiles){.error = {.fd = -1}};
    if (logfiles_open_error(&l->error, config, role, error, error_size) < 0)
        return -1;
    l->access = calloc(config->access_log_count + 1, sizeof(*l->access));
    if (!l->access)
        abort();
    while (l->count < config->access_log_count) {
        int fd = access_log_open(config->access_logs[l->count]->path, error, error_size);

        if (fd < 0) {
            logfiles_close(l);
            return -1;
        }
        l->access[l->count++] = fd;
    }
    return 0;
}

bool logfiles_replace(struct logfiles *l, size_t n, int fd)
{
    int *at = n == 0 ? &l->error.fd : &l->access[n - 1];

    if (n > l->count)
        return false;
    close(*at);
    *at = fd;
    return true;
}

void logfiles_close(struct logfiles *l)
{
    if (l->error.fd >= 0)
        close(l->error.fd);
    while (l->count > 0)
        close(l->access[--l->count]);
    free(l->access);
    *l = (struct logfiles){.error = {.fd = -1}};
}
