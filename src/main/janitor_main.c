/* janitor_main.c: see janitor_main.h. */
#include "main/janitor_main.h"

#include "core/cache/janitor.h"

/* Before it says that it is ready, and so before its generation serves: purges are known to all who read files. */
static void janitor_on_prepared(struct child *c)
{
    c->janitor = janitor_new(&(struct janitor_setup){
        .loop = c->loop,
        .config = c->config,
        .log = &c->logs->error,
        .board = c->board,
        .slot = c->slot,
    });
}

static void janitor_on_tick(struct child *c)
{
    janitor_tick(c->janitor, board_serve_from(c->board) == c->generation);
}

static void janitor_on_end(struct child *c)
{
    janitor_free(c->janitor);
}

int janitor_main(struct child *c)
{
    c->on_prepared = janitor_on_prepared;
    c->on_tick = janitor_on_tick;
    c->on_end = janitor_on_end;
    return child_run(c);
}
