/* store_head.c: see store_head.h. */
#include <xxhash.h>

#include "core/cache/store_head.h"

#define MAGIC 0x72696557u /* "Weir" on this machine; another order of bytes is another number */
#define LAYOUT 1

/* The fixed part, as it stands in the file.  `hash` is over all behind it, to the end of the head. */
struct disk_head {
    uint32_t magic;
    uint16_t layout, kind;
    uint64_t hash;
    uint32_t size; /* of the head, this part included */
    uint32_t room, version, body_at;
    uint64_t body_len, body_hash;
    struct hash_128 name, primary;
    uint64_t nonce, seq;
    struct store_facts facts;
    uint32_t key_len, variant_len, fields_len, tag_count;
};

#define HASHED_FROM offsetof(struct disk_head, size)

_Static_assert(sizeof(struct store_facts) == 72, "no padding in what is written");
_Static_assert(sizeof(struct disk_head) == 184, "no padding in what is written");

void store_head_init(struct store_head *head, const struct store_key *key)
{
    memset(head, 0, sizeof(*head));
    head->kind = STORE_OBJECT;
    head->key = key->key;
    head->variant = key->variant;
    head->nonce = key->nonce;
    head->primary = key->primary;
    head->hash = key->hash;
}

size_t store_head_size(const struct store_head *head)
{
    size_t size;

    if (head->key.len == 0 || head->key.len > STORE_KEY_MAX || head->variant.len > STORE_KEY_MAX
        || head->tag_count > STORE_TAGS_MAX || head->fields.len > STORE_HEAD_MAX)
        return 0;
    size = sizeof(struct disk_head) + head->tag_count * sizeof(uint64_t) + head->key.len + head->variant.len
        + head->fields.len;
    return size <= STORE_HEAD_MAX ? size : 0;
}

static char *put(char *to, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(to, bytes, len);
    return to + len;
}

void store_head_encode(const struct store_head *head, char *to)
{
    struct disk_head d = {.magic = MAGIC, .layout = LAYOUT, .kind = (uint16_t)head->kind,
        .size = (uint32_t)store_head_size(head), .room = head->room, .version = head->version,
        .body_at = head->body_at, .body_len = head->body_len, .body_hash = head->body_hash, .name = head->hash,
        .primary = head->primary, .nonce = head->nonce, .seq = head->seq, .facts = head->facts,
        .key_len = (uint32_t)head->key.len, .variant_len = (uint32_t)head->variant.len,
        .fields_len = (uint32_t)head->fields.len, .tag_count = head->tag_count};
    char *at = put(to, &d, sizeof(d));

    at = put(at, head->tags, head->tag_count * sizeof(uint64_t));
    at = put(at, head->key.s, head->key.len);
    at = put(at, head->variant.s, head->variant.len);
    put(at, head->fields.s, head->fields.len);
    d.hash = XXH3_64bits(to + HASHED_FROM, d.size - HASHED_FROM);
    memcpy(to + offsetof(struct disk_head, hash), &d.hash, sizeof(d.hash));
}

uint32_t store_head_room(const char *bytes, size_t len)
{
    struct disk_head d;

    if (len < sizeof(d))
        return 0;
    memcpy(&d, bytes, sizeof(d));
    return d.magic == MAGIC && d.layout == LAYOUT && d.room % STORE_ROOM_UNIT == 0 && d.room <= STORE_HEAD_MAX
        ? d.room
        : 0;
}

/* Of numbers whose hash was right: none of them leads out of the file. */
static const char *check_numbers(const struct disk_head *d)
{
    if (d->kind != STORE_OBJECT && d->kind != STORE_MARKER)
        return "unknown kind of object";
    if (d->tag_count > STORE_TAGS_MAX || d->key_len == 0 || d->key_len > STORE_KEY_MAX
        || d->variant_len > STORE_KEY_MAX || d->fields_len > STORE_HEAD_MAX)
        return "a length in the head is too large";
    if (sizeof(*d) + d->tag_count * sizeof(uint64_t) + d->key_len + d->variant_len + d->fields_len != d->size)
        return "lengths in the head do not add up";
    if (d->room % STORE_ROOM_UNIT != 0 || d->room > STORE_HEAD_MAX || (d->room && d->size > d->room))
        return "the head is larger than its room";
    if (d->body_at < (d->room ? 2 * d->room : d->size) || d->body_at > STORE_BUFFER || d->body_len >> 48)
        return "the body is not behind the head";
    return NULL;
}

const char *store_head_decode(const char *bytes, size_t len, struct store_head *head)
{
    struct disk_head d;
    const char *wrong;
    const char *at = bytes + sizeof(d);

    if (len < sizeof(d))
        return "too short for a head";
    memcpy(&d, bytes, sizeof(d));
    if (d.magic != MAGIC)
        return "not a stored object";
    if (d.layout != LAYOUT)
        return "of another layout";
    if (d.size < sizeof(d) || d.size > len || d.size > STORE_HEAD_MAX)
        return "the head is cut";
    if (d.hash != XXH3_64bits(bytes + HASHED_FROM, d.size - HASHED_FROM))
        return "the head is damaged";
    wrong = check_numbers(&d);
    if (wrong)
        return wrong;
    *head = (struct store_head){.kind = (enum store_kind)d.kind, .nonce = d.nonce, .primary = d.primary,
        .hash = d.name, .seq = d.seq, .tag_count = d.tag_count, .facts = d.facts, .body_len = d.body_len,
        .body_hash = d.body_hash, .body_at = d.body_at, .room = d.room, .version = d.version};
    memcpy(head->tags, at, d.tag_count * sizeof(uint64_t));
    at += d.tag_count * sizeof(uint64_t);
    head->key = (struct str){at, d.key_len};
    head->variant = (struct str){at + d.key_len, d.variant_len};
    head->fields = (struct str){at + d.key_len + d.variant_len, d.fields_len};
    return NULL;
}

void store_head_move(struct store_head *head, const char *from, const char *to)
{
    head->key.s = to + (head->key.s - from);
    head->variant.s = to + (head->variant.s - from);
    head->fields.s = to + (head->fields.s - from);
}

size_t store_field_size(struct str name, struct str value)
{
    return 2 * sizeof(uint16_t) + name.len + value.len;
}

char *store_field_put(char *to, struct str name, struct str value)
{
    uint16_t lengths[2] = {(uint16_t)name.len, (uint16_t)value.len};

    return put(put(put(to, lengths, sizeof(lengths)), name.s, name.len), value.s, value.len);
}

bool store_field_next(struct str *rest, struct str *name, struct str *value)
{
    uint16_t lengths[2];

    if (rest->len < sizeof(lengths))
        return false;
    memcpy(lengths, rest->s, sizeof(lengths));
    if ((size_t)lengths[0] + lengths[1] > rest->len - sizeof(lengths))
        return false;
    *name = (struct str){rest->s + sizeof(lengths), lengths[0]};
    *value = (struct str){name->s + name->len, lengths[1]};
    *rest = str_from(*rest, sizeof(lengths) + name->len + value->len);
    return true;
}
