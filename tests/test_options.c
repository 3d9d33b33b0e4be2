/* The command line: what is taken, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qscan/options.h"

enum { WORDS_MAX = 32 };

/* Words are separated by blanks. */
static enum options_outcome read_line(struct options *options, char *line)
{
    static char program[] = "qscan";
    char *argv[WORDS_MAX + 1] = {program};
    int argc = 1;

    for (char *word = strtok(line, " "); word != NULL && argc < WORDS_MAX;
         word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    return options_read(options, argc, argv);
}

static const char *const wrong[] = {
    /* modes and words of later versions, abbreviations */
    "--check",
    "--quarantine=inbound",
    "--release",
    "--archive=x",
    "--li",
    "--expl=x",
    "--purge-b",
    "--nonsense",
    "-x",
    "-nx",
    /* values: missing, too many, none */
    "--explain",
    "--show",
    "--purge",
    "--class",
    "-f",
    "-o",
    "--list=yes",
    "--dry-run=yes",
    "--runs=x",
    "--explain=",
    "--show=",
    "--undo=",
    "--expunge=",
    "--plan= --purge-bounces",
    "--apply=",
    "--journal=",
    /* two things at a time */
    "--list --explain=x",
    "--purge-bounces --undo",
    "--purge=a --purge-bounces",
    "--check-rules --list",
    /* names */
    "--class=",
    "--class=,",
    "--class=a,,b",
    "--class=a,",
    "--purge=",
    "--id=",
    "--id=,",
    "--id=a,,b",
    /* numbers */
    "--top=-1",
    "--top=x",
    "--top=1e3",
    "--top=1000001",
    "--top=18446744073709551616",
    "-j0",
    "-j256",
    "-j-1",
    "-jx",
    /* times */
    "--now=-1",
    "--now=yesterday",
    "--now=2026-13-45",
    "--now=2026-11-22x",
    "--now=20261122",
    "--now=202611221752",
    "--logs x --since=20261122",
    "--now=99999999999999999999",
    "--older=soon --runs",
    "--older=-1d --runs",
    "--older= --runs",
    /* words */
    "--format=xml",
    "--format=html",
    "--format=prometheus",
    "--color=blue",
    "--progress=often",
    /* what would silently mean nothing */
    "--delete",
    "--list --delete",
    "--plan=x",
    "--list --plan=x",
    "--apply=x --plan=y",
    "--purge-bounces --plan=x -o y",
    "--dry-run",
    "--list -n",
    "--older=1d",
    "--undo --older=1d",
    "--undo --class=a",
    "--runs --where=x",
    "--expunge --id=a",
    "--explain=x --class=a",
    "--show=x --id=-",
    "--check-rules --class=a",
    "-fcsv",
    "--purge-bounces -fcsv",
    "--purge-bounces --plan=x -fcsv",
    "--purge=a -n --plan=x -fcsv",
    "--apply=x -n -fcsv",
    "--undo -fcsv",
    "--show=x -fjson",
    "--check-rules -fjson",
    "--list --top=3",
    "--top=3 --purge-bounces -n",
    "--yes",
    "--list -y",
    "--runs -y",
    "--check-rules --journal=x",
    "--check-rules mine.rules",
    /* of logs, and of queues */
    "--logs --attackers x",
    "--logs --class=a x",
    "--logs --where=x x",
    "--attackers --id=a x",
    "--logs --journal=x x",
    "--logs -n x",
    "--logs -y x",
    "--attackers --top=3 x",
    "--since=today",
    "--list --until=today",
    "--year=2003",
    "--utc",
    "--logs --since= x",
    "--logs --since=soon x",
    "--logs --since=2026-13-01 x",
    "--logs --since=2026-02-29 x",
    "--logs --until=2026-04-31T12:00 x",
    "--now=2026-02-30",
    "--logs --since=2026-11-02 --until=2026-11-01 x",
    "--logs --since=100 --until=100 x",
    "--logs --year=1 x",
    "--logs --year=twenty x",
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct options options;
        char line[200];

        snprintf(line, sizeof(line), "%s", wrong[i]);
        if (read_line(&options, line) != OPTIONS_WRONG)
            fail_msg("taken: qscan %s", wrong[i]);
        options_free(&options);
    }
}

/* Noon of 22 November 2026, UTC. */
#define NOON " --now=1795348800 --utc --logs x"

static const struct {
    const char *line;
    int64_t since, until;
} windows[] = {
    {"" NOON, INT64_MIN, INT64_MAX},
    {"--since=24h" NOON, 1795348800 - 86400, INT64_MAX},
    {"--since=7d --until=1d" NOON, 1795348800 - 7 * 86400, 1795348800 - 86400},
    {"--since=today" NOON, 1795348800 - 43200, INT64_MAX},
    {"--since=yesterday --until=today" NOON, 1795348800 - 129600,
     1795348800 - 43200},
    {"--since=2026-11-22" NOON, 1795348800 - 43200, INT64_MAX},
    {"--until=2026-11-22T12:00:01" NOON, INT64_MIN, 1795348801},
    {"--since=2024-02-29" NOON, 1709164800, INT64_MAX},
    {"--since=5 --until=2026-11-22T12:00Z" NOON, 5, 1795348800},
};

static void test_windows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        struct options options;
        char line[200];

        snprintf(line, sizeof(line), "%s", windows[i].line);
        assert_int_equal(read_line(&options, line), OPTIONS_RUN);
        if (options.since != windows[i].since ||
            options.until != windows[i].until)
            fail_msg("%s: from %lld to %lld", windows[i].line,
                     (long long)options.since, (long long)options.until);
        options_free(&options);
    }
}

static const struct {
    const char *line;
    enum mode mode;
} modes[] = {
    {"", MODE_SUMMARY},
    {"--logs x", MODE_LOGS},
    {"--attackers -fjson x", MODE_ATTACKERS},
    {"--logs -fcsv --top=0 --utc --year=2003 --since=7d --now=5 x", MODE_LOGS},
    {"/q", MODE_SUMMARY},
    {"--list", MODE_LIST},
    {"--list --list", MODE_LIST},
    {"--explain=6AMHqPjw023674", MODE_EXPLAIN},
    {"--explain 6AMHqPjw023674", MODE_EXPLAIN},
    {"--show=-weird.id_1", MODE_SHOW},
    {"--purge-bounces", MODE_PURGE_BOUNCES},
    {"--purge=a,b", MODE_PURGE_CLASS},
    {"--purge-bounces --class=a -n -fcsv", MODE_PURGE_BOUNCES},
    {"--purge-bounces --plan=x -fjson", MODE_PURGE_BOUNCES},
    {"--apply=plan", MODE_APPLY},
    {"--apply=plan -n", MODE_APPLY},
    {"--undo", MODE_UNDO},
    {"--undo -n -fjson", MODE_UNDO},
    {"--undo=20261122T175225Z-4711", MODE_UNDO},
    {"--expunge --older=14d -y", MODE_EXPUNGE},
    {"--runs --older=1w", MODE_RUNS},
    {"--check-rules --rules=a --rules=b", MODE_CHECK_RULES},
    {"--top=0", MODE_SUMMARY},
    {"--top=1000000", MODE_SUMMARY},
    {"--list -fcsv -j1 --now=0 --no-syslog --rules=a", MODE_LIST},
    {"--list -j255 --color=never --progress=always", MODE_LIST},
};

static void test_modes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct options options;
        char line[200];

        snprintf(line, sizeof(line), "%s", modes[i].line);
        if (read_line(&options, line) != OPTIONS_RUN ||
            options.mode != modes[i].mode)
            fail_msg("not taken, or as another mode: qscan %s", modes[i].line);
        options_free(&options);
    }
}

static void test_defaults(void **state)
{
    struct options options;
    char line[] = "";

    (void)state;
    assert_int_equal(read_line(&options, line), OPTIONS_RUN);
    assert_int_equal(options.now, -1);
    assert_int_equal(options.older_sec, -1);
    assert_int_equal(options.top, 10);
    assert_int_equal(options.format, FORMAT_TEXT);
    assert_in_range(options.workers, 1, 255);
    assert_false(options.is_yes || options.is_dry_run || options.is_delete ||
                 options.no_syslog || options.is_quiet);
    assert_null(options.run);
    assert_null(options.where);
    assert_int_equal(options.queues.count, 0);
    options_free(&options);
}

static void test_values_are_kept(void **state)
{
    struct options options;
    char line[] = "--purge=one,two --class= --where=x";
    char good[] = "--purge=one,two --class=three --where=tries>1 --id=a,b "
                  "--journal=/j -o out -C cf -y --delete -q -v -f json q1 q2";

    (void)state;
    assert_int_equal(read_line(&options, line), OPTIONS_WRONG);
    options_free(&options);
    assert_int_equal(read_line(&options, good), OPTIONS_RUN);
    assert_int_equal(options.purge_classes.count, 2);
    assert_string_equal(options.purge_classes.strings[1], "two");
    assert_string_equal(options.classes.strings[0], "three");
    assert_string_equal(options.where, "tries>1");
    assert_int_equal(options.ids.count, 2);
    assert_string_equal(options.journal_directory, "/j");
    assert_string_equal(options.output_file, "out");
    assert_string_equal(options.config_file, "cf");
    assert_true(options.is_yes && options.is_delete && options.is_quiet &&
                options.is_verbose);
    assert_int_equal(options.format, FORMAT_JSON);
    assert_int_equal(options.queues.count, 2);
    assert_string_equal(options.queues.strings[1], "q2");
    options_free(&options);
}

static void test_ids_from_standard_input(void **state)
{
    struct options options;
    char line[] = "--list --id=-";

    (void)state;
    assert_int_equal(read_line(&options, line), OPTIONS_RUN);
    assert_true(options.ids_from_stdin);
    assert_int_equal(options.ids.count, 0);
    options_free(&options);
}

static void test_queue_after_two_dashes_may_look_like_an_option(void **state)
{
    struct options options;
    char line[] = "--list -- --explain=x -n";

    (void)state;
    assert_int_equal(read_line(&options, line), OPTIONS_RUN);
    assert_int_equal(options.mode, MODE_LIST);
    assert_int_equal(options.queues.count, 2);
    assert_string_equal(options.queues.strings[0], "--explain=x");
    options_free(&options);
}

static void test_help_and_version_come_first(void **state)
{
    struct options options;
    char help[] = "--list -h --nonsense";
    char version[] = "--version --nonsense";

    (void)state;
    assert_int_equal(read_line(&options, help), OPTIONS_HELP);
    options_free(&options);
    assert_int_equal(read_line(&options, version), OPTIONS_VERSION);
    options_free(&options);
}

static const struct {
    const char *text;
    int64_t want;
} moments[] = {
    {"0", 0},
    {"1795375579", 1795375579},
    {"20261322", 20261322}, /* no date */
    {"12345678", 12345678},
    {"2026-11-22T19:26:19Z", 1795375579},
    {"2026-11-22T19:26:19", 1795375579}, /* local time, and that is UTC */
    {"2026-11-22T19:26", 1795375560},
    {"2026-11-22", 1795305600},
    {"2024-02-29T00:00:00Z", 1709164800},
};

static void test_moments(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        struct options options;
        char line[100];

        snprintf(line, sizeof(line), "--now=%s", moments[i].text);
        assert_int_equal(read_line(&options, line), OPTIONS_RUN);
        assert_int_equal(options.now, moments[i].want);
        options_free(&options);
    }
}

/* The first processor of a set. */
static int first_of(const cpu_set_t *set)
{
    int number = 0;

    while (!CPU_ISSET(number, set))
        number++;
    return number;
}

static void test_workers_are_the_processors_allowed(void **state)
{
    cpu_set_t all, one;
    struct options options;
    char line[] = "";

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    CPU_ZERO(&one);
    CPU_SET(first_of(&all), &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(read_line(&options, line), OPTIONS_RUN);
    assert_int_equal(options.workers, 1);
    options_free(&options);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
    assert_int_equal(read_line(&options, line), OPTIONS_RUN);
    assert_int_equal(options.workers, CPU_COUNT(&all));
    options_free(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values_are_kept),
        cmocka_unit_test(test_ids_from_standard_input),
        cmocka_unit_test(test_queue_after_two_dashes_may_look_like_an_option),
        cmocka_unit_test(test_help_and_version_come_first),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_workers_are_the_processors_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
