/*
 * mdoc.h: the tables of directives as a part of the manual page, so that the page cannot say anything else
 * than the program does.
 */
#ifndef WEIR_CONF_MDOC_H
#define WEIR_CONF_MDOC_H

#include <stdio.h>

#include "conf/directive.h"

/*
 * Prints one subsection for `root` and for each table that can be reached from it: name, type, limits,
 * default, choices, sentence of each row that this version has, and, where it is not everywhere in its
 * group, at which levels it may stand.  `scope` is the level of `root`; `names` ends with scope 0.
 */
void mdoc_print(FILE *to, const struct conf_group *root, unsigned scope, const struct conf_scope_name *names);

#endif
