/*
 * The modes that take messages, and those that undo it: what will be done is
 * said and asked first, then done, then told.
 */
#ifndef QSCAN_PURGE_H
#define QSCAN_PURGE_H

#include "qscan/act.h"
#include "qscan/output.h"

struct purge_request {
    const struct options *options;
    struct config *config;
    struct queue_set *queues;
    struct scan *scan; /* judged; for MODE_APPLY only listed */
    struct complaints *complaints;
    struct output *output;
};

/* What each of these modes returns, and the program ends with. */
enum { EXIT_DONE = 0, EXIT_SOMETHING_FAILED = 1, EXIT_NOTHING_DONE = 2 };

int purge_run(const struct purge_request *request);

/* Of earlier runs (purge_runs.c). */
int purge_undo(const struct purge_request *request);
int purge_expunge(const struct purge_request *request);
int purge_list_runs(const struct purge_request *request);

/* What a purge came to that a signal ended before it knew what to take. */
void purge_tell_interrupted(const struct purge_request *request);

/* False after a complaint: a class that no rule and no kind of file gives, or
 * one that may not be taken yet. */
bool purge_check_classes(const struct options *options,
                         const struct rules *rules, struct complaints *to);

#endif
