/* Looking for any of several bytes, and lowering them, sixteen at a time, by
 * vectors of the compiler (gcc, clang), so that every machine has them; and
 * clearing and copying. */
#ifndef QSCAN_PARSERS_BYTES_H
#define QSCAN_PARSERS_BYTES_H

#include "parsers/slice.h"

/* Eight bytes as a number, the first of them lowest. */
static inline uint64_t bytes_word(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Four, likewise. */
static inline uint64_t bytes_half_word(const char *p)
{
    uint32_t word;

    memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word;
}

/*
 * memcmp(...) == 0 for a count, and mostly words, that the compiler knows: it
 * calls the library for all but 1, 2, 4 and 8 bytes. Here halves that may
 * overlap are compared, and what is longer when it begins alike.
 */
static inline __attribute__((always_inline)) bool
bytes_same(const char *p, const char *words, size_t count)
{
    if (count > 16)
        return bytes_word(p) == bytes_word(words) &&
               memcmp(p + 8, words + 8, count - 8) == 0;
    if (count >= 8)
        return bytes_word(p) == bytes_word(words) &&
               bytes_word(p + count - 8) == bytes_word(words + count - 8);
    if (count >= 4)
        return bytes_half_word(p) == bytes_half_word(words) &&
               bytes_half_word(p + count - 4) ==
                   bytes_half_word(words + count - 4);
    return memcmp(p, words, count) == 0;
}

typedef unsigned char bytes16 __attribute__((vector_size(16)));

/* The bytes of a block that are looked for: 0xff, the others 0. */
typedef bytes16 (*bytes_mark)(bytes16 block);

static inline bytes16 bytes16_load(const char *p)
{
    bytes16 block;

    memcpy(&block, p, sizeof(block));
    return block;
}

/* A text of at most sixteen bytes, what is behind it 0. Its halves may
 * overlap: a copy of a length that is known takes no call. */
static inline bytes16 bytes16_load_short(struct slice text)
{
    unsigned char bytes[16] = {0};
    bytes16 block;

    if (text.len >= 8) {
        memcpy(bytes, text.ptr, 8);
        memcpy(bytes + text.len - 8, text.ptr + text.len - 8, 8);
    } else if (text.len >= 4) {
        memcpy(bytes, text.ptr, 4);
        memcpy(bytes + text.len - 4, text.ptr + text.len - 4, 4);
    } else {
        for (size_t i = 0; i < text.len; i++)
            bytes[i] = (unsigned char)text.ptr[i];
    }
    memcpy(&block, bytes, sizeof(block));
    return block;
}

/* A bit for each byte of marks, that of the first byte the lowest. */
static inline unsigned bytes16_bits(bytes16 marks)
{
#ifdef __SSE2__
    typedef char chars16 __attribute__((vector_size(16)));

    return (unsigned)__builtin_ia32_pmovmskb128((chars16)marks);
#else
    /* of each byte another bit is kept; the sum of all comes out on top */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    const uint64_t kept = UINT64_C(0x0102040810204080);
#else
    const uint64_t kept = UINT64_C(0x8040201008040201);
#endif
    const uint64_t sum = UINT64_C(0x0101010101010101);
    uint64_t halves[2];

    memcpy(halves, &marks, sizeof(halves));
    return (unsigned)((halves[0] & kept) * sum >> 56) |
           (unsigned)((halves[1] & kept) * sum >> 56) << 8;
#endif
}

static inline bool bytes16_has_any(bytes16 marks)
{
    return bytes16_bits(marks) != 0;
}

/* The lowest and the highest bit that is set; there must be one. */
static inline size_t bits_first(unsigned bits)
{
    return (unsigned)__builtin_ctz(bits);
}

static inline size_t bits_last(unsigned bits)
{
    return 31u ^ (unsigned)__builtin_clz(bits);
}

/* The bits of a block: by mark, or without one of the bytes that are c. */
static inline unsigned bytes16_marked(bytes16 block, bytes_mark mark, char c)
{
    return bytes16_bits(mark != NULL ? mark(block)
                                     : (bytes16)(block == (unsigned char)c));
}

/* Offset of the first marked byte of text, or its length. Inlined, as mark
 * is. */
static inline size_t bytes_find_marked(struct slice text, bytes_mark mark,
                                       char c)
{
    enum { WIDTH = sizeof(bytes16) };
    const char *p = text.ptr;
    const char *last; /* block */
    unsigned bits;

    if (text.len < WIDTH) {
        bits = bytes16_marked(bytes16_load_short(text), mark, c) &
               ((1u << text.len) - 1);
        return bits != 0 ? bits_first(bits) : text.len;
    }
    last = text.ptr + (text.len - WIDTH);
    do {
        bits = bytes16_marked(bytes16_load(p), mark, c);
        if (bits != 0)
            return (size_t)(p - text.ptr) + bits_first(bits);
        p += WIDTH;
    } while (p <= last);
    /* Once more what was looked at, for a last whole block. */
    bits = bytes16_marked(bytes16_load(last), mark, c);
    return bits != 0 ? (size_t)(last - text.ptr) + bits_first(bits) : text.len;
}

/* Offset of the last marked byte of text, or its length. */
static inline size_t bytes_find_last_marked(struct slice text, bytes_mark mark,
                                            char c)
{
    enum { WIDTH = sizeof(bytes16) };
    size_t end = text.len;
    unsigned bits;

    if (text.len < WIDTH) {
        bits = bytes16_marked(bytes16_load_short(text), mark, c) &
               ((1u << text.len) - 1);
        return bits != 0 ? bits_last(bits) : text.len;
    }
    for (; end >= WIDTH; end -= WIDTH) {
        bits = bytes16_marked(bytes16_load(text.ptr + end - WIDTH), mark, c);
        if (bits != 0)
            return end - WIDTH + bits_last(bits);
    }
    bits = bytes16_marked(bytes16_load(text.ptr), mark, c) & ((1u << end) - 1);
    return bits != 0 ? bits_last(bits) : text.len;
}

static inline size_t bytes_find(struct slice text, bytes_mark mark)
{
    return bytes_find_marked(text, mark, 0);
}

/* Like slice_index, where the byte is mostly near: no call. */
static inline size_t bytes_index(struct slice text, char c)
{
    return bytes_find_marked(text, NULL, c);
}

static inline size_t bytes_last_index(struct slice text, char c)
{
    return bytes_find_last_marked(text, NULL, c);
}

/*
 * memchr for a byte that mostly is within 64: those are looked at at once,
 * without a branch for each sixteen that a processor would have to guess.
 */
static inline const char *bytes_find_near(const char *at, const char *end,
                                          char c)
{
    enum { WIDTH = sizeof(bytes16) };

    if (end - at >= 4 * WIDTH) {
        uint64_t bits = 0;

        for (unsigned i = 0; i < 4; i++)
            bits |=
                (uint64_t)bytes16_marked(bytes16_load(at + i * WIDTH), NULL, c)
                << i * WIDTH;
        if (bits != 0)
            return at + __builtin_ctzll(bits);
        at += 4 * WIDTH;
    }
    return memchr(at, (unsigned char)c, (size_t)(end - at));
}

/* Whether any byte of text is marked. */
static inline bool bytes_have(struct slice text, bytes_mark mark)
{
    return bytes_find(text, mark) < text.len;
}

/* As byte_is_space. */
static inline bytes16 bytes16_mark_space(bytes16 block)
{
    return (bytes16)((block == ' ') | (block - '\t' <= '\r' - '\t'));
}

static inline bytes16 bytes16_mark_upper(bytes16 block)
{
    return (bytes16)(block - 'A' <= 'Z' - 'A');
}

static inline bytes16 bytes16_lower(bytes16 block)
{
    return block | (bytes16_mark_upper(block) & 0x20);
}

/* Writes text in lower case to room for it, which is elsewhere. */
static inline struct slice bytes_lower(char *to, struct slice text)
{
    size_t at = 0;
    bytes16 block;

    for (; at + sizeof(block) <= text.len; at += sizeof(block)) {
        block = bytes16_lower(bytes16_load(text.ptr + at));
        memcpy(to + at, &block, sizeof(block));
    }
    for (; at < text.len; at++)
        to[at] = byte_lower(text.ptr[at]);
    return slice_make(to, text.len);
}

/*
 * memset of a structure of some hundred bytes, once a line. The compiler,
 * which knows its size, would write "rep stos" for it on x86, which is slow to
 * begin; the library does not.
 */
void bytes_clear(void *memory, size_t count);

/* memcpy of a text that the compiler knows to be of some hundred bytes at
 * most, for which it would write "rep movs". */
void bytes_copy(char *to, struct slice text);

#endif
