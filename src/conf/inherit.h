/*
 * inherit.h: joins the levels of a configuration (defaults, site, route) by the rows of their tables.
 */
#ifndef WEIR_CONF_INHERIT_H
#define WEIR_CONF_INHERIT_H

#include "conf/directive.h"

/*
 * Puts into `inner` what it lacks and `outer` has; both are structs of `group`, before conf_fill.  A
 * group is joined member by member, at every depth; a value or list of the inner level stays; header
 * operations add up, outer first.  `outer` is not changed and must live as long as `inner`.
 */
void conf_inherit(struct pool *, const struct conf_group *group, void *inner, const void *outer);

/*
 * The same between structs of two tables (a site and a route): rows are matched by name, and those
 * that the two do not share, or that differ in type, are left out.
 */
void conf_inherit_across(struct pool *, const struct conf_group *inner_group, void *inner,
    const struct conf_group *outer_group, const void *outer);

#endif
