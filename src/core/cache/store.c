/* store.c: see store.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/file.h"
#include "base/rnd.h"
#include "core/cache/store_file.h"

/* The file `salt`: the key of all hashes, and a hash of that. */
struct salt_file {
    uint8_t key[16];
    uint64_t hash;
};

int store_make_directory(const char *path, uid_t uid, gid_t gid, struct store_fault *fault)
{
    if (mkdir(path, 0700) != 0)
        return errno == EEXIST ? 0 : store_fault_set(fault, "cannot make the directory");
    if (lchown(path, uid, gid) != 0) {
        int number = errno;

        rmdir(path);
        return store_fault_as(fault, number, "cannot give the directory to the user of the workers");
    }
    return 0;
}

/* The directory, opened and found to be ours alone to write to. */
static int open_directory(const char *path, struct store_fault *fault)
{
    struct stat st;
    int fd;

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return store_fault_set(fault, "cannot make the directory");
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return store_fault_set(fault, "cannot open the directory");
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0)
        return fd;
    close(fd);
    return store_fault_as(fault, EPERM, "the directory belongs to another user, or others may write to it");
}

static int read_salt(int directory, struct salt_file *salt)
{
    int fd = openat(directory, "salt", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return -1;
    n = store_read_at(fd, salt, sizeof(*salt), 0);
    close(fd);
    if (n == (ssize_t)sizeof(*salt) && salt->hash == XXH3_64bits(salt->key, sizeof(salt->key)))
        return 0;
    errno = EBADMSG;
    return -1;
}

/* By link, so that of several processes one wins and none sees half a file. */
static int write_salt(int directory, const struct salt_file *salt)
{
    char name[STORE_NAME];
    int fd, result;

    snprintf(name, sizeof(name), "tmp.salt.%d", (int)getpid());
    unlinkat(directory, name, 0);
    fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    result = file_write_all(fd, salt, sizeof(*salt));
    close(fd);
    if (result == 0 && linkat(directory, name, directory, "salt", 0) != 0 && errno != EEXIST)
        result = -1;
    unlinkat(directory, name, 0);
    return result;
}

static int load_salt(int directory, struct salt_file *salt)
{
    struct salt_file made;

    if (read_salt(directory, salt) == 0)
        return 0;
    if (errno == EBADMSG)
        unlinkat(directory, "salt", 0);
    else if (errno != ENOENT)
        return -1;
    rnd_bytes(made.key, sizeof(made.key));
    made.hash = XXH3_64bits(made.key, sizeof(made.key));
    return write_salt(directory, &made) == 0 ? read_salt(directory, salt) : -1;
}

struct store *store_open(const char *path, struct purge *purge, struct store_counts *counts,
    struct store_fault *fault)
{
    struct store *st = calloc(1, sizeof(*st));
    struct salt_file salt;

    if (!st || !(st->path = strdup(path))) {
        store_fault_as(fault, ENOMEM, "no memory");
        free(st);
        return NULL;
    }
    st->purge = purge;
    st->counts = counts;
    st->pid = getpid();
    st->start = store_process_start(st->pid);
    st->directory = open_directory(path, fault);
    if (st->directory >= 0 && load_salt(st->directory, &salt) == 0) {
        st->salt = hash_key_of(salt.key);
        return st;
    }
    if (st->directory >= 0)
        store_fault_set(fault, "cannot read or make the file salt");
    store_close(st);
    return NULL;
}

void store_close(struct store *st)
{
    if (!st)
        return;
    if (st->directory >= 0)
        close(st->directory);
    free(st->path);
    free(st);
}

int store_directory(const struct store *st)
{
    return st->directory;
}

/* The descriptor keeps its number: threads may be using it. */
int store_restore(struct store *st, struct store_fault *fault)
{
    int fd = open_directory(st->path, fault);
    struct salt_file salt;
    int result = 0;

    if (fd < 0)
        return -1;
    for (size_t i = 0; i < 8; i++) {
        salt.key[i] = (uint8_t)(st->salt.k0 >> 8 * i);
        salt.key[8 + i] = (uint8_t)(st->salt.k1 >> 8 * i);
    }
    salt.hash = XXH3_64bits(salt.key, sizeof(salt.key));
    if (write_salt(fd, &salt) != 0 || dup3(fd, st->directory, O_CLOEXEC) < 0)
        result = store_fault_set(fault, "cannot make the file salt again");
    close(fd);
    return result;
}

int store_key_primary(const struct store *st, struct str key, struct store_key *k)
{
    if (key.len == 0 || key.len > STORE_KEY_MAX)
        return -1;
    k->key = key;
    k->variant = STR_NONE;
    k->nonce = 0;
    k->primary = k->hash = hash_bytes_128(&st->salt, key.s, key.len);
    return 0;
}

int store_key_variant(const struct store *st, const struct store_key *primary, uint64_t nonce, struct str variant,
    struct store_key *k)
{
    struct hash_key keyed = {st->salt.k0 ^ primary->primary.high ^ nonce, st->salt.k1 ^ primary->primary.low};

    if (variant.len > STORE_KEY_MAX)
        return -1;
    *k = (struct store_key){primary->key, variant, nonce, primary->primary, {0, 0}};
    k->hash = hash_bytes_128(&keyed, variant.s, variant.len);
    return 0;
}

/* Under another key than names of files: who learns the one has nothing of the other. */
uint64_t store_tag_hash(const struct store *st, struct str tag)
{
    struct hash_key keyed = {~st->salt.k0, st->salt.k1};

    return hash_bytes(&keyed, tag.s, tag.len);
}

bool store_may_store(const struct store *st, const struct store_head *head)
{
    uint64_t checked = 0;

    return !st->purge || (purge_may_store(st->purge, head->seq) && store_purged(st, head, &checked) != PURGE_HARD);
}

enum purge_kind store_purged(const struct store *st, const struct store_head *head, uint64_t *checked)
{
    struct purge_subject subject = {head->primary.high, head->key, head->tags, head->tag_count, head->seq, *checked};
    enum purge_kind kind = st->purge ? purge_check(st->purge, &subject) : PURGE_NONE;

    *checked = subject.checked;
    return kind;
}
