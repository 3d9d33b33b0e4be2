/* Numbers that look random and are the same in each run. */
#ifndef QSCAN_TESTS_RANDOM_H
#define QSCAN_TESTS_RANDOM_H

#include <stdint.h>

/* To be set before the first number is drawn; not 0. */
static uint64_t random_state;

static inline unsigned draw(unsigned below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % below;
}

#endif
