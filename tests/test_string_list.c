/* qscan/string_list.c: what is added, found, and stays once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "qscan/string_list.h"
#include "tests/strings.h"

static void fill(struct string_list *list, const char *const *texts)
{
    for (; *texts != NULL; texts++)
        assert_true(string_list_add(list, slice_from_string(*texts)));
}

static void test_it_grows(void **state)
{
    struct string_list list = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_true(string_list_add(&list, SLICE_LITERAL("abc")));
    assert_true(string_list_add(&list, (struct slice){NULL, 0}));
    assert_int_equal(list.count, 1001);
    assert_string_equal(list.strings[999], "abc");
    assert_string_equal(list.strings[1000], "");
    string_list_free(&list);
    assert_int_equal(list.count, 0);
}

static void test_a_part_of_a_text_is_copied(void **state)
{
    struct string_list list = {0};

    (void)state;
    assert_true(string_list_add(&list, slice_make("queue/qf", 5)));
    assert_true(string_list_add(&list, slice_make("a\0b", 3)));
    assert_list_is(&list, "queue a", "parts");
    string_list_free(&list);
}

static void test_what_is_in_it(void **state)
{
    static const char *const texts[] = {"b", "a", "", NULL};
    struct string_list list = {0};

    (void)state;
    assert_false(string_list_has(&list, "a"));
    fill(&list, texts);
    assert_true(string_list_has(&list, "a"));
    assert_true(string_list_has(&list, ""));
    assert_false(string_list_has(&list, "A"));
    string_list_free(&list);
}

static void test_sorted_it_is_searched(void **state)
{
    static const char *const texts[] = {"q2", "q10", "q1", NULL};
    struct string_list list = {0};

    (void)state;
    string_list_sort(&list);
    assert_int_equal(string_list_find(&list, "q1"), 0);
    fill(&list, texts);
    string_list_sort(&list);
    assert_list_is(&list, "q1 q10 q2", "sorted");
    assert_int_equal(string_list_find(&list, "q10"), 1);
    assert_int_equal(string_list_find(&list, "q3"), list.count);
    string_list_free(&list);
}

static void test_each_stays_once(void **state)
{
    static const char *const texts[] = {"b", "a", "b", "b", "a", NULL};
    struct string_list list = {0};

    (void)state;
    string_list_sort_once(&list);
    assert_int_equal(list.count, 0);
    fill(&list, texts);
    string_list_sort_once(&list);
    assert_list_is(&list, "a b", "once");
    assert_true(string_list_add(&list, SLICE_LITERAL("c")));
    assert_list_is(&list, "a b c", "added again");
    string_list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_grows),
        cmocka_unit_test(test_a_part_of_a_text_is_copied),
        cmocka_unit_test(test_what_is_in_it),
        cmocka_unit_test(test_sorted_it_is_searched),
        cmocka_unit_test(test_each_stays_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
