/*
 * The fields that only the crowd decides, of a row whose message is no longer
 * at hand: what a rule gets to see in the second phase.
 */
#ifndef QSCAN_ROWFIELDS_H
#define QSCAN_ROWFIELDS_H

#include "qscan/message.h"

enum { ROWFIELDS_VALUES_MAX = 64 };

/* scene, whose crowd is counted, and row are set by the caller, and turn to 0;
 * values come when they are asked for. */
struct rowfields {
    const struct scene *scene;
    const struct facts *row;
    /* of the last two fields asked for: they may be compared */
    struct field_value values[2][ROWFIELDS_VALUES_MAX];
    unsigned turn;
};

/* rules_fetch from the facts table alone, context: a struct rowfields; what is
 * not kept there stays undecided, and the message is kept. */
void rowfields_fetch(void *context, enum rules_field_id field,
                     struct slice header, struct field_view *view_r);

#endif
