/*
 * control.h: asks the running instance over its control socket, for the command line.
 */
#ifndef WEIR_MAIN_CONTROL_H
#define WEIR_MAIN_CONTROL_H

#include <stdint.h>
#include <sys/un.h>

#include "base/base.h"
#include "base/str.h"

/* What of the configuration is needed. */
struct control_target {
    char control[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; /* empty: none is configured */
    char pid_file[4096];
    int64_t drain_timeout_ms;
};

struct control_reply {
    unsigned status;
    char *text; /* all of it; ends in NUL */
    struct str body; /* in text, to its end */
};

/* From the configuration `file`; where it does not load, from its text, or at worst the defaults. */
void control_find(struct control_target *, const char *file);

/*
 * Sends one request (body: JSON, may be empty) and waits for the whole answer, whatever its status; 0, or -1
 * with a message on standard error.
 */
int control_ask(const struct control_target *, const char *method, const char *path, struct str body,
                struct control_reply *) WEIR_MUST_CHECK;

void control_reply_free(struct control_reply *);

/* Says on standard error why there is no socket to ask: the file cannot be read, or names none. */
void control_missing(const char *file);

#endif
