/*
 * cli_ctl.h: weir ctl: the runtime API from a shell.
 */
#ifndef WEIR_MAIN_CLI_CTL_H
#define WEIR_MAIN_CLI_CTL_H

#include <jansson.h>
#include <stdio.h>

/* weir ctl [-c FILE] [--json] COMMAND; the exit code. */
int cli_ctl(int argc, char **argv);

/* cli_ctl_show.c: what the API answered, as text. */
void cli_ctl_show_status(const json_t *, FILE *to);
void cli_ctl_show_upstream(const json_t *, FILE *to);
void cli_ctl_show_upstreams(const json_t *, FILE *to);
void cli_ctl_show_changes(const json_t *, FILE *to);
/* {"ok", "text"}. */
void cli_ctl_show_done(const json_t *, FILE *to);

#endif
