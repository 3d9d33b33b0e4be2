/* Looking for any of several bytes, sixteen at a time, by vectors of the
 * compiler (gcc, clang), so that every machine has them; and clearing. */
#ifndef QSCAN_PARSERS_BYTES_H
#define QSCAN_PARSERS_BYTES_H

#include "parsers/slice.h"

typedef unsigned char bytes16 __attribute__((vector_size(16)));

/* The bytes of a block that are looked for: 0xff, the others 0. */
typedef bytes16 (*bytes_mark)(bytes16 block);

static inline bytes16 bytes16_load(const char *p)
{
    bytes16 block;

    memcpy(&block, p, sizeof(block));
    return block;
}

static inline bool bytes16_has_any(bytes16 marks)
{
    uint64_t halves[2];

    memcpy(halves, &marks, sizeof(halves));
    return (halves[0] | halves[1]) != 0;
}

/* Offset of the first marked byte of a block, or 16. */
static inline size_t bytes16_first(bytes16 marks)
{
    uint64_t halves[2];

    memcpy(halves, &marks, sizeof(halves));
    for (size_t i = 0; i < 2; i++) {
        if (halves[i] == 0)
            continue;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        return i * 8 + (size_t)__builtin_clzll(halves[i]) / 8;
#else
        return i * 8 + (size_t)__builtin_ctzll(halves[i]) / 8;
#endif
    }
    return sizeof(marks);
}

/* Offset of the first byte of text that is marked, or its length. Inlined, as
 * mark is. */
static inline size_t bytes_find(struct slice text, bytes_mark mark)
{
    size_t at = 0, first;
    bytes16 block = {0}, marks;

    if (text.len < sizeof(block)) {
        if (text.len == 0)
            return 0;
        memcpy(&block, text.ptr, text.len);
        marks = mark(block);
    } else {
        for (; at + sizeof(block) <= text.len; at += sizeof(block)) {
            marks = mark(bytes16_load(text.ptr + at));
            if (bytes16_has_any(marks))
                return at + bytes16_first(marks);
        }
        /* Once more what was looked at, for a last whole block. */
        at = text.len - sizeof(block);
        marks = mark(bytes16_load(text.ptr + at));
    }
    if (!bytes16_has_any(marks))
        return text.len;
    first = at + bytes16_first(marks);
    return first < text.len ? first : text.len;
}

/* Whether any byte of text is marked. */
static inline bool bytes_have(struct slice text, bytes_mark mark)
{
    return bytes_find(text, mark) < text.len;
}

/*
 * memset and memcpy of a structure of some hundred bytes, once a line. The
 * compiler, which knows its size, would write "rep stos" for it on x86, which
 * is slow to begin; the library does not.
 */
void bytes_clear(void *memory, size_t count);
void bytes_copy(void *to, const void *from, size_t count);

#endif
