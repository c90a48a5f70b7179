/*
 * cli_quick.h: instances without a file: the arguments become the text of a configuration.
 */
#ifndef WEIR_MAIN_CLI_QUICK_H
#define WEIR_MAIN_CLI_QUICK_H

/* weir serve DIR [-l ADDR]; the exit code. */
int cli_serve(int argc, char **argv);

/* weir proxy -u ADDR [-u ADDR]... [-l ADDR]; the exit code. */
int cli_proxy(int argc, char **argv);

#endif
