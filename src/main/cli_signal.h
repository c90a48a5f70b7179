/*
 * cli_signal.h: weir -s: a command to the running instance, by its control socket.
 */
#ifndef WEIR_MAIN_CLI_SIGNAL_H
#define WEIR_MAIN_CLI_SIGNAL_H

/* Sends `command` to the instance of configuration `file`, prints the outcome; the exit code. */
int cli_signal(const char *file, const char *command);

#endif
