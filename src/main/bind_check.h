/*
 * bind_check.h: whether the addresses of a configuration can be listened on here and now.  Each is bound and let go
 * again; nothing is ever accepted.  What the running instance of the same configuration holds counts as free.
 */
#ifndef WEIR_MAIN_BIND_CHECK_H
#define WEIR_MAIN_BIND_CHECK_H

#include <stdbool.h>

#include "conf/report.h"
#include "core/config/config.h"

/* Adds what cannot be bound to `report`, warns on stderr where the owner cannot be seen; true: no error. */
bool bind_check(const struct config *, struct conf_report *report);

#endif
