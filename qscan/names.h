/*
 * Names of hosts, by the million. Most are a label of their own before a rest
 * that many have in common, as in "dsl-7.provider.example": the rest is kept
 * once. Two that are the same are kept twice.
 */
#ifndef QSCAN_NAMES_H
#define QSCAN_NAMES_H

#include "qscan/intern.h"

enum {
    NAMES_NONE = 0,       /* the number of no name */
    NAMES_TEXT_MAX = 1024 /* longer ones are cut there */
};

struct names {
    struct intern rests;
    char **blocks; /* owned */
    uint32_t block_count, block_capacity;
    uint32_t used; /* of the last block, in steps of a number */
};

/* The rests live in the arena, which outlives the names. */
bool names_init(struct names *names, struct arena *arena,
                const uint64_t key[2]);
void names_free(struct names *names);

/* NAMES_NONE for an empty one, or without memory. */
uint32_t names_add(struct names *names, struct slice name);

/* In room, or absent. */
struct slice names_text(const struct names *names, uint32_t number,
                        char room[static NAMES_TEXT_MAX]);

#endif
