/*
 * acme.h: certificates from an authority: which are missing or will end, when to ask for them, what became of it.  In the
 * keeper of the serving generation; what it has written is found by the master, which looks at the files.
 */
#ifndef WEIR_CORE_ACME_ACME_H
#define WEIR_CORE_ACME_ACME_H

#include "base/str.h"

struct acme;
struct worker;

/* NULL: the configuration has none. */
struct acme *acme_new(struct worker *);
void acme_free(struct acme *);

/* Once a tick.  NULL is allowed. */
void acme_tick(struct acme *);

enum acme_state { ACME_WAITING, ACME_ASKING, ACME_FAILING };

struct acme_status {
    enum acme_state state;
    int64_t next_s; /* when it is asked (again), seconds since 1970 */
    unsigned failures; /* in a row */
    const char *error; /* of the last; empty: none.  May hold what the authority said */
};

/* Of the certificate with this index; false: it does not come from an authority.  NULL is allowed. */
bool acme_status(const struct acme *, size_t material, struct acme_status *out);

/* Since this keeper serves; NULL is allowed. */
struct acme_counts {
    uint64_t issued, failed;
};
struct acme_counts acme_counts(const struct acme *);

#endif
