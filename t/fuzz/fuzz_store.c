/*
 * fuzz_store.c: the reader of stored objects, over any bytes: as a head, as a file and as fields.  What it accepts is
 * consistent with itself, and writes as what it was read from.
 */
#include <sys/mman.h>
#include <unistd.h>

#include <xxhash.h>

#include "core/cache/store_file.h"
#include "core/cache/store_read.h"
#include "fuzz.h"

const char *const fuzz_tokens[] = {
    "Weir\x01",           "\x01\x00\x01\x00", "\xff\xff\xff\xff", "\x00\x00\x01\x00", "\x00\x80\x00\x00",
    "\x00\x20\x00\x00", "\x7f",             NULL,
};

/* Where the hash of a head stands, and from where on it counts: so that changed heads are not all refused for it. */
#define HASH_AT 8
#define HASHED_FROM 16

static void make_hash_right(char *bytes, size_t len)
{
    uint32_t size;
    uint64_t hash;

    if (len < HASHED_FROM + sizeof(size))
        return;
    memcpy(&size, bytes + HASHED_FROM, sizeof(size));
    if (size <= HASHED_FROM || size > len)
        return;
    hash = XXH3_64bits(bytes + HASHED_FROM, size - HASHED_FROM);
    memcpy(bytes + HASH_AT, &hash, sizeof(hash));
}

static void check_fields(struct str fields)
{
    struct str rest = fields, name, value;

    while (store_field_next(&rest, &name, &value)) {
        CLAIM(fuzz_is_inside(name, fields));
        CLAIM(fuzz_is_inside(value, fields));
    }
}

static void check_head(struct str bytes)
{
    struct store_head head;
    char again[STORE_HEAD_MAX];
    size_t size;

    if (store_head_decode(bytes.s, bytes.len, &head) != NULL)
        return;
    CLAIM(fuzz_is_inside(head.key, bytes));
    CLAIM(fuzz_is_inside(head.variant, bytes));
    CLAIM(fuzz_is_inside(head.fields, bytes));
    CLAIM(head.tag_count <= STORE_TAGS_MAX);
    CLAIM(head.body_at <= STORE_BUFFER);
    check_fields(head.fields);
    size = store_head_size(&head);
    CLAIM(size > 0 && size <= bytes.len);
    store_head_encode(&head, again);
    CLAIM(memcmp(again, bytes.s, size) == 0);
}

static void check_file(struct str bytes)
{
    static char buffer[STORE_BUFFER], block[STORE_BLOCK];
    struct store_object object;
    struct str part;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    CLAIM(fd >= 0 && store_write_at(fd, bytes.s, bytes.len, 0) == 0);
    store_read_clear(&object);
    if (store_read_file(fd, buffer, &object) == NULL) {
        CLAIM(object.file_bytes == bytes.len);
        CLAIM(object.fd >= 0 || fuzz_is_inside(object.body, (struct str){buffer, bytes.len}));
        for (uint64_t at = 0; at < object.head.body_len; at += part.len)
            if (store_read_block(&object, at, block, &part, NULL) != 0 || part.len == 0)
                break;
    }
    object.fd = -1;
    store_read_close(&object);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy((struct str){(const char *)data, size});

    check_fields((struct str){copy, size});
    check_head((struct str){copy, size});
    make_hash_right(copy, size);
    check_head((struct str){copy, size});
    check_file((struct str){copy, size});
    free(copy);
    return 0;
}
