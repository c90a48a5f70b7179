/*
 * match_term.h: a single condition of match.h: what each subject looks at.  For match.c alone, which joins
 * them.
 */
#ifndef WEIR_CORE_ROUTE_MATCH_TERM_H
#define WEIR_CORE_ROUTE_MATCH_TERM_H

#include "core/route/match.h"

/* Whether a condition that is not MATCH_ANY holds; `invert` is not looked at. */
enum match_result match_term_holds(const struct match_term *, struct request *);

#endif
