/* Descriptors that are closed together: all of them, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* wraps: syscall */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "qscan/closing.h"

static bool is_old_system; /* has no close_range */
static unsigned refused_count;

long __wrap_syscall(long number, ...);
long __real_syscall(long number, ...);

/* The one call of closing.c. */
long __wrap_syscall(long number, ...)
{
    va_list arguments;
    int first, last, flags;

    if (is_old_system) {
        refused_count++;
        errno = ENOSYS;
        return -1;
    }
    va_start(arguments, number);
    first = va_arg(arguments, int);
    last = va_arg(arguments, int);
    flags = va_arg(arguments, int);
    va_end(arguments);
    return __real_syscall(number, first, last, flags);
}

static int open_one(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void test_nothing_to_close(void **state)
{
    struct closing closing = {.count = 0};

    (void)state;
    closing_close(&closing);
    assert_int_equal(closing.count, 0);
}

static void test_those_between_stay_open(void **state)
{
    enum { COUNT = 9 };
    struct closing closing = {.count = 0};
    int fds[COUNT];

    (void)state;
    for (int i = 0; i < COUNT; i++)
        fds[i] = open_one();
    for (int i = 0; i < COUNT; i++)
        if (i % 4 != 0)
            closing_add(&closing, fds[i]);
    for (int i = 0; i < COUNT; i++)
        assert_true(is_open(fds[i]));
    closing_close(&closing);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(is_open(fds[i]), i % 4 == 0);
    for (int i = 0; i < COUNT; i += 4)
        close(fds[i]);
}

static void test_in_no_order(void **state)
{
    struct closing closing = {.count = 0};
    int first = open_one(), other = open_one(), last = open_one();

    (void)state;
    closing_add(&closing, last);
    closing_add(&closing, first);
    closing_close(&closing);
    assert_false(is_open(first));
    assert_true(is_open(other));
    assert_false(is_open(last));
    close(other);
}

static void test_full_makes_room(void **state)
{
    enum { COUNT = 2 * CLOSING_MAX + 1 };
    struct closing closing = {.count = 0};
    int fds[COUNT];

    (void)state;
    for (int i = 0; i < COUNT; i++)
        fds[i] = open_one();
    for (int i = 0; i < COUNT; i++) {
        closing_add(&closing, fds[i]);
        assert_true(closing.count > 0 && closing.count <= CLOSING_MAX);
    }
    closing_close(&closing);
    for (int i = 0; i < COUNT; i++)
        assert_false(is_open(fds[i]));
}

static void test_a_system_without_the_call_closes_the_same(void **state)
{
    is_old_system = true;
    test_those_between_stay_open(state);
    test_in_no_order(state);
    test_full_makes_room(state);
    is_old_system = false;
    assert_true(refused_count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_close),
        cmocka_unit_test(test_those_between_stay_open),
        cmocka_unit_test(test_in_no_order),
        cmocka_unit_test(test_full_makes_room),
        cmocka_unit_test(test_a_system_without_the_call_closes_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
