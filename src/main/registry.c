/*
 * registry.c: the tables.
 */
#include "main/registry.h"

const struct handler *const registry_handlers[ACTION_KINDS] = {NULL};

const struct balancer *const registry_balancers[BALANCE_METHODS] = {NULL};
