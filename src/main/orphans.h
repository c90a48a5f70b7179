/*
 * orphans.h: the processes of a master that has died: they serve on until another master takes over, but obey
 * no command meanwhile.  For the command line, which is to say so.
 */
#ifndef WEIR_MAIN_ORPHANS_H
#define WEIR_MAIN_ORPHANS_H

#include <stdbool.h>

#include "main/control.h"

/* Whether the instance has no master: its pid_file names none that lives or is locked, yet its socket is there. */
bool orphans_are(const struct control_target *);

/* Says on standard error what has happened and what to do; `file`: the configuration.  For orphans only. */
void orphans_say(const struct control_target *, const char *file);

#endif
