/* Jobs that threads share: each done once, whatever their number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qscan/interrupt.h"
#include "qscan/workers.h"

enum { JOBS_MAX = 1000, WORKERS = 7 };

struct seen {
    atomic_int times[JOBS_MAX];
    atomic_size_t pieces;
    size_t piece, job_count;
    atomic_bool is_wrong;
};

static void note(void *context, unsigned worker, size_t first, size_t end)
{
    struct seen *seen = context;

    if (worker >= WORKERS || first % seen->piece != 0 || end <= first ||
        end > seen->job_count || end - first > seen->piece)
        atomic_store(&seen->is_wrong, true);
    atomic_fetch_add(&seen->pieces, 1);
    for (size_t i = first; i < end; i++)
        atomic_fetch_add(&seen->times[i], 1);
}

static void test_each_job_is_done_once(void **state)
{
    static const size_t counts[] = {1, 2, 255, 256, 257, JOBS_MAX};
    static const size_t pieces[] = {1, 3, 256, 5000};
    static struct seen seen;

    (void)state;
    for (unsigned workers = 1; workers <= WORKERS; workers += 3)
        for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
            for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
                memset(&seen, 0, sizeof(seen));
                seen.piece = pieces[p];
                seen.job_count = counts[c];
                assert_true(
                    workers_do(workers, counts[c], pieces[p], note, &seen));
                assert_false(seen.is_wrong);
                assert_int_equal(seen.pieces,
                                 (counts[c] + pieces[p] - 1) / pieces[p]);
                for (size_t i = 0; i < JOBS_MAX; i++)
                    assert_int_equal(seen.times[i], i < counts[c]);
            }
}

static void never(void *context, unsigned worker, size_t first, size_t end)
{
    (void)worker;
    (void)first;
    (void)end;
    *(bool *)context = true;
}

static void test_nothing_to_do_is_done(void **state)
{
    bool was_called = false;

    (void)state;
    assert_true(workers_do(3, 0, 16, never, &was_called));
    assert_false(was_called);
}

static void test_progress_counts_what_is_done(void **state)
{
    static struct seen seen = {.piece = 7, .job_count = 100};
    struct progress progress = {.when = PROGRESS_NEVER};

    (void)state;
    assert_true(workers_run(2, 100, 7, note, &seen, &progress));
    assert_int_equal(progress.done, 100);
}

/* The mark of a signal stays for good: in a process of its own. */
static void test_signal_ends_it_before_all_is_done(void **state)
{
    static struct seen seen = {.piece = 1, .job_count = JOBS_MAX};
    int status;
    pid_t child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        interrupt_setup();
        raise(SIGTERM);
        _exit(interrupt_signal() == SIGTERM &&
                      !workers_do(2, JOBS_MAX, 1, note, &seen) &&
                      seen.pieces == 0
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void open_one(void *context, unsigned worker, size_t first, size_t end)
{
    (void)worker;
    (void)first;
    (void)end;
    workers_own_descriptors();
    /* what was open before is open in all of them */
    *(bool *)context = fcntl(STDERR_FILENO, F_GETFD) >= 0;
}

static void test_own_descriptors_keep_what_was_open(void **state)
{
    bool is_open = false;

    (void)state;
    assert_true(workers_do(1, 1, 1, open_one, &is_open));
    assert_true(is_open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_job_is_done_once),
        cmocka_unit_test(test_nothing_to_do_is_done),
        cmocka_unit_test(test_progress_counts_what_is_done),
        cmocka_unit_test(test_signal_ends_it_before_all_is_done),
        cmocka_unit_test(test_own_descriptors_keep_what_was_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
