/*
 * status.h: the reason phrases Weir writes, whatever an upstream sent, so that no byte of theirs
 * reaches the status line.
 */
#ifndef WEIR_HTTP_STATUS_H
#define WEIR_HTTP_STATUS_H

#include "base/str.h"

/* The reason phrase of a status code (RFC 9110 15 and the IANA registry); "Unknown" for others. */
struct str status_reason(unsigned code);

/* Statuses that a setting lists: "500-599", 404. */
struct status_range {
    unsigned first, last;
};

struct status_set {
    const struct status_range *ranges;
    size_t count;
};

/* Whether one of the ranges holds `code`; not in NULL. */
bool status_set_has(const struct status_set *, unsigned code);

#endif
