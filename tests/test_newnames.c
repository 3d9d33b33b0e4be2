/* What comes into the folders of control files while they are watched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "qscan/newnames.h"
#include "tests/folder.h"

static const char ID[] = "6AMHqPjw023674";
static const char OTHER_ID[] = "6AMHqPjw023675";

struct watched {
    struct folder folder;
    struct queue_set set;
    struct complaints complaints;
    struct newnames *newnames;
};

/* One queue "q", with df and xf apart where has_subfolders says so. */
static void open_watched(struct watched *watched, bool has_subfolders)
{
    struct string_list names = {0};
    struct config config = {0};

    *watched = (struct watched){.set = {0}};
    complaints_init(&watched->complaints, false);
    folder_open(&watched->folder);
    folder_make(&watched->folder, "q");
    if (has_subfolders) {
        folder_make(&watched->folder, "q/qf");
        folder_make(&watched->folder, "q/df");
    }
    string_list_add(&names,
                    slice_from_string(folder_path(&watched->folder, "q")));
    assert_true(
        queue_open(&watched->set, &names, &config, &watched->complaints));
    string_list_free(&names);
    watched->newnames = newnames_new(&watched->set);
    if (watched->newnames == NULL) { /* TMPDIR on a network, or no /proc */
        queue_close(&watched->set);
        folder_close(&watched->folder);
        skip();
    }
}

static void close_watched(struct watched *watched)
{
    newnames_free(watched->newnames);
    queue_close(&watched->set);
    folder_close(&watched->folder);
}

static bool has_seen(struct watched *watched, const char *id)
{
    newnames_catch_up(watched->newnames);
    return newnames_has_seen(watched->newnames, slice_from_string(id));
}

static void test_no_watch_has_seen_everything(void **state)
{
    (void)state;
    newnames_catch_up(NULL);
    assert_true(newnames_has_seen(NULL, slice_from_string(ID)));
    newnames_free(NULL);
}

static void test_each_control_letter_is_seen(void **state)
{
    static const char letters[] = "qhQt";
    struct watched watched;

    (void)state;
    for (const char *letter = letters; *letter != '\0'; letter++) {
        char name[64];

        open_watched(&watched, false);
        snprintf(name, sizeof(name), "q/%cf%s", *letter, ID);
        assert_false(has_seen(&watched, ID));
        folder_write(&watched.folder, name, "V8\n");
        assert_true(has_seen(&watched, ID));
        assert_false(has_seen(&watched, OTHER_ID));
        close_watched(&watched);
    }
}

static void test_rename_and_link_are_seen(void **state)
{
    struct watched watched;

    (void)state;
    open_watched(&watched, false);
    folder_write(&watched.folder, "made", "V8\n");
    assert_int_equal(rename(folder_path(&watched.folder, "made"),
                            folder_path(&watched.folder, "q/hf6AMHqPjw023674")),
                     0);
    assert_int_equal(link(folder_path(&watched.folder, "q/hf6AMHqPjw023674"),
                          folder_path(&watched.folder, "q/Qf6AMHqPjw023675")),
                     0);
    assert_true(has_seen(&watched, ID));
    assert_true(has_seen(&watched, OTHER_ID));
    close_watched(&watched);
}

static void test_subfolder_of_control_files_is_seen(void **state)
{
    struct watched watched;

    (void)state;
    open_watched(&watched, true);
    folder_write(&watched.folder, "q/df/tf6AMHqPjw023675", "V8\n");
    folder_write(&watched.folder, "q/qf/tf6AMHqPjw023674", "V8\n");
    assert_true(has_seen(&watched, ID));
    assert_false(has_seen(&watched, OTHER_ID));
    close_watched(&watched);
}

static void test_other_names_are_passed_over(void **state)
{
    struct watched watched;

    (void)state;
    open_watched(&watched, false);
    folder_write(&watched.folder, "q/df6AMHqPjw023674", "x\n");
    folder_write(&watched.folder, "q/xf6AMHqPjw023674", "x\n");
    folder_write(&watched.folder, "q/q6AMHqPjw023674", "x\n");
    folder_write(&watched.folder, "q/q", "x\n");
    folder_write(&watched.folder, "q/qf", "x\n");
    folder_make(&watched.folder, "q/.qscan");
    assert_false(has_seen(&watched, ID));
    close_watched(&watched);
}

/* More than the kernel keeps for one who does not ask. */
static void test_more_than_is_kept_counts_as_all_seen(void **state)
{
    struct watched watched;
    unsigned limit = 0;
    FILE *from = fopen("/proc/sys/fs/inotify/max_queued_events", "re");

    (void)state;
    if (from == NULL || fscanf(from, "%u", &limit) != 1 || limit > 100000) {
        if (from != NULL)
            fclose(from);
        skip();
    }
    fclose(from);
    open_watched(&watched, false);
    for (unsigned i = 0; i <= limit; i++) {
        char name[64];

        snprintf(name, sizeof(name), "q/tf6AMHqPjw%06u", i % 2);
        folder_write(&watched.folder, name, "");
        unlink(folder_path(&watched.folder, name));
    }
    assert_true(has_seen(&watched, ID));
    close_watched(&watched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_watch_has_seen_everything),
        cmocka_unit_test(test_each_control_letter_is_seen),
        cmocka_unit_test(test_rename_and_link_are_seen),
        cmocka_unit_test(test_subfolder_of_control_files_is_seen),
        cmocka_unit_test(test_other_names_are_passed_over),
        cmocka_unit_test(test_more_than_is_kept_counts_as_all_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
