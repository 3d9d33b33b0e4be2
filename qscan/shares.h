/*
 * What the guesses of the attackers say together: totals of a crowd, and which
 * of them worked through the same list.
 */
#ifndef QSCAN_SHARES_H
#define QSCAN_SHARES_H

#include "qscan/sources.h"

/* Guesses whose hash begins with these bits; {0, 0}: all. */
struct guess_part {
    unsigned bits; /* how many */
    uint64_t number;
};

/* Calls visit for each distinct guess of a source that is told apart. */
void source_each_guess(const struct sources *sources,
                       const struct source *source, struct guess_part part,
                       void (*visit)(void *context, uint64_t hash),
                       void *context);

/*
 * Sets what the members of each attacker did together, from guesses to last,
 * and shared of all but crowds, in worker_count threads. named: bit per source,
 * of all members of crowds; those of attackers are cleared. False without
 * memory.
 */
bool shares_count(struct sources *sources, uint8_t *named,
                  unsigned worker_count);

#endif
