/*
 * percent.c: SipHash of the key, scaled to millionths.  A secret may have any length, so the 128
 * bits of the hash key are two hashes of it under fixed keys.
 */
#include "core/route/percent.h"

struct hash_key percent_key(struct str secret)
{
    /* Any two keys do; changing them would move every client to another place. */
    static const struct hash_key low = {0x7765697220706572U, 0x63656e7400000000U};
    static const struct hash_key high = {0x7765697220706572U, 0x63656e7400000001U};

    return (struct hash_key){
        .k0 = hash_bytes(&low, secret.s, secret.len),
        .k1 = hash_bytes(&high, secret.s, secret.len),
    };
}

uint32_t percent_point(const struct hash_key *secret, struct str key)
{
    return (uint32_t)(((hash_bytes(secret, key.s, key.len) >> 32) * 1000000U) >> 32);
}

bool percent_holds(const struct hash_key *secret, struct str key, double percent)
{
    return percent_point(secret, key) + 0.5 < percent * 10000;
}
