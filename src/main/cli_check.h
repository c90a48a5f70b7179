/*
 * cli_check.h: `weir -t` and `weir -T`: checks a configuration and all that it names without touching what
 * runs, and prints what is in force after levels and defaults.
 */
#ifndef WEIR_MAIN_CLI_CHECK_H
#define WEIR_MAIN_CLI_CHECK_H

/* Prints "FILE: the configuration is valid", or every error on standard error.  The exit code: 0 or 1. */
int cli_check(const char *file);

/* Prints the effective configuration as text of a weir.conf, or the errors.  The exit code: 0 or 1. */
int cli_print(const char *file);

#endif
