/*
 * One message a line: --list, and the plan of a purge, which is the same with
 * an action and a reason. Messages are read again for it, in the order of
 * directory and id, so that memory does not grow with their texts.
 */
#ifndef QSCAN_LIST_H
#define QSCAN_LIST_H

#include "qscan/options.h"
#include "qscan/output.h"
#include "qscan/scan.h"

/* What a plan says of a message; action NULL = a plain list. */
struct list_action {
    const char *action; /* "hold", "delete", "keep" */
    const char *why;
    bool has_identity; /* a plan file: what --apply compares */
};

typedef void (*list_action_of)(void *context, const struct facts *row,
                               struct list_action *action_r);

/* Rows that --class, --where and --id leave, without those that vanished. */
bool list_is_selected(const struct options *options, const struct scan *scan,
                      const struct facts *row);

/* False when a signal came or memory ran out. action_of may be NULL. */
bool list_print(const struct options *options, struct scan *scan,
                list_action_of action_of, void *context, struct output *output);

/* The same line for a single message in hand. */
void list_message(struct buffer *out, enum format format,
                  struct message *message, struct rules_matcher *matcher,
                  const struct list_action *action, size_t columns);

/* "2d04h", "35m", "120d"; at most 6 columns. */
void list_add_span(struct buffer *out, int64_t sec);

#endif
