/*
 * A slice is a view of bytes that somebody else owns: pointer and length,
 * never NUL-terminated, any byte value allowed. An absent value is a slice
 * whose ptr is NULL; an empty one has len 0 and a non-NULL ptr.
 */
#ifndef QSCAN_PARSERS_SLICE_H
#define QSCAN_PARSERS_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

/* For a string literal or array whose size the compiler knows. */
#define SLICE_LITERAL(text) ((struct slice)SLICE_TEXT(text))
/* The same in the initializer of a static table. */
#define SLICE_TEXT(text)                                                       \
    {                                                                          \
        (text), sizeof(text) - 1                                               \
    }

static inline struct slice slice_make(const char *ptr, size_t len)
{
    return (struct slice){ptr, len};
}

static inline struct slice slice_from_string(const char *text)
{
    return (struct slice){text, text == NULL ? 0 : strlen(text)};
}

static inline bool slice_is_absent(struct slice s)
{
    return s.ptr == NULL;
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len &&
           (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool slice_ends(struct slice s, struct slice suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 ||
            memcmp(s.ptr + (s.len - suffix.len), suffix.ptr, suffix.len) == 0);
}

/* The rest of s after its first count bytes (count is clipped to s.len). */
static inline struct slice slice_skip(struct slice s, size_t count)
{
    if (count > s.len)
        count = s.len;
    return (struct slice){s.ptr == NULL ? NULL : s.ptr + count, s.len - count};
}

/* The first count bytes of s (clipped to s.len). */
static inline struct slice slice_head(struct slice s, size_t count)
{
    return (struct slice){s.ptr, count < s.len ? count : s.len};
}

/* Offset of the first byte c in s, or s.len when there is none. */
static inline size_t slice_index(struct slice s, char c)
{
    const char *hit =
        s.len == 0 ? NULL : memchr(s.ptr, (unsigned char)c, s.len);

    return hit == NULL ? s.len : (size_t)(hit - s.ptr);
}

/* Offset of the first words in s, or s.len. Mostly there are few bytes like
 * the first of them; then memmem, which makes a table, takes longer. */
static inline size_t slice_find(struct slice s, struct slice words)
{
    size_t at = 0;
    const char *hit;

    if (words.len == 0 || s.len < words.len)
        return s.len;
    for (int tries = 0; tries < 8; tries++, at++) {
        at += slice_index(slice_skip(s, at), words.ptr[0]);
        if (s.len - at < words.len)
            return s.len;
        if (memcmp(s.ptr + at, words.ptr, words.len) == 0)
            return at;
    }
    hit = memmem(s.ptr + at, s.len - at, words.ptr, words.len);
    return hit == NULL ? s.len : (size_t)(hit - s.ptr);
}

/* Locale-free; the files are older than any locale of today. */
static inline bool byte_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Letters pass the first test. */
static inline bool byte_is_space(char c)
{
    return c <= ' ' && (c == ' ' || (c >= '\t' && c <= '\r'));
}

static inline bool byte_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool byte_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline char byte_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline bool slice_equal_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    if (a.len == 0)
        return true;
    if (byte_lower(a.ptr[0]) != byte_lower(b.ptr[0]))
        return false;
    if (memcmp(a.ptr, b.ptr, a.len) == 0) /* as mostly when they are equal */
        return true;
    for (size_t i = 1; i < a.len; i++)
        if (byte_lower(a.ptr[i]) != byte_lower(b.ptr[i]))
            return false;
    return true;
}

static inline bool slice_starts_nocase(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len &&
           slice_equal_nocase(slice_head(s, prefix.len), prefix);
}

/* Without white space (newlines too) at both ends. */
static inline struct slice slice_trim(struct slice s)
{
    size_t first = 0, end = s.len;

    while (first < end && byte_is_space(s.ptr[first]))
        first++;
    while (end > first && byte_is_space(s.ptr[end - 1]))
        end--;
    return slice_skip(slice_head(s, end), first);
}

/* A name as others write it: "example.net.". */
static inline struct slice slice_without_final_dot(struct slice name)
{
    if (name.len > 0 && name.ptr[name.len - 1] == '.')
        name.len--;
    return name;
}

/* A line without "\n", or "\r\n", at its end. */
static inline struct slice slice_without_newline(struct slice line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\n')
        line.len--;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Takes the next line off *rest, without its "\n" or "\r\n"; false at the end.
 * A last line without newline is a line. */
static inline bool slice_next_line(struct slice *rest, struct slice *line_r)
{
    const char *newline;
    size_t taken;

    if (rest->len == 0)
        return false;
    newline = memchr(rest->ptr, '\n', rest->len);
    taken = newline == NULL ? rest->len : (size_t)(newline - rest->ptr) + 1;
    *line_r = slice_without_newline(slice_make(rest->ptr, taken));
    *rest = slice_make(rest->ptr + taken, rest->len - taken);
    return true;
}

/* Takes white space, and the word behind it, off *rest; empty at the end. */
static inline struct slice slice_next_word(struct slice *rest)
{
    size_t start = 0, end;
    struct slice word;

    while (start < rest->len && byte_is_space(rest->ptr[start]))
        start++;
    end = start;
    while (end < rest->len && !byte_is_space(rest->ptr[end]))
        end++;
    word = slice_skip(slice_head(*rest, end), start);
    *rest = slice_skip(*rest, end);
    return word;
}

/* Decimal integer that fills the whole slice, with an optional '-'; false and
 * *number_r untouched on anything else, overflow included. */
static inline bool slice_to_integer(struct slice s, int64_t *number_r)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t limit = (uint64_t)INT64_MAX;
    uint64_t value = 0;

    if (negative)
        s = slice_skip(s, 1);
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        uint64_t digit = (unsigned char)s.ptr[i] - (uint64_t)'0';

        if (digit > 9)
            return false;
        /* eighteen digits always fit */
        if (i >= 18 && value > (limit - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *number_r = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

#endif
