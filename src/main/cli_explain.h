/*
 * cli_explain.h: `weir explain`: says, without sending anything, what would become of a request.
 */
#ifndef WEIR_MAIN_CLI_EXPLAIN_H
#define WEIR_MAIN_CLI_EXPLAIN_H

/* The program's own arguments, argv[1] being "explain".  Returns an enum cli_exit. */
int cli_explain(int argc, char **argv);

#endif
