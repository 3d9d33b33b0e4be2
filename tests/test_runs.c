/* Runs: looked at, completed, found, counted in the crowd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "qscan/undo.h"
#include "tests/held.h"

/* ---- looking ---- */

static void test_look_at_what_is_held(void **state)
{
    (void)state;
    for (int layout = SPOOL_PLAIN; layout <= SPOOL_PARTED; layout++) {
        struct spool spool;
        struct held_run run;

        held_open(&spool, (enum spool_layout)layout);
        run = held_look(&spool);
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
    struct held_run run;

    (void)state;
    held_open(&spool, SPOOL_PLAIN);
    request = held_request(&spool);
    assert_true(runs_look_at(&request, RUN, SPOOL_CREATED, &run));
    assert_int_equal(run.old_count, 0);
    assert_true(runs_look_at(&request, RUN, SPOOL_CREATED + 1, &run));
    assert_int_equal(run.old_count, 2);
    /* only of what is held yet */
    spool_remove(&spool, spool_held(&spool, RUN, 'q', ID));
    assert_true(runs_look_at(&request, RUN, SPOOL_CREATED + 1, &run));
    assert_int_equal(run.old_count, 1);
    assert_int_equal(run.held_count, 1);
    assert_int_equal(run.taken_count, 2);
    assert_int_equal(run.rest_count, 2); /* df and xf */
    assert_int_equal(run.split_count, 0);
    spool_close(&spool);
}

static void test_no_such_run_to_look_at(void **state)
{
    struct spool spool;
    struct place_request request;
    struct held_run run;

    (void)state;
    held_open(&spool, SPOOL_PLAIN);
    request = held_request(&spool);
    assert_false(runs_look_at(&request, LATER_RUN, 0, &run));
    assert_int_equal(
        runs_add_held_rows(&request, LATER_RUN, NULL, &spool.scan.table), 0);
    held_assert_all(&spool);
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);
}

static void test_look_at_a_deletion(void **state)
{
    struct spool spool;
    struct held_run run;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool_write(&spool, ID, "dead");
    spool_run(&spool, RUN, true);
    run = held_look(&spool);
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
    held_open(&spool, SPOOL_PLAIN);
    folder_write(&spool.folder, spool_held(&spool, RUN, 'q', "other"), "x");
    assert_true(held_look(&spool).has_strangers);
    spool_assert_complaints(&spool, 1,
                            "holds files that its journal does not name");
    spool_remove(&spool, spool_held(&spool, RUN, 'q', "other"));
    assert_false(held_look(&spool).has_strangers);
    /* without a journal all of them are strangers */
    spool_remove(&spool, spool_journal(&spool, RUN));
    assert_true(held_look(&spool).has_strangers);
    assert_false(held_look(&spool).has_journal);
    assert_int_equal(held_look(&spool).held_count, 0);
    spool_assert_complaints(&spool, 0, NULL); /* it may be elsewhere */
    spool_close(&spool);
}

static void test_split_is_what_a_crash_put_back_half(void **state)
{
    struct spool spool;
    struct held_run run;

    (void)state;
    held_open(&spool, SPOOL_PARTED);
    held_put_back(&spool, 'q', ID);
    run = held_look(&spool);
    assert_int_equal(run.held_count, 1);
    assert_int_equal(run.rest_count, 2);
    assert_int_equal(run.split_count, 1);
    /* with a df of its own it is whole */
    folder_write(&spool.folder, spool_queued(&spool, 'd', ID), "x");
    assert_int_equal(held_look(&spool).split_count, 0);
    spool_remove(&spool, spool_queued(&spool, 'd', ID));
    /* another control file of that name was never taken */
    spool_move(&spool, spool_queued(&spool, 'q', ID), "away");
    folder_write(&spool.folder, spool_queued(&spool, 'q', ID), "x");
    assert_int_equal(held_look(&spool).split_count, 0);
    spool_close(&spool);
}

static void test_dead_alive_or_at_its_end(void **state)
{
    struct spool spool;
    struct journal journal;
    struct held_run run;

    (void)state;
    held_open(&spool, SPOOL_PLAIN);
    journal = held_keep_alive(&spool);
    /* it had its end: nobody asks who looks at it */
    assert_false(held_look(&spool).is_alive);
    journal_close(&journal);
    spool_cut_end(&spool, RUN);
    run = held_look(&spool);
    assert_true(run.is_unfinished);
    assert_false(run.is_alive);
    journal = held_keep_alive(&spool);
    run = held_look(&spool);
    assert_false(run.is_unfinished);
    assert_true(run.is_alive);
    journal_close(&journal);
    assert_true(held_look(&spool).is_unfinished);
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);
}

/* The journal says that an undo began, of which nobody saw the end. */
static void begin_undo(struct spool *spool)
{
    struct journal journal = held_keep_alive(spool);
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
    held_open(&spool, SPOOL_PLAIN);
    held_put_back(&spool, 'd', OTHER_ID);
    held_put_back(&spool, 'q', OTHER_ID);
    spool_cut_end(&spool, RUN);
    assert_int_equal(held_look(&spool).taken_count, 2); /* announced, so far */
    assert_true(held_complete(&spool));
    assert_int_equal(held_look(&spool).taken_count, 1);
    assert_int_equal(held_look(&spool).held_count, 1);
    spool_close(&spool);
    /* an undo that was killed takes nothing back from it */
    held_open(&spool, SPOOL_PLAIN);
    held_put_back(&spool, 'd', OTHER_ID);
    held_put_back(&spool, 'q', OTHER_ID);
    begin_undo(&spool);
    assert_true(held_look(&spool).is_unfinished);
    assert_true(held_complete(&spool));
    assert_int_equal(held_look(&spool).taken_count, 2);
    spool_close(&spool);
}

static void test_unfinished_runs_are_listed(void **state)
{
    struct spool spool;
    struct journal journal;

    (void)state;
    held_open(&spool, SPOOL_PLAIN);
    spool_write(&spool, "6AMHqPjw023672", "dead");
    spool_run(&spool, LATER_RUN, false);
    assert_int_equal(held_count_unfinished(&spool, NULL), 0);
    spool_cut_end(&spool, RUN);
    held_count_unfinished(&spool, RUN);
    /* a run that works is nobody's to complete */
    journal = held_keep_alive(&spool);
    assert_int_equal(held_count_unfinished(&spool, NULL), 0);
    journal_close(&journal);
    spool_cut_end(&spool, LATER_RUN);
    assert_int_equal(held_count_unfinished(&spool, NULL), 2);
    assert_true(held_complete(&spool));
    held_count_unfinished(&spool, LATER_RUN);
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
    assert_int_equal(held_count_unfinished(&spool, NULL), 0);
    folder_write(&spool.folder, "journals/" RUN ".journal",
                 "{\"event\":\"begin\",\"action\":\"hold\"}\n");
    held_count_unfinished(&spool, RUN);
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
    assert_false(held_look(&spool).is_unfinished);
    assert_int_equal(held_count_unfinished(&spool, NULL), 0);
    folder_write(&spool.folder, spool_journal(&spool, RUN),
                 "{\"event\":\"begin\",\"action\":\"hold\"}\n");
    assert_true(held_look(&spool).is_unfinished);
    held_count_unfinished(&spool, RUN);
    spool_close(&spool);
}

/* ---- completing ---- */

static void test_df_and_xf_follow_their_control_file(void **state)
{
    (void)state;
    for (int layout = SPOOL_PLAIN; layout <= SPOOL_PARTED; layout++) {
        struct spool spool;

        held_open_torn(&spool, (enum spool_layout)layout);
        assert_true(held_complete(&spool));
        held_assert_all(&spool);
        held_assert_end(&spool, true);
        spool_assert_complaints(&spool, 0, NULL);
        /* there is nothing more to it */
        assert_true(held_complete(&spool));
        held_assert_all(&spool);
        spool_close(&spool);
    }
}

/* Whoever was given the id since owns it. */
static void test_only_the_very_files_follow(void **state)
{
    struct spool spool;

    (void)state;
    held_open_torn(&spool, SPOOL_PLAIN);
    spool_move(&spool, "q/df" ID, "away");
    folder_write(&spool.folder, "q/df" ID, "of somebody else");
    spool_move(&spool, "q/xf" ID, "away too");
    folder_write(&spool.folder, "q/xf" ID, "as well");
    assert_true(held_complete(&spool));
    spool_assert_file(&spool, "q/df" ID, "of somebody else");
    spool_assert_file(&spool, "q/xf" ID, "as well");
    spool_close(&spool);

    /* a control file that came since has this df */
    held_open_torn(&spool, SPOOL_PLAIN);
    folder_write(&spool.folder, "q/hf" ID, "V8\n");
    assert_true(held_complete(&spool));
    spool_assert_file(&spool, "q/df" ID, spool.messages[0].data);
    spool_assert_file(&spool, "q/xf" ID, "said");
    spool_close(&spool);
}

static void test_split_is_reunited(void **state)
{
    struct spool spool;

    (void)state;
    held_open(&spool, SPOOL_PARTED);
    held_put_back(&spool, 'q', ID);
    spool_cut_end(&spool, RUN);
    assert_true(held_complete(&spool));
    spool_assert_queued(&spool, ID);
    spool_assert_file(&spool, "q/xf/xf" ID, "said");
    spool_assert_held(&spool, RUN, OTHER_ID);
    held_assert_end(&spool, true);
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
    assert_true(held_look(&spool).is_unfinished);
    assert_true(held_complete(&spool));
    spool_assert_file(&spool, "q/df" ID, NULL);
    spool_assert_file(&spool, "q/xf" ID, NULL);
    assert_int_equal(held_look(&spool).file_count, 0); /* not held instead */
    held_assert_end(&spool, true);
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);
}

static void test_run_that_works_is_not_completed(void **state)
{
    struct spool spool;
    struct journal journal;

    (void)state;
    held_open_torn(&spool, SPOOL_PLAIN);
    journal = held_keep_alive(&spool);
    spool.options.mode = MODE_UNDO;
    assert_false(held_complete(&spool));
    spool_assert_file(&spool, "q/df" ID, spool.messages[0].data);
    held_assert_end(&spool, false);
    spool_assert_complaints(&spool, 1, "its run still works; left alone");
    /* to a purge that is no failure of its own */
    spool.options.mode = MODE_PURGE_BOUNCES;
    assert_false(held_complete(&spool));
    spool_assert_complaints(&spool, 0, NULL);
    journal_close(&journal);
    spool_close(&spool);
}

static void test_half_done_gets_no_end(void **state)
{
    struct spool spool;

    (void)state;
    held_open_torn(&spool, SPOOL_PLAIN);
    folder_write(&spool.folder, spool_held(&spool, RUN, 'd', ID), "in the way");
    assert_false(held_complete(&spool));
    spool_assert_complaints(&spool, 1, "cannot be taken: File exists");
    held_assert_end(&spool, false);
    spool_assert_file(&spool, "q/df" ID, spool.messages[0].data);
    spool_assert_file(&spool, spool_held(&spool, RUN, 'd', ID), "in the way");
    spool_close(&spool);
}

/* Killed, then copied: the very files are told by size and time. */
static void test_copy_is_completed(void **state)
{
    struct spool spool;
    struct place_request request;
    struct undo_result result;

    (void)state;
    held_open(&spool, SPOOL_PARTED);
    held_put_back(&spool, 'd', ID);       /* its control file is held */
    held_put_back(&spool, 'q', OTHER_ID); /* its df is held */
    spool_cut_end(&spool, RUN);
    held_copy_queue(&spool);
    assert_int_equal(held_look(&spool).split_count, 1);
    assert_true(held_complete(&spool));
    spool_assert_held(&spool, RUN, ID);
    spool_assert_queued(&spool, OTHER_ID);
    request = held_request(&spool);
    assert_true(undo_restore(&request, RUN, &result));
    assert_int_equal(result.restored, 1);
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
    held_copy_queue(&spool);
    assert_true(held_complete(&spool));
    assert_true(spool_has(&spool, "q/df" ID));
    spool_close(&spool);
}

/* ---- an expunge that was killed ---- */

static void test_half_expunged_is_told_apart(void **state)
{
    struct spool spool;
    struct held_run run;
    struct journal journal;

    (void)state;
    held_open(&spool, SPOOL_PARTED);
    spool_half_expunge(&spool, RUN, OTHER_ID, 2);
    run = held_look(&spool);
    assert_true(run.is_expunging && run.is_unfinished);
    assert_int_equal(run.held_count, 1);
    assert_int_equal(run.expunged_count, 1);
    held_count_unfinished(&spool, RUN);
    /* one that works was not killed */
    journal = held_keep_alive(&spool);
    assert_true(held_look(&spool).is_alive);
    assert_int_equal(held_count_unfinished(&spool, NULL), 0);
    journal_close(&journal);
    spool_close(&spool);
}

static void test_half_expunged_is_completed(void **state)
{
    struct spool spool;

    (void)state;
    held_open(&spool, SPOOL_PARTED);
    spool_half_expunge(&spool, RUN, OTHER_ID, 2);
    assert_true(held_complete(&spool));
    assert_false(spool_has(&spool, "q/qf/" HOLD_ROOT));
    assert_false(spool_has(&spool, "q/df/" HOLD_ROOT));
    assert_false(spool_has(&spool, "q/xf/" HOLD_ROOT));
    spool_assert_file(&spool, spool_queued(&spool, 'q', ID), NULL);
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);
}

/* In a journal that queues share, of another one. */
static void test_expunge_of_another_queue(void **state)
{
    struct spool spool;
    struct held_run run;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool_put_journals_elsewhere(&spool);
    spool_write(&spool, ID, "dead");
    spool_run(&spool, RUN, false);
    spool_append(&spool, "journals/" RUN ".journal",
                 "{\"event\":\"expunge-begin\",\"held\":9,"
                 "\"qf_folder_device\":1,\"qf_folder_inode\":1}\n");
    run = held_look(&spool);
    assert_false(run.is_expunging || run.is_unfinished);
    assert_int_equal(run.expunged_count, 0);
    assert_true(held_complete(&spool));
    spool_assert_held(&spool, RUN, ID);
    spool_close(&spool);
}

/* ---- finding ---- */

static void assert_found(struct spool *spool, const char *id, const char *want)
{
    struct place_request request = held_request(spool);
    char run[HOLD_RUN_MAX] = "";
    char *class, *rule;
    bool is_found = runs_find_held(&request, id, run, &class, &rule);

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
    held_open(&spool, SPOOL_PARTED);
    /* the id is given again, and taken again */
    spool_write(&spool, ID, "dead");
    spool_run(&spool, LATER_RUN, false);
    assert_found(&spool, ID, LATER_RUN);
    assert_found(&spool, OTHER_ID, RUN);
    assert_found(&spool, "6AMHqPjw02367", NULL);
    spool_remove(&spool, spool_held(&spool, LATER_RUN, 'q', ID));
    assert_found(&spool, ID, RUN);
    held_put_back(&spool, 'q', ID);
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

        held_open(&spool, (enum spool_layout)layout);
        request = held_request(&spool);
        facts_init(&table);
        assert_int_equal(runs_add_held_rows(&request, RUN, OTHER_ID, &table),
                         1);
        assert_int_equal(table.count, 1);
        assert_int_equal(runs_add_held_rows(&request, RUN, NULL, &table), 2);
        assert_int_equal(table.count, 3);
        for (size_t i = 0; i < table.count; i++) {
            assert_true(table.rows[i].is_held && table.rows[i].is_regular);
            assert_int_equal(table.rows[i].letter, 'q');
            assert_row_reads(&spool, &table.rows[i]);
        }
        assert_true(
            slice_equal(facts_id(&table.rows[0]), slice_from_string(OTHER_ID)));
        /* what is back in the queue has a row of its own */
        held_put_back(&spool, 'q', OTHER_ID);
        assert_int_equal(runs_add_held_rows(&request, RUN, NULL, &table), 1);
        assert_int_equal(runs_add_held_rows(&request, RUN, OTHER_ID, &table),
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
    held_open(&spool, SPOOL_PARTED);
    request = held_request(&spool);
    runs_read_clients(&request, add_clients, &clients);
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
    runs_read_clients(&request, add_clients, &clients);
    assert_int_equal(clients.line_count, 3);
    assert_int_equal(clients.sum, 10);
    assert_string_equal(clients.domains, "a.example b.example b.example ");
    spool_close(&spool);
}

/* Where the journal is elsewhere, so is what it says of clients; once, however
 * many places share it. */
static void test_clients_of_a_journal_elsewhere(void **state)
{
    struct spool spool;
    struct options options = {.mode = MODE_RUNS};
    struct place_request request;
    struct clients clients = {.line_count = 0};

    (void)state;
    held_open(&spool, SPOOL_PARTED);
    request = held_request(&spool);
    options.journal_directory = spool.folder.path;
    request.options = &options;
    folder_write(&spool.folder, RUN ".journal",
                 "{\"event\":\"begin\"}\n"
                 "{\"event\":\"clients\",\"domain\":\"a.example\","
                 "\"count\":2}\n");
    runs_read_clients(&request, add_clients, &clients);
    assert_string_equal(clients.domains, "a.example ");
    spool_close(&spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_look_at_what_is_held),
        cmocka_unit_test(test_old_is_what_was_created_before),
        cmocka_unit_test(test_no_such_run_to_look_at),
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
        cmocka_unit_test(test_copy_is_completed),
        cmocka_unit_test(test_copy_of_a_deletion_keeps_its_df),
        cmocka_unit_test(test_half_expunged_is_told_apart),
        cmocka_unit_test(test_half_expunged_is_completed),
        cmocka_unit_test(test_expunge_of_another_queue),
        cmocka_unit_test(test_newest_run_that_holds_an_id),
        cmocka_unit_test(test_held_messages_are_read_as_rows),
        cmocka_unit_test(test_clients_of_all_runs),
        cmocka_unit_test(test_clients_of_a_journal_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
