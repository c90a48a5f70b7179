/*
 * file.h: writing to descriptors that take what they are given: files and memfds.
 */
#ifndef WEIR_BASE_FILE_H
#define WEIR_BASE_FILE_H

#include <stddef.h>

#include "base/base.h"

/* All of it; -1 with errno when a part could not be written. */
int file_write_all(int fd, const void *bytes, size_t len) WEIR_MUST_CHECK;

#endif
