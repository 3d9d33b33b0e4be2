/* Arrays that get longer. */
#ifndef QSCAN_PARSERS_ARRAY_H
#define QSCAN_PARSERS_ARRAY_H

#include <stddef.h>
#include <stdlib.h>

/*
 * An array with room for more than count items: the same one while there is
 * room, else twice as large. NULL without memory; then the old one is still
 * good, and its owner's.
 */
static inline void *array_with_room(void *items, size_t count, size_t *capacity,
                                    size_t item_bytes)
{
    enum { FIRST = 16 };
    size_t wanted = *capacity == 0 ? FIRST : *capacity * 2;
    void *grown;

    if (count < *capacity)
        return items;
    grown = realloc(items, wanted * item_bytes);
    if (grown != NULL)
        *capacity = wanted;
    return grown;
}

#endif
