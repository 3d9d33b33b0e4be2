/* Messages go back to where a run took them from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "qscan/undo.h"
#include "tests/held.h"

static void assert_all_queued(struct spool *spool)
{
    spool_assert_queued(spool, ID);
    spool_assert_queued(spool, OTHER_ID);
    spool_assert_file(spool, spool_held(spool, RUN, 'x', ID), NULL);
    spool_assert_file(spool, spool_queued(spool, 'x', ID), "said");
}

/* What is foreseen, happens. */
static struct undo_result restore(struct spool *spool)
{
    struct place_request request = held_request(spool);
    struct undo_result result = {.restored = 99}, foreseen = {.restored = 98};
    size_t complaints = spool->complaints.count;

    undo_foresee(&request, RUN, &foreseen);
    complaints = spool->complaints.count - complaints;
    complaints_init(&spool->complaints, spool->complaints.is_quiet);
    assert_true(undo_restore(&request, RUN, &result));
    assert_memory_equal(&foreseen, &result, sizeof(result));
    assert_int_equal(spool->complaints.count, complaints);
    return result;
}

static void assert_restored(const struct undo_result *result, size_t restored,
                            size_t left, size_t failed)
{
    if (result->restored != restored || result->left != left ||
        result->failed != failed)
        fail_msg("restored %zu left %zu failed %zu", result->restored,
                 result->left, result->failed);
}

static bool says(struct spool *spool, const char *name, const char *words)
{
    char *text = spool_text(spool, name);
    bool is_said = strstr(text, words) != NULL;

    free(text);
    return is_said;
}

static void test_all_is_put_back(void **state)
{
    (void)state;
    for (int layout = SPOOL_PLAIN; layout <= SPOOL_PARTED; layout++) {
        struct spool spool;
        struct undo_result result;
        struct held_run run;

        held_open(&spool, (enum spool_layout)layout);
        result = restore(&spool);
        assert_restored(&result, 2, 0, 0);
        assert_all_queued(&spool);
        held_assert_end(&spool, true);
        /* one that is killed leaves no end, by this */
        assert_true(says(&spool, spool_journal(&spool, RUN), "\"undo-begin\""));
        /* known still, but it holds nothing */
        run = held_look(&spool);
        assert_int_equal(run.taken_count, 2);
        assert_int_equal(run.file_count, 0);
        /* twice is once */
        result = restore(&spool);
        assert_restored(&result, 0, 0, 0);
        assert_all_queued(&spool);
        spool_assert_complaints(&spool, 0, NULL);
        spool_close(&spool);
    }
}

static void test_quarantined_is_put_back_as_it_was(void **state)
{
    struct spool spool;
    struct act_planned planned;
    struct act_request request;
    struct act_result taken;
    struct place_request undo;
    struct undo_result result;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool_write(&spool, ID, "quarantined");
    spool_scan(&spool);
    planned = spool_plan(&spool, "q/hf" ID);
    request = spool_request(&spool);
    request.jobs[0].planned = &planned;
    assert_true(act_take(&request, &taken));
    spool_assert_held(&spool, taken.run, ID);
    undo = held_request(&spool);
    assert_true(undo_restore(&undo, taken.run, &result));
    assert_restored(&result, 1, 0, 0);
    spool_assert_queued(&spool, ID);
    act_result_free(&taken);
    spool_close(&spool);
}

/* Whatever bears its name now was never in the journal. */
static void test_nothing_is_put_over_what_exists(void **state)
{
    static const char letters[] = "qhQtTd";

    (void)state;
    for (const char *letter = letters; *letter != '\0'; letter++) {
        struct spool spool;
        struct undo_result result;
        const char *name;

        held_open(&spool, SPOOL_PLAIN);
        name = spool_queued(&spool, *letter, ID);
        folder_write(&spool.folder, name, "of somebody else");
        result = restore(&spool);
        assert_restored(&result, 1, 1, 0);
        name = spool_queued(&spool, *letter, ID);
        spool_assert_file(&spool, name, "of somebody else");
        spool_remove(&spool, name);
        spool_assert_held(&spool, RUN, ID);
        spool_assert_queued(&spool, OTHER_ID);
        spool_assert_file(&spool, spool_held(&spool, RUN, 'x', ID), "said");
        spool_assert_complaints(&spool, 1,
                                *letter == 'd'
                                    ? "a df of this id exists now"
                                    : "a control file of this id exists now");
        /* the way is free: the rest follows */
        result = restore(&spool);
        assert_restored(&result, 1, 0, 0);
        assert_all_queued(&spool);
        spool_close(&spool);
    }
}

static void test_transcript_in_the_way(void **state)
{
    struct spool spool;
    struct undo_result result;

    (void)state;
    held_open(&spool, SPOOL_PARTED);
    folder_write(&spool.folder, "q/xf/xf" ID, "of somebody else");
    result = restore(&spool);
    assert_restored(&result, 1, 0, 1);
    spool_assert_file(&spool, "q/xf/xf" ID, "of somebody else");
    spool_assert_file(&spool, spool_held(&spool, RUN, 'x', ID), "said");
    spool_assert_held(&spool, RUN, ID); /* df went back to it */
    spool_assert_complaints(&spool, 1, "xf cannot be put back: File exists");
    spool_close(&spool);
}

/* Its control file would be delivered empty. */
static void test_without_its_df_it_stays_held(void **state)
{
    struct spool spool;
    struct undo_result result;

    (void)state;
    held_open(&spool, SPOOL_PLAIN);
    spool_move(&spool, spool_held(&spool, RUN, 'd', ID), "away");
    result = restore(&spool);
    assert_restored(&result, 1, 0, 1);
    spool_assert_complaints(&spool, 1, "its df is not held");
    /* a df of that name, but not that df */
    folder_write(&spool.folder, "q/df" ID, "of somebody else");
    result = restore(&spool);
    assert_restored(&result, 0, 0, 1);
    spool_assert_file(&spool, "q/df" ID, "of somebody else");
    assert_true(spool_has(&spool, spool_held(&spool, RUN, 'q', ID)));
    spool_assert_complaints(&spool, 1, "its df is not held");
    /* an undo that was killed had put it back already */
    spool_move(&spool, "away", "q/df" ID);
    result = restore(&spool);
    assert_restored(&result, 1, 0, 0);
    assert_all_queued(&spool);
    spool_close(&spool);
}

static void test_unfinished_runs_are_put_back(void **state)
{
    struct spool spool;
    struct undo_result result;

    (void)state;
    held_open_torn(&spool, SPOOL_PARTED);
    result = restore(&spool);
    assert_restored(&result, 2, 0, 0);
    assert_all_queued(&spool);
    held_assert_end(&spool, true);
    spool_close(&spool);

    held_open(&spool, SPOOL_PARTED);
    held_put_back(&spool, 'q', ID);
    result = restore(&spool);
    assert_restored(&result, 2, 0, 0);
    assert_all_queued(&spool);
    spool_close(&spool);
}

static void test_run_that_works_is_not_put_back(void **state)
{
    struct spool spool;
    struct journal journal;
    struct undo_result result;

    (void)state;
    held_open(&spool, SPOOL_PLAIN);
    spool_cut_end(&spool, RUN);
    journal = held_keep_alive(&spool);
    result = restore(&spool);
    assert_restored(&result, 0, 0, 1);
    held_assert_all(&spool);
    journal_close(&journal);
    spool_close(&spool);
}

static void test_without_its_journal_nothing_is_put_back(void **state)
{
    struct spool spool;
    struct undo_result result;

    (void)state;
    held_open(&spool, SPOOL_PLAIN);
    spool_move(&spool, spool_journal(&spool, RUN), "away");
    result = restore(&spool);
    assert_restored(&result, 0, 0, 0);
    held_assert_all(&spool);
    spool_close(&spool);
}

static void test_no_such_run_to_put_back(void **state)
{
    struct spool spool;
    struct place_request request;
    struct undo_result result;

    (void)state;
    held_open(&spool, SPOOL_PLAIN);
    request = held_request(&spool);
    assert_false(undo_restore(&request, LATER_RUN, &result));
    assert_restored(&result, 0, 0, 0);
    held_assert_all(&spool);
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);
}

static void test_copy_is_undone(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct spool spool;
        struct undo_result result;
        bool is_elsewhere = way >= 2;

        spool_open(&spool, way % 2 == 0 ? SPOOL_PLAIN : SPOOL_PARTED);
        if (is_elsewhere)
            spool_put_journals_elsewhere(&spool);
        spool_write(&spool, ID, "dead");
        spool_write(&spool, OTHER_ID, "dead");
        spool_run(&spool, RUN, false);
        held_copy_queue(&spool);
        assert_int_equal(held_look(&spool).held_count, 2);
        assert_int_equal(held_look(&spool).taken_count, 2);
        result = restore(&spool);
        assert_restored(&result, 2, 0, 0);
        spool_assert_queued(&spool, ID);
        spool_assert_queued(&spool, OTHER_ID);
        spool_assert_complaints(&spool, 0, NULL);
        spool_close(&spool);
    }
}

/* What an undo of the rest could not put back is not removed by the next
 * purge. */
static void test_undo_ends_an_expunge(void **state)
{
    struct spool spool;
    struct undo_result result;
    struct held_run run;

    (void)state;
    held_open(&spool, SPOOL_PLAIN);
    spool_half_expunge(&spool, RUN, OTHER_ID, 2);
    folder_write(&spool.folder, spool_queued(&spool, 't', ID), "");
    result = restore(&spool);
    assert_restored(&result, 0, 1, 0);
    run = held_look(&spool);
    assert_false(run.is_expunging || run.is_unfinished);
    assert_int_equal(run.held_count, 1);
    assert_int_equal(run.expunged_count, 1);
    assert_true(held_complete(&spool));
    spool_assert_held(&spool, RUN, ID);
    spool_remove(&spool, spool_queued(&spool, 't', ID));
    result = restore(&spool);
    assert_restored(&result, 1, 0, 0);
    spool_assert_queued(&spool, ID);
    spool_close(&spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_is_put_back),
        cmocka_unit_test(test_quarantined_is_put_back_as_it_was),
        cmocka_unit_test(test_nothing_is_put_over_what_exists),
        cmocka_unit_test(test_transcript_in_the_way),
        cmocka_unit_test(test_without_its_df_it_stays_held),
        cmocka_unit_test(test_unfinished_runs_are_put_back),
        cmocka_unit_test(test_run_that_works_is_not_put_back),
        cmocka_unit_test(test_without_its_journal_nothing_is_put_back),
        cmocka_unit_test(test_no_such_run_to_put_back),
        cmocka_unit_test(test_copy_is_undone),
        cmocka_unit_test(test_undo_ends_an_expunge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
