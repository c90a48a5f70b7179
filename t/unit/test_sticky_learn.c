/* test_sticky_learn.c: the table of learnt cookies: bounded, timed, and unimpressed by what others write into
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/rnd.h"
#include "core/upstream/sticky_learn.h"

#define TAG UINT64_C(0xfedcba987) /* all 36 bits matter */
#define TTL 100

static struct learn_entry entries[64];
static struct sticky_learn table = {entries, ARRAY_SIZE(entries)};

static int clear(void **state)
{
    (void)state;
    memset(entries, 0, sizeof(entries));
    return 0;
}

static void test_put_find(void **state)
{
    (void)state;
    assert_int_equal(sticky_learn_find(&table, 1, 50, TTL), 0);
    sticky_learn_put(&table, 1, TAG, 50);
    assert_int_equal(sticky_learn_find(&table, 1, 50, TTL), TAG);
    assert_int_equal(sticky_learn_find(&table, 2, 50, TTL), 0);
    sticky_learn_put(&table, 1, 7, 51);
    assert_int_equal(sticky_learn_find(&table, 1, 51, TTL), 7);
    sticky_learn_put(&table, 0, TAG, 0);
    assert_int_equal(sticky_learn_find(&table, 0, 0, TTL), TAG);
}

static void test_times(void **state)
{
    static const struct {
        int64_t put, find;
        uint64_t tag;
    } cases[] = {{50, 50, TAG}, {50, 150, TAG}, {50, 151, 0}, {50, 49, TAG}, {50, 100000, 0}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        clear(state);
        sticky_learn_put(&table, 9, TAG, cases[i].put);
        assert_int_equal(sticky_learn_find(&table, 9, cases[i].find, TTL), cases[i].tag);
    }
    /* Each find makes it live on. */
    clear(state);
    sticky_learn_put(&table, 9, TAG, 0);
    for (int64_t now = 0; now < 1000; now += 90)
        assert_int_equal(sticky_learn_find(&table, 9, now, TTL), TAG);
}

/* Of nine that stand in the same place, the one that was not used longest goes. */
static void test_full(void **state)
{
    size_t buckets = table.count / LEARN_WAYS;

    (void)state;
    for (uint64_t i = 0; i < LEARN_WAYS; i++)
        sticky_learn_put(&table, 3 + i * buckets, i + 1, (int64_t)(10 + i));
    assert_int_equal(sticky_learn_find(&table, 3, 40, TTL), 1);
    sticky_learn_put(&table, 3 + 1000 * buckets, TAG, 41);
    for (uint64_t i = 0; i < LEARN_WAYS; i++)
        assert_int_equal(sticky_learn_find(&table, 3 + i * buckets, 42, TTL), i == 1 ? 0 : i + 1);
    assert_int_equal(sticky_learn_find(&table, 3 + 1000 * buckets, 42, TTL), TAG);
}

/* Half of a write, one bit turned, and noise: what does not fit together is nobody's. */
static void test_torn(void **state)
{
    struct learn_entry good, *e = NULL;
    struct rnd rnd;

    (void)state;
    sticky_learn_put(&table, 5, TAG, 20);
    for (size_t i = 0; i < table.count; i++)
        if (entries[i].word != 0)
            e = &entries[i];
    assert_non_null(e);
    good = *e;
    for (unsigned bit = 0; bit < 64; bit++) {
        e->word = good.word ^ UINT64_C(1) << bit;
        assert_int_equal(sticky_learn_find(&table, 5, 20, TTL), 0);
        e->word = good.word;
        e->check = good.check ^ UINT64_C(1) << bit;
        assert_int_equal(sticky_learn_find(&table, 5, 20, TTL), 0);
        e->check = good.check;
    }
    rnd_init_fixed(&rnd, 1);
    for (unsigned round = 0; round < 1000; round++) {
        for (size_t i = 0; i < sizeof(entries) / (sizeof(uint64_t)); i++)
            ((uint64_t *)(void *)entries)[i] = rnd_u64(&rnd);
        assert_int_equal(sticky_learn_find(&table, rnd_u64(&rnd), 20, TTL), 0);
        sticky_learn_put(&table, 5, TAG, 20);
        assert_int_equal(sticky_learn_find(&table, 5, 20, TTL), TAG);
    }
}

/* Processes that write at once: whatever is found is what was put for that hash. */
static void test_processes(void **state)
{
    enum { PROCESSES = 4, ROUNDS = 20000, HASHES = 40 };
    struct sticky_learn shared = {mmap(NULL, 64 * sizeof(struct learn_entry), PROT_READ | PROT_WRITE,
                                       MAP_SHARED | MAP_ANONYMOUS, -1, 0),
                                  16};
    pid_t pids[PROCESSES];

    (void)state;
    assert_ptr_not_equal(shared.entries, MAP_FAILED);
    for (uint64_t p = 0; p < PROCESSES; p++) {
        pids[p] = fork();
        if (pids[p] != 0)
            continue;
        for (uint64_t i = 0; i < ROUNDS; i++) {
            uint64_t hash = (i * 7 + p) % HASHES, tag;

            sticky_learn_put(&shared, hash, hash + 100, 1);
            tag = sticky_learn_find(&shared, (hash + 1) % HASHES, 1, TTL);
            if (tag != 0 && tag != (hash + 1) % HASHES + 100)
                _exit(1);
        }
        _exit(0);
    }
    for (size_t p = 0; p < PROCESSES; p++) {
        int status = -1;

        assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
        assert_int_equal(status, 0);
    }
    munmap(shared.entries, 64 * sizeof(struct learn_entry));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_put_find, clear),
        cmocka_unit_test_setup(test_times, clear),
        cmocka_unit_test_setup(test_full, clear),
        cmocka_unit_test_setup(test_torn, clear),
        cmocka_unit_test(test_processes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
