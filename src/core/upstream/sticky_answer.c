/* sticky_answer.c: what a server may see of the cookies, and what a client gets; see sticky.h. */
#include "core/upstream/sticky_state.h"
#include "core/worker.h"

static void field_remove(struct header_list *headers, size_t at)
{
    headers->count--;
    memmove(&headers->items[at], &headers->items[at + 1], (headers->count - at) * sizeof(*headers->items));
}

/* ---- to the server ---- */

/* The field without the cookies of that name; other bytes stay, but for blanks that would come first. */
static struct str without_cookie(struct str field, struct str name, struct pool *pool)
{
    char *text = pool_text(pool, field.len);
    size_t len = 0;

    while (field.len > 0) {
        const char *end = memchr(field.s, ';', field.len);
        struct str piece = {field.s, end ? (size_t)(end - field.s) : field.len};
        const char *equals = memchr(piece.s, '=', piece.len);

        field = str_from(field, piece.len + (end != NULL));
        if (equals && str_eq(str_trim((struct str){piece.s, (size_t)(equals - piece.s)}), name))
            continue;
        if (len == 0)
            piece = str_trim(piece);
        else
            text[len++] = ';';
        memcpy(text + len, piece.s, piece.len);
        len += piece.len;
    }
    return (struct str){text, len};
}

static void hide_cookie(struct request *req, struct header_list *headers, struct str name)
{
    for (size_t i = headers->count; i-- > 0;) {
        struct header *h = &headers->items[i];
        struct str left;

        if (h->id != HEADER_COOKIE || !memmem(h->value.s, h->value.len, name.s, name.len))
            continue;
        left = without_cookie(h->value, name, req->pool);
        if (left.len > 0)
            header_set_value(h, left);
        else
            field_remove(headers, i);
    }
}

/* What stands in front of the server's own value; empty: nothing of Weir. */
static struct str prefix_of(const struct sticky *s, struct str value)
{
    size_t quote = value.len > 0 && value.s[0] == '"';
    struct str inner = {value.s + quote, value.len - quote};

    if (!sticky_has_prefix(inner) ||
        !sticky_value_read(s->values, (struct str){inner.s, STICKY_PLAIN}).authentic)
        return STR_NONE;
    return (struct str){inner.s, STICKY_PLAIN + 1};
}

/* Only the bytes that were put in are taken out; all others stay as the client has sent them. */
static void restore_cookie(struct request *req, const struct sticky *s, struct header_list *headers)
{
    struct sticky_walk walk = {.cookies.fields = headers, .name = s->conf->cookie};
    struct str value;

    while (sticky_next_cookie(&walk, &value)) {
        struct header *h = &headers->items[walk.cookies.at - 1];
        struct str prefix = prefix_of(s, value), field = h->value;
        size_t at;
        char *text;

        if (prefix.len == 0)
            continue;
        at = (size_t)(prefix.s - field.s);
        text = pool_text(req->pool, field.len);
        memcpy(text, field.s, at);
        memcpy(text + at, prefix.s + prefix.len, field.len - at - prefix.len);
        header_set_value(h, (struct str){text, field.len - prefix.len});
        walk.cookies.rest.s = text + h->value.len - walk.cookies.rest.len;
    }
}

void sticky_hide(struct request *req, struct header_list *headers)
{
    const struct sticky *s = req->sticky->state->sticky;

    if (s->conf->mode == STICKY_REWRITE)
        restore_cookie(req, s, headers);
    else if (s->conf->mode == STICKY_INSERT && s->conf->indirect)
        hide_cookie(req, headers, s->conf->cookie);
}

/* ---- to the client ---- */

static void add_field(struct request *req, struct header_list *headers, enum header_id id, struct str value)
{
    if (header_add_known(headers, id, value) < 0)
        log_write(req->worker->log, LOG_LEVEL_INFO, "an answer has no room for %.*s of `sticky`",
                  STR_ARG(header_name_of(id)));
}

/*
 * A shared cache that kept the answer would give every client the same server (RFC 9111 5.2.2.7).  What is
 * not cached stays as it is.
 */
static void make_private(struct request *req, struct header_list *headers)
{
    bool safe = str_eq(req->head.method, STR("GET")) || str_eq(req->head.method, STR("HEAD"));
    struct str value = STR("private");
    size_t fields = header_count(headers, HEADER_CACHE_CONTROL);

    if (header_has_token(headers, HEADER_CACHE_CONTROL, STR("private")) ||
        header_has_token(headers, HEADER_CACHE_CONTROL, STR("no-store")) || (fields == 0 && !safe))
        return;
    for (size_t i = 0; i < headers->count && fields > 0; i++) {
        struct str rest = headers->items[i].value, element;

        while (headers->items[i].id == HEADER_CACHE_CONTROL && str_next_element(&rest, &element)) {
            const char *equals = memchr(element.s, '=', element.len);
            struct str name = {element.s, equals ? (size_t)(equals - element.s) : element.len};

            if (!str_ieq(name, STR("public")) && !str_ieq(name, STR("s-maxage")) &&
                !str_ieq(name, STR("private")))
                value = pool_printf(req->pool, "%.*s, %.*s", STR_ARG(value), STR_ARG(element));
        }
    }
    (void)header_remove(headers, HEADER_CACHE_CONTROL);
    add_field(req, headers, HEADER_CACHE_CONTROL, value);
}

static struct str attribute(struct request *req, const char *name, struct str value)
{
    return value.len > 0 ? pool_printf(req->pool, "; %s=%.*s", name, STR_ARG(value)) : STR("");
}

static struct str cookie_text(struct request *req, const struct sticky *s, size_t server)
{
    const struct sticky_conf *conf = s->conf;
    int64_t time_s = conf->ttl_s > 0 ? req->worker->loop->clock.wall_s : 0;
    struct str age = STR(""), path = attribute(req, "Path", conf->path),
               domain = attribute(req, "Domain", conf->domain);
    struct str samesite = attribute(req, "SameSite", conf->samesite);
    char text[STICKY_DATED];
    struct str value = sticky_value_make(s->values, server, time_s, text);

    if (conf->ttl_s > 0)
        age = pool_printf(req->pool, "; Max-Age=%lld", (long long)conf->ttl_s);
    return pool_printf(req->pool, "%.*s=%.*s%.*s%.*s%.*s%s%s%.*s", STR_ARG(conf->cookie), STR_ARG(value),
                       STR_ARG(path), STR_ARG(domain), STR_ARG(age), conf->secure ? "; Secure" : "",
                       conf->httponly ? "; HttpOnly" : "", STR_ARG(samesite));
}

static bool is_ours(const struct header *h, struct str name, struct set_cookie *set)
{
    return h->id == HEADER_SET_COOKIE && cookie_parse_set(h->value, set) == 0 &&
           str_eq(set->cookie.name, name);
}

static void insert_cookie(struct request *req, const struct sticky *s, struct message *head)
{
    const struct sticky_visit *v = req->sticky;
    struct set_cookie set;

    /* The name is Weir's: with two of them, nobody knows which one the client sends. */
    for (size_t i = head->headers.count; i-- > 0;)
        if (is_ours(&head->headers.items[i], s->conf->cookie, &set))
            field_remove(&head->headers, i);
    if (v->wanted == v->taken && !v->outdated)
        return;
    add_field(req, &head->headers, HEADER_SET_COOKIE, cookie_text(req, s, (size_t)v->taken));
    if (head->status >= 200)
        make_private(req, &head->headers);
}

/* True: the server has set it.  An empty value stands for no session and stays empty. */
static bool rewrite_cookie(struct request *req, const struct sticky *s, struct header_list *headers)
{
    char text[STICKY_DATED];
    struct str value = sticky_value_make(s->values, (size_t)req->sticky->taken, 0, text);
    bool any = false;

    for (size_t i = 0; i < headers->count; i++) {
        struct header *h = &headers->items[i];
        struct set_cookie set;
        int at;

        if (!is_ours(h, s->conf->cookie, &set) || set.cookie.value.len == 0)
            continue;
        /* Behind an opening quote, or what follows would be no cookie value by the letter (RFC 6265 4.1.1).
         */
        at = (int)(set.cookie.value.s - h->value.s) +
             (sticky_unquote(set.cookie.value).s != set.cookie.value.s);
        header_set_value(h, pool_printf(req->pool, "%.*s%.*s~%.*s", at, h->value.s, STR_ARG(value),
                                        STR_ARG(str_from(h->value, (size_t)at))));
        any = true;
    }
    return any;
}

/* Whether the cookie is taken back with this field. */
static bool is_deletion(const struct set_cookie *set)
{
    struct str age;

    return set->cookie.value.len == 0 || (cookie_find_attribute(set->attributes, STR("Max-Age"), &age) &&
                                          age.len > 0 && (age.s[0] == '-' || str_eq(age, STR("0"))));
}

static bool learn_cookie(struct request *req, struct sticky *s, const struct header_list *headers)
{
    const struct sticky_visit *v = req->sticky;
    int64_t now_s = req->worker->loop->clock.mono_ms / 1000;
    uint64_t tag = sticky_value_tag(s->values, (size_t)v->taken);
    bool any = false;

    if (s->learn.count == 0)
        return false;
    for (size_t i = 0; i < headers->count; i++) {
        struct set_cookie set;

        if (!is_ours(&headers->items[i], s->conf->cookie, &set) || is_deletion(&set))
            continue;
        sticky_learn_put(&s->learn, sticky_learn_hash(s, set.cookie.value), tag, now_s);
        any = true;
    }
    /* A session that was taken over by another server stays there. */
    if (!any && v->has_hash && v->wanted != v->taken)
        sticky_learn_put(&s->learn, v->hash, tag, now_s);
    return any;
}

static void count(const struct request *req, bool set)
{
    const struct sticky_visit *v = req->sticky;
    uint64_t *results = req->worker->stats->sticky;

    if (v->said == STICKY_SAID_SERVER && v->wanted == v->taken)
        results[STICKY_KEPT]++;
    else if (v->said >= STICKY_SAID_GONE)
        results[STICKY_MOVED]++;
    else if (v->said == STICKY_SAID_FOREIGN)
        results[STICKY_FORGED]++;
    else if (set)
        results[STICKY_NEW]++;
}

void sticky_answer(struct request *req, struct message *head)
{
    const struct sticky_visit *v = req->sticky;
    struct sticky *s = v->state->sticky;
    bool set = true;

    /* Without a tag there was no memory for its value. */
    if (v->taken < 0 || sticky_value_tag(s->values, (size_t)v->taken) == 0)
        return;
    switch (s->conf->mode) {
    case STICKY_INSERT:
        insert_cookie(req, s, head);
        break;
    case STICKY_REWRITE:
        set = rewrite_cookie(req, s, &head->headers);
        break;
    case STICKY_LEARN:
        set = learn_cookie(req, s, &head->headers);
        break;
    }
    count(req, set);
}
