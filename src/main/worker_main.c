/*
 * worker_main.c: a worker adds nothing to what all processes do.
 */
#include "main/worker_main.h"

int worker_main(struct child *c)
{
    return child_run(c);
}
