/* offload.c: see offload.h. */
#include "io/offload.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct offload {
    struct loop *loop;
    struct event *event;
    int fd; /* written when a job is done */
    unsigned count; /* jobs whose done() was not called yet; the loop's */
    pthread_t threads[OFFLOAD_THREADS];
    unsigned thread_count; /* the loop's */

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t work;
    struct list waiting, done;
    unsigned idle; /* threads that wait for a job */
    unsigned left; /* jobs in `waiting` */
    bool ends;
};

/* ---- in a thread ---- */

static void tell(struct offload *o)
{
    /* It cannot be full: the loop reads it, and 2^64 jobs there are not. */
    (void)!eventfd_write(o->fd, 1);
}

/* The next job; NULL: it is the end. */
static struct offload_job *take(struct offload *o)
{
    struct offload_job *job;

    while (list_empty(&o->waiting) && !o->ends) {
        o->idle++;
        pthread_cond_wait(&o->work, &o->lock);
        o->idle--;
    }
    if (list_empty(&o->waiting))
        return NULL;
    job = container_of(o->waiting.next, struct offload_job, link);
    list_remove(&job->link);
    o->left--;
    return job;
}

static void *run(void *arg)
{
    struct offload *o = arg;
    struct offload_job *job;

    pthread_mutex_lock(&o->lock);
    while ((job = take(o))) {
        pthread_mutex_unlock(&o->lock);
        job->work(job);
        pthread_mutex_lock(&o->lock);
        list_append(&o->done, &job->link);
        tell(o);
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

/* ---- in the loop ---- */

static void call_done(struct offload *o)
{
    struct list done;

    list_init(&done);
    pthread_mutex_lock(&o->lock);
    while (!list_empty(&o->done)) {
        struct list *link = o->done.next;

        list_remove(link);
        list_append(&done, link);
    }
    pthread_mutex_unlock(&o->lock);
    while (!list_empty(&done)) {
        struct offload_job *job = container_of(done.next, struct offload_job, link);

        list_remove(&job->link);
        o->count--;
        job->done(job);
    }
}

static void on_done(evutil_socket_t fd, short what WEIR_UNUSED, void *arg)
{
    struct offload *o = arg;
    eventfd_t count;

    loop_event(o->loop);
    (void)!eventfd_read(fd, &count);
    call_done(o);
}

struct offload *offload_new(struct loop *loop)
{
    struct offload *o = calloc(1, sizeof(*o));

    if (!o)
        abort();
    o->loop = loop;
    o->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (o->fd < 0) {
        free(o);
        return NULL;
    }
    list_init(&o->waiting);
    list_init(&o->done);
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->work, NULL);
    o->event = event_new(loop->base, o->fd, EV_READ | EV_PERSIST, on_done, o);
    if (!o->event || event_add(o->event, NULL) < 0)
        abort();
    return o;
}

/* Signals are the loop's. */
static int start_thread(struct offload *o)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&o->threads[o->thread_count], NULL, run, o);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    o->thread_count += !failed;
    return failed ? -1 : 0;
}

int offload_add(struct offload *o, struct offload_job *job)
{
    bool wanted;

    if (o->count >= OFFLOAD_JOBS)
        return -1;
    pthread_mutex_lock(&o->lock);
    wanted = o->idle <= o->left;
    pthread_mutex_unlock(&o->lock);
    if (wanted && o->thread_count < OFFLOAD_THREADS && start_thread(o) < 0 && o->thread_count == 0)
        return -1;
    o->count++;
    pthread_mutex_lock(&o->lock);
    list_append(&o->waiting, &job->link);
    o->left++;
    pthread_cond_signal(&o->work);
    pthread_mutex_unlock(&o->lock);
    return 0;
}

void offload_free(struct offload *o)
{
    if (!o)
        return;
    pthread_mutex_lock(&o->lock);
    o->ends = true;
    pthread_cond_broadcast(&o->work);
    pthread_mutex_unlock(&o->lock);
    for (unsigned i = 0; i < o->thread_count; i++)
        pthread_join(o->threads[i], NULL);
    call_done(o);
    event_free(o->event);
    close(o->fd);
    pthread_cond_destroy(&o->work);
    pthread_mutex_destroy(&o->lock);
    free(o);
}
