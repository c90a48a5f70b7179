/*
 * certificates.h: certificates whose files change are taken up without a reload.  The master looks at the files, reads
 * new ones, has them parsed by an unprivileged child, and hands them to the processes of the serving generation and,
 * by fork, to those that come later.  A file that is wrong changes nothing but the log.
 */
#ifndef WEIR_MAIN_CERTIFICATES_H
#define WEIR_MAIN_CERTIFICATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct cert_watch;
struct master;
struct tls_material;

#define CERTIFICATES_BATCH 32 /* checked and sent together: what a channel holds */

struct certificates {
    uint64_t generation; /* that `watches` are of; 0: none */
    struct cert_watch *watches; /* by index of the material, malloc */
    size_t count, at; /* at: the next to be looked at */
    size_t unsettled; /* of this round: changed, but maybe not to the end */
    int64_t next_ms; /* when the next round begins */
    pid_t pid; /* of the check; 0: none runs */
    int report; /* memfd: "INDEX text" for each that is wrong, "INDEX!text" for what is odd with one that is not */
    int64_t deadline; /* of the check */
    struct tls_material *fresh; /* what is checked, malloc */
    size_t fresh_count;
};

void certificates_init(struct certificates *);

/* Once a turn of the master. */
void certificates_tick(struct master *);

/* The child `pid` ended: true if it was the check. */
bool certificates_child_ended(struct master *, pid_t pid, int status);

void certificates_free(struct certificates *);

#endif
