/* Bytes and words found in a text, and hashes of it, at every length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/bytes.h"
#include "parsers/hash.h"
#include "tests/guard.h"

enum { LONGEST = 70 };

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
        for (size_t first = 0; first < len; first++) {
            for (size_t last = first; last < len; last++) {
                text[first] = text[last] = ',';
                assert_int_equal(bytes_index(all, ','), first);
                assert_int_equal(bytes_last_index(all, ','), last);
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

static uint64_t turned(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void plain_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = turned(v[1], 13) ^ v[0];
    v[0] = turned(v[0], 32);
    v[2] += v[3];
    v[3] = turned(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = turned(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = turned(v[1], 17) ^ v[2];
    v[2] = turned(v[2], 32);
}

/* SipHash-1-3 as it is defined, byte by byte. */
static uint64_t plain_hash(struct slice text)
{
    uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575),
                     key[1] ^ UINT64_C(0x646f72616e646f6d),
                     key[0] ^ UINT64_C(0x6c7967656e657261),
                     key[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t word = 0;

    for (size_t i = 0; i <= text.len / 8 * 8 + 7; i++) {
        uint64_t byte = i < text.len ? (unsigned char)text.ptr[i] : 0;

        if (i == text.len / 8 * 8 + 7)
            byte = text.len & 0xff;
        word |= byte << 8 * (i % 8);
        if (i % 8 != 7)
            continue;
        v[3] ^= word;
        plain_round(v);
        v[0] ^= word;
        word = 0;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        plain_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void a_keyed_hash_is_siphash_at_every_length(void **state)
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

static void a_remembered_hash_is_the_keyed_hash(void **state)
{
    static struct hash_memory memory;
    char text[LONGEST];

    (void)state;
    for (unsigned round = 0; round < 5000; round++) {
        size_t len = round * 7 % (LONGEST + 1);

        for (size_t i = 0; i < len; i++)
            text[i] = (char)('a' + (round / 3 + i * i) % 11);
        for (int again = 0; again < 2; again++)
            assert_true(keyed_hash_again(&memory, key, slice_make(text, len)) ==
                        keyed_hash(key, slice_make(text, len)));
    }
}

static void a_loose_hash_hangs_on_every_byte_and_the_length(void **state)
{
    struct guard guard;

    (void)state;
    guard_open(&guard, LONGEST);
    for (size_t len = 1; len <= LONGEST; len++) {
        char *text = letters(&guard, len);
        uint32_t hash = loose_hash(slice_make(text, len));

        assert_true(loose_hash(slice_make(text, len - 1)) != hash);
        for (size_t at = 0; at < len; at++) {
            text[at] = 'b';
            assert_true(loose_hash(slice_make(text, len)) != hash);
            text[at] = 'a';
        }
    }
    guard_close(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_marked_byte_is_found_at_every_place),
        cmocka_unit_test(one_byte_is_found_from_both_ends_at_every_place),
        cmocka_unit_test(a_short_text_fills_a_block_up_with_zeros),
        cmocka_unit_test(words_are_found_at_every_place_or_not_at_all),
        cmocka_unit_test(words_longer_than_the_text_are_not_in_it),
        cmocka_unit_test(a_keyed_hash_is_siphash_at_every_length),
        cmocka_unit_test(a_remembered_hash_is_the_keyed_hash),
        cmocka_unit_test(a_loose_hash_hangs_on_every_byte_and_the_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
