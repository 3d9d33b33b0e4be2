/* --explain and --show: one message, everything that is known of it. */
#ifndef QSCAN_EXPLAIN_H
#define QSCAN_EXPLAIN_H

#include "qscan/hold.h"
#include "qscan/options.h"
#include "qscan/output.h"
#include "qscan/scan.h"

/* That a run holds the message, in the words of its journal. */
struct explain_held {
    char run[HOLD_RUN_MAX]; /* empty: none does */
    char *class, *rule;     /* owned */
};

/*
 * Writes to out why the message in hand is classed so: each rule, each
 * condition with the value it saw, and which single condition kept a rule
 * from matching. The scene's crowd must be counted. False without memory.
 */
bool explain_message(struct message *message, const struct explain_held *held,
                     enum format format, struct buffer *out);

/* Envelope, headers, the first 100 lines of the body, escaped. */
void show_message(struct message *message, struct buffer *out);

#endif
