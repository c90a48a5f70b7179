/* certificates.c: a look at each file every five seconds, a few hundred in a turn. */
#include "main/certificates.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/config/config_tls.h"
#include "core/tls/tls_check.h"
#include "main/master.h"

#define LOOK_MS 5000
#define SETTLE_MS 1000 /* certificate and key are not written in one moment */
#define LOOKS_IN_A_TURN 500
#define CHECK_MS 20000
#define REPORT_MAX (64 * 1024)

struct cert_watch {
    enum { CERT_SAME, CERT_SEEN, CERT_REFUSED, CERT_UNSENT } state;
    struct tls_stamps seen; /* of CERT_SEEN and CERT_REFUSED */
};

static void *must_have(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

void certificates_init(struct certificates *c)
{
    *c = (struct certificates){.report = -1};
}

static void check_free(struct certificates *c)
{
    for (size_t i = 0; i < c->fresh_count; i++)
        tls_material_free(&c->fresh[i]);
    c->fresh_count = 0;
    c->pid = 0;
    if (c->report >= 0)
        close(c->report);
    c->report = -1;
}

void certificates_free(struct certificates *c)
{
    if (c->pid > 0)
        kill(c->pid, SIGKILL);
    check_free(c);
    free(c->fresh);
    free(c->watches);
    certificates_init(c);
}

/* Another generation serves: it has read the files itself. */
static void certificates_follow(struct certificates *c, const struct generation *g, int64_t now)
{
    certificates_free(c);
    c->generation = g->number;
    c->count = g->config->tls_material_count;
    c->watches = must_have(calloc(c->count + 1, sizeof(*c->watches)));
    c->fresh = must_have(calloc(CERTIFICATES_BATCH, sizeof(*c->fresh)));
    c->next_ms = now + LOOK_MS;
}

static void cert_refuse(struct master *m, struct cert_watch *w, const struct tls_stamps *seen, const char *why)
{
    w->state = CERT_REFUSED;
    w->seen = *seen;
    log_write(m->log, LOG_LEVEL_ERROR, "a changed certificate is not taken, the former one is served on: %s", why);
}

/* False: a process does not listen now. */
static bool cert_send(struct master *m, const struct generation *g, const struct tls_material *material)
{
    int fd = tls_material_pack(material);
    bool heard = true;

    if (fd < 0) {
        log_write(m->log, LOG_LEVEL_ERROR, "no memory for a certificate: %s", strerror(errno));
        return false;
    }
    for (struct supervise_child *c = m->supervise.first; c; c = c->next) {
        if (process_of(c)->generation == g && c->pid)
            heard &= process_tell(process_of(c), CHANNEL_CERT, (uint32_t)material->index, fd);
    }
    close(fd);
    return heard;
}

static void cert_take(struct master *m, struct tls_material *fresh)
{
    struct certificates *c = &m->certificates;
    struct tls_material *material = m->serving->config->tls_materials[fresh->index];
    struct cert_watch *w = &c->watches[fresh->index];

    tls_material_move(material, fresh);
    w->state = cert_send(m, m->serving, material) ? CERT_SAME : CERT_UNSENT;
    log_write(m->log, LOG_LEVEL_NOTICE, "the certificate in %s has changed and is served from now on",
              material->parts[TLS_PART_CERT].path.s);
}

/* ---- the check ---- */

/* What is said of one that is taken has a mark. */
#define SAID_ODD '!'

static void check_hosts(const struct config *config, const struct tls_material *fresh, size_t n, FILE *out)
{
    struct pool *pool = pool_new(4096);
    struct conf_report report;

    conf_report_init(&report, pool);
    tls_check_hosts(config, fresh, &report);
    for (size_t i = 0; report.warnings && i < report.warnings->n; i++)
        fprintf(out, "%zu%c%.*s\n", n, SAID_ODD, STR_ARG(report.warnings->errors[i].what));
    pool_free(pool);
}

static WEIR_NORETURN void check_in_child(struct master *m)
{
    struct certificates *c = &m->certificates;
    const struct generation *g = m->serving;
    FILE *out = fdopen(c->report, "w");
    char error[512];

    master_leave_in_child(m);
    if (!out || (g->drops && privdrop_to(&g->user, false, error, sizeof(error)) < 0))
        _exit(1);
    for (size_t i = 0; i < c->fresh_count; i++) {
        if (tls_check_pair(&c->fresh[i], error, sizeof(error)) < 0)
            fprintf(out, "%zu %s\n", i, error);
        else
            check_hosts(g->config, &c->fresh[i], i, out);
    }
    fflush(out);
    _exit(0);
}

static void check_start(struct master *m)
{
    struct certificates *c = &m->certificates;

    if (c->fresh_count == 0)
        return;
    c->report = memfd_create("report", MFD_CLOEXEC);
    fflush(NULL);
    c->pid = c->report < 0 ? -1 : fork();
    if (c->pid == 0)
        check_in_child(m);
    c->deadline = m->loop->clock.mono_ms + CHECK_MS;
    if (c->pid > 0)
        return;
    log_write(m->log, LOG_LEVEL_ERROR, "changed certificates cannot be checked now: %s", strerror(errno));
    check_free(c);
}

/* What was said of number `n`, in `report`; NULL: nothing. */
static char *check_said(char *report, size_t n)
{
    for (char *line = report; *line; line = strchr(line, '\n') + 1) {
        char *text;

        if (strtoul(line, &text, 10) == n && *text == ' ')
            return text + 1;
        if (!strchr(line, '\n'))
            break;
    }
    return NULL;
}

static void say_odd(struct master *m, const char *report, size_t n, const char *file)
{
    for (const char *line = report; *line; line = strchr(line, '\n') + 1) {
        char *text;

        if (!strchr(line, '\n'))
            break;
        if (strtoul(line, &text, 10) == n && *text == SAID_ODD)
            log_write(m->log, LOG_LEVEL_WARN, "the certificate in %s has changed: %.*s", file,
                      (int)strcspn(text + 1, "\n"), text + 1);
    }
}

static void check_done(struct master *m, char *report)
{
    struct certificates *c = &m->certificates;

    for (size_t i = 0; i < c->fresh_count; i++) {
        struct tls_material *fresh = &c->fresh[i];
        char *why = check_said(report, i);
        struct tls_stamps seen = tls_material_stamps(fresh);

        if (!why) {
            say_odd(m, report, i, fresh->parts[TLS_PART_CERT].path.s);
            cert_take(m, fresh);
            continue;
        }
        why = strndup(why, strcspn(why, "\n"));
        cert_refuse(m, &c->watches[fresh->index], &seen, must_have(why));
        free(why);
    }
}

/* Nobody knows which of them it was. */
static void check_died(struct master *m)
{
    struct certificates *c = &m->certificates;

    for (size_t i = 0; i < c->fresh_count; i++) {
        struct tls_stamps seen = tls_material_stamps(&c->fresh[i]);
        char why[512];

        snprintf(why, sizeof(why), "%s: the process that was to check it died",
                 c->fresh[i].parts[TLS_PART_CERT].path.s);
        cert_refuse(m, &c->watches[c->fresh[i].index], &seen, why);
    }
}

bool certificates_child_ended(struct master *m, pid_t pid, int status)
{
    struct certificates *c = &m->certificates;
    char *report;
    ssize_t n;

    if (c->pid <= 0 || pid != c->pid)
        return false;
    report = must_have(malloc(REPORT_MAX + 1));
    n = pread(c->report, report, REPORT_MAX, 0);
    report[n > 0 ? n : 0] = 0;
    if (m->state != MASTER_RUNNING || m->serving->number != c->generation)
        ; /* its processes go */
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        check_done(m, report);
    else
        check_died(m);
    free(report);
    check_free(c);
    return true;
}

/* ---- the look ---- */

static void cert_read(struct master *m, const struct tls_material *material, struct cert_watch *w)
{
    struct certificates *c = &m->certificates;
    struct tls_material *fresh = &c->fresh[c->fresh_count];
    char error[512];

    *fresh = tls_material_like(material);
    if (tls_material_read(fresh, error, sizeof(error)) == 0) {
        c->fresh_count++;
        return;
    }
    tls_material_free(fresh);
    cert_refuse(m, w, &w->seen, error);
}

static void cert_look(struct master *m, size_t i)
{
    struct certificates *c = &m->certificates;
    const struct tls_material *material = m->serving->config->tls_materials[i];
    struct cert_watch *w = &c->watches[i];
    struct tls_stamps now, own;

    if (material->kind != TLS_MATERIAL_PAIR)
        return;
    if (w->state == CERT_UNSENT && cert_send(m, m->serving, material))
        w->state = CERT_SAME;
    now = tls_material_look(material);
    own = tls_material_stamps(material);
    if (tls_stamps_same(&now, &own)) {
        w->state = w->state == CERT_UNSENT ? CERT_UNSENT : CERT_SAME;
    } else if ((w->state != CERT_SEEN && w->state != CERT_REFUSED) || !tls_stamps_same(&now, &w->seen)) {
        w->state = CERT_SEEN;
        w->seen = now;
        c->unsettled++;
    } else if (w->state == CERT_SEEN) {
        cert_read(m, material, w);
    }
}

void certificates_tick(struct master *m)
{
    struct certificates *c = &m->certificates;
    int64_t now = m->loop->clock.mono_ms;

    if (m->state != MASTER_RUNNING)
        return;
    if (c->generation != m->serving->number)
        certificates_follow(c, m->serving, now);
    if (c->pid > 0) {
        if (now >= c->deadline)
            kill(c->pid, SIGKILL);
        return;
    }
    if (c->count == 0 || now < c->next_ms)
        return;
    for (unsigned looks = 0; looks < LOOKS_IN_A_TURN && c->at < c->count && c->fresh_count < CERTIFICATES_BATCH; looks++)
        cert_look(m, c->at++);
    if (c->at == c->count) {
        c->next_ms = now + (c->unsettled ? SETTLE_MS : LOOK_MS);
        c->at = c->unsettled = 0;
    }
    check_start(m);
}
