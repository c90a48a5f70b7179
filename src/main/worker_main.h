/*
 * worker_main.h: the process of a worker.
 */
#ifndef WEIR_MAIN_WORKER_MAIN_H
#define WEIR_MAIN_WORKER_MAIN_H

#include "main/child.h"

/* All of a worker's life; the exit code. */
int worker_main(struct child *);

#endif
