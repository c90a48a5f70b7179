/*
 * sticky_value.h: the text that names a server in a client's cookie, and what such a text means.  It is the
 * same in every worker, after every reload and on every machine that has the key, and tells nobody else
 * anything:
 *
 *     ID   22  HMAC-SHA256 of the server's name, cut to 128 bits, in base64url (RFC 4648 5)
 *     TIME  6  when it was set, seconds since 1970; only where cookies have a ttl
 *     MAC  11  SipHash of what stands before it: that a Weir with this key has made it
 *
 * The MAC is compared first and in constant time, so that whoever does not have the key learns nothing by
 * trying.
 */
#ifndef WEIR_CORE_UPSTREAM_STICKY_VALUE_H
#define WEIR_CORE_UPSTREAM_STICKY_VALUE_H

#include "base/str.h"
#include "io/hmac.h"

#define STICKY_ID 22
#define STICKY_TIME 6
#define STICKY_MAC 11
#define STICKY_PLAIN (STICKY_ID + STICKY_MAC) /* without a time */
#define STICKY_DATED (STICKY_PLAIN + STICKY_TIME)

/* What a server is called where 36 bits are enough: inside of this machine. */
#define STICKY_TAG_BITS 36

struct sticky_values;

/* The key of an upstream's values. */
void sticky_value_key(struct str secret, struct str upstream, uint8_t key[HMAC_BYTES]);

/* No servers yet; NULL: no memory. */
struct sticky_values *sticky_values_new(const uint8_t key[HMAC_BYTES]);

/* NULL is allowed. */
void sticky_values_free(struct sticky_values *);

/*
 * The servers are others now: first this, then sticky_values_put() for each that there is.  What was computed
 * for an index is kept as long as its name stays the same.  -1: no memory; then no value names a server.
 */
int sticky_values_begin(struct sticky_values *, size_t count) WEIR_MUST_CHECK;
void sticky_values_put(struct sticky_values *, size_t index, struct str name);

/* The value of server `index`, set at `time_s`; 0: without a time.  In `text`. */
struct str sticky_value_make(const struct sticky_values *, size_t index, int64_t time_s,
                             char text[STICKY_DATED]);

struct sticky_reading {
    bool authentic; /* made with this key */
    int index; /* of the server; -1: there is none of that name */
    int64_t time_s; /* 0: it has none */
};

/* What `value`, which may be anything, says. */
struct sticky_reading sticky_value_read(const struct sticky_values *, struct str value);

/* The server of that tag, or -1; and the tag of a server, 0 when it has none. */
int sticky_value_find(const struct sticky_values *, uint64_t tag);
uint64_t sticky_value_tag(const struct sticky_values *, size_t index);

#endif
