/*
 * Holding folders: ".qscan/RUN" inside the very directory that a file was
 * taken from, so that taking is one rename on one file system. Names in it
 * begin with an id, never with a letter pair of sendmail's.
 */
#ifndef QSCAN_HOLD_H
#define QSCAN_HOLD_H

#include "qscan/complain.h"
#include "qscan/queue.h"

enum { HOLD_RUN_MAX = 48 };

#define HOLD_ROOT ".qscan"
#define HOLD_JOURNAL "journal"

/* "20261122T175225Z-4711": second and process number. attempt: 0, or how often
 * such a name was found taken; then it gets a random tail. */
void hold_new_run_name(char name[static HOLD_RUN_MAX], unsigned attempt);
bool hold_is_run_name(const char *name);
/* Epoch s at which that run began; -1 when the name does not tell. */
int64_t hold_run_time(const char *name);

/* Descriptor of a folder's .qscan, or -1 with *why_r set ("owned by somebody
 * else") and errno. */
int hold_open_root(const struct queue_folder *folder, const char **why_r);

/* The same for one run below it. */
int hold_open_run(const struct queue_folder *folder, const char *run,
                  const char **why_r);

/* Says what is wrong with a folder's .qscan, and why as one of these told. */
void hold_complain(struct complaints *to, const struct queue_folder *folder,
                   const char *what, const char *why, const char *consequence);

/* Makes it, and .qscan where there is none: 0700, owned by the folder's owner,
 * synced. EEXIST: there is a run of that name. After another error an empty
 * folder may be there. */
int hold_make_run(const struct queue_folder *folder, const char *run,
                  const char **why_r);

/* True when sendmail would take a .qscan in this folder for a queue: it is
 * the base of a wildcard with an empty prefix. */
bool hold_is_refused(const struct queue_set *set,
                     const struct queue_folder *folder);

/* All runs of all control folders of the set, each name once, oldest first; of
 * one second as their folders were made, where the file system tells.
 * Folders that are refused are complained about, unless to is NULL. */
bool hold_list_runs(const struct queue_set *set, struct string_list *runs,
                    struct complaints *to);

/* Names in a folder of a run, but for its journal. */
size_t hold_count_files(int run_fd);

/* Whether the run still holds a control file below one of these folders. */
bool hold_has_control(const struct queue_set *set, const char *run);

#endif
