/* What runs hold is freed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "qscan/expunge.h"
#include "tests/held.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct expunge_result expunge(struct spool *spool)
{
    struct place_request request = held_request(spool);
    struct expunge_result result = {.files = 99};

    assert_true(expunge_run(&request, RUN, &result));
    return result;
}

static void test_all_is_freed(void **state)
{
    (void)state;
    for (int layout = SPOOL_PLAIN; layout <= SPOOL_PARTED; layout++) {
        static const char *const roots[] = {"q/.qscan", "q/qf/.qscan",
                                            "q/df/.qscan", "q/xf/.qscan"};
        struct spool spool;
        struct expunge_result result;

        held_open(&spool, (enum spool_layout)layout);
        result = expunge(&spool);
        assert_int_equal(result.failed, 0);
        assert_int_equal(result.files, 5);
        assert_int_equal(result.freed_bytes,
                         spool_bytes(&spool) + strlen("said"));
        for (size_t i = 0; i < COUNT(roots); i++)
            assert_false(access(folder_path(&spool.folder, roots[i]), F_OK) ==
                         0);
        spool_assert_complaints(&spool, 0, NULL);
        spool_close(&spool);
    }
}

static void test_other_runs_stay(void **state)
{
    struct spool spool;
    struct expunge_result result;

    (void)state;
    held_open(&spool, SPOOL_PARTED);
    spool_write(&spool, "6AMHqPjw023672", "dead");
    spool_run(&spool, LATER_RUN, false);
    result = expunge(&spool);
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.files, 5);
    spool_assert_held(&spool, LATER_RUN, "6AMHqPjw023672");
    assert_false(spool_has(&spool, "q/qf/.qscan/" RUN));
    assert_true(spool_has(&spool, spool_journal(&spool, LATER_RUN)));
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);
}

static void test_what_no_journal_names_is_not_freed(void **state)
{
    struct spool spool;
    struct expunge_result result;
    const char *name;

    (void)state;
    held_open(&spool, SPOOL_PLAIN);
    folder_write(&spool.folder, spool_held(&spool, RUN, 'q', "other"), "x");
    result = expunge(&spool);
    assert_int_equal(result.failed, 1);
    assert_int_equal(result.files, 5);
    name = spool_held(&spool, RUN, 'q', "other");
    spool_assert_file(&spool, name, "x");
    /* by its journal the run is known still */
    assert_true(spool_has(&spool, spool_journal(&spool, RUN)));
    spool_assert_complaints(&spool, 1, "the folder stays");
    spool_remove(&spool, name);
    result = expunge(&spool);
    assert_int_equal(result.failed, 0);
    assert_false(spool_has(&spool, "q/" HOLD_ROOT));
    spool_close(&spool);
}

static void test_df_of_a_message_in_the_queue_is_not_freed(void **state)
{
    struct spool spool;
    struct expunge_result result;

    (void)state;
    /* the very message: it gets its df back */
    held_open(&spool, SPOOL_PARTED);
    held_put_back(&spool, 'q', ID);
    result = expunge(&spool);
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.files, 2);
    spool_assert_queued(&spool, ID);
    spool_assert_file(&spool, "q/xf/xf" ID, "said");
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);

    /* another one without a df: whose this is cannot be told */
    held_open(&spool, SPOOL_PLAIN);
    folder_write(&spool.folder, "q/hf" ID, "V8\n");
    result = expunge(&spool);
    assert_int_equal(result.failed, 1);
    assert_int_equal(result.files, 2);
    spool_assert_complaints(&spool, 1, "without df, is in the queue");
    spool_assert_held(&spool, RUN, ID);
    assert_true(spool_has(&spool, spool_journal(&spool, RUN)));
    spool_close(&spool);
}

static void test_run_that_works_is_not_freed(void **state)
{
    struct spool spool;
    struct journal journal;
    struct expunge_result result;

    (void)state;
    for (int has_end = 0; has_end <= 1; has_end++) {
        held_open(&spool, SPOOL_PLAIN);
        if (!has_end)
            spool_cut_end(&spool, RUN);
        journal = held_keep_alive(&spool);
        result = expunge(&spool);
        assert_int_equal(result.failed, 1);
        assert_int_equal(result.files, 0);
        held_assert_all(&spool);
        journal_close(&journal);
        spool_close(&spool);
    }
}

static void test_killed_run_is_completed_and_freed(void **state)
{
    struct spool spool;
    struct expunge_result result;

    (void)state;
    held_open_torn(&spool, SPOOL_PARTED);
    result = expunge(&spool);
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.files, 5);
    spool_assert_file(&spool, "q/df/df" ID, NULL);
    assert_false(spool_has(&spool, "q/df/" HOLD_ROOT));
    spool_close(&spool);
}

static void test_journal_elsewhere_is_freed(void **state)
{
    struct spool spool;
    struct expunge_result result;

    (void)state;
    spool_open(&spool, SPOOL_PARTED);
    spool_put_journals_elsewhere(&spool);
    spool_write(&spool, ID, "dead");
    spool_run(&spool, RUN, false);
    assert_int_equal(held_look(&spool).held_count, 1);
    result = expunge(&spool);
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.files, 2);
    assert_int_equal(rmdir(spool.journals), 0);
    assert_false(spool_has(&spool, "q/qf/" HOLD_ROOT));
    spool_close(&spool);
}

/* It names messages of another queue, too, which only it puts back. */
static void test_shared_journal_is_not_freed(void **state)
{
    static const char further[] =
        "{\"event\":\"take\",\"id\":\"" OTHER_ID "\",\"letter\":\"q\","
        "\"qf_folder_inode\":1}\n{\"event\":\"end\"}\n";
    struct spool spool;
    struct expunge_result result;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool_put_journals_elsewhere(&spool);
    spool_write(&spool, ID, "dead");
    spool_run(&spool, RUN, false);
    spool_append(&spool, "journals/" RUN ".journal", further);
    assert_int_equal(held_look(&spool).taken_count, 1);
    result = expunge(&spool);
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.files, 2);
    assert_false(spool_has(&spool, "q/" HOLD_ROOT));
    assert_true(spool_has(&spool, "journals/" RUN ".journal"));
    spool_close(&spool);
}

static void test_no_such_run_to_free(void **state)
{
    struct spool spool;
    struct place_request request;
    struct expunge_result result;

    (void)state;
    held_open(&spool, SPOOL_PLAIN);
    request = held_request(&spool);
    assert_false(expunge_run(&request, LATER_RUN, &result));
    assert_int_equal(result.files, 0);
    assert_int_equal(result.failed, 0);
    held_assert_all(&spool);
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);
}

/* Whoever saw it fail decides; the next purge does not. */
static void test_failed_expunge_has_an_end(void **state)
{
    struct spool spool;
    struct held_run run;

    (void)state;
    held_open(&spool, SPOOL_PLAIN);
    folder_write(&spool.folder, spool_queued(&spool, 'q', ID), "V8\n");
    assert_int_equal(expunge(&spool).failed, 1);
    run = held_look(&spool);
    assert_false(run.is_expunging || run.is_unfinished);
    assert_int_equal(run.held_count, 1);
    assert_int_equal(run.expunged_count, 1);
    assert_int_equal(held_count_unfinished(&spool, NULL), 0);
    spool_close(&spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_is_freed),
        cmocka_unit_test(test_other_runs_stay),
        cmocka_unit_test(test_what_no_journal_names_is_not_freed),
        cmocka_unit_test(test_df_of_a_message_in_the_queue_is_not_freed),
        cmocka_unit_test(test_run_that_works_is_not_freed),
        cmocka_unit_test(test_killed_run_is_completed_and_freed),
        cmocka_unit_test(test_journal_elsewhere_is_freed),
        cmocka_unit_test(test_shared_journal_is_not_freed),
        cmocka_unit_test(test_no_such_run_to_free),
        cmocka_unit_test(test_failed_expunge_has_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
