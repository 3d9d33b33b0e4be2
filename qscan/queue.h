/*
 * Where the messages are: queue directories as sendmail lays them out, and
 * the names found in them (queue.c: multiqueue_cache, chkqdir, gatherq).
 */
#ifndef QSCAN_QUEUE_H
#define QSCAN_QUEUE_H

#include <pthread.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "qscan/complain.h"
#include "qscan/config.h"
#include "qscan/facts.h"

enum {
    QUEUE_DIRS_MAX = 10000,
    QUEUE_HELD_NAME_MAX = 64,
};

/* One directory of the machine, opened once however often it is named. */
struct queue_folder {
    char *path;
    int fd;
    dev_t device;
    ino_t inode;
    uid_t owner;
    gid_t group;
    bool holds_control, holds_data, holds_transcripts;
    bool is_writable;   /* by anybody, which is not told of yet */
    bool is_shared;     /* others than its owner write in it */
    uint32_t first_row; /* of its control files, once they are listed */
    uint16_t first_dir; /* the queue directory it was opened for */
};

/* A queue directory: three folders, mostly the same one. */
struct queue_dir {
    char *path;
    uint16_t control, data, transcripts; /* numbers of folders */
    bool is_held;                        /* names as in a holding folder */
};

struct queue_set {
    struct queue_folder *folders;
    size_t folder_count;
    struct queue_dir *dirs;
    size_t dir_count;
    /* the bases of wildcards with an empty prefix, "/d" of "/d/ *" */
    struct string_list open_bases;
    bool is_from_config;
    size_t long_name_count;  /* names sendmail refuses to look at */
    size_t stray_count;      /* control names in a folder of data */
    size_t unreadable_count; /* directories that could not be opened */
};

/*
 * Opens the queues named, or those of config, or /var/spool/mqueue. A name
 * may be a directory or a wildcard as sendmail writes it; a directory without
 * queue files whose subdirectories are queues stands for those, and, unless it
 * is config's, for those that lie one level deeper in a directory that is no
 * queue. False after a complaint when there is none.
 */
bool queue_open(struct queue_set *set, const struct string_list *names,
                const struct config *config, struct complaints *to);

/* Whether any of them is one of the configuration's own, by whatever name. */
bool queue_is_configured(const struct queue_set *set,
                         const struct config *config);
void queue_close(struct queue_set *set);

struct queue_listing;

/*
 * Lists all folders: a row of the table for each control file, in no order;
 * names of df, xf and tf wait in the listing. NULL without memory. A folder
 * that cannot be listed is complained about; queues inside a queue that is not
 * the configuration's are told of, and not listed. lock, where others look at
 * the table meanwhile, is held while rows are added; or NULL.
 */
struct queue_listing *queue_list(struct queue_set *set,
                                 struct facts_table *table,
                                 pthread_mutex_t *lock, struct complaints *to);

/*
 * Finds for each of those names its control file, in any directory. It only
 * reads ids and directories of the rows, so that it can run while workers
 * read the messages. False without memory.
 */
bool queue_join(struct queue_listing *listing);

/* Writes into the rows what queue_join found, adds a row for each df, xf or
 * tf without control file, and frees the listing. False without memory. */
bool queue_finish(struct queue_listing *listing);
void queue_listing_free(struct queue_listing *listing);

/* Number of the queue directory that a d line names, relative to the base, or
 * FACTS_NO_DIR: only directories of the set count. */
uint16_t queue_find_dir(const struct queue_set *set, struct slice relative);

/* Where such a file of a queue directory lies: df, xf, else control files. */
const struct queue_folder *queue_folder_for(const struct queue_set *set,
                                            uint16_t dir, char letter);

/* "qf6AMH...", or "6AMH....qf" of a held file, NUL-terminated; false when it
 * does not fit or is no file name. */
/* Looks at the file of a row, no link followed; false: it is gone. */
bool queue_stat_row(const struct queue_set *set, const struct facts *row,
                    struct stat *st_r);

bool queue_file_name(char name[static QUEUE_HELD_NAME_MAX], char letter,
                     struct slice id, bool is_held);

/*
 * Takes a holding folder into the set as a queue directory of its own, whose
 * files have held names. control and data are numbers of folders. Returns its
 * number or FACTS_NO_DIR.
 */
uint16_t queue_add_held(struct queue_set *set, const char *path,
                        uint16_t control, uint16_t data);

/* Opens a further folder; -1 with errno set. */
int queue_open_folder(struct queue_set *set, int directory, const char *name,
                      const char *path);

#endif
