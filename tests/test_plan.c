/* Plans on disk: which of their messages are found, and what is no plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "qscan/plan.h"
#include "tests/folder.h"

enum { DEVICE = 77 };

/* One line as --plan writes it; the file is the one with that inode. */
#define LINE(id, queue, action, inode)                                         \
    "{\"id\":\"" id "\",\"queue\":\"" queue "\",\"class\":\"bounce-zombie\","  \
    "\"rule\":\"bounce-to-zombie\",\"size_bytes\":300,\"action\":\"" action    \
    "\",\"identity\":{\"device\":77,\"inode\":" inode ",\"size\":812,"         \
    "\"mtime_nsec\":5,\"ctime_nsec\":6}}\n"
#define KEEP "{\"id\":\"k1\",\"queue\":\"q\",\"action\":\"keep\"}\n"
#define RESULT "{\"run\":null,\"purged\":1,\"dry_run\":true}\n"

struct planning {
    struct folder folder;
    struct queue_folder queue_folder;
    struct queue_dir dir;
    struct queue_set set;
    struct scan scan;
    struct complaints complaints;
    struct plan plan;
};

static struct facts *add(struct planning *planning, const char *id,
                         uint64_t inode)
{
    struct facts *row = facts_add(&planning->scan.table);

    assert_non_null(row);
    row->letter = 'q';
    facts_set_id(row, slice_from_string(id));
    row->inode = inode;
    return row;
}

static void begin(struct planning *planning)
{
    *planning = (struct planning){.queue_folder = {.fd = -1, .device = DEVICE}};
    folder_open(&planning->folder);
    planning->dir.path = (char *)"q";
    planning->set = (struct queue_set){.folders = &planning->queue_folder,
                                       .folder_count = 1,
                                       .dirs = &planning->dir,
                                       .dir_count = 1};
    planning->scan.scene.queues = &planning->set;
    facts_init(&planning->scan.table);
    complaints_init(&planning->complaints, true);
    add(planning, "a1", 11);
    add(planning, "a2", 12);
    add(planning, "a3", 13);
}

static void end(struct planning *planning)
{
    facts_free(&planning->scan.table);
    folder_close(&planning->folder);
}

static bool read_plan(struct planning *planning, const char *text)
{
    bool is_good;

    folder_write(&planning->folder, "plan", text);
    is_good = plan_read(&planning->plan, folder_path(&planning->folder, "plan"),
                        &planning->scan, &planning->complaints);
    assert_int_equal(planning->complaints.count, !is_good);
    planning->complaints.count = 0;
    return is_good;
}

static void test_messages_are_found_by_id_and_file(void **state)
{
    struct planning planning;
    const struct plan *plan = &planning.plan;

    (void)state;
    begin(&planning);
    /* elsewhere by another name of the directory; and one that is gone */
    assert_true(read_plan(&planning, KEEP LINE("a3", "/spool/q", "hold", "13")
                                         LINE("a1", "q", "hold", "11") LINE(
                                             "a9", "q", "hold", "19") RESULT));
    assert_false(plan->is_delete);
    assert_int_equal(plan->job_count, 2);
    assert_int_equal(plan->missing_count, 1);
    assert_int_equal(plan->changed_count, 0);
    assert_int_equal(plan->jobs[0].row, 0);
    assert_int_equal(plan->jobs[1].row, 2);
    assert_int_equal(plan->jobs[0].planned->size_bytes, 812);
    assert_int_equal(plan->jobs[0].planned->mtime_nsec, 5);
    assert_int_equal(plan->jobs[0].planned->ctime_nsec, 6);
    assert_int_equal(plan->jobs[0].planned->data_bytes, 300);
    assert_string_equal(plan->jobs[0].planned->class, "bounce-zombie");
    assert_string_equal(plan->jobs[0].planned->rule, "bounce-to-zombie");
    plan_free(&planning.plan);
    end(&planning);
}

/* The file is another: found by its directory, so that it is seen as changed
 * under its lock; in another directory it is none of the plan's. */
static void test_another_file_of_that_id(void **state)
{
    struct planning planning;

    (void)state;
    begin(&planning);
    assert_true(read_plan(&planning, LINE("a1", "q", "delete", "99")
                                         LINE("a2", "other", "delete", "98")));
    assert_true(planning.plan.is_delete);
    assert_int_equal(planning.plan.job_count, 1);
    assert_int_equal(planning.plan.jobs[0].row, 0);
    assert_int_equal(planning.plan.jobs[0].planned->inode, 99);
    assert_int_equal(planning.plan.missing_count, 1);
    plan_free(&planning.plan);
    end(&planning);
}

static void test_what_has_company_now_stays(void **state)
{
    struct planning planning;

    (void)state;
    begin(&planning);
    planning.scan.table.rows[0].beside = BESIDE_CONTROL;
    planning.scan.table.rows[1].beside = BESIDE_REWRITE;
    planning.scan.table.rows[2].beside = BESIDE_DATA | BESIDE_TRANSCRIPT;
    assert_true(read_plan(&planning, LINE("a1", "q", "hold", "11")
                                         LINE("a2", "q", "hold", "12")
                                             LINE("a3", "q", "hold", "13")));
    assert_int_equal(planning.plan.job_count, 1);
    assert_int_equal(planning.plan.jobs[0].row, 2);
    assert_int_equal(planning.plan.changed_count, 2);
    assert_int_equal(planning.plan.missing_count, 0);
    plan_free(&planning.plan);
    /* what was lost since, or has but a df, is gone for a plan */
    planning.scan.table.rows[2].letter = 'Q';
    planning.scan.table.rows[0].state = FACTS_ORPHAN;
    assert_false(read_plan(&planning, LINE("a1", "q", "hold", "11")
                                          LINE("a3", "q", "hold", "13")));
    plan_free(&planning.plan);
    end(&planning);
}

static void test_a_message_that_stands_twice_goes_once(void **state)
{
    struct planning planning;

    (void)state;
    begin(&planning);
    assert_true(read_plan(&planning, LINE("a1", "q", "hold", "11")
                                         LINE("a1", "q", "hold", "11")));
    assert_int_equal(planning.plan.job_count, 1);
    assert_int_equal(planning.plan.missing_count, 1);
    plan_free(&planning.plan);
    end(&planning);
}

static void test_what_is_no_plan_is_refused(void **state)
{
    static const char *const texts[] = {
        "no json\n",
        "[]\n",
        "{\"id\":\"a1\"}\n",
        "{\"id\":\"a1\",\"queue\":\"q\",\"action\":\"hold\"}\n",
        LINE("a1", "q", "burn", "11"),
        /* one word changed by hand */
        LINE("a1", "q", "hold", "11") LINE("a2", "q", "delete", "12"),
        LINE("a1", "q", "hold", "11") "{\"id\":\"a2\",\"que",
        /* none of its messages is here */
        LINE("z1", "q", "hold", "1"),
        /* a plan of nothing has its last line */
        "",
    };
    struct planning planning;

    (void)state;
    begin(&planning);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(read_plan(&planning, texts[i]));
        plan_free(&planning.plan);
    }
    assert_false(plan_read(&planning.plan,
                           folder_path(&planning.folder, "none"),
                           &planning.scan, &planning.complaints));
    plan_free(&planning.plan);
    assert_false(plan_read(&planning.plan, folder_path(&planning.folder, "."),
                           &planning.scan, &planning.complaints));
    plan_free(&planning.plan);
    end(&planning);
}

static void test_a_plan_of_nothing(void **state)
{
    struct planning planning;

    (void)state;
    begin(&planning);
    assert_true(read_plan(&planning, KEEP RESULT));
    assert_int_equal(planning.plan.job_count, 0);
    plan_free(&planning.plan);
    end(&planning);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_are_found_by_id_and_file),
        cmocka_unit_test(test_another_file_of_that_id),
        cmocka_unit_test(test_what_has_company_now_stays),
        cmocka_unit_test(test_a_message_that_stands_twice_goes_once),
        cmocka_unit_test(test_what_is_no_plan_is_refused),
        cmocka_unit_test(test_a_plan_of_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
