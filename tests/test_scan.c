/* A whole scan of small queues: states, verdicts, what a row remembers, and
 * that nothing hangs on the number of workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "qscan/rowtext.h"
#include "qscan/scan.h"
#include "tests/assert_slice.h"
#include "tests/scanned.h"

#define RULES                                                                  \
    "rule dead\n class dead\n on message\n purge yes, foreign\n"               \
    " when status ~ /refused/\n when host.waiting >= 3\n"                      \
    " hit M=refused R=<a@b.example> host.waiting=3\n"                          \
    " miss M=refused R=<a@b.example> host.waiting=2\n"                         \
    "rule rest\n class rest\n on message\n purge no\n when recipient exists\n" \
    " hit R=<a@b.example>\n"

/* Three that wait for one host: 6AMHqPjw023670 and the next two. */
static void write_dead(struct scanned *scanned)
{
    for (int i = 0; i < 3; i++) {
        char id[32];

        snprintf(id, sizeof(id), "6AMHqPjw02367%d", i);
        scanned_message(scanned, id,
                        "Deferred: Connection refused by dead.example.",
                        "u@dead.example");
    }
}

static void assert_class(const struct scanned *scanned, const char *id,
                         const char *class)
{
    assert_string_equal(
        rowtext_class(&scanned->scan.scene, scanned_row(scanned, id)), class);
}

static void test_verdicts_that_hang_on_the_crowd(void **state)
{
    struct scanned scanned;

    (void)state;
    scanned_begin(&scanned, RULES);
    write_dead(&scanned);
    scanned_message(&scanned, "6AMHqPjw023677",
                    "Deferred: Connection refused by one.example.",
                    "u@one.example");
    for (unsigned workers = 1; workers <= 4; workers++) {
        scanned_scan(&scanned, workers);
        assert_int_equal(scanned.scan.table.count, 4);
        assert_class(&scanned, "6AMHqPjw023670", "dead");
        assert_true(scanned_row(&scanned, "6AMHqPjw023670")->is_purge);
        assert_class(&scanned, "6AMHqPjw023677", "rest");
        assert_false(scanned_row(&scanned, "6AMHqPjw023677")->is_purge);
        assert_false(scanned_row(&scanned, "6AMHqPjw023677")->is_later);
        /* nothing is to be taken: no fingerprints */
        assert_int_equal(scanned_row(&scanned, "6AMHqPjw023670")->basis, 0);
        scanned_drop(&scanned);
    }
    assert_int_equal(scanned.complaints.count, 0);
    scanned_end(&scanned);
}

/* Mail without a sender, by a proven name, is of who has registered that. */
static void test_who_reports_is_known(void **state)
{
    static const struct {
        const char *client;
        const char *class;
    } cases[] = {
        {"mail.firm.example [192.0.2.9]", "known"},
        {"mx.eu.firm.example [192.0.2.9]", "known"},
        {"mail.firm.example [192.0.2.9] (may be forged)", "rest"},
        {"dsl-192-0-2-9.firm.example [192.0.2.9]", "rest"},
        {"mail.other.example [192.0.2.9]", "rest"},
        {"[192.0.2.9]", "rest"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scanned scanned;
        char qf[512];

        snprintf(qf, sizeof(qf),
                 "V8\nT1795370000\nK1795375000\nN7\nP30000\nMDeferred\nFs\n"
                 "$_%s\nS<>\nRPFD:<u@ours.example>\n"
                 "H??Subject: Undelivered\n.\n",
                 cases[i].client);
        scanned_begin(&scanned, "rule known\n class known\n on message\n"
                                " when recipient.known is yes\n"
                                "rule rest\n class rest\n on message\n"
                                " when recipient exists\n");
        scanned_files(&scanned, "6AMHqPjw023670", qf, "Returned.\n");
        scanned_message(&scanned, "6AMHqPjw023671", "Deferred",
                        "ann@firm.example");
        scanned_scan(&scanned, 2);
        assert_class(&scanned, "6AMHqPjw023671", cases[i].class);
        scanned_drop(&scanned);
        scanned_end(&scanned);
    }
}

static void test_states_of_what_is_found(void **state)
{
    struct scanned scanned;
    const struct facts *row;

    (void)state;
    scanned_begin(&scanned, RULES);
    scanned_message(&scanned, "6AMHqPjw023671", "Deferred", "a@b.example");
    /* cut in the middle; no df; a df alone; lost; held by an administrator */
    folder_write(&scanned.folder, "q/qf6AMHqPjw023672", "V8\nT1795370000\nS<");
    folder_write(&scanned.folder, "q/df6AMHqPjw023672", "x\n");
    scanned_message(&scanned, "6AMHqPjw023673", "Deferred", "a@b.example");
    unlink(folder_path(&scanned.folder, "q/df6AMHqPjw023673"));
    folder_write(&scanned.folder, "q/df6AMHqPjw023674", "x\n");
    scanned_message(&scanned, "6AMHqPjw023675", "Deferred", "a@b.example");
    rename(folder_path(&scanned.folder, "q/qf6AMHqPjw023675"),
           folder_path(&scanned.folder, "q/Qf6AMHqPjw023675"));
    scanned_message(&scanned, "6AMHqPjw023676", "Deferred", "a@b.example");
    rename(folder_path(&scanned.folder, "q/qf6AMHqPjw023676"),
           folder_path(&scanned.folder, "q/hf6AMHqPjw023676"));
    folder_need(symlink("/etc/passwd", folder_path(&scanned.folder,
                                                   "q/qf6AMHqPjw023677")) == 0,
                "symlink");
    scanned_scan(&scanned, 2);
    assert_class(&scanned, "6AMHqPjw023671", "rest");
    assert_class(&scanned, "6AMHqPjw023672", "damaged");
    row = scanned_row(&scanned, "6AMHqPjw023673");
    assert_int_equal(row->state, FACTS_DAMAGED);
    assert_true((row->oddities & ODD_NO_DATA) != 0);
    assert_class(&scanned, "6AMHqPjw023674", "orphan");
    assert_class(&scanned, "6AMHqPjw023675", "lost");
    assert_class(&scanned, "6AMHqPjw023676", "quarantined");
    row = scanned_row(&scanned, "6AMHqPjw023677");
    assert_int_equal(row->state, FACTS_DAMAGED);
    assert_true((row->oddities & ODD_LINK) != 0);
    scanned_drop(&scanned);
    scanned_end(&scanned);
}

static void test_rows_remember_what_rules_may_ask(void **state)
{
    struct scanned scanned;
    const struct facts *row;
    char many[4096] = "V8\nT1795370000\nFs\nS<ann@example.net>\n";

    (void)state;
    scanned_begin(&scanned, RULES);
    scanned_message(&scanned, "6AMHqPjw023671",
                    "Deferred: Connection refused by mx.b.example.",
                    "A@B.example>\nRPF:<local>\nRPF:<c@d.example");
    for (int i = 0; i < 60; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many),
                 "RPF:<u@some-rather-long-name-%d.example>\n", i);
    strcat(many, ".\n");
    folder_write(&scanned.folder, "q/qf6AMHqPjw023672", many);
    folder_write(&scanned.folder, "q/df6AMHqPjw023672", "x\n");
    scanned_scan(&scanned, 2);
    row = scanned_row(&scanned, "6AMHqPjw023671");
    assert_slice_is(intern_text(&scanned.scan.crowds[0].strings, row->domain),
                    "b.example", "domain");
    assert_slice_is(intern_text(&scanned.scan.crowds[0].strings, row->host),
                    "mx.b.example", "host");
    assert_true(row->has_further);
    assert_false(row->is_cut);
    assert_true(scanned_row(&scanned, "6AMHqPjw023672")->is_cut);
    scanned_drop(&scanned);
    scanned_end(&scanned);
}

static void test_fingerprints_where_a_purge_may_come(void **state)
{
    struct scanned scanned;
    int64_t now = time(NULL);

    (void)state;
    scanned_begin(&scanned, RULES);
    write_dead(&scanned);
    scanned_message(&scanned, "6AMHqPjw023677", "Deferred", "u@b.example");
    scanned.began = now + 3600;
    scanned_scan(&scanned, 2);
    assert_int_not_equal(scanned_row(&scanned, "6AMHqPjw023670")->basis, 0);
    assert_int_not_equal(scanned_row(&scanned, "6AMHqPjw023670")->basis,
                         scanned_row(&scanned, "6AMHqPjw023671")->basis);
    /* it stays, whatever comes */
    assert_int_equal(scanned_row(&scanned, "6AMHqPjw023677")->basis, 0);
    scanned_drop(&scanned);
    /* df was written after that: its times may not tell of another change */
    scanned.began = now - 3600;
    scanned_scan(&scanned, 2);
    assert_int_equal(scanned_row(&scanned, "6AMHqPjw023670")->basis, 0);
    scanned_drop(&scanned);
    scanned_end(&scanned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts_that_hang_on_the_crowd),
        cmocka_unit_test(test_who_reports_is_known),
        cmocka_unit_test(test_states_of_what_is_found),
        cmocka_unit_test(test_rows_remember_what_rules_may_ask),
        cmocka_unit_test(test_fingerprints_where_a_purge_may_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
