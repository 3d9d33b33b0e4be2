/*
 * What a run is about to do, written and synced before it does it: JSON
 * lines, one a message, in ".qscan/RUN/journal" of the control folder (or in
 * the folder of --journal). While a run lives it holds a lock on it.
 */
#ifndef QSCAN_JOURNAL_H
#define QSCAN_JOURNAL_H

#include <pthread.h>
#include <stdio.h>

#include "qscan/buffer.h"
#include "qscan/message.h"

struct journal {
    int fd;
    char *path;
    pthread_mutex_t lock;
};

/* Creates it below directory and locks it; 0 or an errno value. EEXIST: of
 * that name there is one, or was, until an expunge removed it. */
int journal_create(struct journal *journal, int directory, const char *name,
                   const char *path);
/* Opens one to append to; EWOULDBLOCK: its run still lives. */
int journal_open(struct journal *journal, int directory, const char *name,
                 const char *path);
void journal_close(struct journal *journal);

/* Appends whole lines and syncs them; 0 or an errno value. Safe from several
 * threads. */
int journal_append(struct journal *journal, const struct buffer *lines);

/* ---- lines ---- */

void journal_add_begin(struct buffer *out, const char *run,
                       const char *queue_path, bool is_delete);

/* control and data: where the files are; transcript_inode: of xf, 0 = none.
 * class and rule say why. */
void journal_add_take(struct buffer *out, const struct message *message,
                      const struct queue_folder *control,
                      const struct queue_folder *data,
                      uint64_t transcript_inode, const char *class,
                      const char *rule);
void journal_add_end(struct buffer *out, size_t taken, bool is_completed);
/* From here to the undo line messages may be half back. */
void journal_add_undo_begin(struct buffer *out);
void journal_add_undo(struct buffer *out, size_t restored, size_t left);
/*
 * From here to the expunge line messages of that folder may be gone, or half
 * gone. held: how many there were. A journal elsewhere is one for all folders,
 * so these lines say which.
 */
void journal_add_expunge_begin(struct buffer *out,
                               const struct queue_folder *control, size_t held);
void journal_add_expunge(struct buffer *out, const struct queue_folder *control,
                         size_t removed, size_t left);

/*
 * A line for each domain that several independent clients hand in mail for, or
 * whose hosts reports quote a reply of: when the messages that showed it are
 * gone, the next run still knows. They stand before the first message.
 */
void journal_add_clients(struct buffer *out, const struct crowd *crowd);

/* ---- reading ---- */

/* By which a file is known again: in a copy of the queue it has another inode,
 * but its size and time. */
struct journal_file {
    uint64_t inode;
    int64_t size_bytes, mtime;
};

struct journal_entry {
    char id[FACTS_ID_MAX + 1];
    char letter; /* q or h */
    struct journal_file control, data;
    uint64_t transcript_inode; /* 0 = none was there */
    uint64_t control_folder_inode;
    uint64_t folder_inode;   /* of the folder df was in */
    const char *data_folder; /* its path; until the next line */
    const char *class, *rule;
    int64_t created;
};

struct journal_state {
    bool has_begin, is_delete;
    bool has_end; /* nothing was begun after the last end, undo, expunge */
    size_t take_count;
    bool has_run_end; /* the run itself came to its end, or was completed; */
    size_t untaken_count; /* so many had not been taken, its completion found */
    int64_t begin_time;
    bool is_expunging;     /* one began, and neither ended nor was undone */
    size_t expunging_held; /* messages when that began */
    size_t expunged_count; /* messages removed by those that ended */
};

/*
 * Calls take for every message line. A line that is cut (a crash while it was
 * written) ends the reading without harm: nothing of that batch was done.
 * control: of a journal that several folders share, expunges of this one count;
 * NULL: all. Returns 0 or an errno value.
 */
int journal_read(int directory, const char *name,
                 const struct queue_folder *control,
                 void (*take)(void *context, const struct journal_entry *entry),
                 void *context, struct journal_state *state_r);

/* The same of the last line alone: whether the run, or the undo or expunge of
 * it, came to its end. A journal of half a million lines costs one small read.
 */
int journal_is_finished(int directory, const char *name, bool *is_finished_r);

/* Calls found for each line of journal_add_clients, reading no further. */
void journal_read_clients(int directory, const char *name,
                          void (*found)(void *context, const char *domain,
                                        unsigned count),
                          void *context);

#endif
