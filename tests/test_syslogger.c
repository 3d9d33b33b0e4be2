/* Lines that a thread sends: each once, whole, and in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "qscan/syslogger.h"

enum { WORKERS = 3, BATCHES = 200, LINES = 20 };

/* Written by the logger's thread, read when that has ended. */
static unsigned next_of[WORKERS], sent_count;
static bool is_wrong, is_slow;

static void note(struct slice line)
{
    char text[64] = "";
    unsigned worker = WORKERS, number = 0;

    if (is_slow)
        nanosleep(&(struct timespec){.tv_nsec = 200 * 1000}, NULL);
    memcpy(text, line.ptr, line.len < 63 ? line.len : 63);
    sent_count++;
    if (sscanf(text, "worker %u line %u", &worker, &number) != 2 ||
        worker >= WORKERS || number != next_of[worker])
        is_wrong = true;
    else
        next_of[worker]++;
}

static void begin(bool slow)
{
    memset(next_of, 0, sizeof(next_of));
    sent_count = 0;
    is_wrong = false;
    is_slow = slow;
}

struct worker {
    pthread_t thread;
    struct syslogger *logger;
    unsigned number;
};

static void *add_lines(void *argument)
{
    struct worker *worker = argument;
    struct buffer lines = {0};

    for (unsigned i = 0; i < BATCHES * LINES; i++) {
        buffer_printf(&lines, "worker %u line %u\n", worker->number, i);
        if (i % LINES == LINES - 1)
            syslogger_add(worker->logger, &lines);
    }
    buffer_free(&lines);
    return NULL;
}

static void test_each_line_is_sent_once_in_order(void **state)
{
    struct syslogger *logger = syslogger_start(note);
    struct worker workers[WORKERS];

    (void)state;
    assert_non_null(logger);
    begin(false);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.logger = logger, .number = i};
        assert_int_equal(
            pthread_create(&workers[i].thread, NULL, add_lines, &workers[i]),
            0);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_join(workers[i].thread, NULL);
    assert_true(syslogger_stop(logger));
    assert_false(is_wrong);
    assert_int_equal(sent_count, WORKERS * BATCHES * LINES);
}

static void test_nothing_is_lost_when_it_stops_at_once(void **state)
{
    struct syslogger *logger = syslogger_start(note);
    struct buffer lines = {0};

    (void)state;
    assert_non_null(logger);
    begin(true);
    for (unsigned i = 0; i < 50; i++)
        buffer_printf(&lines, "worker 0 line %u\n", i);
    syslogger_add(logger, &lines);
    assert_int_equal(lines.len, 0);
    assert_true(syslogger_stop(logger));
    assert_false(is_wrong);
    assert_int_equal(sent_count, 50);
    buffer_free(&lines);
}

static void test_nothing_to_send(void **state)
{
    struct syslogger *logger = syslogger_start(note);
    struct buffer lines = {0};

    (void)state;
    assert_non_null(logger);
    begin(false);
    syslogger_add(logger, &lines);
    assert_true(syslogger_stop(logger));
    assert_int_equal(sent_count, 0);
}

/* Told at the end, and not of what comes after. */
static void test_lost_lines_are_told_of(void **state)
{
    struct syslogger *logger = syslogger_start(note);
    struct buffer lines = {.has_failed = true};

    (void)state;
    assert_non_null(logger);
    begin(false);
    syslogger_add(logger, &lines);
    assert_false(lines.has_failed);
    buffer_add_string(&lines, "worker 0 line 0\n");
    syslogger_add(logger, &lines);
    assert_false(syslogger_stop(logger));
    assert_false(is_wrong);
    assert_int_equal(sent_count, 1);
    buffer_free(&lines);
}

/* A syslogd that hangs: so much is taken from who adds, and no more. */
static sem_t may_send;
static atomic_uint added_batches;

static void hang(struct slice line)
{
    (void)line;
    sem_wait(&may_send);
}

static void *add_batches(void *argument)
{
    static char long_line[SYSLOGGER_WAITING_BYTES];
    struct buffer lines = {0};

    memset(long_line, 'x', sizeof(long_line));
    long_line[sizeof(long_line) - 1] = '\n';
    for (unsigned i = 0; i < 3; i++) {
        buffer_add(&lines, slice_make(long_line, sizeof(long_line)));
        syslogger_add(argument, &lines);
        added_batches++;
    }
    buffer_free(&lines);
    return NULL;
}

static void test_who_adds_waits_for_who_sends(void **state)
{
    struct syslogger *logger = syslogger_start(hang);
    pthread_t thread;

    (void)state;
    assert_non_null(logger);
    assert_int_equal(sem_init(&may_send, 0, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, add_batches, logger), 0);
    while (added_batches == 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
    nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
    assert_int_equal(added_batches, 1);
    for (int i = 0; i < 3; i++)
        sem_post(&may_send);
    pthread_join(thread, NULL);
    assert_true(syslogger_stop(logger));
    assert_int_equal(added_batches, 3);
    sem_destroy(&may_send);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_line_is_sent_once_in_order),
        cmocka_unit_test(test_nothing_is_lost_when_it_stops_at_once),
        cmocka_unit_test(test_nothing_to_send),
        cmocka_unit_test(test_lost_lines_are_told_of),
        cmocka_unit_test(test_who_adds_waits_for_who_sends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
