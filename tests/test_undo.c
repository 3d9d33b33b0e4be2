/* Runs that are held: looked at, put back, freed, completed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "qscan/undo.h"
#include "tests/spool.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define RUN "20260101T000000Z-1"
#define LATER_RUN "20260102T000000Z-1"
#define ID "6AMHqPjw023670"
#define OTHER_ID "6AMHqPjw023671"

static struct place_request request_of(struct spool *spool)
{
    return (struct place_request){.queues = &spool->set,
                                  .options = &spool->options,
                                  .complaints = &spool->complaints};
}

/* A run that holds two messages, one with a transcript. */
static void open_held(struct spool *spool, enum spool_layout layout)
{
    spool_open(spool, layout);
    spool_write(spool, ID, "dead");
    spool_write(spool, OTHER_ID, "dead");
    folder_write(&spool->folder, spool_queued(spool, 'x', ID), "said");
    spool_run(spool, RUN, false);
}

static void assert_all_held(struct spool *spool)
{
    spool_assert_held(spool, RUN, ID);
    spool_assert_held(spool, RUN, OTHER_ID);
    spool_assert_file(spool, spool_held(spool, RUN, 'x', ID), "said");
    spool_assert_file(spool, spool_queued(spool, 'x', ID), NULL);
}

static void assert_all_queued(struct spool *spool)
{
    spool_assert_queued(spool, ID);
    spool_assert_queued(spool, OTHER_ID);
    spool_assert_file(spool, spool_held(spool, RUN, 'x', ID), NULL);
    spool_assert_file(spool, spool_queued(spool, 'x', ID), "said");
}

/* As a crash that forgot this one renaming leaves it. */
static void put_back(struct spool *spool, char letter, const char *id)
{
    spool_move(spool, spool_held(spool, RUN, letter, id),
               spool_queued(spool, letter, id));
}

static struct undo_run look(struct spool *spool)
{
    struct place_request request = request_of(spool);
    struct undo_run run;

    assert_true(undo_look_at_run(&request, RUN, 0, &run));
    return run;
}

/* What is foreseen, happens. */
static struct undo_result restore(struct spool *spool)
{
    struct place_request request = request_of(spool);
    struct undo_result result = {.restored = 99}, foreseen = {.restored = 98};
    size_t complaints = spool->complaints.count;

    undo_foresee(&request, RUN, &foreseen);
    complaints = spool->complaints.count - complaints;
    complaints_init(&spool->complaints, spool->complaints.is_quiet);
    assert_true(undo_restore(&request, RUN, &result));
    assert_memory_equal(&foreseen, &result, sizeof(result));
    assert_int_equal(spool->complaints.count, complaints);
    assert_int_equal(result.expunged_files, 0);
    assert_int_equal(result.freed_bytes, 0);
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

static struct undo_result expunge(struct spool *spool)
{
    struct place_request request = request_of(spool);
    struct undo_result result = {.restored = 99};

    assert_true(undo_expunge(&request, RUN, &result));
    assert_int_equal(result.restored, 0);
    return result;
}

static bool complete(struct spool *spool)
{
    struct place_request request = request_of(spool);

    return undo_complete(&request, RUN);
}

/* What holds the journal of a run that is alive. */
static struct journal keep_alive(struct spool *spool)
{
    const char *path = folder_path(&spool->folder, spool_journal(spool, RUN));
    struct journal journal = {.path = NULL};

    assert_int_equal(journal_open(&journal, AT_FDCWD, path, path), 0);
    return journal;
}

static void assert_has_end(struct spool *spool, bool has_end)
{
    struct journal_state state;

    assert_int_equal(
        journal_read(AT_FDCWD,
                     folder_path(&spool->folder, spool_journal(spool, RUN)),
                     NULL, NULL, NULL, &state),
        0);
    assert_int_equal(state.has_end, has_end);
}

/* ---- looking ---- */

static void test_look_at_what_is_held(void **state)
{
    (void)state;
    for (int layout = SPOOL_PLAIN; layout <= SPOOL_PARTED; layout++) {
        struct spool spool;
        struct undo_run run;

        open_held(&spool, (enum spool_layout)layout);
        run = look(&spool);
        assert_string_equal(run.name, RUN);
        assert_int_equal(run.time, hold_run_time(RUN));
        assert_int_equal(run.held_count, 2);
        assert_int_equal(run.taken_count, 2);
        assert_int_equal(run.file_count, 5);
        assert_int_equal(run.held_bytes, spool_bytes(&spool) + strlen("said"));
        assert_int_equal(run.rest_count, 0);
        assert_int_equal(run.split_count, 0);
        assert_true(run.has_journal);
        assert_false(run.is_unfinished || run.is_alive || run.has_strangers ||
                     run.is_delete);
        spool_assert_complaints(&spool, 0, NULL);
        spool_close(&spool);
    }
}

static void test_old_is_what_was_created_before(void **state)
{
    struct spool spool;
    struct place_request request;
    struct undo_run run;

    (void)state;
    open_held(&spool, SPOOL_PLAIN);
    request = request_of(&spool);
    assert_true(undo_look_at_run(&request, RUN, SPOOL_CREATED, &run));
    assert_int_equal(run.old_count, 0);
    assert_true(undo_look_at_run(&request, RUN, SPOOL_CREATED + 1, &run));
    assert_int_equal(run.old_count, 2);
    /* only of what is held yet */
    spool_remove(&spool, spool_held(&spool, RUN, 'q', ID));
    assert_true(undo_look_at_run(&request, RUN, SPOOL_CREATED + 1, &run));
    assert_int_equal(run.old_count, 1);
    assert_int_equal(run.held_count, 1);
    assert_int_equal(run.taken_count, 2);
    assert_int_equal(run.rest_count, 2); /* df and xf */
    assert_int_equal(run.split_count, 0);
    spool_close(&spool);
}

static void test_no_such_run(void **state)
{
    struct spool spool;
    struct place_request request;
    struct undo_run run;
    struct undo_result result;

    (void)state;
    open_held(&spool, SPOOL_PLAIN);
    request = request_of(&spool);
    assert_false(undo_look_at_run(&request, LATER_RUN, 0, &run));
    assert_false(undo_restore(&request, LATER_RUN, &result));
    assert_restored(&result, 0, 0, 0);
    assert_false(undo_expunge(&request, LATER_RUN, &result));
    assert_int_equal(result.expunged_files, 0);
    assert_int_equal(
        undo_add_held_rows(&request, LATER_RUN, NULL, &spool.scan.table), 0);
    assert_all_held(&spool);
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);
}

static void test_look_at_a_deletion(void **state)
{
    struct spool spool;
    struct undo_run run;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool_write(&spool, ID, "dead");
    spool_run(&spool, RUN, true);
    run = look(&spool);
    assert_true(run.is_delete);
    assert_int_equal(run.taken_count, 1);
    assert_int_equal(run.held_count, 0);
    assert_int_equal(run.file_count, 0);
    spool_close(&spool);
}

static void test_strangers_are_told_of(void **state)
{
    struct spool spool;

    (void)state;
    open_held(&spool, SPOOL_PLAIN);
    folder_write(&spool.folder, spool_held(&spool, RUN, 'q', "other"), "x");
    assert_true(look(&spool).has_strangers);
    spool_assert_complaints(&spool, 1,
                            "holds files that its journal does not name");
    spool_remove(&spool, spool_held(&spool, RUN, 'q', "other"));
    assert_false(look(&spool).has_strangers);
    /* without a journal all of them are strangers */
    spool_remove(&spool, spool_journal(&spool, RUN));
    assert_true(look(&spool).has_strangers);
    assert_false(look(&spool).has_journal);
    assert_int_equal(look(&spool).held_count, 0);
    spool_assert_complaints(&spool, 0, NULL); /* it may be elsewhere */
    spool_close(&spool);
}

static void test_split_is_what_a_crash_put_back_half(void **state)
{
    struct spool spool;
    struct undo_run run;

    (void)state;
    open_held(&spool, SPOOL_PARTED);
    put_back(&spool, 'q', ID);
    run = look(&spool);
    assert_int_equal(run.held_count, 1);
    assert_int_equal(run.rest_count, 2);
    assert_int_equal(run.split_count, 1);
    /* with a df of its own it is whole */
    folder_write(&spool.folder, spool_queued(&spool, 'd', ID), "x");
    assert_int_equal(look(&spool).split_count, 0);
    spool_remove(&spool, spool_queued(&spool, 'd', ID));
    /* another control file of that name was never taken */
    spool_move(&spool, spool_queued(&spool, 'q', ID), "away");
    folder_write(&spool.folder, spool_queued(&spool, 'q', ID), "x");
    assert_int_equal(look(&spool).split_count, 0);
    spool_close(&spool);
}

static void test_dead_alive_or_at_its_end(void **state)
{
    struct spool spool;
    struct journal journal;
    struct undo_run run;

    (void)state;
    open_held(&spool, SPOOL_PLAIN);
    journal = keep_alive(&spool);
    /* it had its end: nobody asks who looks at it */
    assert_false(look(&spool).is_alive);
    journal_close(&journal);
    spool_cut_end(&spool, RUN);
    run = look(&spool);
    assert_true(run.is_unfinished);
    assert_false(run.is_alive);
    journal = keep_alive(&spool);
    run = look(&spool);
    assert_false(run.is_unfinished);
    assert_true(run.is_alive);
    journal_close(&journal);
    assert_true(look(&spool).is_unfinished);
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);
}

/* The journal says that an undo began, of which nobody saw the end. */
static void begin_undo(struct spool *spool)
{
    struct journal journal = keep_alive(spool);
    struct buffer line = {0};

    journal_add_undo_begin(&line);
    assert_int_equal(journal_append(&journal, &line), 0);
    buffer_free(&line);
    journal_close(&journal);
}

/* What is proof of what went must not tell of what stayed. */
static void test_a_killed_run_took_what_it_took(void **state)
{
    struct spool spool;

    (void)state;
    open_held(&spool, SPOOL_PLAIN);
    put_back(&spool, 'd', OTHER_ID);
    put_back(&spool, 'q', OTHER_ID);
    spool_cut_end(&spool, RUN);
    assert_int_equal(look(&spool).taken_count, 2); /* announced, so far */
    assert_true(complete(&spool));
    assert_int_equal(look(&spool).taken_count, 1);
    assert_int_equal(look(&spool).held_count, 1);
    spool_close(&spool);
    /* an undo that was killed takes nothing back from it */
    open_held(&spool, SPOOL_PLAIN);
    put_back(&spool, 'd', OTHER_ID);
    put_back(&spool, 'q', OTHER_ID);
    begin_undo(&spool);
    assert_true(look(&spool).is_unfinished);
    assert_true(complete(&spool));
    assert_int_equal(look(&spool).taken_count, 2);
    spool_close(&spool);
}

static size_t count_unfinished(struct spool *spool, const char *want)
{
    struct place_request request = request_of(spool);
    struct string_list runs = {0};
    size_t count;

    undo_list_unfinished(&request, &runs);
    count = runs.count;
    if (want != NULL && (count != 1 || strcmp(runs.strings[0], want) != 0))
        fail_msg("%zu runs, not %s alone", count, want);
    string_list_free(&runs);
    return count;
}

static void test_unfinished_runs_are_listed(void **state)
{
    struct spool spool;
    struct journal journal;

    (void)state;
    open_held(&spool, SPOOL_PLAIN);
    spool_write(&spool, "6AMHqPjw023672", "dead");
    spool_run(&spool, LATER_RUN, false);
    assert_int_equal(count_unfinished(&spool, NULL), 0);
    spool_cut_end(&spool, RUN);
    count_unfinished(&spool, RUN);
    /* a run that works is nobody's to complete */
    journal = keep_alive(&spool);
    assert_int_equal(count_unfinished(&spool, NULL), 0);
    journal_close(&journal);
    spool_cut_end(&spool, LATER_RUN);
    assert_int_equal(count_unfinished(&spool, NULL), 2);
    assert_true(complete(&spool));
    count_unfinished(&spool, LATER_RUN);
    spool_assert_complaints(&spool, 0, NULL); /* only warned of */
    spool_close(&spool);
}

/* Named, and the journal is where --journal=DIR says. */
static void test_unfinished_with_its_journal_elsewhere(void **state)
{
    struct spool spool;

    (void)state;
    spool_open(&spool, SPOOL_PARTED);
    spool_put_journals_elsewhere(&spool);
    spool_write(&spool, ID, "dead");
    spool_run(&spool, RUN, false);
    assert_int_equal(count_unfinished(&spool, NULL), 0);
    folder_write(&spool.folder, "journals/" RUN ".journal",
                 "{\"event\":\"begin\",\"action\":\"hold\"}\n");
    count_unfinished(&spool, RUN);
    spool_close(&spool);
}

/* Killed before its first line: nothing was begun. */
static void test_empty_journal_is_of_nothing_begun(void **state)
{
    struct spool spool;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool_scan(&spool);
    folder_make(&spool.folder, "q/" HOLD_ROOT "/" RUN);
    folder_write(&spool.folder, spool_journal(&spool, RUN), "");
    assert_false(look(&spool).is_unfinished);
    assert_int_equal(count_unfinished(&spool, NULL), 0);
    folder_write(&spool.folder, spool_journal(&spool, RUN),
                 "{\"event\":\"begin\",\"action\":\"hold\"}\n");
    assert_true(look(&spool).is_unfinished);
    count_unfinished(&spool, RUN);
    spool_close(&spool);
}

/* ---- completing ---- */

/* Killed between its control files and what belongs to them. */
static void open_torn(struct spool *spool, enum spool_layout layout)
{
    open_held(spool, layout);
    put_back(spool, 'd', ID);
    put_back(spool, 'x', ID);
    spool_cut_end(spool, RUN);
}

static void test_df_and_xf_follow_their_control_file(void **state)
{
    (void)state;
    for (int layout = SPOOL_PLAIN; layout <= SPOOL_PARTED; layout++) {
        struct spool spool;

        open_torn(&spool, (enum spool_layout)layout);
        assert_true(complete(&spool));
        assert_all_held(&spool);
        assert_has_end(&spool, true);
        spool_assert_complaints(&spool, 0, NULL);
        /* there is nothing more to it */
        assert_true(complete(&spool));
        assert_all_held(&spool);
        spool_close(&spool);
    }
}

/* Whoever was given the id since owns it. */
static void test_only_the_very_files_follow(void **state)
{
    struct spool spool;

    (void)state;
    open_torn(&spool, SPOOL_PLAIN);
    spool_move(&spool, "q/df" ID, "away");
    folder_write(&spool.folder, "q/df" ID, "of somebody else");
    spool_move(&spool, "q/xf" ID, "away too");
    folder_write(&spool.folder, "q/xf" ID, "as well");
    assert_true(complete(&spool));
    spool_assert_file(&spool, "q/df" ID, "of somebody else");
    spool_assert_file(&spool, "q/xf" ID, "as well");
    spool_close(&spool);

    /* a control file that came since has this df */
    open_torn(&spool, SPOOL_PLAIN);
    folder_write(&spool.folder, "q/hf" ID, "V8\n");
    assert_true(complete(&spool));
    spool_assert_file(&spool, "q/df" ID, spool.messages[0].data);
    spool_assert_file(&spool, "q/xf" ID, "said");
    spool_close(&spool);
}

static void test_split_is_reunited(void **state)
{
    struct spool spool;

    (void)state;
    open_held(&spool, SPOOL_PARTED);
    put_back(&spool, 'q', ID);
    spool_cut_end(&spool, RUN);
    assert_true(complete(&spool));
    spool_assert_queued(&spool, ID);
    spool_assert_file(&spool, "q/xf/xf" ID, "said");
    spool_assert_held(&spool, RUN, OTHER_ID);
    assert_has_end(&spool, true);
    spool_close(&spool);
}

static void link_file(struct spool *spool, const char *from, const char *to)
{
    folder_need(link(folder_path(&spool->folder, from),
                     folder_path(&spool->folder, to)) == 0,
                from);
}

/* Of a deletion that was killed what is left goes, too: the very files, which
 * outlived it here by another name. */
static void test_deletion_is_completed(void **state)
{
    struct spool spool;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool_write(&spool, ID, "dead");
    folder_write(&spool.folder, "q/xf" ID, "said");
    link_file(&spool, "q/df" ID, "df");
    link_file(&spool, "q/xf" ID, "xf");
    spool_run(&spool, RUN, true);
    spool_move(&spool, "df", "q/df" ID);
    spool_move(&spool, "xf", "q/xf" ID);
    spool_cut_end(&spool, RUN);
    assert_true(look(&spool).is_unfinished);
    assert_true(complete(&spool));
    spool_assert_file(&spool, "q/df" ID, NULL);
    spool_assert_file(&spool, "q/xf" ID, NULL);
    assert_int_equal(look(&spool).file_count, 0); /* not held instead */
    assert_has_end(&spool, true);
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);
}

static bool says(struct spool *spool, const char *name, const char *words)
{
    char *text = spool_text(spool, name);
    bool is_said = strstr(text, words) != NULL;

    free(text);
    return is_said;
}

static void test_run_that_works_is_not_completed(void **state)
{
    struct spool spool;
    struct journal journal;

    (void)state;
    open_torn(&spool, SPOOL_PLAIN);
    journal = keep_alive(&spool);
    spool.options.mode = MODE_UNDO;
    assert_false(complete(&spool));
    spool_assert_file(&spool, "q/df" ID, spool.messages[0].data);
    assert_has_end(&spool, false);
    spool_assert_complaints(&spool, 1, "its run still works; left alone");
    /* to a purge that is no failure of its own */
    spool.options.mode = MODE_PURGE_BOUNCES;
    assert_false(complete(&spool));
    spool_assert_complaints(&spool, 0, NULL);
    journal_close(&journal);
    spool_close(&spool);
}

static void test_half_done_gets_no_end(void **state)
{
    struct spool spool;

    (void)state;
    open_torn(&spool, SPOOL_PLAIN);
    folder_write(&spool.folder, spool_held(&spool, RUN, 'd', ID), "in the way");
    assert_false(complete(&spool));
    spool_assert_complaints(&spool, 1, "cannot be taken: File exists");
    assert_has_end(&spool, false);
    spool_assert_file(&spool, "q/df" ID, spool.messages[0].data);
    spool_assert_file(&spool, spool_held(&spool, RUN, 'd', ID), "in the way");
    spool_close(&spool);
}

/* ---- restoring ---- */

static void test_all_is_put_back(void **state)
{
    (void)state;
    for (int layout = SPOOL_PLAIN; layout <= SPOOL_PARTED; layout++) {
        struct spool spool;
        struct undo_result result;
        struct undo_run run;

        open_held(&spool, (enum spool_layout)layout);
        result = restore(&spool);
        assert_restored(&result, 2, 0, 0);
        assert_all_queued(&spool);
        assert_has_end(&spool, true);
        /* one that is killed leaves no end, by this */
        assert_true(says(&spool, spool_journal(&spool, RUN), "\"undo-begin\""));
        /* known still, but it holds nothing */
        run = look(&spool);
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
    undo = request_of(&spool);
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

        open_held(&spool, SPOOL_PLAIN);
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
    open_held(&spool, SPOOL_PARTED);
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
    open_held(&spool, SPOOL_PLAIN);
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
    open_torn(&spool, SPOOL_PARTED);
    result = restore(&spool);
    assert_restored(&result, 2, 0, 0);
    assert_all_queued(&spool);
    assert_has_end(&spool, true);
    spool_close(&spool);

    open_held(&spool, SPOOL_PARTED);
    put_back(&spool, 'q', ID);
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
    open_held(&spool, SPOOL_PLAIN);
    spool_cut_end(&spool, RUN);
    journal = keep_alive(&spool);
    result = restore(&spool);
    assert_restored(&result, 0, 0, 1);
    assert_all_held(&spool);
    journal_close(&journal);
    spool_close(&spool);
}

static void test_without_its_journal_nothing_is_put_back(void **state)
{
    struct spool spool;
    struct undo_result result;

    (void)state;
    open_held(&spool, SPOOL_PLAIN);
    spool_move(&spool, spool_journal(&spool, RUN), "away");
    result = restore(&spool);
    assert_restored(&result, 0, 0, 0);
    assert_all_held(&spool);
    spool_close(&spool);
}

static struct queue_folder *folder_named(struct spool *spool, const char *name)
{
    const char *path = folder_path(&spool->folder, name);

    for (size_t i = 0; i < spool->set.folder_count; i++)
        if (strcmp(spool->set.folders[i].path, path) == 0)
            return &spool->set.folders[i];
    fail_msg("%s: no folder of the queue", name);
    return NULL;
}

/* A folder is known by its path, else by its inode, which two disks may both
 * have: then by what it holds. */
static void test_folder_of_df_by_path_or_inode(void **state)
{
    struct spool spool;
    struct queue_folder *data, *other;
    struct undo_result result;
    char *path;

    (void)state;
    open_held(&spool, SPOOL_PARTED);
    data = folder_named(&spool, "q/df");
    other = folder_named(&spool, "q");
    other->inode = data->inode;
    other->holds_data = true;
    path = data->path;
    data->path = (char *)"elsewhere"; /* the queue was mounted anew */
    result = restore(&spool);
    assert_restored(&result, 2, 0, 0);
    assert_all_queued(&spool);
    data->path = path;
    spool_close(&spool);

    open_held(&spool, SPOOL_PARTED);
    other = folder_named(&spool, "q");
    other->inode = folder_named(&spool, "q/df")->inode;
    other->holds_data = true;
    result = restore(&spool);
    assert_restored(&result, 2, 0, 0);
    assert_all_queued(&spool);
    spool_close(&spool);
}

/* ---- in a copy of the queue ---- */

/* Every file and folder gets another inode, and the folders another path. */
static void copy_queue(struct spool *spool)
{
    char command[3 * FOLDER_PATH_MAX];

    snprintf(command, sizeof(command), "cd '%s' && cp -a q copy && mv q old",
             folder_path(&spool->folder, "."));
    folder_need(system(command) == 0, command);
    spool_move(spool, "copy", "q");
    spool_scan(spool);
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
        copy_queue(&spool);
        assert_int_equal(look(&spool).held_count, 2);
        assert_int_equal(look(&spool).taken_count, 2);
        result = restore(&spool);
        assert_restored(&result, 2, 0, 0);
        spool_assert_queued(&spool, ID);
        spool_assert_queued(&spool, OTHER_ID);
        spool_assert_complaints(&spool, 0, NULL);
        spool_close(&spool);
    }
}

/* Killed, then copied: the very files are told by size and time. */
static void test_copy_is_completed(void **state)
{
    struct spool spool;
    struct undo_result result;

    (void)state;
    open_held(&spool, SPOOL_PARTED);
    put_back(&spool, 'd', ID);       /* its control file is held */
    put_back(&spool, 'q', OTHER_ID); /* its df is held */
    spool_cut_end(&spool, RUN);
    copy_queue(&spool);
    assert_int_equal(look(&spool).split_count, 1);
    assert_true(complete(&spool));
    spool_assert_held(&spool, RUN, ID);
    spool_assert_queued(&spool, OTHER_ID);
    result = restore(&spool);
    assert_restored(&result, 1, 0, 0);
    spool_assert_queued(&spool, ID);
    spool_close(&spool);
}

/* What goes for good goes by inode alone. */
static void test_copy_of_a_deletion_keeps_its_df(void **state)
{
    struct spool spool;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool_write(&spool, ID, "dead");
    link_file(&spool, "q/df" ID, "df");
    spool_run(&spool, RUN, true);
    spool_move(&spool, "df", "q/df" ID);
    spool_cut_end(&spool, RUN);
    copy_queue(&spool);
    assert_true(complete(&spool));
    assert_true(spool_has(&spool, "q/df" ID));
    spool_close(&spool);
}

/* ---- expunging ---- */

static void test_all_is_freed(void **state)
{
    (void)state;
    for (int layout = SPOOL_PLAIN; layout <= SPOOL_PARTED; layout++) {
        static const char *const roots[] = {"q/.qscan", "q/qf/.qscan",
                                            "q/df/.qscan", "q/xf/.qscan"};
        struct spool spool;
        struct undo_result result;

        open_held(&spool, (enum spool_layout)layout);
        result = expunge(&spool);
        assert_int_equal(result.failed, 0);
        assert_int_equal(result.expunged_files, 5);
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
    struct undo_result result;

    (void)state;
    open_held(&spool, SPOOL_PARTED);
    spool_write(&spool, "6AMHqPjw023672", "dead");
    spool_run(&spool, LATER_RUN, false);
    result = expunge(&spool);
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.expunged_files, 5);
    spool_assert_held(&spool, LATER_RUN, "6AMHqPjw023672");
    assert_false(spool_has(&spool, "q/qf/.qscan/" RUN));
    assert_true(spool_has(&spool, spool_journal(&spool, LATER_RUN)));
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);
}

static void test_what_no_journal_names_is_not_freed(void **state)
{
    struct spool spool;
    struct undo_result result;
    const char *name;

    (void)state;
    open_held(&spool, SPOOL_PLAIN);
    folder_write(&spool.folder, spool_held(&spool, RUN, 'q', "other"), "x");
    result = expunge(&spool);
    assert_int_equal(result.failed, 1);
    assert_int_equal(result.expunged_files, 5);
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
    struct undo_result result;

    (void)state;
    /* the very message: it gets its df back */
    open_held(&spool, SPOOL_PARTED);
    put_back(&spool, 'q', ID);
    result = expunge(&spool);
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.expunged_files, 2);
    spool_assert_queued(&spool, ID);
    spool_assert_file(&spool, "q/xf/xf" ID, "said");
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);

    /* another one without a df: whose this is cannot be told */
    open_held(&spool, SPOOL_PLAIN);
    folder_write(&spool.folder, "q/hf" ID, "V8\n");
    result = expunge(&spool);
    assert_int_equal(result.failed, 1);
    assert_int_equal(result.expunged_files, 2);
    spool_assert_complaints(&spool, 1, "without df, is in the queue");
    spool_assert_held(&spool, RUN, ID);
    assert_true(spool_has(&spool, spool_journal(&spool, RUN)));
    spool_close(&spool);
}

static void test_run_that_works_is_not_freed(void **state)
{
    struct spool spool;
    struct journal journal;
    struct undo_result result;

    (void)state;
    for (int has_end = 0; has_end <= 1; has_end++) {
        open_held(&spool, SPOOL_PLAIN);
        if (!has_end)
            spool_cut_end(&spool, RUN);
        journal = keep_alive(&spool);
        result = expunge(&spool);
        assert_int_equal(result.failed, 1);
        assert_int_equal(result.expunged_files, 0);
        assert_all_held(&spool);
        journal_close(&journal);
        spool_close(&spool);
    }
}

static void test_killed_run_is_completed_and_freed(void **state)
{
    struct spool spool;
    struct undo_result result;

    (void)state;
    open_torn(&spool, SPOOL_PARTED);
    result = expunge(&spool);
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.expunged_files, 5);
    spool_assert_file(&spool, "q/df/df" ID, NULL);
    assert_false(spool_has(&spool, "q/df/" HOLD_ROOT));
    spool_close(&spool);
}

static void test_journal_elsewhere_is_freed(void **state)
{
    struct spool spool;
    struct undo_result result;

    (void)state;
    spool_open(&spool, SPOOL_PARTED);
    spool_put_journals_elsewhere(&spool);
    spool_write(&spool, ID, "dead");
    spool_run(&spool, RUN, false);
    assert_int_equal(look(&spool).held_count, 1);
    result = expunge(&spool);
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.expunged_files, 2);
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
    struct undo_result result;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool_put_journals_elsewhere(&spool);
    spool_write(&spool, ID, "dead");
    spool_run(&spool, RUN, false);
    spool_append(&spool, "journals/" RUN ".journal", further);
    assert_int_equal(look(&spool).taken_count, 1);
    result = expunge(&spool);
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.expunged_files, 2);
    assert_false(spool_has(&spool, "q/" HOLD_ROOT));
    assert_true(spool_has(&spool, "journals/" RUN ".journal"));
    spool_close(&spool);
}

/* ---- an expunge that was killed ---- */

static void test_half_expunged_is_told_apart(void **state)
{
    struct spool spool;
    struct undo_run run;
    struct journal journal;

    (void)state;
    open_held(&spool, SPOOL_PARTED);
    spool_half_expunge(&spool, RUN, OTHER_ID, 2);
    run = look(&spool);
    assert_true(run.is_expunging && run.is_unfinished);
    assert_int_equal(run.held_count, 1);
    assert_int_equal(run.expunged_count, 1);
    count_unfinished(&spool, RUN);
    /* one that works was not killed */
    journal = keep_alive(&spool);
    assert_true(look(&spool).is_alive);
    assert_int_equal(count_unfinished(&spool, NULL), 0);
    journal_close(&journal);
    spool_close(&spool);
}

static void test_half_expunged_is_completed(void **state)
{
    struct spool spool;

    (void)state;
    open_held(&spool, SPOOL_PARTED);
    spool_half_expunge(&spool, RUN, OTHER_ID, 2);
    assert_true(complete(&spool));
    assert_false(spool_has(&spool, "q/qf/" HOLD_ROOT));
    assert_false(spool_has(&spool, "q/df/" HOLD_ROOT));
    assert_false(spool_has(&spool, "q/xf/" HOLD_ROOT));
    spool_assert_file(&spool, spool_queued(&spool, 'q', ID), NULL);
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);
}

/* What an undo of the rest could not put back is not removed by the next
 * purge. */
static void test_undo_ends_an_expunge(void **state)
{
    struct spool spool;
    struct undo_result result;
    struct undo_run run;

    (void)state;
    open_held(&spool, SPOOL_PLAIN);
    spool_half_expunge(&spool, RUN, OTHER_ID, 2);
    folder_write(&spool.folder, spool_queued(&spool, 't', ID), "");
    result = restore(&spool);
    assert_restored(&result, 0, 1, 0);
    run = look(&spool);
    assert_false(run.is_expunging || run.is_unfinished);
    assert_int_equal(run.held_count, 1);
    assert_int_equal(run.expunged_count, 1);
    assert_true(complete(&spool));
    spool_assert_held(&spool, RUN, ID);
    spool_remove(&spool, spool_queued(&spool, 't', ID));
    result = restore(&spool);
    assert_restored(&result, 1, 0, 0);
    spool_assert_queued(&spool, ID);
    spool_close(&spool);
}

/* Whoever saw it fail decides; the next purge does not. */
static void test_failed_expunge_has_an_end(void **state)
{
    struct spool spool;
    struct undo_run run;

    (void)state;
    open_held(&spool, SPOOL_PLAIN);
    folder_write(&spool.folder, spool_queued(&spool, 'q', ID), "V8\n");
    assert_int_equal(expunge(&spool).failed, 1);
    run = look(&spool);
    assert_false(run.is_expunging || run.is_unfinished);
    assert_int_equal(run.held_count, 1);
    assert_int_equal(run.expunged_count, 1);
    assert_int_equal(count_unfinished(&spool, NULL), 0);
    spool_close(&spool);
}

/* In a journal that queues share, of another one. */
static void test_expunge_of_another_queue(void **state)
{
    struct spool spool;
    struct undo_run run;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool_put_journals_elsewhere(&spool);
    spool_write(&spool, ID, "dead");
    spool_run(&spool, RUN, false);
    spool_append(&spool, "journals/" RUN ".journal",
                 "{\"event\":\"expunge-begin\",\"held\":9,"
                 "\"qf_folder_device\":1,\"qf_folder_inode\":1}\n");
    run = look(&spool);
    assert_false(run.is_expunging || run.is_unfinished);
    assert_int_equal(run.expunged_count, 0);
    assert_true(complete(&spool));
    spool_assert_held(&spool, RUN, ID);
    spool_close(&spool);
}

/* ---- finding ---- */

static void assert_found(struct spool *spool, const char *id, const char *want)
{
    struct place_request request = request_of(spool);
    char run[HOLD_RUN_MAX] = "";
    char *class, *rule;
    bool is_found = undo_find_held(&request, id, run, &class, &rule);

    assert_int_equal(is_found, want != NULL);
    if (is_found) {
        assert_string_equal(run, want);
        assert_string_equal(class, "dead");
        assert_string_equal(rule, "dead");
    }
    free(class);
    free(rule);
}

static void test_newest_run_that_holds_an_id(void **state)
{
    struct spool spool;

    (void)state;
    open_held(&spool, SPOOL_PARTED);
    /* the id is given again, and taken again */
    spool_write(&spool, ID, "dead");
    spool_run(&spool, LATER_RUN, false);
    assert_found(&spool, ID, LATER_RUN);
    assert_found(&spool, OTHER_ID, RUN);
    assert_found(&spool, "6AMHqPjw02367", NULL);
    spool_remove(&spool, spool_held(&spool, LATER_RUN, 'q', ID));
    assert_found(&spool, ID, RUN);
    put_back(&spool, 'q', ID);
    assert_found(&spool, ID, NULL);
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);
}

/* ---- held messages as rows ---- */

static void assert_row_reads(struct spool *spool, const struct facts *row)
{
    char id[FACTS_ID_MAX + 1];
    const struct spool_message *written;
    struct message message;

    facts_copy_id(row, id);
    written = spool_message(spool, id);
    message_init(&message, &spool->scan.scene);
    assert_int_equal(message_load(&message, row, true), INPUT_OK);
    assert_true(
        slice_equal(message.control, slice_from_string(written->control)));
    message_need_data(&message);
    assert_int_equal(message.data_state, DATA_READ);
    assert_true(slice_equal(message.data, slice_from_string(written->data)));
    message_free(&message);
}

static void test_held_messages_are_read_as_rows(void **state)
{
    (void)state;
    for (int layout = SPOOL_PLAIN; layout <= SPOOL_PARTED; layout++) {
        struct spool spool;
        struct place_request request;
        struct facts_table table;

        open_held(&spool, (enum spool_layout)layout);
        request = request_of(&spool);
        facts_init(&table);
        assert_int_equal(undo_add_held_rows(&request, RUN, OTHER_ID, &table),
                         1);
        assert_int_equal(table.count, 1);
        assert_int_equal(undo_add_held_rows(&request, RUN, NULL, &table), 2);
        assert_int_equal(table.count, 3);
        for (size_t i = 0; i < table.count; i++) {
            assert_true(table.rows[i].is_held && table.rows[i].is_regular);
            assert_int_equal(table.rows[i].letter, 'q');
            assert_row_reads(&spool, &table.rows[i]);
        }
        assert_true(
            slice_equal(facts_id(&table.rows[0]), slice_from_string(OTHER_ID)));
        /* what is back in the queue has a row of its own */
        put_back(&spool, 'q', OTHER_ID);
        assert_int_equal(undo_add_held_rows(&request, RUN, NULL, &table), 1);
        assert_int_equal(undo_add_held_rows(&request, RUN, OTHER_ID, &table),
                         0);
        facts_free(&table);
        spool_close(&spool);
    }
}

struct clients {
    size_t line_count;
    unsigned sum;
    char domains[128];
};

static void add_clients(void *context, const char *domain, unsigned count)
{
    struct clients *clients = context;

    clients->line_count++;
    clients->sum += count;
    strcat(strcat(clients->domains, domain), " ");
}

static void test_clients_of_all_runs(void **state)
{
    struct spool spool;
    struct place_request request;
    struct clients clients = {.line_count = 0};

    (void)state;
    open_held(&spool, SPOOL_PARTED);
    request = request_of(&spool);
    undo_read_clients(&request, add_clients, &clients);
    assert_int_equal(clients.line_count, 0);
    /* oldest run first, whether its messages are held still or not */
    folder_make(&spool.folder, "q/qf/" HOLD_ROOT "/" LATER_RUN);
    folder_write(&spool.folder, spool_journal(&spool, LATER_RUN),
                 "{\"event\":\"begin\"}\n"
                 "{\"event\":\"clients\",\"domain\":\"b.example\","
                 "\"count\":5}\n");
    folder_write(&spool.folder, spool_journal(&spool, RUN),
                 "{\"event\":\"begin\"}\n"
                 "{\"event\":\"clients\",\"domain\":\"a.example\","
                 "\"count\":2}\n"
                 "{\"event\":\"clients\",\"domain\":\"b.example\","
                 "\"count\":3}\n");
    undo_read_clients(&request, add_clients, &clients);
    assert_int_equal(clients.line_count, 3);
    assert_int_equal(clients.sum, 10);
    assert_string_equal(clients.domains, "a.example b.example b.example ");
    spool_close(&spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_look_at_what_is_held),
        cmocka_unit_test(test_old_is_what_was_created_before),
        cmocka_unit_test(test_no_such_run),
        cmocka_unit_test(test_look_at_a_deletion),
        cmocka_unit_test(test_strangers_are_told_of),
        cmocka_unit_test(test_split_is_what_a_crash_put_back_half),
        cmocka_unit_test(test_dead_alive_or_at_its_end),
        cmocka_unit_test(test_a_killed_run_took_what_it_took),
        cmocka_unit_test(test_unfinished_runs_are_listed),
        cmocka_unit_test(test_unfinished_with_its_journal_elsewhere),
        cmocka_unit_test(test_empty_journal_is_of_nothing_begun),
        cmocka_unit_test(test_df_and_xf_follow_their_control_file),
        cmocka_unit_test(test_only_the_very_files_follow),
        cmocka_unit_test(test_split_is_reunited),
        cmocka_unit_test(test_deletion_is_completed),
        cmocka_unit_test(test_run_that_works_is_not_completed),
        cmocka_unit_test(test_half_done_gets_no_end),
        cmocka_unit_test(test_all_is_put_back),
        cmocka_unit_test(test_quarantined_is_put_back_as_it_was),
        cmocka_unit_test(test_nothing_is_put_over_what_exists),
        cmocka_unit_test(test_transcript_in_the_way),
        cmocka_unit_test(test_without_its_df_it_stays_held),
        cmocka_unit_test(test_unfinished_runs_are_put_back),
        cmocka_unit_test(test_run_that_works_is_not_put_back),
        cmocka_unit_test(test_without_its_journal_nothing_is_put_back),
        cmocka_unit_test(test_folder_of_df_by_path_or_inode),
        cmocka_unit_test(test_copy_is_undone),
        cmocka_unit_test(test_copy_is_completed),
        cmocka_unit_test(test_copy_of_a_deletion_keeps_its_df),
        cmocka_unit_test(test_all_is_freed),
        cmocka_unit_test(test_other_runs_stay),
        cmocka_unit_test(test_what_no_journal_names_is_not_freed),
        cmocka_unit_test(test_df_of_a_message_in_the_queue_is_not_freed),
        cmocka_unit_test(test_run_that_works_is_not_freed),
        cmocka_unit_test(test_killed_run_is_completed_and_freed),
        cmocka_unit_test(test_journal_elsewhere_is_freed),
        cmocka_unit_test(test_shared_journal_is_not_freed),
        cmocka_unit_test(test_half_expunged_is_told_apart),
        cmocka_unit_test(test_half_expunged_is_completed),
        cmocka_unit_test(test_undo_ends_an_expunge),
        cmocka_unit_test(test_failed_expunge_has_an_end),
        cmocka_unit_test(test_expunge_of_another_queue),
        cmocka_unit_test(test_newest_run_that_holds_an_id),
        cmocka_unit_test(test_held_messages_are_read_as_rows),
        cmocka_unit_test(test_clients_of_all_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
