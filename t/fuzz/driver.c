/*
 * driver.c: runs a fuzz target over files, or over inputs made from them for some seconds.
 *
 *     fuzz_NAME FILE|DIRECTORY...
 *     fuzz_NAME --seconds N [--seed S] FILE|DIRECTORY...    (of processor time)
 *
 * The inputs are a function of the seed and the files alone.  They run in a child; when it dies or hangs, the
 * input is kept as ./crash-NAME-SEED-RUN.  Exit: 0 all is well, 1 an input was kept, 2 usage.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/rnd.h"
#include "fuzz.h"

#define INPUT_MAX (16 * 1024)
#define SEEDS_MAX 1024
#define HANG_S 10
#define STACKED_MAX 8 /* changes to one input */

struct input {
    size_t len;
    char bytes[INPUT_MAX];
};

/* What the parent sees of the child. */
struct shared {
    _Atomic uint64_t runs;
    struct input input;
};

struct fuzz {
    const char *name;
    uint64_t seed;
    long seconds; /* 0: the files as they are */
    struct rnd rnd;
    struct input *seeds[SEEDS_MAX];
    size_t seed_count, token_count;
    struct shared *shared;
};

static _Noreturn void give_up(const char *what, const char *name)
{
    fprintf(stderr, "%s: %s: %s\n", what, name, strerror(errno));
    exit(2);
}

static void read_file(struct fuzz *f, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct input *input = malloc(sizeof(*input));
    ssize_t n;

    if (fd < 0 || !input || (n = read(fd, input->bytes, INPUT_MAX)) < 0)
        give_up("open", path);
    close(fd);
    input->len = (size_t)n;
    if (f->seed_count == SEEDS_MAX)
        free(input);
    else
        f->seeds[f->seed_count++] = input;
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* A file, or the files of a directory in the order of their names. */
static void read_path(struct fuzz *f, const char *path)
{
    struct dirent **entries;
    struct stat st;
    int count;

    if (stat(path, &st) != 0)
        give_up("open", path);
    if (!S_ISDIR(st.st_mode)) {
        read_file(f, path);
        return;
    }
    count = scandir(path, &entries, not_hidden, alphasort);
    if (count < 0)
        give_up("open", path);
    for (int i = 0; i < count; i++) {
        char name[4096];

        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        read_file(f, name);
        free(entries[i]);
    }
    free(entries);
}

/* Replaces `gone` bytes at `at` by `with`, as far as there is room. */
static void replace(struct input *input, size_t at, size_t gone, const char *with, size_t len)
{
    size_t behind = input->len - at - gone;

    if (at + len + behind > INPUT_MAX)
        return;
    memmove(input->bytes + at + len, input->bytes + at + gone, behind);
    memmove(input->bytes + at, with, len);
    input->len = at + len + behind;
}

static void put_token(struct fuzz *f, struct input *input, size_t at)
{
    const char *token = f->token_count ? fuzz_tokens[rnd_below(&f->rnd, f->token_count)] : "";
    size_t len = strlen(token), room = input->len - at;

    if (rnd_below(&f->rnd, 2))
        replace(input, at, 0, token, len);
    else
        replace(input, at, len < room ? len : room, token, len);
}

static void put_number(struct fuzz *f, struct input *input, size_t at)
{
    static const uint64_t edges[] = {0,     1,     9,         127,        128,       255,       256,
                                     65535, 65536, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};
    uint64_t number = edges[rnd_below(&f->rnd, ARRAY_SIZE(edges))] + rnd_below(&f->rnd, 3) - 1;
    char text[32];
    int len =
        snprintf(text, sizeof(text), rnd_below(&f->rnd, 3) ? "%llu" : "%llx", (unsigned long long)number);

    replace(input, at, 0, text, (size_t)len);
}

static void put_splice(struct fuzz *f, struct input *input, size_t at)
{
    const struct input *other = f->seeds[rnd_below(&f->rnd, f->seed_count)];
    size_t from = rnd_below(&f->rnd, other->len + 1);
    size_t len = rnd_below(&f->rnd, other->len - from + 1);

    replace(input, at, rnd_below(&f->rnd, 2) ? input->len - at : 0, other->bytes + from, len);
}

/* The bytes behind `at` once more, or one byte many times. */
static void put_repeat(struct fuzz *f, struct input *input, size_t at)
{
    char again[1024];
    size_t len = input->len - at;

    if (len == 0)
        return;
    if (rnd_below(&f->rnd, 2)) {
        len = 1 + rnd_below(&f->rnd, len < sizeof(again) ? len : sizeof(again));
        memcpy(again, input->bytes + at, len);
    } else {
        len = 1 + rnd_below(&f->rnd, sizeof(again));
        memset(again, input->bytes[at], len);
    }
    replace(input, at, 0, again, len);
}

static void change(struct fuzz *f, struct input *input)
{
    size_t at = rnd_below(&f->rnd, input->len + 1);
    size_t room = input->len - at;
    char byte = (char)rnd_below(&f->rnd, 256);

    switch (rnd_below(&f->rnd, 9)) {
    case 0:
        if (room)
            input->bytes[at] = (char)(input->bytes[at] ^ 1 << (byte & 7));
        break;
    case 1:
        replace(input, at, room > 0, &byte, 1);
        break;
    case 2:
        replace(input, at, 0, &byte, 1);
        break;
    case 3:
        replace(input, at, rnd_below(&f->rnd, (room < 16 ? room : 16) + 1), "", 0);
        break;
    case 4:
        if (rnd_below(&f->rnd, 4) == 0)
            input->len = at;
        break;
    case 5:
        put_number(f, input, at);
        break;
    case 6:
        put_splice(f, input, at);
        break;
    case 7:
        put_repeat(f, input, at);
        break;
    default:
        put_token(f, input, at);
        break;
    }
}

static void run(struct fuzz *f)
{
    struct input *input = &f->shared->input;
    char *copy = fuzz_copy((struct str){input->bytes, input->len});

    LLVMFuzzerTestOneInput((const uint8_t *)copy, input->len);
    free(copy);
    f->shared->runs++;
}

static void run_all(struct fuzz *f)
{
    clock_t end = clock() + f->seconds * CLOCKS_PER_SEC;

    for (size_t i = 0; i < f->seed_count; i++) {
        memcpy(&f->shared->input, f->seeds[i], sizeof(struct input));
        run(f);
    }
    for (unsigned n = 0; f->seconds && (n % 16 || clock() < end); n++) {
        const struct input *from = f->seeds[rnd_below(&f->rnd, f->seed_count)];
        uint64_t changes = 1 + rnd_below(&f->rnd, STACKED_MAX);

        f->shared->input.len = from->len;
        memcpy(f->shared->input.bytes, from->bytes, from->len);
        while (changes--)
            change(f, &f->shared->input);
        run(f);
    }
}

/* Waits for the child; false: it died or hung. */
static bool watch(struct fuzz *f, pid_t child)
{
    const struct timespec moment = {0, 20 * 1000 * 1000};
    time_t moved = time(NULL);
    uint64_t runs = 0;
    int status;

    while (waitpid(child, &status, WNOHANG) == 0) {
        if (f->shared->runs != runs) {
            runs = f->shared->runs;
            moved = time(NULL);
        } else if (time(NULL) - moved > HANG_S) {
            fprintf(stderr, "fuzz_%s: no end after %d s\n", f->name, HANG_S);
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            return false;
        }
        nanosleep(&moment, NULL);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void keep_input(const struct fuzz *f)
{
    const struct input *input = &f->shared->input;
    char name[256];
    int fd;

    snprintf(name, sizeof(name), "crash-%s-%llu-%llu", f->name, (unsigned long long)f->seed,
             (unsigned long long)f->shared->runs);
    fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, input->bytes, input->len) != (ssize_t)input->len)
        give_up("write", name);
    close(fd);
    fprintf(stderr, "fuzz_%s: run %llu failed; the input is in %s\n", f->name,
            (unsigned long long)f->shared->runs, name);
}

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s [--seconds N] [--seed S] FILE|DIRECTORY...\n", program);
    return 2;
}

static void set_up(struct fuzz *f, const char *program)
{
    const char *name = strrchr(program, '/');

    name = name ? name + 1 : program;
    f->name = strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name;
    while (fuzz_tokens[f->token_count])
        f->token_count++;
    rnd_init_fixed(&f->rnd, f->seed);
    f->shared = mmap(NULL, sizeof(*f->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (f->shared == MAP_FAILED)
        give_up("mmap", program);
}

int main(int argc, char **argv)
{
    static struct fuzz f = {.seed = 1};
    bool well;
    pid_t child;
    int i;

    for (i = 1; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0)
            f.seconds = strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            f.seed = strtoull(argv[i + 1], NULL, 10);
        else
            return usage(argv[0]);
    }
    if (i >= argc)
        return usage(argv[0]);
    for (; i < argc; i++)
        read_path(&f, argv[i]);
    if (f.seed_count == 0)
        return usage(argv[0]);
    set_up(&f, argv[0]);
    child = fork();
    if (child < 0)
        give_up("fork", argv[0]);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        run_all(&f);
        _exit(0);
    }
    well = watch(&f, child);
    if (!well)
        keep_input(&f);
    printf("fuzz_%s: %llu runs, %s\n", f.name, (unsigned long long)f.shared->runs, well ? "ok" : "FAILED");
    while (f.seed_count)
        free(f.seeds[--f.seed_count]);
    return !well;
}
