/*
 * Rule files as lines, and lines as tokens.
 *
 * A logical line is one line of the file and all that continue it with a
 * leading '+'; comment lines between them do not count. A cursor walks over
 * one logical line and can tell where in the file each byte of it stands.
 */
#ifndef QSCAN_RULES_LEX_H
#define QSCAN_RULES_LEX_H

#include "rules/pool.h"

/* Where a continuation was joined on: text from offset begins there. */
struct lex_joint {
    size_t offset;
    unsigned line, column;
};

struct lex_line {
    struct slice text; /* in the file, or in the pool when joined */
    unsigned file;     /* index of the caller's */
    unsigned line;
    const struct lex_joint *joints;
    size_t joint_count;
};

struct lex_place {
    unsigned file, line, column;
};

enum lex_outcome {
    LEX_OK,
    LEX_END,
    LEX_LOOSE_PLUS, /* a '+' line that continues nothing; *line_r is set */
    LEX_NO_MEMORY,
};

struct lex_file {
    struct slice rest;
    unsigned file, line; /* line: number of the next one */
};

/* Takes the next logical line that is neither empty nor a comment. Joined
 * lines are put into the pool. */
enum lex_outcome lex_next_line(struct lex_file *file, struct pool *pool,
                               struct lex_line *line_r);

struct lex_cursor {
    const struct lex_line *line;
    size_t at;
};

struct lex_cursor lex_begin(const struct lex_line *line);
struct lex_place lex_place(const struct lex_cursor *cursor);
struct lex_place lex_place_at(const struct lex_line *line, size_t offset);

/* Goes on to the next token, over blanks and comments; false at the end. */
bool lex_skip(struct lex_cursor *cursor);
char lex_peek(const struct lex_cursor *cursor); /* '\0' at the end */

/* What follows, up to a blank or one of the bytes in stop; may be empty. */
struct slice lex_word(struct lex_cursor *cursor, const char *stop);

/* Letters, digits, '.', '_' and '-': the name of a field. */
struct slice lex_name(struct lex_cursor *cursor);

/* A text in double quotes, \" and \\ undone, in the pool. False when the
 * closing quote is missing or memory ran out (then *text_r is absent and the
 * cursor behind the quote). */
bool lex_quoted(struct lex_cursor *cursor, struct pool *pool,
                struct slice *text_r);

/* The bytes up to end, which is taken too and does not count behind a
 * backslash. False when there is none. */
bool lex_until(struct lex_cursor *cursor, char end, struct slice *text_r);

/* All that is left, without comment (is_raw: with it) and outer blanks. */
struct slice lex_rest(struct lex_cursor *cursor, bool is_raw);

/* A text for a complaint: shortened. Whoever prints the complaint escapes it.
 */
struct lex_shown {
    char text[100];
};
struct lex_shown lex_show(struct slice text);

#endif
