/* file_listing.c: see file_listing.h. */
#include "modules/file_listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/reply.h"
#include "core/worker.h"
#include "modules/file_open.h"
#include "modules/listing_page.h"

/* May outlive its request: the loop does not forget what it is to call. */
struct listing {
    struct loop_deferred turn;
    struct request *req; /* NULL: given up */
    DIR *dir;
    struct str path; /* of the directory, as given to file_listing_send() */
    struct listing_item *items; /* malloc */
    size_t count, room;
    bool cut;
};

static void listing_close(struct listing *l)
{
    closedir(l->dir);
    free(l->items);
}

static void listing_abort(struct request *req, const char *reason WEIR_UNUSED)
{
    struct listing *l = req->handler_data;

    listing_close(l);
    l->req = NULL; /* the loop frees it */
}

/* Of a request whose listing goes on in another turn. */
static const struct handler handler_listing = {.name = "files", .abort = listing_abort};

static int by_name(const void *a, const void *b)
{
    const struct listing_item *x = a, *y = b;

    if (x->is_dir != y->is_dir)
        return x->is_dir ? -1 : 1;
    return strcmp(x->name.s, y->name.s);
}

static bool look(int dir, const char *name, int flags, struct statx *st)
{
    return statx(dir, name, flags | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_SIZE | STATX_MTIME, st) == 0;
}

/* What a link leads to, by the same rules that would serve it. */
static bool follow(const struct listing *l, const char *name, struct statx *st)
{
    const struct files_conf *conf = l->req->route->files;
    int fd = conf->symlinks
                 ? file_open(conf, pool_printf(l->req->pool, "%.*s%s", STR_ARG(l->path), name))
                 : -1;
    bool found = fd >= 0 && look(fd, "", AT_EMPTY_PATH, st);

    if (fd >= 0)
        close(fd);
    return found;
}

static void add_item(struct listing *l, const char *name, const struct statx *st)
{
    if (l->count == FILE_LISTING_MAX) {
        l->cut = true;
        return;
    }
    if (l->count == l->room) {
        struct listing_item *grown;

        l->room = l->room ? 2 * l->room : 64;
        grown = realloc(l->items, l->room * sizeof(*grown));
        if (!grown)
            abort();
        l->items = grown;
    }
    l->items[l->count++] = (struct listing_item){.name = pool_str(l->req->pool, str_of(name)),
                                                 .is_dir = S_ISDIR(st->stx_mode),
                                                 .size = st->stx_size,
                                                 .mtime_s = st->stx_mtime.tv_sec};
}

/* Only files and directories that would be served are listed. */
static void add_entry(struct listing *l, const struct dirent *entry)
{
    const char *name = entry->d_name;
    struct statx st;

    if (name[0] == '.' && (!l->req->route->files->dotfiles || !name[1] || strcmp(name, "..") == 0))
        return;
    if (entry->d_type != DT_REG && entry->d_type != DT_DIR && entry->d_type != DT_LNK &&
        entry->d_type != DT_UNKNOWN)
        return;
    if (!look(dirfd(l->dir), name, AT_SYMLINK_NOFOLLOW, &st))
        return;
    if (S_ISLNK(st.stx_mode) && !follow(l, name, &st))
        return;
    if (S_ISREG(st.stx_mode) || S_ISDIR(st.stx_mode))
        add_item(l, name, &st);
}

/* False: there are no more, or none of them is wanted. */
static bool read_step(struct listing *l)
{
    for (unsigned i = 0; i < FILE_LISTING_STEP; i++) {
        const struct dirent *entry = readdir(l->dir);

        if (!entry)
            return false;
        add_entry(l, entry);
        if (l->cut)
            return false;
    }
    return true;
}

static void listing_finish(struct listing *l)
{
    struct request *req = l->req;
    struct listing_page page = {.title = req->path, .count = l->count, .cut = l->cut};
    struct str text;

    /* Without names there is no array. */
    if (l->count > 0)
        qsort(l->items, l->count, sizeof(*l->items), by_name);
    page.items = l->items;
    text = listing_page_make(&page, req->pool);
    listing_close(l);
    free(l);
    reply_text(req, 200, STR("text/html; charset=utf-8"), text);
}

static void listing_on_turn(struct loop_deferred *turn);

static void listing_go_on(struct listing *l)
{
    if (read_step(l))
        loop_next_turn(l->req->worker->loop, &l->turn, listing_on_turn);
    else
        listing_finish(l);
}

static void listing_on_turn(struct loop_deferred *turn)
{
    struct listing *l = container_of(turn, struct listing, turn);

    if (l->req)
        listing_go_on(l);
    else
        free(l);
}

void file_listing_send(struct request *req, struct str path)
{
    int fd = file_open(req->route->files, path);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct listing *l;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        reply_status(req, 404, "the directory cannot be read");
        return;
    }
    l = malloc(sizeof(*l));
    if (!l)
        abort();
    *l = (struct listing){.req = req, .dir = dir, .path = path};
    req->handler = &handler_listing;
    req->handler_data = l;
    listing_go_on(l);
}
