/*
 * store_fixture.h: a store in a directory of its own under /tmp, for the tests of the cache's files.
 */
#ifndef WEIR_STORE_FIXTURE_H
#define WEIR_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cache/purge_log.h"
#include "core/cache/store_file.h"
#include "core/cache/store_write.h"

#define TEST_BITS 10

struct fixture {
    char path[64]; /* of the store */
    struct store *store;
    struct store_counts counts;
    struct purge purge;
    void *board;
    struct store_fault fault;
    uint64_t buffer[STORE_BUFFER / 8], scratch[STORE_BLOCK / 8];
    struct store_object object;
};

static inline void open_store(struct fixture *f)
{
    f->store = store_open(f->path, &f->purge, &f->counts, &f->fault);
    if (!f->store)
        fail_msg("store_open: %s: %s", f->fault.what, strerror(f->fault.number));
}

static inline void fresh_board(struct fixture *f)
{
    free(f->board);
    f->board = aligned_alloc(64, (purge_board_bytes(TEST_BITS) + 63) / 64 * 64);
    memset(f->board, 0, purge_board_bytes(TEST_BITS));
    purge_init(&f->purge, f->board, TEST_BITS);
}

static WEIR_UNUSED int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    snprintf(f->path, sizeof(f->path), "/tmp/weir-store-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    fresh_board(f);
    open_store(f);
    *state = f;
    return 0;
}

static inline int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static WEIR_UNUSED int tear_down(void **state)
{
    struct fixture *f = *state;

    store_close(f->store);
    nftw(f->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(f->board);
    free(f);
    return 0;
}

/* Body byte i of what `seed` names. */
static inline char body_byte(unsigned seed, size_t i)
{
    return (char)((i * 131 + (i >> 9) * 7 + (i >> 17)) ^ (seed * 0x9e37u >> 3));
}

static inline char *make_body(unsigned seed, size_t len)
{
    char *body = malloc(len + 1);

    assert_non_null(body);
    for (size_t i = 0; i < len; i++)
        body[i] = body_byte(seed, i);
    return body;
}

static inline struct store_key key_of(struct fixture *f, const char *key)
{
    struct store_key k;

    assert_int_equal(store_key_primary(f->store, str_of(key), &k), 0);
    return k;
}

/* Stores what `seed` names; 0 or -1 with f->fault. */
static inline int put(struct fixture *f, const char *key, unsigned seed, size_t len)
{
    struct store_key k = key_of(f, key);
    char fields[64], *end = store_field_put(fields, STR("content-type"), STR("text/plain"));
    char *body = make_body(seed, len);
    struct store_head head;
    int result;

    store_head_init(&head, &k);
    head.fields = (struct str){fields, (size_t)(end - fields)};
    head.facts.status = 200;
    head.facts.spare[0] = seed;
    head.seq = purge_seq(&f->purge);
    result = store_put(f->store, &head, (struct str){body, len}, &f->fault);
    free(body);
    return result;
}

/* The object of `key`, in f->object. */
static inline enum store_found look(struct fixture *f, const char *key)
{
    struct store_key k = key_of(f, key);

    return store_read_open(f->store, &k, (char *)f->buffer, &f->object, &f->fault);
}

/* Whether each byte of the body of f->object is that of `seed`; false, with errno, where a block was refused. */
static inline bool body_is(struct fixture *f, unsigned seed, size_t len)
{
    struct str bytes;
    uint64_t at = 0;

    assert_int_equal(f->object.head.body_len, len);
    while (at < len) {
        if (store_read_block(&f->object, at, (char *)f->scratch, &bytes, &f->fault) != 0)
            return false;
        assert_true(bytes.len > 0);
        for (size_t i = 0; i < bytes.len; i++)
            if (bytes.s[i] != body_byte(seed, at + i))
                fail_msg("byte %zu of the body is wrong", (size_t)at + i);
        at += bytes.len;
    }
    return true;
}

static inline void expect_hit(struct fixture *f, const char *key, unsigned seed, size_t len)
{
    if (look(f, key) != STORE_HIT)
        fail_msg("no hit of %s", key);
    assert_true(body_is(f, seed, len));
    assert_int_equal(f->object.head.facts.spare[0], seed);
    store_read_close(&f->object);
}

/* The path of the file of `key`. */
static inline void path_of(struct fixture *f, const char *key, char path[160])
{
    struct store_key k = key_of(f, key);
    char name[STORE_NAME];

    store_name(k.hash, name);
    snprintf(path, 160, "%s/%s", f->path, name);
}

struct tally {
    unsigned objects, temporary, others;
};

/* Counts the files in the directories of the store. */
static inline struct tally tally_files(struct fixture *f)
{
    struct tally t = {0};

    for (unsigned i = 0; i < STORE_DIRECTORIES; i++) {
        char path[100];
        DIR *dir;
        struct dirent *e;
        struct hash_128 hash;

        snprintf(path, sizeof(path), "%s/%03x", f->path, i);
        dir = opendir(path);
        while (dir && (e = readdir(dir))) {
            if (e->d_name[0] == '.')
                continue;
            if (store_name_parse(i, e->d_name, &hash))
                t.objects++;
            else if (strncmp(e->d_name, "tmp.", 4) == 0)
                t.temporary++;
            else
                t.others++;
        }
        if (dir)
            closedir(dir);
    }
    return t;
}

#endif
