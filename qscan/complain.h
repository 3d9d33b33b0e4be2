/*
 * What goes to standard error: "qscan: OBJECT: WHAT: WHY; CONSEQUENCE".
 * Safe from several threads; a flood of one kind is cut and counted.
 */
#ifndef QSCAN_COMPLAIN_H
#define QSCAN_COMPLAIN_H

#include <pthread.h>

#include "parsers/slice.h"

enum { COMPLAINTS_MAX = 50 }; /* printed; the rest is only counted */

struct complaints {
    pthread_mutex_t lock;
    size_t count;  /* of things that failed: exit status 1 */
    bool is_quiet; /* -q: warnings are not printed, failures are */
};

void complaints_init(struct complaints *to, bool is_quiet);

/* A failure: named, counted. why and consequence may be NULL; object may hold
 * any bytes and is escaped. */
void complain(struct complaints *to, struct slice object, const char *what,
              const char *why, const char *consequence);

/* Said, not counted. */
void complain_warning(struct complaints *to, struct slice object,
                      const char *what, const char *why,
                      const char *consequence);

/* "and N more" when the flood was cut. */
void complaints_finish(struct complaints *to);

#endif
