/*
 * A queue "q" in a folder of its own, scanned by the rules of a test.
 *
 *     struct scanned scanned;
 *     scanned_begin(&scanned, RULES);
 *     scanned_message(&scanned, "6AMHqPjw023671", "Deferred", "a@b.example");
 *     scanned_scan(&scanned, 1);
 *     ... scanned_row(&scanned, "6AMHqPjw023671") ...
 *     scanned_drop(&scanned);
 *     scanned_end(&scanned);
 */
#ifndef QSCAN_TESTS_SCANNED_H
#define QSCAN_TESTS_SCANNED_H

#include "qscan/scan.h"
#include "tests/folder.h"

enum { SCANNED_NOW = 1795375579 };

struct scanned {
    struct folder folder;
    struct queue_set set;
    struct complaints complaints;
    struct rules *rules;
    int64_t began; /* of a purge; 0: only looks */
    struct scan scan;
};

/* An own failure report that waits for the forged sender's host. */
struct scanned_bounce {
    const char *id;
    const char *host;      /* that refuses it */
    const char *recipient; /* of the report */
    const char *source;    /* that brought the original: an IPv4 address */
    const char *name;      /* of the source */
    const char *mark;      /* NULL, or behind the source: " (may be forged)" */
    const char *guess;     /* whom the original was for */
    const char *others;    /* NULL, or fields of recipients before that one */
};

void scanned_begin(struct scanned *scanned, const char *rules);
void scanned_scan(struct scanned *scanned, unsigned workers);
/* It may be scanned again, after changes. */
void scanned_drop(struct scanned *scanned);
void scanned_end(struct scanned *scanned);

/* Writes qf and df; created 5579 s before now, tried 7 times. */
void scanned_message(struct scanned *scanned, const char *id,
                     const char *status, const char *recipient);
/* The same with a control file as given; df NULL: none. */
void scanned_files(struct scanned *scanned, const char *id, const char *qf,
                   const char *df);
void scanned_bounce(struct scanned *scanned,
                    const struct scanned_bounce *bounce);
/* A file of the queue is as old as that, epoch s: an orphan has no other age.
 */
void scanned_set_time(struct scanned *scanned, const char *name, int64_t time);

/* There must be one. */
const struct facts *scanned_row(const struct scanned *scanned, const char *id);

#endif
