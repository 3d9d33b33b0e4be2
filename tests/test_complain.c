/* Complaints: their words, and how many of those that read alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "qscan/complain.h"
#include "tests/folder.h"

enum { TEXT_MAX = 64 * 1024 };

/* What goes to standard error meanwhile. */
struct heard {
    struct folder folder;
    int saved;
    struct complaints complaints;
    char text[TEXT_MAX];
};

static void begin(struct heard *heard, bool is_quiet)
{
    int fd;

    folder_open(&heard->folder);
    fd = open(folder_path(&heard->folder, "err"), O_RDWR | O_CREAT | O_TRUNC,
              0600);
    folder_need(fd >= 0, "err");
    fflush(stderr);
    heard->saved = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    close(fd);
    complaints_init(&heard->complaints, is_quiet);
}

static const char *end(struct heard *heard)
{
    ssize_t len;

    complaints_finish(&heard->complaints);
    fflush(stderr);
    len = pread(STDERR_FILENO, heard->text, TEXT_MAX - 1, 0);
    dup2(heard->saved, STDERR_FILENO);
    close(heard->saved);
    folder_close(&heard->folder);
    folder_need(len >= 0, "pread");
    heard->text[len] = '\0';
    return heard->text;
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
    static struct heard heard;

    (void)state;
    begin(&heard, false);
    complain(&heard.complaints, SLICE_LITERAL("q/qf1"), "cannot be read",
             "Permission denied", "kept");
    complain(&heard.complaints, SLICE_LITERAL("q"), "not a queue", NULL, NULL);
    complain_warning(&heard.complaints, SLICE_LITERAL("--now"),
                     "lies in the future", NULL, "ignored");
    assert_string_equal(
        end(&heard), "qscan: q/qf1: cannot be read: Permission denied; kept\n"
                     "qscan: q: not a queue\n"
                     "qscan: --now: lies in the future; ignored\n");
    assert_int_equal(heard.complaints.count, 2);
}

static void test_nothing_steers_the_terminal(void **state)
{
    static struct heard heard;

    (void)state;
    begin(&heard, false);
    complain(&heard.complaints, SLICE_LITERAL("q/qf\033[2J\n"), "bad",
             "why\033", "so\n");
    assert_string_equal(end(&heard),
                        "qscan: q/qf\\x1b[2J\\x0a: bad: why\\x1b; so\\x0a\n");
}

static void test_quiet_hides_warnings_alone(void **state)
{
    static struct heard heard;

    (void)state;
    begin(&heard, true);
    complain_warning(&heard.complaints, SLICE_LITERAL("a"), "odd", NULL, NULL);
    complain(&heard.complaints, SLICE_LITERAL("b"), "bad", NULL, NULL);
    assert_string_equal(end(&heard), "qscan: b: bad\n");
}

static void test_of_those_alike_a_few_are_named(void **state)
{
    static struct heard heard;
    char object[32];
    const char *text;

    (void)state;
    begin(&heard, false);
    for (int i = 0; i < 1000; i++) {
        snprintf(object, sizeof(object), "qf%d", i);
        complain(&heard.complaints, slice_from_string(object), "cannot be read",
                 i % 2 == 0 ? "EACCES" : "EIO", "kept");
    }
    text = end(&heard);
    assert_int_equal(heard.complaints.count, 1000);
    assert_int_equal(lines_of(text), 2 * COMPLAINTS_ALIKE + 2);
    assert_non_null(
        strstr(text, "qscan: and 490 more: cannot be read: EACCES; kept\n"));
    assert_non_null(
        strstr(text, "qscan: and 490 more: cannot be read: EIO; kept\n"));
}

static void test_of_very_many_kinds_all_are_counted(void **state)
{
    static struct heard heard;
    char why[32];
    const char *text;
    size_t told = 0;

    (void)state;
    begin(&heard, false);
    for (int i = 0; i < 100; i++) {
        snprintf(why, sizeof(why), "reason %d", i);
        complain(&heard.complaints, SLICE_LITERAL("qf1"), "bad", why, NULL);
    }
    text = end(&heard);
    assert_int_equal(heard.complaints.count, 100);
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
