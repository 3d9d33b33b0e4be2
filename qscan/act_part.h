/*
 * What the parts of taking share: act.c makes a run of batches, act_batch.c
 * locks, judges again and takes the messages of one.
 */
#ifndef QSCAN_ACT_PART_H
#define QSCAN_ACT_PART_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "qscan/act.h"
#include "qscan/syslogger.h"
#include "qscan/workers.h"

enum fate {
    FATE_TAKE,
    FATE_TAKEN,
    FATE_BUSY,
    FATE_CHANGED,
    FATE_VANISHED,
    FATE_FAILED,
    FATE_STOPPED, /* the run ended before its turn */
};

/* Where the files of one folder go. */
struct target {
    bool is_ready;
    int run_fd;              /* .qscan/RUN of this folder, or -1 */
    struct journal *journal; /* of a control folder */
    /* Of a control folder: names of one directory change one by one in any
     * case, and who waits here does not spin on the kernel's locks. */
    pthread_mutex_t names_lock;
};

struct taken {
    struct act_job *job;
    enum fate fate;
    int fd;         /* the locked control file, or -1 */
    struct stat st; /* of that file, under the lock */
    uint16_t data;  /* folder of df */
    uint64_t bytes;
    bool has_lost_race; /* only for the log */
    const char *class, *rule;
};

struct actor {
    struct act_run *run;
    struct scene scene; /* the scan's, but for now: the clock, always */
    struct message message;
    struct rules_matcher *matcher, *where_matcher;
    struct taken *batch;
    struct buffer lines, log; /* for the journal, and for syslog */
    bool *is_touched;         /* by folder number: to be synced */
    bool has_begun;           /* this pass */
    struct act_result counts; /* merged at the end */
};

struct act_run {
    struct act_request *request;
    struct scan *scan;
    struct target *targets; /* by folder number */
    struct journal *journals;
    size_t journal_count;
    struct actor *actors;
    struct act_job **busy; /* for the second pass */
    size_t busy_count;
    pthread_mutex_t busy_lock;
    atomic_bool has_stopped; /* the journal cannot be written any more */
    atomic_bool is_torn;     /* a control file went without its df */
    struct act_job *jobs;    /* of this pass */
    size_t batch_size;
    const char *run_name;
    bool has_syslog;
    struct syslogger *logger; /* when it has; until both passes are over */
    pthread_mutex_t table_lock;
    bool is_table_shared; /* of descriptors: somebody got none of its own */
};

/* For workers_run, context: a struct act_run; pieces of its jobs are batches,
 * cut where the directory changes. */
void act_take_piece(void *context, unsigned worker, size_t first, size_t end);

/* The control file is the one that a plan names; true without a plan. */
bool act_is_planned_file(const struct act_planned *planned,
                         const struct stat *st);

/* Its df is there, and regular. Asked last: where df was read, this costs no
 * call. */
bool act_has_data_file(struct message *message);

#endif
