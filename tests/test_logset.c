/* Which logs are read, in which order, and in which year they begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "qscan/logset.h"
#include "tests/folder.h"

#define TAIL " mx2 sm-mta[1]: starting daemon (8.17.1.9): SMTP\n"

struct scene {
    struct folder folder;
    struct options options;
    struct complaints complaints;
    struct log_set set;
};

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    setenv("TZ", "UTC", 1);
    tzset();
    folder_open(&scene->folder);
    complaints_init(&scene->complaints, true);
    scene->options.is_utc = true;
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    log_set_free(&scene->set);
    string_list_free(&scene->options.queues);
    folder_close(&scene->folder);
    free(scene);
    return 0;
}

static int64_t epoch(int year, int month, int day)
{
    struct tm tm = {
        .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};

    return (int64_t)timegm(&tm);
}

/* A log that begins with that stamp and was written last on that day. */
static void add_log(struct scene *scene, const char *name, const char *stamp,
                    int64_t mtime)
{
    char text[200];
    struct timespec times[2] = {{.tv_sec = (time_t)mtime},
                                {.tv_sec = (time_t)mtime}};

    snprintf(text, sizeof(text), "%s" TAIL, stamp);
    folder_write(&scene->folder, name, text);
    utimensat(AT_FDCWD, folder_path(&scene->folder, name), times, 0);
    string_list_add(&scene->options.queues,
                    slice_from_string(folder_path(&scene->folder, name)));
}

static const char *name_of(const struct scene *scene, size_t index)
{
    return scene->set.files[index].path + strlen(scene->folder.path) + 1;
}

static void open_set(struct scene *scene, size_t count)
{
    assert_true(log_set_open(&scene->set, &scene->options, &scene->complaints));
    assert_int_equal(scene->set.count, count);
}

static void assert_start(const struct scene *scene, size_t index,
                         const char *name, int64_t start)
{
    assert_string_equal(name_of(scene, index), name);
    assert_int_equal(scene->set.files[index].start, start);
}

static void a_rotated_set_is_read_in_time_order_over_new_year(void **state)
{
    struct scene *scene = *state;
    int64_t copied = epoch(2026, 11, 22);

    add_log(scene, "maillog", "Jan  3 00:00:00", copied);
    add_log(scene, "maillog.2", "Dec 24 00:00:00", copied);
    add_log(scene, "maillog.10", "Dec  5 00:00:00", copied);
    add_log(scene, "maillog.1", "Dec 30 00:00:00", copied);
    open_set(scene, 4);
    assert_start(scene, 0, "maillog.10", epoch(2025, 12, 5));
    assert_start(scene, 1, "maillog.2", epoch(2025, 12, 24));
    assert_start(scene, 2, "maillog.1", epoch(2025, 12, 30));
    assert_start(scene, 3, "maillog", epoch(2026, 1, 3));
    assert_true(scene->set.files[3].is_year_assumed);
}

static void a_packed_log_is_younger_than_its_number_0(void **state)
{
    struct scene *scene = *state;

    add_log(scene, "syslog.gz", "Jan  2 03:37:02", epoch(2003, 1, 3));
    add_log(scene, "syslog.0.gz", "Jan  1 03:38:00", epoch(2003, 1, 2));
    add_log(scene, "syslog.1.gz", "Dec 31 03:37:00", epoch(2003, 1, 1));
    open_set(scene, 3);
    assert_string_equal(name_of(scene, 0), "syslog.1.gz");
    assert_int_equal(scene->set.files[0].year, 2002);
    assert_string_equal(name_of(scene, 1), "syslog.0.gz");
    assert_int_equal(scene->set.files[1].year, 2003);
    assert_string_equal(name_of(scene, 2), "syslog.gz");
    assert_int_equal(scene->set.files[2].year, 2003);
}

static void an_older_file_does_not_begin_behind_a_younger_one(void **state)
{
    struct scene *scene = *state;
    int64_t copied = epoch(2026, 2, 15);

    /* All written when they were copied: only the neighbours tell. */
    add_log(scene, "mail.log", "Feb  1 00:00:00", copied);
    add_log(scene, "mail.log.1", "Sep  1 00:00:00", copied);
    add_log(scene, "mail.log.2", "Feb  3 00:00:00", copied);
    open_set(scene, 3);
    assert_start(scene, 0, "mail.log.2", epoch(2025, 2, 3));
    assert_start(scene, 1, "mail.log.1", epoch(2025, 9, 1));
    assert_start(scene, 2, "mail.log", epoch(2026, 2, 1));
}

static void a_date_in_the_name_counts_when_it_is_earlier(void **state)
{
    struct scene *scene = *state;

    add_log(scene, "maillog-20240310", "Mar  3 00:00:00", epoch(2026, 11, 1));
    add_log(scene, "maillog-20240303", "Feb 25 00:00:00", epoch(2026, 11, 1));
    open_set(scene, 2);
    assert_start(scene, 0, "maillog-20240303", epoch(2024, 2, 25));
    assert_start(scene, 1, "maillog-20240310", epoch(2024, 3, 3));
}

static void a_date_is_known_however_it_stands_in_the_name(void **state)
{
    static const char *const forms[][3] = {
        {"mail-20021231", "mail-20030101.gz", "mail-20030102"},
        {"mail-2002-12-31", "mail-2003-01-01.gz", "mail-2003-01-02"},
        {"mail.2002_12_31", "mail.2003_01_01", "mail.2003_01_02"},
        {"mail.20021231T00", "mail.20030101T0000", "mail.20030102T000000"},
        {"mail-2002123100", "mail-2003010100", "mail-2003010200"},
        {"mail.20021231.log", "mail.20030101.log", "mail.20030102.log.xz"},
        {"mail-2002-12", "mail-200301", "mail-2003-02"},
        {"mail.1041292800", "mail.1041379200", "mail.1041465600"}};
    struct scene *scene = *state;

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        int64_t copied = epoch(2003, 6, 1);

        add_log(scene, forms[i][0], "Dec 30 00:00:00", copied);
        add_log(scene, forms[i][1], "Dec 31 00:00:00", copied);
        add_log(scene, forms[i][2], "Jan  1 00:00:00", copied);
        open_set(scene, 3);
        assert_start(scene, 0, forms[i][0], epoch(2002, 12, 30));
        assert_start(scene, 1, forms[i][1], epoch(2002, 12, 31));
        assert_start(scene, 2, forms[i][2], epoch(2003, 1, 1));
        log_set_free(&scene->set);
        string_list_free(&scene->options.queues);
        scene->options.queues = (struct string_list){0};
    }
}

static void a_number_that_is_no_date_counts_from_the_youngest(void **state)
{
    static const char *const forms[][3] = {
        {"mail.2", "mail.1", "mail.0"},
        {"mail.log-2.2", "mail.log-2.1", "mail.log-2"}};
    struct scene *scene = *state;

    add_log(scene, forms[0][0], "Dec 30 00:00:00", epoch(2003, 6, 1));
    add_log(scene, forms[0][1], "Dec 31 00:00:00", epoch(2003, 6, 1));
    add_log(scene, forms[0][2], "Jan  1 00:00:00", epoch(2003, 6, 1));
    add_log(scene, forms[1][0], "Dec 30 00:00:01", epoch(2003, 6, 1));
    add_log(scene, forms[1][1], "Dec 31 00:00:01", epoch(2003, 6, 1));
    add_log(scene, forms[1][2], "Jan  1 00:00:01", epoch(2003, 6, 1));
    open_set(scene, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(name_of(scene, i), forms[i % 2][i / 2]);
        assert_int_equal(scene->set.files[i].year, i < 4 ? 2002 : 2003);
    }
}

/* Nineteen digits are as long as the longest date, and no date. */
static void a_number_of_any_length_is_no_date(void **state)
{
    static const char *const names[] = {
        "m.1", "m.9999999999999999999", "m-2003-01-01T00:00:00000",
        "m.99999999999999999999999999999999999999999999"};
    struct scene *scene = *state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        add_log(scene, names[i], "Dec 30 00:00:00", epoch(2003, 6, 1));
    open_set(scene, sizeof(names) / sizeof(names[0]));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(scene->set.files[i].year, 2002);
}

static void the_29th_of_february_is_in_a_leap_year(void **state)
{
    struct scene *scene = *state;

    add_log(scene, "maillog", "Feb 29 12:00:00", epoch(2026, 11, 1));
    open_set(scene, 1);
    assert_start(scene, 0, "maillog", epoch(2024, 2, 29) + 12 * 3600);
}

static void a_stamp_with_a_year_needs_no_assumption(void **state)
{
    struct scene *scene = *state;

    add_log(scene, "a", "2019-05-01T00:00:00+02:00", epoch(2026, 11, 1));
    open_set(scene, 1);
    assert_start(scene, 0, "a", epoch(2019, 5, 1) - 2 * 3600);
    assert_false(scene->set.files[0].is_year_assumed);
}

static void a_given_year_is_that_of_the_oldest_file(void **state)
{
    struct scene *scene = *state;

    scene->options.year = 2003;
    add_log(scene, "maillog", "Jan  3 00:00:00", epoch(2026, 11, 1));
    add_log(scene, "maillog.1", "Dec 30 00:00:00", epoch(2026, 11, 1));
    open_set(scene, 2);
    assert_start(scene, 0, "maillog.1", epoch(2003, 12, 30));
    assert_start(scene, 1, "maillog", epoch(2004, 1, 3));
    assert_false(scene->set.files[0].is_year_assumed);
}

/* Names tell nothing: a few weeks over New Year are more likely than a year
 * with a hole. */
static void a_given_year_ends_between_files_of_one_winter(void **state)
{
    struct scene *scene = *state;

    scene->options.year = 1999;
    add_log(scene, "r0", "Jan  2 00:00:00", epoch(2026, 11, 1));
    add_log(scene, "r1", "Dec 30 00:00:00", epoch(2026, 11, 1));
    add_log(scene, "r2", "Dec 27 00:00:00", epoch(2026, 11, 1));
    open_set(scene, 3);
    assert_start(scene, 0, "r2", epoch(1999, 12, 27));
    assert_start(scene, 1, "r1", epoch(1999, 12, 30));
    assert_start(scene, 2, "r0", epoch(2000, 1, 2));
    assert_true(scene->set.has_new_year);
}

static void a_given_year_has_all_its_months(void **state)
{
    struct scene *scene = *state;

    scene->options.year = 1999;
    add_log(scene, "r0", "Jan  2 00:00:00", epoch(2026, 11, 1));
    add_log(scene, "r1", "Dec  1 00:00:00", epoch(2026, 11, 1));
    add_log(scene, "r2", "2001-01-01T00:00:00Z", epoch(2026, 11, 1));
    open_set(scene, 3);
    assert_start(scene, 0, "r0", epoch(1999, 1, 2));
    assert_start(scene, 1, "r1", epoch(1999, 12, 1));
    assert_start(scene, 2, "r2", epoch(2001, 1, 1));
    assert_false(scene->set.has_new_year);
}

static void one_file_named_twice_is_read_once(void **state)
{
    struct scene *scene = *state;

    add_log(scene, "maillog", "Jan  3 00:00:00", epoch(2026, 11, 1));
    assert_int_equal(symlink("maillog", folder_path(&scene->folder, "alias")),
                     0);
    string_list_add(&scene->options.queues,
                    slice_from_string(folder_path(&scene->folder, "alias")));
    open_set(scene, 1);
    assert_int_equal(scene->complaints.count, 0);
}

static void a_log_in_two_forms_is_known_as_a_copy(void **state)
{
    struct scene *scene = *state;

    scene->options.year = 2026;
    add_log(scene, "maillog", "Jan  3 10:20:30", epoch(2026, 11, 1));
    add_log(scene, "elsewhere", "2026-01-03T05:50:30-04:30",
            epoch(2026, 11, 1));
    open_set(scene, 2);
    assert_int_equal(scene->set.files[0].copy_of, 0);
    assert_int_equal(scene->set.files[1].copy_of, 1);
    assert_int_equal(scene->complaints.count, 0);
}

static void a_log_that_goes_on_is_a_copy_of_its_beginning(void **state)
{
    struct scene *scene = *state;

    add_log(scene, "a", "Jan  3 10:20:30", epoch(2026, 11, 1));
    add_log(scene, "b", "Jan  3 10:20:30" TAIL "Jan  3 10:20:31",
            epoch(2026, 11, 1));
    open_set(scene, 2);
    assert_int_equal(scene->set.files[1].copy_of, 1);
}

static void logs_that_differ_in_a_line_are_no_copies(void **state)
{
    struct scene *scene = *state;

    add_log(scene, "a", "Jan  3 10:20:30" TAIL "Jan  3 10:20:31",
            epoch(2026, 11, 1));
    add_log(scene, "b", "Jan  3 10:20:30" TAIL "Jan  3 10:20:32",
            epoch(2026, 11, 1));
    add_log(scene, "c", "Jan  5 10:20:30", epoch(2026, 11, 1));
    add_log(scene, "d", "Jan  3 10:20:30 mx1 cron[1]: run\nnothing",
            epoch(2026, 11, 1));
    open_set(scene, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(scene->set.files[i].copy_of, 0);
}

static void a_log_of_more_than_a_year_overruns_its_mtime(void **state)
{
    struct scene *scene = *state;
    /* A name may bear the day on which its log began. */
    struct log_epoch same_month = {2005, 11}, next_month = {2005, 12},
                     next_year = {2006, 11};
    struct log_file *file;

    add_log(scene, "log", "Oct 10 10:00:00", epoch(2005, 11, 20));
    open_set(scene, 1);
    file = &scene->set.files[0];
    assert_int_equal(file->year, 2005);
    assert_false(log_file_overruns(file, &same_month));
    assert_false(log_file_overruns(file, &next_month));
    assert_true(log_file_overruns(file, &next_year));
    file->is_year_assumed = false;
    assert_false(log_file_overruns(file, &next_year));
}

static void what_cannot_be_read_is_named_and_left_out(void **state)
{
    struct scene *scene = *state;

    add_log(scene, "maillog", "Jan  3 00:00:00", epoch(2026, 11, 1));
    folder_make(&scene->folder, "folder");
    string_list_add(&scene->options.queues,
                    slice_from_string(folder_path(&scene->folder, "folder")));
    string_list_add(&scene->options.queues,
                    slice_from_string(folder_path(&scene->folder, "absent")));
    open_set(scene, 1);
    assert_int_equal(scene->complaints.count, 2);
}

static void a_set_of_nothing_is_refused(void **state)
{
    struct scene *scene = *state;

    string_list_add(&scene->options.queues,
                    slice_from_string(folder_path(&scene->folder, "absent")));
    assert_false(
        log_set_open(&scene->set, &scene->options, &scene->complaints));
    assert_int_equal(scene->complaints.count, 2);
}

static void lines_that_are_no_syslog_do_not_hide_the_first_stamp(void **state)
{
    struct scene *scene = *state;

    add_log(scene, "maillog", "garbage\n\nJan  3 00:00:00", epoch(2026, 11, 1));
    add_log(scene, "empty", "nothing but garbage", epoch(2026, 11, 1));
    open_set(scene, 2);
    assert_string_equal(name_of(scene, 0), "empty");
    assert_false(scene->set.files[0].has_stamp);
    assert_start(scene, 1, "maillog", epoch(2026, 1, 3));
}

/* ---- stamps to seconds ---- */

static struct log_stamp stamp_of(int month, int day, int hour)
{
    return (struct log_stamp){.month = (uint8_t)month,
                              .day = (uint8_t)day,
                              .hour = (uint8_t)hour,
                              .minute = 30,
                              .second = 15};
}

static void a_year_turns_with_its_months(void **state)
{
    struct log_clock clock = {.is_utc = true};
    struct log_epoch december = {2025, 12}, january = {2026, 1};
    struct log_stamp stamp;

    (void)state;
    stamp = stamp_of(12, 31, 23);
    assert_int_equal(log_clock_read(&clock, &december, &stamp),
                     epoch(2025, 12, 31) + 23 * 3600 + 30 * 60 + 15);
    stamp = stamp_of(1, 1, 0);
    assert_int_equal(log_clock_read(&clock, &december, &stamp),
                     epoch(2026, 1, 1) + 30 * 60 + 15);
    /* A line that came late, behind the turn. */
    stamp = stamp_of(12, 31, 23);
    assert_int_equal(log_clock_read(&clock, &january, &stamp),
                     epoch(2025, 12, 31) + 23 * 3600 + 30 * 60 + 15);
}

static void local_time_follows_its_zone_hour_by_hour(void **state)
{
    struct log_clock clock = {.is_utc = false};
    struct log_epoch near = {2026, 3};
    struct log_stamp stamp = stamp_of(3, 29, 1);

    (void)state;
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    assert_int_equal(log_clock_read(&clock, &near, &stamp),
                     epoch(2026, 3, 29) + 1815);
    stamp.hour = 3; /* summer time began at 2 */
    assert_int_equal(log_clock_read(&clock, &near, &stamp),
                     epoch(2026, 3, 29) + 3600 + 1815);
    setenv("TZ", "UTC", 1);
    tzset();
}

static void a_stamp_with_year_and_zone_stands_beside_one_without(void **state)
{
    struct log_clock clock = {.is_utc = true};
    struct log_epoch near = {2026, 3}, other = {2024, 3};
    struct log_stamp plain = stamp_of(3, 29, 1), east = plain, dated = plain;
    int64_t start = epoch(2026, 3, 29) + 3600 + 1815;

    (void)state;
    east.has_zone = true;
    east.zone_sec = 5 * 3600 + 1800;
    dated.year = 2025;
    for (int again = 0; again < 2; again++) {
        assert_int_equal(log_clock_read(&clock, &near, &plain), start);
        assert_int_equal(log_clock_read(&clock, &near, &east),
                         start - east.zone_sec);
        east.zone_sec = -east.zone_sec;
        assert_int_equal(log_clock_read(&clock, &near, &east),
                         start - east.zone_sec);
        assert_int_equal(log_clock_read(&clock, &near, &dated),
                         epoch(2025, 3, 29) + 3600 + 1815);
        assert_int_equal(log_clock_read(&clock, &near, &plain), start);
        assert_int_equal(log_clock_read(&clock, &other, &plain),
                         epoch(2024, 3, 29) + 3600 + 1815);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        IN_SCENE(a_rotated_set_is_read_in_time_order_over_new_year),
        IN_SCENE(a_packed_log_is_younger_than_its_number_0),
        IN_SCENE(an_older_file_does_not_begin_behind_a_younger_one),
        IN_SCENE(a_date_in_the_name_counts_when_it_is_earlier),
        IN_SCENE(a_date_is_known_however_it_stands_in_the_name),
        IN_SCENE(a_number_that_is_no_date_counts_from_the_youngest),
        IN_SCENE(a_number_of_any_length_is_no_date),
        IN_SCENE(the_29th_of_february_is_in_a_leap_year),
        IN_SCENE(a_stamp_with_a_year_needs_no_assumption),
        IN_SCENE(a_given_year_is_that_of_the_oldest_file),
        IN_SCENE(a_given_year_ends_between_files_of_one_winter),
        IN_SCENE(a_given_year_has_all_its_months),
        IN_SCENE(one_file_named_twice_is_read_once),
        IN_SCENE(a_log_in_two_forms_is_known_as_a_copy),
        IN_SCENE(a_log_that_goes_on_is_a_copy_of_its_beginning),
        IN_SCENE(logs_that_differ_in_a_line_are_no_copies),
        IN_SCENE(a_log_of_more_than_a_year_overruns_its_mtime),
        IN_SCENE(what_cannot_be_read_is_named_and_left_out),
        IN_SCENE(a_set_of_nothing_is_refused),
        IN_SCENE(lines_that_are_no_syslog_do_not_hide_the_first_stamp),
        cmocka_unit_test(a_year_turns_with_its_months),
        cmocka_unit_test(local_time_follows_its_zone_hour_by_hour),
        cmocka_unit_test(a_stamp_with_year_and_zone_stands_beside_one_without),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
