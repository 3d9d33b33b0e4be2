/*
 * Delivery reports: sendmail's own (savemail.c: returntosender, errbody) and
 * foreign ones (RFC 3464, and the text bounces of qmail, Exim, Postfix,
 * Exchange as far as they can be told).
 *
 * An own report is known by the F line's r, never by Subject or From. Its
 * boundary is the qf's own id and time, so the sender of the original cannot
 * guess it; everything between the boundaries may be hostile.
 */
#ifndef QSCAN_PARSERS_DSN_H
#define QSCAN_PARSERS_DSN_H

#include "parsers/address.h"
#include "parsers/qf.h"
#include "parsers/slice.h"

enum { DSN_RECIPIENTS_MAX = 100000 };

enum dsn_kind {
    DSN_NONE,       /* not a report */
    DSN_FAILURE,
    DSN_WARNING,    /* delay notice */
    DSN_RECEIPT,    /* delivered, relayed, expanded */
    DSN_POSTMASTER, /* postmaster copy, double bounce, postmaster warning */
    DSN_OTHER,      /* a report whose kind cannot be told */
};

struct dsn_recipient {
    struct slice final_recipient; /* without its type */
    struct slice original_recipient;
    struct slice action;
    struct slice status;     /* "5.1.1" */
    struct slice remote_mta; /* without its type */
    struct slice diagnostic; /* whole, with its type */
};

enum dsn_outcome {
    DSN_OK,
    DSN_NOT_A_REPORT,
    DSN_INCOMPLETE, /* cut off or contradictory: what was seen is set */
    DSN_TOO_MANY,
    DSN_NO_MEMORY,
};

struct dsn {
    enum dsn_kind kind;
    bool is_mime;              /* has a delivery-status part */
    struct slice parent_id;    /* queue id of the original, or absent */
    struct slice source_text;  /* $_ of the original's session, or absent */
    struct client source;      /* the same, taken apart */
    bool has_source;
    bool has_expired;          /* gave up by time: "delivered for 5 days" */
    struct slice reporting_mta;
    struct slice received_from;
    struct slice arrival_date;
    struct dsn_recipient *recipients; /* owned, reused */
    size_t recipient_count, recipient_capacity;
};

void dsn_init(struct dsn *dsn);
void dsn_free(struct dsn *dsn);

/* Kind of an own report by its qf alone: Auto-Submitted, then Subject (8.9
 * and older have only that). Only meaningful when the qf has the r flag. */
enum dsn_kind dsn_kind_of_own(const struct qf *qf);

/* True when a null-sender message is a report by its headers alone. */
bool dsn_is_foreign_by_header(const struct qf *qf);

/*
 * Reads the body of an own report. id is the queue id of the report itself.
 * The text form (SendMimeErrors=false) is read too: its status codes come
 * from "(reason: 550 5.1.1 ...)" and "<<< 550 5.1.1 ...", without remote_mta.
 * A body that was cut off gives DSN_INCOMPLETE.
 */
enum dsn_outcome dsn_parse_own(struct dsn *dsn, const struct qf *qf,
                               struct slice id, struct slice body);

/* Reads the body of a message with a null sender as a foreign report. */
enum dsn_outcome dsn_parse_foreign(struct dsn *dsn, const struct qf *qf,
                                   struct slice body);

const char *dsn_kind_text(enum dsn_kind kind); /* "failure" */

#endif
