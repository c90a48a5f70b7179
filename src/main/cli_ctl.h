/*
 * cli_ctl.h: weir ctl: the runtime API from a shell.
 */
#ifndef WEIR_MAIN_CLI_CTL_H
#define WEIR_MAIN_CLI_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/str.h"
#include "main/control.h"

#define CTL_PATH_MAX 4096
#define CTL_FIELDS_MAX 50

/* A command line, read. */
struct ctl {
    const char *file;
    bool json;
    int argc; /* words behind the command and its options */
    char **argv;
    struct control_target target;
    /* Of `server add`. */
    const char *name, *weight;
    bool backup;
    /* Of `cache purge`. */
    const char *key, *prefix, *tag;
    bool all, soft;
    /* Of `cache why`. */
    const char *method, *from, *fields[CTL_FIELDS_MAX];
    size_t field_count;
};

/* weir ctl [-c FILE] [--json] COMMAND; the exit code. */
int cli_ctl(int argc, char **argv);

/* Asks and shows; with --json the body as it came.  `show` NULL: it is text.  The exit code. */
int cli_ctl_call(const struct ctl *, const char *method, const char *path, struct str body,
                 void (*show)(const json_t *, FILE *));

/* Appends to a path; `encode`: percent-encoded, as one segment or value.  -1: it is too long. */
int cli_ctl_path_add(char path[CTL_PATH_MAX], const char *text, bool encode);

/* cli_ctl_cache.c: the commands `caches` and `cache`. */
int cli_ctl_caches(struct ctl *);
int cli_ctl_cache(struct ctl *);

/* cli_ctl_show.c: what the API answered, as text. */
void cli_ctl_show_status(const json_t *, FILE *to);
void cli_ctl_show_upstream(const json_t *, FILE *to);
void cli_ctl_show_upstreams(const json_t *, FILE *to);
void cli_ctl_show_changes(const json_t *, FILE *to);
/* {"ok", "text"}. */
void cli_ctl_show_done(const json_t *, FILE *to);

#endif
