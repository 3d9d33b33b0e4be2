/* Samples: messages written in one line, for the hit and miss lines. */
#ifndef QSCAN_RULES_CHECK_H
#define QSCAN_RULES_CHECK_H

#include "rules/set.h"

struct sample_value {
    enum rules_field_id field;
    struct slice header;
    struct field_value value;
};

/* A value that one sample puts into a list. */
struct sample_list {
    const struct named_list *list;
    struct list_table table;
    struct sample_list *next;
};

struct sample {
    struct pool pool;
    struct sample_value *values;
    size_t count, capacity;
    struct sample_list *lists;
    /* Values handed out: two fields can be looked at side by side. */
    struct field_value *views[2];
    unsigned next_view;
};

struct sample_error {
    size_t offset; /* in the text */
    char what[160];
    const char *why;
};

/* Called for each mistake, in the order of the text. */
typedef void (*sample_note)(void *context, const struct sample_error *error);

/* Whatever it returns, sample_free is due. Values may point into text. Only
 * messages have letters. */
bool sample_parse(struct sample *sample, const struct list_set *lists,
                  enum rules_scope scope, struct slice text, sample_note note,
                  void *context);
void sample_free(struct sample *sample);

/* A value that follows from something else, unless the sample names one. False
 * without memory. */
bool sample_add_unnamed(struct sample *sample, enum rules_field_id field,
                        struct field_value value);

/* A rules_fetch; message is the sample. */
void sample_fetch(void *message, enum rules_field_id field, struct slice header,
                  struct field_view *view_r);

#endif
