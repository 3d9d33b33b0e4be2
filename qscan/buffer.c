#include "qscan/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "parsers/bytes.h"

void buffer_free(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

static bool reserve(struct buffer *buffer, size_t more)
{
    size_t capacity = buffer->capacity == 0 ? 4096 : buffer->capacity;
    char *bytes;

    if (buffer->capacity - buffer->len >= more)
        return true;
    while (capacity - buffer->len < more)
        capacity *= 2;
    bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL) {
        buffer->has_failed = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

void buffer_add(struct buffer *buffer, struct slice text)
{
    if (text.len == 0 || !reserve(buffer, text.len))
        return;
    memcpy(buffer->bytes + buffer->len, text.ptr, text.len);
    buffer->len += text.len;
}

void buffer_add_string(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, slice_from_string(text));
}

static void add_byte(struct buffer *buffer, char byte)
{
    if (buffer->len < buffer->capacity || reserve(buffer, 1))
        buffer->bytes[buffer->len++] = byte;
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list args;
    int n;

    if (!reserve(buffer, 256))
        return;
    va_start(args, format);
    n = vsnprintf(buffer->bytes + buffer->len, buffer->capacity - buffer->len,
                  format, args);
    va_end(args);
    if (n < 0)
        return;
    if ((size_t)n >= buffer->capacity - buffer->len) {
        if (!reserve(buffer, (size_t)n + 1))
            return;
        va_start(args, format);
        vsnprintf(buffer->bytes + buffer->len, (size_t)n + 1, format, args);
        va_end(args);
    }
    buffer->len += (size_t)n;
}

/* Length of the valid UTF-8 sequence at the start of text (RFC 3629), its code
 * point in *code_r; 0 when there is none. */
static size_t utf8_decode(struct slice text, uint32_t *code_r)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)text.ptr[0];
    size_t len = first < 0x80             ? 1
                 : (first & 0xe0) == 0xc0 ? 2
                 : (first & 0xf0) == 0xe0 ? 3
                 : (first & 0xf8) == 0xf0 ? 4
                                          : 0;
    uint32_t code;

    if (len == 0 || len > text.len)
        return 0;
    code = len == 1 ? first : first & (0xffU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        unsigned char next = (unsigned char)text.ptr[i];

        if ((next & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (next & 0x3f);
    }
    if (code < least[len] || code > 0x10ffff ||
        (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *code_r = code;
    return len;
}

/* Code points that a terminal obeys, that change how others are read, or that
 * show nothing. */
static bool is_harmless(uint32_t code)
{
    if (code < 0x20 || code == 0x7f || (code >= 0x80 && code < 0xa0))
        return false;
    if (code == 0xad || code == 0x34f || code == 0x61c || code == 0x17b4 ||
        code == 0x17b5 || (code >= 0x180b && code <= 0x180f))
        return false;
    if (code == 0x115f || code == 0x1160 || code == 0x3164 || code == 0xffa0 ||
        (code >= 0xfe00 && code <= 0xfe0f))
        return false;
    if ((code >= 0x200b && code <= 0x200f) ||
        (code >= 0x2028 && code <= 0x202e) ||
        (code >= 0x2060 && code <= 0x206f))
        return false;
    if ((code >= 0xe000 && code <= 0xf8ff) || code == 0xfeff ||
        (code >= 0xfff0 && code <= 0xffff))
        return false;
    return code < 0xe0000;
}

/* One character or byte of *rest as it is shown; takes it off. */
static size_t escape_next(struct slice *rest, bool is_ascii,
                          bool doubles_backslash, char shown[static 8],
                          size_t *columns_r)
{
    uint32_t code;
    size_t len = utf8_decode(*rest, &code);

    if (len > 0 && is_harmless(code) && (len == 1 || !is_ascii) &&
        (code != '\\' || !doubles_backslash)) {
        memcpy(shown, rest->ptr, len);
        *rest = slice_skip(*rest, len);
        *columns_r = 1;
        return len;
    }
    if (rest->ptr[0] == '\\') {
        memcpy(shown, "\\\\", 2);
        len = 2;
    } else {
        len = (size_t)snprintf(shown, 8, "\\x%02x",
                               (unsigned)(unsigned char)rest->ptr[0]);
    }
    *rest = slice_skip(*rest, 1);
    *columns_r = len;
    return len;
}

static size_t add_shown(struct buffer *buffer, struct slice text,
                        size_t columns, bool doubles_backslash)
{
    size_t used = 0;
    size_t cut_len = buffer->len; /* where "..." would still fit */
    size_t cut_used = 0;
    char shown[8];

    while (text.len > 0) {
        size_t width;
        size_t len = escape_next(&text, buffer->is_ascii, doubles_backslash,
                                 shown, &width);

        if (columns > 0 && used + width > columns) {
            buffer->len = cut_len;
            buffer_add_string(buffer, "...");
            return cut_used + 3;
        }
        buffer_add(buffer, slice_make(shown, len));
        used += width;
        if (columns >= 3 && used + 3 <= columns) {
            cut_len = buffer->len;
            cut_used = used;
        }
    }
    return used;
}

size_t buffer_add_escaped(struct buffer *buffer, struct slice text,
                          size_t columns)
{
    return add_shown(buffer, text, columns, true);
}

static size_t escaped_columns(struct slice text, bool is_ascii)
{
    char shown[8];
    size_t columns = 0, width;

    while (text.len > 0) {
        escape_next(&text, is_ascii, true, shown, &width);
        columns += width;
    }
    return columns;
}

size_t buffer_add_host(struct buffer *buffer, struct slice name, size_t columns)
{
    size_t used = escaped_columns(name, buffer->is_ascii);
    char shown[8];

    if (columns < 3 || used <= columns)
        return add_shown(buffer, name, columns, true);
    while (used + 3 > columns) {
        size_t width;

        escape_next(&name, buffer->is_ascii, true, shown, &width);
        used -= width;
    }
    buffer_add_string(buffer, "...");
    return 3 + add_shown(buffer, name, 0, true);
}

size_t buffer_add_rule_text(struct buffer *buffer, struct slice text,
                            size_t columns)
{
    return add_shown(buffer, text, columns, false);
}

static bool is_shown_as_it_is(struct slice rest, bool is_ascii)
{
    char shown[8];
    size_t columns;

    while (rest.len > 0) {
        const char *at = rest.ptr;
        size_t len = escape_next(&rest, is_ascii, false, shown, &columns);

        if (len != (size_t)(rest.ptr - at) || memcmp(shown, at, len) != 0)
            return false;
    }
    return true;
}

/* No shell makes anything else of it. */
static bool is_plain_word(struct slice word)
{
    for (size_t i = 0; i < word.len; i++) {
        char c = byte_lower(word.ptr[i]);

        if (!byte_is_digit(c) && !(c >= 'a' && c <= 'z') &&
            memchr("/._-:@%+,", c, 9) == NULL)
            return false;
    }
    return word.len > 0;
}

void buffer_add_shell_word(struct buffer *buffer, struct slice word)
{
    if (!is_shown_as_it_is(word, buffer->is_ascii)) {
        buffer_add_string(buffer, "'(a name that cannot be shown)'");
        return;
    }
    if (is_plain_word(word)) {
        buffer_add(buffer, word);
        return;
    }
    add_byte(buffer, '\'');
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] == '\'')
            buffer_add_string(buffer, "'\\''");
        else
            add_byte(buffer, word.ptr[i]);
    add_byte(buffer, '\'');
}

void buffer_add_csv(struct buffer *buffer, struct slice text)
{

    add_byte(buffer, '"');
    if (text.len > 0 && memchr("=+-@", text.ptr[0], 4) != NULL)
        add_byte(buffer, '\'');
    while (text.len > 0) {
        size_t quote = slice_index(text, '"');

        buffer_add_escaped(buffer, slice_head(text, quote), 0);
        if (quote < text.len)
            buffer_add_string(buffer, "\"\"");
        text = slice_skip(text, quote + 1);
    }
    add_byte(buffer, '"');
}

void jsonout_init(struct jsonout *json, struct buffer *out)
{
    *json = (struct jsonout){.out = out};
}

/* The comma before a value or key, where one is due. */
static void separate(struct jsonout *json)
{
    if (json->after_key) {
        json->after_key = false;
        return;
    }
    if (json->has_value[json->depth])
        add_byte(json->out, ',');
    json->has_value[json->depth] = true;
}

void jsonout_open(struct jsonout *json, char bracket)
{
    separate(json);
    assert(json->depth + 1 < JSON_DEPTH_MAX);
    add_byte(json->out, bracket);
    json->has_value[++json->depth] = false;
}

void jsonout_close(struct jsonout *json, char bracket)
{
    assert(json->depth > 0);
    json->depth--;
    add_byte(json->out, bracket);
}

/* What must not stand raw inside a JSON string; true when it was written. */
static bool add_json_special(struct buffer *out, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";

    if (byte == '"' || byte == '\\') {
        add_byte(out, '\\');
        add_byte(out, (char)byte);
    } else if (byte == '\n') {
        buffer_add_string(out, "\\n");
    } else if (byte == '\t') {
        buffer_add_string(out, "\\t");
    } else if (byte < 0x20 || byte == 0x7f) {
        buffer_add_string(out, "\\u00");
        add_byte(out, digits[byte >> 4]);
        add_byte(out, digits[byte & 15]);
    } else {
        return false;
    }
    return true;
}

/* JSON is read on terminals, too: what would steer one is written as \uXXXX,
 * which says the same. */
static void add_json_code(struct buffer *out, uint32_t code, struct slice text)
{
    if (is_harmless(code))
        buffer_add(out, text);
    else if (code < 0x10000)
        buffer_printf(out, "\\u%04x", (unsigned)code);
    else
        buffer_printf(out, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (code >> 10)),
                      (unsigned)(0xdc00 | (code & 0x3ff)));
}

/* What cannot stand in a JSON string as it is, and what might not. */
static inline bytes16 bytes16_mark_unplain(bytes16 block)
{
    return (bytes16)((block - 0x20 >= 0x7f - 0x20) | (block == '"') |
                     (block == '\\'));
}

/* False when a byte had to be replaced. */
static bool add_json_text(struct buffer *out, struct slice text)
{
    bool is_exact = true;

    add_byte(out, '"');
    while (text.len > 0) {
        unsigned char byte = (unsigned char)text.ptr[0];
        size_t len = bytes_find(text, bytes16_mark_unplain);
        uint32_t code;

        if (len > 0) {
            buffer_add(out, slice_head(text, len));
        } else if (add_json_special(out, byte)) {
            len = 1;
        } else if ((len = utf8_decode(text, &code)) > 0) {
            add_json_code(out, code, slice_head(text, len));
        } else {
            buffer_add_string(out, "\xef\xbf\xbd");
            is_exact = false;
            len = 1;
        }
        text = slice_skip(text, len);
    }
    add_byte(out, '"');
    return is_exact;
}

static void remember_lossy(struct jsonout *json)
{
    if (json->key == NULL || json->lossy_count == JSON_LOSSY_MAX)
        return;
    for (size_t i = 0; i < json->lossy_count; i++)
        if (strcmp(json->lossy[i], json->key) == 0)
            return;
    json->lossy[json->lossy_count++] = json->key;
}

/* A text that is plain, as nearly all are; false where it is not.
 * A journal line has twenty keys, and five hundred thousand lines are written
 * while a purge holds locks: short ones are looked at and copied as a whole. */
static bool add_plain_text(struct buffer *out, struct slice text)
{
    enum { QUOTES = 2 };
    bytes16 block;
    char *to;

    if (!reserve(out, text.len + sizeof(block) + QUOTES))
        return false;
    to = out->bytes + out->len;
    *to++ = '"';
    if (text.len <= sizeof(block)) {
        block = bytes16_load_short(text);
        if ((bytes16_bits(bytes16_mark_unplain(block)) &
             ((1u << text.len) - 1)) != 0)
            return false;
        memcpy(to, &block, sizeof(block));
    } else {
        if (bytes_have(text, bytes16_mark_unplain))
            return false;
        memcpy(to, text.ptr, text.len);
    }
    to += text.len;
    *to++ = '"';
    out->len = (size_t)(to - out->bytes);
    return true;
}

static void put_text(struct jsonout *json, struct slice text, bool is_key)
{
    separate(json);
    if (!add_plain_text(json->out, text) && !add_json_text(json->out, text))
        remember_lossy(json);
    if (is_key)
        add_byte(json->out, ':');
    json->after_key = is_key;
}

void jsonout_key(struct jsonout *json, const char *key)
{
    json->key = key;
    jsonout_text_key(json, slice_from_string(key));
}

void jsonout_text_key(struct jsonout *json, struct slice text)
{
    put_text(json, text, true);
}

void jsonout_string(struct jsonout *json, struct slice text)
{
    if (slice_is_absent(text))
        jsonout_null(json);
    else
        put_text(json, text, false);
}

/* By hand, two digits at a time: a journal line has fourteen numbers, and
 * printf would take most of the time that a message costs. */
void jsonout_integer(struct jsonout *json, int64_t number)
{
    char digits[24];
    size_t at = sizeof(digits);
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

    separate(json);
    for (; rest >= 10; rest /= 100) {
        unsigned two = (unsigned)(rest % 100);

        digits[--at] = (char)('0' + two % 10);
        digits[--at] = (char)('0' + two / 10);
    }
    if (rest > 0 || at == sizeof(digits))
        digits[--at] = (char)('0' + rest);
    if (number < 0)
        digits[--at] = '-';
    buffer_add(json->out, slice_make(digits + at, sizeof(digits) - at));
}

void jsonout_boolean(struct jsonout *json, bool value)
{
    separate(json);
    buffer_add_string(json->out, value ? "true" : "false");
}

void jsonout_null(struct jsonout *json)
{
    separate(json);
    buffer_add_string(json->out, "null");
}

void jsonout_field(struct jsonout *json, const char *key, struct slice text)
{
    jsonout_key(json, key);
    jsonout_string(json, text);
}

void jsonout_field_integer(struct jsonout *json, const char *key,
                           int64_t number)
{
    jsonout_key(json, key);
    jsonout_integer(json, number);
}

void jsonout_field_boolean(struct jsonout *json, const char *key, bool value)
{
    jsonout_key(json, key);
    jsonout_boolean(json, value);
}

void jsonout_lossy(struct jsonout *json)
{
    if (json->lossy_count == 0)
        return;
    jsonout_key(json, "lossy");
    jsonout_open(json, '[');
    for (size_t i = 0; i < json->lossy_count; i++)
        jsonout_string(json, slice_from_string(json->lossy[i]));
    jsonout_close(json, ']');
    json->lossy_count = 0;
}
