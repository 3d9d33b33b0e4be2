/*
 * Reads all logs of a set, in the order of log time, with several threads.
 *
 * A worker takes the next block of a file (one at a time inflates a file),
 * takes its lines apart, and puts the records behind those of the block before.
 * One worker at a time joins what is next in time: logs that overlap are merged
 * line by line. What comes out does not depend on the number of workers, on the
 * order of files, or on how they are compressed.
 */
#ifndef QSCAN_LOGREAD_H
#define QSCAN_LOGREAD_H

#include "qscan/join.h"
#include "qscan/logset.h"
#include "qscan/progress.h"

struct logread {
    /* given */
    struct log_set *set;
    const struct rules *rules;
    unsigned workers;
    int64_t since, until;
    struct complaints *complaints;
    struct progress progress;
    /* result */
    struct sources sources;
    struct join join;
    struct logtally tally;
};

/* False: interrupted, or no memory (after a complaint). */
bool logread_run(struct logread *logs);
void logread_free(struct logread *logs);

#endif
