/*
 * tls_names.h: which certificates of a list are for a name: those with the name itself, if there are none those with the
 * wildcard that covers it; of each kind of key (RSA, ECDSA, Ed25519) the first.  A look-up is two hashes.
 */
#ifndef WEIR_CORE_TLS_TLS_NAMES_H
#define WEIR_CORE_TLS_TLS_NAMES_H

#include <openssl/types.h>

#include "base/hash.h"
#include "core/tls/tls_material.h"

/* Kinds of keys that may stand side by side. */
#define TLS_KINDS 4

/* Indexes into the list, by kind of key; -1: none of that kind. */
struct tls_choice {
    int32_t pairs[TLS_KINDS];
};

/* None of any kind. */
struct tls_choice tls_choice_none(void);

struct tls_names;

/*
 * Of the certificates in `pairs`, which are parsed for it unless they are in `parsed`, by index of the material (NULL:
 * none are); a bad one has no names.  Free with tls_names_free().
 */
struct tls_names *tls_names_new(struct tls_material *const *pairs, size_t count, struct hash_key key,
                                X509 *const *parsed);
void tls_names_free(struct tls_names *);

/* Whether one of the certificates is for `name`, in lower case; "*.x" is one too. */
bool tls_names_has(const struct tls_names *, struct str name);

/*
 * For `name` in lower case, without a dot at its end.  Where no certificate has it, and for an empty one, the first of
 * the list and those that have its first name too.
 */
struct tls_choice tls_names_find(const struct tls_names *, struct str name);

#endif
