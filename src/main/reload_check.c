/* reload_check.c: see reload_check.h. */
#include "main/reload_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main/master.h"
#include "main/tls_checker.h"

#define CHECK_SAID_MAX (16 * 1024 * 1024)

/* What is odd is for the log, as the memfd of one that passed has other things. */
static bool check_tls(struct master *m, const struct config *config, FILE *out)
{
    char *odd = NULL;
    size_t odd_len = 0;
    FILE *to = open_memstream(&odd, &odd_len);
    bool ok = to && tls_checker_here(config, out, to);

    if (to)
        fclose(to);
    if (ok)
        outcome_log(m->log, LOG_LEVEL_WARN, "", odd);
    free(odd);
    return ok;
}

static WEIR_NORETURN void check_in_child(struct master *m, int report_fd)
{
    struct pool *pool = pool_new(4096);
    struct config_names names = {.how = CONFIG_NAMES_ASK};
    struct conf_report report;
    FILE *out = fdopen(report_fd, "w");
    char *found = NULL;
    size_t found_len = 0;
    struct config *config;
    bool ok;

    master_leave_in_child(m);
    names.tell = open_memstream(&found, &found_len);
    if (!out || !names.tell)
        _exit(1);
    conf_report_init(&report, pool);
    config = master_load_config(m->options, &names, &report);
    fclose(names.tell);
    ok = config && check_tls(m, config, out);
    if (ok)
        (void)fwrite(found, 1, found_len, out);
    else if (!config)
        conf_report_print(&report, out);
    _exit(fflush(out) == 0 && ok ? 0 : 1);
}

pid_t reload_check_start(struct master *m, int *report)
{
    pid_t pid;

    *report = memfd_create("report", MFD_CLOEXEC);
    fflush(NULL);
    pid = *report < 0 ? -1 : fork();
    if (pid == 0)
        check_in_child(m, *report);
    return pid;
}

char *reload_check_said(int report, size_t *len)
{
    struct stat st = {.st_size = 0};
    size_t size = fstat(report, &st) == 0 ? (size_t)st.st_size : 0;
    char *text;
    ssize_t n;

    if (size > CHECK_SAID_MAX)
        size = CHECK_SAID_MAX;
    text = malloc(size + 1);
    if (!text)
        abort();
    n = pread(report, text, size, 0);
    *len = n > 0 ? (size_t)n : 0;
    text[*len] = '\0';
    return text;
}
