/* A whole scan of small queues: states, verdicts, what a row remembers, and
 * that nothing hangs on the number of workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "qscan/scan.h"
#include "tests/assert_slice.h"
#include "tests/folder.h"

enum { NOW = 1795375579 };

#define RULES                                                                  \
    "rule dead\n class dead\n on message\n purge yes, foreign\n"               \
    " when status ~ /refused/\n when host.waiting >= 3\n"                      \
    " hit M=refused R=<a@b.example> host.waiting=3\n"                          \
    " miss M=refused R=<a@b.example> host.waiting=2\n"                         \
    "rule rest\n class rest\n on message\n purge no\n when recipient exists\n" \
    " hit R=<a@b.example>\n"

struct scanned {
    struct folder folder;
    struct queue_set set;
    struct complaints complaints;
    struct rules *rules;
    int64_t began; /* of a purge; 0: only looks */
    struct scan scan;
};

static void write_message(struct folder *folder, const char *id,
                          const char *status, const char *recipient)
{
    char qf[512], name[64];

    snprintf(qf, sizeof(qf),
             "V8\nT1795370000\nK1795375000\nN7\nP30000\nM%s\nFs\n"
             "S<ann@example.net>\nRPF:<%s>\nH??Subject: hello\n.\n",
             status, recipient);
    snprintf(name, sizeof(name), "q/qf%s", id);
    folder_write(folder, name, qf);
    name[2] = 'd';
    folder_write(folder, name, "a body\n");
}

/* Three that wait for one host: 6AMHqPjw023670 and the next two. */
static void write_dead(struct folder *folder)
{
    for (int i = 0; i < 3; i++) {
        char id[32];

        snprintf(id, sizeof(id), "6AMHqPjw02367%d", i);
        write_message(folder, id,
                      "Deferred: Connection refused by dead.example.",
                      "u@dead.example");
    }
}

static void begin(struct scanned *scanned)
{
    const struct rules_file file = {"test.rules", SLICE_LITERAL(RULES)};

    *scanned = (struct scanned){.rules = NULL};
    folder_open(&scanned->folder);
    folder_make(&scanned->folder, "q");
    complaints_init(&scanned->complaints, false);
    scanned->rules = rules_compile(&file, 1, NULL, 0, NULL, NULL, NULL);
    assert_non_null(scanned->rules);
}

static void scan(struct scanned *scanned, unsigned workers)
{
    struct string_list names = {0};
    const struct config none = {0};
    struct scan *scan = &scanned->scan;

    assert_true(string_list_add(
        &names, slice_from_string(folder_path(&scanned->folder, "q"))));
    assert_true(queue_open(&scanned->set, &names, &none, &scanned->complaints));
    string_list_free(&names);
    *scan = (struct scan){.queues = &scanned->set,
                          .worker_count = workers,
                          .complaints = &scanned->complaints,
                          .progress = {.when = PROGRESS_NEVER}};
    scan->scene.queues = &scanned->set;
    scan->scene.rules = scanned->rules;
    scan->scene.now = NOW;
    scan->scene.basis_before = scanned->began;
    scan->scene.basis_key[0] = UINT64_C(0x243f6a8885a308d3);
    scan->scene.basis_key[1] = UINT64_C(0x13198a2e03707344);
    scan->reads_data = true;
    facts_init(&scan->table);
    assert_true(scan_run(scan));
}

static void drop_scan(struct scanned *scanned)
{
    scan_free(&scanned->scan);
    queue_close(&scanned->set);
}

static void end(struct scanned *scanned)
{
    rules_free(scanned->rules);
    folder_close(&scanned->folder);
}

static const struct facts *row_of(const struct scanned *scanned, const char *id)
{
    const struct facts_table *table = &scanned->scan.table;

    for (size_t i = 0; i < table->count; i++)
        if (slice_equal(facts_id(&table->rows[i]), slice_from_string(id)))
            return &table->rows[i];
    fail_msg("%s: no row", id);
    return NULL;
}

static void assert_class(const struct scanned *scanned, const char *id,
                         const char *class)
{
    assert_string_equal(scan_class(&scanned->scan.scene, row_of(scanned, id)),
                        class);
}

static void test_verdicts_that_hang_on_the_crowd(void **state)
{
    struct scanned scanned;

    (void)state;
    begin(&scanned);
    write_dead(&scanned.folder);
    write_message(&scanned.folder, "6AMHqPjw023677",
                  "Deferred: Connection refused by one.example.",
                  "u@one.example");
    for (unsigned workers = 1; workers <= 4; workers++) {
        scan(&scanned, workers);
        assert_int_equal(scanned.scan.table.count, 4);
        assert_class(&scanned, "6AMHqPjw023670", "dead");
        assert_true(row_of(&scanned, "6AMHqPjw023670")->is_purge);
        assert_class(&scanned, "6AMHqPjw023677", "rest");
        assert_false(row_of(&scanned, "6AMHqPjw023677")->is_purge);
        assert_false(row_of(&scanned, "6AMHqPjw023677")->is_later);
        /* nothing is to be taken: no fingerprints */
        assert_int_equal(row_of(&scanned, "6AMHqPjw023670")->basis, 0);
        drop_scan(&scanned);
    }
    assert_int_equal(scanned.complaints.count, 0);
    end(&scanned);
}

static void test_states_of_what_is_found(void **state)
{
    struct scanned scanned;
    const struct facts *row;

    (void)state;
    begin(&scanned);
    write_message(&scanned.folder, "6AMHqPjw023671", "Deferred", "a@b.example");
    /* cut in the middle; no df; a df alone; lost; held by an administrator */
    folder_write(&scanned.folder, "q/qf6AMHqPjw023672", "V8\nT1795370000\nS<");
    folder_write(&scanned.folder, "q/df6AMHqPjw023672", "x\n");
    write_message(&scanned.folder, "6AMHqPjw023673", "Deferred", "a@b.example");
    unlink(folder_path(&scanned.folder, "q/df6AMHqPjw023673"));
    folder_write(&scanned.folder, "q/df6AMHqPjw023674", "x\n");
    write_message(&scanned.folder, "6AMHqPjw023675", "Deferred", "a@b.example");
    rename(folder_path(&scanned.folder, "q/qf6AMHqPjw023675"),
           folder_path(&scanned.folder, "q/Qf6AMHqPjw023675"));
    write_message(&scanned.folder, "6AMHqPjw023676", "Deferred", "a@b.example");
    rename(folder_path(&scanned.folder, "q/qf6AMHqPjw023676"),
           folder_path(&scanned.folder, "q/hf6AMHqPjw023676"));
    folder_need(symlink("/etc/passwd", folder_path(&scanned.folder,
                                                   "q/qf6AMHqPjw023677")) == 0,
                "symlink");
    scan(&scanned, 2);
    assert_class(&scanned, "6AMHqPjw023671", "rest");
    assert_class(&scanned, "6AMHqPjw023672", "damaged");
    row = row_of(&scanned, "6AMHqPjw023673");
    assert_int_equal(row->state, FACTS_DAMAGED);
    assert_true((row->oddities & ODD_NO_DATA) != 0);
    assert_class(&scanned, "6AMHqPjw023674", "orphan");
    assert_class(&scanned, "6AMHqPjw023675", "lost");
    assert_class(&scanned, "6AMHqPjw023676", "quarantined");
    row = row_of(&scanned, "6AMHqPjw023677");
    assert_int_equal(row->state, FACTS_DAMAGED);
    assert_true((row->oddities & ODD_LINK) != 0);
    drop_scan(&scanned);
    end(&scanned);
}

static void test_rows_remember_what_rules_may_ask(void **state)
{
    struct scanned scanned;
    const struct facts *row;
    char many[4096] = "V8\nT1795370000\nFs\nS<ann@example.net>\n";

    (void)state;
    begin(&scanned);
    write_message(&scanned.folder, "6AMHqPjw023671",
                  "Deferred: Connection refused by mx.b.example.",
                  "A@B.example>\nRPF:<local>\nRPF:<c@d.example");
    for (int i = 0; i < 60; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many),
                 "RPF:<u@some-rather-long-name-%d.example>\n", i);
    strcat(many, ".\n");
    folder_write(&scanned.folder, "q/qf6AMHqPjw023672", many);
    folder_write(&scanned.folder, "q/df6AMHqPjw023672", "x\n");
    scan(&scanned, 2);
    row = row_of(&scanned, "6AMHqPjw023671");
    assert_slice_is(intern_text(&scanned.scan.crowds[0].strings, row->domain),
                    "b.example", "domain");
    assert_slice_is(intern_text(&scanned.scan.crowds[0].strings, row->host),
                    "mx.b.example", "host");
    assert_true(row->has_further);
    assert_false(row->is_cut);
    assert_true(row_of(&scanned, "6AMHqPjw023672")->is_cut);
    drop_scan(&scanned);
    end(&scanned);
}

static void test_fingerprints_where_a_purge_may_come(void **state)
{
    struct scanned scanned;
    int64_t now = time(NULL);

    (void)state;
    begin(&scanned);
    write_dead(&scanned.folder);
    write_message(&scanned.folder, "6AMHqPjw023677", "Deferred", "u@b.example");
    scanned.began = now + 3600;
    scan(&scanned, 2);
    assert_int_not_equal(row_of(&scanned, "6AMHqPjw023670")->basis, 0);
    assert_int_not_equal(row_of(&scanned, "6AMHqPjw023670")->basis,
                         row_of(&scanned, "6AMHqPjw023671")->basis);
    /* it stays, whatever comes */
    assert_int_equal(row_of(&scanned, "6AMHqPjw023677")->basis, 0);
    drop_scan(&scanned);
    /* df was written after that: its times may not tell of another change */
    scanned.began = now - 3600;
    scan(&scanned, 2);
    assert_int_equal(row_of(&scanned, "6AMHqPjw023670")->basis, 0);
    drop_scan(&scanned);
    end(&scanned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts_that_hang_on_the_crowd),
        cmocka_unit_test(test_states_of_what_is_found),
        cmocka_unit_test(test_rows_remember_what_rules_may_ask),
        cmocka_unit_test(test_fingerprints_where_a_purge_may_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
