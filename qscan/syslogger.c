#include "qscan/syslogger.h"

#include <pthread.h>
#include <stdlib.h>

struct syslogger {
    void (*send)(struct slice line);
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct buffer waiting;
    struct buffer sending; /* by the thread, which looks at it without lock */
    bool is_over;
};

static void send_all(struct syslogger *logger)
{
    struct slice rest = slice_make(logger->sending.bytes, logger->sending.len);
    struct slice line;

    while (slice_next_line(&rest, &line))
        logger->send(line);
}

static void *run(void *argument)
{
    struct syslogger *logger = argument;

    pthread_mutex_lock(&logger->lock);
    while (!logger->is_over || logger->waiting.len > 0) {
        struct buffer empty = logger->sending;

        if (logger->waiting.len == 0) {
            pthread_cond_wait(&logger->changed, &logger->lock);
            continue;
        }
        logger->sending = logger->waiting;
        logger->waiting = empty;
        pthread_mutex_unlock(&logger->lock);
        send_all(logger);
        pthread_mutex_lock(&logger->lock);
        buffer_clear(&logger->sending);
        pthread_cond_broadcast(&logger->changed);
    }
    pthread_mutex_unlock(&logger->lock);
    return NULL;
}

static void discard(struct syslogger *logger)
{
    pthread_mutex_destroy(&logger->lock);
    pthread_cond_destroy(&logger->changed);
    buffer_free(&logger->waiting);
    buffer_free(&logger->sending);
    free(logger);
}

struct syslogger *syslogger_start(void (*send)(struct slice line))
{
    struct syslogger *logger = calloc(1, sizeof(*logger));

    if (logger == NULL)
        return NULL;
    logger->send = send;
    pthread_mutex_init(&logger->lock, NULL);
    pthread_cond_init(&logger->changed, NULL);
    if (pthread_create(&logger->thread, NULL, run, logger) == 0)
        return logger;
    discard(logger);
    return NULL;
}

void syslogger_add(struct syslogger *logger, struct buffer *lines)
{
    if (lines->len == 0 && !lines->has_failed)
        return;
    pthread_mutex_lock(&logger->lock);
    while (logger->waiting.len + logger->sending.len >= SYSLOGGER_WAITING_BYTES)
        pthread_cond_wait(&logger->changed, &logger->lock);
    buffer_add(&logger->waiting, slice_make(lines->bytes, lines->len));
    logger->waiting.has_failed =
        logger->waiting.has_failed || lines->has_failed;
    pthread_cond_broadcast(&logger->changed);
    pthread_mutex_unlock(&logger->lock);
    buffer_clear(lines);
    lines->has_failed = false;
}

bool syslogger_stop(struct syslogger *logger)
{
    bool is_all;

    pthread_mutex_lock(&logger->lock);
    logger->is_over = true;
    pthread_cond_broadcast(&logger->changed);
    pthread_mutex_unlock(&logger->lock);
    pthread_join(logger->thread, NULL);
    is_all = !logger->waiting.has_failed && !logger->sending.has_failed;
    discard(logger);
    return is_all;
}
