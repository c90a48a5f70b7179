/*
 * file_multipart.h: several ranges of a file in one answer (RFC 9110 14.6).
 */
#ifndef WEIR_MODULES_FILE_MULTIPART_H
#define WEIR_MODULES_FILE_MULTIPART_H

#include "http/range.h"
#include "modules/file_cache.h"

/* Larger answers than this are not put together: the file is sent whole then. */
#define FILE_MULTIPART_MAX (256 * 1024)

/* Answers with `head`, to which Content-Type is added, and multipart/byteranges.  False: too large, or the
 * file cannot be read; nothing was sent. */
bool file_multipart_send(struct request *, struct message *head, const struct file_entry *, struct str type,
                         const struct range_set *);

#endif
