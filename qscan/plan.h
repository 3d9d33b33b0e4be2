/* A plan on disk: JSON lines as --dry-run prints them, with the identity of
 * each control file, so that exactly those messages are acted on later. */
#ifndef QSCAN_PLAN_H
#define QSCAN_PLAN_H

#include "qscan/act.h"

struct plan {
    struct act_job *jobs;  /* owned: rows of the table that the plan takes */
    struct planned *items; /* owned: what the plan says of them */
    size_t job_count;
    size_t missing_count; /* messages of the plan that are gone */
    size_t changed_count; /* that another control file or a tf is beside now,
                             or whose id cannot be taken */
    bool is_delete;
    struct arena arena; /* text of the items */
};

/*
 * Reads a plan and finds its messages in the listed table. False after a
 * complaint: no such file, not a plan, none of its messages
 * is there.
 */
bool plan_read(struct plan *plan, const char *path, const struct scan *scan,
               struct complaints *to);
void plan_free(struct plan *plan);

#endif
