/*
 * keeper_main.c: questions get numbers; the master's outcome comes back under that number, as text in a memfd.
 */
#include "main/keeper_main.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/acme/acme.h"
#include "core/admin.h"
#include "core/board/board_tickets.h"
#include "core/discovery/changes.h"
#include "core/discovery/discovery.h"
#include "core/tls/tls_stapler.h"
#include "main/keeper_checks.h"

#define KEEPER_QUESTIONS 64
#define KEEPER_TEXT_MAX (256 * 1024)
#define KEEPER_NUMBER_MAX 0x7fffffffU
#define KEEPER_FILL_MS 1000 /* for names that nobody has looked up yet, before anybody is served */
#define KEEPER_LINGER_MS 500 /* for an answer to leave before the end */

struct keeper_question {
    struct admin_wait *wait; /* NULL: free, or the asker is gone */
    uint32_t number;         /* 0: free */
};

struct keeper {
    struct admin admin;
    struct child *child;
    struct keeper_question questions[KEEPER_QUESTIONS];
    uint32_t last_number;
    int64_t answered_ms; /* 0: never */
    struct changes *changes; /* NULL: it has not served yet */
    struct keeper_checks checks;
    struct discovery *discovery;
    struct tls_stapler *stapler; /* NULL: no certificate wants it */
    struct acme *acme; /* NULL: this keeper has not begun to get certificates, or need not */
    int64_t started_ms; /* of the search for servers */
};

static enum channel_type keeper_type_of(enum admin_command command)
{
    static const enum channel_type types[] = {
        [ADMIN_RELOAD] = CHANNEL_RELOAD, [ADMIN_QUIT] = CHANNEL_DRAIN,      [ADMIN_STOP] = CHANNEL_STOP,
        [ADMIN_REOPEN] = CHANNEL_REOPEN, [ADMIN_UPGRADE] = CHANNEL_UPGRADE,
    };

    return types[command];
}

static void keeper_answer(struct keeper *k, struct keeper_question *q, bool ok, struct str text)
{
    struct admin_wait *wait = q->wait;

    *q = (struct keeper_question){NULL, 0};
    k->answered_ms = k->child->loop->clock.mono_ms;
    if (wait)
        wait->done(wait, ok, text);
}

static struct keeper_question *keeper_find(struct keeper *k, uint32_t number)
{
    for (size_t i = 0; i < ARRAY_SIZE(k->questions); i++) {
        if (k->questions[i].number == number)
            return &k->questions[i];
    }
    return NULL;
}

static void keeper_ask(struct admin *admin, struct admin_wait *wait)
{
    struct keeper *k = container_of(admin, struct keeper, admin);
    struct keeper_question *q = keeper_find(k, 0);

    if (k->child->orphaned) {
        wait->done(wait, false, STR("The master is gone; start weir again, it takes over.\n"));
        return;
    }
    if (!q) {
        wait->done(wait, false, STR("Too many questions wait for the master.\n"));
        return;
    }
    k->last_number = k->last_number % KEEPER_NUMBER_MAX + 1;
    *q = (struct keeper_question){wait, k->last_number};
    if (channel_send(k->child->channel, keeper_type_of(wait->command), q->number, -1) != CHANNEL_OK)
        keeper_answer(k, q, false, STR("The master does not listen.\n"));
}

static void keeper_forget(struct admin *admin, struct admin_wait *wait)
{
    struct keeper *k = container_of(admin, struct keeper, admin);

    for (size_t i = 0; i < ARRAY_SIZE(k->questions); i++) {
        if (k->questions[i].wait == wait)
            k->questions[i] = (struct keeper_question){NULL, 0};
    }
}

/* The text in the memfd, in memory of `pool`. */
static struct str keeper_read(struct pool *pool, int fd)
{
    struct stat st;
    size_t size;
    char *text;
    ssize_t n;

    if (fstat(fd, &st) < 0 || st.st_size <= 0)
        return STR_NONE;
    size = st.st_size < KEEPER_TEXT_MAX ? (size_t)st.st_size : KEEPER_TEXT_MAX;
    text = pool_text(pool, size);
    n = pread(fd, text, size, 0);
    return n > 0 ? (struct str){text, (size_t)n} : STR_NONE;
}

static void keeper_on_message(struct child *c, const struct channel_message *m)
{
    struct keeper *k = container_of(c->admin, struct keeper, admin);
    struct keeper_question *q = m->arg >> 1 ? keeper_find(k, m->arg >> 1) : NULL;

    if (m->type == CHANNEL_OUTCOME && q) {
        struct pool *pool = pool_new(4096);

        keeper_answer(k, q, m->arg & 1, keeper_read(pool, m->fd));
        pool_free(pool);
    }
    if (m->fd >= 0)
        close(m->fd);
}

static void keeper_on_orphaned(struct child *c)
{
    struct keeper *k = container_of(c->admin, struct keeper, admin);

    for (size_t i = 0; i < ARRAY_SIZE(k->questions); i++) {
        if (k->questions[i].number)
            keeper_answer(k, &k->questions[i], false, STR("The master ended before it had an answer.\n"));
    }
}

static bool keeper_may_end(struct child *c)
{
    struct keeper *k = container_of(c->admin, struct keeper, admin);

    for (size_t i = 0; i < ARRAY_SIZE(k->questions); i++) {
        if (k->questions[i].number)
            return false;
    }
    return k->answered_ms == 0 || c->loop->clock.mono_ms - k->answered_ms >= KEEPER_LINGER_MS;
}

/* Before the former generation has stopped they are still its keeper's. */
static struct changes *keeper_changes(struct admin *admin)
{
    struct keeper *k = container_of(admin, struct keeper, admin);

    if (k->child->draining || board_serve_from(k->child->board) != k->child->generation)
        return NULL;
    if (!k->changes)
        k->changes = changes_new(k->child->worker);
    return k->changes;
}

static const struct discovery *keeper_discovery(struct admin *admin)
{
    return container_of(admin, struct keeper, admin)->discovery;
}

static const struct acme *keeper_acme(struct admin *admin)
{
    return container_of(admin, struct keeper, admin)->acme;
}

/* Only one keeper at a time asks an authority. */
static void keeper_acme_tick(struct keeper *k, bool serves)
{
    if (serves && !k->acme)
        k->acme = acme_new(k->child->worker);
    if (!serves && k->acme) {
        acme_free(k->acme);
        k->acme = NULL;
    }
    acme_tick(k->acme);
}

static void keeper_on_prepared(struct child *c)
{
    struct keeper *k = container_of(c->admin, struct keeper, admin);

    changes_prepare(c->worker);
    k->discovery = discovery_new(c->worker);
    k->started_ms = c->loop->clock.mono_ms;
    discovery_tick(k->discovery, false);
    k->stapler = tls_stapler_new(c->worker);
    tls_stapler_tick(k->stapler);
}

static void keeper_on_tick(struct child *c)
{
    struct keeper *k = container_of(c->admin, struct keeper, admin);
    struct changes *changes = keeper_changes(c->admin);

    if (changes) {
        changes_tick(changes);
        (void)board_tickets_tick(c->board, c->loop->clock.mono_ms);
    }
    keeper_checks_tick(&k->checks, c);
    keeper_acme_tick(k, changes && !c->orphaned);
    if (c->draining)
        return;
    discovery_tick(k->discovery, changes != NULL);
    tls_stapler_tick(k->stapler);
}

static bool keeper_is_busy(struct child *c)
{
    return keeper_checks_busy(&container_of(c->admin, struct keeper, admin)->checks);
}

/* A name that answers soon has its servers before the first request comes, and a certificate what its authority
 * says; neither is waited for much longer. */
static bool keeper_is_ready(struct child *c)
{
    struct keeper *k = container_of(c->admin, struct keeper, admin);

    return (discovery_is_filled(k->discovery) && tls_stapler_is_filled(k->stapler)) || c->loop->clock.mono_ms - k->started_ms >= KEEPER_FILL_MS;
}

static void keeper_on_end(struct child *c)
{
    struct keeper *k = container_of(c->admin, struct keeper, admin);

    keeper_checks_end(&k->checks);
    acme_free(k->acme);
    discovery_free(k->discovery);
    tls_stapler_free(k->stapler);
}

int keeper_main(struct child *c)
{
    struct keeper keeper = {.admin = {keeper_ask, keeper_forget, keeper_changes, keeper_discovery, keeper_acme}, .child = c};

    c->admin = &keeper.admin;
    c->on_message = keeper_on_message;
    c->on_orphaned = keeper_on_orphaned;
    c->may_end = keeper_may_end;
    c->on_tick = keeper_on_tick;
    c->on_prepared = keeper_on_prepared;
    c->is_busy = keeper_is_busy;
    c->is_ready = keeper_is_ready;
    c->on_end = keeper_on_end;
    return child_run(c);
}
