#include "parsers/hash.h"

static inline uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

/* Eight bytes, the first of them lowest. */
static inline uint64_t word_at(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* What is behind the last whole word, read in one go with bytes before it
 * where there are any. */
static inline uint64_t last_bytes(struct slice text)
{
    size_t rest = text.len & 7;
    uint64_t last = 0;

    if (rest == 0)
        return 0;
    if (text.len > 8)
        return word_at(text.ptr + text.len - 8) >> (64 - 8 * rest);
    for (size_t i = 0; i < rest; i++)
        last |= (uint64_t)(unsigned char)text.ptr[i] << (8 * i);
    return last;
}

uint64_t keyed_hash(const uint64_t key[2], struct slice text)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575U, key[1] ^ 0x646f72616e646f6dU,
                     key[0] ^ 0x6c7967656e657261U,
                     key[1] ^ 0x7465646279746573U};
    uint64_t last = (uint64_t)text.len << 56 | last_bytes(text);
    uint64_t word;
    size_t whole = text.len & ~(size_t)7;

    for (size_t i = 0; i < whole; i += 8) {
        word = word_at(text.ptr + i);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
