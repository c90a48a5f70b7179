/*
 * addresses.h: the addresses that a configuration listens on, with what a socket there is to be like.
 */
#ifndef WEIR_MAIN_ADDRESSES_H
#define WEIR_MAIN_ADDRESSES_H

#include <stdbool.h>

#include "core/config/config.h"
#include "io/listener.h"

/* The keeper serves it, not the workers. */
static inline bool addresses_is_keepers(const struct listener_conf *conf)
{
    return conf->admin || conf->is_control;
}

/* Calls `fn` for each address until it returns something else than 0, which is then returned. */
int addresses_each(const struct config *config,
                   int (*fn)(void *arg, const struct listener_conf *, const struct listener_spec *), void *arg);

#endif
