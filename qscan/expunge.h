/*
 * Freeing the space of what a run holds. It unlinks no name that is not in a
 * journal, and notes there that it began: of one that was killed the rest can
 * be put back, or goes when the run is completed (runs.h).
 */
#ifndef QSCAN_EXPUNGE_H
#define QSCAN_EXPUNGE_H

#include "qscan/place.h"

struct expunge_result {
    size_t files; /* that are gone now */
    uint64_t freed_bytes;
    size_t failed;
};

/* Unlinks what the run holds, its journal last. What is left when it fails, or
 * is interrupted, can still be put back. False when there is no such run. */
bool expunge_run(const struct place_request *request, const char *name,
                 struct expunge_result *result_r);

/* Whether an expunge of the run was killed, in any place. */
bool expunge_has_begun(const struct place_request *request, const char *name);

/* Unlinks the rest, in those places alone. False after a complaint, or a
 * signal, when something is left. */
bool expunge_rest(const struct place_request *request, const char *name);

#endif
