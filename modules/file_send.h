/*
 * file_send.h: the answer to a GET or HEAD of one file: validators, ranges, precompressed siblings.
 */
#ifndef WEIR_MODULES_FILE_SEND_H
#define WEIR_MODULES_FILE_SEND_H

#include "modules/file_cache.h"

/* What waits, in request->handler_data, until the head has been sent. */
struct file_part {
    int fd;
    off_t offset;
    uint64_t length;
};

/* Answers with `e`, which is FILE_REGULAR; ends the request. */
void file_send(struct request *, struct file_entry *e);

#endif
