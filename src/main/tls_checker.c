/* tls_checker.c: see tls_checker.h. */
#include "main/tls_checker.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/tls/tls_check.h"
#include "main/privdrop.h"

static int checker_drop(const struct config *config, FILE *out)
{
    struct privdrop_user user;
    char error[256];

    if (geteuid() != 0)
        return 0;
    if (privdrop_find(config->user.s, NULL, &user, error, sizeof(error)) == 0 &&
        privdrop_to(&user, false, error, sizeof(error)) == 0)
        return 0;
    fprintf(out, "%s\n", error);
    return -1;
}

bool tls_checker_here(const struct config *config, FILE *wrong, FILE *odd)
{
    struct pool *pool;
    struct conf_report report;
    bool ok;

    if (config->tls_conf_count == 0)
        return true;
    if (checker_drop(config, wrong) < 0)
        return false;
    pool = pool_new(4096);
    conf_report_init(&report, pool);
    tls_check(config, time(NULL), &report);
    ok = report.n == 0;
    conf_report_print(&report, wrong);
    conf_report_print_warnings(&report, odd);
    pool_free(pool);
    return ok;
}

static WEIR_NORETURN void checker_child(const struct config *config, int fd)
{
    FILE *out = fdopen(fd, "w");
    bool ok = out && tls_checker_here(config, out, out);

    if (out)
        fflush(out);
    _exit(ok ? 0 : 1);
}

static void checker_copy(int fd, FILE *out, char *first, size_t first_size)
{
    char buf[4096];
    off_t at = 0;
    ssize_t n;

    first[0] = 0;
    while ((n = pread(fd, buf, sizeof(buf), at)) > 0) {
        if (at == 0) {
            const char *end = memchr(buf, '\n', (size_t)n);

            snprintf(first, first_size, "%.*s", end ? (int)(end - buf) : (int)n, buf);
        }
        (void)!fwrite(buf, 1, (size_t)n, out);
        at += n;
    }
    fflush(out);
}

bool tls_checker_run(const struct config *config, FILE *out, char *first, size_t first_size)
{
    int fd, status = -1;
    pid_t pid;

    if (config->tls_conf_count == 0)
        return true;
    fd = memfd_create("report", MFD_CLOEXEC);
    fflush(NULL);
    pid = fd < 0 ? -1 : fork();
    if (pid == 0)
        checker_child(config, fd);
    if (pid < 0) {
        snprintf(first, first_size, "certificates cannot be checked: %s", strerror(errno));
        fprintf(out, "%s\n", first);
    } else {
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        checker_copy(fd, out, first, first_size);
        if (!WIFEXITED(status)) {
            snprintf(first, first_size, "the check of the certificates was ended by signal %d", WTERMSIG(status));
            fprintf(out, "%s\n", first);
        }
    }
    if (fd >= 0)
        close(fd);
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
