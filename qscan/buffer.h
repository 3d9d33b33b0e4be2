/*
 * Growing text, and the only ways by which bytes out of a file get into it:
 * escaped for a terminal or a report, as JSON, or as a CSV field.
 */
#ifndef QSCAN_BUFFER_H
#define QSCAN_BUFFER_H

#include "parsers/slice.h"

struct buffer {
    char *bytes; /* owned; not NUL-terminated */
    size_t len, capacity;
    bool is_ascii;   /* to be mailed: escaped text is ASCII */
    bool has_failed; /* no memory: what was added since is missing */
};

void buffer_free(struct buffer *buffer);
static inline void buffer_clear(struct buffer *buffer)
{
    buffer->len = 0;
}

void buffer_add(struct buffer *buffer, struct slice text);
void buffer_add_string(struct buffer *buffer, const char *text);
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Printable text: valid UTF-8 stays unless it could steer a terminal or hide
 * (control, bidirectional, zero-width, private use); every other byte becomes
 * \xHH, a backslash becomes \\. With is_ascii no UTF-8 stays either. Longer
 * than columns is cut and ends in "..."; columns 0 = no limit. Returns the
 * columns used.
 */
size_t buffer_add_escaped(struct buffer *buffer, struct slice text,
                          size_t columns);

/* The same for a host or domain, cut on the left: whose it is, is said at the
 * end. */
size_t buffer_add_host(struct buffer *buffer, struct slice name,
                       size_t columns);

/* As buffer_add_escaped, but a backslash stays single: for text of the
 * administrator's own rule files, where it is part of every regex. */
size_t buffer_add_rule_text(struct buffer *buffer, struct slice text,
                            size_t columns);

/* One word for a shell, in single quotes where it needs them: what a user
 * pastes is the name and nothing but the name. One that cannot be shown as it
 * is (control bytes, no UTF-8) becomes a placeholder, in quotes as well. */
void buffer_add_shell_word(struct buffer *buffer, struct slice word);

/* A CSV field (RFC 4180), escaped as above; never starts with = + - @, which
 * a spreadsheet would compute. */
void buffer_add_csv(struct buffer *buffer, struct slice text);

/* ---- JSON: values separated and nested by the writer ---- */

enum { JSON_DEPTH_MAX = 12, JSON_LOSSY_MAX = 16 };

struct jsonout {
    struct buffer *out;
    unsigned depth;
    bool has_value[JSON_DEPTH_MAX]; /* a comma is due before the next */
    bool after_key;
    const char *key;                   /* the last one, for lossy */
    const char *lossy[JSON_LOSSY_MAX]; /* keys in which a byte was replaced */
    size_t lossy_count;
};

void jsonout_init(struct jsonout *json, struct buffer *out);
void jsonout_open(struct jsonout *json, char bracket); /* '{' or '[' */
void jsonout_close(struct jsonout *json, char bracket);
void jsonout_key(struct jsonout *json, const char *key);
/* A key out of a file, in the object behind the last jsonout_key: a byte that
 * was replaced is remembered under that one. */
void jsonout_text_key(struct jsonout *json, struct slice text);

/* UTF-8; other bytes become U+FFFD and the key is remembered as lossy. An
 * absent slice is null. */
void jsonout_string(struct jsonout *json, struct slice text);
void jsonout_integer(struct jsonout *json, int64_t number);
void jsonout_boolean(struct jsonout *json, bool value);
void jsonout_null(struct jsonout *json);

/* key and value in one */
void jsonout_field(struct jsonout *json, const char *key, struct slice text);
void jsonout_field_integer(struct jsonout *json, const char *key,
                           int64_t number);
void jsonout_field_boolean(struct jsonout *json, const char *key, bool value);
/* lossy[] when there is any: before the object closes */
void jsonout_lossy(struct jsonout *json);

#endif
