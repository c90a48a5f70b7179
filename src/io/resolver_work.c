/* resolver_work.c: a question: for SRV first its targets; for each host /etc/hosts, else A and AAAA. */
#include "io/resolver_work.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/nameser.h>

#define HOSTS_TTL_S 5 /* a file has no time to live */

struct work {
    struct resolver *resolver;
    struct resolver_question *question;
    unsigned pending; /* queries under way, and one for who is starting them */
    uint32_t ttl_s;
    struct resolver_answer answer;
    struct resolver_address items[RESOLVER_ADDRESSES_MAX];
};

/* One host of it, and one family of that. */
struct query {
    struct work *work;
    int family;
    uint16_t port;
    unsigned priority, weight;
};

static struct query *query_new(const struct query *like, int family)
{
    struct query *q = malloc(sizeof(*q));

    if (!q)
        abort();
    *q = *like;
    q->family = family;
    q->work->pending++;
    return q;
}

/* ---- the end ---- */

static void work_error(struct work *w, const char *error)
{
    if (!w->answer.error)
        w->answer.error = error;
}

static void work_let_go(struct work *w)
{
    struct resolver_answer *a = &w->answer;
    struct resolver_question *question = w->question;

    if (--w->pending > 0)
        return;
    w->resolver->under_way--;
    if (a->count == 0)
        work_error(w, "there is no address");
    a->items = w->items;
    if (!a->error) {
        a->ttl_ms = (int64_t)w->ttl_s * 1000;
        a->ttl_ms = a->ttl_ms < RESOLVER_TTL_LEAST_MS  ? RESOLVER_TTL_LEAST_MS
                    : a->ttl_ms > RESOLVER_TTL_MOST_MS ? RESOLVER_TTL_MOST_MS
                                                       : a->ttl_ms;
    }
    if (question)
        question->done(question, a);
    free(w);
}

static void work_ttl(struct work *w, uint32_t ttl_s)
{
    if (ttl_s < w->ttl_s)
        w->ttl_s = ttl_s;
}

/* ---- addresses ---- */

static void work_add(const struct query *q, const struct addr *address)
{
    struct work *w = q->work;

    for (size_t i = 0; i < w->answer.count; i++)
        if (addr_eq(&w->items[i].address, address))
            return;
    if (w->answer.count == RESOLVER_ADDRESSES_MAX) {
        w->answer.is_cut = true;
        return;
    }
    w->items[w->answer.count++] = (struct resolver_address){*address, q->priority, q->weight};
}

static void work_add_bytes(const struct query *q, int family, const void *bytes)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(q->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(q->port)};
    struct addr address;

    if (family == AF_INET) {
        memcpy(&in.sin_addr, bytes, sizeof(in.sin_addr));
        address = addr_of((struct sockaddr *)&in, sizeof(in));
    } else {
        memcpy(&in6.sin6_addr, bytes, sizeof(in6.sin6_addr));
        address = addr_of((struct sockaddr *)&in6, sizeof(in6));
    }
    work_add(q, &address);
}

static int query_parse(const struct query *q, const unsigned char *bytes, int len)
{
    struct ares_addrttl v4[RESOLVER_ADDRESSES_MAX];
    struct ares_addr6ttl v6[RESOLVER_ADDRESSES_MAX];
    int n = RESOLVER_ADDRESSES_MAX;
    int status = q->family == AF_INET ? ares_parse_a_reply(bytes, len, NULL, v4, &n)
                                      : ares_parse_aaaa_reply(bytes, len, NULL, v6, &n);

    if (status != ARES_SUCCESS)
        return status;
    for (int i = 0; i < n; i++) {
        if (q->family == AF_INET)
            work_add_bytes(q, AF_INET, &v4[i].ipaddr);
        else
            work_add_bytes(q, AF_INET6, &v6[i].ip6addr);
    }
    if (n > 0)
        work_ttl(q->work, resolver_ttl(bytes, len));
    return n > 0 ? ARES_SUCCESS : ARES_ENODATA;
}

/* The asker is going: nobody is told. */
static bool is_the_end(struct work *w, int status)
{
    if (status != ARES_EDESTRUCTION)
        return false;
    w->question = NULL;
    return true;
}

/* That a name, or a kind of address, is not there is an answer too. */
static bool says_none(int status)
{
    return status == ARES_ENODATA || status == ARES_ENOTFOUND;
}

static void query_done(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
    struct query *q = arg;
    struct work *w = q->work;

    (void)timeouts;
    if (status == ARES_SUCCESS)
        status = query_parse(q, bytes, len);
    if (!is_the_end(w, status) && status != ARES_SUCCESS && !says_none(status)) {
        work_error(w, ares_strerror(status));
        if (q->family == AF_INET)
            w->answer.v4_failed = true;
        else
            w->answer.v6_failed = true;
    }
    free(q);
    work_let_go(w);
}

/* ---- a host ---- */

static bool host_in_file(const struct query *q, const char *name, int family)
{
    struct hostent *found;

    if (ares_gethostbyname_file(q->work->resolver->channel, name, family, &found) != ARES_SUCCESS)
        return false;
    for (size_t i = 0; found->h_addr_list[i]; i++)
        work_add_bytes(q, found->h_addrtype, found->h_addr_list[i]);
    ares_free_hostent(found);
    work_ttl(q->work, HOSTS_TTL_S);
    return true;
}

static void host_ask(const struct query *q, const char *name)
{
    ares_channel channel = q->work->resolver->channel;
    bool v4 = host_in_file(q, name, AF_INET);
    bool v6 = host_in_file(q, name, AF_INET6);

    if (v4 || v6)
        return;
    ares_search(channel, name, ns_c_in, ns_t_a, query_done, query_new(q, AF_INET));
    ares_search(channel, name, ns_c_in, ns_t_aaaa, query_done, query_new(q, AF_INET6));
}

/* ---- SRV ---- */

static int target_order(const void *a, const void *b)
{
    const struct ares_srv_reply *const *x = a, *const *y = b;

    if ((*x)->priority != (*y)->priority)
        return (*x)->priority < (*y)->priority ? -1 : 1;
    return strcmp((*x)->host, (*y)->host);
}

/* The first ones by priority; a root as target says that there is no such service. */
static void targets_ask(struct work *w, struct ares_srv_reply *list)
{
    struct ares_srv_reply **targets;
    size_t n = 0;

    for (struct ares_srv_reply *t = list; t; t = t->next)
        n++;
    targets = calloc(n + 1, sizeof(struct ares_srv_reply *));
    if (!targets)
        abort();
    n = 0;
    for (struct ares_srv_reply *t = list; t; t = t->next)
        if (t->host[0] && strcmp(t->host, ".") != 0 && t->port > 0)
            targets[n++] = t;
    if (n > 0) {
        qsort(targets, n, sizeof(struct ares_srv_reply *), target_order);
        w->answer.priority = targets[0]->priority;
    }
    w->answer.is_cut = n > RESOLVER_TARGETS_MAX;
    for (size_t i = 0; i < n && i < RESOLVER_TARGETS_MAX; i++)
        host_ask(&(struct query){.work = w,
                                 .port = targets[i]->port,
                                 .priority = targets[i]->priority,
                                 .weight = targets[i]->weight},
                 targets[i]->host);
    free(targets);
}

static void srv_done(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
    struct work *w = arg;
    struct ares_srv_reply *list = NULL;

    (void)timeouts;
    if (status == ARES_SUCCESS)
        status = ares_parse_srv_reply(bytes, len, &list);
    if (status == ARES_SUCCESS) {
        work_ttl(w, resolver_ttl(bytes, len));
        targets_ask(w, list);
    } else if (!is_the_end(w, status)) {
        work_error(w, ares_strerror(status));
    }
    if (list)
        ares_free_data(list);
    work_let_go(w);
}

void resolver_ask(struct resolver *r, struct resolver_question *question)
{
    struct work *w = calloc(1, sizeof(*w));

    if (!w)
        abort();
    w->resolver = r;
    w->question = question;
    w->ttl_s = UINT32_MAX;
    w->pending = 1;
    r->under_way++;
    if (question->port > 0) {
        host_ask(&(struct query){.work = w, .port = question->port}, question->name);
    } else {
        w->pending++;
        ares_search(r->channel, question->name, ns_c_in, ns_t_srv, srv_done, w);
    }
    work_let_go(w);
}

/* ---- times to live ---- */

/* Behind the name at `at`; NULL: it is none. */
static const unsigned char *name_skip(const unsigned char *at, const unsigned char *bytes, int len)
{
    char *name;
    long taken;

    if (at >= bytes + len || ares_expand_name(at, bytes, len, &name, &taken) != ARES_SUCCESS)
        return NULL;
    ares_free_string(name);
    return at + taken;
}

static uint32_t number16(const unsigned char *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

uint32_t resolver_ttl(const unsigned char *bytes, int len)
{
    const unsigned char *at = bytes + NS_HFIXEDSZ, *end = bytes + len;
    uint32_t least = UINT32_MAX;

    if (len < NS_HFIXEDSZ)
        return 0;
    for (uint32_t n = number16(bytes + 4); n > 0; n--) {
        at = name_skip(at, bytes, len);
        if (!at || end - at < NS_QFIXEDSZ)
            return 0;
        at += NS_QFIXEDSZ;
    }
    for (uint32_t n = number16(bytes + 6); n > 0; n--) {
        uint32_t ttl;

        at = name_skip(at, bytes, len);
        if (!at || end - at < NS_RRFIXEDSZ)
            return 0;
        ttl = number16(at + 4) << 16 | number16(at + 6);
        /* RFC 2181 8: with the highest bit set it is 0. */
        if (ttl > INT32_MAX)
            ttl = 0;
        if (ttl < least)
            least = ttl;
        if (end - at - NS_RRFIXEDSZ < (ptrdiff_t)number16(at + 8))
            return 0;
        at += NS_RRFIXEDSZ + number16(at + 8);
    }
    return least == UINT32_MAX ? 0 : least;
}
