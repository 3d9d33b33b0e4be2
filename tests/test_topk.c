/* The most frequent texts, in bounded memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "qscan/topk.h"
#include "tests/assert_slice.h"

static const uint64_t key[2] = {UINT64_C(0x8f3a6c5e91d27b04),
                                UINT64_C(0x2be19407c6d85af3)};

static struct slice row_text(const struct topk *table, uint32_t number)
{
    return slice_make(table->rows[number].text, table->rows[number].text_len);
}

static void add_number(struct topk *table, unsigned number, uint64_t count)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "text %u", number);

    topk_add(table, slice_make(text, (size_t)len), count, 10 * count);
}

static void test_few_texts_are_counted_exactly_and_sorted(void **state)
{
    struct topk table;

    (void)state;
    topk_init(&table, key);
    topk_add(&table, SLICE_LITERAL("b"), 2, 20);
    topk_add(&table, SLICE_LITERAL("a"), 1, 1);
    topk_add(&table, SLICE_LITERAL("c"), 2, 5);
    topk_add(&table, SLICE_LITERAL("a"), 4, 4);
    topk_add(&table, SLICE_LITERAL("cc"), 2, 0);
    topk_sort(&table);
    assert_int_equal(table.count, 4);
    assert_slice_is(row_text(&table, 0), "a", "most first");
    assert_int_equal(table.rows[0].count, 5);
    assert_int_equal(table.rows[0].bytes, 5);
    assert_slice_is(row_text(&table, 1), "b", "then by text");
    assert_slice_is(row_text(&table, 2), "c", "then by text");
    assert_slice_is(row_text(&table, 3), "cc", "the shorter one first");
    assert_int_equal(table.total, 11);
    assert_int_equal(table.error_max, 0);
    topk_free(&table);
}

static void test_absent_text_is_not_counted_an_empty_one_is(void **state)
{
    struct topk table;

    (void)state;
    topk_init(&table, key);
    topk_sort(&table);
    topk_add(&table, (struct slice){NULL, 0}, 7, 7);
    topk_add(&table, slice_make("", 0), 3, 0);
    topk_add(&table, slice_make("\0", 1), 1, 0);
    topk_sort(&table);
    assert_int_equal(table.count, 2);
    assert_int_equal(table.rows[0].text_len, 0);
    assert_int_equal(table.rows[0].count, 3);
    assert_int_equal(table.total, 4);
    topk_free(&table);
}

static void test_long_text_is_cut(void **state)
{
    char text[TOPK_TEXT_MAX_BYTES + 50];
    struct topk table;

    (void)state;
    memset(text, 'x', sizeof(text));
    topk_init(&table, key);
    topk_add(&table, slice_make(text, sizeof(text)), 1, 0);
    topk_add(&table, slice_make(text, TOPK_TEXT_MAX_BYTES), 1, 0);
    assert_int_equal(table.count, 1);
    assert_int_equal(table.rows[0].text_len, TOPK_TEXT_MAX_BYTES);
    assert_int_equal(table.rows[0].count, 2);
    topk_free(&table);
}

static void test_as_many_texts_as_fit_are_exact(void **state)
{
    struct topk table;

    (void)state;
    topk_init(&table, key);
    for (unsigned n = 0; n < TOPK_MAX; n++)
        add_number(&table, n, 1 + n % 3);
    for (unsigned n = 0; n < TOPK_MAX; n++)
        add_number(&table, n, 1);
    assert_int_equal(table.count, TOPK_MAX);
    assert_int_equal(table.error_max, 0);
    topk_sort(&table);
    assert_slice_is(row_text(&table, 0), "text 10001", "first of count 4");
    assert_int_equal(table.rows[0].count, 4);
    assert_int_equal(table.rows[TOPK_MAX - 1].count, 2);
    topk_free(&table);
}

/* Frequent texts among a flood of ones that come once. */
static void add_flood(struct topk *table)
{
    topk_init(table, key);
    for (unsigned n = 0; n < 5 * TOPK_MAX; n++) {
        add_number(table, 1000 + n, 1);
        if (n % 8 == 0)
            add_number(table, n / 8 % 5, 1);
    }
}

static void test_frequent_texts_survive_a_flood_within_the_error(void **state)
{
    struct topk table;
    uint64_t kept = 0;

    (void)state;
    add_flood(&table);
    topk_sort(&table);
    assert_true(table.error_max > 0);
    assert_true(table.count <= TOPK_MAX);
    assert_int_equal(table.total, 5 * TOPK_MAX + 5 * TOPK_MAX / 8);
    for (unsigned n = 0; n < 5; n++) {
        assert_int_equal(row_text(&table, n).len, 6);
        assert_in_range(table.rows[n].count, TOPK_MAX / 8 - table.error_max,
                        TOPK_MAX / 8);
        assert_int_equal(table.rows[n].bytes, 10 * table.rows[n].count);
    }
    for (uint32_t n = 0; n < table.count; n++)
        kept += table.rows[n].count;
    assert_true(kept < table.total);
    topk_free(&table);
}

static void test_dropping_does_not_depend_on_the_key(void **state)
{
    static const uint64_t other_key[2] = {77, 99};
    struct topk a, b;

    (void)state;
    add_flood(&a);
    topk_init(&b, other_key);
    for (unsigned n = 0; n < 5 * TOPK_MAX; n++) {
        add_number(&b, 1000 + n, 1);
        if (n % 8 == 0)
            add_number(&b, n / 8 % 5, 1);
    }
    topk_sort(&a);
    topk_sort(&b);
    assert_int_equal(a.count, b.count);
    assert_int_equal(a.error_max, b.error_max);
    for (uint32_t n = 0; n < a.count; n++) {
        assert_true(slice_equal(row_text(&a, n), row_text(&b, n)));
        assert_int_equal(a.rows[n].count, b.rows[n].count);
    }
    topk_free(&a);
    topk_free(&b);
}

static void
test_text_dropped_more_than_once_lacks_at_most_the_error(void **state)
{
    struct topk table;
    uint64_t found = 0;

    (void)state;
    topk_init(&table, key);
    /* comes once between two floods, each of which drops it */
    for (unsigned round = 0; round < 6; round++) {
        for (unsigned n = 0; n < TOPK_MAX; n++)
            add_number(&table, 100000 + round * TOPK_MAX + n, 2);
        topk_add(&table, SLICE_LITERAL("rare"), 1, 0);
    }
    topk_add(&table, SLICE_LITERAL("rare"), 1, 0);
    for (uint32_t n = 0; n < table.count; n++)
        if (slice_equal(row_text(&table, n), SLICE_LITERAL("rare")))
            found = table.rows[n].count;
    assert_in_range(found, 1, 6);
    assert_true(found + table.error_max >= 7);
    topk_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_texts_are_counted_exactly_and_sorted),
        cmocka_unit_test(test_absent_text_is_not_counted_an_empty_one_is),
        cmocka_unit_test(test_long_text_is_cut),
        cmocka_unit_test(test_as_many_texts_as_fit_are_exact),
        cmocka_unit_test(test_frequent_texts_survive_a_flood_within_the_error),
        cmocka_unit_test(test_dropping_does_not_depend_on_the_key),
        cmocka_unit_test(
            test_text_dropped_more_than_once_lacks_at_most_the_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
