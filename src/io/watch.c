/* watch.c: see watch.h. */
#include "io/watch.h"

#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#define WATCH_READS 8 /* of one turn */

struct watch {
    struct loop *loop;
    int fd;
    struct event *event;
    void (*on_change)(void *arg, int wd);
    void *arg;
};

static void watch_read(struct watch *w, const char *bytes, size_t len)
{
    size_t at = 0;

    while (len - at >= sizeof(struct inotify_event)) {
        const struct inotify_event *e = (const void *)(bytes + at);

        w->on_change(w->arg, e->mask & IN_Q_OVERFLOW ? -1 : e->wd);
        at += sizeof(*e) + e->len;
    }
}

static void watch_on_event(evutil_socket_t fd, short what, void *arg)
{
    struct watch *w = arg;
    char bytes[4096] __attribute__((aligned(8)));

    (void)what;
    loop_event(w->loop);
    for (int i = 0; i < WATCH_READS; i++) {
        ssize_t n = read(fd, bytes, sizeof(bytes));

        if (n <= 0)
            return;
        watch_read(w, bytes, (size_t)n);
    }
}

struct watch *watch_new(struct loop *loop, void (*on_change)(void *arg, int wd), void *arg)
{
    struct watch *w = calloc(1, sizeof(*w));

    if (!w)
        abort();
    *w = (struct watch){.loop = loop, .on_change = on_change, .arg = arg};
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd >= 0)
        w->event = event_new(loop->base, w->fd, EV_READ | EV_PERSIST, watch_on_event, w);
    if (!w->event || event_add(w->event, NULL) < 0) {
        watch_free(w);
        return NULL;
    }
    return w;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    if (w->event)
        event_free(w->event);
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}

int watch_directory(struct watch *w, const char *path)
{
    return inotify_add_watch(w->fd, path,
                             IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |
                                 IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
}
