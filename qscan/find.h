/* Which message a postmaster means: an id, or the name of one of its files. */
#ifndef QSCAN_FIND_H
#define QSCAN_FIND_H

#include "qscan/scan.h"

/* "qf6AI4qioP005238" or "/var/spool/mqueue/df6AI4qioP005238". */
struct find_name {
    const char *id; /* points into the argument */
    char letter;    /* q, h, Q, d, x, t, T; 0: an id alone */
    bool has_folder;
    bool is_folder; /* one that there is: */
    dev_t device;
    ino_t inode;
};

/* Takes the argument for the name of a file; false when it is none. */
bool find_parse(struct find_name *name, const char *argument);

/* The argument is an id, whatever it looks like. */
struct find_name find_by_id(const char *id);

/*
 * The message of that id; where the name says more, whose file it is. Of
 * several the first that is no orphan. NULL: none.
 */
const struct facts *find_row(const struct scan *scan,
                             const struct find_name *name);

#endif
