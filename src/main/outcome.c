/*
 * outcome.c: the channel carries no text, so an answer is a memfd.
 */
#include "main/outcome.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "main/process.h"

#define OUTCOME_NUMBER_MAX 0x7fffffffU

void outcome_send(struct process *p, uint32_t number, bool ok, const char *text)
{
    int fd = memfd_create("outcome", MFD_CLOEXEC);

    if (fd < 0)
        return;
    if (number && number <= OUTCOME_NUMBER_MAX && write(fd, text, strlen(text)) >= 0)
        process_tell(p, CHANNEL_OUTCOME, CHANNEL_ANSWER(number, ok), fd);
    close(fd);
}

void outcome_wait(struct outcome_askers *a, struct process *p, uint32_t number)
{
    if (a->n == OUTCOME_ASKERS)
        outcome_send(p, number, false, "Too many wait for this already.\n");
    else
        a->list[a->n++] = (struct outcome_asker){p, number};
}

void outcome_send_all(struct outcome_askers *a, bool ok, const char *text)
{
    for (unsigned i = 0; i < a->n; i++) {
        if (a->list[i].process)
            outcome_send(a->list[i].process, a->list[i].number, ok, text);
    }
    a->n = 0;
}

void outcome_forget(struct outcome_askers *a, const struct process *p)
{
    for (unsigned i = 0; i < a->n; i++) {
        if (a->list[i].process == p)
            a->list[i].process = NULL;
    }
}

void outcome_log(struct log *log, enum log_level level, const char *head, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");

        if (len > 0)
            log_write(log, level, "%s%.*s", head, (int)len, text);
        text += len + (text[len] == '\n');
    }
}
