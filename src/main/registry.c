/*
 * registry.c: the tables of built-in modules.
 */
#include "main/registry.h"

#include "modules/modules.h"

const struct handler *const registry_handlers[ACTION_KINDS] = {NULL};

const struct balancer *const registry_balancers[BALANCE_METHODS] = {
    [BALANCE_ROUND_ROBIN] = &balancer_round_robin,
};
