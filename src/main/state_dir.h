/*
 * state_dir.h: the directory of what is kept between runs belongs to the workers' user: the keeper writes
 * there.
 */
#ifndef WEIR_MAIN_STATE_DIR_H
#define WEIR_MAIN_STATE_DIR_H

#include "base/str.h"
#include "main/privdrop.h"

/*
 * For a master that is root: makes `path` (ends in NUL) if only its last part is missing, with mode 0700, and
 * gives it to `user` if it is root's and there is nothing in it.  Any other directory is somebody's own
 * business and is left alone.  What fails shows when something is written there.
 */
void state_dir_give(struct str path, const struct privdrop_user *user);

#endif
