/* file_listing.c: see file_listing.h. */
#include "modules/file_listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/reply.h"
#include "http/uri.h"
#include "modules/file_open.h"

struct listed {
    struct str name;
    bool is_dir;
    uint64_t size;
    int64_t mtime_s;
};

struct listing {
    struct request *req;
    struct str path; /* of the directory, as given to file_listing_send() */
    struct listed *items;
    size_t count, room;
    bool cut;
};

struct page {
    char *s; /* malloc */
    size_t len, room;
};

static void page_put(struct page *p, struct str s)
{
    if (p->room - p->len < s.len) {
        size_t room = 2 * (p->room + s.len);
        char *grown = realloc(p->s, room);

        if (!grown)
            abort();
        p->s = grown;
        p->room = room;
    }
    memcpy(p->s + p->len, s.s, s.len);
    p->len += s.len;
}

static void page_put_escaped(struct page *p, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        switch (s.s[i]) {
        case '&':
            page_put(p, STR("&amp;"));
            break;
        case '<':
            page_put(p, STR("&lt;"));
            break;
        case '>':
            page_put(p, STR("&gt;"));
            break;
        case '"':
            page_put(p, STR("&quot;"));
            break;
        default:
            page_put(p, (struct str){s.s + i, 1});
        }
    }
}

static int by_name(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;

    if (x->is_dir != y->is_dir)
        return x->is_dir ? -1 : 1;
    return strcmp(x->name.s, y->name.s);
}

/* What a link leads to, by the same rules that would serve it. */
static bool follow(const struct listing *l, const char *name, struct stat *st)
{
    struct str path = pool_printf(l->req->pool, "%.*s%s", STR_ARG(l->path), name);
    int fd = l->req->route->files->symlinks ? file_open(l->req->route->files, path) : -1;
    bool found = fd >= 0 && fstat(fd, st) == 0;

    if (fd >= 0)
        close(fd);
    return found;
}

static void add_name(struct listing *l, int dir, const char *name)
{
    struct listed *item;
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || (S_ISLNK(st.st_mode) && !follow(l, name, &st)))
        return;
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return;
    if (l->count == FILE_LISTING_MAX) {
        l->cut = true;
        return;
    }
    if (l->count == l->room) {
        struct listed *grown;

        l->room = l->room ? 2 * l->room : 64;
        grown = realloc(l->items, l->room * sizeof(*grown));
        if (!grown)
            abort();
        l->items = grown;
    }
    item = &l->items[l->count++];
    *item = (struct listed){pool_str(l->req->pool, str_of(name)), S_ISDIR(st.st_mode), (uint64_t)st.st_size,
                            st.st_mtim.tv_sec};
}

static bool read_names(struct listing *l)
{
    const struct files_conf *conf = l->req->route->files;
    int fd = file_open(conf, l->path);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    while (!l->cut && (entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;

        if (name[0] != '.' || (conf->dotfiles && name[1] && strcmp(name, "..") != 0))
            add_name(l, fd, name);
    }
    closedir(dir);
    /* Without names there is no array. */
    if (l->count > 0)
        qsort(l->items, l->count, sizeof(*l->items), by_name);
    return true;
}

static void put_item(struct page *p, struct pool *pool, const struct listed *item)
{
    char date[32] = "";
    struct tm tm;
    time_t t = (time_t)item->mtime_s;

    if (gmtime_r(&t, &tm))
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M", &tm);
    page_put(p, STR("<tr><td><a href=\"./"));
    page_put_escaped(p, uri_encode_path(item->name, pool));
    page_put(p, item->is_dir ? STR("/\">") : STR("\">"));
    page_put_escaped(p, item->name);
    page_put(p, item->is_dir ? STR("/</a></td><td></td><td>") : STR("</a></td><td>"));
    if (!item->is_dir)
        page_put(p, pool_printf(pool, "%llu</td><td>", (unsigned long long)item->size));
    page_put(p, str_of(date));
    page_put(p, STR("</td></tr>\n"));
}

static void put_page(struct page *p, struct listing *l)
{
    page_put(p, STR("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                    "<meta name=\"viewport\" content=\"width=device-width\"><title>"));
    page_put_escaped(p, l->req->path);
    page_put(p, STR("</title>\n<style>body{font:15px/1.6 system-ui,sans-serif;max-width:60em;"
                    "margin:2em auto;padding:0 1em;"
                    "color:#222;background:#fff}td{padding:0 2em 0 0}td+td{text-align:right;color:#777;"
                    "font-variant-numeric:tabular-nums}a{text-decoration:none;color:#06c}"
                    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#111}a{color:#6af}}"
                    "</style></head>\n<body><h1>"));
    page_put_escaped(p, l->req->path);
    page_put(p, STR("</h1>\n<table>\n"));
    if (l->req->path.len > 1)
        page_put(p, STR("<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n"));
    for (size_t i = 0; i < l->count; i++)
        put_item(p, l->req->pool, &l->items[i]);
    page_put(p, STR("</table>\n"));
    if (l->cut)
        page_put(p, STR("<p>There are more names than are shown here.</p>\n"));
    page_put(p, STR("</body></html>\n"));
}

void file_listing_send(struct request *req, struct str path)
{
    struct listing l = {.req = req, .path = path};
    struct page page = {.s = NULL};

    if (!read_names(&l)) {
        reply_status(req, 404, "the directory cannot be read");
        return;
    }
    put_page(&page, &l);
    free(l.items);
    pool_on_free(req->pool, free, page.s);
    reply_text(req, 200, STR("text/html; charset=utf-8"), (struct str){page.s, page.len});
}
