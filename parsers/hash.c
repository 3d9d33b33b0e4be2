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

uint64_t keyed_hash(const uint64_t key[2], struct slice text)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575U, key[1] ^ 0x646f72616e646f6dU,
                     key[0] ^ 0x6c7967656e657261U,
                     key[1] ^ 0x7465646279746573U};
    uint64_t last = (uint64_t)text.len << 56;
    uint64_t word;
    size_t whole = text.len & ~(size_t)7;

    for (size_t i = 0; i < whole; i += 8) {
        memcpy(&word, text.ptr + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    if (whole > 0 && whole < text.len) { /* the last bytes, in one step */
        memcpy(&word, text.ptr + text.len - 8, 8);
        last |= word >> (8 * (whole + 8 - text.len));
    } else {
        for (size_t i = whole; i < text.len; i++)
            last |= (uint64_t)(unsigned char)text.ptr[i] << (8 * (i - whole));
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
