/*
 * What a report prints, kept in memory, and what must hold of any.
 *
 *     struct printed printed = {0};
 *     summary_print(&options, &scan, printed_begin(&printed, &complaints));
 *     printed_end(&printed);
 *     assert_mailable(printed.text);
 *     printed_free(&printed);
 */
#ifndef QSCAN_TESTS_PRINTED_H
#define QSCAN_TESTS_PRINTED_H

#include <jansson.h>

#include "qscan/output.h"

struct printed {
    struct output output;
    char *text; /* after the end */
    size_t len;
};

/* What was printed before is gone. */
struct output *printed_begin(struct printed *printed,
                             struct complaints *complaints);
void printed_end(struct printed *printed);
void printed_free(struct printed *printed);

/* Standard output is a device that is full; one write at a time, so that what
 * prints learns of it at once. NULL: this machine has none. */
FILE *printed_full(void);

/* What the buffer holds, good until it changes. */
const char *buffer_text(struct buffer *buffer);

size_t count_text(const char *text, const char *part);
void assert_has(const char *text, const char *part);
void assert_has_not(const char *text, const char *part);

/* Nothing that a terminal obeys or that hides. */
void assert_printable(const char *text);
/* And no line over 80 columns. */
void assert_mailable(const char *text);

/* A JSON value; fails with the text where it is none. To be freed by
 * json_decref. */
json_t *json_of(const char *text);
void assert_json_string(const json_t *object, const char *key,
                        const char *value); /* NULL: null */
void assert_json_integer(const json_t *object, const char *key,
                         json_int_t value);

#endif
