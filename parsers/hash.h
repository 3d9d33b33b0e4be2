/* Hashes of texts that strangers choose. */
#ifndef QSCAN_PARSERS_HASH_H
#define QSCAN_PARSERS_HASH_H

#include "parsers/bytes.h"

/* Both halves of the product, folded into one: each bit of it hangs on all of
 * both factors. */
static inline uint64_t hash_product(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t a_low = (uint32_t)a, a_high = a >> 32;
    uint64_t b_low = (uint32_t)b, b_high = b >> 32;
    uint64_t low = a_low * b_low;
    uint64_t middle = a_high * b_low + (low >> 32);
    uint64_t other = a_low * b_high + (uint32_t)middle;

    return (other << 32 | (uint32_t)low) ^
           (a_high * b_high + (middle >> 32) + (other >> 32));
#endif
}

/* At most sixteen bytes as two numbers, from both ends: they may overlap, so
 * only together with the length do they say which text it is. */
static inline void hash_words(struct slice text, uint64_t words_r[2])
{
    if (text.len >= 8) {
        words_r[0] = bytes_word(text.ptr);
        words_r[1] = bytes_word(text.ptr + text.len - 8);
    } else if (text.len >= 4) {
        words_r[0] = bytes_half_word(text.ptr);
        words_r[1] = bytes_half_word(text.ptr + text.len - 4);
    } else if (text.len > 0) {
        words_r[0] = (unsigned char)text.ptr[0];
        words_r[1] = (uint64_t)(unsigned char)text.ptr[text.len / 2] << 8 |
                     (unsigned char)text.ptr[text.len - 1];
    } else {
        words_r[0] = 0;
        words_r[1] = 0;
    }
}

/*
 * Keyed, so that nobody who chooses names can make a table slow, or two names
 * one. The key is the caller's to make, of 128 random bits: one that can be
 * guessed protects nothing, and one of small or equal halves not even against
 * chance. It holds against who never sees a hash, as nobody does outside this
 * process: they order no output, are not stored, and are not sent. Of a short
 * text it takes a fifth of the time of SipHash, which is made for those who may
 * see hashes.
 *
 * Sixteen bytes at a time go into the factors of a product, each hidden by what
 * nobody knows; the length, odd and spread over a word, into a last one.
 */
static inline uint64_t keyed_hash(const uint64_t key[2], struct slice text)
{
    uint64_t length =
        (2 * (uint64_t)text.len + 1) * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = key[0];
    uint64_t words[2];

    for (; text.len > 16; text = slice_make(text.ptr + 16, text.len - 16))
        hash = hash_product(hash ^ bytes_word(text.ptr),
                            key[1] ^ bytes_word(text.ptr + 8));
    hash_words(text, words);
    hash = hash_product(hash ^ words[0], key[1] ^ words[1]);
    return hash_product(hash, length);
}

#endif
