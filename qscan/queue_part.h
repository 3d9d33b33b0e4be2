/*
 * What the parts of a queue share: queue.c finds and opens its directories,
 * queue_listing.c lists the files in them.
 */
#ifndef QSCAN_QUEUE_PART_H
#define QSCAN_QUEUE_PART_H

#include "qscan/queue.h"

/* What a directory seems to be. */
struct look {
    bool has_queue_files, has_queue_folders, has_directories, has_others;
    bool has_holding; /* all that was in it may be held */
};

/* By its first few thousand names. Returns 0, or an errno. */
int queue_look_into(const char *path, struct look *look_r);
bool queue_looks_like_one(const struct look *look);

/* "qfID", or another file of a message. */
bool queue_is_file_name(const char *name);

bool queue_is_directory(const char *path, bool is_link_good);

/* Owned by the caller; name: NULL: the directory alone. NULL: no memory. */
char *queue_join_path(const char *directory, const char *name);

/* Every directory of base, or link or what may be one, whose name starts with
 * prefix, sorted; false when base cannot be opened. */
bool queue_list_below(const char *base, const char *prefix,
                      struct string_list *names);

void queue_complain_path(struct complaints *to, const char *path,
                         const char *what, int error, const char *consequence);

#endif
