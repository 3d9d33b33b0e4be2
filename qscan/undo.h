/*
 * Runs that are held: listing them, putting back what one took, freeing its
 * space, and completing one that was killed. With act.c the only place that
 * renames or unlinks a queue file; it touches no name that is not in a
 * journal.
 */
#ifndef QSCAN_UNDO_H
#define QSCAN_UNDO_H

#include "qscan/place.h"

/* One run over all queue directories. */
struct undo_run {
    char name[HOLD_RUN_MAX];
    int64_t time;      /* epoch s; -1 unknown */
    size_t held_count; /* messages */
    uint64_t held_bytes;
    size_t taken_count; /* by its journals */
    size_t old_count;   /* held and created before old_before */
    size_t file_count;  /* held */
    size_t rest_count;  /* held without their control file: an expunge that was
                           killed */
    size_t split_count; /* of those, whose control file a crash put back into
                           the queue, while df is held */
    size_t expunged_count; /* removed for good by an expunge that did not come
                              to its end */
    bool is_expunging;     /* that expunge was killed */
    bool is_unfinished;    /* a journal without end whose run is dead */
    bool is_alive;         /* its run still works */
    bool has_journal;      /* else never written, or in --journal=DIR */
    bool has_strangers;    /* files that no journal names */
    bool is_delete;
};

struct undo_result {
    size_t restored;
    size_t left; /* a file of that id exists now */
    size_t failed;
    size_t expunged_files;
    uint64_t freed_bytes;
};

/* What stands in the holding folders about one run. old_before: epoch s. */
bool undo_look_at_run(const struct place_request *request, const char *name,
                      int64_t old_before, struct undo_run *run_r);

/* Names of runs whose journal has no end although they are dead; warns of
 * each. */
void undo_list_unfinished(const struct place_request *request,
                          struct string_list *runs);

/*
 * Finishes what such a run began: df and xf follow their control files, or
 * are unlinked in a run with --delete. Of one whose expunge was killed, the
 * rest is unlinked. False after a complaint when something stays half done, or
 * the run is alive.
 */
bool undo_complete(const struct place_request *request, const char *name);

/* Adds the messages that a run holds to the table, as rows that only count in
 * the crowd; with id, only that one. Returns how many. */
size_t undo_add_held_rows(const struct place_request *request, const char *name,
                          const char *id, struct facts_table *table);

/* What the journals of all runs say of domains and their clients. */
void undo_read_clients(const struct place_request *request,
                       void (*found)(void *context, const char *domain,
                                     unsigned count),
                       void *context);

/* What undo_restore would come to, said as it would say it. */
void undo_foresee(const struct place_request *request, const char *name,
                  struct undo_result *result_r);

/* Puts back all messages of a run: df first, then the control file, never
 * over an existing name. */
bool undo_restore(const struct place_request *request, const char *name,
                  struct undo_result *result_r);

/* Unlinks what the run holds, its journal last. What is left when it fails, or
 * is interrupted, can still be put back. */
bool undo_expunge(const struct place_request *request, const char *name,
                  struct undo_result *result_r);

/* The newest run that holds an id: its name, and the journal's own line in
 * class_r and rule_r (malloc'd). False when there is none. */
bool undo_find_held(const struct place_request *request, const char *id,
                    char run_r[static HOLD_RUN_MAX], char **class_r,
                    char **rule_r);

#endif
