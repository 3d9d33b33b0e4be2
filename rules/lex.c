#include "rules/lex.h"

#include <stdio.h>

static struct slice without_blanks(struct slice text)
{
    while (text.len > 0 && byte_is_blank(text.ptr[0]))
        text = slice_skip(text, 1);
    return text;
}

static char first_byte(struct slice text)
{
    text = without_blanks(text);
    return text.len == 0 ? '\0' : text.ptr[0];
}

static bool is_empty(struct slice text)
{
    return without_blanks(text).len == 0;
}

/* How many lines continue the one before rest, and with how many bytes. Looks
 * only: rest is a copy. */
static size_t count_joints(struct slice rest, size_t *bytes_r)
{
    struct slice text;
    size_t count = 0;

    *bytes_r = 0;
    while (slice_next_line(&rest, &text) && !is_empty(text)) {
        if (first_byte(text) == '#')
            continue;
        if (first_byte(text) != '+')
            break;
        count++;
        *bytes_r += text.len;
    }
    return count;
}

static enum lex_outcome join(struct lex_file *file, struct pool *pool,
                             struct lex_line *line, size_t count, size_t bytes)
{
    struct lex_joint *joints = pool_alloc(pool, count * sizeof(*joints));
    char *joined = pool_alloc(pool, line->text.len + bytes);
    size_t len = line->text.len;
    struct slice text;

    if (joints == NULL || joined == NULL)
        return LEX_NO_MEMORY;
    memcpy(joined, line->text.ptr, len);
    for (size_t i = 0; i < count;) {
        unsigned number = file->line++;

        slice_next_line(&file->rest, &text);
        if (first_byte(text) == '#')
            continue;
        size_t blanks = text.len - without_blanks(text).len;
        text = slice_skip(text, blanks + 1);
        joints[i++] = (struct lex_joint){len, number, (unsigned)blanks + 2};
        if (text.len > 0)
            memcpy(joined + len, text.ptr, text.len);
        len += text.len;
    }
    line->text = slice_make(joined, len);
    line->joints = joints;
    line->joint_count = count;
    return LEX_OK;
}

enum lex_outcome lex_next_line(struct lex_file *file, struct pool *pool,
                               struct lex_line *line_r)
{
    size_t count, bytes;
    struct slice text;

    do {
        if (!slice_next_line(&file->rest, &text))
            return LEX_END;
        file->line++;
    } while (is_empty(text) || first_byte(text) == '#');
    *line_r = (struct lex_line){text, file->file, file->line - 1, NULL, 0};
    if (first_byte(text) == '+')
        return LEX_LOOSE_PLUS;
    count = count_joints(file->rest, &bytes);
    return count == 0 ? LEX_OK : join(file, pool, line_r, count, bytes);
}

struct lex_cursor lex_begin(const struct lex_line *line)
{
    return (struct lex_cursor){line, 0};
}

/* The last joint at or before offset; binary, as a line may have many. */
static const struct lex_joint *joint_at(const struct lex_line *line,
                                        size_t offset)
{
    size_t low = 0, high = line->joint_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (line->joints[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? NULL : &line->joints[low - 1];
}

struct lex_place lex_place_at(const struct lex_line *line, size_t offset)
{
    const struct lex_joint *joint = joint_at(line, offset);

    if (joint == NULL)
        return (struct lex_place){line->file, line->line, (unsigned)offset + 1};
    return (struct lex_place){line->file, joint->line,
                              joint->column +
                                  (unsigned)(offset - joint->offset)};
}

struct lex_place lex_place(const struct lex_cursor *cursor)
{
    return lex_place_at(cursor->line, cursor->at);
}

static bool begins_comment(const struct lex_line *line, size_t at)
{
    return line->text.ptr[at] == '#' &&
           (at == 0 || byte_is_blank(line->text.ptr[at - 1]));
}

/* A comment ends with its line in the file, not with the logical one. */
static size_t comment_end(const struct lex_line *line, size_t at)
{
    const struct lex_joint *joint = joint_at(line, at);
    size_t next = joint == NULL ? 0 : (size_t)(joint - line->joints) + 1;

    return next < line->joint_count ? line->joints[next].offset
                                    : line->text.len;
}

char lex_peek(const struct lex_cursor *cursor)
{
    return cursor->at < cursor->line->text.len
               ? cursor->line->text.ptr[cursor->at]
               : '\0';
}

bool lex_skip(struct lex_cursor *cursor)
{
    const struct lex_line *line = cursor->line;

    while (cursor->at < line->text.len) {
        if (begins_comment(line, cursor->at))
            cursor->at = comment_end(line, cursor->at);
        else if (byte_is_blank(line->text.ptr[cursor->at]))
            cursor->at++;
        else
            return true;
    }
    return false;
}

struct slice lex_word(struct lex_cursor *cursor, const char *stop)
{
    struct slice rest = slice_skip(cursor->line->text, cursor->at);
    size_t len = 0;

    while (len < rest.len && !byte_is_blank(rest.ptr[len]) &&
           (rest.ptr[len] == '\0' || strchr(stop, rest.ptr[len]) == NULL))
        len++;
    cursor->at += len;
    return slice_head(rest, len);
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           byte_is_digit(c) || c == '.' || c == '_' || c == '-';
}

struct slice lex_name(struct lex_cursor *cursor)
{
    struct slice rest = slice_skip(cursor->line->text, cursor->at);
    size_t len = 0;

    while (len < rest.len && is_name_byte(rest.ptr[len]))
        len++;
    cursor->at += len;
    return slice_head(rest, len);
}

bool lex_until(struct lex_cursor *cursor, char end, struct slice *text_r)
{
    struct slice rest = slice_skip(cursor->line->text, cursor->at);

    for (size_t i = 0; i < rest.len; i++) {
        if (rest.ptr[i] == '\\')
            i++;
        else if (rest.ptr[i] == end) {
            *text_r = slice_head(rest, i);
            cursor->at += i + 1;
            return true;
        }
    }
    *text_r = rest;
    return false;
}

bool lex_quoted(struct lex_cursor *cursor, struct pool *pool,
                struct slice *text_r)
{
    struct slice raw;
    size_t len = 0;
    char *text;

    cursor->at++;
    *text_r = (struct slice){NULL, 0};
    if (!lex_until(cursor, '"', &raw))
        return false;
    text = pool_alloc(pool, raw.len + 1);
    if (text == NULL)
        return false;
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] == '\\' &&
            (raw.ptr[i + 1] == '"' || raw.ptr[i + 1] == '\\'))
            i++;
        text[len++] = raw.ptr[i];
    }
    text[len] = '\0';
    *text_r = slice_make(text, len);
    return true;
}

/* Behind the last byte that is no comment; quotes hide a '#'. */
static size_t end_of_text(const struct lex_cursor *cursor)
{
    const struct lex_line *line = cursor->line;
    bool is_quoted = false;

    for (size_t at = cursor->at; at < line->text.len; at++) {
        if (line->text.ptr[at] == '"')
            is_quoted = !is_quoted;
        else if (!is_quoted && begins_comment(line, at))
            return at;
    }
    return line->text.len;
}

struct slice lex_rest(struct lex_cursor *cursor, bool is_raw)
{
    size_t end = is_raw ? cursor->line->text.len : end_of_text(cursor);
    struct slice rest =
        slice_skip(slice_head(cursor->line->text, end), cursor->at);

    cursor->at = cursor->line->text.len;
    return slice_trim(rest);
}

struct lex_shown lex_show(struct slice text)
{
    enum { ROOM = sizeof(((struct lex_shown *)0)->text) - sizeof("...") };
    struct lex_shown shown;
    size_t len = text.len < ROOM ? text.len : ROOM;

    while (len > 0 && len < text.len &&
           ((unsigned)text.ptr[len] & 0xc0) == 0x80)
        len--; /* not within a character */
    for (size_t i = 0; i < len; i++)
        shown.text[i] = text.ptr[i] == '\0' ? ' ' : text.ptr[i];
    snprintf(shown.text + len, sizeof(shown.text) - len, "%s",
             len < text.len ? "..." : "");
    return shown;
}
