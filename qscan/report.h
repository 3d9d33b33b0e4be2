/* What the text reports share: columns, headings, moments, counts. */
#ifndef QSCAN_REPORT_H
#define QSCAN_REPORT_H

#include <time.h>

#include "qscan/options.h"
#include "qscan/output.h"

enum { REPORT_COLUMNS = 78 }; /* of lines that are filled */

bool report_wants_color(const struct options *options,
                        const struct output *output);

/* An empty line, and the heading; an alarm is red where colour is wanted. */
void report_heading(struct buffer *out, bool has_color, const char *text,
                    bool is_alarm);

/* Escaped, cut at so many columns and filled up to them. */
void report_add_padded(struct buffer *out, struct slice text, size_t columns);
/* Of a host or domain the end is kept. */
void report_add_padded_host(struct buffer *out, struct slice name,
                            size_t columns);

/* Whether a byte of printable UTF-8 is the first of a character. */
static inline bool report_begins_column(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

/* Of printable UTF-8. */
size_t report_columns(struct slice text);

/* Printable text from that column on, broken at blanks; further lines begin
 * behind the indent. A word that fits into no line is broken anywhere. */
void report_add_filled(struct buffer *out, size_t column, size_t indent,
                       struct slice text);

/* "812", "4.1 kB", "2.3 MB" */
void report_add_bytes(struct buffer *out, uint64_t bytes);

/* Right in so many columns; what does not fit is told in k, M or G. before is
 * "", or ">=" for a lower bound. */
void report_add_count(struct buffer *out, const char *before, uint64_t count,
                      int columns);

/* A line "  12 WHAT", where there is any. */
void report_add_count_line(struct buffer *out, size_t count, const char *what);

/* "2026-11-16 14:28 UTC" */
void report_add_time(struct buffer *out, int64_t moment, bool is_utc);
/* "2026-11-16 14:28", always 16 columns */
void report_add_minute(struct buffer *out, int64_t moment, bool is_utc);

/* Local time, or UTC; false when the moment has no date. */
bool report_date(int64_t moment, bool is_utc, struct tm *tm_r);

/* " OPTION" and the word, safe to paste; nothing for NULL. */
void report_add_value(struct buffer *out, const char *option,
                      const char *value);
/* What comes before the path of a queue or log in a command: "-x" is no
 * option there. */
const char *report_path_guard(const char *path);
/* All of them, each behind a blank, safe to paste. */
void report_add_paths(struct buffer *out, const struct string_list *paths);
void report_add_words(struct buffer *out, const char *option,
                      const struct string_list *words);

#endif
