/* sticky_value.c: see sticky_value.h. */
#include "core/upstream/sticky_value.h"

#include <stdlib.h>

#include "base/hash.h"

struct value_server {
    uint64_t name_hash; /* of the name that the rest is of */
    uint64_t tag; /* 0: none was given */
    char plain[STICKY_PLAIN];
};

/* A place of the table by tag; tag 0: empty. */
struct value_place {
    uint64_t tag;
    int index;
};

struct sticky_values {
    uint8_t key[HMAC_BYTES];
    struct hash_key mac_key;
    struct value_server *servers;
    size_t room;
    struct value_place *places;
    size_t place_count; /* a power of two, at least twice as many as servers; 0: none */
};

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The `count` digits of the number, the highest first. */
static void put_number(uint64_t number, char *text, size_t count)
{
    while (count-- > 0) {
        text[count] = digits[number & 63];
        number >>= 6;
    }
}

/* -1: a byte that is no digit. */
static int64_t get_number(const char *text, size_t count)
{
    int64_t number = 0;

    for (size_t i = 0; i < count; i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;

        if (!digit)
            return -1;
        number = number << 6 | (digit - digits);
    }
    return number;
}

static uint64_t bytes_number(const uint8_t *bytes, size_t count)
{
    uint64_t number = 0;

    for (size_t i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

static struct str key_str(const uint8_t key[HMAC_BYTES])
{
    return (struct str){(const char *)key, HMAC_BYTES};
}

void sticky_value_key(struct str secret, struct str upstream, uint8_t key[HMAC_BYTES])
{
    uint8_t purpose[HMAC_BYTES];

    /* One step for each part: no way of cutting them differently gives the same. */
    hmac_sha256(secret, STR("weir sticky"), purpose);
    hmac_sha256(key_str(purpose), upstream, key);
}

struct sticky_values *sticky_values_new(const uint8_t key[HMAC_BYTES])
{
    struct sticky_values *v = calloc(1, sizeof(*v));
    uint8_t ids[HMAC_BYTES], mac[HMAC_BYTES];

    if (!v)
        return NULL;
    hmac_sha256(key_str(key), STR("id"), ids);
    hmac_sha256(key_str(key), STR("mac"), mac);
    memcpy(v->key, ids, sizeof(v->key));
    v->mac_key = hash_key_of(mac);
    return v;
}

void sticky_values_free(struct sticky_values *v)
{
    if (!v)
        return;
    free(v->servers);
    free(v->places);
    free(v);
}

static void put_mac(const struct sticky_values *v, char *text, size_t len)
{
    put_number(hash_bytes(&v->mac_key, text, len), text + len, STICKY_MAC);
}

int sticky_values_begin(struct sticky_values *v, size_t count)
{
    size_t places = 8;

    while (places < 2 * count)
        places *= 2;
    if (places != v->place_count) {
        free(v->places);
        v->place_count = 0;
        v->places = malloc(places * sizeof(*v->places));
        if (!v->places)
            return -1;
        v->place_count = places;
    }
    memset(v->places, 0, places * sizeof(*v->places));
    if (count > v->room) {
        struct value_server *more = realloc(v->servers, count * sizeof(*more));

        if (!more)
            return -1;
        memset(more + v->room, 0, (count - v->room) * sizeof(*more));
        v->servers = more;
        v->room = count;
    }
    return 0;
}

static void server_name(struct sticky_values *v, struct value_server *server, struct str name)
{
    uint64_t hash = hash_bytes(&v->mac_key, name.s, name.len);
    uint8_t id[HMAC_BYTES];

    if (server->tag != 0 && server->name_hash == hash)
        return;
    hmac_sha256(key_str(v->key), name, id);
    server->name_hash = hash;
    server->tag = bytes_number(id, 8) >> (64 - STICKY_TAG_BITS);
    server->tag += server->tag == 0;
    /* 128 bits are 21 digits and two bits. */
    put_number(bytes_number(id, 6), server->plain, 8);
    put_number(bytes_number(id + 6, 6), server->plain + 8, 8);
    put_number(bytes_number(id + 12, 4) << 4, server->plain + 16, 6);
    put_mac(v, server->plain, STICKY_ID);
}

void sticky_values_put(struct sticky_values *v, size_t index, struct str name)
{
    struct value_server *server;
    size_t at;

    if (index >= v->room || v->place_count == 0)
        return;
    server = &v->servers[index];
    server_name(v, server, name);
    at = server->tag & (v->place_count - 1);
    while (v->places[at].tag != 0)
        at = (at + 1) & (v->place_count - 1);
    v->places[at] = (struct value_place){server->tag, (int)index};
}

int sticky_value_find(const struct sticky_values *v, uint64_t tag)
{
    size_t at = tag & (v->place_count - 1);

    if (v->place_count == 0 || tag == 0)
        return -1;
    while (v->places[at].tag != 0) {
        if (v->places[at].tag == tag)
            return v->places[at].index;
        at = (at + 1) & (v->place_count - 1);
    }
    return -1;
}

uint64_t sticky_value_tag(const struct sticky_values *v, size_t index)
{
    return index < v->room ? v->servers[index].tag : 0;
}

struct str sticky_value_make(const struct sticky_values *v, size_t index, int64_t time_s,
                             char text[STICKY_DATED])
{
    memcpy(text, v->servers[index].plain, STICKY_PLAIN);
    if (time_s <= 0)
        return (struct str){text, STICKY_PLAIN};
    put_number((uint64_t)time_s, text + STICKY_ID, STICKY_TIME);
    put_mac(v, text, STICKY_ID + STICKY_TIME);
    return (struct str){text, STICKY_DATED};
}

struct sticky_reading sticky_value_read(const struct sticky_values *v, struct str value)
{
    struct sticky_reading reading = {.index = -1};
    char text[STICKY_DATED];
    int64_t high;

    if (value.len != STICKY_PLAIN && value.len != STICKY_DATED)
        return reading;
    memcpy(text, value.s, value.len - STICKY_MAC);
    put_mac(v, text, value.len - STICKY_MAC);
    if (!str_eq_secret((struct str){text, value.len}, value))
        return reading;
    reading.authentic = true;
    if (value.len == STICKY_DATED)
        reading.time_s = get_number(value.s + STICKY_ID, STICKY_TIME);
    high = get_number(value.s, STICKY_TAG_BITS / 6);
    if (high >= 0)
        reading.index = sticky_value_find(v, (uint64_t)high + (high == 0));
    if (reading.index >= 0 && memcmp(v->servers[reading.index].plain, value.s, STICKY_ID) != 0)
        reading.index = -1;
    return reading;
}
