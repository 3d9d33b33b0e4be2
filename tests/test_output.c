/* -o: a file that appears whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>

#include "qscan/output.h"
#include "tests/folder.h"

static void write_text(struct output *output, const char *text)
{
    struct buffer buffer = {0};

    buffer_add_string(&buffer, text);
    output_write(output, &buffer);
    assert_int_equal(buffer.len, 0);
    buffer_free(&buffer);
}

static void assert_file(struct folder *folder, const char *name,
                        const char *text)
{
    char bytes[256] = "";
    int fd = open(folder_path(folder, name), O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(read(fd, bytes, sizeof(bytes)), strlen(text));
    close(fd);
    assert_string_equal(bytes, text);
}

static size_t names_in(const struct folder *folder)
{
    DIR *directory = opendir(folder->path);
    struct dirent *entry;
    size_t count = 0;

    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static void test_file_appears_when_it_is_whole(void **state)
{
    struct folder folder;
    struct complaints complaints;
    struct output output;
    struct stat st;
    mode_t mask = umask(027);

    (void)state;
    folder_open(&folder);
    complaints_init(&complaints, false);
    folder_write(&folder, "report", "old\n");
    assert_true(
        output_open(&output, folder_path(&folder, "report"), &complaints));
    write_text(&output, "new ");
    write_text(&output, "text\n");
    assert_file(&folder, "report", "old\n");
    assert_true(output_close(&output, true));
    assert_file(&folder, "report", "new text\n");
    folder_need(stat(folder_path(&folder, "report"), &st) == 0, "stat");
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(names_in(&folder), 1);
    assert_int_equal(complaints.count, 0);
    umask(mask);
    folder_close(&folder);
}

static void test_given_up_leaves_what_was_there(void **state)
{
    struct folder folder;
    struct complaints complaints;
    struct output output;

    (void)state;
    folder_open(&folder);
    complaints_init(&complaints, false);
    folder_write(&folder, "report", "old\n");
    assert_true(
        output_open(&output, folder_path(&folder, "report"), &complaints));
    write_text(&output, "half");
    assert_false(output_close(&output, false));
    assert_file(&folder, "report", "old\n");
    assert_int_equal(names_in(&folder), 1);
    assert_int_equal(complaints.count, 0);
    folder_close(&folder);
}

static void test_failures_are_said_once(void **state)
{
    struct folder folder;
    struct complaints complaints;
    struct output output;

    (void)state;
    folder_open(&folder);
    complaints_init(&complaints, false);
    assert_false(
        output_open(&output, folder_path(&folder, "none/report"), &complaints));
    assert_int_equal(complaints.count, 1);
    assert_false(output_close(&output, true));
    assert_int_equal(complaints.count, 1);
    /* a device is written to, not replaced */
    if (access("/dev/full", W_OK) == 0) {
        assert_true(output_open(&output, "/dev/full", &complaints));
        write_text(&output, "lost\n");
        assert_false(output_close(&output, true));
        assert_int_equal(complaints.count, 2);
    }
    folder_close(&folder);
}

static void test_without_memory_nothing_appears(void **state)
{
    struct folder folder;
    struct complaints complaints;
    struct output output;
    struct buffer failed = {.has_failed = true};

    (void)state;
    folder_open(&folder);
    complaints_init(&complaints, false);
    assert_true(
        output_open(&output, folder_path(&folder, "report"), &complaints));
    output_write(&output, &failed);
    assert_int_equal(complaints.count, 1);
    assert_false(output_close(&output, true));
    assert_int_equal(names_in(&folder), 0);
    folder_close(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_appears_when_it_is_whole),
        cmocka_unit_test(test_given_up_leaves_what_was_there),
        cmocka_unit_test(test_failures_are_said_once),
        cmocka_unit_test(test_without_memory_nothing_appears),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
