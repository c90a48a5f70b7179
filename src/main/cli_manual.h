/*
 * cli_manual.h: the manual page weir.conf(5): prose on what the file looks like, then every table of
 * directives.  man/weir.conf.5 is what this prints.
 */
#ifndef WEIR_MAIN_CLI_MANUAL_H
#define WEIR_MAIN_CLI_MANUAL_H

/* weir manual: prints the page as mdoc; the exit code. */
int cli_manual(int argc, char **argv);

#endif
