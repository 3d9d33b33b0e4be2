/* Hashes of texts that strangers choose. */
#ifndef QSCAN_PARSERS_HASH_H
#define QSCAN_PARSERS_HASH_H

#include "parsers/slice.h"

/* Keyed, so that nobody who chooses names can make a table slow
 * (SipHash-1-3). The key is the caller's to make. */
uint64_t keyed_hash(const uint64_t key[2], struct slice text);

/* For a memory in which two texts of one hash only drive each other out: it
 * takes a third of the time, and anybody can make two alike. */
uint32_t loose_hash(struct slice text);

/* keyed_hash, of texts of which few come again and again: those are remembered.
 * Begins as zeros, and serves one key. */
enum { HASH_PLACES = 64, HASH_PLACE_BYTES = 55 };

struct hash_memory {
    struct hash_place {
        uint64_t hash;
        uint8_t len; /* 0: free */
        char text[HASH_PLACE_BYTES];
    } places[HASH_PLACES];
};

uint64_t keyed_hash_again(struct hash_memory *memory, const uint64_t key[2],
                          struct slice text);

#endif
