/*
 * A small queue in a folder of its own, judged by two rules, and the runs that
 * take from it: for tests of what takes and puts back. Include cmocka first;
 * names of files are relative to the folder.
 *
 *     struct spool spool;
 *     spool_open(&spool, SPOOL_PLAIN);
 *     spool_write(&spool, "6AMHqPjw023670", "dead");
 *     spool_run(&spool, "20260101T000000Z-1", false);
 *     spool_assert_held(&spool, "20260101T000000Z-1", "6AMHqPjw023670");
 *     spool_close(&spool);
 */
#ifndef QSCAN_TESTS_SPOOL_H
#define QSCAN_TESTS_SPOOL_H

#include "qscan/act.h"
#include "tests/folder.h"

enum {
    SPOOL_MESSAGES_MAX = 8,
    SPOOL_NAME_MAX = 320,
    /* T of all messages: old by any clock */
    SPOOL_CREATED = 1000000000,
};

enum spool_layout {
    SPOOL_PLAIN,  /* all in q */
    SPOOL_PARTED, /* q/qf, q/df, q/xf */
};

/* What was written: what must be found, wherever it lies. */
struct spool_message {
    char id[32], letter;
    char control[512], data[64];
};

struct spool {
    struct folder folder;
    enum spool_layout layout;
    struct queue_set set;
    struct complaints complaints;
    struct rules *rules; /* class dead goes, class rest stays */
    struct rules *where; /* as --where, for the next scan; owned */
    struct options options;
    struct scan scan;
    bool is_scanned;
    struct act_job *jobs;
    struct spool_message messages[SPOOL_MESSAGES_MAX];
    size_t message_count;
    char names[4][SPOOL_NAME_MAX]; /* the last answers */
    unsigned next;
    char journals[FOLDER_PATH_MAX]; /* what the options name */
};

void spool_open(struct spool *spool, enum spool_layout layout);
void spool_close(struct spool *spool);

/* What a control file may turn into: one of class rest. */
extern const char spool_rest_text[];

/* A message of class "dead", "rest" or "quarantined". */
void spool_write(struct spool *spool, const char *id, const char *class);

const struct spool_message *spool_message(const struct spool *spool,
                                          const char *id);

/* Bytes of all control files and df that were written. */
size_t spool_bytes(const struct spool *spool);

/* As --journal=DIR, with a folder "journals". */
void spool_put_journals_elsewhere(struct spool *spool);

/* Lists and judges the queue, anew if need be. */
void spool_scan(struct spool *spool);
const struct facts *spool_row(const struct spool *spool, const char *id);

/* A plan that means the file of that name, as it is now. */
struct act_planned spool_plan(struct spool *spool, const char *name);

/* Of every control file that was found; what is dead may still go. */
struct act_request spool_request(struct spool *spool);

/* Scans, and takes or deletes all messages, which are dead, in a run that is
 * called so afterwards. */
void spool_run(struct spool *spool, const char *run, bool is_delete);

/* A run that was killed: its journal loses its last line. */
void spool_cut_end(struct spool *spool, const char *run);

/* One whose expunge was killed after it had removed one message of held. */
void spool_half_expunge(struct spool *spool, const char *run, const char *id,
                        size_t held);

/* ---- files; a name is good until the fourth call from here ---- */

const char *spool_queued(struct spool *spool, char letter, const char *id);
const char *spool_held(struct spool *spool, const char *run, char letter,
                       const char *id);
const char *spool_journal(struct spool *spool, const char *run);

void spool_move(struct spool *spool, const char *from, const char *to);
void spool_remove(struct spool *spool, const char *name);
void spool_append(struct spool *spool, const char *name, const char *text);
bool spool_has(struct spool *spool, const char *name);
struct stat spool_stat(struct spool *spool, const char *name);
/* malloc'd; aborts when it cannot be read. */
char *spool_text(struct spool *spool, const char *name);

/* ---- assertions ---- */

/* text NULL: there is no such file. */
void spool_assert_file(struct spool *spool, const char *name, const char *text);

/* Control file and df lie there byte by byte as they were written, and no
 * others of them elsewhere. */
void spool_assert_queued(struct spool *spool, const char *id);
void spool_assert_held(struct spool *spool, const char *run, const char *id);

/* So many complaints, one of which says this (NULL: none); forgets them. */
void spool_assert_complaints(struct spool *spool, size_t count,
                             const char *what);

#endif
