/* Bytes and words found in a text, and hashes of it, at every length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/bytes.h"
#include "parsers/hash.h"
#include "tests/guard.h"

enum { LONGEST = 140 };

static const uint64_t key[2] = {UINT64_C(0x0706050403020100),
                                UINT64_C(0x0f0e0d0c0b0a0908)};

static inline bytes16 mark_stop(bytes16 c)
{
    return (bytes16)((c == '>') | (c <= ' ') | (c == 0xff));
}

/* A text of one letter, at the end of memory. */
static char *letters(struct guard *guard, size_t len)
{
    char *text = guard->end - len;

    memset(text, 'a', len);
    return text;
}

static void the_first_marked_byte_is_found_at_every_place(void **state)
{
    static const char stops[] = {'>', ' ', '\0', '\xff'};
    struct guard guard;

    (void)state;
    guard_open(&guard, LONGEST);
    for (size_t len = 0; len <= LONGEST; len++) {
        char *text = letters(&guard, len);

        assert_int_equal(bytes_find(slice_make(text, len), mark_stop), len);
        assert_false(bytes_have(slice_make(text, len), mark_stop));
        for (size_t at = len; at-- > 0;) {
            text[at] = stops[at % sizeof(stops)];
            assert_int_equal(bytes_find(slice_make(text, len), mark_stop), at);
            assert_true(bytes_have(slice_make(text, len), mark_stop));
        }
    }
    guard_close(&guard);
}

static void one_byte_is_found_from_both_ends_at_every_place(void **state)
{
    struct guard guard;

    (void)state;
    guard_open(&guard, LONGEST);
    for (size_t len = 0; len <= LONGEST; len++) {
        char *text = letters(&guard, len);
        struct slice all = slice_make(text, len);

        assert_int_equal(bytes_index(all, ','), len);
        assert_int_equal(bytes_last_index(all, ','), len);
        assert_null(bytes_find_near(text, text + len, ','));
        for (size_t first = 0; first < len; first++) {
            for (size_t last = first; last < len; last++) {
                text[first] = text[last] = ',';
                assert_int_equal(bytes_index(all, ','), first);
                assert_int_equal(bytes_last_index(all, ','), last);
                assert_ptr_equal(bytes_find_near(text, text + len, ','),
                                 text + first);
                text[first] = text[last] = 'a';
            }
        }
    }
    guard_close(&guard);
}

static void a_short_text_fills_a_block_up_with_zeros(void **state)
{
    static const char letters_in_order[] = "abcdefghijklmnop";
    struct guard guard;

    (void)state;
    guard_open(&guard, LONGEST);
    for (size_t len = 0; len <= sizeof(bytes16); len++) {
        char *text = letters(&guard, len);
        char wanted[sizeof(bytes16)] = {0};
        bytes16 block;

        memcpy(text, letters_in_order, len);
        memcpy(wanted, letters_in_order, len);
        block = bytes16_load_short(slice_make(text, len));
        assert_memory_equal(&block, wanted, sizeof(block));
        assert_int_equal(bytes16_bits((bytes16)(block != 0)), (1u << len) - 1);
    }
    guard_close(&guard);
}

static void words_are_found_at_every_place_or_not_at_all(void **state)
{
    struct slice words = SLICE_LITERAL("aab");
    struct guard guard;

    (void)state;
    guard_open(&guard, LONGEST);
    for (size_t len = 0; len <= LONGEST; len++) {
        char *text = letters(&guard, len);

        assert_int_equal(slice_find(slice_make(text, len), words), len);
        for (size_t at = 2; at < len; at++) {
            text[at] = 'b';
            assert_int_equal(slice_find(slice_make(text, len), words), at - 2);
            text[at] = 'a';
        }
    }
    guard_close(&guard);
}

static void words_longer_than_the_text_are_not_in_it(void **state)
{
    (void)state;
    assert_int_equal(slice_find(SLICE_LITERAL("ab"), SLICE_LITERAL("abc")), 2);
    assert_int_equal(slice_find((struct slice){NULL, 0}, SLICE_LITERAL("a")),
                     0);
    assert_int_equal(slice_find(SLICE_LITERAL("a"), SLICE_LITERAL("a")), 0);
}

/* Both halves of a product by long multiplication, bit by bit, as one. */
static uint64_t plain_product(uint64_t a, uint64_t b)
{
    uint64_t low = 0, high = 0;

    for (int bit = 63; bit >= 0; bit--) {
        high = high << 1 | low >> 63;
        low <<= 1;
        if ((b >> bit & 1) == 0)
            continue;
        low += a;
        high += low < a;
    }
    return low ^ high;
}

static uint64_t plain_word(const char *text, size_t from, size_t to)
{
    uint64_t word = 0;

    while (to > from)
        word = word << 8 | (unsigned char)text[--to];
    return word;
}

/* The keyed hash as it is defined, byte by byte. */
static uint64_t plain_hash(struct slice text)
{
    uint64_t hash = key[0];
    size_t left = text.len, half;
    const char *at = text.ptr;

    for (; left > 16; left -= 16, at += 16)
        hash = plain_product(hash ^ plain_word(at, 0, 8),
                             key[1] ^ plain_word(at, 8, 16));
    half = left >= 8 ? 8 : left >= 4 ? 4 : left > 0;
    hash ^= plain_word(at, 0, half);
    if (half == 1)
        hash = plain_product(hash, key[1] ^ plain_word(at, left - 1, left) ^
                                       plain_word(at, left / 2, left / 2 + 1)
                                           << 8);
    else
        hash = plain_product(hash, key[1] ^ plain_word(at, left - half, left));
    return plain_product(hash,
                         (2 * text.len + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

static void a_keyed_hash_is_as_defined_at_every_length(void **state)
{
    struct guard guard;

    (void)state;
    guard_open(&guard, LONGEST);
    for (size_t len = 0; len <= LONGEST; len++) {
        char *text = guard.end - len;

        for (size_t i = 0; i < len; i++)
            text[i] = (char)(i * 37 + len);
        assert_true(keyed_hash(key, slice_make(text, len)) ==
                    plain_hash(slice_make(text, len)));
    }
    guard_close(&guard);
}

/* Texts that differ in one place, in their order, or in their length alone. */
static size_t similar_text(unsigned shape, unsigned number, char text[LONGEST])
{
    memset(text, 0, LONGEST);
    switch (shape) {
    case 0: /* addresses of a network */
        text[13] = (char)(number >> 8);
        text[15] = (char)number;
        return 16;
    case 1: /* the high bits of either word */
        text[number % 2 != 0 ? 7 : 15] = (char)(number >> 1);
        text[number % 2 != 0 ? 6 : 14] = (char)(number >> 9 << 4);
        return 16;
    case 2: /* of the middle of a long one */
        text[20] = (char)(number >> 7);
        text[31] = (char)(number & 127);
        return 40;
    case 3: /* zeros */
        text[0] = (char)(number / LONGEST);
        return number % LONGEST + 1;
    default:
        return (size_t)snprintf(text, LONGEST, "user%u@example.org", number);
    }
}

/* In the low bits and in the high ones no more come together than by chance,
 * of which one run in several thousand would fail; the keys are always the
 * same. */
static void a_keyed_hash_spreads_texts_that_are_alike(void **state)
{
    enum { COUNT = 4096, KEYS = 64, MOST = 12 };
    static unsigned char low[COUNT], high[COUNT];

    (void)state;
    for (unsigned run = 0; run < 5 * KEYS; run++) {
        uint64_t made[2] = {plain_product(run + 1, key[0]),
                            plain_product(run + 1, key[1])};

        memset(low, 0, sizeof(low));
        memset(high, 0, sizeof(high));
        for (unsigned number = 0; number < COUNT; number++) {
            char text[LONGEST];
            size_t len = similar_text(run % 5, number, text);
            uint64_t hash = keyed_hash(made, slice_make(text, len));

            assert_true(++low[hash % COUNT] <= MOST);
            assert_true(++high[hash >> 52] <= MOST);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_marked_byte_is_found_at_every_place),
        cmocka_unit_test(one_byte_is_found_from_both_ends_at_every_place),
        cmocka_unit_test(a_short_text_fills_a_block_up_with_zeros),
        cmocka_unit_test(words_are_found_at_every_place_or_not_at_all),
        cmocka_unit_test(words_longer_than_the_text_are_not_in_it),
        cmocka_unit_test(a_keyed_hash_is_as_defined_at_every_length),
        cmocka_unit_test(a_keyed_hash_spreads_texts_that_are_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
