/* The line about rate and time left: when it is said, and its shape. */
/* wraps: clock_gettime isatty */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "qscan/progress.h"
#include "tests/heard.h"

#define ERASED "\r\033[K"

/* The clocks stand still where a test has put them, and standard error is a
 * terminal when a test says so: no line hangs on the machine. */
static struct timespec monotonic, realtime;
static bool is_terminal;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now_r);
int __wrap_isatty(int fd);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now_r)
{
    *now_r = clock == CLOCK_REALTIME ? realtime : monotonic;
    return 0;
}

int __wrap_isatty(int fd)
{
    return fd == STDERR_FILENO && is_terminal;
}

struct shown {
    struct folder folder;
    struct heard heard;
    struct progress progress;
};

static void begin(struct shown *shown, enum progress_when when, size_t total)
{
    *shown = (struct shown){.progress = {.when = when}};
    folder_open(&shown->folder);
    monotonic = (struct timespec){.tv_sec = 5000, .tv_nsec = 900000000};
    is_terminal = false;
    progress_begin(&shown->progress, "messages read", total);
}

static void end(struct shown *shown)
{
    folder_close(&shown->folder);
}

/* So much done, so long after the start. */
static void pass(struct shown *shown, size_t done, time_t sec, long nsec)
{
    atomic_store(&shown->progress.done, done);
    monotonic.tv_sec += sec;
    monotonic.tv_nsec += nsec;
    if (monotonic.tv_nsec >= 1000000000) {
        monotonic.tv_nsec -= 1000000000;
        monotonic.tv_sec++;
    }
}

static void assert_says(struct shown *shown,
                        void (*call)(struct progress *progress),
                        const char *expected)
{
    heard_begin(&shown->heard, &shown->folder);
    call(&shown->progress);
    assert_string_equal(heard_end(&shown->heard), expected);
}

static void test_a_file_gets_nothing_unless_asked_for(void **state)
{
    struct shown shown;

    (void)state;
    begin(&shown, PROGRESS_AUTO, 100);
    pass(&shown, 50, 60, 0);
    assert_says(&shown, progress_show, "");
    assert_says(&shown, progress_end, "");
    end(&shown);
}

static void test_a_terminal_gets_it_after_a_second(void **state)
{
    struct shown shown;

    (void)state;
    begin(&shown, PROGRESS_AUTO, 100);
    is_terminal = true;
    pass(&shown, 5, 0, 999999999);
    assert_says(&shown, progress_show, "");
    pass(&shown, 10, 0, 1);
    assert_says(&shown, progress_show,
                ERASED "10 of 100 messages read, 10/s, 9 s left");
    pass(&shown, 60, 1, 0);
    assert_says(&shown, progress_show,
                ERASED "60 of 100 messages read, 30/s, 1 s left");
    /* nothing of it stays in front of the report */
    assert_says(&shown, progress_end, ERASED);
    assert_says(&shown, progress_end, "");
    end(&shown);
}

static void test_what_was_short_leaves_a_terminal_alone(void **state)
{
    struct shown shown;

    (void)state;
    begin(&shown, PROGRESS_AUTO, 100);
    is_terminal = true;
    pass(&shown, 100, 0, 500000000);
    assert_says(&shown, progress_show, "");
    assert_says(&shown, progress_end, "");
    end(&shown);
}

static void test_never_is_never(void **state)
{
    struct shown shown;

    (void)state;
    begin(&shown, PROGRESS_NEVER, 100);
    is_terminal = true;
    pass(&shown, 50, 60, 0);
    assert_says(&shown, progress_show, "");
    assert_says(&shown, progress_end, "");
    end(&shown);
}

static void test_always_is_a_line_each_time_and_one_at_the_end(void **state)
{
    struct shown shown;

    (void)state;
    begin(&shown, PROGRESS_ALWAYS, 100);
    assert_says(&shown, progress_show, "0 of 100 messages read, 0/s\n");
    pass(&shown, 25, 0, 500000000);
    assert_says(&shown, progress_show,
                "25 of 100 messages read, 50/s, 2 s left\n");
    pass(&shown, 100, 0, 500000000);
    assert_says(&shown, progress_end, "100 of 100 messages read, 100/s\n");
    end(&shown);
}

static void test_always_is_cleared_off_a_terminal(void **state)
{
    struct shown shown;

    (void)state;
    begin(&shown, PROGRESS_ALWAYS, 100);
    is_terminal = true;
    pass(&shown, 100, 2, 0);
    assert_says(&shown, progress_end,
                ERASED "100 of 100 messages read, 50/s" ERASED);
    end(&shown);
}

static void test_time_left_where_it_can_be_told(void **state)
{
    static const struct {
        size_t done, total;
        time_t sec;
        const char *line;
    } cases[] = {
        /* how many there are is not known */
        {1000, 0, 10, "1000 messages read, 100/s\n"},
        {0, 0, 10, "0 messages read, 0/s\n"},
        /* nothing done: for ever */
        {0, 7, 10, "0 of 7 messages read, 0/s\n"},
        {1, 3, 1000, "1 of 3 messages read, 0/s, 2000 s left\n"},
        {7, 7, 10, "7 of 7 messages read, 1/s\n"},
        /* more came than were counted */
        {20, 7, 10, "20 of 7 messages read, 2/s\n"},
        /* no time has passed, or the clock went back */
        {5, 7, 0, "5 of 7 messages read, 0/s\n"},
        {5, 7, -10, "5 of 7 messages read, 0/s\n"},
    };
    struct shown shown;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(&shown, PROGRESS_ALWAYS, cases[i].total);
        pass(&shown, cases[i].done, cases[i].sec, 0);
        assert_says(&shown, progress_show, cases[i].line);
        end(&shown);
    }
}

static void test_bytes_are_said_in_megabytes(void **state)
{
    struct shown shown;

    (void)state;
    begin(&shown, PROGRESS_ALWAYS, 10000000);
    shown.progress.is_bytes = true;
    shown.progress.what = "of logs read";
    pass(&shown, 2550000, 1, 0);
    assert_says(&shown, progress_show,
                "2.5 MB of 10.0 MB of logs read, 2.5 MB/s, 3 s left\n");
    shown.progress.total = 0;
    assert_says(&shown, progress_show, "2.5 MB of logs read, 2.5 MB/s\n");
    end(&shown);
}

/* One struct goes from phase to phase. */
static void test_a_new_phase_begins_at_zero(void **state)
{
    struct shown shown;

    (void)state;
    begin(&shown, PROGRESS_AUTO, 100);
    is_terminal = true;
    pass(&shown, 50, 10, 0);
    assert_says(&shown, progress_show,
                ERASED "50 of 100 messages read, 5/s, 10 s left");
    progress_begin(&shown.progress, "names listed", 0);
    assert_int_equal(atomic_load(&shown.progress.done), 0);
    assert_int_equal(shown.progress.when, PROGRESS_AUTO);
    assert_says(&shown, progress_end, "");
    pass(&shown, 8, 2, 0);
    assert_says(&shown, progress_show, ERASED "8 names listed, 4/s");
    end(&shown);
}

static void assert_deadline(time_t sec, long nsec, time_t until_sec,
                            long until_nsec)
{
    struct timespec until;

    realtime = (struct timespec){.tv_sec = sec, .tv_nsec = nsec};
    until = progress_deadline();
    assert_int_equal(until.tv_sec, until_sec);
    assert_int_equal(until.tv_nsec, until_nsec);
}

static void test_deadline_is_a_valid_time_a_fifth_of_a_second_on(void **state)
{
    (void)state;
    assert_deadline(1795375579, 0, 1795375579, 200000000);
    assert_deadline(1795375579, 799999999, 1795375579, 999999999);
    assert_deadline(1795375579, 800000000, 1795375580, 0);
    assert_deadline(1795375579, 999999999, 1795375580, 199999999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_gets_nothing_unless_asked_for),
        cmocka_unit_test(test_a_terminal_gets_it_after_a_second),
        cmocka_unit_test(test_what_was_short_leaves_a_terminal_alone),
        cmocka_unit_test(test_never_is_never),
        cmocka_unit_test(test_always_is_a_line_each_time_and_one_at_the_end),
        cmocka_unit_test(test_always_is_cleared_off_a_terminal),
        cmocka_unit_test(test_time_left_where_it_can_be_told),
        cmocka_unit_test(test_bytes_are_said_in_megabytes),
        cmocka_unit_test(test_a_new_phase_begins_at_zero),
        cmocka_unit_test(test_deadline_is_a_valid_time_a_fifth_of_a_second_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
