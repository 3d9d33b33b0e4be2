/* Field names and the words and units their values are written in. */
#ifndef QSCAN_RULES_FIELDS_H
#define QSCAN_RULES_FIELDS_H

#include "parsers/logline.h"
#include "rules/rules.h"

/* False when no field of that scope has that name. *header_r is the part
 * after "header.", else absent. */
bool fields_find(enum rules_scope scope, struct slice name,
                 enum rules_field_id *id_r, struct slice *header_r);

const char *fields_scope_text(enum rules_scope scope); /* "messages" */

/* The scope that has a field of that name, as text; NULL when none does. */
const char *fields_elsewhere(struct slice name);

/* Whether its values are texts, not numbers. */
bool fields_is_text(enum rules_field_type type);

/* Whether its texts are host names or addresses, whose case is no matter. */
bool fields_is_name(enum rules_field_type type);

/* Whether an answer may have to wait for the second phase, or is another one
 * when a crowd has lost members. */
bool fields_may_be_later(enum rules_field_id id);

/* The words that a TYPE_WORD field may have, as "a, b, c"; NULL for others. */
const char *fields_words(enum rules_field_id id);
bool fields_has_word(enum rules_field_id id, struct slice word);

/* Where the text of an event field stands in a struct logline, in bytes; 0: its
 * values are made of the line. */
extern const uint16_t fields_line_places[FIELD_COUNT];

static inline const struct slice *fields_line_text(const struct logline *line,
                                                   uint16_t place)
{
    return (const void *)((const char *)line + place);
}

/* Reads a value of a TYPE_NUMBER .. TYPE_BOOLEAN field. On failure returns
 * false and what such a value looks like. */
bool fields_number(enum rules_field_type type, struct slice text,
                   int64_t *number_r, const char **expected_r);

#endif
