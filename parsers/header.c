/*
 * Header fields and their parameters.
 */
#include "parsers/header.h"

#include <assert.h>

#include "parsers/bytes.h"

enum { METAQUOTE = 0xff }; /* sendmail.h */

/* Names are printable, without blank or colon (RFC 5322 2.2). */
static inline bytes16 mark_name_end(bytes16 c)
{
    return (bytes16)((c <= ' ') | (c == ':') | (c > '~'));
}

/* Blanks before the colon are old but legal (RFC 5322 4.5.8). */
static bool split_field(struct slice line, struct header_field *field_r)
{
    const char *at, *end = line.ptr + line.len;

    field_r->name = slice_head(line, bytes_find(line, mark_name_end));
    at = line.ptr + field_r->name.len;
    while (at < end && byte_is_blank(*at))
        at++;
    if (field_r->name.len == 0 || at == end || *at != ':')
        return false;
    field_r->value = slice_make(at + 1, (size_t)(end - at - 1));
    return true;
}

/* Takes the lines off *rest that begin with a blank; returns where the last
 * of them ends, or end when there is none. */
static const char *take_folds(struct slice *rest, const char *end)
{
    struct slice line;

    while (rest->len > 0 && byte_is_blank(rest->ptr[0])) {
        slice_next_line(rest, &line);
        end = line.ptr + line.len;
    }
    return end;
}

bool header_next(struct slice *rest, struct header_field *field_r)
{
    struct slice line;

    while (slice_next_line(rest, &line)) {
        const char *end = line.ptr + line.len;
        bool is_field;

        if (line.len == 0)
            return false;
        is_field = split_field(line, field_r);
        end = take_folds(rest, end);
        if (!is_field)
            continue;
        field_r->value.len = (size_t)(end - field_r->value.ptr);
        field_r->value = slice_trim(field_r->value);
        return true;
    }
    return false;
}

/* Length of the quoted string that text begins with, both quotes counted; 0
 * when it is never closed. */
static size_t quoted_len(struct slice text)
{
    size_t inside = slice_index(slice_skip(text, 1), '"');

    if (slice_index(slice_head(text, inside + 1), '\\') == inside + 1)
        return inside + 1 < text.len ? inside + 2 : 0;
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '"')
            return i + 1;
    }
    return 0;
}

static inline bytes16 mark_comment_byte(bytes16 c)
{
    return (bytes16)((c == '(') | (c == ')') | (c == '\\'));
}

size_t header_comment_len(struct slice text)
{
    size_t depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        i += bytes_find(slice_skip(text, i), mark_comment_byte);
        if (i == text.len)
            break;
        if (text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '(')
            depth++;
        else if (--depth == 0)
            return i + 1;
    }
    return text.len;
}

struct slice header_skip_comments(struct slice text)
{
    for (;;) {
        while (text.len > 0 && byte_is_space(text.ptr[0])) {
            text.ptr++;
            text.len--;
        }
        if (text.len == 0 || text.ptr[0] != '(')
            return text;
        text = slice_skip(text, header_comment_len(text));
    }
}

/* Behind the next ';' that stands in no comment and no quotes; empty when
 * there is none. */
static struct slice next_parameter(struct slice text)
{
    size_t at = 0;

    while (at < text.len) {
        char c = text.ptr[at];
        size_t len = 1;

        if (c > ';') { /* most are letters */
            at++;
            continue;
        }
        if (c == ';')
            return slice_skip(text, at + 1);
        if (c == '(')
            len = header_comment_len(slice_skip(text, at));
        else if (c == '"')
            len = quoted_len(slice_skip(text, at));
        at = len == 0 ? text.len : at + len;
    }
    return slice_skip(text, text.len);
}

/* Letters pass the first test. */
static bool ends_word(char c)
{
    return c <= '=' && (byte_is_space(c) || c == ';' || c == '=' || c == '"' ||
                        c == '(' || c == ')' || c == '\0');
}

/* Takes the word off the front of *text. */
static struct slice take_word(struct slice *text)
{
    size_t len = 0;
    struct slice word;

    while (len < text->len && !ends_word(text->ptr[len]))
        len++;
    word = slice_head(*text, len);
    *text = slice_skip(*text, len);
    return word;
}

static struct slice parameter_value(struct slice text)
{
    size_t len;

    if (text.len == 0 || text.ptr[0] != '"')
        return take_word(&text);
    len = quoted_len(text);
    if (len == 0)
        return (struct slice){NULL, 0};
    return slice_head(slice_skip(text, 1), len - 2);
}

struct slice header_parameter(struct slice value, struct slice name)
{
    struct slice rest = next_parameter(value);

    while (rest.len > 0) {
        struct slice text = header_skip_comments(rest);
        struct slice word = take_word(&text);

        text = header_skip_comments(text);
        if (slice_equal_nocase(word, name) && text.len > 0 &&
            text.ptr[0] == '=')
            return parameter_value(header_skip_comments(slice_skip(text, 1)));
        rest = next_parameter(rest);
    }
    return (struct slice){NULL, 0};
}

static inline bytes16 mark_token_end(bytes16 c)
{
    return (bytes16)((c == ' ') | (c - '\t' <= '\r' - '\t') | (c == ';') |
                     (c == '('));
}

size_t header_token_len(struct slice text)
{
    return bytes_find(text, mark_token_end);
}

struct slice header_token(struct slice value)
{
    value = slice_trim(value);
    return slice_head(value, header_token_len(value));
}

static bool is_type_byte(char c)
{
    c = byte_lower(c);
    return byte_is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

struct slice header_typed(struct slice value)
{
    size_t at = 0, end;

    value = slice_trim(value);
    while (at < value.len && is_type_byte(value.ptr[at]))
        at++;
    end = at;
    while (end < value.len && byte_is_space(value.ptr[end]))
        end++;
    if (at == 0 || end == value.len || value.ptr[end] != ';')
        return value;
    return slice_trim(slice_skip(value, end + 1));
}

struct slice header_unescape(struct slice value, char *buffer, size_t capacity)
{
    size_t len = 0;

    assert(buffer != NULL || capacity == 0);
    if (slice_index(value, (char)METAQUOTE) == value.len)
        return value;
    for (size_t i = 0; i < value.len && len < capacity; i++) {
        if ((unsigned char)value.ptr[i] == METAQUOTE && ++i == value.len)
            break;
        buffer[len++] = value.ptr[i];
    }
    return slice_make(buffer, len);
}
