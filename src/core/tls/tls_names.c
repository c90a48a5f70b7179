/* tls_names.c: see tls_names.h. */
#include "core/tls/tls_names.h"

#include "core/tls/tls_pair.h"

#define NAME_MAX_BYTES 255

struct tls_names {
    struct pool *pool;
    struct hash_table *table; /* of names in lower case, to struct tls_choice; wildcards with their "*" */
    struct tls_choice first; /* for names that no certificate has */
};

struct names_add {
    struct tls_names *names;
    int32_t pair;
    unsigned kind;
};

struct tls_choice tls_choice_none(void)
{
    struct tls_choice choice;

    for (size_t i = 0; i < TLS_KINDS; i++)
        choice.pairs[i] = -1;
    return choice;
}

static unsigned kind_of(const X509 *cert)
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);

    switch (key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE) {
    case EVP_PKEY_RSA:
        return 0;
    case EVP_PKEY_EC:
        return 1;
    case EVP_PKEY_RSA_PSS:
        return 2;
    default:
        return 3;
    }
}

static void names_add(struct str name, void *arg)
{
    struct names_add *a = arg;
    char buf[NAME_MAX_BYTES];
    struct tls_choice *choice;

    if (name.len == 0 || name.len > sizeof(buf))
        return;
    name = str_lower(name, buf);
    choice = hash_table_get(a->names->table, name);
    if (!choice) {
        choice = pool_alloc(a->names->pool, sizeof(*choice));
        *choice = tls_choice_none();
        hash_table_set(a->names->table, pool_str(a->names->pool, name), choice);
    }
    if (choice->pairs[a->kind] < 0)
        choice->pairs[a->kind] = a->pair;
}

struct names_first {
    struct str name; /* in `buf` */
    char buf[NAME_MAX_BYTES];
};

static void names_note_first(struct str name, void *arg)
{
    struct names_first *f = arg;

    if (f->name.len == 0 && name.len <= sizeof(f->buf))
        f->name = str_lower(name, f->buf);
}

/* An RSA and an ECDSA certificate for the same names stand for each other also when no name is asked for. */
static void choose_first(struct tls_names *names, const X509 *cert)
{
    struct names_first first = {.name = STR_NONE};
    const struct tls_choice *same;

    tls_cert_names(cert, names_note_first, &first);
    same = first.name.len ? hash_table_get(names->table, first.name) : NULL;
    if (same)
        names->first = *same;
    names->first.pairs[kind_of(cert)] = 0;
}

/* The caller's own, to be freed. */
static X509 *cert_of(const struct tls_material *m, X509 *const *parsed)
{
    X509 *known = parsed ? parsed[m->index] : NULL;

    if (!known)
        return tls_pair_cert(m);
    X509_up_ref(known);
    return known;
}

struct tls_names *tls_names_new(struct tls_material *const *pairs, size_t count, struct hash_key key,
                                X509 *const *parsed)
{
    struct pool *pool = pool_new(4096);
    struct tls_names *names = pool_zalloc(pool, sizeof(*names));
    X509 *first = NULL;

    names->pool = pool;
    names->table = hash_table_new(pool, key, count);
    names->first = tls_choice_none();
    for (size_t i = 0; i < count; i++) {
        X509 *cert = cert_of(pairs[i], parsed);
        struct names_add add = {names, (int32_t)i, cert ? kind_of(cert) : 0};

        if (!cert)
            continue;
        tls_cert_names(cert, names_add, &add);
        if (i == 0)
            first = cert;
        else
            X509_free(cert);
    }
    if (first)
        choose_first(names, first);
    X509_free(first);
    return names;
}

void tls_names_free(struct tls_names *names)
{
    if (names)
        pool_free(names->pool);
}

/* NULL: no certificate has it. */
static const struct tls_choice *find(const struct tls_names *names, struct str name)
{
    const struct tls_choice *choice;
    char buf[NAME_MAX_BYTES + 1];
    const char *dot;

    if (name.len == 0 || name.len > NAME_MAX_BYTES)
        return NULL;
    choice = hash_table_get(names->table, name);
    dot = memchr(name.s, '.', name.len);
    if (!choice && dot && dot > name.s) {
        struct str rest = str_from(name, (size_t)(dot - name.s));

        buf[0] = '*';
        memcpy(buf + 1, rest.s, rest.len);
        choice = hash_table_get(names->table, (struct str){buf, rest.len + 1});
    }
    return choice;
}

bool tls_names_has(const struct tls_names *names, struct str name)
{
    return find(names, name) != NULL;
}

struct tls_choice tls_names_find(const struct tls_names *names, struct str name)
{
    const struct tls_choice *choice = find(names, name);

    return choice ? *choice : names->first;
}
