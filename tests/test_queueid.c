/*
 * Queue ids of all eras: every case whole, cut at every byte, and ending at a
 * page nobody may read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/queueid.h"
#include "tests/guard.h"

enum { NOW = 1795375518 }; /* 2026-11-22 */

static const struct {
    const char *id;
    int64_t near;
    struct queueid want; /* era, created, pid, hour, sequence */
} cases[] = {
    /* 8.12 and later */
    {"6AMHqPjw023674", NOW, {QUEUEID_V8_12, 1795369945, 23674, -1, 2758}},
    {"6AMHqPLN023699", NOW, {QUEUEID_V8_12, 1795369945, 23699, -1, 1283}},
    {"44KA0aX1001234", NOW, {QUEUEID_V8_12, 1716199236, 1234, -1, 1981}},
    {"6AMHqPjw4194304", NOW, {QUEUEID_V8_12, 1795369945, 4194304, -1, 2758}},
    {"6AMHqPjw2147483647",
     NOW,
     {QUEUEID_V8_12, 1795369945, 2147483647, -1, 2758}},
    {"6AMHqPjw02367", NOW, {QUEUEID_V8_12, 1795369945, 2367, -1, 2758}},
    {"6AMHqP00023674", NOW, {QUEUEID_V8_12, 1795369945, 23674, -1, 0}},
    {"6AMHqPxx023674", NOW, {QUEUEID_V8_12, 1795369945, 23674, -1, 3599}},
    {"g87C002340123", 1031400000, {QUEUEID_V8_12, 1031400000, 40123, -1, 123}},
    /* 8.10, 8.11: one digit of sequence */
    {"e2IG00x30123", 953395200, {QUEUEID_V8_10, 953395200, 30123, -1, 59}},
    {"f8767xx30123", NOW, {QUEUEID_V8_10, 999842879, 30123, -1, 59}},
    /* the year is kept modulo 60 */
    {"00100000000001", 0, {QUEUEID_V8_12, -315619200, 1, -1, 0}},
    {"00100000000001", 915148800, {QUEUEID_V8_12, 1577836800, 1, -1, 0}},
    {"x01000000000001", 0, {QUEUEID_V8_12, -347155200, 1, -1, 0}},
    {"x01000000000001", NOW, {QUEUEID_V8_12, 1546300800, 1, -1, 0}},
    {"xBVNxx00000001", 1577836799, {QUEUEID_V8_12, 1577836799, 1, -1, 0}},
    {"x01000000000001",
     -1577923200, /* 1920 */
     {QUEUEID_V8_12, -2240524800, 1, -1, 0}},
    /* leap days */
    {"41T00000000001", NOW, {QUEUEID_V8_12, 1709164800, 1, -1, 0}},
    {"51T00000000001", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}},
    {"e1T00000000001", 951782400, {QUEUEID_V8_12, 951782400, 1, -1, 0}},
    /* a clock of nonsense must not overflow */
    {"6AMHqPjw023674", INT64_MAX, {QUEUEID_V8_12, -98086055, 23674, -1, 2758}},
    {"6AMHqPjw023674", INT64_MIN, {QUEUEID_V8_12, -98086055, 23674, -1, 2758}},
    /* 8.9 and older: hour and pid */
    {"NAA03712", NOW, {QUEUEID_V8_8, -1, 3712, 13, -1}},
    {"AAA00001", NOW, {QUEUEID_V8_8, -1, 1, 0, -1}},
    {"XZZ99999", NOW, {QUEUEID_V8_8, -1, 99999, 23, -1}},
    {"N~A03712", NOW, {QUEUEID_V8_8, -1, 3712, 13, -1}},
    {"N[A03712", NOW, {QUEUEID_V8_8, -1, 3712, 13, -1}},
    {"YAA03712", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}},
    {"NA~03712", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}},
    {"N@A03712", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}},
    {"NAA3712", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}},
    /* nobody's */
    {"", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}},
    {"-weird.id_1", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}},
    {"6AMHqPjw02367x", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}},
    {"6AMHqPjw-23674", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}},
    {"6AMHqPjw-00000", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}},
    {"e2IG00x-0000", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}},
    {"e2IG00x", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}},
    {"6AMHqPjw21474836470", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}},
    {"yAMHqPjw023674", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}}, /* year 60 */
    {"6CMHqPjw023674", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}}, /* month 13 */
    {"6A0HqPjw023674", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}}, /* day 0 */
    {"6AWHqPjw023674", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}}, /* day 32 */
    {"6AVHqPjw023674", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}}, /* 31 Nov */
    {"6AMOqPjw023674", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}}, /* hour 24 */
    {"6AMHyPjw023674", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}}, /* minute 60 */
    {"6AMHqPyw023674", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}}, /* sequence */
    {"6AMHqPjy023674", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}},
    {"e2IG00y30123", NOW, {QUEUEID_OTHER, -1, -1, -1, -1}},
    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
     NOW,
     {QUEUEID_OTHER, -1, -1, -1, -1}},
};

static void assert_id(const char *id, const struct queueid *got,
                      const struct queueid *want)
{
    if (got->era != want->era || got->created != want->created ||
        got->pid != want->pid || got->hour != want->hour ||
        got->sequence != want->sequence)
        fail_msg("%s: got era %d created %lld pid %lld hour %d sequence %d, "
                 "want %d %lld %lld %d %d",
                 id, (int)got->era, (long long)got->created,
                 (long long)got->pid, got->hour, got->sequence, (int)want->era,
                 (long long)want->created, (long long)want->pid, want->hour,
                 want->sequence);
}

static void ids_of_all_eras_decode_exactly(void **state)
{
    struct guard guard;

    (void)state;
    guard_open(&guard, 64);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct queueid got;

        queueid_decode(guard_text(&guard, slice_from_string(cases[i].id)),
                       cases[i].near, &got);
        assert_id(cases[i].id, &got, &cases[i].want);
    }
    guard_close(&guard);
}

/* A cut id is another id, but never one with half of its facts. */
static void check_cut(struct slice cut, void *context)
{
    struct queueid got;

    (void)context;
    queueid_decode(cut, NOW, &got);
    assert_true((got.era == QUEUEID_OTHER) == (got.pid == -1));
    assert_true((got.era == QUEUEID_V8_8) == (got.hour != -1));
    if (got.era == QUEUEID_OTHER || got.era == QUEUEID_V8_8)
        assert_true(got.created == -1 && got.sequence == -1);
}

static void ids_cut_at_every_byte_stay_whole_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        guard_cut_everywhere(slice_from_string(cases[i].id), check_cut, NULL);
}

/* The same digit stands for years 60 apart; the nearer one is meant. */
static void years_within_thirty_of_near_are_found(void **state)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwx";

    (void)state;
    for (int year = 1998; year <= 2055; year++) {
        char id[] = "?5F000000000001"; /* 15 June */
        int64_t days = (year - 1970) * 365 + (year - 1968) / 4 + 165;
        struct queueid got;

        id[0] = digits[(year - 1900) % 60];
        queueid_decode(slice_from_string(id), NOW, &got);
        assert_int_equal(got.era, QUEUEID_V8_12);
        assert_int_equal(got.created, days * 86400);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_all_eras_decode_exactly),
        cmocka_unit_test(ids_cut_at_every_byte_stay_whole_answers),
        cmocka_unit_test(years_within_thirty_of_near_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
