/* The table of rows, and the two orders in which it is walked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "qscan/facts.h"

static struct facts *add(struct facts_table *table, uint16_t dir,
                         const char *id, char letter, uint64_t inode)
{
    struct facts *row = facts_add(table);

    assert_non_null(row);
    row->dir = dir;
    row->letter = letter;
    row->inode = inode;
    facts_set_id(row, slice_from_string(id));
    return row;
}

/* 50 MB for half a million. */
static void test_row_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct facts) <= 100);
}

static void test_rows_are_zeroed_and_keep_what_was_written(void **state)
{
    enum { MANY = 5000 };
    struct facts_table table;

    (void)state;
    facts_init(&table);
    for (uint32_t i = 0; i < MANY; i++) {
        struct facts *row = facts_add(&table);

        assert_int_equal(row->inode, 0);
        assert_int_equal(row->id_len, 0);
        row->inode = i;
    }
    assert_int_equal(table.count, MANY);
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(table.rows[i].inode, i);
    facts_free(&table);
    assert_int_equal(table.count, 0);
}

static void test_order_by_id_is_directory_id_letter(void **state)
{
    static const struct {
        uint16_t dir;
        const char *id;
        char letter;
    } wanted[] = {
        {0, "6A", 'q'},    {0, "6AMH", 'Q'}, {0, "6AMH", 'h'}, {0, "6AMH", 'q'},
        {0, "6AMHq", 'q'}, {0, "\xff", 'q'}, {1, "0", 'q'},    {300, "0", 'q'},
    };
    enum { COUNT = sizeof(wanted) / sizeof(wanted[0]) };
    struct facts_table table;
    uint32_t *order;

    (void)state;
    facts_init(&table);
    for (size_t i = 0; i < COUNT; i++) {
        size_t n = (i * 5 + 3) % COUNT; /* in another order */

        add(&table, wanted[n].dir, wanted[n].id, wanted[n].letter, 0);
    }
    order = facts_order_by_id(&table);
    assert_non_null(order);
    for (size_t i = 0; i < COUNT; i++) {
        const struct facts *row = &table.rows[order[i]];

        assert_int_equal(row->dir, wanted[i].dir);
        assert_int_equal(row->letter, wanted[i].letter);
        assert_true(
            slice_equal(facts_id(row), slice_from_string(wanted[i].id)));
    }
    free(order);
    facts_free(&table);
}

static void test_order_by_inode_of_all_widths(void **state)
{
    static const uint64_t inodes[] = {
        5, UINT64_MAX, 0, 256, 255, 1ULL << 40, 3, 1ULL << 63, 65536, 5};
    enum { COUNT = sizeof(inodes) / sizeof(inodes[0]) };
    struct facts_table table;
    uint32_t *order;
    bool seen[COUNT] = {false};

    (void)state;
    facts_init(&table);
    for (size_t i = 0; i < COUNT; i++)
        add(&table, 0, "x", 'q', inodes[i]);
    order = facts_order_by_inode(&table);
    assert_non_null(order);
    for (size_t i = 0; i < COUNT; i++) {
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
        if (i > 0)
            assert_true(table.rows[order[i - 1]].inode <=
                        table.rows[order[i]].inode);
    }
    free(order);
    facts_free(&table);
}

static void test_orders_of_nothing(void **state)
{
    struct facts_table table;
    uint32_t *by_inode, *by_id;

    (void)state;
    facts_init(&table);
    by_inode = facts_order_by_inode(&table);
    by_id = facts_order_by_id(&table);
    assert_non_null(by_inode);
    assert_non_null(by_id);
    free(by_inode);
    free(by_id);
    facts_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_is_small),
        cmocka_unit_test(test_rows_are_zeroed_and_keep_what_was_written),
        cmocka_unit_test(test_order_by_id_is_directory_id_letter),
        cmocka_unit_test(test_order_by_inode_of_all_widths),
        cmocka_unit_test(test_orders_of_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
