/*
 * file_open.h: opens what may be served below a root, and nothing else: no way out by "..", by links or by
 * mounts of /proc, no device that blocks, no name with a dot in front unless allowed.
 */
#ifndef WEIR_MODULES_FILE_OPEN_H
#define WEIR_MODULES_FILE_OPEN_H

#include "core/config/config.h"

/*
 * A descriptor for reading `path` (decoded, relative, ending in NUL; "" is the root itself), or -1 with
 * errno: ENOENT also for what is refused.
 */
int file_open(const struct files_conf *, struct str path);

/*
 * After file_open() failed with `error`: what of the configuration, or about links, refused the path, for the
 * error log ("symlinks is false"); static text.  Empty: nothing did.
 */
struct str file_open_refusal(const struct files_conf *, struct str path, int error);

#endif
