/*
 * mime.h: the media type of a file by the extension of its name, for the static file server.
 */
#ifndef WEIR_HTTP_MIME_H
#define WEIR_HTTP_MIME_H

#include "base/str.h"

/* The type for an extension without its dot, in any case; STR_NONE: not known.  Static storage. */
struct str mime_of_extension(struct str extension);

/* The type for a path, by what follows the last dot of its last segment; STR_NONE: not known. */
struct str mime_of_path(struct str path);

#endif
