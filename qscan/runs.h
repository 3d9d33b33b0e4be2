/*
 * The runs of a queue, each over all its places: what they hold, which were
 * killed, and their end.
 */
#ifndef QSCAN_RUNS_H
#define QSCAN_RUNS_H

#include "qscan/place.h"

/* One run over all queue directories. */
struct held_run {
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

/* What stands in the holding folders about one run. old_before: epoch s. */
bool runs_look_at(const struct place_request *request, const char *name,
                  int64_t old_before, struct held_run *run_r);

/* Names of runs whose journal has no end although they are dead; warns of
 * each. */
void runs_list_unfinished(const struct place_request *request,
                          struct string_list *runs);

/*
 * Finishes what such a run began: df and xf follow their control files, or
 * are unlinked in a run with --delete. Of one whose expunge was killed, the
 * rest is unlinked. False after a complaint when something stays half done, or
 * the run is alive.
 */
bool runs_complete(const struct place_request *request, const char *name);

/* Adds the messages that a run holds to the table, as rows that only count in
 * the crowd; with id, only that one. Returns how many. */
size_t runs_add_held_rows(const struct place_request *request, const char *name,
                          const char *id, struct facts_table *table);

/* What the journals of all runs say of domains and their clients. */
void runs_read_clients(const struct place_request *request,
                       void (*found)(void *context, const char *domain,
                                     unsigned count),
                       void *context);

/* The newest run that holds an id: its name, and the journal's own line in
 * class_r and rule_r (malloc'd). False when there is none. */
bool runs_find_held(const struct place_request *request, const char *id,
                    char run_r[static HOLD_RUN_MAX], char **class_r,
                    char **rule_r);

#endif
