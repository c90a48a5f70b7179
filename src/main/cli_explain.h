/*
 * cli_explain.h: `weir explain`: says, without sending anything, what would become of a request.
 */
#ifndef WEIR_MAIN_CLI_EXPLAIN_H
#define WEIR_MAIN_CLI_EXPLAIN_H

/* argv[0] is "explain".  Returns the exit code: 0, 1 (configuration, URL or listener at fault), 2 (usage). */
int cli_explain(int argc, char **argv);

#endif
