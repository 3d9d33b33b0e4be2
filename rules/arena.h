/*
 * Memory that is given back in one piece: everything a rule set is made of
 * lives exactly as long as the set.
 */
#ifndef QSCAN_RULES_ARENA_H
#define QSCAN_RULES_ARENA_H

#include "parsers/slice.h"

struct arena_chunk;

/* All zero is an empty arena. */
struct arena {
    struct arena_chunk *newest;
};

/* Aligned for any type and not cleared; NULL when memory ran out. */
void *arena_alloc(struct arena *arena, size_t size_bytes);

/* A copy with a NUL behind it; absent when memory ran out. */
struct slice arena_copy(struct arena *arena, struct slice text);

void arena_free(struct arena *arena);

#endif
