/* The numbers of a summary, counted from the facts table. */
#ifndef QSCAN_TALLY_H
#define QSCAN_TALLY_H

#include "qscan/list.h"
#include "qscan/rowtext.h"

enum {
    TALLY_CLASSES_MAX = 64,
    TALLY_AGES = 6,
    TALLY_REASONS_MAX = 64,
};

/* Why bounces to hosts that do not answer are kept. */
struct tally_reason {
    struct rowtext_missed missed; /* no words: the rule says it, that matched */
    uint16_t rule;
    uint32_t row; /* the one with the lowest id */
    size_t count;
};

struct tally_class {
    const char *name;
    size_t count;
    uint64_t bytes;
    int64_t oldest; /* epoch s */
};

/* A host, domain or source with its count; rows of a table. */
struct tally_top {
    uint32_t number; /* in the strings or sources of the crowd */
    uint32_t count;
    uint32_t row; /* one message of it */
    size_t ages[TALLY_AGES];
};

struct tally_list {
    struct tally_top *items; /* owned; most first */
    size_t count;
    size_t all;       /* how many there are, shown or not */
    uint64_t all_sum; /* their counts together */
};

struct tally {
    size_t messages;     /* selected, orphans left out */
    size_t all_messages; /* selected or not */
    size_t unproven;     /* own bounces to dead hosts that no rule purges */
    size_t purgeable;    /* --purge-bounces would take them */
    size_t purgeable_sources; /* addresses whose mail caused those */
    struct tally_reason reasons[TALLY_REASONS_MAX]; /* most first */
    size_t reason_count;
    size_t undecided;
    size_t unreadable;
    uint64_t bytes, purgeable_bytes;
    int64_t oldest;
    struct tally_class classes[TALLY_CLASSES_MAX]; /* most first */
    size_t class_count;
    size_t ages[TALLY_AGES];
    size_t oddities[ODD_COUNT];
    uint32_t oddity_rows[ODD_COUNT]; /* an example each */
    struct tally_list hosts;         /* dead hosts, by messages that wait */
    struct tally_list sources;       /* by bounces */
    struct tally_list domains;       /* of recipients, by messages */
};

/* "< 1h" and so on, oldest last. */
const char *tally_age_text(size_t bucket);

/* top: rows of each table, 0 = all. False without memory. */
bool tally_count(struct tally *tally, const struct options *options,
                 const struct scan *scan, unsigned top);
void tally_free(struct tally *tally);

#endif
