/*
 * outcome.h: what the keeper asked the master for, and the answer.
 */
#ifndef WEIR_MAIN_OUTCOME_H
#define WEIR_MAIN_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"

#define OUTCOME_ASKERS 64

struct process;

struct outcome_asker {
    struct process *process; /* NULL: gone */
    uint32_t number;
};

/* Those who wait for one thing. */
struct outcome_askers {
    struct outcome_asker list[OUTCOME_ASKERS];
    unsigned n;
};

/* Answers one keeper; `text` is copied. */
void outcome_send(struct process *, uint32_t number, bool ok, const char *text);

/* One more waits; one too many is told so at once. */
void outcome_wait(struct outcome_askers *, struct process *, uint32_t number);

/* Answers all and forgets them. */
void outcome_send_all(struct outcome_askers *, bool ok, const char *text);

/* The process is gone. */
void outcome_forget(struct outcome_askers *, const struct process *);

/* Each line of the text into the log. */
void outcome_log(struct log *, enum log_level, const char *head, const char *text);

#endif
