/*
 * The control file of a queued message (qf, hf or Qf): the envelope and the
 * header. Written by queueup, read by readqf (sendmail/queue.c).
 *
 * A line that begins with a blank or TAB continues the one before, whatever
 * its code; "\r\n" is read as "\n" (sendmail/util.c: fgetfolded).
 *
 * Every slice points into the text given to qf_parse, as stored: 0xFF escapes
 * are kept, the newline and white space of continuation lines too. Nothing is
 * copied, so the struct is only good as long as that text is.
 */
#ifndef QSCAN_PARSERS_QF_H
#define QSCAN_PARSERS_QF_H

#include "parsers/slice.h"

enum {
    QF_VERSION_MAX = 8,         /* 8.13 through 8.17 */
    QF_RECIPIENTS_MAX = 200000, /* more is an outcome, not an allocation */
    QF_HEADERS_MAX = 20000,
    QF_MACROS_MAX = 64,
};

enum qf_outcome {
    QF_OK,
    QF_EMPTY,        /* no byte at all: newborn, or left by a crash */
    QF_TRUNCATED,    /* no final "." line. A last line without newline is not
                      * believed: more of it may be on its way */
    QF_BAD_LINE,     /* a line sendmail would refuse (readqf: bad line) */
    QF_BAD_VERSION,  /* V larger than QF_VERSION_MAX */
    QF_BAD_NUMBER,   /* V, T, K, N, P or ! whose value is no decimal number,
                      * or negative where only P and ! may be */
    QF_TRAILING,     /* data after the final "." */
    QF_NUL,          /* a NUL byte in an envelope line */
    QF_NO_SENDER,    /* no S line: a queue runner would abort */
    QF_NO_RECIPIENT, /* no R line: the next run would delete it */
    QF_TOO_MANY,     /* one of the limits above */
    QF_NO_MEMORY,
};

struct qf_recipient {
    struct slice address;  /* after the first colon, "<>" kept */
    struct slice flags;    /* before it; absent in version 0 */
    struct slice status;   /* own M line, or absent */
    struct slice user;     /* C line in force, or absent: a bare C clears */
    struct slice original; /* Q line (ORCPT, type;xtext), or absent */
    struct slice final;    /* r line ("RFC822; addr"), or absent */
    uint32_t line;         /* of the R line, from 1 */
};

struct qf_header {
    struct slice flags; /* between the question marks, or absent */
    struct slice name;  /* without the colon */
    struct slice value; /* after the colon, continuation lines included,
                         * without white space at both ends: releases before
                         * 8.14 wrote a blank after the colon */
    uint32_t line;
};

struct qf_macro {
    struct slice name; /* "r", "_", "{daemon_flags}" */
    struct slice value;
};

struct qf {
    int64_t version;      /* 0 when no V line stands */
    int64_t created;      /* T, epoch s; 0 when absent */
    int64_t last_attempt; /* K, epoch s; 0 = never tried */
    int64_t tries;        /* N */
    int64_t priority;     /* P, larger = worse */
    int64_t deliver_by;   /* ! seconds relative to T; 0 when absent */
    bool has_created, has_last_attempt, has_tries, has_priority;
    struct slice data_dir;    /* d */
    struct slice inode;       /* I: major/minor/inode of df, not trusted */
    struct slice body_type;   /* B */
    struct slice quarantine;  /* q: reason */
    struct slice status;      /* envelope M: the first above S and any R */
    struct slice flags;       /* F letters */
    struct slice sender;      /* S, as given */
    struct slice envelope_id; /* Z */
    struct slice auth;        /* A */
    struct qf_macro macros[QF_MACROS_MAX]; /* $ lines; more are dropped */
    size_t macro_count;
    struct qf_recipient *recipients; /* owned, reused from parse to parse */
    size_t recipient_count, recipient_capacity;
    struct qf_header *headers; /* owned, reused */
    size_t header_count, header_capacity;
    uint32_t line; /* where the outcome was decided, from 1 */
};

void qf_init(struct qf *qf);
void qf_free(struct qf *qf);

/*
 * Reads a whole control file. The struct must have been through qf_init and
 * may be used again and again; it allocates only when a message has more
 * recipients or headers than any before. The first offence decides the outcome
 * and ends the reading; the fields seen before it are set. A NUL in a header
 * ends nothing here; in any other line it is QF_NUL. Of a line that stands
 * twice the later one counts; of the envelope's M the first.
 */
enum qf_outcome qf_parse(struct qf *qf, struct slice text);

/* A few words for a report: "no final dot". */
const char *qf_outcome_text(enum qf_outcome outcome);

bool qf_has_flag(const struct qf *qf, char flag);

/* Value of a $ line by its macro name, or an absent slice. */
struct slice qf_macro_value(const struct qf *qf, struct slice name);

/* The first header of that name (case ignored) at or after *index, which is
 * moved behind it; NULL when there is no more. */
const struct qf_header *qf_header_find(const struct qf *qf, struct slice name,
                                       size_t *index);

#endif
