/* test_sticky_value.c: values that name servers: the same everywhere with the key, nothing without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rnd.h"
#include "core/upstream/sticky_value.h"

static struct sticky_values *values_of(const char *secret, const char *upstream, const char *const *names)
{
    uint8_t key[HMAC_BYTES];
    struct sticky_values *v;
    size_t count = 0;

    while (names[count])
        count++;
    sticky_value_key(str_of(secret), str_of(upstream), key);
    v = sticky_values_new(key);
    assert_non_null(v);
    assert_int_equal(sticky_values_begin(v, count), 0);
    for (size_t i = 0; i < count; i++)
        sticky_values_put(v, i, str_of(names[i]));
    return v;
}

static const char *const three[] = {"a", "b", "c", NULL};
static const char *const turned[] = {"d", "c", "b", "a", NULL};
static const char *const two[] = {"a", "c", NULL};

/* RFC 4231, test cases 2 and 6: a short key, and one longer than a block. */
static void test_hmac(void **state)
{
    static const uint8_t short_key[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e};
    static const uint8_t long_key[] = {0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f};
    uint8_t out[HMAC_BYTES];
    char aa[131];

    (void)state;
    hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), out);
    assert_memory_equal(out, short_key, sizeof(short_key));
    memset(aa, 0xaa, sizeof(aa));
    hmac_sha256((struct str){aa, sizeof(aa)}, STR("Test Using Larger Than Block-Size Key - Hash Key First"),
                out);
    assert_memory_equal(out, long_key, sizeof(long_key));
    hmac_sha256(STR_NONE, STR_NONE, out);
}

static void test_names_server(void **state)
{
    struct sticky_values *one = values_of("s", "up", three), *other = values_of("s", "up", turned);
    static const int64_t times[] = {0, 1, 1700000000, (INT64_C(1) << 36) - 1};
    char text[STICKY_DATED], again[STICKY_DATED];

    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < ARRAY_SIZE(times); k++) {
            struct str value = sticky_value_make(one, i, times[k], text);
            struct sticky_reading reading = sticky_value_read(other, value);

            assert_int_equal(value.len, times[k] ? STICKY_DATED : STICKY_PLAIN);
            assert_true(reading.authentic);
            assert_int_equal(reading.index, 3 - (int)i);
            assert_int_equal(reading.time_s, times[k]);
            assert_true(str_eq(value, sticky_value_make(other, 3 - i, times[k], again)));
        }
    sticky_values_free(one);
    sticky_values_free(other);
}

/* Every other text of the right length that differs in one byte, and all lengths. */
static void test_forged(void **state)
{
    struct sticky_values *v = values_of("s", "up", three);
    char text[STICKY_DATED + 1];

    (void)state;
    for (int64_t time_s = 0; time_s < 2; time_s++) {
        size_t len = sticky_value_make(v, 1, time_s, text).len;

        for (size_t at = 0; at < len; at++)
            for (int byte = 0; byte < 256; byte++) {
                char was = text[at];

                text[at] = (char)byte;
                assert_int_equal(sticky_value_read(v, (struct str){text, len}).authentic, text[at] == was);
                text[at] = was;
            }
        for (size_t cut = 0; cut <= sizeof(text); cut++)
            if (cut != len)
                assert_false(sticky_value_read(v, (struct str){text, cut}).authentic);
    }
    /* A plain id with the code of a dated one, and the other way round. */
    assert_false(sticky_value_read(v, STR_NONE).authentic);
    sticky_values_free(v);
}

static void test_strangers(void **state)
{
    static const struct {
        const char *secret, *upstream;
        bool authentic;
    } cases[] = {
        {"s", "up", true}, {"s", "u", false}, {"t", "up", false}, {"su", "p", false}, {"", "up", false}};
    struct sticky_values *v = values_of("s", "up", three);
    char text[STICKY_DATED];
    struct str value = sticky_value_make(v, 0, 0, text);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sticky_values *other = values_of(cases[i].secret, cases[i].upstream, three);

        assert_int_equal(sticky_value_read(other, value).authentic, cases[i].authentic);
        sticky_values_free(other);
    }
    sticky_values_free(v);
}

/* Servers come, go, change places; an index is used again for another name. */
static void test_changes(void **state)
{
    struct sticky_values *v = values_of("s", "up", two), *all = values_of("s", "up", three);
    char text[STICKY_DATED];
    struct str b = sticky_value_make(all, 1, 0, text);
    struct sticky_reading reading = sticky_value_read(v, b);

    (void)state;
    assert_true(reading.authentic);
    assert_int_equal(reading.index, -1);
    assert_int_equal(sticky_values_begin(v, 40), 0);
    assert_int_equal(sticky_value_read(v, b).index, -1);
    sticky_values_put(v, 1, STR("b"));
    sticky_values_put(v, 39, STR("a"));
    assert_int_equal(sticky_value_read(v, b).index, 1);
    assert_int_equal(sticky_value_find(v, sticky_value_tag(v, 39)), 39);
    assert_int_equal(sticky_value_find(v, 0), -1);
    assert_int_equal(sticky_value_tag(v, 40), 0);
    sticky_values_put(v, 40, STR("x"));
    sticky_values_free(v);
    sticky_values_free(all);
}

static void test_many(void **state)
{
    enum { COUNT = 3000 };
    static char names[COUNT][16];
    const char *list[COUNT + 1] = {NULL};
    struct sticky_values *v;
    char text[STICKY_DATED];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof(names[i]), "10.0.%zu.%zu:80", i / 256, i % 256);
        list[i] = names[i];
    }
    v = values_of("s", "up", list);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(sticky_value_read(v, sticky_value_make(v, i, 0, text)).index, i);
    sticky_values_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hmac),      cmocka_unit_test(test_names_server), cmocka_unit_test(test_forged),
        cmocka_unit_test(test_strangers), cmocka_unit_test(test_changes),      cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
