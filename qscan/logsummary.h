/*
 * A summary of maillogs, fit to be mailed: first what needs a person, then
 * numbers, with every list capped, and no line over 80 columns.
 */
#ifndef QSCAN_LOGSUMMARY_H
#define QSCAN_LOGSUMMARY_H

#include "qscan/logread.h"
#include "qscan/options.h"
#include "qscan/output.h"

/* Sorts the tables of the most frequent. False without memory. */
bool logsummary_print(const struct options *options, struct logread *logs,
                      struct output *output);

/* One object; tables have their first options->top rows, all if 0. The tables
 * are sorted already. False without memory. */
bool logsummary_add_json(struct buffer *out, const struct options *options,
                         const struct logread *logs);

/* Numbers of the sources that brought mail, most messages first; owned by the
 * caller. NULL without memory. */
uint32_t *logsummary_clients(const struct sources *sources, size_t *count_r);

/* Numbers of the domains that were guessed in, most guesses first; owned by
 * the caller. NULL without memory. */
uint32_t *logsummary_targets(const struct sources *sources, size_t *count_r);

/* All that was counted is right: memory sufficed. */
bool logsummary_is_complete(const struct logread *logs);

#endif
