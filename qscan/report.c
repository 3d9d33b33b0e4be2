#include "qscan/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool report_wants_color(const struct options *options,
                        const struct output *output)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    if (options->color != PROGRESS_AUTO)
        return options->color == PROGRESS_ALWAYS;
    return (no_color == NULL || no_color[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0) &&
           isatty(fileno(output->file));
}

void report_heading(struct buffer *out, bool has_color, const char *text,
                    bool is_alarm)
{
    const char *start = is_alarm ? "\033[1;31m" : "\033[1m";

    buffer_printf(out, "\n%s%s%s\n", has_color ? start : "", text,
                  has_color ? "\033[0m" : "");
}

static void fill_up(struct buffer *out, size_t used, size_t columns)
{
    for (; used < columns; used++)
        buffer_add_string(out, " ");
}

void report_add_padded(struct buffer *out, struct slice text, size_t columns)
{
    fill_up(out, buffer_add_escaped(out, text, columns), columns);
}

void report_add_padded_host(struct buffer *out, struct slice name,
                            size_t columns)
{
    fill_up(out, buffer_add_host(out, name, columns), columns);
}

size_t report_columns(struct slice text)
{
    size_t columns = 0;

    for (size_t i = 0; i < text.len; i++)
        columns += report_begins_column(text.ptr[i]);
    return columns;
}

static size_t begin_line(struct buffer *out, size_t indent)
{
    buffer_printf(out, "\n%*s", (int)indent, "");
    return indent;
}

/* Returns the column behind the word. */
static size_t add_word(struct buffer *out, size_t column, size_t indent,
                       struct slice word)
{
    for (size_t i = 0; i < word.len; i++) {
        bool is_next = report_begins_column(word.ptr[i]);

        if (is_next && column >= REPORT_COLUMNS)
            column = begin_line(out, indent);
        column += is_next;
        buffer_add(out, slice_make(word.ptr + i, 1));
    }
    return column;
}

void report_add_filled(struct buffer *out, size_t column, size_t indent,
                       struct slice text)
{
    bool is_first = true;

    while (text.len > 0) {
        struct slice word = slice_head(text, slice_index(text, ' '));
        size_t columns = report_columns(word);

        text = slice_skip(text, word.len + 1);
        if (!is_first && column + 1 + columns > REPORT_COLUMNS &&
            indent + columns <= REPORT_COLUMNS) {
            column = begin_line(out, indent);
        } else if (!is_first) {
            buffer_add_string(out, " ");
            column++;
        }
        column = add_word(out, column, indent, word);
        is_first = false;
    }
}

void report_add_bytes(struct buffer *out, uint64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;

    if (bytes < 1000) {
        buffer_printf(out, "%u B", (unsigned)bytes);
        return;
    }
    for (value /= 1000; value >= 999.5 && unit < 3; unit++)
        value /= 1000;
    buffer_printf(out, value < 9.95 ? "%.1f %s" : "%.0f %s", value,
                  units[unit]);
}

void report_add_count(struct buffer *out, const char *before, uint64_t count,
                      int columns)
{
    static const char units[] = "kMGTPE";
    char text[40];
    int len = snprintf(text, sizeof(text), "%s%llu", before,
                       (unsigned long long)count);

    for (size_t unit = 0; len > columns && count >= 1000; unit++) {
        count /= 1000;
        len = snprintf(text, sizeof(text), "%s%llu%c", before,
                       (unsigned long long)count, units[unit]);
    }
    buffer_printf(out, "%*s", columns, text);
}

bool report_date(int64_t moment, bool is_utc, struct tm *tm_r)
{
    time_t seconds = (time_t)moment;

    return (is_utc ? gmtime_r(&seconds, tm_r) : localtime_r(&seconds, tm_r)) !=
           NULL;
}

void report_add_count_line(struct buffer *out, size_t count, const char *what)
{
    if (count > 0)
        buffer_printf(out, "  %zu %s\n", count, what);
}

void report_add_time(struct buffer *out, int64_t moment, bool is_utc)
{
    struct tm tm;
    char text[64];

    report_add_minute(out, moment, is_utc);
    if (is_utc)
        buffer_add_string(out, " UTC");
    else if (report_date(moment, false, &tm) &&
             strftime(text, sizeof(text), " %Z", &tm) > 0)
        buffer_add_string(out, text);
}

void report_add_minute(struct buffer *out, int64_t moment, bool is_utc)
{
    struct tm tm;
    char text[64];

    /* Nothing that sendmail logs lies beyond the year 9999. */
    if (report_date(moment, is_utc, &tm) && tm.tm_year > -1900 &&
        tm.tm_year < 8100 &&
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm) == 16)
        buffer_add_string(out, text);
    else
        buffer_add_string(out, "               ?");
}

void report_add_value(struct buffer *out, const char *option, const char *value)
{
    if (value == NULL)
        return;
    buffer_add_string(out, option);
    buffer_add_shell_word(out, slice_from_string(value));
}

const char *report_path_guard(const char *path)
{
    return path[0] == '-' ? "./" : "";
}

void report_add_paths(struct buffer *out, const struct string_list *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        buffer_add_string(out, " ");
        report_add_value(out, report_path_guard(paths->strings[i]),
                         paths->strings[i]);
    }
}

void report_add_words(struct buffer *out, const char *option,
                      const struct string_list *words)
{
    for (size_t i = 0; i < words->count; i++)
        report_add_value(out, option, words->strings[i]);
}
