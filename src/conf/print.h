/*
 * print.h: what was loaded with the tables, as text in libconfig syntax: the effective values.
 */
#ifndef WEIR_CONF_PRINT_H
#define WEIR_CONF_PRINT_H

#include <stdio.h>

#include "conf/directive.h"

/*
 * Prints the values of `in`, a struct of `group` after conf_fill, each row on a line of its own, indented
 * by `depth` levels.  What has neither been written nor a default is left out, and so is what may not stand
 * at the level `scope` (0: any).  conf_load reads it back.
 */
void conf_print(FILE *to, const struct conf_group *group, unsigned scope, const void *in, unsigned depth);

/* A level of a configuration: values of a struct of `group`. */
struct conf_level {
    const struct conf_group *group;
    const void *values;
};

/*
 * The same for the whole of a configuration whose levels have been joined: what the elements of a CONF_LEVEL list
 * have from `around`, and those in them from the element, is not printed again.
 */
void conf_print_levels(FILE *to, const struct conf_group *group, unsigned scope, const void *in,
    const struct conf_level *around);

#endif
