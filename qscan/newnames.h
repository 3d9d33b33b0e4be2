/*
 * Whether a further control file, or a rewrite of one, may have come for an id
 * since the folders were listed, by what the kernel tells of them (inotify). A
 * purge asks this of every message that it has locked; looking for names that
 * are not there takes longer than all else that it does under a lock.
 *
 * It only ever says that there is nothing to look for. Where that cannot be
 * known (a file system that others write to as well, too many new names, no
 * /proc) there is none, or it has seen everything.
 */
#ifndef QSCAN_NEWNAMES_H
#define QSCAN_NEWNAMES_H

#include "qscan/queue.h"

struct newnames;

/* Of all folders of control files, from now on: to be called before they are
 * listed. NULL when this machine cannot tell. */
struct newnames *newnames_new(const struct queue_set *set);
void newnames_free(struct newnames *newnames);

/* Takes in what was told up to now. Safe from several threads. */
void newnames_catch_up(struct newnames *newnames);

/* Whether a qf, hf, Qf or tf of that id may have come before the last
 * newnames_catch_up that this thread called. True for NULL. */
bool newnames_has_seen(struct newnames *newnames, struct slice id);

#endif
