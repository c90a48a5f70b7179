/*
 * upload_whole.h: for upload.c alone: an upload whose body is kept as it came, so that it can go to another
 * server.  The framing is made when the bytes are sent: of what waits in the spool a chunk is begun, its line
 * in `unsent`, and `chunk_left` bytes of the spool belong to it, however many come meanwhile.
 */
#ifndef WEIR_CORE_PROXY_UPLOAD_WHOLE_H
#define WEIR_CORE_PROXY_UPLOAD_WHOLE_H

#include "core/proxy/upload.h"

/* As the functions of upload.h without "whole_". */
enum upload_result upload_whole_start(struct upload *, struct h1_buffer *head, struct str body);
enum upload_result upload_whole_body(struct upload *, struct str body);
enum upload_result upload_whole_flush(struct upload *);

/* `more` bytes come: a body that is kept only if it is small is kept no longer when it is not. */
void upload_whole_limit(struct upload *, size_t more);

/* Something waits to be sent. */
bool upload_whole_pending(const struct upload *);

/*
 * For both kinds.  Sends what the server takes of `bytes` now; how much, or -1 with errno.  `more`: other bytes follow
 * at once.
 */
ssize_t upload_send(struct upload *, struct str bytes, bool more);

/* The whole head: UPLOAD_DONE, UPLOAD_BLOCKED with the rest of it in `unsent`, or UPLOAD_FAILED. */
enum upload_result upload_send_head(struct upload *, const struct h1_buffer *head, bool more);

/* What is in `unsent`; results as above. */
enum upload_result upload_send_unsent(struct upload *, bool more);

/* The whole body waits again. */
void upload_whole_rewind(struct upload *);

#endif
