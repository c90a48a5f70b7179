/*
 * test_conf_text.c: each slip that the text pass knows, with the exact line and message; what is right
 * passes; includes keep their file and line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libconfig.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/text.h"

/* The errors of `text` as printed; owned by the caller. */
static char *errors_of(const char *text, const char *dir)
{
    struct pool *pool = pool_new(4096);
    struct conf_report report;
    struct conf_text t;
    char *out = NULL;
    size_t len = 0;
    conf_report_init(&report, pool);
    int rc = conf_text_from(&t, pool, &report, "w.conf", dir, str_of(text));
    FILE *f = open_memstream(&out, &len);
    size_t n = conf_report_print(&report, f);
    fclose(f);
    assert_int_equal(rc, n ? -1 : 0);
    if (!n) {
        config_t c;
        config_init(&c);
        if (!config_read_string(&c, t.s)) {
            fail_msg("libconfig refuses line %d of: %s", config_error_line(&c), t.s);
        }
        config_destroy(&c);
    }
    pool_free(pool);
    return out;
}

static const struct {
    const char *text, *errors;
} cases[] = {
    {"a = 1; b = [ 1, 2, ]; c = ( \"x\", { d = 2L; }, ); # no\n", ""},
    {"a = 0x1F; b = -1.5; c = 1e3; d = TRUE; e : \"x\" \"y\"; // z\n/* \n */ f = 4294967296L;", ""},
    {"a = \"# no comment // here\"; b = \"q\\\"r\\x01\"; c = \"\\\\x00\";", ""},
    {"a = 4294967296;", "w.conf:1: 4294967296 does not fit in 31 bits; write 4294967296L\n"},
    {"a = 2147483647;\nb = 2147483648;",
        "w.conf:2: 2147483648 does not fit in 31 bits; write 2147483648L\n"},
    {"a = ( \"x\"\n \"y\" );",
        "w.conf:2: two strings without a comma between; write a comma before this one\n"},
    {"a = [ \"x\" \"y\" ];",
        "w.conf:1: two strings without a comma between; write a comma before this one\n"},
    {"a = ( { b = 1; }\n{ b = 2; } );",
        "w.conf:2: two elements without a comma between; write a comma before this one\n"},
    {"a = on;\n\nb = No;", "w.conf:1: 'on' is not a value here; write true\n"
                           "w.conf:3: 'No' is not a value here; write false\n"},
    {"a = 30s;", "w.conf:1: a number with a unit needs quotes; write \"30s\"\n"},
    {"a = info;", "w.conf:1: 'info' is not a value; write \"info\" if it is text\n"},
    {"a = 10.0.0.1:80;", "w.conf:1: '10.0.0.1:80' is not a value; write \"10.0.0.1:80\" if it is text\n"},
    {"/*\n*/ listen \"x\";", "w.conf:2: no '=' after 'listen'; write listen = ...;\n"},
    {"h = { set = { X-A.B = \"1\";\n 1a = \"2\"; X-C = \"3\"; }; };",
        "w.conf:1: 'X-A.B' cannot stand before '='; write set = ( { name = \"X-A.B\"; value = \"VALUE\"; } );\n"
        "w.conf:2: '1a' cannot stand before '='; write set = ( { name = \"1a\"; value = \"VALUE\"; } );\n"},
    {"types = { tar.gz = \"a\"; };", "w.conf:1: 'tar.gz' cannot stand before '='; "
        "write types = ( { name = \"tar.gz\"; value = \"VALUE\"; } );\n"},
    {"a.b = 1;\n2c = 2;", "w.conf:1: 'a.b' is not a name; write NAME = VALUE;\n"
                        "w.conf:2: '2c' is not a name; write NAME = VALUE;\n"},
    {"h = { add = { \"X-A\" = \"1\"; }; };",
        "w.conf:1: a name has no quotes; write NAME = VALUE; or add = ( { name = \"NAME\"; value = \"VALUE\"; } );\n"
        "w.conf:1: '=' without a name before it; write NAME = VALUE;\n"},
    {"a {\n b = 1; }", "w.conf:1: no '=' after 'a'; write a = ...;\n"},
    {"a = ;", "w.conf:1: 'a' has no value; write a = VALUE;\n"},
    {"x = 1;\na = { b = (\n 1 };\n", "w.conf:2: '(' is not closed; write the ')' that ends it\n"},
    {"a = {\n b = 1;\n", "w.conf:1: '{' is not closed; write the '}' that ends it\n"},
    {"a = 1; }", "w.conf:1: '}' closes nothing; remove it or write its '{'\n"},
    {"a = 1;\n\na = 2;", "w.conf:3: 'a' is set twice, first at w.conf:1; keep one of them\n"},
    {"h = { set = { X-A = \"1\";\nx-a = \"2\"; }; };",
        "w.conf:2: 'x-a' is set twice, first at w.conf:1; keep one of them\n"},
    {"h = { a = 1; A = 2; };", ""},
    {"a = \"x\\x00y\";", "w.conf:1: \\x00 would end the text there; remove it\n"},
    {"a = \"x;\nb = 2;", "w.conf:1: the string is not closed on its line; write the '\"' that ends it\n"},
    {"a = 1;;", "w.conf:1: ';' ends nothing; remove it\n"},
    {"a = ( 1,, 2 );", "w.conf:1: no element before this comma; remove the comma\n"},
    {"a = 1;\n/* b", "w.conf:2: the comment is not closed; write the '*/' that ends it\n"},
    {"a = 1; @include \"x\"",
        "w.conf:1: @include is not alone on its line; write @include \"FILE\" and nothing else there\n"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *got = errors_of(cases[i].text, "/");
        if (strcmp(got, cases[i].errors) != 0) {
            fail_msg("%s\n gave: %s\n not: %s", cases[i].text, got, cases[i].errors);
        }
        free(got);
    }
}

/* Bytes that end a C string, in and out of quotes. */
static void test_nul(void **state)
{
    static const char content[] = "a = \"x\0y\";\n\0b = 1;\n";
    struct pool *pool = pool_new(4096);
    struct conf_report report;
    struct conf_text text;
    (void)state;
    conf_report_init(&report, pool);
    assert_int_equal(conf_text_from(&text, pool, &report, "w.conf", "/",
        (struct str){content, sizeof(content) - 1}), -1);
    conf_report_sort(&report);
    assert_int_equal(report.n, 2);
    assert_string_equal(report.errors[0].what.s, "a NUL byte in the text; remove it");
    assert_string_equal(report.errors[1].what.s, "the byte \\x00 has no meaning here; remove it");
    assert_int_equal(report.errors[1].at.line, 2);
    pool_free(pool);
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_include(void **state)
{
    (void)state;
    char dir[] = "/tmp/weir-text-XXXXXX", want[512], path[256];
    assert_non_null(mkdtemp(dir));
    write_file(dir, "a.conf", "{ b = 1; },\n{ b = off; },\n");
    write_file(dir, "loop.conf", "@include \"loop.conf\"\n");
    char *got = errors_of("x = (\n  @include \"a.conf\"\n);\ny = yes;\n", dir);
    snprintf(want, sizeof(want), "%s/a.conf:2: 'off' is not a value here; write false\n"
        "w.conf:4: 'yes' is not a value here; write true\n", dir);
    assert_string_equal(got, want);
    free(got);
    got = errors_of("@include \"loop.conf\"\n", dir);
    snprintf(want, sizeof(want), "%s/loop.conf:1: @include nests deeper than 10; "
        "does %s/loop.conf include itself?\n", dir, dir);
    assert_string_equal(got, want);
    free(got);
    got = errors_of("\n@include \"none.conf\"\n", dir);
    snprintf(want, sizeof(want), "w.conf:2: cannot read %s/none.conf: No such file or directory\n",
        dir);
    assert_string_equal(got, want);
    free(got);
    snprintf(path, sizeof(path), "%s/a.conf", dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/loop.conf", dir);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_include),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
