/* Strings kept once, and sets of hashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "parsers/hash.h"
#include "qscan/intern.h"
#include "tests/assert_slice.h"

static const uint64_t key[2] = {UINT64_C(0x8f3a6c5e91d27b04),
                                UINT64_C(0x2be19407c6d85af3)};

static void test_same_string_same_number(void **state)
{
    struct arena arena = {0};
    struct intern table;

    (void)state;
    assert_true(intern_init(&table, &arena, key));
    assert_int_equal(intern_add(&table, SLICE_LITERAL("example.org")), 1);
    assert_int_equal(intern_add(&table, SLICE_LITERAL("example.net")), 2);
    assert_int_equal(intern_add(&table, SLICE_LITERAL("example.org")), 1);
    assert_slice_is(intern_text(&table, 2), "example.net", "2");
    intern_free(&table);
    arena_free(&arena);
}

static void test_absent_empty_and_nul_are_different(void **state)
{
    struct arena arena = {0};
    struct intern table;
    uint32_t empty, nul;

    (void)state;
    assert_true(intern_init(&table, &arena, key));
    assert_int_equal(intern_add(&table, (struct slice){NULL, 0}), INTERN_NONE);
    empty = intern_add(&table, slice_make("", 0));
    nul = intern_add(&table, slice_make("\0", 1));
    assert_int_not_equal(empty, INTERN_NONE);
    assert_int_not_equal(empty, nul);
    assert_int_equal(intern_add(&table, slice_make("\0", 1)), nul);
    assert_int_equal(intern_text(&table, nul).len, 1);
    assert_true(slice_is_absent(intern_text(&table, INTERN_NONE)));
    intern_free(&table);
    arena_free(&arena);
}

static void test_find_adds_nothing(void **state)
{
    struct arena arena = {0};
    struct intern table;

    (void)state;
    assert_true(intern_init(&table, &arena, key));
    assert_int_equal(intern_find(&table, SLICE_LITERAL("a")), INTERN_NONE);
    assert_int_equal(intern_add(&table, SLICE_LITERAL("b")), 1);
    assert_int_equal(intern_find(&table, SLICE_LITERAL("a")), INTERN_NONE);
    assert_int_equal(intern_find(&table, SLICE_LITERAL("b")), 1);
    intern_free(&table);
    arena_free(&arena);
}

static void test_long_strings_are_cut_and_found_again(void **state)
{
    struct arena arena = {0};
    struct intern table;
    char text[5000];
    uint32_t number;

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_true(intern_init(&table, &arena, key));
    number = intern_add(&table, slice_make(text, sizeof(text)));
    assert_int_equal(intern_text(&table, number).len, 1024);
    assert_int_equal(intern_add(&table, slice_make(text, 1024)), number);
    assert_int_equal(intern_add(&table, slice_make(text, 3000)), number);
    assert_int_not_equal(intern_add(&table, slice_make(text, 1023)), number);
    intern_free(&table);
    arena_free(&arena);
}

static void test_many_strings_keep_their_numbers(void **state)
{
    enum { MANY = 100000 };
    struct arena arena = {0};
    struct intern table;
    char text[32];

    (void)state;
    assert_true(intern_init(&table, &arena, key));
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < MANY; i++) {
            int len = snprintf(text, sizeof(text), "host%u.example", i);

            assert_int_equal(intern_add(&table, slice_make(text, (size_t)len)),
                             i + 1);
        }
    assert_int_equal(table.count, MANY + 1);
    assert_slice_is(intern_text(&table, 77778), "host77777.example", "77778");
    intern_free(&table);
    arena_free(&arena);
}

static void test_merge_renumbers(void **state)
{
    struct arena arenas[2] = {{0}, {0}};
    struct intern into, from;
    uint32_t map[4];

    (void)state;
    assert_true(intern_init(&into, &arenas[0], key));
    assert_true(intern_init(&from, &arenas[1], key));
    intern_add(&into, SLICE_LITERAL("a"));
    intern_add(&into, SLICE_LITERAL("b"));
    intern_add(&from, SLICE_LITERAL("c"));
    intern_add(&from, SLICE_LITERAL("b"));
    intern_add(&from, slice_make("", 0));
    assert_true(intern_merge(&into, &from, map));
    assert_int_equal(map[0], INTERN_NONE);
    assert_slice_is(intern_text(&into, map[1]), "c", "c");
    assert_int_equal(map[2], 2);
    assert_slice_is(intern_text(&into, map[3]), "", "empty");
    arena_adopt(&arenas[0], &arenas[1]);
    intern_free(&from);
    arena_free(&arenas[1]); /* empty by now: takes nothing away */
    assert_slice_is(intern_text(&into, map[1]), "c", "c, its table gone");
    intern_free(&into);
    arena_free(&arenas[0]);
}

static void test_hash_depends_on_the_key(void **state)
{
    static const uint64_t other[2] = {1, 3};
    uint64_t made[2][2];

    (void)state;
    assert_true(keyed_hash(key, SLICE_LITERAL("example.org")) ==
                keyed_hash(key, SLICE_LITERAL("example.org")));
    assert_true(keyed_hash(key, SLICE_LITERAL("example.org")) !=
                keyed_hash(other, SLICE_LITERAL("example.org")));
    assert_true(keyed_hash(key, slice_make("", 0)) !=
                keyed_hash(key, slice_make("\0", 1)));
    keyed_hash_new_key(made[0]);
    keyed_hash_new_key(made[1]);
    assert_memory_not_equal(made[0], made[1], sizeof(made[0]));
}

static void test_hash_set_counts_distinct_ones(void **state)
{
    struct hash_set set = {0};
    uint64_t hash = 0;

    (void)state;
    for (int pass = 0; pass < 2; pass++)
        for (uint64_t i = 0; i < 50000; i++) {
            hash = i * 0x9e3779b97f4a7c15;
            assert_int_equal(hash_set_has(&set, hash), pass != 0);
            assert_int_equal(hash_set_add(&set, hash), pass == 0);
        }
    assert_int_equal(set.count, 50000);
    hash_set_free(&set);
    assert_false(hash_set_has(&set, 5));
    assert_int_equal(hash_set_add(&set, 5), 1);
    hash_set_free(&set);
}

static void test_hash_set_grows_not_within_what_is_reserved(void **state)
{
    (void)state;
    for (size_t most = 0; most < 200; most++) {
        struct hash_set set = {0};
        size_t slot_count;

        assert_int_equal(hash_set_add(&set, 7), 1);
        assert_true(hash_set_reserve(&set, most));
        assert_true(hash_set_has(&set, 7));
        slot_count = set.slot_count;
        for (uint64_t i = 1; i < most; i++)
            assert_int_equal(hash_set_add(&set, i * 0x9e3779b97f4a7c15), 1);
        assert_int_equal(set.slot_count, slot_count);
        hash_set_free(&set);
    }
}

struct visits {
    unsigned bits;
    uint64_t number, count, sum;
};

static void note_visit(void *context, uint64_t hash)
{
    struct visits *visits = context;

    if (visits->bits > 0)
        assert_int_equal(hash >> (64 - visits->bits), visits->number);
    visits->count++;
    visits->sum += hash;
}

/* Many that begin alike, at the end of the table: they stand behind it. */
static void test_hash_set_is_visited_in_parts(void **state)
{
    (void)state;
    for (uint64_t count = 0; count < 300; count += 1 + count / 3) {
        struct hash_set set = {0};
        uint64_t sum = 0;

        for (uint64_t i = 1; i <= count; i++) {
            uint64_t hash =
                i % 3 == 0 ? UINT64_MAX - i : i * 0x9e3779b97f4a7c15;

            assert_int_equal(hash_set_add(&set, hash), 1);
            sum += hash;
        }
        for (unsigned bits = 0; bits < 10; bits++) {
            struct visits visits = {.bits = bits};

            for (; visits.number >> bits == 0; visits.number++)
                hash_set_visit(&set, bits, visits.number, note_visit, &visits);
            assert_int_equal(visits.count, count);
            assert_int_equal(visits.sum, sum);
        }
        hash_set_free(&set);
    }
}

static void test_arena_gives_room_of_any_size(void **state)
{
    struct arena arena = {0};
    char *pieces[300];

    (void)state;
    for (size_t i = 0; i < 300; i++) {
        pieces[i] = arena_alloc(&arena, i * 997 + 1);
        assert_non_null(pieces[i]);
        memset(pieces[i], (int)(i & 0x7f), i * 997 + 1);
    }
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(pieces[i][0], i & 0x7f);
        assert_int_equal(pieces[i][i * 997], i & 0x7f);
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_string_same_number),
        cmocka_unit_test(test_absent_empty_and_nul_are_different),
        cmocka_unit_test(test_find_adds_nothing),
        cmocka_unit_test(test_long_strings_are_cut_and_found_again),
        cmocka_unit_test(test_many_strings_keep_their_numbers),
        cmocka_unit_test(test_merge_renumbers),
        cmocka_unit_test(test_hash_depends_on_the_key),
        cmocka_unit_test(test_hash_set_counts_distinct_ones),
        cmocka_unit_test(test_hash_set_grows_not_within_what_is_reserved),
        cmocka_unit_test(test_hash_set_is_visited_in_parts),
        cmocka_unit_test(test_arena_gives_room_of_any_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
