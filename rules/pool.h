/*
 * Memory that is given back in one piece: everything a rule set is made of
 * lives exactly as long as the set.
 */
#ifndef QSCAN_RULES_POOL_H
#define QSCAN_RULES_POOL_H

#include "parsers/slice.h"

struct pool_chunk;

/* All zero is an empty pool. */
struct pool {
    struct pool_chunk *newest;
};

/* Aligned for any type and not cleared; NULL when memory ran out. */
void *pool_alloc(struct pool *pool, size_t size_bytes);

/* A copy with a NUL behind it; absent when memory ran out. */
struct slice pool_copy(struct pool *pool, struct slice text);

void pool_free(struct pool *pool);

#endif
