/*
 * Putting back what a run took. It renames or unlinks no name that is not in a
 * journal.
 */
#ifndef QSCAN_UNDO_H
#define QSCAN_UNDO_H

#include "qscan/place.h"

struct undo_result {
    size_t restored;
    size_t left; /* a file of that id exists now */
    size_t failed;
};

/* What undo_restore would come to, said as it would say it. */
void undo_foresee(const struct place_request *request, const char *name,
                  struct undo_result *result_r);

/* Puts back all messages of a run: df first, then the control file, never
 * over an existing name. */
bool undo_restore(const struct place_request *request, const char *name,
                  struct undo_result *result_r);

/*
 * Finishes what was half taken, or half put back, of a run that is dead: df
 * and xf follow their control files, or are unlinked in a run with --delete.
 * False after a complaint when something stays half done, or the run is alive.
 */
bool undo_complete_taking(const struct place_request *request,
                          const char *name);

#endif
