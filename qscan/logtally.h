/*
 * The numbers of a log summary. Each worker counts its own lines, and the
 * tallies are merged: nothing here depends on the order of lines. What does,
 * the tables of the most frequent, is counted by the join (join.h).
 */
#ifndef QSCAN_LOGTALLY_H
#define QSCAN_LOGTALLY_H

#include "parsers/logline.h"

enum { DELAY_BUCKETS = 640, LOG_HOURS_MAX = 20000, LOG_REPLIES = 1000 };

/* Whole seconds, exact below 64 s, then within 2 %. */
struct delays {
    uint64_t buckets[DELAY_BUCKETS];
    uint64_t count;
    int64_t max_sec;
};

void delays_add(struct delays *delays, int64_t sec);
/* The delay that so many of a hundred stay within; -1 when there is none. */
int64_t delays_percentile(const struct delays *delays, double percent);

/* One hour of log time. */
struct log_hour {
    int64_t hour;       /* epoch s / 3600, rounded down, see hour_shift_sec */
    uint64_t accepted;  /* messages */
    uint64_t rejected;  /* for good and for now */
    uint64_t delivered; /* recipients */
    uint64_t deferred;  /* attempts; stat=Deferred */
    uint64_t guesses;   /* lines: recipients that do not exist */
    uint64_t lines;     /* sendmail's */
};

/* A mail host or program's mode of failure that needs a person. */
enum log_trouble {
    TROUBLE_SYSERR,       /* SYSERR(...) */
    TROUBLE_LOST,         /* Losing ./qf...: a message was given up */
    TROUBLE_BOGUS,        /* bogus queue file */
    TROUBLE_NO_SPACE,     /* low on space, no space left */
    TROUBLE_LOAD,         /* rejecting, delaying connections: load average */
    TROUBLE_CHILDREN,     /* ... too many children, connections per second */
    TROUBLE_MILTER,       /* a milter does not answer */
    TROUBLE_CONFIG,       /* certificates, maps, databases, unsafe modes */
    TROUBLE_ADDRESS,      /* an alias or .forward with no address in it */
    TROUBLE_AUTH_WARNING, /* Authentication-Warning */
    TROUBLE_LOGIN,        /* AUTH=client: no mechanism, an error */
    TROUBLE_COUNT
};

struct log_trouble_sample {
    uint64_t count;
    int64_t first, last; /* epoch s */
    char text[200];      /* of the last one's line: "ID: text", cut; raw */
    uint32_t text_len;
};

/* What became of the recipients of a "to" line; from FATE_UNSENT on nothing
 * more comes of them. */
enum log_fate {
    FATE_NONE,   /* hostile, discarded: nothing to be said */
    FATE_WAITS,  /* deferred, queued, quarantined */
    FATE_UNSENT, /* given up before its mail was ours */
    FATE_SENT,
    FATE_FAILED,
};

enum log_fate log_fate(const struct logline *line);

/* Of a "to" line that waits: held, not tried; that was told of before. */
bool log_is_quarantined(const struct logline *line);

/* A ruleset line about a connection that we made: the host there was refused,
 * and no client. */
bool log_is_of_next_hop(const struct logline *line);

/* Of a "to" line; at least 1. */
uint32_t log_recipient_count(const struct logline *line);

struct logtally {
    /* lines; all of them together = lines */
    uint64_t lines;
    uint64_t kinds[LOGLINE_KIND_COUNT]; /* sendmail's, by kind */
    uint64_t foreign_lines;             /* other programs' */
    uint64_t no_stamp_lines;            /* no syslog line at all */
    uint64_t outside_lines;             /* before --since, after --until */
    uint64_t hostile_lines;  /* of kinds[]: two of what must be one */
    uint64_t repeat_lines;   /* "last message repeated": lines, and ... */
    uint64_t repeated_count; /* ... how many lines they stand for */
    uint64_t overlong_lines;
    uint64_t text_bytes;
    int64_t first, last; /* epoch s of counted lines; first > last: none */

    /* mail */
    uint64_t accepted_messages, accepted_recipients, accepted_bytes;
    uint64_t null_senders;    /* of accepted messages */
    uint64_t empty_envelopes; /* from lines without recipients or size */
    uint64_t unsent;          /* recipients whose client left, or whose mail was
                                 refused, before it was ours */
    uint64_t rejected;        /* recipients, senders, connections refused for
                                 good: reply, ruleset, milter lines, 5xx */
    uint64_t rejected_for_now; /* the same, 4xx */
    uint64_t discarded, quarantined;
    uint64_t delivered; /* recipients, stat=Sent */
    uint64_t deferred;  /* attempts, stat=Deferred */
    uint64_t queued;    /* stat=queued */
    uint64_t bounced;   /* recipients that failed for good */
    uint64_t dsn_failures, dsn_warnings, dsn_receipts, dsn_postmaster,
        dsn_returns; /* born here, by kind; returns = of bounces themselves */
    uint64_t events[64];  /* by event of the rules */
    struct delays delays; /* of delivered recipients */

    /* AUTH, TLS */
    uint64_t logins, auth_failures;
    uint64_t tls_server, tls_client, tls_verified, tls_failed;

    struct log_hour *hours; /* owned; sorted by hour */
    size_t hour_count, hour_capacity;
    /* where hours of the clock begin so much before those of UTC: set by the
     * caller before the first line */
    int64_t hour_shift_sec;
    size_t hour_at;         /* where the line before was counted */
    struct log_hour unkept; /* of all others; nobody asks */
    bool hours_are_cut;     /* more than LOG_HOURS_MAX: the first are missing */
    struct log_trouble_sample troubles[TROUBLE_COUNT];
    bool has_failed; /* no memory: numbers are too low */
};

/* Of the zone of this host, whose offset may be no full hour. */
int64_t log_hour_shift(bool is_utc);

/* Epoch s. */
static inline int64_t log_hour_start(const struct logtally *tally,
                                     const struct log_hour *hour)
{
    return hour->hour * 3600 - tally->hour_shift_sec;
}

void logtally_init(struct logtally *tally);
void logtally_free(struct logtally *tally);

/*
 * One line of sendmail's. time: epoch s; events: bit per event; guess_bit: the
 * one that stands for a recipient that does not exist. Lines that are not
 * sendmail's, their number among lines, overlong ones and the bytes are counted
 * by the caller.
 */
void logtally_add(struct logtally *tally, const struct logline *line,
                  int64_t time, uint64_t events, uint64_t guess_bit);

/* Adds from to into; whatever the order, the result is the same. */
void logtally_merge(struct logtally *into, const struct logtally *from);

/* A message that was counted as accepted was refused, or given up, before it
 * was ours after all: time is that of its from line. Counted apart in late, to
 * be taken back when all else is counted. */
void logtally_add_untaken(struct logtally *late, int64_t time,
                          uint32_t recipients, bool is_null_sender);
void logtally_take_back(struct logtally *tally, const struct logtally *late);

const char *log_trouble_text(enum log_trouble trouble);

#endif
