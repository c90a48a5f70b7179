/*
 * acme_store.h: what ACME has to keep, in a directory that the workers' user alone may read: the key of the account with
 * each authority, each name's certificate and key in one file, and how long to wait after a failure.
 */
#ifndef WEIR_CORE_ACME_ACME_STORE_H
#define WEIR_CORE_ACME_ACME_STORE_H

#include <openssl/types.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/str.h"

#define ACME_ERROR_MAX 512

/* What follows is written whole or not at all.  -1, or NULL: with text in `error`. */

/* The account's key with this authority, made if there is none; the caller frees it. */
EVP_PKEY *acme_store_account(struct str dir, struct str directory, char *error, size_t size) WEIR_MUST_CHECK;

/* A certificate with its chain, and its key, in PEM: what is stored; malloc, to be wiped.  NULL: no memory. */
char *acme_store_pem(struct str chain, EVP_PKEY *key, size_t *len) WEIR_MUST_CHECK;

int acme_store_certificate(struct str path, struct str chain, EVP_PKEY *key, char *error, size_t size) WEIR_MUST_CHECK;

struct acme_pause {
    unsigned failures;
    int64_t until_s; /* since 1970 */
    char error[ACME_ERROR_MAX]; /* of the last failure */
};

/* Beside the certificate's file.  What cannot be written is forgotten with the process; `failures` 0 removes it. */
void acme_store_pause(struct str path, const struct acme_pause *);
struct acme_pause acme_store_read_pause(struct str path);

#endif
