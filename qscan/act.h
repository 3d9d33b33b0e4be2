/*
 * Taking messages away beside a running sendmail. With undo.c and expunge.c the
 * only place that renames or unlinks a queue file.
 *
 * In batches: lock each control file both ways, look whether it is still the
 * same file, read it again and judge it again where it or its df changed; sync
 * the journal; take all control files; sync the directory; take df and xf;
 * sync; unlock. A control file goes before its df, the reverse of sendmail's
 * order: after a crash the worst is an orphan df, never a message without its
 * body (queue.c: readqf).
 */
#ifndef QSCAN_ACT_H
#define QSCAN_ACT_H

#include "qscan/hold.h"
#include "qscan/journal.h"
#include "qscan/options.h"
#include "qscan/scan.h"

/* What a plan says of a message: the file it meant, unchanged since. */
struct act_planned {
    uint64_t device, inode;
    int64_t size_bytes, mtime_nsec, ctime_nsec;
    uint64_t data_bytes; /* of df */
    const char *class, *rule;
};

/* One message to be taken; there may be half a million. */
struct act_job {
    uint32_t row;
    const struct act_planned *planned; /* NULL: judged again if it changed */
};

struct act_result {
    char run[HOLD_RUN_MAX];
    struct string_list journals;
    size_t purged, busy, changed, vanished, failed;
    size_t unreached; /* set by the caller: the rest, when the run stopped */
    uint64_t taken_bytes;
};

struct act_request {
    struct scan *scan;
    const struct options *options;
    struct act_job *jobs; /* put into the order of action */
    size_t job_count;
    bool is_delete;
    /* Whether a message judged again may still go; context for it. */
    bool (*still_wanted)(void *context, const struct message *message,
                         const struct rules_verdict *verdict,
                         bool is_where_true);
    void *context;
};

/* Whether there may be holding folders for all of them; false after a
 * complaint. To be asked first, of a dry run and of a plan, too. */
bool act_may_hold(const struct scan *scan, const struct act_job *jobs,
                  size_t count);

/* Counts what taking the jobs of a plan would come to, as far as can be told
 * without a lock. */
void act_foresee(const struct scan *scan, const struct act_job *jobs,
                 size_t count, struct act_result *result);

/*
 * Takes the jobs. False when nothing at all was done: a holding folder or the
 * journal could not be made (complained about). Per-message failures are
 * complained about and counted.
 */
bool act_take(struct act_request *request, struct act_result *result_r);
void act_result_free(struct act_result *result);

/* An id that any program's text can carry: printable ASCII, no quote, no
 * backslash. Others are never taken. */
bool act_is_plain_id(struct slice id);

/* Opens the log of mail unless the options forbid it; false: none. */
bool act_open_syslog(const struct options *options);

/* What an undo or an expunge came to, in that log. */
struct act_log {
    size_t restored, left, files, failed;
};

void act_log_result(const struct options *options, const char *run,
                    const char *action, const struct act_log *counts);

/* ---- shared with place.c, undo.c and expunge.c ---- */

/* Rename that never replaces; 0 or an errno value. */
int act_move(int from_folder, const char *from, int to_folder, const char *to);

/* Syncs a folder and, unless run_fd is -1, the run's folder below it; false
 * after a complaint. */
bool act_sync(struct complaints *to, const struct queue_folder *folder,
              int run_fd);

/* Complains about FOLDER/NAME. */
void act_complain(struct complaints *to, const struct queue_folder *folder,
                  const char *name, const char *what, int error,
                  const char *consequence);

#endif
