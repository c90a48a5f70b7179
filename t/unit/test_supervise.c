/*
 * test_supervise.c: when a process is started again, with the time given by the test, and what is noted
 * of real processes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "main/supervise.h"

static void test_back_off(void **state)
{
    static const struct {
        int64_t lived_ms;
        int64_t wait_ms;
    } rows[] = {
        {0, 0},      {999, 1000},  {10, 2000},  {10, 4000}, {10, 8000}, {10, 16000},
        {10, 30000}, {10, 30000},  {1000, 0},   {5, 0},     {5, 1000},  {600000, 0},
    };
    struct supervise s = {.first = NULL};
    struct supervise_child *child = supervise_add(&s, SUPERVISE_WORKER, 3, 1);
    int64_t now = 5000;

    (void)state;
    assert_ptr_equal(supervise_due(&s, now), child);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        supervise_started(child, 100, -1, now);
        assert_null(supervise_due(&s, now));
        now += rows[i].lived_ms;
        supervise_ended(child, now);
        if (rows[i].wait_ms > 0)
            assert_null(supervise_due(&s, now + rows[i].wait_ms - 1));
        now += rows[i].wait_ms;
        assert_ptr_equal(supervise_due(&s, now), child);
    }
    supervise_free(&s);
}

static void test_table(void **state)
{
    struct supervise s = {.first = NULL};
    struct supervise_child *a = supervise_add(&s, SUPERVISE_WORKER, 0, 1);
    struct supervise_child *b = supervise_add(&s, SUPERVISE_KEEPER, 0, 2);

    (void)state;
    supervise_started(a, 11, -1, 0);
    supervise_started(b, 12, -1, 0);
    assert_int_equal(supervise_running(&s, 0), 2);
    assert_int_equal(supervise_running(&s, 2), 1);
    assert_ptr_equal(supervise_find(&s, 12), b);
    assert_null(supervise_find(&s, 13));
    a->retired = true;
    supervise_ended(a, 5000);
    assert_null(supervise_due(&s, 1000000));
    assert_int_equal(supervise_kill(a, 0), -1);
    assert_int_equal(errno, ESRCH);
    supervise_remove(&s, a);
    assert_ptr_equal(s.first, b);
    assert_null(b->next);
    assert_string_equal(supervise_role_name(b->role), "keeper");
    supervise_free(&s);
    assert_null(s.first);
}

struct ends {
    unsigned n;
    pid_t pid;
    int status;
    struct supervise_child *child;
};

static void note_end(struct supervise_child *child, pid_t pid, int status, void *arg)
{
    struct ends *e = arg;

    e->n++;
    e->pid = pid;
    e->status = status;
    e->child = child;
}

static void reap_one(struct supervise *s, struct ends *e)
{
    for (int i = 0; i < 500 && e->n == 0; i++) {
        usleep(10000);
        supervise_reap(s, 2000, note_end, e);
    }
    assert_int_equal(e->n, 1);
}

static void test_fork_kill_reap(void **state)
{
    struct supervise s = {.first = NULL};
    struct supervise_child *child = supervise_add(&s, SUPERVISE_WORKER, 0, 1);
    struct ends e = {.n = 0};
    pid_t pid = supervise_fork(child, 1000);

    (void)state;
    if (pid == 0) {
        pause();
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(child->pid, pid);
    assert_true(child->pidfd >= 0);
    supervise_reap(&s, 1500, note_end, &e);
    assert_int_equal(e.n, 0);
    assert_int_equal(supervise_kill(child, SIGKILL), 0);
    reap_one(&s, &e);
    assert_ptr_equal(e.child, child);
    assert_int_equal(e.pid, pid);
    assert_true(WIFSIGNALED(e.status));
    assert_int_equal(child->pid, 0);
    assert_int_equal(child->pidfd, -1);
    supervise_free(&s);
}

/* A grandchild, whose parent has ended, stands for a former master's worker. */
static void test_adopted(void **state)
{
    struct supervise s = {.first = NULL};
    struct supervise_child *child = supervise_add(&s, SUPERVISE_WORKER, 0, 1);
    struct ends e = {.n = 0};
    int fds[2];
    pid_t pid, middle;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    middle = fork();
    if (middle == 0) {
        pid = fork();
        if (pid == 0) {
            pause();
            _exit(0);
        }
        _exit(write(fds[1], &pid, sizeof(pid)) == (ssize_t)sizeof(pid) ? 0 : 1);
    }
    assert_int_equal(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
    assert_int_equal(waitpid(middle, NULL, 0), middle);
    assert_int_equal(supervise_adopt(child, pid, 0), 0);
    supervise_reap(&s, 100, note_end, &e);
    assert_int_equal(e.n, 0);
    assert_int_equal(supervise_kill(child, SIGKILL), 0);
    reap_one(&s, &e);
    assert_ptr_equal(e.child, child);
    assert_int_equal(e.status, -1);
    assert_false(child->adopted);
    close(fds[0]);
    close(fds[1]);
    supervise_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_back_off),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_fork_kill_reap),
        cmocka_unit_test(test_adopted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
