/* Hashes of texts that strangers choose. */
#ifndef QSCAN_PARSERS_HASH_H
#define QSCAN_PARSERS_HASH_H

#include "parsers/slice.h"

/* Keyed, so that nobody who chooses names can make a table slow
 * (SipHash-1-3). The key is the caller's to make. */
uint64_t keyed_hash(const uint64_t key[2], struct slice text);

#endif
