/* sticky_state.h: what sticky.c (cookies of requests) and sticky_answer.c (those of answers) share. */
#ifndef WEIR_CORE_UPSTREAM_STICKY_STATE_H
#define WEIR_CORE_UPSTREAM_STICKY_STATE_H

#include "base/hash.h"
#include "core/request.h"
#include "core/upstream/sticky.h"
#include "core/upstream/sticky_learn.h"
#include "core/upstream/sticky_value.h"
#include "http/cookie.h"

struct sticky {
    const struct sticky_conf *conf;
    struct sticky_values *values;
    struct sticky_learn learn; /* count 0: there is no table */
    struct hash_key learn_key;
    struct learn_entry *own_entries; /* where there is no board */
};

/* Over all cookies of one name in all Cookie fields. */
struct sticky_walk {
    struct cookie_walk cookies;
    struct str name;
    unsigned seen;
};

/* The next one's value as it stands; false: none is left, or it was enough of them. */
bool sticky_next_cookie(struct sticky_walk *, struct str *value);

/* Without the quotes around it. */
struct str sticky_unquote(struct str value);

/* Whether it begins with what may be a value of Weir and '~'. */
bool sticky_has_prefix(struct str value);

uint64_t sticky_learn_hash(const struct sticky *, struct str value);

#endif
