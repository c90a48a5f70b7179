/*
 * test_discovery_set.c: what an answer says, and the difference between what sources say and the board.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/discovery/discovery.h"
#include "core/discovery/discovery_set.h"

static struct peer_conf peers[2];
static const struct upstream app = {.name = STR("app"), .peers = peers, .peer_count = 2};

static struct addr address_of(const char *text)
{
    struct addr address;

    assert_int_equal(addr_parse(str_of(text), &address, NULL, 0), 0);
    return address;
}

/* "A B": servers of template 0. */
static struct server_set set_of(struct pool *pool, const char *text)
{
    struct server_set set = {pool_zalloc(pool, 16 * sizeof(*set.items)), 0};
    char *copy = strdup(text), *save = NULL;

    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        set.items[set.count++] = (struct server_want){
            .name = pool_str(pool, str_of(word)), .address = address_of(word), .weight = 1};
    free(copy);
    return set;
}

static int order(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The names of an origin's records, sorted. */
static void records(struct board *board, enum board_origin origin, char *text, size_t size)
{
    char names[16][32];
    size_t n = 0, len = 0;

    for (unsigned slot = BOARD_SERVERS_FROM; slot < board_server_end(board); slot++) {
        struct board_server s;
        char bytes[BOARD_NAME_MAX];

        if (board_server_read(board, slot, &s, bytes) == 0 && s.origin == origin)
            snprintf(names[n++], sizeof(names[0]), "%.*s", STR_ARG(s.name));
    }
    qsort(names, n, sizeof(names[0]), order);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, size - len, "%s%s", i ? " " : "", names[i]);
}

static void test_the_difference(void **state)
{
    /* In order, each on the board that the last one left. */
    static const struct {
        const char *sets[2], *former;
        bool all_spoke;
        size_t added, removed;
        const char *after;
    } cases[] = {
        {{"10.0.0.1:80 10.0.0.2:80", NULL}, NULL, false, 2, 0, "10.0.0.1:80 10.0.0.2:80"},
        {{"10.0.0.2:80 10.0.0.1:80", NULL}, NULL, true, 0, 0, "10.0.0.1:80 10.0.0.2:80"},
        {{"10.0.0.2:80 10.0.0.3:80", NULL}, NULL, true, 1, 1, "10.0.0.2:80 10.0.0.3:80"},
        /* What may be of a source that is silent stays. */
        {{"10.0.0.4:80", NULL}, NULL, false, 1, 0, "10.0.0.2:80 10.0.0.3:80 10.0.0.4:80"},
        /* But not what was of the one that speaks. */
        {{"10.0.0.5:80", NULL}, "10.0.0.4:80 10.0.0.3:80", false, 1, 2, "10.0.0.2:80 10.0.0.5:80"},
        /* Unless another has it too. */
        {{"", "10.0.0.5:80"}, "10.0.0.5:80", false, 0, 0, "10.0.0.2:80 10.0.0.5:80"},
        {{"10.0.0.1:80", "10.0.0.1:80 10.0.0.5:80"}, NULL, true, 1, 1, "10.0.0.1:80 10.0.0.5:80"},
        /* A name that the configuration has, and one that the API has, are theirs. */
        {{"10.0.0.9:80 10.0.0.8:80 10.0.0.1:80", ""}, NULL, true, 0, 1, "10.0.0.1:80"},
        {{"", ""}, NULL, true, 0, 1, ""},
    };
    struct board *board = board_new();
    struct board_server api = {.upstream = STR("app"),
                               .name = STR("10.0.0.8:80"),
                               .origin = BOARD_ORIGIN_API,
                               .weight = 1,
                               .template_slot = BOARD_NO_TEMPLATE,
                               .address = address_of("10.0.0.8:80")};
    struct board_server other = {.upstream = STR("other"),
                                 .name = STR("10.0.0.7:80"),
                                 .origin = BOARD_ORIGIN_DNS,
                                 .weight = 1,
                                 .template_slot = 0,
                                 .address = address_of("10.0.0.7:80")};
    char text[512];

    (void)state;
    peers[1].name = STR("10.0.0.9:80");
    assert_true(board_server_add(board, &api) >= 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct pool *pool = pool_new(4096);
        struct server_set a = set_of(pool, cases[i].sets[0]),
                          b = set_of(pool, cases[i].sets[1] ? cases[i].sets[1] : "");
        struct server_set former = set_of(pool, cases[i].former ? cases[i].former : "");
        const struct server_set *const sets[] = {&a, &b};
        struct discovery_wish wish = {.upstream = &app,
                                      .origin = BOARD_ORIGIN_DNS,
                                      .sets = sets,
                                      .set_count = 2,
                                      .all_spoke = cases[i].all_spoke,
                                      .former = &former};
        struct discovery_change change;

        discovery_set_apply(board, &wish, &change);
        records(board, BOARD_ORIGIN_DNS, text, sizeof(text));
        assert_string_equal(text, cases[i].after);
        assert_int_equal(change.added, cases[i].added);
        assert_int_equal(change.removed, cases[i].removed);
        assert_int_equal(change.failed, 0);
        /* Another time there is nothing to do. */
        discovery_set_apply(board, &wish, &change);
        assert_int_equal(change.added + change.removed, 0);
        pool_free(pool);
    }
    records(board, BOARD_ORIGIN_API, text, sizeof(text));
    assert_string_equal(text, "10.0.0.8:80");
    assert_false(discovery_set_has(board, app.name, BOARD_ORIGIN_DNS));
    assert_true(board_server_add(board, &other) >= 0);
    assert_false(discovery_set_has(board, app.name, BOARD_ORIGIN_DNS));
    assert_true(discovery_set_has(board, other.upstream, BOARD_ORIGIN_DNS));
    board_close(board);
}

/* What is said of it is not who it is; its address is. */
static void test_a_server_that_changed(void **state)
{
    struct peer_shared *shared;
    struct board_server s;
    char text[BOARD_NAME_MAX];
    struct board *board = board_new();
    struct pool *pool = pool_new(4096);
    struct server_set set = set_of(pool, "10.0.0.1:80");
    const struct server_set *const sets[] = {&set};
    struct discovery_wish wish = {
        .upstream = &app, .origin = BOARD_ORIGIN_FILE, .sets = sets, .set_count = 1, .all_spoke = true};
    struct discovery_change change;

    (void)state;
    discovery_set_apply(board, &wish, &change);
    assert_string_equal(change.text, "+ 10.0.0.1:80");
    shared = board_peer_shared(board, BOARD_SERVERS_FROM);
    shared->health = PEER_HEALTH_PASSED;
    shared->override = PEER_OVERRIDE_DRAIN;
    for (int i = 0; i < 3; i++) {
        uint32_t incarnation = board_server_incarnation(board, BOARD_SERVERS_FROM);
        uint64_t revision = board_server_revision(board, BOARD_SERVERS_FROM);
        uint32_t version = board_servers_version(board);

        if (i == 0)
            set.items[0].weight = 9;
        else if (i == 1)
            set.items[0].backup = true;
        else
            set.items[0].template_slot = 1;
        discovery_set_apply(board, &wish, &change);
        assert_int_equal(change.count, 1);
        assert_int_equal(change.changed, 1);
        assert_string_equal(change.text, "~ 10.0.0.1:80");
        assert_int_equal(board_server_end(board), BOARD_SERVERS_FROM + 1);
        assert_int_equal(board_server_incarnation(board, BOARD_SERVERS_FROM), incarnation);
        assert_true(board_server_revision(board, BOARD_SERVERS_FROM) != revision);
        assert_int_not_equal(board_servers_version(board), version);
    }
    assert_int_equal(board_server_read(board, BOARD_SERVERS_FROM, &s, text), 0);
    assert_true(s.weight == 9 && s.backup && s.template_slot == 1);
    assert_int_equal(shared->health, PEER_HEALTH_PASSED);
    assert_int_equal(shared->override, PEER_OVERRIDE_DRAIN);
    set.items[0].address = address_of("10.0.0.2:80");
    discovery_set_apply(board, &wish, &change);
    assert_int_equal(change.count, 1);
    assert_string_equal(change.text, "+ 10.0.0.1:80, - 10.0.0.1:80");
    pool_free(pool);
    board_close(board);
}

/* A file names what the API added: one server, with what was changed of it; the file's words count. */
static void test_a_file_and_the_api(void **state)
{
    static const struct {
        const char *name, *address; /* of the API's */
        enum board_origin origin; /* of who wants 10.0.0.1:80 */
        uint32_t override;
        const char *found, *api, *dropped;
        uint32_t override_after, weight_after;
    } cases[] = {
        {"10.0.0.1:80", "10.0.0.1:80", BOARD_ORIGIN_FILE, PEER_OVERRIDE_DOWN, "10.0.0.1:80", "", "",
         PEER_OVERRIDE_DOWN, 4},
        {"sea", "10.0.0.1:80", BOARD_ORIGIN_FILE, PEER_OVERRIDE_DRAIN, "10.0.0.1:80", "", "", PEER_OVERRIDE_DRAIN, 4},
        /* Another server of that name. */
        {"10.0.0.1:80", "10.0.0.2:80", BOARD_ORIGIN_FILE, PEER_OVERRIDE_DOWN, "10.0.0.1:80", "", "- 10.0.0.1:80", 0,
         0},
        {"sea", "10.0.0.2:80", BOARD_ORIGIN_FILE, PEER_OVERRIDE_DOWN, "10.0.0.1:80", "sea", "", 0, 0},
        /* What DNS finds is there already. */
        {"sea", "10.0.0.1:80", BOARD_ORIGIN_DNS, PEER_OVERRIDE_DOWN, "", "sea", "", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct board *board = board_new();
        struct pool *pool = pool_new(4096);
        struct server_set set = set_of(pool, "10.0.0.1:80");
        const struct server_set *const sets[] = {&set};
        struct discovery_wish wish = {
            .upstream = &app, .origin = cases[i].origin, .sets = sets, .set_count = 1, .all_spoke = true};
        struct board_server api = {.upstream = STR("app"),
                                   .name = str_of(cases[i].name),
                                   .origin = BOARD_ORIGIN_API,
                                   .weight = 3,
                                   .template_slot = BOARD_NO_TEMPLATE,
                                   .address = address_of(cases[i].address)};
        struct discovery_change change;
        const struct peer_shared *shared;
        char text[512];

        assert_true(board_server_add(board, &api) >= 0);
        board_peer_shared(board, BOARD_SERVERS_FROM)->override = cases[i].override;
        discovery_set_apply(board, &wish, &change);
        assert_string_equal(change.dropped, cases[i].dropped);
        records(board, cases[i].origin, text, sizeof(text));
        assert_string_equal(text, cases[i].found);
        records(board, BOARD_ORIGIN_API, text, sizeof(text));
        assert_string_equal(text, cases[i].api);
        shared = board_peer_shared(board, BOARD_SERVERS_FROM + 1);
        assert_int_equal(shared->override, cases[i].override_after);
        assert_int_equal(shared->override_weight, cases[i].weight_after);
        discovery_set_apply(board, &wish, &change);
        assert_string_equal(change.text, "");
        pool_free(pool);
        board_close(board);
    }
}

/* What requests and passive health count at a server says nothing of a source that has its slot later. */
static void test_words_of_a_source_are_its_own(void **state)
{
    struct board *board = board_new();
    int slot = board_peer_slot(board, STR("app"), STR("app.test:80"));
    struct peer_shared *shared = board_peer_shared(board, (unsigned)slot);
    struct discovery_state of;

    (void)state;
    shared->errors = UINT64_MAX;
    shared->ejections = 5;
    of = discovery_state_of(board, slot);
    assert_int_equal(of.errors, 0);
    assert_int_equal(of.servers, 0);
    shared->looks_failed = 3;
    shared->found = 2;
    of = discovery_state_of(board, slot);
    assert_int_equal(of.errors, 3);
    assert_int_equal(of.servers, 2);
    board_close(board);
}

static void test_what_an_answer_says(void **state)
{
    static const struct {
        uint16_t port;
        bool backup;
        struct {
            const char *address;
            unsigned priority, weight;
        } items[3];
        unsigned priority;
        bool v4_failed, v6_failed;
        const char *set; /* NAME*WEIGHT, "-" for a backup */
    } cases[] = {
        {80, false, {{"10.0.0.1:80", 0, 0}, {"[::1]:80", 0, 0}}, 0, false, false, "10.0.0.1:80*7 [::1]:80*7"},
        {80, true, {{"10.0.0.1:80", 0, 0}}, 0, false, false, "10.0.0.1:80*7-"},
        {80, false, {{"10.0.0.1:80", 0, 0}}, 0, false, true, "10.0.0.1:80*7 [::7]:80*1"},
        {80, false, {{"[::1]:80", 0, 0}}, 0, true, false, "[::1]:80*7 10.0.0.7:80*1"},
        {80, false, {{"10.0.0.7:80", 0, 0}}, 0, true, false, "10.0.0.7:80*7"},
        {0,
         false,
         {{"10.0.0.1:1", 5, 0}, {"10.0.0.2:2", 5, 256}, {"10.0.0.3:3", 6, 1}},
         5,
         false,
         false,
         "10.0.0.1:1*1 10.0.0.2:2*256 10.0.0.3:3*1-"},
        {0,
         false,
         {{"10.0.0.1:1", 5, 65535}, {"10.0.0.2:2", 5, 32768}, {"10.0.0.3:3", 5, 10}},
         5,
         false,
         false,
         "10.0.0.1:1*256 10.0.0.2:2*128 10.0.0.3:3*1"},
        {0, false, {{"10.0.0.1:1", 6, 1}}, 5, false, false, "10.0.0.1:1*1-"},
        {0, true, {{"10.0.0.1:1", 5, 1}}, 5, false, false, "10.0.0.1:1*1-"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct pool *pool = pool_new(4096);
        struct server_set former = set_of(pool, "10.0.0.7:80 [::7]:80"), set;
        struct resolver_address items[3];
        struct resolver_answer answer = {.items = items,
                                         .priority = cases[i].priority,
                                         .v4_failed = cases[i].v4_failed,
                                         .v6_failed = cases[i].v6_failed};
        char text[512] = "";
        size_t len = 0;

        for (; answer.count < 3 && cases[i].items[answer.count].address; answer.count++)
            items[answer.count] = (struct resolver_address){address_of(cases[i].items[answer.count].address),
                                                            cases[i].items[answer.count].priority,
                                                            cases[i].items[answer.count].weight};
        peers[0] = (struct peer_conf){
            .weight = 7, .port = cases[i].port, .backup = cases[i].backup, .resolve = true,
            .board_slot = (int)i - 1};
        set = discovery_set_of(pool, &app, 0, &answer, &former);
        for (size_t k = 0; k < answer.count; k++)
            assert_int_equal(set.items[k].template_slot, i > 0 ? i - 1 : BOARD_NO_TEMPLATE);
        for (size_t k = 0; k < set.count; k++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s*%u%s", k ? " " : "",
                                    STR_ARG(set.items[k].name), set.items[k].weight,
                                    set.items[k].backup ? "-" : "");
        assert_string_equal(text, cases[i].set);
        pool_free(pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_difference),
        cmocka_unit_test(test_a_server_that_changed),
        cmocka_unit_test(test_a_file_and_the_api),
        cmocka_unit_test(test_words_of_a_source_are_its_own),
        cmocka_unit_test(test_what_an_answer_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
