/*
 * Delivery reports: sendmail's own (savemail.c: returntosender, errbody) and
 * foreign ones (RFC 3464, and the text bounces of qmail, Exim, Postfix,
 * Exchange, GroupWise and sendmail as far as they can be told).
 *
 * An own report is known by the F line's r, never by Subject or From. Its
 * boundary is the qf's own id and time, so the sender of the original cannot
 * guess it; everything between the boundaries may be hostile.
 *
 * What is never looked at, because others write it: the transcript's "<<<"
 * and ">>>" lines and the reasons, except for the status codes of the text
 * form; Received lines of the original below the first, but for those of a
 * content filter on this host (filter.h); its body.
 */
#ifndef QSCAN_PARSERS_DSN_H
#define QSCAN_PARSERS_DSN_H

#include "parsers/address.h"
#include "parsers/qf.h"
#include "parsers/slice.h"

enum { DSN_RECIPIENTS_MAX = 100000 };

enum dsn_kind {
    DSN_NONE, /* not a report */
    DSN_FAILURE,
    DSN_WARNING,    /* delay notice */
    DSN_RECEIPT,    /* delivered, relayed, expanded */
    DSN_POSTMASTER, /* postmaster copy, double bounce, postmaster warning */
    DSN_OTHER,      /* a report whose kind cannot be told */
};

/* A failure report may hold recipients that are only delayed, a warning some
 * that failed: action tells, see dsn_has_failed. */
struct dsn_recipient {
    struct slice final_recipient;    /* without its type */
    struct slice original_recipient; /* the same; own reports: still xtext */
    struct slice actual_recipient;   /* behind aliases; mostly the final one */
    struct slice action;     /* one word: "failed", "delayed", "relayed" */
    struct slice status;     /* "5.1.1", or absent; maybe a constant */
    struct slice remote_mta; /* without its type */
    struct slice diagnostic; /* whole, with its type; others wrote it */
};

enum dsn_outcome {
    DSN_OK,
    DSN_NOT_A_REPORT,
    DSN_INCOMPLETE, /* cut off or contradictory: what was seen is set */
    DSN_TOO_MANY,
    DSN_NO_MEMORY,
};

/*
 * Slices point into the body, or into the text of the qf; the struct is only
 * good as long as both are. source, helo, is_authenticated, parent_id
 * and has_expired are facts of own reports only: in a foreign one nobody
 * vouches for them. source_text, source, helo and is_authenticated are all of
 * one session: that of the original, or behind a content filter on this host
 * that in which the sendmail before it got the original.
 */
struct dsn {
    enum dsn_kind kind;
    bool is_mime;             /* has a delivery-status part */
    bool is_cut;              /* more text could change the outcome */
    struct slice parent_id;   /* queue id of the original, or absent */
    struct slice source_text; /* $_ of that session, or absent */
    struct client source;     /* the same, taken apart */
    bool has_source;
    struct slice helo;     /* what the client called itself, or absent */
    struct slice above;    /* the original's fields above our own Received, or
                              of what a filter handed in, between that of the
                              sendmail before it and the one above; or absent */
    struct slice brought;  /* what the client sent, as far as it is there: the
                              original behind our own Received; or absent */
    bool is_authenticated; /* our Received says that the client had logged in,
                              or showed a certificate that we trust */
    bool has_expired;      /* gave up by time: "delivered for 5 days" */
    struct slice reporting_mta; /* without its type, like received_from */
    struct slice received_from;
    struct slice arrival_date;
    struct dsn_recipient *recipients; /* owned, reused */
    size_t recipient_count, recipient_capacity;
};

/*
 * Where the original had been before the client sent it. The client may write
 * there what it likes: a mail server writes the name that it greets with, a bot
 * nothing, or what does not fit.
 */
struct dsn_path {
    struct slice by;   /* "by HOST" of the next Received field that has one, of
                          another host than localhost; or absent */
    struct slice user; /* who handed it in there: "(from USER@localhost)", as
                          sendmail has it; or absent */
    bool has_qmail; /* "(qmail 812 invoked by uid 89)", which names no host */
    bool is_inside; /* HOST is none of the Internet: Exchange, in its domain */
    bool has_own_mark;        /* what Exchange or Domino says of itself */
    struct slice found_below; /* from a field on that a milter of ours may have
                                 written below our own Received; or absent */
    struct slice answered;    /* its In-Reply-To, or absent */
};

void dsn_read_path(const struct dsn *dsn, struct dsn_path *path_r);

/* Takes the domain of the next Message-ID off what is answered; it may be
 * absent. False at the end. */
bool dsn_next_answered(struct slice *answered, struct slice *domain_r);

/* Whether a field beside our own Received, as far as it is there, says that
 * SPF, DKIM or DMARC passed for that domain of the sender's (authres.h). */
bool dsn_is_authentic(const struct dsn *dsn, const struct dsn_path *path,
                      struct slice domain);

void dsn_init(struct dsn *dsn);
void dsn_free(struct dsn *dsn);

/*
 * Kind of an own report by its qf alone: Auto-Submitted, then Subject (8.9
 * and older have only that). DSN_OTHER when the two say different things or
 * Auto-Submitted stands twice. Only meaningful when the qf has the r flag.
 */
enum dsn_kind dsn_kind_of_own(const struct qf *qf);

/*
 * Reads the body of an own report; DSN_NOT_A_REPORT without the r flag. id is
 * the queue id of the report itself: the boundary must begin with it.
 *
 * body may be the front of a longer one. What is needed: the text part, the
 * delivery-status part with the delimiter that ends it, and the header of the
 * original as far as its first Received field (to be sure that it is whole,
 * one byte beyond), or where a content filter on this host wrote the next, as
 * far as filter.h looks. Then the outcome is DSN_OK and nothing that follows is
 * looked at. Whenever is_cut is set, more text could change the outcome; when
 * there is no more, the body was cut off and DSN_INCOMPLETE stands.
 *
 * DSN_INCOMPLETE also when the two places that name the source or the parent
 * disagree, when a recipient lacks a field that sendmail always writes or has
 * it twice, and when a failure report names nobody who failed.
 *
 * The text form (SendMimeErrors=false) is read too: its status codes come
 * from "(reason: 550 5.1.1 ...)", or from "<<< 550 5.1.1 <address>" that names
 * exactly that recipient, without remote_mta; 5.0.0 if there is only the 550.
 * Where a reply names nobody, the line of sendmail's own below it does:
 * "550 5.1.1 <address>... User unknown" (deliver.c: giveresponse).
 *
 * kind is what dsn_kind_of_own says of this qf: callers know it already.
 */
enum dsn_outcome dsn_parse_own(struct dsn *dsn, const struct qf *qf,
                               enum dsn_kind kind, struct slice id,
                               struct slice body);

/*
 * Reads the body of a message with a null sender as a foreign report; kind
 * follows from the actions, or where no part and no known text tells, from a
 * Subject that only reports have, beside a daemon's From or
 * X-Failed-Recipients. A message that is a multipart/report of delivery-status
 * by its header alone is DSN_INCOMPLETE. body may be the front of a longer one:
 * see is_cut. Disposition notices, vacation replies and challenges are
 * DSN_NOT_A_REPORT.
 */
enum dsn_outcome dsn_parse_foreign(struct dsn *dsn, const struct qf *qf,
                                   struct slice body);

/* True when a recipient's action is "failed". */
bool dsn_has_failed(const struct dsn_recipient *recipient);

/* An alias here led from the final recipient to another one. */
static inline bool dsn_was_expanded(const struct dsn_recipient *recipient)
{
    return !slice_is_absent(recipient->actual_recipient) &&
           !slice_equal_nocase(recipient->actual_recipient,
                               recipient->final_recipient);
}

const char *dsn_kind_text(enum dsn_kind kind); /* "failure" */

#endif
