/* Whole files as slices: small and mapped, odd and hostile, changing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "parsers/input.h"
#include "tests/folder.h"

static int open_file(struct folder *folder, struct input *in, const char *name)
{
    enum input_outcome outcome;
    int fd = input_open(in, AT_FDCWD, folder_path(folder, name), &outcome);

    assert_true(fd >= 0);
    assert_int_equal(outcome, INPUT_OK);
    return fd;
}

static enum input_outcome outcome_of(struct folder *folder, const char *name)
{
    struct input in;
    enum input_outcome outcome;
    struct slice text;
    struct stat st;
    int fd;

    input_init(&in);
    fd = input_open(&in, AT_FDCWD, folder_path(folder, name), &outcome);
    if (fd >= 0) {
        outcome = input_read(&in, fd, &st, &text);
        close(fd);
    }
    input_free(&in);
    return outcome;
}

static const size_t sizes[] = {
    0,
    1,
    4095,
    INPUT_MAP_BYTES - 1,
    INPUT_MAP_BYTES,
    INPUT_MAP_BYTES + 1,
    3 * INPUT_MAP_BYTES + 17,
};

static void write_pattern(struct folder *folder, const char *name, size_t size)
{
    char *bytes = malloc(size + 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 31 >> 3);
    folder_write_bytes(folder, name, bytes, size);
    free(bytes);
}

static bool is_pattern(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != (char)(i * 31 >> 3))
            return false;
    return true;
}

/* One input for all: a small file after a large one, and the reverse. */
static void test_every_size_is_read_whole(void **state)
{
    enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
    struct folder folder;
    struct input in;

    (void)state;
    folder_open(&folder);
    input_init(&in);
    for (size_t i = 0; i < 2 * SIZES; i++) {
        size_t size = sizes[i < SIZES ? i : 2 * SIZES - 1 - i];
        struct slice text;
        struct stat st;
        int fd;

        write_pattern(&folder, "file", size);
        fd = open_file(&folder, &in, "file");
        /* wherever the descriptor stands */
        assert_true(lseek(fd, 3, SEEK_SET) == 3);
        assert_int_equal(input_read(&in, fd, i % 2 == 0 ? &st : NULL, &text),
                         INPUT_OK);
        if (i % 2 == 0)
            assert_int_equal(st.st_size, size);
        close(fd);
        assert_int_equal(text.len, size);
        assert_false(slice_is_absent(text));
        assert_true(is_pattern(text));
        assert_true(input_is_intact(&in));
    }
    input_free(&in);
    folder_close(&folder);
}

static void make_socket(struct folder *folder, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%.100s",
             folder_path(folder, name));
    folder_need(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0,
                "bind");
    close(fd);
}

static void test_odd_files_are_refused_at_once(void **state)
{
    struct folder folder;

    (void)state;
    folder_open(&folder);
    folder_write(&folder, "file", "text");
    folder_make(&folder, "directory");
    folder_need(mkfifo(folder_path(&folder, "fifo"), 0600) == 0, "mkfifo");
    folder_need(symlink("file", folder_path(&folder, "link")) == 0, "symlink");
    folder_need(symlink("none", folder_path(&folder, "dangling")) == 0,
                "symlink");
    make_socket(&folder, "socket");
    assert_int_equal(outcome_of(&folder, "file"), INPUT_OK);
    assert_int_equal(outcome_of(&folder, "none"), INPUT_GONE);
    assert_int_equal(outcome_of(&folder, "directory"), INPUT_NOT_REGULAR);
    assert_int_equal(outcome_of(&folder, "fifo"), INPUT_NOT_REGULAR);
    assert_int_equal(outcome_of(&folder, "socket"), INPUT_NOT_REGULAR);
    assert_int_equal(outcome_of(&folder, "link"), INPUT_LINK);
    assert_int_equal(outcome_of(&folder, "dangling"), INPUT_LINK);
    folder_close(&folder);
}

/* Without stat, too, what has no end is not waited for. */
static void test_devices_and_pipes_without_stat(void **state)
{
    struct folder folder;
    struct input in;
    struct slice text;
    int zero = open("/dev/zero", O_RDONLY);
    int fd;

    (void)state;
    folder_open(&folder);
    input_init(&in);
    assert_int_equal(input_read(&in, zero, NULL, &text), INPUT_NOT_REGULAR);
    close(zero);
    folder_need(mkfifo(folder_path(&folder, "fifo"), 0600) == 0, "mkfifo");
    fd = open_file(&folder, &in, "fifo");
    assert_int_equal(input_read(&in, fd, NULL, &text), INPUT_NOT_REGULAR);
    close(fd);
    folder_make(&folder, "directory");
    fd = open_file(&folder, &in, "directory");
    assert_int_equal(input_read(&in, fd, NULL, &text), INPUT_NOT_REGULAR);
    close(fd);
    input_free(&in);
    folder_close(&folder);
}

/* Whoever looks leaves no trace, whatever the mount says of access times. */
static void test_access_time_stays(void **state)
{
    const struct timespec old[2] = {{.tv_sec = 1000000000},
                                    {.tv_sec = 1000000001}};
    struct folder folder;
    struct stat st;

    (void)state;
    folder_open(&folder);
    folder_write(&folder, "qf1", "V8\n.\n");
    folder_need(utimensat(AT_FDCWD, folder_path(&folder, "qf1"), old, 0) == 0,
                "utimensat");
    assert_int_equal(outcome_of(&folder, "qf1"), INPUT_OK);
    folder_need(stat(folder_path(&folder, "qf1"), &st) == 0, "stat");
    assert_int_equal(st.st_atim.tv_sec, old[0].tv_sec);
    folder_close(&folder);
}

static void test_somebody_elses_file_is_read_nevertheless(void **state)
{
    struct folder folder;
    enum input_outcome outcome;

    (void)state;
    if (geteuid() != 0)
        skip();
    folder_open(&folder);
    folder_write(&folder, "qf1", "V8\n.\n");
    folder_need(chmod(folder.path, 0755) == 0 &&
                    chmod(folder_path(&folder, "qf1"), 0644) == 0,
                "chmod");
    folder_need(seteuid(65534) == 0, "seteuid");
    outcome = outcome_of(&folder, "qf1");
    folder_need(seteuid(0) == 0, "seteuid");
    assert_int_equal(outcome, INPUT_OK);
    folder_close(&folder);
}

static void test_no_permission(void **state)
{
    struct folder folder;
    pid_t child;
    int status;

    (void)state;
    folder_open(&folder);
    folder_write(&folder, "file", "text");
    folder_need(chmod(folder_path(&folder, "file"), 0) == 0, "chmod");
    folder_need(chmod(folder.path, 0755) == 0, "chmod");
    child = fork();
    if (child == 0) { /* root may read everything */
        if (getuid() == 0 && setuid(65534) != 0)
            _exit(2);
        _exit(outcome_of(&folder, "file") != INPUT_DENIED);
    }
    assert_true(waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
    folder_close(&folder);
}

static void test_more_than_a_gigabyte(void **state)
{
    struct folder folder;

    (void)state;
    folder_open(&folder);
    folder_write(&folder, "file", "");
    folder_need(
        truncate(folder_path(&folder, "file"), (off_t)INPUT_MAX_BYTES + 1) == 0,
        "truncate");
    assert_int_equal(outcome_of(&folder, "file"), INPUT_TOO_LARGE);
    folder_close(&folder);
}

/* A newborn control file: what is there counts, now and then. */
static void test_growing_file_gives_what_it_had(void **state)
{
    struct folder folder;
    struct input in;
    struct slice text;
    int fd, writer;

    (void)state;
    folder_open(&folder);
    write_pattern(&folder, "file", 10);
    input_init(&in);
    fd = open_file(&folder, &in, "file");
    writer = open(folder_path(&folder, "file"), O_WRONLY | O_APPEND);
    assert_int_equal(input_read(&in, fd, NULL, &text), INPUT_OK);
    assert_int_equal(text.len, 10);
    assert_int_equal(write(writer, "more", 4), 4);
    assert_int_equal(text.len, 10);
    assert_true(is_pattern(text));
    assert_int_equal(input_read(&in, fd, NULL, &text), INPUT_OK);
    assert_int_equal(text.len, 14);
    /* over the limit between two reads */
    assert_int_equal(ftruncate(writer, INPUT_MAP_BYTES * 2), 0);
    assert_int_equal(input_read(&in, fd, NULL, &text), INPUT_OK);
    assert_int_equal(text.len, INPUT_MAP_BYTES * 2);
    close(writer);
    close(fd);
    input_free(&in);
    folder_close(&folder);
}

static size_t sum(struct slice text)
{
    size_t total = 0;

    for (size_t i = 0; i < text.len; i++)
        total += (unsigned char)text.ptr[i];
    return total;
}

/* A sanitizer has handlers of its own for what is to be caught here. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_OWN_SIGBUS 0
#else
#define HAS_OWN_SIGBUS 1
#endif

static void test_shrinking_map_is_an_error_of_this_file_alone(void **state)
{
    enum { SIZE = 8 * INPUT_MAP_BYTES };
    struct folder folder;
    struct input in, other;
    struct slice text, other_text;
    int fd, other_fd;

    (void)state;
    folder_open(&folder);
    input_setup();
    write_pattern(&folder, "file", SIZE);
    write_pattern(&folder, "other", SIZE);
    input_init(&in);
    input_init(&other);
    fd = open_file(&folder, &in, "file");
    other_fd = open_file(&folder, &other, "other");
    assert_int_equal(input_read(&in, fd, NULL, &text), INPUT_OK);
    assert_int_equal(input_read(&other, other_fd, NULL, &other_text), INPUT_OK);
    folder_need(truncate(folder_path(&folder, "file"), 5000) == 0, "truncate");
    assert_true(sum(text) > 0);
    assert_false(input_is_intact(&in));
    assert_true(is_pattern(slice_head(text, 4096)));
    assert_int_equal(text.ptr[SIZE - 1], 0);
    assert_true(is_pattern(other_text));
    assert_true(input_is_intact(&other));
    /* and the next file is read as if nothing had been */
    write_pattern(&folder, "next", SIZE);
    close(fd);
    fd = open_file(&folder, &in, "next");
    assert_int_equal(input_read(&in, fd, NULL, &text), INPUT_OK);
    assert_true(is_pattern(text));
    assert_true(input_is_intact(&in));
    close(fd);
    close(other_fd);
    input_free(&in);
    input_free(&other);
    folder_close(&folder);
}

/* A SIGBUS that is none of ours kills as it always did. */
static void test_foreign_sigbus_still_kills(void **state)
{
    struct folder folder;
    pid_t child;
    int status;

    (void)state;
    if (!HAS_OWN_SIGBUS)
        skip();
    folder_open(&folder);
    write_pattern(&folder, "file", 100000);
    child = fork();
    if (child == 0) {
        int fd = open(folder_path(&folder, "file"), O_RDWR);
        volatile char *map;

        signal(SIGBUS, SIG_DFL);
        input_setup();
        map = mmap(NULL, 100000, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED || ftruncate(fd, 0) != 0)
            _exit(3);
        _exit(map[50000]);
    }
    assert_true(waitpid(child, &status, 0) == child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
    folder_close(&folder);
}

static void test_every_outcome_has_words(void **state)
{
    (void)state;
    for (int outcome = INPUT_OK; outcome <= INPUT_FAILED; outcome++)
        assert_true(strlen(input_outcome_text((enum input_outcome)outcome)) >
                    3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size_is_read_whole),
        cmocka_unit_test(test_odd_files_are_refused_at_once),
        cmocka_unit_test(test_devices_and_pipes_without_stat),
        cmocka_unit_test(test_access_time_stays),
        cmocka_unit_test(test_somebody_elses_file_is_read_nevertheless),
        cmocka_unit_test(test_no_permission),
        cmocka_unit_test(test_more_than_a_gigabyte),
        cmocka_unit_test(test_growing_file_gives_what_it_had),
        cmocka_unit_test(test_shrinking_map_is_an_error_of_this_file_alone),
        cmocka_unit_test(test_foreign_sigbus_still_kills),
        cmocka_unit_test(test_every_outcome_has_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
