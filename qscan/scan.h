/*
 * From names to verdicts: workers read and judge every message once; then the
 * crowd is counted and what hung on it is decided from the facts table.
 */
#ifndef QSCAN_SCAN_H
#define QSCAN_SCAN_H

#include "qscan/message.h"
#include "qscan/newnames.h"
#include "qscan/workers.h"

struct scan {
    struct scene scene;
    struct queue_set *queues; /* those of scene, to be listed */
    struct facts_table table;
    struct queue_listing *listing; /* of table, until its names are joined */
    struct crowd *crowds; /* one a worker; crowds[0] is the sum afterwards */
    unsigned worker_count;
    struct crowd_known *known; /* owned; of earlier runs */
    size_t known_count;
    bool reads_data;     /* rules or report ask for what lives in df */
    bool looks_at_files; /* at links and owner of each control file; else at
                            all of them only where one is odd */
    struct newnames *newnames; /* owned; what came since the listing, or NULL */
    struct progress progress;
    struct complaints *complaints;
    bool is_verbose; /* times of the phases, on standard error */
};

/* With -v: how long a phase took since *since, which becomes now. */
void scan_say_time(const struct scan *scan, const char *phase,
                   struct timespec *since);

/*
 * Lists the queues and judges all rows of scan->table, those also that stood
 * there before. queues, those of scene, its rules, where and now, and
 * worker_count, are set by the caller. False without memory, or when a signal
 * came (interrupt_signal says which).
 */
bool scan_run(struct scan *scan);

/* An earlier run had seen so many clients of a domain: before scan_run. */
bool scan_add_known_clients(struct scan *scan, const char *domain,
                            unsigned count);

/* Only lists and joins: for a plan, which was judged when it was made. */
bool scan_list(struct scan *scan);
void scan_free(struct scan *scan);

#endif
