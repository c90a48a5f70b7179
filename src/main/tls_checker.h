/*
 * tls_checker.h: certificates and keys are parsed in a process of its own, without privileges: whoever writes such a
 * file is not to be able to do more than that.
 */
#ifndef WEIR_MAIN_TLS_CHECKER_H
#define WEIR_MAIN_TLS_CHECKER_H

#include <stdbool.h>
#include <stdio.h>

#include "core/config/config.h"

/*
 * In a forked process, which it changes for good: says to `wrong` what is wrong, to `odd` what is hardly meant; they may
 * be one.  False: something is wrong.
 */
bool tls_checker_here(const struct config *, FILE *wrong, FILE *odd);

/*
 * Forks for that and waits.  What is to be said goes to `out`, its first line to `first` too; false: an error.  Does
 * nothing when the configuration names no such files.
 */
bool tls_checker_run(const struct config *, FILE *out, char *first, size_t first_size);

#endif
