/*
 * One run in one control folder: what its journal names, and where those files
 * are now. A run has such a place in each control folder that it took from; df
 * and xf of it may lie in folders that several places share.
 */
#ifndef QSCAN_PLACE_H
#define QSCAN_PLACE_H

#include <sys/stat.h>

#include "qscan/hold.h"
#include "qscan/journal.h"
#include "qscan/options.h"

/* The queues that are looked through, and who is told of what is wrong. */
struct place_request {
    struct queue_set *queues;
    const struct options *options;
    struct complaints *complaints;
};

/* A journal entry that outlives its line. */
struct held {
    char id[FACTS_ID_MAX + 1];
    char letter;
    uint16_t data; /* folder of df, or FACTS_NO_DIR: not to be found */
    struct journal_file control_file, data_file;
    uint64_t transcript_inode; /* 0 = none */
    int64_t created;
    bool may_follow; /* its df and xf are back: the control file's turn */
};

struct held_list {
    struct held *items;
    size_t count, capacity;
    bool has_failed;
};

struct place {
    const struct place_request *request;
    const char *run;
    uint16_t control; /* number of the folder */
    int *run_fds;     /* of the run's folders, by folder number */
    size_t folder_count;
    struct held_list held;
    struct journal_state state;
    bool has_journal, is_journal_elsewhere;
    struct journal *journal; /* locked, after place_lock; else NULL */
};

/* ---- opening ---- */

/* False when this control folder has nothing of that run, or after a
 * complaint. */
bool place_open(struct place *place, const struct place_request *request,
                const char *run, uint16_t control);
void place_close(struct place *place);

/* Opens one place of a run after the other, and closes it after work, whose
 * false ends the walk. Returns whether there was any. */
bool place_walk(const struct place_request *request, const char *run,
                bool (*work)(void *context, struct place *place),
                void *context);

const struct queue_folder *place_folder(const struct place *place,
                                        size_t number);

/* The run's own folder below a folder of the queue, or a negative number: no
 * such. It belongs to the place. */
int place_run_fd(const struct place *place, size_t folder);
/* The same, made anew where it is gone; errno says why that cannot be. */
int place_make_run_fd(const struct place *place, size_t folder);

/* ---- its journal ---- */

/* Calls take for what the journal says of messages; 0 or an errno value. */
int place_read_journal(struct place *place,
                       void (*take)(void *context,
                                    const struct journal_entry *entry),
                       void *context);

/* Reads again what the journal names; 0 or an errno value. */
int place_read(struct place *place);

/*
 * Nobody else works on what is locked, until it is closed. What the run has
 * added to its journal meanwhile is read. 0, EWOULDBLOCK: the run still lives,
 * or another qscan is at it; or another errno value.
 */
int place_lock(struct place *place);

/* Whether it could be locked, as of place_lock. */
int place_try_lock(struct place *place);

/* Of one that outlives its place; NULL is none. */
void place_free_journal(struct journal *journal);

/* Appends the line and frees it; false after a complaint. The journal is
 * locked. */
bool place_append(struct place *place, struct buffer *line);

/* The line that ends an expunge: from here on what it left may come back. */
void place_add_expunge_end(const struct place *place, struct buffer *line);

/* Begun, and not ended when it was read. Before the first line there is
 * neither a lock nor anything done: its run makes it just now, or was killed
 * there. */
bool place_is_half_done(const struct place *place);

/* DIR/RUN.journal of --journal=DIR; NULL without that option, or without
 * memory; free it. */
char *place_journal_elsewhere(const struct place_request *request,
                              const char *run);

/* ---- files of a message; folder: a number, FACTS_NO_DIR has none ---- */

/* Held by the run, or in the queue; *st_r tells of it. */
bool place_is_held_file(const struct place *place, size_t folder, char letter,
                        const struct held *held, struct stat *st_r);
bool place_is_queue_file(const struct place *place, size_t folder, char letter,
                         const struct held *held, struct stat *st_r);

/* Size and time tell it in a copy of the queue; what is rewritten has another
 * time. */
bool place_is_the_file(const struct journal_file *file, const struct stat *st);

bool place_is_control_held(const struct place *place, const struct held *held);

/* Messages whose control file is held. */
size_t place_count_held(const struct place *place);

/* A control file, or a rewrite of one, of that id in any queue directory. */
bool place_has_control_anywhere(const struct place *place,
                                const struct held *held);

/* The very control file is in the queue again, and its only df is held. */
bool place_is_split(const struct place *place, const struct held *held);

/* Whether xf of this message, if it had one, may lie in that folder. */
bool place_may_have_transcript(const struct place *place, size_t folder,
                               const struct held *held);

/* ---- putting back ---- */

/* Back to where they were taken from, over nothing that exists; 0 or an errno
 * value. */
int place_put_back(const struct place *place, size_t folder, char letter,
                   const struct held *held);
int place_put_back_transcripts(const struct place *place,
                               const struct held *held);

/* What is split gets df and xf back: 0, ENOENT of what is not split, or, after
 * a complaint, an errno value. */
int place_reunite(const struct place *place, const struct held *held);

/* Syncs every folder the run has to do with; false after a complaint. */
bool place_sync(const struct place *place);

/* ---- complaints ---- */

/* Of the run's folder; error: an errno value, or 0. */
void place_complain(const struct place *place, int error, const char *what,
                    const char *consequence);
/* Of a message that stays held. */
void place_complain_left(const struct place *place, const struct held *held,
                         const char *what, int error);
/* Of what place_lock returned. */
void place_complain_lock(const struct place *place, int error);

#endif
