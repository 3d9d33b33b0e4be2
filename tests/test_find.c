/* Which message is meant by an id, or by the name of a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "qscan/find.h"
#include "tests/scanned.h"

#define RULES "rule rest\n class rest\n on message\n when recipient exists\n"
#define ID "6AMHqPjw023671"

static void assert_parsed(const char *argument, const char *id, char letter,
                          bool has_folder, bool is_folder)
{
    struct find_name name;

    assert_true(find_parse(&name, argument));
    assert_string_equal(name.id, id);
    assert_int_equal(name.letter, letter);
    assert_int_equal(name.has_folder, has_folder);
    assert_int_equal(name.is_folder, is_folder);
}

static void test_names_of_files(void **state)
{
    (void)state;
    assert_parsed("qf" ID, ID, 'q', false, false);
    assert_parsed("./hf" ID, ID, 'h', true, true);
    assert_parsed("/Tf" ID, ID, 'T', true, true);
    assert_parsed("/no/such/folder/df" ID, ID, 'd', true, false);
    assert_parsed("qfqf1", "qf1", 'q', false, false);
}

static void test_no_names_of_files(void **state)
{
    static const char *const others[] = {"",   ID,    "qf",  "/",
                                         "q/", "q/x", "af1", "f"};
    struct find_name name;

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(find_parse(&name, others[i]));
}

/* ---- in a queue ---- */

/* With a slash in it: below the test's folder. */
static const struct facts *named(struct scanned *scanned, const char *argument)
{
    struct find_name name;

    assert_true(
        find_parse(&name, strchr(argument, '/') == NULL
                              ? argument
                              : folder_path(&scanned->folder, argument)));
    return find_row(&scanned->scan, &name);
}

static void test_whose_file_it_is(void **state)
{
    struct find_name by_id = find_by_id(ID);
    struct scanned scanned;
    const struct facts *row;

    (void)state;
    scanned_begin(&scanned, RULES);
    scanned_message(&scanned, ID, "Deferred", "a@b.example");
    scanned_scan(&scanned, 1);
    row = find_row(&scanned.scan, &by_id);
    assert_non_null(row);
    assert_ptr_equal(named(&scanned, "qf" ID), row);
    assert_ptr_equal(named(&scanned, "q/qf" ID), row);
    assert_ptr_equal(named(&scanned, "q/df" ID), row);
    assert_ptr_equal(named(&scanned, "q/../q/xf" ID), row);
    assert_null(named(&scanned, "hf" ID));
    assert_null(named(&scanned, "./qf" ID));
    assert_null(named(&scanned, "gone/qf" ID));
    assert_null(named(&scanned, "qf" ID "2"));
    scanned_drop(&scanned);
    scanned_end(&scanned);
}

static void test_a_message_comes_before_an_orphan(void **state)
{
    struct find_name by_id = find_by_id(ID);
    struct scanned scanned;

    (void)state;
    scanned_begin(&scanned, RULES);
    scanned_message(&scanned, ID, "Deferred", "a@b.example");
    folder_write(&scanned.folder, "q/df6AMHqPjw023672", "lost");
    scanned_set_time(&scanned, "q/df6AMHqPjw023672", SCANNED_NOW - 90000);
    scanned_scan(&scanned, 1);
    assert_int_equal(find_row(&scanned.scan, &by_id)->letter, 'q');
    assert_int_equal(named(&scanned, "q/df6AMHqPjw023672")->letter, 'd');
    assert_null(named(&scanned, "q/qf6AMHqPjw023672"));
    scanned_drop(&scanned);
    scanned_end(&scanned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_files),
        cmocka_unit_test(test_no_names_of_files),
        cmocka_unit_test(test_whose_file_it_is),
        cmocka_unit_test(test_a_message_comes_before_an_orphan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
