/* Names of hosts come back as they went in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "qscan/names.h"
#include "tests/assert_slice.h"

static const uint64_t key[2] = {UINT64_C(0x243f6a8885a308d3),
                                UINT64_C(0x13198a2e03707344)};

static void init(struct names *names, struct arena *arena)
{
    *arena = (struct arena){NULL};
    assert_true(names_init(names, arena, key));
}

static void done(struct names *names, struct arena *arena)
{
    names_free(names);
    arena_free(arena);
}

static void test_a_name_comes_back_whole(void **state)
{
    static const char *const given[] = {"dsl-7.provider.example",
                                        "dsl-8.provider.example",
                                        "localhost",
                                        ".",
                                        ".example",
                                        "a..b",
                                        "example.",
                                        "A.Provider.EXAMPLE"};
    enum { COUNT = sizeof(given) / sizeof(given[0]) };
    uint32_t numbers[COUNT];
    char room[NAMES_TEXT_MAX];
    struct arena arena;
    struct names names;

    (void)state;
    init(&names, &arena);
    for (size_t i = 0; i < COUNT; i++) {
        numbers[i] = names_add(&names, slice_from_string(given[i]));
        assert_int_not_equal(numbers[i], NAMES_NONE);
    }
    for (size_t i = 0; i < COUNT; i++)
        assert_slice_is(names_text(&names, numbers[i], room), given[i],
                        given[i]);
    done(&names, &arena);
}

static void test_no_name_is_absent(void **state)
{
    char room[NAMES_TEXT_MAX];
    struct arena arena;
    struct names names;

    (void)state;
    init(&names, &arena);
    assert_int_equal(names_add(&names, (struct slice){NULL, 0}), NAMES_NONE);
    assert_int_equal(names_add(&names, SLICE_LITERAL("")), NAMES_NONE);
    assert_true(slice_is_absent(names_text(&names, NAMES_NONE, room)));
    done(&names, &arena);
}

/* Dots anywhere or nowhere, and more bytes than are kept. */
static void test_a_name_of_any_length_comes_back_cut_at_the_limit(void **state)
{
    static char text[NAMES_TEXT_MAX + 300];
    char room[NAMES_TEXT_MAX];
    struct arena arena;
    struct names names;

    (void)state;
    init(&names, &arena);
    for (size_t dot = 0; dot < 600; dot += 7) {
        memset(text, 'x', sizeof(text));
        text[dot] = '.';
        for (size_t len = 1; len <= sizeof(text); len += 13) {
            struct slice name = slice_make(text, len);
            uint32_t number = names_add(&names, name);

            assert_int_not_equal(number, NAMES_NONE);
            assert_true(slice_equal(names_text(&names, number, room),
                                    slice_head(name, NAMES_TEXT_MAX)));
        }
    }
    done(&names, &arena);
}

static void test_a_rest_in_common_is_kept_once(void **state)
{
    enum { MANY = 200000 };
    char text[64], room[NAMES_TEXT_MAX];
    struct arena arena;
    struct names names;
    uint32_t first = 0, last = 0;

    (void)state;
    init(&names, &arena);
    for (unsigned i = 0; i < MANY; i++) {
        int len =
            snprintf(text, sizeof(text), "ppp-%u.pool%u.example", i, i % 3);

        last = names_add(&names, slice_make(text, (size_t)len));
        assert_true(i == 0 || last > first);
        first = i == 0 ? last : first;
    }
    assert_int_equal(names.rests.count, 1 + 3);
    assert_slice_is(names_text(&names, first, room), "ppp-0.pool0.example",
                    "first");
    assert_slice_is(names_text(&names, last, room), text, "last");
    /* sixteen bytes each and what is left of a block, not sixty */
    assert_true(names.block_count < MANY / 64 / 64 + 2);
    done(&names, &arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_comes_back_whole),
        cmocka_unit_test(test_no_name_is_absent),
        cmocka_unit_test(test_a_name_of_any_length_comes_back_cut_at_the_limit),
        cmocka_unit_test(test_a_rest_in_common_is_kept_once),
    };

    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
