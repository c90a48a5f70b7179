/* changes_file.c: changes in state_dir, a line of JSON for each. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/rnd.h"
#include "core/discovery/changes_state.h"
#include "core/json.h"
#include "core/json_read.h"

#define CHANGES_LINES_MAX (2 * BOARD_PEERS)

/* ---- writing ---- */

static void say_unsaved(struct changes *c, const char *what)
{
    char why[sizeof(c->why_unsaved)];

    snprintf(why, sizeof(why), "%.200s: %s", what, strerror(errno));
    /* Said once, not at every change. */
    if (!c->unsaved || strcmp(why, c->why_unsaved) != 0)
        log_write(
            c->worker->log, LOG_LEVEL_WARN,
            "changes made at run time are not saved, a restart will lose them: %s; state_dir is to be a "
            "directory that the workers' user may write to",
            why);
    memcpy(c->why_unsaved, why, sizeof(why));
    c->unsaved = true;
}

/* The new name lasts once its directory does. */
static int sync_directory(struct str path)
{
    char dir[4096];
    int fd, rc;

    snprintf(dir, sizeof(dir), "%.*s", (int)((const char *)memrchr(path.s, '/', path.len) - path.s), path.s);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Whole under its name, or not at all. */
static int replace_file(struct changes *c, struct pool *pool, struct str text)
{
    struct str next = pool_printf(pool, "%s.new", c->path.s);
    int fd = open(next.s, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error;

    if (fd < 0) {
        say_unsaved(c, next.s);
        return -1;
    }
    if (file_write_all(fd, text.s, text.len) == 0 && fsync(fd) == 0 && rename(next.s, c->path.s) == 0 &&
        sync_directory(c->path) == 0) {
        close(fd);
        return 0;
    }
    error = errno;
    close(fd);
    (void)unlink(next.s);
    errno = error;
    say_unsaved(c, c->path.s);
    return -1;
}

/* As lines; those that are being removed will be gone when they are read. */
static struct str changes_text(const struct changes *c, struct pool *pool)
{
    struct upstreams *all = c->worker->upstreams;
    char *text = pool_text(pool, 4096);
    size_t room = 4096, len = 0;
    struct change change;

    for (size_t i = 0; i < all->count; i++) {
        upstream_look(&all->states[i]);
        for (size_t k = 0; k < all->states[i].peer_count; k++) {
            struct json json;
            struct str line;

            if (!change_of(c, all->states[i].peers[k], &change) || (change.removing && change.added))
                continue;
            if (change.removing)
                change.state = PEER_OVERRIDE_GONE;
            change.removing = false;
            json_init(&json, pool);
            json_object(&json, NULL);
            change_write(&json, &change);
            json_object_end(&json);
            line = json_text(&json);
            text = pool_text_grow(pool, text, len, &room, line.len + 1);
            memcpy(text + len, line.s, line.len);
            text[len + line.len] = '\n';
            len += line.len + 1;
        }
    }
    return (struct str){text, len};
}

void changes_save(struct changes *c)
{
    struct pool *pool = pool_new(8192);
    uint32_t version = board_servers_version(c->board);
    struct str text = changes_text(c, pool);
    struct hash_key key = {0, 0};
    uint64_t hash = hash_bytes(&key, text.s, text.len) | 1;
    struct stat st;

    /* Nothing to say, and nothing was said: no file is needed. */
    if ((text.len == 0 && stat(c->path.s, &st) < 0 && errno == ENOENT) || (c->saved == hash && !c->unsaved) ||
        replace_file(c, pool, text) == 0) {
        c->unsaved = false;
        c->saved = hash;
    }
    c->saved_seen = version;
    pool_free(pool);
}

const char *changes_unsaved(const struct changes *c)
{
    return c->unsaved ? c->why_unsaved : NULL;
}

struct str changes_path(const struct changes *c)
{
    return c->path;
}

/* ---- reading ---- */

static struct str text_member(const struct json_members *m, const char *name)
{
    const struct json_member *member = json_member(m, name);

    return member && member->type == JSON_READ_TEXT ? member->text : STR_NONE;
}

static bool true_member(const struct json_members *m, const char *name)
{
    const struct json_member *member = json_member(m, name);

    return member && member->type == JSON_READ_BOOL && member->truth;
}

static enum peer_override state_of(struct str name)
{
    static const struct {
        struct str name;
        enum peer_override state;
    } states[] = {{{"up", 2}, PEER_OVERRIDE_UP},
                  {{"drain", 5}, PEER_OVERRIDE_DRAIN},
                  {{"down", 4}, PEER_OVERRIDE_DOWN},
                  {{"removed", 7}, PEER_OVERRIDE_GONE}};

    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        if (str_eq(name, states[i].name))
            return states[i].state;
    return PEER_OVERRIDE_NONE;
}

static struct change change_read(const struct json_members *m)
{
    const struct json_member *weight = json_member(m, "weight");
    struct change change = {
        .upstream = text_member(m, "upstream"),
        .server = text_member(m, "server"),
        .address = text_member(m, "address"),
        .added = true_member(m, "added"),
        .backup = true_member(m, "backup"),
        .state = state_of(text_member(m, "state")),
    };

    if (weight && weight->type == JSON_READ_NUMBER && weight->number >= 0 &&
        weight->number <= PEER_WEIGHT_MAX) {
        change.has_weight = true;
        change.weight = (unsigned)weight->number;
    }
    return change;
}

/* What was read so far. */
struct reading {
    struct changes *c;
    struct pool *pool;
    struct hash_table *added; /* records that were added, by upstream and name, and by upstream and address */
    unsigned number; /* of the line */
};

/* False: it, or its address, was added by an earlier line. */
static bool is_new(struct reading *r, const struct change *change, const struct addr *address)
{
    char text[ADDR_TEXT_MAX];
    struct str name = pool_printf(r->pool, "%.*s\nn%.*s", STR_ARG(change->upstream), STR_ARG(change->server));
    struct str at = pool_printf(r->pool, "%.*s\na%.*s", STR_ARG(change->upstream),
                                STR_ARG(addr_print(address, text)));

    if (hash_table_get(r->added, name) || hash_table_get(r->added, at))
        return false;
    (void)hash_table_set(r->added, name, r);
    (void)hash_table_set(r->added, at, r);
    return true;
}

/* One that was added, and is not there otherwise. */
static const char *added_restore(struct reading *r, struct upstream_state *state, const struct change *change,
                                 char error[CHANGE_TEXT_MAX])
{
    struct changes *c = r->c;
    struct peer_state *peer;
    struct addr address;
    int slot;

    if (addr_parse(change->address, &address, NULL, 0) < 0 || address.any)
        return "it has no address";
    peer = change_find_address(state, &address);
    if (peer && peer->conf->board_slot >= 0) {
        change_set_words(c, peer->shared, change, peer->conf->weight);
        return NULL;
    }
    peer = change_find_name(state, change->server);
    if (peer) {
        snprintf(error, CHANGE_TEXT_MAX, "another server has its name by now, at %.*s; add it under another name",
                 STR_ARG(peer->address));
        return error;
    }
    if (!is_new(r, change, &address))
        return "an earlier line has the server";
    slot = change_add_record(c, change, &address, error);
    if (slot < 0)
        return error;
    change_set_words(c, board_peer_shared(c->board, (unsigned)slot), change,
                     change->has_weight ? change->weight : 1);
    return NULL;
}

/* Puts one saved change on the board; NULL, or why not. */
static const char *change_restore(struct reading *r, const struct change *change,
                                  char error[CHANGE_TEXT_MAX])
{
    struct upstream_state *state = change_upstream_known(r->c, change->upstream);
    struct peer_state *peer;

    if (!state)
        return "there is no such upstream any more";
    if (change->added)
        return added_restore(r, state, change, error);
    peer = change_find(state, change->server);
    if (!peer || peer->conf->board_slot < 0)
        return "the upstream has no such server any more";
    change_set_words(r->c, peer->shared, change, peer->conf->weight);
    return NULL;
}

static void line_restore(struct reading *r, struct str line)
{
    struct pool *pool = pool_new(4096);
    struct log *log = r->c->worker->log;
    struct json_members members;
    char error[CHANGE_TEXT_MAX];
    struct change change;
    const char *why;

    if (json_read(pool, line, &members, error, sizeof(error)) < 0) {
        log_write(log, LOG_LEVEL_ERROR, "%s:%u: %s; the change is lost", r->c->path.s, r->number, error);
    } else {
        change = change_read(&members);
        why = change_restore(r, &change, error);
        if (why)
            log_write(log, LOG_LEVEL_WARN,
                      "%s:%u: upstream \"%.*s\", server \"%.*s\": the change is dropped: %s", r->c->path.s,
                      r->number, STR_ARG(change.upstream), STR_ARG(change.server), why);
    }
    pool_free(pool);
}

static void lines_restore(struct reading *r, FILE *in)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;

    while (r->number < CHANGES_LINES_MAX && (n = getline(&line, &room, in)) > 0) {
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
            n--;
        r->number++;
        if (n > 0)
            line_restore(r, (struct str){line, (size_t)n});
    }
    free(line);
}

void changes_file_read(struct changes *c)
{
    int fd = open(c->path.s, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    struct reading r = {.c = c};
    uint8_t seed[16];

    if (!in) {
        if (errno != ENOENT && errno != ENOTDIR)
            log_write(c->worker->log, LOG_LEVEL_ERROR, "%s: %s; changes made at run time are lost", c->path.s,
                      strerror(errno));
        if (fd >= 0)
            close(fd);
        return;
    }
    r.pool = pool_new(4096);
    rnd_bytes(seed, sizeof(seed));
    r.added = hash_table_new(r.pool, hash_key_of(seed), 64);
    lines_restore(&r, in);
    fclose(in);
    pool_free(r.pool);
}
