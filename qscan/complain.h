/*
 * What goes to standard error: "qscan: OBJECT: WHAT: WHY; CONSEQUENCE".
 * Safe from several threads; of what failed alike the first few are named,
 * the rest is counted with its reason.
 */
#ifndef QSCAN_COMPLAIN_H
#define QSCAN_COMPLAIN_H

#include <pthread.h>

#include "parsers/slice.h"

enum {
    COMPLAINTS_MAX = 50,   /* printed; the rest is only counted */
    COMPLAINTS_ALIKE = 10, /* printed, of one what, why and consequence */
    COMPLAINT_KINDS = 16,  /* told apart */
    COMPLAINT_KIND_BYTES = 160,
};

/* Of failures that read alike behind their object. */
struct complaint_kind {
    char text[COMPLAINT_KIND_BYTES]; /* ": WHAT: WHY; CONSEQUENCE" */
    size_t count, printed_count;
};

struct complaints {
    pthread_mutex_t lock;
    size_t count;         /* of things that failed: exit status 1 */
    size_t printed_count; /* of those */
    struct complaint_kind kinds[COMPLAINT_KINDS];
    size_t kind_count;
    size_t other_count; /* not printed, of no kind in kinds */
    bool is_quiet;      /* -q: warnings are not printed, failures are */
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

/* How many more of each kind there were. */
void complaints_finish(struct complaints *to);

#endif
