/* test_store.c: objects stored, found, renewed, replaced and removed; damage of every kind is found. */
#include "store_fixture.h"

#include "base/rnd.h"
#include "core/cache/store_vary.h"

static void test_round_trip(void **state)
{
    static const size_t lengths[] = {0, 1, 1000, 60 * 1024, 64 * 1024, 64 * 1024 + 1, 128 * 1024, 1000 * 1000};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        char key[32];

        snprintf(key, sizeof(key), "http://a/%zu", lengths[i]);
        assert_int_equal(look(f, key), STORE_MISS);
        assert_int_equal(put(f, key, (unsigned)i, lengths[i]), 0);
        expect_hit(f, key, (unsigned)i, lengths[i]);
        assert_int_equal(look(f, "http://a/other"), STORE_MISS);
    }
    assert_int_equal(tally_files(f).objects, ARRAY_SIZE(lengths));
    assert_int_equal(tally_files(f).temporary, 0);
    store_close(f->store);
    open_store(f);
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        char key[32];

        snprintf(key, sizeof(key), "http://a/%zu", lengths[i]);
        expect_hit(f, key, (unsigned)i, lengths[i]);
    }
}

static void test_head_comes_back(void **state)
{
    struct fixture *f = *state;
    struct store_key k = key_of(f, "http://h/?q");
    struct store_head head;
    char fields[200], *end = store_field_put(fields, STR("etag"), STR("\"x\""));
    struct str rest, name, value;

    end = store_field_put(end, STR("x-empty"), STR(""));
    store_head_init(&head, &k);
    head.fields = (struct str){fields, (size_t)(end - fields)};
    head.facts = (struct store_facts){1, 2, 3, 4, -1, 6, {7, 8}, 9, 204, 1};
    head.seq = 17;
    head.tag_count = 2;
    head.tags[0] = store_tag_hash(f->store, STR("a"));
    head.tags[1] = store_tag_hash(f->store, STR("b"));
    assert_int_equal(store_put(f->store, &head, STR("body"), &f->fault), 0);
    assert_int_equal(look(f, "http://h/?q"), STORE_HIT);
    assert_memory_equal(&f->object.head.facts, &head.facts, sizeof(head.facts));
    assert_true(f->object.head.seq == 17 && f->object.head.tag_count == 2);
    assert_memory_equal(f->object.head.tags, head.tags, 2 * sizeof(uint64_t));
    assert_true(head.tags[0] != head.tags[1]);
    assert_true(str_eq(f->object.body, STR("body")));
    rest = f->object.head.fields;
    assert_true(store_field_next(&rest, &name, &value));
    assert_true(str_eq(name, STR("etag")) && str_eq(value, STR("\"x\"")));
    assert_true(store_field_next(&rest, &name, &value));
    assert_true(str_eq(name, STR("x-empty")) && value.len == 0);
    assert_false(store_field_next(&rest, &name, &value));
    store_read_close(&f->object);
}

static void test_limits(void **state)
{
    struct fixture *f = *state;
    static char long_text[STORE_HEAD_MAX + 1];
    struct store_key k;
    struct store_head head;

    memset(long_text, 'x', sizeof(long_text));
    assert_int_equal(store_key_primary(f->store, STR(""), &k), -1);
    assert_int_equal(store_key_primary(f->store, (struct str){long_text, STORE_KEY_MAX + 1}, &k), -1);
    assert_int_equal(store_key_primary(f->store, (struct str){long_text, STORE_KEY_MAX}, &k), 0);
    store_head_init(&head, &k);
    head.fields = (struct str){long_text, STORE_HEAD_MAX - STORE_KEY_MAX};
    assert_int_equal(store_put(f->store, &head, STR("b"), &f->fault), -1);
    assert_int_equal(f->fault.number, E2BIG);
    head.fields.len -= 1024;
    head.tag_count = STORE_TAGS_MAX + 1;
    assert_null(store_write_begin(f->store, &head, -1, &f->fault));
    head.tag_count = STORE_TAGS_MAX;
    assert_int_equal(store_put(f->store, &head, STR("b"), &f->fault), 0);
    assert_int_equal(store_read_open(f->store, &k, (char *)f->buffer, &f->object, &f->fault), STORE_HIT);
    assert_int_equal(f->object.head.fields.len, head.fields.len);
}

/* A body in pieces: of known and unknown length, read by a follower while it grows. */
static void write_in_pieces(struct fixture *f, const char *key, size_t len, size_t piece, int64_t expected)
{
    struct store_key k = key_of(f, key);
    struct store_head head;
    struct store_write *w;
    char *body = make_body(3, len), *seen = malloc(len + 1);
    size_t followed = 0;

    store_head_init(&head, &k);
    head.facts.spare[0] = 3;
    w = store_write_begin(f->store, &head, expected, &f->fault);
    assert_non_null(w);
    for (size_t at = 0; at < len; at += piece) {
        struct str bytes = {body + at, piece < len - at ? piece : len - at};
        ssize_t n;

        assert_int_equal(store_write_body(w, bytes, &f->fault), 0);
        n = store_write_peek(w, followed, seen + followed, len);
        assert_int_equal(n, store_write_length(w) - followed);
        followed += (size_t)n;
    }
    assert_int_equal(look(f, key), STORE_MISS);
    assert_int_equal(store_write_commit(w, &f->fault), 0);
    assert_int_equal(store_write_peek(w, 0, seen, len), len);
    assert_memory_equal(seen, body, len);
    store_write_free(w);
    expect_hit(f, key, 3, len);
    free(body);
    free(seen);
}

static void test_pieces(void **state)
{
    struct fixture *f = *state;
    static const size_t lengths[] = {0, 10, 5000, 65000, 65536, 70000, 300000};
    static const size_t pieces[] = {1000, 16384, 65536, 1000000};
    char key[64];

    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
        for (size_t j = 0; j < ARRAY_SIZE(pieces); j++) {
            snprintf(key, sizeof(key), "http://p/%zu/%zu", i, j);
            write_in_pieces(f, key, lengths[i], pieces[j], -1);
            snprintf(key, sizeof(key), "http://p/%zu/%zu/known", i, j);
            write_in_pieces(f, key, lengths[i], pieces[j], (int64_t)lengths[i]);
        }
}

static void test_incomplete_is_not_stored(void **state)
{
    struct fixture *f = *state;
    static const size_t lengths[] = {100, 200000};

    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct store_key k = key_of(f, "http://i/");
        struct store_head head;
        struct store_write *w;
        char *body = make_body(1, lengths[i]);

        store_head_init(&head, &k);
        w = store_write_begin(f->store, &head, (int64_t)lengths[i] + 1, &f->fault);
        assert_int_equal(store_write_body(w, (struct str){body, lengths[i]}, &f->fault), 0);
        assert_int_equal(store_write_commit(w, &f->fault), -1);
        assert_int_equal(f->fault.number, EINVAL);
        store_write_free(w);
        w = store_write_begin(f->store, &head, -1, &f->fault);
        assert_int_equal(store_write_body(w, (struct str){body, lengths[i]}, &f->fault), 0);
        store_write_free(w);
        assert_int_equal(look(f, "http://i/"), STORE_MISS);
        assert_int_equal(tally_files(f).temporary + tally_files(f).objects, 0);
        free(body);
    }
}

static uint64_t held_bytes(struct fixture *f)
{
    return f->counts.added_bytes - f->counts.removed_bytes;
}

static void test_replacing_and_counting(void **state)
{
    struct fixture *f = *state;
    struct store_key k = key_of(f, "http://r/");

    assert_int_equal(put(f, "http://r/", 1, 100), 0);
    assert_int_equal(held_bytes(f), 4096);
    assert_int_equal(put(f, "http://r/", 2, 10000), 0);
    assert_int_equal(held_bytes(f), 12288);
    assert_int_equal(f->counts.added_objects - f->counts.removed_objects, 1);
    expect_hit(f, "http://r/", 2, 10000);
    f->store->plain_rename = true;
    assert_int_equal(put(f, "http://r/", 3, 200000), 0);
    assert_int_equal(f->counts.added_objects - f->counts.removed_objects, 1);
    assert_int_equal(look(f, "http://r/"), STORE_HIT);
    assert_int_equal(store_unlink(f->store, k.hash), 0);
    assert_true(body_is(f, 3, 200000)); /* who has it open reads on */
    store_read_close(&f->object);
    assert_int_equal(held_bytes(f), 0);
    assert_int_equal(store_unlink(f->store, k.hash), -1);
    assert_int_equal(errno, ENOENT);
}

static void test_moved(void **state)
{
    struct fixture *f = *state;
    static const size_t lengths[] = {3000, 150000};

    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        char *copy;

        assert_int_equal(put(f, "http://m/", 4, lengths[i]), 0);
        assert_int_equal(look(f, "http://m/"), STORE_HIT);
        copy = malloc(f->object.bytes.len);
        store_read_move(&f->object, copy);
        memset(f->buffer, 0xee, sizeof(f->buffer));
        assert_true(str_eq(f->object.head.key, STR("http://m/")));
        assert_true(body_is(f, 4, lengths[i]));
        store_read_close(&f->object);
        free(copy);
    }
}

static void flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR);
    char byte;

    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* Every single byte of a small object: never a hit. */
static void test_flipped_small(void **state)
{
    struct fixture *f = *state;
    char path[160];
    struct stat st;

    path_of(f, "http://f/", path);
    assert_int_equal(put(f, "http://f/", 5, 300), 0);
    assert_int_equal(stat(path, &st), 0);
    for (off_t at = 0; at < st.st_size; at++) {
        enum store_found found;

        flip(path, at);
        found = look(f, "http://f/");
        if (found != STORE_BAD)
            fail_msg("byte %d flipped: %d", (int)at, (int)found);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(put(f, "http://f/", 5, 300), 0);
    }
    assert_int_equal(held_bytes(f), 4096);
}

/* Of a big one each byte of what is in use, some of the body: refused when opened, or when its block is read. */
static void test_flipped_big(void **state)
{
    enum { LEN = 3 * STORE_BLOCK + 100 };
    struct fixture *f = *state;
    unsigned refused = 0;
    struct stat st;
    char path[160];
    uint32_t room, body_at;

    path_of(f, "http://f/", path);
    assert_int_equal(put(f, "http://f/", 5, LEN), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(look(f, "http://f/"), STORE_HIT);
    room = f->object.head.room;
    body_at = f->object.head.body_at;
    store_read_close(&f->object);
    for (off_t at = 0; at < st.st_size; at += at < 300 || at >= (off_t)body_at + LEN ? 1 : 4999) {
        enum store_found found;

        flip(path, at);
        found = look(f, "http://f/");
        if (found == STORE_HIT) {
            if (body_is(f, 5, LEN))
                assert_true(at > 200 && at < (off_t)body_at && room > 0);
            else {
                assert_int_equal(f->fault.number, EBADMSG);
                refused++;
            }
            store_read_close(&f->object);
        } else
            assert_int_equal(found, STORE_BAD);
        assert_int_equal(put(f, "http://f/", 5, LEN), 0);
    }
    assert_true(refused > 30);
}

static void test_checked_blocks(void **state)
{
    enum { LEN = 3 * STORE_BLOCK };
    struct fixture *f = *state;
    char path[160];

    path_of(f, "http://c/", path);
    assert_int_equal(put(f, "http://c/", 6, LEN), 0);
    assert_int_equal(look(f, "http://c/"), STORE_HIT);
    flip(path, f->object.head.body_at + STORE_BLOCK + 5);
    assert_int_equal(store_read_check(&f->object, 0, 10, (char *)f->scratch, &f->fault), 0);
    assert_int_equal(store_read_check(&f->object, 2 * STORE_BLOCK, LEN, (char *)f->scratch, &f->fault), 0);
    assert_int_equal(store_read_check(&f->object, LEN, 100, (char *)f->scratch, &f->fault), 0);
    assert_int_equal(store_read_check(&f->object, STORE_BLOCK - 1, 1, (char *)f->scratch, &f->fault), 0);
    assert_int_equal(store_read_check(&f->object, STORE_BLOCK - 1, 2, (char *)f->scratch, &f->fault), -1);
    assert_int_equal(f->fault.number, EBADMSG);
    flip(path, f->object.head.body_at + STORE_BLOCK + 5);
    assert_int_equal(store_read_check(&f->object, 0, UINT64_MAX, (char *)f->scratch, &f->fault), 0);
    flip(path, f->object.head.body_at + 5);
    assert_int_equal(store_read_check(&f->object, 0, 10, (char *)f->scratch, &f->fault), 0); /* once an opening */
    store_read_close(&f->object);
}

static void test_cut_and_zeroed(void **state)
{
    struct fixture *f = *state;
    static const size_t lengths[] = {300, 200000};
    char path[160];

    path_of(f, "http://z/", path);
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct stat st;
        off_t step;

        assert_int_equal(put(f, "http://z/", 7, lengths[i]), 0);
        assert_int_equal(stat(path, &st), 0);
        step = st.st_size / 97 + 1;
        for (off_t at = 0; at < st.st_size; at += step) {
            assert_int_equal(truncate(path, at), 0);
            assert_int_equal(look(f, "http://z/"), STORE_BAD);
            assert_int_equal(put(f, "http://z/", 7, lengths[i]), 0);
        }
        assert_int_equal(truncate(path, st.st_size + 1), 0);
        assert_int_equal(look(f, "http://z/"), STORE_BAD);
        assert_int_equal(put(f, "http://z/", 7, lengths[i]), 0);
        assert_int_equal(truncate(path, 0), 0); /* after a power cut: its length, but zeros */
        assert_int_equal(truncate(path, st.st_size), 0);
        assert_int_equal(look(f, "http://z/"), STORE_BAD);
    }
}

/* A file under the name of another key is not what was asked for. */
static void test_other_key(void **state)
{
    struct fixture *f = *state;
    char from[160], to[160], directory[160];

    assert_int_equal(put(f, "http://o/1", 1, 10), 0);
    path_of(f, "http://o/1", from);
    path_of(f, "http://o/2", to);
    snprintf(directory, sizeof(directory), "%.*s", (int)(strrchr(to, '/') - to), to);
    mkdir(directory, 0700);
    assert_int_equal(link(from, to), 0);
    assert_int_equal(look(f, "http://o/2"), STORE_MISS);
    expect_hit(f, "http://o/1", 1, 10);
}

static void update(struct fixture *f, const char *key, struct str fields, int64_t lifetime, int expected)
{
    struct store_head head;

    assert_int_equal(look(f, key), STORE_HIT);
    head = f->object.head;
    head.fields = fields;
    head.facts.lifetime = lifetime;
    assert_int_equal(store_update(f->store, &f->object, &head, &f->fault), expected);
    store_read_close(&f->object);
}

static void test_update(void **state)
{
    struct fixture *f = *state;
    static const size_t lengths[] = {300, 200000};
    static char long_fields[3000];

    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        assert_int_equal(put(f, "http://u/", 8, lengths[i]), 0);
        for (int n = 1; n < 6; n++) {
            char text[8] = {(char)('0' + n), 0};

            update(f, "http://u/", str_of(text), n, 0);
            expect_hit(f, "http://u/", 8, lengths[i]);
            assert_int_equal(look(f, "http://u/"), STORE_HIT);
            assert_int_equal(f->object.head.facts.lifetime, n);
            assert_true(str_eq(f->object.head.fields, str_of(text)));
            store_read_close(&f->object);
        }
        update(f, "http://u/", (struct str){long_fields, sizeof(long_fields)}, 9, i == 0 ? 0 : -1);
        expect_hit(f, "http://u/", 8, lengths[i]);
    }
    assert_int_equal(f->fault.number, E2BIG);
}

/* A head that was torn while it was rewritten leaves the one before. */
static void test_torn_update(void **state)
{
    struct fixture *f = *state;
    char path[160];
    uint32_t room;

    path_of(f, "http://t/", path);
    assert_int_equal(put(f, "http://t/", 9, 200000), 0);
    for (int n = 1; n < 4; n++) {
        update(f, "http://t/", STR("new"), n, 0);
        assert_int_equal(look(f, "http://t/"), STORE_HIT);
        room = f->object.head.room;
        store_read_close(&f->object);
        flip(path, (n & 1) * (off_t)room + 190);
        assert_int_equal(look(f, "http://t/"), STORE_HIT);
        assert_int_equal(f->object.head.facts.lifetime, n - 1);
        assert_true(body_is(f, 9, 200000));
        store_read_close(&f->object);
        flip(path, (n & 1) * (off_t)room + 190);
    }
}

/* What was looked up is no longer there: a new head must not go to another body. */
static void test_update_of_replaced(void **state)
{
    struct fixture *f = *state;
    struct store_head head;

    assert_int_equal(put(f, "http://s/", 1, 200000), 0);
    assert_int_equal(look(f, "http://s/"), STORE_HIT);
    head = f->object.head;
    head.facts.lifetime = 77;
    assert_int_equal(put(f, "http://s/", 2, 200000), 0);
    assert_int_equal(store_update(f->store, &f->object, &head, &f->fault), -1);
    assert_int_equal(f->fault.number, ESTALE);
    store_unlink(f->store, head.hash);
    assert_int_equal(store_update(f->store, &f->object, &head, &f->fault), -1);
    assert_int_equal(f->fault.number, ESTALE);
    store_read_close(&f->object);
}

static int put_variant(struct fixture *f, const struct store_key *k, const char *body)
{
    struct store_head head;

    store_head_init(&head, k);
    return store_put(f->store, &head, str_of(body), &f->fault);
}

static void test_variants(void **state)
{
    struct fixture *f = *state;
    static const char *const values[] = {"a", "b", "c", "d"};
    struct store_key k = key_of(f, "http://v/"), v[4];
    uint64_t nonce, other;

    assert_int_equal(store_vary_mark(f->store, &k, STR("accept-encoding"), 0, &nonce, &f->fault), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(store_key_variant(f->store, &k, nonce, str_of(values[i]), &v[i]), 0);
        assert_int_equal(put_variant(f, &v[i], values[i]), 0);
        for (int twice = 0; twice < 2; twice++) {
            assert_int_equal(look(f, "http://v/"), STORE_HIT);
            assert_int_equal(f->object.head.kind, STORE_MARKER);
            assert_true(f->object.head.nonce == nonce);
            assert_true(str_eq(f->object.head.variant, STR("accept-encoding")));
            assert_int_equal(store_vary_add(f->store, &f->object, v[i].hash, 3, &f->fault), 0);
        }
    }
    assert_int_equal(look(f, "http://v/"), STORE_HIT);
    assert_int_equal(store_vary_count(&f->object), 3);
    for (unsigned i = 0; i < 4; i++) {
        enum store_found found = store_read_open(f->store, &v[i], (char *)f->buffer, &f->object, &f->fault);

        assert_int_equal(found, i == 0 ? STORE_MISS : STORE_HIT);
        if (i > 0)
            assert_true(str_eq(f->object.body, str_of(values[i])));
    }
    assert_int_equal(store_vary_mark(f->store, &k, STR("accept"), 0, &other, &f->fault), 0);
    assert_true(other != nonce);
    assert_int_equal(store_key_variant(f->store, &k, other, STR("b"), &v[0]), 0);
    assert_int_equal(store_read_open(f->store, &v[0], (char *)f->buffer, &f->object, &f->fault), STORE_MISS);
}

static uint64_t nonce_for(struct fixture *f, const char *vary)
{
    struct store_key k = key_of(f, "http://n/");
    uint64_t nonce = 0;

    assert_int_equal(store_vary_nonce(f->store, &k, str_of(vary), purge_seq(&f->purge), (char *)f->buffer, &nonce,
                         &f->fault), 0);
    assert_true(nonce != 0);
    return nonce;
}

/* A marker is kept while it serves, and made anew for other names, after a purge and in an object's place. */
static void test_nonces(void **state)
{
    struct fixture *f = *state;
    uint64_t first = nonce_for(f, "accept"), other;

    assert_true(nonce_for(f, "accept") == first);
    other = nonce_for(f, "accept-encoding");
    assert_true(other != first);
    assert_true(nonce_for(f, "accept-encoding") == other);
    purge_prefix(&f->purge, STR("http://n/"), PURGE_SOFT);
    assert_true(nonce_for(f, "accept-encoding") == other);
    purge_prefix(&f->purge, STR("http://n/"), PURGE_HARD);
    first = nonce_for(f, "accept-encoding");
    assert_true(first != other);
    assert_int_equal(put(f, "http://n/", 1, 100), 0);
    assert_true(nonce_for(f, "accept-encoding") != first);
    assert_int_equal(look(f, "http://n/"), STORE_HIT);
    assert_int_equal(f->object.head.kind, STORE_MARKER);
}

static void test_purged(void **state)
{
    struct fixture *f = *state;
    struct store_key k = key_of(f, "http://x/1");
    struct store_write *w;
    struct store_head head;

    assert_int_equal(put(f, "http://x/1", 1, 100), 0);
    assert_int_equal(put(f, "http://x/2", 1, 100), 0);
    purge_hash(&f->purge, k.primary.high, PURGE_SOFT);
    assert_int_equal(look(f, "http://x/1"), STORE_HIT);
    assert_true(f->object.soft);
    purge_hash(&f->purge, k.primary.high, PURGE_HARD);
    assert_int_equal(look(f, "http://x/1"), STORE_PURGED);
    assert_int_equal(look(f, "http://x/1"), STORE_MISS);
    assert_int_equal(look(f, "http://x/2"), STORE_HIT);
    assert_false(f->object.soft);
    store_head_init(&head, &k);
    head.seq = purge_seq(&f->purge);
    w = store_write_begin(f->store, &head, -1, &f->fault);
    purge_hash(&f->purge, k.primary.high, PURGE_HARD);
    assert_int_equal(store_write_commit(w, &f->fault), -1);
    assert_int_equal(f->fault.number, ECANCELED);
    store_write_free(w);
    assert_int_equal(put(f, "http://x/1", 2, 100), 0);
    expect_hit(f, "http://x/1", 2, 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip), TEST(test_head_comes_back), TEST(test_limits), TEST(test_pieces),
        TEST(test_incomplete_is_not_stored), TEST(test_replacing_and_counting), TEST(test_moved),
        TEST(test_flipped_small), TEST(test_flipped_big), TEST(test_checked_blocks), TEST(test_cut_and_zeroed),
        TEST(test_other_key), TEST(test_update), TEST(test_torn_update), TEST(test_update_of_replaced),
        TEST(test_variants), TEST(test_nonces), TEST(test_purged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
