/*
 * reload_check.h: the check of a configuration in a forked child: what a bad file does to the loader, and how
 * long a name server takes, does not reach the master.  What the child found goes through a memfd.
 */
#ifndef WEIR_MAIN_RELOAD_CHECK_H
#define WEIR_MAIN_RELOAD_CHECK_H

#include <stddef.h>
#include <sys/types.h>

struct master;

/* Forks it.  Its pid and, in `report`, the memfd; or -1 with errno set. */
pid_t reload_check_start(struct master *, int *report);

/*
 * What the child that has ended wrote, malloc'd, with a NUL behind its `len` bytes.  Of one that passed: the
 * addresses of names (config_names.found); of another: what is wrong with the file.
 */
char *reload_check_said(int report, size_t *len);

#endif
