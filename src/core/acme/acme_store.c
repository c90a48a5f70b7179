/* acme_store.c: see acme_store.h. */
#include "core/acme/acme_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "core/tls/tls_make.h"

#define FILE_MAX 8192 /* of keys */
#define NAME_MAX_BYTES 4096
#define PAUSE_BYTES (ACME_ERROR_MAX + 64)

static int fail(char *error, size_t size, const char *path)
{
    snprintf(error, size, "cannot write %s: %s", path, strerror(errno));
    return -1;
}

/* The directory of `path`, open; it is made if only it is missing. */
static int directory_of(const char *path)
{
    char dir[NAME_MAX_BYTES];
    const char *slash = strrchr(path, '/');

    snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return -1;
    return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int write_file(int dir, const char *name, const struct str *texts, size_t count)
{
    char next[NAME_MAX_BYTES];
    int fd, rc = 0, kept;

    snprintf(next, sizeof(next), "%s.new", name);
    fd = openat(dir, next, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = file_write_all(fd, texts[i].s, texts[i].len);
    if (rc == 0 && fsync(fd) == 0 && renameat(dir, next, dir, name) == 0 && fsync(dir) == 0) {
        close(fd);
        return 0;
    }
    kept = errno;
    close(fd);
    (void)unlinkat(dir, next, 0);
    errno = kept;
    return -1;
}

static int replace(const char *path, const struct str *texts, size_t count, char *error, size_t size)
{
    int dir = directory_of(path);
    int rc = dir < 0 ? -1 : write_file(dir, strrchr(path, '/') + 1, texts, count);

    if (rc < 0)
        (void)fail(error, size, path);
    if (dir >= 0)
        close(dir);
    return rc;
}

/* -1 with errno; else the bytes, at most `room`. */
static ssize_t read_file(const char *path, char *to, size_t room)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    ssize_t n;

    if (fd < 0)
        return -1;
    n = read(fd, to, room);
    close(fd);
    return n;
}

static EVP_PKEY *account_make(const char *path, char *error, size_t size)
{
    EVP_PKEY *key = tls_make_key();
    size_t len = 0;
    char *pem = key ? tls_make_pem(key, NULL, &len) : NULL;
    struct str text = {pem, len};

    bool stored = pem && replace(path, &text, 1, error, size) == 0;

    if (!pem)
        snprintf(error, size, "no key can be made for the account");
    else
        explicit_bzero(pem, len);
    free(pem);
    if (stored)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static EVP_PKEY *account_read(const char *path, char *error, size_t size, bool *missing)
{
    char text[FILE_MAX];
    ssize_t n = read_file(path, text, sizeof(text));
    EVP_PKEY *key = NULL;
    BIO *bio;

    *missing = n < 0 && errno == ENOENT;
    if (n < 0) {
        snprintf(error, size, "cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    bio = BIO_new_mem_buf(text, (int)n);
    if (bio)
        key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "");
    BIO_free(bio);
    explicit_bzero(text, sizeof(text));
    ERR_clear_error();
    if (!key)
        snprintf(error, size, "%s is not a private key in PEM; remove it, and another account is made", path);
    return key;
}

EVP_PKEY *acme_store_account(struct str dir, struct str directory, char *error, size_t size)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char path[NAME_MAX_BYTES];
    bool missing;
    EVP_PKEY *key;

    SHA256((const unsigned char *)directory.s, directory.len, digest);
    snprintf(path, sizeof(path), "%.*s/account-%02x%02x%02x%02x%02x%02x%02x%02x.key", STR_ARG(dir), digest[0],
             digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]);
    key = account_read(path, error, size, &missing);
    return missing ? account_make(path, error, size) : key;
}

char *acme_store_pem(struct str chain, EVP_PKEY *key, size_t *len)
{
    size_t key_len = 0, at = chain.len + 1;
    char *key_pem = tls_make_pem(key, NULL, &key_len);
    char *pem = key_pem ? malloc(at + key_len) : NULL;

    if (pem) {
        if (chain.len)
            memcpy(pem, chain.s, chain.len);
        pem[chain.len] = '\n';
        memcpy(pem + at, key_pem, key_len);
        *len = at + key_len;
    }
    if (key_pem)
        explicit_bzero(key_pem, key_len);
    free(key_pem);
    return pem;
}

int acme_store_certificate(struct str path, struct str chain, EVP_PKEY *key, char *error, size_t size)
{
    size_t len = 0;
    char *pem = acme_store_pem(chain, key, &len);
    int rc;

    if (!pem) {
        snprintf(error, size, "no memory for a key");
        return -1;
    }
    rc = replace(path.s, &(struct str){pem, len}, 1, error, size);
    explicit_bzero(pem, len);
    free(pem);
    return rc;
}

static void pause_path(struct str path, char to[NAME_MAX_BYTES])
{
    snprintf(to, NAME_MAX_BYTES, "%.*s.wait", STR_ARG(path));
}

void acme_store_pause(struct str path, const struct acme_pause *pause)
{
    char name[NAME_MAX_BYTES], text[PAUSE_BYTES], error[256];
    struct str line;

    pause_path(path, name);
    if (pause->failures == 0) {
        (void)unlink(name);
        return;
    }
    line = (struct str){text, (size_t)snprintf(text, sizeof(text), "%u %" PRId64 "\n%s\n", pause->failures,
                                               pause->until_s, pause->error)};
    (void)!replace(name, &line, 1, error, sizeof(error));
}

struct acme_pause acme_store_read_pause(struct str path)
{
    char name[NAME_MAX_BYTES], text[PAUSE_BYTES];
    struct acme_pause pause = {.failures = 0};
    const char *said;
    ssize_t n;

    pause_path(path, name);
    n = read_file(name, text, sizeof(text) - 1);
    if (n <= 0)
        return pause;
    text[n] = 0;
    if (sscanf(text, "%u %" SCNd64, &pause.failures, &pause.until_s) != 2)
        return (struct acme_pause){.failures = 0};
    said = strchr(text, '\n');
    if (said)
        snprintf(pause.error, sizeof(pause.error), "%.*s", (int)strcspn(said + 1, "\n"), said + 1);
    return pause;
}
