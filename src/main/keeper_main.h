/*
 * keeper_main.h: the process of the keeper: the control socket and the admin listeners, and the questions that come
 * by them to the master.
 */
#ifndef WEIR_MAIN_KEEPER_MAIN_H
#define WEIR_MAIN_KEEPER_MAIN_H

#include "main/child.h"

/* All of a keeper's life; the exit code. */
int keeper_main(struct child *);

#endif
