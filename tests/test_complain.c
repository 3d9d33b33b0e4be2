/* Complaints: their words, and how many of those that read alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "qscan/complain.h"
#include "tests/heard.h"

/* Complaints, and what is heard of them. */
struct complained {
    struct folder folder;
    struct heard heard;
    struct complaints complaints;
};

static void begin(struct complained *made, bool is_quiet)
{
    folder_open(&made->folder);
    heard_begin(&made->heard, &made->folder);
    complaints_init(&made->complaints, is_quiet);
}

static const char *end(struct complained *made)
{
    const char *text;

    complaints_finish(&made->complaints);
    text = heard_end(&made->heard);
    folder_close(&made->folder);
    return text;
}

static size_t lines_of(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static void test_object_what_why_consequence(void **state)
{
    static struct complained made;

    (void)state;
    begin(&made, false);
    complain(&made.complaints, SLICE_LITERAL("q/qf1"), "cannot be read",
             "Permission denied", "kept");
    complain(&made.complaints, SLICE_LITERAL("q"), "not a queue", NULL, NULL);
    complain_warning(&made.complaints, SLICE_LITERAL("--now"),
                     "lies in the future", NULL, "ignored");
    assert_string_equal(
        end(&made), "qscan: q/qf1: cannot be read: Permission denied; kept\n"
                    "qscan: q: not a queue\n"
                    "qscan: --now: lies in the future; ignored\n");
    assert_int_equal(made.complaints.count, 2);
}

static void test_nothing_steers_the_terminal(void **state)
{
    static struct complained made;

    (void)state;
    begin(&made, false);
    complain(&made.complaints, SLICE_LITERAL("q/qf\033[2J\n"), "bad", "why\033",
             "so\n");
    assert_string_equal(end(&made),
                        "qscan: q/qf\\x1b[2J\\x0a: bad: why\\x1b; so\\x0a\n");
}

static void test_quiet_hides_warnings_alone(void **state)
{
    static struct complained made;

    (void)state;
    begin(&made, true);
    complain_warning(&made.complaints, SLICE_LITERAL("a"), "odd", NULL, NULL);
    complain(&made.complaints, SLICE_LITERAL("b"), "bad", NULL, NULL);
    assert_string_equal(end(&made), "qscan: b: bad\n");
}

static void test_of_those_alike_a_few_are_named(void **state)
{
    static struct complained made;
    char object[32];
    const char *text;

    (void)state;
    begin(&made, false);
    for (int i = 0; i < 1000; i++) {
        snprintf(object, sizeof(object), "qf%d", i);
        complain(&made.complaints, slice_from_string(object), "cannot be read",
                 i % 2 == 0 ? "EACCES" : "EIO", "kept");
    }
    text = end(&made);
    assert_int_equal(made.complaints.count, 1000);
    assert_int_equal(lines_of(text), 2 * COMPLAINTS_ALIKE + 2);
    assert_non_null(
        strstr(text, "qscan: and 490 more: cannot be read: EACCES; kept\n"));
    assert_non_null(
        strstr(text, "qscan: and 490 more: cannot be read: EIO; kept\n"));
}

static void test_of_very_many_kinds_all_are_counted(void **state)
{
    static struct complained made;
    char why[32];
    const char *text;
    size_t told = 0;

    (void)state;
    begin(&made, false);
    for (int i = 0; i < 100; i++) {
        snprintf(why, sizeof(why), "reason %d", i);
        complain(&made.complaints, SLICE_LITERAL("qf1"), "bad", why, NULL);
    }
    text = end(&made);
    assert_int_equal(made.complaints.count, 100);
    told = lines_of(text) - 1;
    assert_int_equal(told, COMPLAINTS_MAX);
    assert_non_null(strstr(text, "qscan: and 50 more failures not printed\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object_what_why_consequence),
        cmocka_unit_test(test_nothing_steers_the_terminal),
        cmocka_unit_test(test_quiet_hides_warnings_alone),
        cmocka_unit_test(test_of_those_alike_a_few_are_named),
        cmocka_unit_test(test_of_very_many_kinds_all_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
