/* Holding folders: whose they are, where they may be, which runs they hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/fsuid.h>
#include <time.h>

#include "qscan/hold.h"
#include "tests/folder.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char RUN[] = "20261122T175225Z-4711";

struct held {
    struct folder folder;
    struct queue_set set;
    struct complaints complaints;
};

/* One queue "q" in a folder of its own. */
static void open_held(struct held *held)
{
    struct string_list names = {0};
    struct config config = {0};

    *held = (struct held){.set = {0}};
    complaints_init(&held->complaints, false);
    folder_open(&held->folder);
    folder_make(&held->folder, "q");
    string_list_add(&names, slice_from_string(folder_path(&held->folder, "q")));
    assert_true(queue_open(&held->set, &names, &config, &held->complaints));
    string_list_free(&names);
}

static void close_held(struct held *held)
{
    queue_close(&held->set);
    folder_close(&held->folder);
}

static struct stat stat_of(struct held *held, const char *name)
{
    struct stat st;

    folder_need(lstat(folder_path(&held->folder, name), &st) == 0, name);
    return st;
}

/* ---- names of runs ---- */

static const struct {
    const char *name;
    bool is_run;
    int64_t time;
} names[] = {
    {"20261122T175225Z-4711", true, 1795369945},
    {"20261122T175225Z-1", true, 1795369945},
    {"20000229T000000Z-99999", true, 951782400},
    {"20261122T175225Z", false, -1},
    {"20261122T175225Z-4711x", false, 1795369945},
    {"20261122T175225Z-4711/../x", false, 1795369945},
    {"20261122T175225-4711", false, -1},
    {"20261322T175225Z-4711", false, -1},
    {"journal", false, -1},
    {"..", false, -1},
    {"", false, -1},
    {"20261122T175225Z-00000000000000000000000000000000", false, 1795369945},
};

static void test_names_of_runs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        if (hold_is_run_name(names[i].name) != names[i].is_run ||
            hold_run_time(names[i].name) != names[i].time)
            fail_msg("\"%s\"", names[i].name);
}

static void test_new_name_is_one_and_says_when(void **state)
{
    char name[HOLD_RUN_MAX];
    int64_t before = time(NULL);

    (void)state;
    hold_new_run_name(name, 0);
    assert_true(hold_is_run_name(name));
    assert_in_range(hold_run_time(name), before, before + 5);
}

static void test_taken_name_gets_a_tail(void **state)
{
    char first[HOLD_RUN_MAX], second[HOLD_RUN_MAX], third[HOLD_RUN_MAX];

    (void)state;
    hold_new_run_name(first, 0);
    hold_new_run_name(second, 1);
    hold_new_run_name(third, 1);
    assert_true(hold_is_run_name(second));
    assert_true(hold_run_time(second) >= hold_run_time(first));
    assert_string_not_equal(first, second);
    assert_string_not_equal(second, third);
}

/* ---- folders ---- */

static void test_run_is_made_once_for_its_owner_alone(void **state)
{
    static const char *const made[] = {"q/.qscan",
                                       "q/.qscan/20261122T175225Z-4711"};
    struct held held;
    const char *why = NULL;
    int fd;

    (void)state;
    open_held(&held);
    assert_int_equal(hold_open_root(&held.set.folders[0], &why), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(hold_open_run(&held.set.folders[0], RUN, &why), -1);
    assert_int_equal(errno, ENOENT);
    fd = hold_make_run(&held.set.folders[0], RUN, &why);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < COUNT(made); i++) {
        struct stat st = stat_of(&held, made[i]);

        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(st.st_uid, geteuid());
    }
    /* a run is never joined */
    assert_int_equal(hold_make_run(&held.set.folders[0], RUN, &why), -1);
    assert_int_equal(errno, EEXIST);
    fd = hold_open_root(&held.set.folders[0], &why);
    assert_true(fd >= 0);
    close(fd);
    fd = hold_open_run(&held.set.folders[0], RUN, &why);
    assert_true(fd >= 0);
    close(fd);
    close_held(&held);
}

static void test_owner_of_the_queue_owns_what_root_makes(void **state)
{
    struct held held;
    const char *why = NULL;
    struct stat st;
    int fd;

    (void)state;
    if (geteuid() != 0)
        skip();
    open_held(&held);
    folder_need(chown(folder_path(&held.folder, "q"), 65534, 65534) == 0,
                "chown");
    held.set.folders[0].owner = 65534;
    held.set.folders[0].group = 65534;
    fd = hold_make_run(&held.set.folders[0], RUN, &why);
    assert_true(fd >= 0);
    close(fd);
    st = stat_of(&held, "q/.qscan");
    assert_int_equal(st.st_uid, 65534);
    assert_int_equal(st.st_gid, 65534);
    /* root is root again */
    assert_int_equal(setfsuid((uid_t)-1), 0);
    assert_int_equal(setfsgid((gid_t)-1), getegid());
    close_held(&held);
}

static void test_somebody_elses_is_refused(void **state)
{
    struct held held;
    const char *why = NULL;

    (void)state;
    open_held(&held);
    folder_make(&held.folder, "q/.qscan");
    held.set.folders[0].owner = geteuid() + 1;
    assert_int_equal(hold_open_root(&held.set.folders[0], &why), -1);
    assert_int_equal(errno, EPERM);
    assert_non_null(why);
    assert_int_equal(hold_make_run(&held.set.folders[0], RUN, &why), -1);
    assert_true(S_ISDIR(stat_of(&held, "q/.qscan").st_mode)); /* still there */
    close_held(&held);
}

static void test_open_mode_is_mended(void **state)
{
    struct held held;
    const char *why = NULL;
    int fd;

    (void)state;
    open_held(&held);
    folder_make(&held.folder, "q/.qscan");
    folder_need(chmod(folder_path(&held.folder, "q/.qscan"), 0777) == 0,
                "chmod");
    fd = hold_open_root(&held.set.folders[0], &why);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(stat_of(&held, "q/.qscan").st_mode & 07777, 0700);
    close_held(&held);
}

static void test_links_and_files_are_not_followed(void **state)
{
    struct held held;
    const char *why = NULL;

    (void)state;
    open_held(&held);
    folder_make(&held.folder, "elsewhere/20261122T175225Z-4711");
    folder_need(
        symlink("../elsewhere", folder_path(&held.folder, "q/.qscan")) == 0,
        "symlink");
    assert_int_equal(hold_open_root(&held.set.folders[0], &why), -1);
    assert_int_equal(hold_open_run(&held.set.folders[0], RUN, &why), -1);
    assert_int_equal(hold_make_run(&held.set.folders[0], RUN, &why), -1);
    folder_need(unlink(folder_path(&held.folder, "q/.qscan")) == 0, "unlink");
    folder_write(&held.folder, "q/.qscan", "");
    assert_int_equal(hold_open_root(&held.set.folders[0], &why), -1);
    assert_int_equal(hold_make_run(&held.set.folders[0], RUN, &why), -1);
    folder_need(unlink(folder_path(&held.folder, "q/.qscan")) == 0, "unlink");
    /* the same of a run */
    folder_make(&held.folder, "q/.qscan");
    folder_need(symlink("../../elsewhere",
                        folder_path(&held.folder,
                                    "q/.qscan/20261122T175225Z-4711")) == 0,
                "symlink");
    assert_int_equal(hold_open_run(&held.set.folders[0], RUN, &why), -1);
    assert_int_equal(hold_make_run(&held.set.folders[0], RUN, &why), -1);
    assert_int_equal(errno, EEXIST);
    close_held(&held);
}

/* ---- bases of wildcards ---- */

static void test_refused_where_sendmail_would_take_it_for_a_queue(void **state)
{
    static const struct {
        const char *names, *config;
        bool is_refused;
    } cases[] = {
        {"base", "", false},
        {"base base/*", "", true},
        {"base/*", "", false}, /* its folders, not the base itself */
        {"base base/q*", "", false},
        {"base", "base/*", true},
        {"base/../base", "base/*", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct folder folder;
        struct queue_set set;
        struct complaints complaints;
        struct string_list list = {0};
        struct config config = {0};
        char words[100];

        folder_open(&folder);
        folder_make(&folder, "base/q1");
        folder_write(&folder, "base/qfA", "");
        folder_write(&folder, "base/q1/qfB", "");
        snprintf(words, sizeof(words), "%s", cases[i].names);
        for (char *word = strtok(words, " "); word != NULL;
             word = strtok(NULL, " "))
            string_list_add(&list,
                            slice_from_string(folder_path(&folder, word)));
        if (cases[i].config[0] != '\0')
            string_list_add(&config.queues, slice_from_string(folder_path(
                                                &folder, cases[i].config)));
        complaints_init(&complaints, false);
        assert_true(queue_open(&set, &list, &config, &complaints));
        if (hold_is_refused(&set, &set.folders[set.dirs[0].control]) !=
            cases[i].is_refused)
            fail_msg("%s (%s)", cases[i].names, cases[i].config);
        queue_close(&set);
        string_list_free(&list);
        config_free(&config);
        folder_close(&folder);
    }
}

/* ---- listing ---- */

static void test_runs_are_listed_oldest_first_each_once(void **state)
{
    static const char *const folders[] = {
        "q/qf/.qscan/20261122T175225Z-9",
        "q/qf/.qscan/20251122T175225Z-7",
        "q/qf/.qscan/notes",
        "p/.qscan/20261122T175225Z-9",
        "p/.qscan/20261123T000000Z-1",
        "q/df/.qscan/20200101T000000Z-1",
    };
    struct folder folder;
    struct queue_set set;
    struct complaints complaints;
    struct string_list list = {0}, runs = {0};
    struct config config = {0};

    (void)state;
    folder_open(&folder);
    folder_make(&folder, "q/df");
    for (size_t i = 0; i < COUNT(folders); i++)
        folder_make(&folder, folders[i]);
    string_list_add(&list, slice_from_string(folder_path(&folder, "q")));
    string_list_add(&list, slice_from_string(folder_path(&folder, "p")));
    complaints_init(&complaints, false);
    assert_true(queue_open(&set, &list, &config, &complaints));
    assert_true(hold_list_runs(&set, &runs, &complaints));
    assert_int_equal(complaints.count, 0);
    assert_int_equal(runs.count, 3);
    assert_string_equal(runs.strings[0], "20251122T175225Z-7");
    assert_string_equal(runs.strings[1], "20261122T175225Z-9");
    assert_string_equal(runs.strings[2], "20261123T000000Z-1");
    queue_close(&set);
    string_list_free(&list);
    string_list_free(&runs);
    folder_close(&folder);
}

/* Longer after its time a folder is a copy: hold.c. */
enum { COPIED_AFTER_SEC = 2 };

static bool tells_births(struct held *held)
{
    struct statx st;

    return statx(AT_FDCWD, folder_path(&held->folder, "q"), 0, STATX_BTIME,
                 &st) == 0 &&
           (st.stx_mask & STATX_BTIME) != 0;
}

static void make_runs(struct held *held, const char *queue, time_t time,
                      const unsigned *processes, size_t count)
{
    char stamp[32], name[100];

    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime(&time));
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "%s/.qscan/%s-%u", queue, stamp,
                 processes[i]);
        folder_make(&held->folder, name);
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    }
}

static void assert_processes(const struct queue_set *set,
                             const unsigned *processes, size_t count)
{
    struct string_list runs = {0};

    assert_true(hold_list_runs(set, &runs, NULL));
    assert_int_equal(runs.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(atoi(strchr(runs.strings[i], '-') + 1), processes[i]);
    string_list_free(&runs);
}

/* Process numbers of one second may have one more figure, or begin anew. */
static void test_runs_of_one_second_are_listed_as_they_were_made(void **state)
{
    static const unsigned processes[] = {9998, 10003, 32767, 301};
    struct held held;

    (void)state;
    open_held(&held);
    make_runs(&held, "q", time(NULL), processes, COUNT(processes));
    if (tells_births(&held))
        assert_processes(&held.set, processes, COUNT(processes));
    close_held(&held);
}

/* The first folder of a run tells, whatever its others do. */
static void test_a_run_is_as_old_as_its_first_folder(void **state)
{
    static const unsigned made[] = {9998, 10003}, further[] = {9998, 301};
    struct held held;
    struct queue_set set;
    struct string_list queues = {0};
    struct config config = {0};
    time_t now = time(NULL);

    (void)state;
    open_held(&held);
    make_runs(&held, "p", now, made, COUNT(made));
    make_runs(&held, "q", now, further + 1, 1);
    sleep(COPIED_AFTER_SEC + 1);
    make_runs(&held, "q", now, further, 1);
    string_list_add(&queues, slice_from_string(folder_path(&held.folder, "p")));
    string_list_add(&queues, slice_from_string(folder_path(&held.folder, "q")));
    assert_true(queue_open(&set, &queues, &config, &held.complaints));
    if (tells_births(&held))
        assert_processes(&set, (const unsigned[]){9998, 10003, 301}, 3);
    queue_close(&set);
    string_list_free(&queues);
    close_held(&held);
}

/* Of copies, made long after it, the numbers alone tell. */
static void test_copies_of_runs_are_listed_by_process(void **state)
{
    static const unsigned made[] = {10003, 9998, 301};
    static const unsigned listed[] = {301, 9998, 10003};
    struct held held;

    (void)state;
    open_held(&held);
    make_runs(&held, "q", time(NULL) - 3600, made, COUNT(made));
    assert_processes(&held.set, listed, COUNT(listed));
    close_held(&held);
}

static void
test_run_holds_messages_while_a_control_file_lies_in_it(void **state)
{
    static const struct {
        const char *file;
        bool is_control;
    } files[] = {{"journal", false},           {"6AI4qioP005238.df", false},
                 {"6AI4qioP005238.xf", false}, {".qf", false},
                 {"6AI4qioP005238.qf", true},  {"6AI4qioP005238.hf", true}};

    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        struct held held;
        char name[100];

        open_held(&held);
        assert_false(hold_has_control(&held.set, RUN));
        snprintf(name, sizeof(name), "q/.qscan/%s", RUN);
        folder_make(&held.folder, name);
        snprintf(name, sizeof(name), "q/.qscan/%s/%s", RUN, files[i].file);
        folder_write(&held.folder, name, "");
        if (hold_has_control(&held.set, RUN) != files[i].is_control)
            fail_msg("%s", files[i].file);
        close_held(&held);
    }
}

static void test_refused_folder_is_complained_about(void **state)
{
    struct held held;
    struct string_list runs = {0};

    (void)state;
    open_held(&held);
    folder_make(&held.folder, "q/.qscan/20261122T175225Z-9");
    held.set.folders[0].owner = geteuid() + 1;
    assert_false(hold_list_runs(&held.set, &runs, &held.complaints));
    assert_int_equal(held.complaints.count, 1);
    assert_int_equal(runs.count, 0);
    close_held(&held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_runs),
        cmocka_unit_test(test_new_name_is_one_and_says_when),
        cmocka_unit_test(test_taken_name_gets_a_tail),
        cmocka_unit_test(test_run_is_made_once_for_its_owner_alone),
        cmocka_unit_test(test_owner_of_the_queue_owns_what_root_makes),
        cmocka_unit_test(test_somebody_elses_is_refused),
        cmocka_unit_test(test_open_mode_is_mended),
        cmocka_unit_test(test_links_and_files_are_not_followed),
        cmocka_unit_test(test_refused_where_sendmail_would_take_it_for_a_queue),
        cmocka_unit_test(test_runs_are_listed_oldest_first_each_once),
        cmocka_unit_test(test_runs_of_one_second_are_listed_as_they_were_made),
        cmocka_unit_test(test_a_run_is_as_old_as_its_first_folder),
        cmocka_unit_test(test_copies_of_runs_are_listed_by_process),
        cmocka_unit_test(
            test_run_holds_messages_while_a_control_file_lies_in_it),
        cmocka_unit_test(test_refused_folder_is_complained_about),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
