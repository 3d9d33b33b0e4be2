/* -o: a file that appears whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>

#include "qscan/output.h"
#include "tests/folder.h"

struct writing {
    struct folder folder;
    struct complaints complaints;
    struct output output;
};

static void begin(struct writing *writing)
{
    folder_open(&writing->folder);
    complaints_init(&writing->complaints, false);
}

static bool open_file(struct writing *writing, const char *name)
{
    return output_open(&writing->output, folder_path(&writing->folder, name),
                       &writing->complaints);
}

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
    struct writing w;
    struct stat st;
    mode_t mask = umask(027);

    (void)state;
    begin(&w);
    folder_write(&w.folder, "report", "old\n");
    assert_true(open_file(&w, "report"));
    write_text(&w.output, "new ");
    write_text(&w.output, "text\n");
    assert_file(&w.folder, "report", "old\n");
    assert_true(output_close(&w.output, true));
    assert_file(&w.folder, "report", "new text\n");
    folder_need(stat(folder_path(&w.folder, "report"), &st) == 0, "stat");
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(names_in(&w.folder), 1);
    assert_int_equal(w.complaints.count, 0);
    umask(mask);
    folder_close(&w.folder);
}

static void test_given_up_leaves_what_was_there(void **state)
{
    struct writing w;

    (void)state;
    begin(&w);
    folder_write(&w.folder, "report", "old\n");
    assert_true(open_file(&w, "report"));
    write_text(&w.output, "half");
    assert_false(output_close(&w.output, false));
    assert_file(&w.folder, "report", "old\n");
    assert_int_equal(names_in(&w.folder), 1);
    assert_int_equal(w.complaints.count, 0);
    folder_close(&w.folder);
}

static void test_failures_are_said_once(void **state)
{
    struct writing w;

    (void)state;
    begin(&w);
    assert_false(open_file(&w, "none/report"));
    assert_int_equal(w.complaints.count, 1);
    assert_false(output_close(&w.output, true));
    assert_int_equal(w.complaints.count, 1);
    /* a device is written to, not replaced */
    if (access("/dev/full", W_OK) == 0) {
        assert_true(output_open(&w.output, "/dev/full", &w.complaints));
        write_text(&w.output, "lost\n");
        assert_false(output_close(&w.output, true));
        assert_int_equal(w.complaints.count, 2);
    }
    folder_close(&w.folder);
}

static void test_without_memory_nothing_appears(void **state)
{
    struct writing w;
    struct buffer failed = {.has_failed = true};

    (void)state;
    begin(&w);
    assert_true(open_file(&w, "report"));
    output_write(&w.output, &failed);
    assert_int_equal(w.complaints.count, 1);
    assert_false(output_close(&w.output, true));
    assert_int_equal(names_in(&w.folder), 0);
    folder_close(&w.folder);
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
