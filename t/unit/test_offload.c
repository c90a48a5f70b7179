/* test_offload.c: jobs are done beside the loop, each once, and none is lost at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/offload.h"

#define JOBS 200

struct job {
    struct offload_job offload; /* first */
    int fd; /* a pipe that work() reads; -1: it waits for nothing */
    unsigned worked, done;
    unsigned *all_done;
};

static void work(struct offload_job *o)
{
    struct job *job = (struct job *)(void *)o;
    char byte;

    if (job->fd < 0 || read(job->fd, &byte, 1) == 1)
        job->worked++;
}

static void done(struct offload_job *o)
{
    struct job *job = (struct job *)(void *)o;

    job->done++;
    (*job->all_done)++;
}

static struct job job_of(int fd, unsigned *all_done)
{
    return (struct job){.offload = {.work = work, .done = done}, .fd = fd, .all_done = all_done};
}

static void test_each_once(void **state)
{
    struct loop *loop = loop_new(NULL, NULL);
    struct offload *o = offload_new(loop);
    struct job jobs[JOBS];
    unsigned count = 0;

    (void)state;
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = job_of(-1, &count);
        assert_int_equal(offload_add(o, &jobs[i].offload), 0);
        assert_int_equal(jobs[i].done, 0);
    }
    while (count < JOBS)
        assert_int_equal(loop_turn(loop), 0);
    for (unsigned i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].worked, 1);
        assert_int_equal(jobs[i].done, 1);
    }
    offload_free(o);
    loop_free(loop);
}

/* As many as there are threads may wait for the disk, and one more has to wait for them. */
static void test_threads(void **state)
{
    struct loop *loop = loop_new(NULL, NULL);
    struct offload *o = offload_new(loop);
    struct job jobs[OFFLOAD_THREADS + 1];
    int fds[OFFLOAD_THREADS + 1][2];
    unsigned count = 0;

    (void)state;
    for (unsigned i = 0; i <= OFFLOAD_THREADS; i++) {
        assert_int_equal(pipe(fds[i]), 0);
        jobs[i] = job_of(fds[i][0], &count);
        assert_int_equal(offload_add(o, &jobs[i].offload), 0);
    }
    /* The last of those that have a thread does not wait for those before it. */
    assert_int_equal(write(fds[OFFLOAD_THREADS - 1][1], "x", 1), 1);
    while (count < 1)
        assert_int_equal(loop_turn(loop), 0);
    assert_int_equal(jobs[OFFLOAD_THREADS - 1].done, 1);
    for (unsigned i = 0; i <= OFFLOAD_THREADS; i++)
        assert_int_equal(write(fds[i][1], "x", 1), 1);
    while (count <= OFFLOAD_THREADS)
        assert_int_equal(loop_turn(loop), 0);
    offload_free(o);
    loop_free(loop);
    for (unsigned i = 0; i <= OFFLOAD_THREADS; i++) {
        close(fds[i][0]);
        close(fds[i][1]);
    }
}

static void test_limit(void **state)
{
    static struct job jobs[OFFLOAD_JOBS + 1];
    struct loop *loop = loop_new(NULL, NULL);
    struct offload *o = offload_new(loop);
    unsigned count = 0;

    (void)state;
    for (unsigned i = 0; i <= OFFLOAD_JOBS; i++) {
        jobs[i] = job_of(-1, &count);
        /* None is over before the loop has heard of it. */
        assert_int_equal(offload_add(o, &jobs[i].offload), i < OFFLOAD_JOBS ? 0 : -1);
    }
    /* The end waits for all. */
    offload_free(o);
    loop_free(loop);
    assert_int_equal(count, OFFLOAD_JOBS);
    assert_int_equal(jobs[OFFLOAD_JOBS].worked, 0);
    for (unsigned i = 0; i < OFFLOAD_JOBS; i++)
        assert_int_equal(jobs[i].worked, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_once),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
