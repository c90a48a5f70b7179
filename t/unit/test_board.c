/*
 * test_board.c: slots and names of the board, two processes on it, its seals, what costs memory, and boards that are none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/board/board.h"
#include "core/board/board_former.h"
#include "core/upstream/sticky_learn.h"

#define SERVER(b, u, s) board_peer_slot(b, STR(u), STR(s))

static uint64_t board_kib(const struct board *board)
{
    struct stat st;

    assert_int_equal(fstat(board_fd(board), &st), 0);
    return (uint64_t)st.st_blocks / 2;
}

/* Runs `work` as the owner of `slot`, to its end. */
static void in_child(struct board *board, unsigned slot, void (*work)(struct board *, unsigned))
{
    int status = -1;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        work(board, slot);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void count_some(struct board *board, unsigned slot)
{
    struct board_process *process = board_process(board, slot);
    struct peer_stats *peer = board_peer_stats(board, slot, 1);

    board_process_set_pid(board, slot, getpid());
    process->stats.requests += 1000;
    process->stats.connections = 7;
    process->stats.heartbeat_ms = 99;
    peer->requests += 500;
    peer->active = 3;
    peer->latency.bucket[2] += 5;
    peer->latency.sum_ms += 20;
}

/* The slots from `first` on. */
static const int *slots_from(int first)
{
    static int slots[1000];

    for (int i = 0; i < (int)ARRAY_SIZE(slots); i++)
        slots[i] = first + i;
    return slots;
}

static void sums_from(struct board *board, int first, size_t count, struct peer_stats *sums)
{
    board_peer_sums(board, slots_from(first), count, sums);
}

static void test_slot_reuse_keeps_counters(void **state)
{
    struct board *board = board_new();
    struct process_stats sum;
    struct peer_stats peer;

    (void)state;
    assert_non_null(board);
    assert_int_equal(SERVER(board, "u", "a"), 0);
    assert_int_equal(SERVER(board, "u", "b"), 1);
    for (unsigned round = 1; round <= 3; round++) {
        int slot = board_process_take(board, BOARD_WORKER, 4, round);

        assert_int_equal(slot, 0);
        assert_int_equal(board_process(board, 0)->incarnation, round);
        assert_int_equal(board_process(board, 0)->generation, round);
        assert_int_equal(board_process(board, 0)->role, BOARD_WORKER);
        in_child(board, (unsigned)slot, count_some);
        assert_true(board_process(board, 0)->pid > 0);
        board_process_sum(board, &sum);
        assert_int_equal(sum.requests, 1000 * round);
        assert_int_equal(sum.connections, 7);
        sums_from(board, 1, 1, &peer);
        assert_int_equal(peer.active, 3);

        board_process_free(board, (unsigned)slot);
        board_process_sum(board, &sum);
        assert_int_equal(sum.requests, 1000 * round);
        assert_int_equal(sum.connections, 0);
        sums_from(board, 1, 1, &peer);
        assert_int_equal(peer.active, 0);
        assert_int_equal(peer.requests, 500 * round);
        assert_int_equal(peer.latency.bucket[2], 5 * round);
        assert_int_equal(peer.latency.sum_ms, 20 * round);
        assert_int_equal(board_process(board, 0)->role, BOARD_FREE);
        assert_int_equal(board_process(board, 0)->stats.heartbeat_ms, 0);
    }
    board_close(board);
}

static void test_process_slots(void **state)
{
    struct board *board = board_new();

    (void)state;
    for (int i = 0; i < BOARD_PROCESSES; i++)
        assert_int_equal(board_process_take(board, i ? BOARD_WORKER : BOARD_KEEPER, (unsigned)i, 1), i);
    assert_int_equal(board_process_take(board, BOARD_WORKER, 0, 1), -1);
    assert_int_equal(board_process_end(board), BOARD_PROCESSES);
    board_process_free(board, 17);
    board_process_free(board, 5);
    board_process_free(board, BOARD_PROCESSES);
    assert_int_equal(board_process_take(board, BOARD_WORKER, 0, 1), 5);
    assert_int_equal(board_process_take(board, BOARD_WORKER, 0, 1), 17);
    assert_null(board_process(board, BOARD_PROCESSES));
    board_process_set_pid(board, BOARD_PROCESSES, 1);
    board_close(board);
}

static void test_head_words(void **state)
{
    struct board *board = board_new();

    (void)state;
    assert_true(board_started_s(board) > 1700000000);
    assert_int_equal(board_serve_from(board), 0);
    board_set_serve_from(board, 3);
    board_set_last_generation(board, 4);
    board_set_master_pid(board, 42);
    board_count_restart(board);
    board_count_restart(board);
    assert_int_equal(board_serve_from(board), 3);
    assert_int_equal(board_last_generation(board), 4);
    assert_int_equal(board_master_pid(board), 42);
    assert_int_equal(board_restarts(board), 2);
    board_close(board);
}

static void test_names(void **state)
{
    static char text[BOARD_NAME_MAX + 1];
    struct board *board = board_new();
    struct str longest = {text, BOARD_NAME_MAX};
    struct str too_long = {text, BOARD_NAME_MAX + 1};

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_int_equal(SERVER(board, "ab", "c"), 0);
    assert_int_equal(SERVER(board, "a", "bc"), 1);
    assert_int_equal(SERVER(board, "", "abc"), 2);
    assert_int_equal(SERVER(board, "ab", "c"), 0);
    assert_int_equal(board_peer_slot(board, longest, STR("")), 3);
    assert_int_equal(board_peer_slot(board, too_long, STR("")), -1);
    assert_int_equal(board_peer_slot(board, longest, STR("y")), -1);
    board_close(board);
}

static void test_all_names(void **state)
{
    struct board *board = board_new();
    char name[16];

    (void)state;
    for (int i = 0; i < BOARD_SERVERS_FROM; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        assert_int_equal(board_peer_slot(board, STR("u"), str_of(name)), i);
    }
    assert_int_equal(SERVER(board, "u", "more"), -1);
    assert_int_equal(SERVER(board, "u", "s40000"), 40000);
    board_close(board);
}

static void test_collect(void **state)
{
    struct board *board = board_new();
    struct peer_stats sum;
    int slot = board_process_take(board, BOARD_WORKER, 0, 1);

    (void)state;
    board_set_last_generation(board, 1);
    assert_int_equal(SERVER(board, "u", "old"), 0);
    assert_int_equal(SERVER(board, "u", "kept"), 1);
    board_peer_stats(board, (unsigned)slot, 0)->requests = 5;
    board_peer_stats(board, (unsigned)slot, 1)->requests = 6;
    board_set_last_generation(board, 2);
    assert_int_equal(SERVER(board, "u", "kept"), 1);
    assert_int_equal(board_peer_collect(board, 1), 0);
    board_set_serve_from(board, 2);
    assert_int_equal(board_oldest_generation(board), 1);
    board_process_free(board, (unsigned)slot);
    assert_int_equal(board_oldest_generation(board), 2);
    assert_int_equal(board_peer_collect(board, 2), 1);
    assert_int_equal(SERVER(board, "u", "kept"), 1);
    assert_int_equal(SERVER(board, "u", "new"), 0);
    sums_from(board, 0, 1, &sum);
    assert_int_equal(sum.requests, 0);
    sums_from(board, 1, 1, &sum);
    assert_int_equal(sum.requests, 6);
    board_close(board);
}

/* Many slots in use, and only pages that were written to exist. */
static void test_holes_cost_nothing(void **state)
{
    struct board *board = board_new();
    static struct peer_stats sums[1000];
    static uint64_t actives[930];
    char name[16];
    uint64_t before;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        assert_int_equal(board_peer_slot(board, STR("u"), str_of(name)), i);
    }
    for (int i = 0; i < 64; i++)
        assert_int_equal(board_process_take(board, BOARD_WORKER, (unsigned)i, 1), i);
    board_peer_stats(board, 63, 999)->failures = 2;
    board_peer_stats(board, 2, 70)->failures = 1;
    board_peer_stats(board, 2, 70)->active = 3;
    board_peer_stats(board, 63, 999)->active = 4;
    board_peer_stats(board, 62, 999)->active = 5;
    before = board_kib(board);
    assert_true(before < 1024);
    sums_from(board, 0, 1000, sums);
    assert_int_equal(sums[999].failures, 2);
    assert_int_equal(sums[70].failures, 1);
    assert_int_equal(sums[71].failures, 0);
    board_peer_actives(board, slots_from(70), 930, actives);
    assert_int_equal(actives[0], 3);
    assert_int_equal(actives[1], 0);
    assert_int_equal(actives[929], 9);
    board_peer_actives(board, (const int[]){999, 70, 71, -1, 70, 999}, 6, actives);
    assert_int_equal(actives[0] * 100000 + actives[1] * 10000 + actives[2] * 1000 + actives[3] * 100 +
                         actives[4] * 10 + actives[5],
                     930039);
    assert_int_equal(board_kib(board), before);
    assert_int_equal(board_peer_active(board, 999), 9);
    assert_int_equal(board_peer_active(board, BOARD_PEERS), 0);
    before = board_kib(board);
    for (unsigned i = 0; i < 64; i++)
        board_process_free(board, i);
    assert_int_equal(board_peer_collect(board, 1), 1000);
    assert_int_equal(board_kib(board), before);
    board_close(board);
}

static void test_no_place(void **state)
{
    struct board *board = board_new();
    struct peer_stats sum;
    static struct peer_stats sums[4];
    uint64_t actives[4] = {1, 1, 1, 1};

    (void)state;
    board_peer_actives(board, slots_from(BOARD_PEERS - 2), 4, actives);
    assert_int_equal(actives[0] + actives[3], 0);
    board_peer_stats(board, BOARD_PARTS, 0)->requests++;
    board_peer_stats(board, 0, (unsigned)-1)->requests++;
    sums_from(board, 0, 1, &sum);
    assert_int_equal(sum.requests, 0);
    sums_from(board, -1, 1, &sum);
    assert_int_equal(sum.requests, 0);
    sums_from(board, BOARD_PEERS - 2, 4, sums);
    assert_int_equal(sums[3].requests, 0);
    board_close(board);
}

static void test_seals(void **state)
{
    struct board *board = board_new();
    struct stat st;
    int fd = board_fd(board);

    (void)state;
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(ftruncate(fd, st.st_size / 2) < 0 && errno == EPERM);
    assert_true(ftruncate(fd, st.st_size + 4096) < 0 && errno == EPERM);
    assert_true(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0 && errno == EPERM);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    board_close(board);
}

static void test_open_again(void **state)
{
    struct board *board = board_new();
    struct board *again;
    struct peer_stats sum;

    (void)state;
    assert_int_equal(board_process_take(board, BOARD_WORKER, 0, 1), 0);
    assert_int_equal(SERVER(board, "u", "a"), 0);
    assert_int_equal(SERVER(board, "u", "b"), 1);
    board_peer_stats(board, 0, 1)->requests = 9;
    again = board_open(dup(board_fd(board)));
    board_close(board);
    assert_non_null(again);
    assert_int_equal(SERVER(again, "u", "b"), 1);
    assert_int_equal(SERVER(again, "u", "c"), 2);
    sums_from(again, 1, 1, &sum);
    assert_int_equal(sum.requests, 9);
    assert_int_equal(board_process_take(again, BOARD_WORKER, 0, 2), 1);
    board_close(again);
}

/* A copy of `board`'s first page in another file; `seals` and `size` as wanted. */
static int forged(const struct board *board, off_t size, int seals, size_t broken_byte)
{
    int fd = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    char page[4096];

    assert_true(fd >= 0);
    assert_int_equal(pread(board_fd(board), page, sizeof(page), 0), (ssize_t)sizeof(page));
    if (broken_byte < sizeof(page))
        page[broken_byte] ^= 1;
    assert_int_equal(pwrite(fd, page, sizeof(page), 0), (ssize_t)sizeof(page));
    assert_int_equal(ftruncate(fd, size), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

/* Made once, known to who opens the board again, and another on each. */
static void test_secret(void **state)
{
    static const uint8_t none[BOARD_SECRET];
    struct board *board = board_new(), *other = board_new(), *again;
    int fd = dup(board_fd(board));

    (void)state;
    assert_memory_not_equal(board_secret(board), none, BOARD_SECRET);
    assert_memory_not_equal(board_secret(board), board_secret(other), BOARD_SECRET);
    again = board_open(fd);
    assert_non_null(again);
    assert_memory_equal(board_secret(board), board_secret(again), BOARD_SECRET);
    board_learnt(board)[BOARD_LEARNT - 1].word = 7;
    assert_int_equal(board_learnt(again)[BOARD_LEARNT - 1].word, 7);
    board_close(again);
    board_close(other);
    board_close(board);
}

/* A board of another layout and size: its secret, and the word that drains its processes. */
static void test_former(void **state)
{
    static const off_t sizes[] = {4096, 1 << 20};
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    struct board *board = board_new(), *old = board_new();
    uint64_t words[3];
    int fd;

    (void)state;
    board_set_serve_from(old, 7);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        fd = forged(old, sizes[i], seals, 9);
        assert_null(board_open(fd));
        assert_int_equal(board_former_secret(board, fd), 0);
        assert_memory_equal(board_secret(board), board_secret(old), BOARD_SECRET);
        assert_int_equal(board_former_drain(fd), 0);
        assert_int_equal(pread(fd, words, sizeof(words), 0), (ssize_t)sizeof(words));
        assert_true(words[2] > 7 + 1000000 && words[2] < UINT64_MAX / 2);
        close(fd);
    }
    board_set_serve_from(old, UINT64_MAX - 1);
    fd = forged(old, 4096, seals, 9);
    assert_int_equal(board_former_drain(fd), 0);
    assert_int_equal(pread(fd, words, sizeof(words), 0), (ssize_t)sizeof(words));
    assert_true(words[2] == UINT64_MAX);
    close(fd);
    board_close(old);
    board_close(board);
}

static void test_former_refused(void **state)
{
    struct board *board = board_new();
    uint8_t secret[BOARD_SECRET];
    const struct {
        off_t size;
        int seals;
        size_t broken;
    } cases[] = {
        {4096, F_SEAL_SHRINK, 0},  /* magic */
        {4095, F_SEAL_SHRINK, 8},  /* too short */
        {4096, F_SEAL_GROW, 8},    /* could shrink */
        {4096, F_SEAL_SHRINK | F_SEAL_WRITE, 8},
    };

    (void)state;
    memcpy(secret, board_secret(board), BOARD_SECRET);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int fd = forged(board, cases[i].size, cases[i].seals, cases[i].broken);

        assert_int_equal(board_former_secret(board, fd), -1);
        assert_int_equal(board_former_drain(fd), -1);
        close(fd);
    }
    assert_int_equal(board_former_drain(-1), -1);
    assert_memory_equal(board_secret(board), secret, BOARD_SECRET);
    board_close(board);
}

static void test_refused(void **state)
{
    struct board *board = board_new();
    const int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    struct stat st;
    struct board *good;
    int fds[2];

    (void)state;
    assert_int_equal(fstat(board_fd(board), &st), 0);
    const struct {
        off_t size;
        int seals;
        size_t broken;
    } cases[] = {
        {st.st_size, all, 0}, /* magic */
        {st.st_size, all, 8}, /* layout */
        {st.st_size, all, 15},
        {st.st_size - 4096, all, 4096},
        {st.st_size + 4096, all, 4096},
        {8, all, 4096},
        {st.st_size, F_SEAL_SHRINK | F_SEAL_GROW, 4096},
        {st.st_size, F_SEAL_SHRINK | F_SEAL_SEAL, 4096},
        {st.st_size, all | F_SEAL_WRITE, 4096},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int fd = forged(board, cases[i].size, cases[i].seals, cases[i].broken);

        assert_null(board_open(fd));
        assert_int_equal(close(fd), 0);
    }
    assert_null(board_open(-1));
    assert_int_equal(pipe(fds), 0);
    assert_null(board_open(fds[0]));
    close(fds[0]);
    close(fds[1]);
    good = board_open(forged(board, st.st_size, all, 4096));
    assert_non_null(good);
    board_close(good);
    board_close(board);
}

/* Every byte that a hostile process could write, at its worst: no crash, no endless loop. */
static void test_hostile_words(void **state)
{
    struct board *board = board_new();
    struct process_stats sum;
    struct peer_stats peer;
    char page[4096];
    const size_t peers_at = 4096 + BOARD_PROCESSES * 512;

    (void)state;
    assert_int_equal(pread(board_fd(board), page, sizeof(page), 0), (ssize_t)sizeof(page));
    memset(page + 16, 0xff, sizeof(page) - 16);
    assert_int_equal(pwrite(board_fd(board), page, sizeof(page), 0), (ssize_t)sizeof(page));
    memset(page, 0xff, sizeof(page));
    for (size_t at = 4096; at < peers_at + 65536; at += sizeof(page))
        assert_int_equal(pwrite(board_fd(board), page, sizeof(page), (off_t)at), (ssize_t)sizeof(page));
    assert_int_equal(board_process_end(board), BOARD_PROCESSES);
    board_process_sum(board, &sum);
    sums_from(board, 0, 1, &peer);
    assert_int_equal(board_process_take(board, BOARD_WORKER, 0, 1), -1);
    assert_true(SERVER(board, "u", "a") >= 256);
    board_process_free(board, 3);
    assert_int_equal(board_process_take(board, BOARD_WORKER, 0, 1), 3);
    (void)board_peer_collect(board, UINT64_MAX);
    board_close(board);
}

/* What was changed of a server ends with the configuration that had it. */
static void test_changes_end_with_the_name(void **state)
{
    struct board *board = board_new();
    struct peer_shared *shared;

    (void)state;
    board_set_last_generation(board, 1);
    assert_int_equal(SERVER(board, "u", "a"), 0);
    board_set_serve_from(board, 1);
    shared = board_peer_shared(board, 0);
    shared->override = PEER_OVERRIDE_GONE;
    shared->override_weight = 5;
    shared->remove_at_ms = 9;
    shared->health = PEER_HEALTH_FAILED;
    board_set_last_generation(board, 2);
    assert_int_equal(SERVER(board, "u", "a"), 0); /* the next one has it too */
    assert_int_equal(shared->override, PEER_OVERRIDE_GONE);
    board_set_serve_from(board, 3); /* the one after it has not */
    board_set_last_generation(board, 4);
    assert_int_equal(SERVER(board, "u", "a"), 0);
    assert_int_equal(shared->override, PEER_OVERRIDE_NONE);
    assert_int_equal(shared->override_weight, 0);
    assert_int_equal(shared->remove_at_ms, 0);
    assert_int_equal(shared->health, PEER_HEALTH_FAILED);
    board_close(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_end_with_the_name),
        cmocka_unit_test(test_slot_reuse_keeps_counters),
        cmocka_unit_test(test_process_slots),
        cmocka_unit_test(test_head_words),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_all_names),
        cmocka_unit_test(test_collect),
        cmocka_unit_test(test_holes_cost_nothing),
        cmocka_unit_test(test_no_place),
        cmocka_unit_test(test_seals),
        cmocka_unit_test(test_open_again),
        cmocka_unit_test(test_former),
        cmocka_unit_test(test_former_refused),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_secret),
        cmocka_unit_test(test_hostile_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
