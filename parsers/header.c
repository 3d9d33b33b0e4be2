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

/* Length of the empty line that text begins with; 0 when it is not empty. */
static size_t empty_line_len(struct slice text)
{
    if (text.ptr[0] == '\n')
        return 1;
    if (text.ptr[0] != '\r')
        return 0;
    return text.len == 1 ? 1 : text.ptr[1] == '\n' ? 2 : 0;
}

/* The newline that ends the line at hand and those that continue it, or NULL
 * when the text ends first. */
static const char *find_field_end(const char *at, const char *end)
{
    const char *newline = bytes_find_near(at, end, '\n');

    while (newline != NULL && newline + 1 < end && byte_is_blank(newline[1]))
        newline = bytes_find_near(newline + 1, end, '\n');
    return newline;
}

/* No name, no blank and no colon reaches beyond its line. Blanks before the
 * colon are old but legal (RFC 5322 4.5.8). */
bool header_next(struct slice *rest, struct header_field *field_r)
{
    struct slice text = *rest;

    while (text.len > 0) {
        const char *end = text.ptr + text.len, *at, *newline;
        size_t name_len = bytes_find(text, mark_name_end);

        if (name_len == 0 && empty_line_len(text) > 0) {
            *rest = slice_skip(text, empty_line_len(text));
            return false;
        }
        at = text.ptr + name_len;
        while (at < end && byte_is_blank(*at))
            at++;
        newline = find_field_end(at, end);
        field_r->name = slice_head(text, name_len);
        text = newline == NULL
                   ? slice_make(end, 0)
                   : slice_make(newline + 1, (size_t)(end - newline - 1));
        if (name_len == 0 || at == end || *at != ':')
            continue;
        at++;
        field_r->value = slice_trim(
            slice_make(at, (size_t)((newline == NULL ? end : newline) - at)));
        *rest = text;
        return true;
    }
    *rest = text;
    return false;
}

size_t header_quoted_len(struct slice text)
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

static inline bytes16 mark_parameter_byte(bytes16 c)
{
    return (bytes16)((c == ';') | (c == '(') | (c == '"'));
}

/* Behind the next ';' that stands in no comment and no quotes; empty when
 * there is none. */
static struct slice next_parameter(struct slice text)
{
    for (;;) {
        size_t len;

        text = slice_skip(text, bytes_find(text, mark_parameter_byte));
        if (text.len == 0)
            return text;
        if (text.ptr[0] == ';')
            return slice_skip(text, 1);
        len = text.ptr[0] == '(' ? header_comment_len(text)
                                 : header_quoted_len(text);
        text = slice_skip(text, len == 0 ? text.len : len);
    }
}

static inline bytes16 mark_word_end(bytes16 c)
{
    return bytes16_mark_space(c) |
           (bytes16)((c == ';') | (c == '=') | (c == '"') | (c == '(') |
                     (c == ')') | (c == '\0'));
}

/* Takes the word off the front of *text. */
static struct slice take_word(struct slice *text)
{
    struct slice word = slice_head(*text, bytes_find(*text, mark_word_end));

    *text = slice_skip(*text, word.len);
    return word;
}

static struct slice parameter_value(struct slice text)
{
    size_t len;

    if (text.len == 0 || text.ptr[0] != '"')
        return take_word(&text);
    len = header_quoted_len(text);
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
    return bytes16_mark_space(c) | (bytes16)((c == ';') | (c == '('));
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
