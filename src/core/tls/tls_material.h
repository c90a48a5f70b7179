/*
 * tls_material.h: the bytes of the files that TLS needs: a certificate with its key and chain, authorities, keys of
 * tickets.  The master reads them and looks whether they have changed; what is in them it does not know.  New bytes go
 * to the workers in a memfd.
 */
#ifndef WEIR_CORE_TLS_TLS_MATERIAL_H
#define WEIR_CORE_TLS_TLS_MATERIAL_H

#include <sys/types.h>
#include <time.h>

#include "base/str.h"
#include "conf/report.h"

enum tls_material_kind {
    TLS_MATERIAL_PAIR, /* a certificate and its key */
    TLS_MATERIAL_CA, /* authorities: the first file */
    TLS_MATERIAL_TICKET_KEY /* the first file */
};

enum tls_part_kind { TLS_PART_CERT, TLS_PART_KEY, TLS_PART_CHAIN, TLS_PARTS };

/* Larger files are refused. */
#define TLS_PART_MAX ((size_t)4 * 1024 * 1024)

/* What tells that a file is another one. */
struct tls_stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime, ctime;
};

struct tls_part {
    struct str path; /* absolute, ends in NUL; empty: there is none */
    char *bytes; /* malloc */
    size_t len;
    struct tls_stamp stamp; /* of the file when it was read */
    bool exposed; /* a key that others than its owner may read */
};

struct acme_conf;

struct tls_material {
    enum tls_material_kind kind;
    size_t index; /* in config.tls_materials */
    struct tls_part parts[TLS_PARTS];
    const struct acme_conf *acme; /* an authority gives it; NULL: it is the user's */
    struct str acme_host; /* for this name */
    bool made; /* there is no file yet: Weir has made the bytes itself */
    struct conf_place at;
};

/* The part with the private key, which may be that of the certificate. */
static inline const struct tls_part *tls_material_key(const struct tls_material *m)
{
    return &m->parts[m->parts[TLS_PART_KEY].path.len ? TLS_PART_KEY : TLS_PART_CERT];
}

/*
 * Reads one file of it; 0, or -1 with text in `error` and the part as it was.  A key may not be reached over a
 * symbolic link of a user other than root and this process's.
 */
int tls_part_read(struct tls_material *, enum tls_part_kind, char *error, size_t error_size) WEIR_MUST_CHECK;

/* Forgets the bytes of all parts. */
void tls_material_free(struct tls_material *);

/* Puts bytes that come from no file in place of the certificate's; `bytes` is malloc and taken over. */
void tls_material_make(struct tls_material *, char *bytes, size_t len);

/* An empty one for the same files. */
struct tls_material tls_material_like(const struct tls_material *);

/* Puts the bytes and stamps of `from` in place of those of `to`; `from` has none any more. */
void tls_material_move(struct tls_material *to, struct tls_material *from);

/* The stamps of the files as they are now, zeroed for one that is not there; and of those that were read. */
struct tls_stamps {
    struct tls_stamp parts[TLS_PARTS];
};

struct tls_stamps tls_material_look(const struct tls_material *);
struct tls_stamps tls_material_stamps(const struct tls_material *);
bool tls_stamps_same(const struct tls_stamps *, const struct tls_stamps *);

/* Reads all files; 0, or -1 with text in `error`. */
int tls_material_read(struct tls_material *, char *error, size_t error_size) WEIR_MUST_CHECK;

/* All bytes in a new memfd, which is the caller's; -1 with errno. */
int tls_material_pack(const struct tls_material *) WEIR_MUST_CHECK;

/* The bytes that tls_material_pack() wrote, into an empty one; 0, or -1: it is not that. */
int tls_material_unpack(int fd, struct tls_material *) WEIR_MUST_CHECK;

#endif
