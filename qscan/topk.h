/*
 * The most frequent of many texts, in bounded memory. Exact while no more than
 * TOPK_MAX different texts came; beyond that the rare half is dropped now and
 * then, and a count may be too low by at most error_max. The answer depends on
 * the order of the texts alone.
 */
#ifndef QSCAN_TOPK_H
#define QSCAN_TOPK_H

#include "parsers/slice.h"

enum { TOPK_MAX = 1 << 14, TOPK_TEXT_MAX_BYTES = 200 };

struct topk_row {
    const char *text; /* in the table; not NUL-terminated */
    uint32_t text_len;
    uint64_t hash;
    uint64_t count;
    uint64_t bytes; /* what was added with it: sizes of messages */
};

struct topk {
    struct topk_row *rows;
    uint32_t count, capacity;
    uint32_t *slots; /* hash and number of a row; 0 = free */
    uint32_t slot_count;
    char *texts; /* owned */
    size_t text_len, text_capacity;
    uint64_t total; /* of all counts, dropped ones too */
    uint64_t key[2];
    uint64_t error_max; /* what a count may lack; 0: all are exact */
    bool has_failed;    /* no memory: counts are too low */
};

void topk_init(struct topk *table, const uint64_t key[2]);
void topk_free(struct topk *table);

/* Texts longer than TOPK_TEXT_MAX_BYTES are cut there. */
void topk_add(struct topk *table, struct slice text, uint64_t count,
              uint64_t bytes);

/* The same, where a keyed hash of the text is at hand: always of the same
 * kind for one text. Texts of one hash are one text. */
void topk_add_hashed(struct topk *table, struct slice text, uint64_t hash,
                     uint64_t count, uint64_t bytes);

/* Asks for the cache line that adding a text of that hash will need. */
static inline void topk_prefetch(const struct topk *table, uint64_t hash)
{
    if (table->slot_count > 0)
        __builtin_prefetch(&table->slots[hash & (table->slot_count - 1)]);
}

/* Most first, then by text. Row numbers are new afterwards; adding is over. */
void topk_sort(struct topk *table);

#endif
