#include "parsers/hash.h"

#include "parsers/bytes.h"

/* Both halves of the product, folded into one: each bit of it hangs on all of
 * both factors. */
static inline uint64_t folded_product(uint64_t a, uint64_t b)
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

/* Four bytes as a number, likewise. */
static inline uint64_t half_word(const char *p)
{
    uint32_t word;

    memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word;
}

/* At most sixteen bytes as two numbers, from both ends: they may overlap, so
 * only together with the length do they say which text it is. */
static inline void short_words(struct slice text, uint64_t words_r[2])
{
    const char *end = text.ptr + text.len;

    if (text.len >= 8) {
        words_r[0] = bytes_word(text.ptr);
        words_r[1] = bytes_word(end - 8);
    } else if (text.len >= 4) {
        words_r[0] = half_word(text.ptr);
        words_r[1] = half_word(end - 4);
    } else if (text.len > 0) {
        words_r[0] = (unsigned char)text.ptr[0];
        words_r[1] = (uint64_t)(unsigned char)text.ptr[text.len / 2] << 8 |
                     (unsigned char)end[-1];
    } else {
        words_r[0] = 0;
        words_r[1] = 0;
    }
}

/* Sixteen bytes at a time go into the factors of a product, each hidden by
 * what nobody knows; the length, odd and spread over a word, into a last one.
 */
static inline uint64_t hash_of(uint64_t hidden, uint64_t key, struct slice text)
{
    uint64_t length =
        (2 * (uint64_t)text.len + 1) * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t words[2];

    for (; text.len > 16; text = slice_make(text.ptr + 16, text.len - 16)) {
        hidden = folded_product(hidden ^ bytes_word(text.ptr),
                                key ^ bytes_word(text.ptr + 8));
    }
    short_words(text, words);
    hidden = folded_product(hidden ^ words[0], key ^ words[1]);
    return folded_product(hidden, length);
}

uint64_t keyed_hash(const uint64_t key[2], struct slice text)
{
    return hash_of(key[0], key[1], text);
}

uint32_t loose_hash(struct slice text)
{
    return (uint32_t)hash_of(UINT64_C(0x243f6a8885a308d3),
                             UINT64_C(0x13198a2e03707344), text);
}
