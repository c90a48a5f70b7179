/* purge_log.c: see purge_log.h. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/file.h"
#include "core/cache/purge_log.h"

#define MAGIC 0x67727550u /* "Purg" */
#define FILE_LIMIT (256 * 1024 * 1024)

enum what { OF_HASH = 1, OF_PREFIX = 2 };

struct record {
    uint32_t magic;
    uint16_t what, kind;
    uint64_t seq, hash;
    uint64_t len;   /* of the prefix, which follows */
    uint64_t check; /* of all of it, where this is 0 */
    char prefix[PURGE_PREFIX_MAX];
};

#define FIXED offsetof(struct record, prefix)

_Static_assert(FIXED == 40, "no padding in what is written");

static uint64_t check_of(struct record *r)
{
    uint64_t kept = r->check, check;

    r->check = 0;
    check = XXH3_64bits(r, FIXED + r->len);
    r->check = kept;
    return check;
}

/* To the file of that epoch, to the disk; one write, so that those of several processes do not mix. */
static int append(int directory, uint64_t epoch, const struct record *r, struct store_fault *fault)
{
    char name[40];
    int fd, result;

    snprintf(name, sizeof(name), "purges.%llu", (unsigned long long)epoch);
    fd = openat(directory, name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return store_fault_set(fault, "cannot open the file of purges");
    result = file_write_all(fd, r, FIXED + r->len) == 0 && fdatasync(fd) == 0
        ? 0
        : store_fault_set(fault, "cannot write the file of purges");
    close(fd);
    return result;
}

/* A walk may have begun since `epoch` was read, before the purge was seen by all: then the next file has it too. */
static int keep(struct purge *p, int directory, uint64_t epoch, struct record *r, struct store_fault *fault)
{
    r->magic = MAGIC;
    r->check = check_of(r);
    if (append(directory, epoch, r, fault) != 0)
        return -1;
    return purge_epoch(p) == epoch ? 0 : append(directory, purge_epoch(p), r, fault);
}

int purge_log_hash(struct purge *p, int directory, uint64_t hash, enum purge_kind kind, struct store_fault *fault)
{
    uint64_t epoch = purge_epoch(p);
    struct record r = {.what = OF_HASH, .kind = (uint16_t)kind, .hash = hash};

    r.seq = purge_hash(p, hash, kind);
    return keep(p, directory, epoch, &r, fault);
}

int purge_log_prefix(struct purge *p, int directory, struct str prefix, enum purge_kind kind,
    struct store_fault *fault)
{
    uint64_t epoch = purge_epoch(p);
    struct record r = {.what = OF_PREFIX, .kind = (uint16_t)kind, .len = prefix.len};

    r.seq = purge_prefix(p, prefix, kind);
    if (r.seq == 0)
        return errno == ENAMETOOLONG ? store_fault_set(fault, "the prefix is too long")
                                     : store_fault_as(fault, EXFULL, "the list of prefixes is full");
    if (prefix.len > 0)
        memcpy(r.prefix, prefix.s, prefix.len);
    return keep(p, directory, epoch, &r, fault);
}

/* The record at the front of `rest`; 0: there is none, else its bytes. */
static size_t parse(struct str rest, struct record *r)
{
    if (rest.len < FIXED)
        return 0;
    memcpy(r, rest.s, FIXED);
    if (r->magic != MAGIC || r->len > PURGE_PREFIX_MAX || r->len > rest.len - FIXED || r->seq >> 62
        || (r->kind != PURGE_SOFT && r->kind != PURGE_HARD))
        return 0;
    memcpy(r->prefix, rest.s + FIXED, r->len);
    return check_of(r) == r->check ? FIXED + r->len : 0;
}

/* What is torn or damaged is passed over, to the next place that is a record. */
static int apply_all(struct purge *p, struct str rest)
{
    struct record r;
    int result = 0;

    while (rest.len >= FIXED) {
        size_t n = parse(rest, &r);

        if (n > 0 && r.what == OF_HASH)
            purge_hash_at(p, r.hash, (enum purge_kind)r.kind, r.seq);
        else if (n > 0
            && purge_prefix_at(p, (struct str){r.prefix, r.len}, (enum purge_kind)r.kind, r.seq) != 0)
            result = -1;
        rest = str_from(rest, n > 0 ? n : 1);
    }
    return result;
}

static int read_file(struct purge *p, int directory, const char *name)
{
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), result = -1;
    struct stat st;
    char *bytes;
    size_t have = 0;
    ssize_t n = 1;

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0 || st.st_size > FILE_LIMIT || !(bytes = malloc((size_t)st.st_size + 1))) {
        close(fd);
        return -1;
    }
    while (n > 0 && have < (size_t)st.st_size) {
        n = read(fd, bytes + have, (size_t)st.st_size - have);
        have += n > 0 ? (size_t)n : 0;
    }
    if (n >= 0)
        result = apply_all(p, (struct str){bytes, have});
    free(bytes);
    close(fd);
    return result;
}

/* The epoch of a file of purges; false: it is none. */
static bool epoch_of(const char *name, uint64_t *epoch)
{
    struct str s = str_of(name);

    return str_has_prefix(s, STR("purges.")) && str_to_u64(str_from(s, 7), UINT64_MAX >> 1, epoch) == 0;
}

static DIR *open_list(int directory)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (!dir && fd >= 0)
        close(fd);
    return dir;
}

int purge_log_load(struct purge *p, int directory, uint64_t at_least, struct store_fault *fault)
{
    DIR *dir = open_list(directory);
    const struct dirent *entry;
    uint64_t epoch, newest = 0;
    bool lost = !dir;

    purge_raise(p, at_least);
    while (dir && (entry = readdir(dir))) {
        if (!epoch_of(entry->d_name, &epoch))
            continue;
        newest = epoch > newest ? epoch : newest;
        lost |= read_file(p, directory, entry->d_name) != 0;
    }
    if (dir)
        closedir(dir);
    purge_epoch_set(p, newest + 1);
    if (!lost) {
        purge_set_ready(p);
        return 0;
    }
    if (purge_prefix(p, STR_NONE, PURGE_HARD) == 0)
        return store_fault_as(fault, EIO, "the files of purges cannot be read, nor all be purged");
    purge_set_ready(p);
    return store_fault_as(fault, EIO, "the files of purges cannot all be read: all is purged");
}

uint64_t purge_log_begin(struct purge *p)
{
    purge_epoch_set(p, purge_epoch(p) + 1);
    return purge_seq(p);
}

void purge_log_end(struct purge *p, int directory, uint64_t begun)
{
    DIR *dir = open_list(directory);
    const struct dirent *entry;
    uint64_t epoch;

    purge_walked(p, begun);
    while (dir && (entry = readdir(dir)))
        if (epoch_of(entry->d_name, &epoch) && epoch < purge_epoch(p))
            unlinkat(directory, entry->d_name, 0);
    if (dir)
        closedir(dir);
}
