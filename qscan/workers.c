#include "qscan/workers.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "qscan/interrupt.h"

struct pool {
    atomic_size_t next;
    size_t job_count, piece;
    void (*work)(void *context, unsigned worker, size_t first, size_t end);
    void *context;
    struct progress *progress;
};

struct thread {
    pthread_t id;
    struct pool *pool;
    unsigned worker;
};

static void *run(void *argument)
{
    struct thread *self = argument;
    struct pool *pool = self->pool;

    /* Nobody cancels it. Told so, the C library spares each system call two
     * atomic exchanges: glibc before 2.41 by the type, which only the state
     * makes safe, since then by the state. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    while (interrupt_signal() == 0) {
        size_t first = atomic_fetch_add(&pool->next, pool->piece);
        size_t end = first + pool->piece;

        if (first >= pool->job_count)
            break;
        if (end > pool->job_count)
            end = pool->job_count;
        pool->work(pool->context, self->worker, first, end);
        atomic_fetch_add(&pool->progress->done, end - first);
    }
    return NULL;
}

static void join(struct thread *thread, struct progress *progress)
{
    for (;;) {
        struct timespec until = progress_deadline();

        if (pthread_timedjoin_np(thread->id, NULL, &until) != ETIMEDOUT)
            return;
        progress_show(progress);
    }
}

bool workers_run(unsigned worker_count, size_t job_count, size_t piece,
                 void (*work)(void *context, unsigned worker, size_t first,
                              size_t end),
                 void *context, struct progress *progress)
{
    struct pool pool = {.job_count = job_count,
                        .piece = piece,
                        .work = work,
                        .context = context,
                        .progress = progress};
    struct thread *threads;
    unsigned started = 0;

    if (worker_count > WORKERS_MAX)
        worker_count = WORKERS_MAX;
    threads = calloc(worker_count, sizeof(*threads));
    if (threads == NULL)
        return false;
    while (started < worker_count) {
        threads[started].pool = &pool;
        threads[started].worker = started;
        if (pthread_create(&threads[started].id, NULL, run,
                           &threads[started]) != 0)
            break; /* fewer will do */
        started++;
    }
    for (unsigned i = 0; i < started; i++)
        join(&threads[i], progress);
    free(threads);
    return started > 0;
}

bool workers_do(unsigned worker_count, size_t job_count, size_t piece,
                void (*work)(void *context, unsigned worker, size_t first,
                             size_t end),
                void *context)
{
    struct progress none = {.when = PROGRESS_NEVER};
    size_t piece_count = (job_count + piece - 1) / piece;

    if (piece_count == 0)
        return true;
    if (worker_count > piece_count)
        worker_count = (unsigned)piece_count;
    return workers_run(worker_count, job_count, piece, work, context, &none) &&
           atomic_load(&none.done) == job_count;
}

/* gcc says so by a macro, clang by a feature. */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define UNDER_THREAD_SANITIZER
#endif

bool workers_own_descriptors(void)
{
/* The thread sanitizer takes two descriptors of one number for one. */
#ifdef UNDER_THREAD_SANITIZER
    return false;
#else
    return unshare(CLONE_FILES) == 0;
#endif
}
