/*
 * registry.h: the modules that are built in, by the numbers the configuration uses.
 */
#ifndef WEIR_MAIN_REGISTRY_H
#define WEIR_MAIN_REGISTRY_H

#include "core/upstream/balancer.h"
#include "core/health/check.h"
#include "core/handler.h"

extern const struct handler *const registry_handlers[ACTION_KINDS];
extern const struct balancer *const registry_balancers[BALANCE_METHODS];
extern const struct check *const registry_checks[CHECK_TYPES];

#endif
