/* Whether it was our own line or name server that failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/status.h"
#include "qscan/reach.h"

enum { HOUR = 3600 };

static const int64_t noon = 1795375579 / HOUR * HOUR;

static void note(struct reach *reach, int64_t tried, enum status_kind kind,
                 const char *host, uint32_t hash)
{
    reach_note(reach, tried, kind, slice_from_string(host), hash);
}

/* So many different hosts. */
static void note_many(struct reach *reach, int64_t tried, enum status_kind kind,
                      unsigned count)
{
    for (uint32_t n = 0; n < count; n++)
        note(reach, tried, kind, "mx.example.net", 17 + n);
}

static bool is_lost(const struct reach *reach, int64_t tried,
                    enum status_kind kind)
{
    return reach_is_lost(reach, reach_hour_of(tried), kind);
}

static void test_five_hosts_that_fail_alike_are_too_many(void **state)
{
    static const enum status_kind kinds[] = {STATUS_TIMEOUT, STATUS_UNREACHABLE,
                                             STATUS_UNRESOLVED};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct reach reach = {0};

        note_many(&reach, noon, kinds[i], 4);
        note_many(&reach, noon, kinds[i], 4); /* the same ones */
        assert_false(is_lost(&reach, noon, kinds[i]));
        note(&reach, noon, kinds[i], "mx.example.org", 99);
        assert_true(is_lost(&reach, noon, kinds[i]));
    }
}

static void test_what_answered_is_not_lost(void **state)
{
    struct reach reach = {0};

    (void)state;
    note_many(&reach, noon, STATUS_TIMEOUT, 9);
    note_many(&reach, noon, STATUS_UNRESOLVED, 9);
    assert_false(is_lost(&reach, noon, STATUS_REFUSED));
    assert_false(is_lost(&reach, noon, STATUS_REPLY));
    assert_false(is_lost(&reach, noon, STATUS_NONE));
    /* a dead line: some names are remembered, others are not found */
    assert_true(is_lost(&reach, noon, STATUS_TIMEOUT));
    assert_true(is_lost(&reach, noon, STATUS_UNREACHABLE));
    assert_true(is_lost(&reach, noon, STATUS_UNRESOLVED));
    note(&reach, noon, STATUS_REFUSED, "[192.0.2.1]", 1);
    assert_false(is_lost(&reach, noon, STATUS_TIMEOUT));
    assert_false(is_lost(&reach, noon, STATUS_UNRESOLVED)); /* found, then */
}

/* Whatever their hashes: what is random is not to decide. */
static void test_hosts_are_told_apart(void **state)
{
    (void)state;
    for (uint32_t step = 1; step < 1000; step++) {
        struct reach reach = {0};

        for (uint32_t n = 0; n < 5; n++)
            note(&reach, noon + ((int)n % 3 - 1) * HOUR, STATUS_TIMEOUT,
                 "mx.example.net", step * 64 * (n % 3 + n / 3));
        assert_int_equal(is_lost(&reach, noon, STATUS_TIMEOUT), false);
        note(&reach, noon, STATUS_TIMEOUT, "mx.example.net", step * 64 * 5);
        note(&reach, noon, STATUS_TIMEOUT, "mx.example.net", step * 64 * 6);
        assert_true(is_lost(&reach, noon, STATUS_TIMEOUT));
    }
}

/* Whether one such status, of that host, shows that our line works; that our
 * name server does. */
struct proof {
    enum status_kind kind;
    const char *host;
    bool of_line, of_names;
};

static void test_what_proves_that_we_are_not_cut_off(void **state)
{
    static const struct proof proofs[] = {
        {STATUS_REFUSED, "mx.example.org", true, true},
        {STATUS_RESET, "mx.example.org", true, true},
        {STATUS_REPLY, "mx.example.org", true, true},
        {STATUS_TLS, "mx.example.org", true, true},
        {STATUS_REPLY, "", true, true},
        {STATUS_REFUSED, "[192.0.2.1]", true, false},
        {STATUS_REFUSED, "[ipv6:2001:db8::1]", true, false},
        {STATUS_REFUSED, "[10.0.0.1]", false, false},
        {STATUS_REFUSED, "[127.0.0.1]", false, false},
        {STATUS_REFUSED, "[no address]", true, false},
        {STATUS_TIMEOUT, "mx.example.org", false, false},
        {STATUS_UNREACHABLE, "mx.example.org", false, false},
        {STATUS_UNRESOLVED, "mx.example.org", false, false},
        {STATUS_BARE, "mx.example.org", false, false},
        {STATUS_LOCAL, "mx.example.org", false, false},
        {STATUS_NONE, "mx.example.org", false, false},
        {STATUS_OTHER, "mx.example.org", false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++) {
        struct reach line = {0}, names = {0};

        for (uint32_t n = 0; n < 6; n++)
            note(&line, noon, STATUS_TIMEOUT, "[192.0.2.2]", n);
        note_many(&names, noon, STATUS_UNRESOLVED, 6);
        note(&line, noon, proofs[i].kind, proofs[i].host, 1);
        note(&names, noon, proofs[i].kind, proofs[i].host, 1);
        assert_int_equal(is_lost(&line, noon, STATUS_TIMEOUT),
                         !proofs[i].of_line);
        assert_int_equal(is_lost(&names, noon, STATUS_UNRESOLVED),
                         !proofs[i].of_names);
    }
}

static void test_the_hours_around_count_no_others(void **state)
{
    struct reach reach = {0};

    (void)state;
    note_many(&reach, noon + HOUR - 1, STATUS_TIMEOUT, 6);
    assert_true(is_lost(&reach, noon - HOUR, STATUS_TIMEOUT));
    assert_true(is_lost(&reach, noon + 2 * HOUR - 1, STATUS_TIMEOUT));
    assert_false(is_lost(&reach, noon - HOUR - 1, STATUS_TIMEOUT));
    assert_false(is_lost(&reach, noon + 2 * HOUR, STATUS_TIMEOUT));
    /* what answered before shows nothing of now */
    note(&reach, noon - 1, STATUS_REPLY, "mx.example.org", 1);
    assert_true(is_lost(&reach, noon, STATUS_TIMEOUT));
    note(&reach, noon + 2 * HOUR, STATUS_REPLY, "mx.example.org", 1);
    assert_true(is_lost(&reach, noon, STATUS_TIMEOUT));
    assert_false(is_lost(&reach, noon + HOUR, STATUS_TIMEOUT));
}

/* By the last attempt of all: what is ten days older is not remembered, in
 * whichever order it comes, and whoever read it. */
static void test_the_last_days_are_remembered(void **state)
{
    struct reach parts[2] = {0};
    int64_t before = noon - (int64_t)REACH_HOURS * HOUR;

    (void)state;
    note_many(&parts[0], before, STATUS_TIMEOUT, 6);
    assert_true(is_lost(&parts[0], before, STATUS_TIMEOUT));
    note_many(&parts[0], noon, STATUS_TIMEOUT, 3);
    note_many(&parts[0], before, STATUS_TIMEOUT, 6);
    assert_false(is_lost(&parts[0], before, STATUS_TIMEOUT));
    assert_false(is_lost(&parts[0], noon, STATUS_TIMEOUT));
    note_many(&parts[1], before, STATUS_REPLY, 1);
    for (uint32_t n = 3; n < 6; n++)
        note(&parts[1], noon + HOUR, STATUS_UNREACHABLE, "mx.example.net",
             17 + n);
    reach_merge(&parts[0], &parts[1]);
    assert_true(is_lost(&parts[0], noon, STATUS_TIMEOUT));
    reach_merge(&parts[1], &parts[0]);
    assert_true(is_lost(&parts[1], noon, STATUS_TIMEOUT));
}

/* Also damaged ones. */
static void test_any_time_has_its_place(void **state)
{
    static const int64_t times[] = {0, 1, -1, INT64_MIN, INT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct reach reach = {0};

        note_many(&reach, times[i], STATUS_TIMEOUT, 6);
        note(&reach, times[i], STATUS_REPLY, "mx.example.org", 1);
        assert_false(is_lost(&reach, times[i], STATUS_TIMEOUT));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_five_hosts_that_fail_alike_are_too_many),
        cmocka_unit_test(test_what_answered_is_not_lost),
        cmocka_unit_test(test_hosts_are_told_apart),
        cmocka_unit_test(test_what_proves_that_we_are_not_cut_off),
        cmocka_unit_test(test_the_hours_around_count_no_others),
        cmocka_unit_test(test_the_last_days_are_remembered),
        cmocka_unit_test(test_any_time_has_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
