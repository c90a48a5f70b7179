/* keeper_checks.c: see keeper_checks.h. */
#include "main/keeper_checks.h"

#include "main/registry.h"

void keeper_checks_tick(struct keeper_checks *k, struct child *c)
{
    bool asks = c->serving && !c->draining && board_serve_from(c->board) == c->generation;

    if (asks && !k->has_alerts) {
        alerts_init(&k->alerts, c->loop, &c->worker->deadlines, c->worker->log);
        k->has_alerts = true;
    }
    if (asks && !k->prober)
        k->prober = prober_new(c->worker, registry_checks, &k->alerts);
    if (asks) {
        prober_tick(k->prober);
    } else if (k->prober) {
        prober_free(k->prober);
        k->prober = NULL;
    }
}

bool keeper_checks_busy(const struct keeper_checks *k)
{
    return k->has_alerts && alerts_busy(&k->alerts);
}

void keeper_checks_end(struct keeper_checks *k)
{
    prober_free(k->prober);
    if (k->has_alerts)
        alerts_free(&k->alerts);
}
