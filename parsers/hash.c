#include "parsers/hash.h"

#include "parsers/bytes.h"

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

/* Four, likewise. */
static inline uint64_t half_word_at(const char *p)
{
    uint32_t word;

    memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word;
}

static inline uint64_t byte_at(struct slice text, size_t at)
{
    return (uint64_t)(unsigned char)text.ptr[at] << 8 * at;
}

/* What is behind the last whole word, the first byte lowest. Read in one go
 * with bytes before it, or in parts that may overlap. */
static inline uint64_t last_bytes(struct slice text)
{
    size_t rest = text.len & 7;

    if (rest == 0)
        return 0;
    if (text.len > 8)
        return bytes_word(text.ptr + text.len - 8) >> (64 - 8 * rest);
    if (rest >= 4)
        return half_word_at(text.ptr) | half_word_at(text.ptr + rest - 4)
                                            << 8 * (rest - 4);
    return byte_at(text, 0) | byte_at(text, rest / 2) | byte_at(text, rest - 1);
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
        word = bytes_word(text.ptr + i);
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

uint32_t loose_hash(struct slice text)
{
    uint64_t hash = text.len * UINT64_C(0x9e3779b97f4a7c15);
    size_t whole = text.len & ~(size_t)7;

    for (size_t i = 0; i < whole; i += 8) {
        hash = (hash ^ bytes_word(text.ptr + i)) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    hash = (hash ^ last_bytes(text)) * UINT64_C(0xff51afd7ed558ccd);
    return (uint32_t)(hash ^ hash >> 32);
}

uint64_t keyed_hash_again(struct hash_memory *memory, const uint64_t key[2],
                          struct slice text)
{
    struct hash_place *place;
    unsigned mark;

    if (text.len == 0 || text.len > HASH_PLACE_BYTES)
        return keyed_hash(key, text);
    /* Whoever fills one place has the others hashed as ever. */
    mark = (unsigned char)text.ptr[text.len - 1] +
           (unsigned char)text.ptr[text.len / 2] * 3u + (unsigned)text.len;
    place = &memory->places[mark % HASH_PLACES];
    if (place->len != text.len ||
        memcmp(place->text, text.ptr, text.len) != 0) {
        place->hash = keyed_hash(key, text);
        place->len = (uint8_t)text.len;
        memcpy(place->text, text.ptr, text.len);
    }
    return place->hash;
}
