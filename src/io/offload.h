/*
 * offload.h: work that may wait for the disk, done by threads, so that the loop goes on meanwhile.  At most
 * OFFLOAD_THREADS of them, each started when there is work that none is free for; they touch their job and what is
 * made for several threads, nothing else of the process.  An eventfd tells the loop what is done.
 */
#ifndef WEIR_IO_OFFLOAD_H
#define WEIR_IO_OFFLOAD_H

#include "base/list.h"
#include "io/loop.h"

#define OFFLOAD_THREADS 4
#define OFFLOAD_JOBS 1024 /* that wait or are done */

struct offload;

/* Embedded in what is to be done; it must live until done() is called. */
struct offload_job {
    struct list link;
    void (*work)(struct offload_job *); /* in a thread */
    void (*done)(struct offload_job *); /* in the loop; may free the job */
};

/* NULL: no eventfd. */
struct offload *offload_new(struct loop *);

/* 0; -1: OFFLOAD_JOBS are not done yet, or there is no thread to do it.  Neither function is called then. */
int offload_add(struct offload *, struct offload_job *) WEIR_MUST_CHECK;

/* Waits until all is done, and calls done() of each job.  NULL is allowed. */
void offload_free(struct offload *);

#endif
