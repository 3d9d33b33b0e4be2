/*
 * Which logs are read, and in which order: by the moment of their first line,
 * whatever the order in which they were named. A stamp without a year gets one
 * here, from the file's mtime or the date in its name, and from its neighbours
 * in a rotated set.
 */
#ifndef QSCAN_LOGSET_H
#define QSCAN_LOGSET_H

#include "parsers/input_log.h"
#include "parsers/logline.h"
#include "qscan/complain.h"
#include "qscan/options.h"

enum { LOG_OPENING_LINES = 16 }; /* by which two copies of a log are known */

struct log_file {
    char *path;                  /* "-" = standard input; owned */
    bool is_pipe;                /* or standard input: cannot be opened twice */
    struct input_log *held;      /* of a pipe, until it is read; else NULL */
    struct log_block held_block; /* its first lines */
    int64_t mtime;
    uint64_t size_bytes; /* as stored; 0 for a pipe */
    enum input_log_format format;
    bool has_stamp;
    struct log_stamp stamp; /* of its first line */
    int32_t year;           /* of that stamp */
    bool is_year_assumed;   /* the stamps do not say it */
    bool is_oldest;         /* of its set, and --year says it */
    int64_t start;          /* epoch s of that stamp */
    /* Hashes of its first lines of sendmail's, each with all before it, that
     * do not depend on the form of the stamps. */
    uint64_t opening[LOG_OPENING_LINES];
    size_t opening_count;
    /* The file of the set, read before this one, that seems to hold the same
     * lines; they count twice. Its number from 1; 0: none. */
    size_t copy_of;
    /* How reading went, told when all are read, in their order. */
    enum input_log_outcome outcome; /* what is wrong with it; or OK */
    int error;                      /* errno of that */
    bool is_unopened;               /* when its turn came; see error */
    bool is_overrun;                /* its last stamps are later than itself */
    int32_t wrong_year;             /* of a 29 February; 0: none */
};

struct log_set {
    struct log_file *files; /* in the order of reading */
    size_t count, capacity;
    bool is_utc;
    bool has_new_year; /* by --year files of one winter are of two years */
};

/*
 * Looks at every file once. One that cannot be opened is named and left out,
 * one that seems to be a copy of another is named and read.
 * False, after a complaint, when none is left.
 */
bool log_set_open(struct log_set *set, const struct options *options,
                  struct complaints *to);
void log_set_free(struct log_set *set);

/* Opens a file for reading (of a pipe: what is held, once). NULL and errno. */
struct input_log *log_file_open(struct log_file *file);

/* ---- stamps to seconds ---- */

/* What a stamp without a year is near to. */
struct log_epoch {
    int32_t year;
    uint8_t month; /* of the stamp that this year was given to */
};

/* Whether it ends far behind the moment when it was written: it holds more than
 * a year, and the year assumed for its beginning is wrong. */
bool log_file_overruns(const struct log_file *file,
                       const struct log_epoch *last);

/* Per thread: what was asked last is remembered. */
struct log_clock {
    bool is_utc;
    struct log_stamp stamp; /* month 0: none yet */
    struct log_epoch near;
    int64_t hour_start; /* epoch s of that hour's first second */
};

/* The month tells the year: December beside January is last year's. */
int32_t log_year_near(const struct log_epoch *near, int month);

/* The next stamp: a log may be longer than half a year. */
static inline void log_epoch_follow(struct log_epoch *near, uint8_t month)
{
    if (near->month != month)
        *near = (struct log_epoch){log_year_near(near, month), month};
}

/* Whether only minute and second may have changed. */
static inline bool log_clock_is_at(const struct log_clock *clock,
                                   const struct log_epoch *near,
                                   const struct log_stamp *stamp)
{
    const struct log_stamp *last = &clock->stamp;

    return stamp->hour == last->hour && stamp->day == last->day &&
           stamp->month == last->month && stamp->year == last->year &&
           stamp->has_zone == last->has_zone &&
           stamp->zone_sec == last->zone_sec &&
           near->year == clock->near.year && near->month == clock->near.month;
}

void log_clock_set(struct log_clock *clock, const struct log_epoch *near,
                   const struct log_stamp *stamp);

static inline int64_t log_clock_read(struct log_clock *clock,
                                     const struct log_epoch *near,
                                     const struct log_stamp *stamp)
{
    if (!log_clock_is_at(clock, near, stamp))
        log_clock_set(clock, near, stamp);
    return clock->hour_start + stamp->minute * 60 + stamp->second;
}

#endif
