/*
 * Header fields and the parameters inside them (RFC 5322 2.2, RFC 2045 5.1),
 * as they stand in a message body: folded, hostile, any byte.
 *
 * Every function is linear in the text it is given and allocates nothing;
 * what it returns points into that text.
 */
#ifndef QSCAN_PARSERS_HEADER_H
#define QSCAN_PARSERS_HEADER_H

#include "parsers/slice.h"

struct header_field {
    struct slice name;  /* without the colon and blanks before it */
    struct slice value; /* trimmed; folds kept as stored; maybe empty */
};

/*
 * Takes the next field off *rest. False at the blank line that ends the block
 * (which is taken too) or at the end of the text. A line that is no field and
 * continues none is skipped, with the lines that continue it. A line of white
 * space alone continues, it does not end (RFC 5322 4.2).
 */
bool header_next(struct slice *rest, struct header_field *field_r);

/* Value of a parameter ("boundary") of a structured field, case ignored,
 * unquoted (backslash pairs stay as stored). The first of that name counts.
 * Absent when there is none, or when its quotes are never closed. Comments
 * are skipped; RFC 2231 pieces ("boundary*0") are other names. */
struct slice header_parameter(struct slice value, struct slice name);

/* Length of the token that text begins with: ';', '(' or white space ends
 * it. */
size_t header_token_len(struct slice text);

/* The value up to the first byte that ends it: "multipart/report". */
struct slice header_token(struct slice value);

/* Length of the comment "(...)" that text begins with, nested ones and
 * backslash pairs included; of all of text when it is never closed. */
size_t header_comment_len(struct slice text);

/* Length of the quoted string that text begins with, both quotes counted; 0
 * when it is never closed. */
size_t header_quoted_len(struct slice text);

/* Without white space and comments at the front. */
struct slice header_skip_comments(struct slice text);

/* "rfc822; user@host" -> "user@host"; a value without type is returned whole
 * (RFC 3464 2.1.2). A type is a word: "a;b"@host has none. */
struct slice header_typed(struct slice value);

/*
 * A qf header value as sendmail would send it: each unquoted 0xFF dropped and
 * the byte behind it kept (libsm/util.c: quote_internal_chars). Returns value
 * itself when there is nothing to drop, else a slice of buffer, cut at
 * capacity.
 */
struct slice header_unescape(struct slice value, char *buffer, size_t capacity);

#endif
