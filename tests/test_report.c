/* Columns, counts and moments of the text reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "qscan/report.h"
#include "tests/assert_slice.h"

/* What was added, and forgets it. */
static void assert_added(struct buffer *out, const char *expected)
{
    assert_slice_is(slice_make(out->bytes == NULL ? "" : out->bytes, out->len),
                    expected, "added");
    buffer_clear(out);
}

static void test_bytes_have_two_digits_and_a_unit(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {999, "999 B"},
        {1000, "1.0 kB"},
        {9949, "9.9 kB"},
        {9951, "10 kB"},
        {999499, "999 kB"},
        {999500, "1.0 MB"},
        {1635824407, "1.6 GB"},
        {UINT64_C(5000000000000), "5.0 TB"},
        {UINT64_MAX, "18446744 TB"},
    };
    struct buffer out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        report_add_bytes(&out, cases[i].bytes);
        assert_added(&out, cases[i].text);
    }
    buffer_free(&out);
}

static void test_counts_fit_their_columns(void **state)
{
    static const struct {
        const char *before;
        uint64_t count;
        int columns;
        const char *text;
    } cases[] = {
        {"", 7, 5, "    7"},          {"", 99999, 5, "99999"},
        {"", 100000, 5, " 100k"},     {"", 123456789, 5, " 123M"},
        {">=", 10000, 7, ">=10000"},  {">=", 100000, 7, " >=100k"},
        {"", UINT64_MAX, 5, "  18E"},
    };
    struct buffer out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        report_add_count(&out, cases[i].before, cases[i].count,
                         cases[i].columns);
        assert_added(&out, cases[i].text);
    }
    buffer_free(&out);
}

static void test_padding_counts_columns_and_escapes(void **state)
{
    struct buffer out = {0};

    (void)state;
    report_add_padded(&out, SLICE_LITERAL("abc"), 5);
    assert_added(&out, "abc  ");
    report_add_padded(&out, SLICE_LITERAL("a\033b"), 8);
    assert_added(&out, "a\\x1bb  ");
    report_add_padded(&out, SLICE_LITERAL("abcdefgh"), 6);
    assert_added(&out, "abc...");
    /* whose it is, is said at the end of a name */
    report_add_padded_host(&out, SLICE_LITERAL("very-long.example.org"), 14);
    assert_added(&out, "...example.org");
    buffer_free(&out);
}

static void test_columns_are_characters(void **state)
{
    (void)state;
    assert_int_equal(report_columns(SLICE_LITERAL("")), 0);
    assert_int_equal(report_columns(SLICE_LITERAL("M\xc3\xbcller")), 6);
}

static void test_text_is_filled_and_broken_at_blanks(void **state)
{
    char longest[REPORT_COLUMNS + 11];
    struct buffer out = {0};
    size_t column = 0, widest = 0;

    (void)state;
    for (int i = 0; i < 40; i++)
        buffer_add_string(&out, i % 3 == 0 ? "lorem " : "ipsum ");
    longest[0] = '\0';
    struct buffer text = out;
    out = (struct buffer){0};
    report_add_filled(&out, 10, 4, slice_make(text.bytes, text.len));
    for (size_t i = 0; i < out.len; i++) {
        column = out.bytes[i] == '\n' ? 0 : column + 1;
        if (column > widest)
            widest = column;
    }
    assert_in_range(widest, REPORT_COLUMNS - 6, REPORT_COLUMNS);
    assert_non_null(memmem(out.bytes, out.len, "\n    lorem", 10) != NULL
                        ? out.bytes
                        : memmem(out.bytes, out.len, "\n    ipsum", 10));
    buffer_free(&text);
    buffer_clear(&out);
    /* a word that fits nowhere is broken anywhere */
    memset(longest, 'x', sizeof(longest));
    report_add_filled(&out, 0, 2, slice_make(longest, sizeof(longest)));
    assert_int_equal(out.len, sizeof(longest) + 3);
    assert_memory_equal(out.bytes + REPORT_COLUMNS, "\n  x", 4);
    buffer_free(&out);
}

static void test_moments(void **state)
{
    struct buffer out = {0};
    struct tm tm;

    (void)state;
    report_add_time(&out, 1795375579, true);
    assert_added(&out, "2026-11-22 19:26 UTC");
    report_add_minute(&out, 0, true);
    assert_added(&out, "1970-01-01 00:00");
    setenv("TZ", "CET-1", 1);
    tzset();
    report_add_time(&out, 1795375579, false);
    assert_added(&out, "2026-11-22 20:26 CET");
    assert_false(report_date(INT64_MAX, true, &tm));
    report_add_minute(&out, INT64_MAX, true);
    assert_int_equal(out.len, 16);
    buffer_free(&out);
}

static void test_heading_is_red_when_it_alarms(void **state)
{
    struct buffer out = {0};

    (void)state;
    report_heading(&out, false, "MAIL", true);
    assert_added(&out, "\nMAIL\n");
    report_heading(&out, true, "MAIL", false);
    assert_added(&out, "\n\033[1mMAIL\033[0m\n");
    report_heading(&out, true, "MAIL", true);
    assert_added(&out, "\n\033[1;31mMAIL\033[0m\n");
    buffer_free(&out);
}

static void test_words_can_be_pasted(void **state)
{
    struct buffer out = {0};

    (void)state;
    report_add_value(&out, " --rules=", NULL);
    assert_added(&out, "");
    report_add_value(&out, " --rules=", "/etc/a.rules");
    assert_added(&out, " --rules=/etc/a.rules");
    report_add_value(&out, " --rules=", "a b; rm -rf 'c'");
    assert_added(&out, " --rules='a b; rm -rf '\\''c'\\'''");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_have_two_digits_and_a_unit),
        cmocka_unit_test(test_counts_fit_their_columns),
        cmocka_unit_test(test_padding_counts_columns_and_escapes),
        cmocka_unit_test(test_columns_are_characters),
        cmocka_unit_test(test_text_is_filled_and_broken_at_blanks),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_heading_is_red_when_it_alarms),
        cmocka_unit_test(test_words_can_be_pasted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
