/* servers_file.c: see servers_file.h. */
#include "core/discovery/servers_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/rnd.h"
#include "core/config/config.h"
#include "core/board/board_server.h"

#define TOLD_MAX 200 /* bytes of a line that a message shows */

struct parse {
    struct pool *pool;
    const struct servers_file_rules *rules;
    struct servers_file_errors *errors;
    struct server_set *set;
    struct hash_table *names; /* to struct server_want */
    unsigned line;
};

static void wrong(struct servers_file_errors *errors, unsigned line, const char *fmt, ...) WEIR_PRINTF(3, 4);

static void wrong(struct servers_file_errors *errors, unsigned line, const char *fmt, ...)
{
    char what[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    errors->count++;
    errors->wrong(errors, line, what);
}

static void wrong_word(struct parse *p, struct str word, const char *what)
{
    char text[TOLD_MAX];

    wrong(p->errors, p->line, "\"%.*s\" %s", STR_ARG(log_escape(word, text, sizeof(text))), what);
}

/* The next word of `rest`; false: there is none, or a comment. */
static bool next_word(struct str *rest, struct str *word)
{
    size_t i = 0, from;

    while (i < rest->len && (rest->s[i] == ' ' || rest->s[i] == '\t'))
        i++;
    if (i == rest->len || rest->s[i] == '#')
        return false;
    from = i;
    while (i < rest->len && rest->s[i] != ' ' && rest->s[i] != '\t')
        i++;
    *word = (struct str){rest->s + from, i - from};
    *rest = str_from(*rest, i);
    return true;
}

static bool name_is_right(const struct parse *p, struct str name)
{
    return str_is_printable(name) && name.len <= p->rules->name_max;
}

static int parse_option(struct parse *p, struct str word, struct server_want *want)
{
    uint64_t weight;

    if (str_eq(word, STR("backup"))) {
        want->backup = true;
        return 0;
    }
    if (str_has_prefix(word, STR("weight="))) {
        if (str_to_u64(str_from(word, 7), PEER_WEIGHT_MAX, &weight) == 0) {
            want->weight = (unsigned)weight;
            return 0;
        }
        wrong_word(p, word, "is not a weight; write weight=N with N from 0 to 256");
        return -1;
    }
    if (str_has_prefix(word, STR("name="))) {
        want->name = str_from(word, 5);
        if (name_is_right(p, want->name))
            return 0;
        wrong_word(p, word, "is not a name; write name=TEXT with a text that is neither empty nor long");
        return -1;
    }
    wrong_word(p, word, "is not known here; write ADDRESS [weight=N] [backup] [name=TEXT]");
    return -1;
}

static void parse_add(struct parse *p, struct server_want *want)
{
    struct server_want *first;

    want->name = pool_str(p->pool, want->name);
    first = hash_table_get(p->names, want->name);
    if (first) {
        wrong_word(p, want->name,
                   "stands in the file before; keep one of the two lines, or give one another name=");
        return;
    }
    if (p->set->count == SERVERS_FILE_SERVERS) {
        wrong(p->errors, p->line, "there are more than %d servers; use several upstreams",
              SERVERS_FILE_SERVERS);
        return;
    }
    p->set->items[p->set->count] = *want;
    (void)hash_table_set(p->names, want->name, &p->set->items[p->set->count++]);
}

static void parse_line(struct parse *p, struct str line)
{
    struct server_want want = {.weight = p->rules->weight, .template_slot = BOARD_NO_TEMPLATE};
    char error[256], text[ADDR_TEXT_MAX];
    struct str word;
    int rc = 0;

    if (line.len > 0 && line.s[line.len - 1] == '\r')
        line.len--;
    if (!next_word(&line, &word))
        return;
    if (addr_parse(word, &want.address, error, sizeof(error)) != 0 || want.address.any) {
        wrong_word(p, word, "is not the address of a server; write IP:PORT, [IPv6]:PORT or unix:/PATH");
        return;
    }
    want.name = addr_print(&want.address, text);
    while (rc == 0 && next_word(&line, &word))
        rc = parse_option(p, word, &want);
    if (rc == 0 && !name_is_right(p, want.name)) {
        wrong_word(p, want.name, "is too long for a name; give it another by name=TEXT");
        rc = -1;
    }
    if (rc == 0)
        parse_add(p, &want);
}

static size_t count_lines(struct str text)
{
    size_t n = 1;

    for (size_t i = 0; i < text.len; i++)
        n += text.s[i] == '\n';
    return n < SERVERS_FILE_SERVERS ? n : SERVERS_FILE_SERVERS;
}

int servers_file_parse(struct pool *pool, struct str text, const struct servers_file_rules *rules,
                       struct servers_file_errors *errors, struct server_set *set)
{
    struct parse p = {.pool = pool, .rules = rules, .errors = errors, .set = set};
    size_t room = count_lines(text), before = errors->count;
    uint8_t seed[16];

    rnd_bytes(seed, sizeof(seed));
    p.names = hash_table_new(pool, hash_key_of(seed), room);
    *set = (struct server_set){pool_zalloc(pool, room * sizeof(*set->items)), 0};
    while (text.len > 0) {
        const char *end = memchr(text.s, '\n', text.len);
        size_t len = end ? (size_t)(end - text.s) : text.len;

        p.line++;
        parse_line(&p, (struct str){text.s, len});
        text = str_from(text, end ? len + 1 : len);
    }
    if (errors->count == before && set->count == 0)
        wrong(errors, 0, "it names no server; write one address a line");
    return errors->count == before ? 0 : -1;
}

static struct servers_file_mark mark_of(const struct stat *st)
{
    return (struct servers_file_mark){st->st_dev, st->st_ino, st->st_size, st->st_ctim, st->st_mtim};
}

int servers_file_look(const char *path, struct servers_file_mark *mark)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return -1;
    *mark = mark_of(&st);
    return 0;
}

static bool time_same(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool servers_file_same(const struct servers_file_mark *a, const struct servers_file_mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           time_same(&a->changed, &b->changed) && time_same(&a->written, &b->written);
}

/* All of the file; a FIFO or a device that somebody put there is not waited for. */
static int read_all(struct pool *pool, int fd, struct str *text, struct servers_file_errors *errors,
                    struct servers_file_mark *mark)
{
    struct stat st;
    char *bytes;
    ssize_t n;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        wrong(errors, 0, "it is not a file");
        return -1;
    }
    *mark = mark_of(&st);
    if (st.st_size > SERVERS_FILE_BYTES) {
        wrong(errors, 0, "it is larger than %d bytes", SERVERS_FILE_BYTES);
        return -1;
    }
    bytes = pool_text(pool, (size_t)st.st_size + 1);
    text->s = bytes;
    text->len = 0;
    while (text->len < (size_t)st.st_size) {
        n = read(fd, bytes + text->len, (size_t)st.st_size - text->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            wrong(errors, 0, "cannot read it: %s", strerror(errno));
        if (n <= 0)
            return n < 0 ? -1 : 0;
        text->len += (size_t)n;
    }
    return 0;
}

int servers_file_read(struct pool *pool, const char *path, const struct servers_file_rules *rules,
                      struct servers_file_errors *errors, struct server_set *set,
                      struct servers_file_mark *mark)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct str text;
    int rc;

    if (fd < 0) {
        wrong(errors, 0, "cannot read it: %s", strerror(errno));
        return -1;
    }
    rc = read_all(pool, fd, &text, errors, mark);
    close(fd);
    return rc == 0 ? servers_file_parse(pool, text, rules, errors, set) : -1;
}
