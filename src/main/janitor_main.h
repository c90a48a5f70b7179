/*
 * janitor_main.h: the process of the janitor, of a generation with caches; core/cache/janitor.h says what it does.
 */
#ifndef WEIR_MAIN_JANITOR_MAIN_H
#define WEIR_MAIN_JANITOR_MAIN_H

#include "main/child.h"

/* All of a janitor's life; the exit code. */
int janitor_main(struct child *);

#endif
