/* handler_files.c: static files: which file a request means (`try`, index, directories), then file_send.c. */
#include <errno.h>

#include "core/log/fault.h"
#include "core/reply.h"
#include "core/var.h"
#include "http/uri.h"
#include "modules/file_cache.h"
#include "modules/file_listing.h"
#include "modules/file_send.h"
#include "modules/modules.h"

#define PATH_LIMIT 4096

/* What became of one step. */
enum step_result { STEP_NEXT, STEP_ANSWERED };

/* The steps of one request: `refusal` says why the first thing that may be there is not served. */
struct search {
    struct request *req;
    struct str refusal;
};

/* What follows the matched prefix, for `alias`; STR_NONE: it must not be served. */
static struct str cut_alias(const struct request *req, struct str path)
{
    const struct route *route = req->route;
    struct str prefix = route->path;

    if (!route->files->alias || !str_has_prefix(path, prefix))
        return path;
    path.s += prefix.len;
    path.len -= prefix.len;
    /* "/img" with alias "/srv/a" must not turn "/imgx" into "/srv/ax". */
    if (path.len > 0 && path.s[0] != '/' && !str_has_suffix(prefix, STR("/")))
        return STR_NONE;
    return path.len > 0 ? path : STR("/");
}

/* The decoded path below the root, without "/" in front.  -1: it names nothing. */
static int to_relative(struct request *req, struct str path, struct str *out)
{
    if (!path.s || path.len > PATH_LIMIT)
        return -1;
    if (memchr(path.s, '%', path.len)) {
        if (uri_decode_path(path, req->pool, &path) != URI_OK)
            return -1;
    }
    while (path.len > 0 && path.s[0] == '/') {
        path.s++;
        path.len--;
    }
    *out = path;
    return 0;
}

/* What could not be opened though it is there. */
static void fail_open(struct request *req, enum file_kind kind)
{
    struct reply_error denied = {
        .status = 403, .reason = "the file system refuses the file", .own_fault = true};

    if (kind == FILE_DENIED) {
        denied.cause = fault_errno(req, EACCES);
        reply_error(req, &denied);
        return;
    }
    log_write(req->worker->log, LOG_LEVEL_CRIT, "a file cannot be opened: descriptors or memory are short");
    reply_status(req, 503, "descriptors or memory are short");
}

/* Nothing was found that may be served. */
static void fail_search(const struct search *search, unsigned status, const char *reason)
{
    struct reply_error missing = {.status = status, .reason = reason, .cause = search->refusal};

    reply_error(search->req, &missing);
}

static struct file_entry *get_entry(struct search *search, struct str path)
{
    struct file_entry *e = file_cache_get(search->req, search->req->route->files, path);

    if (e && e->kind == FILE_MISSING && search->refusal.len == 0)
        search->refusal = e->refusal;
    return e;
}

/* "/dir" -> "/dir/", so that relative links in what is there work. */
static void add_slash(struct request *req)
{
    struct str query = req->has_query ? pool_printf(req->pool, "?%.*s", STR_ARG(req->query)) : STR_NONE;
    struct str to = pool_printf(req->pool, "%.*s/%.*s", STR_ARG(req->path), STR_ARG(query));

    reply_redirect(req, 301, uri_encode(to, req->pool));
}

/* Only what is there can refuse a method: another route, behind `try`, may take it. */
static bool refuse_method(struct request *req)
{
    struct reply_error failure = {.status = 405, .reason = "files are only read", .allow = STR("GET, HEAD")};

    if (str_eq(req->head.method, STR("GET")) || str_eq(req->head.method, STR("HEAD")))
        return false;
    reply_error(req, &failure);
    return true;
}

/* True when answered. */
static bool answer_entry(struct request *req, struct file_entry *e)
{
    if (!e || e->kind == FILE_BUSY || e->kind == FILE_DENIED) {
        fail_open(req, e ? e->kind : FILE_BUSY);
        return true;
    }
    if (e->kind != FILE_REGULAR)
        return false;
    if (!refuse_method(req))
        file_send(req, e);
    return true;
}

/* Ends in NUL; without printf, as every request of a directory comes here. */
static struct str join(struct pool *pool, struct str a, struct str b)
{
    char *text = pool_text(pool, a.len + b.len + 1);

    if (a.len)
        memcpy(text, a.s, a.len);
    if (b.len)
        memcpy(text + a.len, b.s, b.len);
    text[a.len + b.len] = '\0';
    return (struct str){text, a.len + b.len};
}

static enum step_result try_directory(struct search *search, struct str path)
{
    struct request *req = search->req;
    const struct files_conf *conf = req->route->files;
    struct file_entry *dir;

    for (size_t i = 0; i < conf->index_count; i++) {
        if (answer_entry(req, get_entry(search, join(req->pool, path, conf->index[i]))))
            return STEP_ANSWERED;
    }
    if (!conf->listing)
        return STEP_NEXT;
    dir = get_entry(search, path);
    if (!dir || dir->kind != FILE_DIRECTORY)
        return STEP_NEXT;
    if (!refuse_method(req))
        file_listing_send(req, dir->path);
    return STEP_ANSWERED;
}

static enum step_result send_on(struct request *req)
{
    if (!refuse_method(req))
        add_slash(req);
    return STEP_ANSWERED;
}

static enum step_result try_file(struct search *search, struct str path, bool is_request_path)
{
    struct request *req = search->req;
    struct file_entry *e;

    if (path.len == 0 || path.s[path.len - 1] == '/')
        return STEP_NEXT;
    e = get_entry(search, path);
    if (answer_entry(req, e))
        return STEP_ANSWERED;
    return e->kind == FILE_DIRECTORY && is_request_path ? send_on(req) : STEP_NEXT;
}

/* The step's path below the root: "$path" is the path after the route's rewrites.  -1: it names nothing; -2: it
 * is longer than a value may be. */
static int step_path(struct request *req, const struct try_step *step, struct str *out, bool *is_request_path)
{
    struct str text = template_text(step->path);

    *is_request_path = str_eq(text, STR("$path"));
    if (*is_request_path)
        return to_relative(req, cut_alias(req, req->forward_path), out);
    if (str_eq(text, STR("$path/"))) {
        struct str path = cut_alias(req, req->forward_path);

        if (path.s && !str_has_suffix(path, STR("/")))
            path = pool_printf(req->pool, "%.*s/", STR_ARG(path));
        return to_relative(req, path, out);
    }
    text = template_expand(step->path, req);
    if (!text.s)
        return -2;
    if (text.len && memchr(text.s, '?', text.len))
        text.len = (size_t)((const char *)memchr(text.s, '?', text.len) - text.s);
    return to_relative(req, cut_alias(req, text), out);
}

static enum step_result do_step(struct search *search, const struct try_step *step)
{
    struct request *req = search->req;
    bool is_request_path;
    struct str path;
    struct file_entry *dir;
    int named;

    switch (step->what) {
    case TRY_STATUS:
        fail_search(search, step->status, "no step of `try` found a file");
        return STEP_ANSWERED;
    case TRY_ROUTE:
        if (!request_jump(req, step->route->name))
            reply_status(req, 500, "`try` leads from route to route without end");
        return STEP_ANSWERED;
    case TRY_FILE:
    case TRY_DIRECTORY:
        break;
    }
    named = step_path(req, step, &path, &is_request_path);
    if (named == -2)
        reply_status(req, 500, "a path of `try` is longer than 64 KB");
    if (named < 0)
        return named == -2 ? STEP_ANSWERED : STEP_NEXT;
    if (step->what == TRY_FILE)
        return try_file(search, path, is_request_path);
    if (str_has_suffix(req->forward_path, STR("/")) || !str_eq(template_text(step->path), STR("$path/")))
        return try_directory(search, path);
    dir = get_entry(search, path);
    return dir && dir->kind == FILE_DIRECTORY ? send_on(req) : STEP_NEXT;
}

static void start(struct request *req, struct str body WEIR_UNUSED, bool last WEIR_UNUSED)
{
    const struct files_conf *conf = req->route->files;
    struct search search = {.req = req, .refusal = STR_NONE};

    for (size_t i = 0; i < conf->try_count; i++) {
        if (do_step(&search, &conf->tries[i]) == STEP_ANSWERED)
            return;
    }
    fail_search(&search, 404, "no such file");
}

/* The head is with the kernel: now the file. */
static void resume(struct request *req)
{
    const struct file_part *part = req->handler_data;

    (void)!req->out->file(req, part->fd, part->offset, part->length, true);
}

const struct handler handler_files = {.name = "files", .start = start, .resume = resume};
