/*
 * test_servers_file.c: lines that are taken and lines that are not, and that one wrong line refuses all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/board/board_server.h"
#include "core/discovery/servers_file.h"

struct seen {
    struct servers_file_errors errors;
    unsigned line; /* of the first */
    char what[512];
};

static void on_wrong(struct servers_file_errors *errors, unsigned line, const char *what)
{
    struct seen *seen = (struct seen *)errors;

    if (errors->count > 1)
        return;
    seen->line = line;
    snprintf(seen->what, sizeof(seen->what), "%s", what);
}

static const struct servers_file_rules rules = {5, 20};

static void print_set(const struct server_set *set, char *text, size_t size)
{
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < set->count && len < size; i++) {
        const struct server_want *want = &set->items[i];
        char address[ADDR_TEXT_MAX];

        assert_int_equal(want->template_slot, BOARD_NO_TEMPLATE);
        len += (size_t)snprintf(text + len, size - len, "%s%.*s=%.*s*%u%s", i ? " " : "", STR_ARG(want->name),
                                STR_ARG(addr_print(&want->address, address)), want->weight,
                                want->backup ? "-" : "");
    }
}

static void test_lines_that_are_right(void **state)
{
    static const struct {
        const char *text, *set;
    } cases[] = {
        {"10.0.0.1:80", "10.0.0.1:80=10.0.0.1:80*5"},
        {"10.0.0.1:80\n", "10.0.0.1:80=10.0.0.1:80*5"},
        {"# c\n\n \t\r\n10.0.0.1:80 # c\r\n", "10.0.0.1:80=10.0.0.1:80*5"},
        {"10.0.0.1:80 weight=0 backup", "10.0.0.1:80=10.0.0.1:80*0-"},
        {"[::1]:80\tname=a weight=256\nunix:/run/x\n", "a=[::1]:80*256 unix:/run/x=unix:/run/x*5"},
        {"10.0.0.1:80 name=a\n10.0.0.1:80 name=b", "a=10.0.0.1:80*5 b=10.0.0.1:80*5"},
        {"10.0.0.1:80 name=12345678901234567890", "12345678901234567890=10.0.0.1:80*5"},
        {"10.0.0.1:80 name=a#b", "a#b=10.0.0.1:80*5"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct pool *pool = pool_new(4096);
        struct seen seen = {.errors = {on_wrong, 0}};
        struct server_set set;
        char text[512];

        assert_int_equal(servers_file_parse(pool, str_of(cases[i].text), &rules, &seen.errors, &set), 0);
        print_set(&set, text, sizeof(text));
        assert_string_equal(text, cases[i].set);
        pool_free(pool);
    }
}

static void test_lines_that_are_wrong(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        size_t count;
        const char *what;
    } cases[] = {
        {"", 0, 1, "names no server"},
        {"# nothing\n", 0, 1, "names no server"},
        {"10.0.0.1:80\nname.test:80\n", 2, 1, "write IP:PORT"},
        {"*:80", 1, 1, "write IP:PORT"},
        {"10.0.0.1", 1, 1, "write IP:PORT"},
        {"10.0.0.1:0", 1, 1, "write IP:PORT"},
        {"10.0.0.1:65536", 1, 1, "write IP:PORT"},
        {"unix:run/x", 1, 1, "write IP:PORT"},
        {"10.0.0.1:80 weight=257", 1, 1, "N from 0 to 256"},
        {"10.0.0.1:80 weight=-1", 1, 1, "N from 0 to 256"},
        {"10.0.0.1:80 weight=", 1, 1, "N from 0 to 256"},
        {"10.0.0.1:80 name=", 1, 1, "is not a name"},
        {"10.0.0.1:80 name=123456789012345678901", 1, 1, "is not a name"},
        {"10.0.0.1:80 name=a\x01", 1, 1, "is not a name"},
        {"[2001:db8:1111:2222::1]:80", 1, 1, "too long for a name"},
        {"10.0.0.1:80 Backup", 1, 1, "is not known here"},
        {"10.0.0.1:80 ; x", 1, 1, "is not known here"},
        {"\n10.0.0.1:80\n10.0.0.1:80\nx\ny", 3, 3, "stands in the file before"},
        {"10.0.0.1:80 name=a\n10.0.0.2:80 name=a", 2, 1, "stands in the file before"},
        {"\xff\x1b[m", 1, 1, "\\xFF\\x1B"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct pool *pool = pool_new(4096);
        struct seen seen = {.errors = {on_wrong, 0}};
        struct server_set set;

        assert_int_equal(servers_file_parse(pool, str_of(cases[i].text), &rules, &seen.errors, &set), -1);
        assert_int_equal(seen.line, cases[i].line);
        assert_int_equal(seen.errors.count, cases[i].count);
        if (!strcasestr(seen.what, cases[i].what))
            fail_msg("\"%s\": \"%s\" does not say \"%s\"", cases[i].text, seen.what, cases[i].what);
        pool_free(pool);
    }
}

static void test_there_is_a_limit(void **state)
{
    struct pool *pool = pool_new(4096);
    struct seen seen = {.errors = {on_wrong, 0}};
    size_t room = (SERVERS_FILE_SERVERS + 1) * 32, len = 0;
    char *text = malloc(room);
    struct server_set set;

    (void)state;
    assert_non_null(text);
    for (unsigned i = 0; i <= SERVERS_FILE_SERVERS; i++)
        len += (size_t)snprintf(text + len, room - len, "10.0.%u.%u:80\n", i / 256, i % 256);
    assert_int_equal(servers_file_parse(pool, (struct str){text, len}, &rules, &seen.errors, &set), -1);
    assert_int_equal(seen.line, SERVERS_FILE_SERVERS + 1);
    assert_int_equal(set.count, SERVERS_FILE_SERVERS);
    free(text);
    pool_free(pool);
}

static void test_what_is_no_file(void **state)
{
    char directory[] = "/tmp/weir-servers-XXXXXX", path[64];
    struct pool *pool = pool_new(4096);
    struct seen seen = {.errors = {on_wrong, 0}};
    struct servers_file_mark mark, again;
    struct server_set set;
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/x", directory);
    assert_int_equal(servers_file_read(pool, path, &rules, &seen.errors, &set, &mark), -1);
    assert_non_null(strstr(seen.what, "No such file"));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(servers_file_read(pool, path, &rules, &seen.errors, &set, &mark), -1);
    assert_int_equal(unlink(path), 0);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("10.0.0.1:80\n", file);
    fclose(file);
    assert_int_equal(servers_file_read(pool, path, &rules, &seen.errors, &set, &mark), 0);
    assert_int_equal(set.count, 1);
    assert_int_equal(servers_file_look(path, &again), 0);
    assert_true(servers_file_same(&mark, &again));
    assert_int_equal(truncate(path, 3), 0);
    assert_int_equal(servers_file_look(path, &again), 0);
    assert_false(servers_file_same(&mark, &again));
    unlink(path);
    rmdir(directory);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_that_are_right),
        cmocka_unit_test(test_lines_that_are_wrong),
        cmocka_unit_test(test_there_is_a_limit),
        cmocka_unit_test(test_what_is_no_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
