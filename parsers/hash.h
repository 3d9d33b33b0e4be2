/* Hashes of texts that strangers choose. */
#ifndef QSCAN_PARSERS_HASH_H
#define QSCAN_PARSERS_HASH_H

#include "parsers/slice.h"

/*
 * Keyed, so that nobody who chooses names can make a table slow, or two names
 * one. The key is the caller's to make, of 128 random bits. It holds against
 * who never sees a hash, as nobody does outside this process: they order no
 * output, are not stored, and are not sent. Of a short text it takes a fifth of
 * the time of SipHash, which is made for those who may see hashes.
 */
uint64_t keyed_hash(const uint64_t key[2], struct slice text);

/* For a memory in which two texts of one hash only drive each other out:
 * anybody can make two alike. */
uint32_t loose_hash(struct slice text);

#endif
