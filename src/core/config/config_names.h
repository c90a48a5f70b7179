/*
 * config_names.h: how the names of servers become addresses while a configuration is loaded.  The system's
 * resolver may keep its caller waiting for as long as it likes: a process that has other things to do lets
 * another one ask, and loads with what that found.
 */
#ifndef WEIR_CORE_CONFIG_CONFIG_NAMES_H
#define WEIR_CORE_CONFIG_CONFIG_NAMES_H

#include <stdio.h>

#include "core/config/config.h"

enum config_names_how {
    CONFIG_NAMES_ASK, /* the system is asked */
    CONFIG_NAMES_FOUND, /* only those of `found` have addresses; another one is an error */
    CONFIG_NAMES_NONE /* none has an address, which is no error: for a look at other settings */
};

struct config_names {
    enum config_names_how how;
    struct str found; /* what another load wrote into `tell` */
    FILE *tell; /* of CONFIG_NAMES_ASK: takes what is found, for a process of this very program; or NULL */
};

/* config_load() and config_from_text() with other ways than to ask; `names` counts only during the call. */
struct config *config_load_with(const char *file, const struct config_names *names,
                                struct conf_report *report) WEIR_MUST_CHECK;
struct config *config_from_text_with(struct str text, const char *name, const struct config_names *names,
                                     struct conf_report *report) WEIR_MUST_CHECK;

#endif
