/*
 * cli.h: the command line.  Exit codes: 0 done; 1 a configuration, file or address is at fault; 2 usage.
 */
#ifndef WEIR_MAIN_CLI_H
#define WEIR_MAIN_CLI_H

#include <stdio.h>

#include "base/base.h"

#ifndef WEIR_SYSCONFDIR
#define WEIR_SYSCONFDIR "/usr/local/etc"
#endif

/* The configuration where no -c is given. */
#define CLI_FILE WEIR_SYSCONFDIR "/weir/weir.conf"

enum cli_exit { CLI_DONE = 0, CLI_FAULT = 1, CLI_USAGE = 2 };

/* Does what the arguments say; the exit code. */
int cli_run(int argc, char **argv);

void cli_print_usage(FILE *to);

/* Says on standard error what is wrong with the command line, in one line; the exit code for that. */
int cli_wrong(const char *fmt, ...) WEIR_PRINTF(1, 2);

#endif
