/*
 * What the readers of own and of foreign reports share. Not for others: the
 * interface is dsn.h.
 */
#ifndef QSCAN_PARSERS_DSN_PART_H
#define QSCAN_PARSERS_DSN_PART_H

#include "parsers/dsn.h"

enum { DSN_BOUNDARY_MAX = 200 }; /* RFC 2046 says 70; sendmail writes 126 */

/* Who wrote the text decides how much is forgiven. */
enum dsn_author {
    DSN_BY_US,     /* exactly as savemail.c writes, else contradictory */
    DSN_BY_OTHERS, /* as RFC 2046 and RFC 3464 allow */
};

enum dsn_delimiter {
    DSN_DELIMITER_NONE, /* the text ended */
    DSN_DELIMITER_NEXT,
    DSN_DELIMITER_CLOSE,
};

/* Forgets the last report, keeps its memory. */
void dsn_reset(struct dsn *dsn);

/* DSN_OK, DSN_TOO_MANY or DSN_NO_MEMORY. */
enum dsn_outcome dsn_add_recipient(struct dsn *dsn,
                                   const struct dsn_recipient *recipient);

/* Value of the first header of that name, trimmed, or absent; *count_r is how
 * many there are (may be NULL). */
struct slice dsn_header(const struct qf *qf, struct slice name,
                        size_t *count_r);

/*
 * Takes the text up to the next delimiter off *rest, and the delimiter. By us:
 * it must be the exact line after an empty one, as errbody writes it; a list
 * of hostile addresses has no empty line.
 */
enum dsn_delimiter dsn_take_part(struct slice *rest, struct slice boundary,
                                 enum dsn_author author, struct slice *part_r);

/* True for the Content-Type of a delivery-status part. */
bool dsn_is_status_type(struct slice type);

/* Reads the fields of a delivery-status part. DSN_INCOMPLETE when there are
 * none, or by us: when a block is not as errbody writes it. */
enum dsn_outcome dsn_read_status(struct dsn *dsn, struct slice text,
                                 enum dsn_author author);

/* Reads the text form of sendmail's, up to the original. *original_r is what
 * follows its heading, or absent. The caller sets is_cut. */
enum dsn_outcome dsn_read_text(struct dsn *dsn, struct slice body,
                               struct slice *original_r);

/* Length of the enhanced status code that text begins with, or 0. */
size_t dsn_code_len(struct slice text);

/* "550 5.1.1 ..." -> "5.1.1"; absent without an enhanced code of the same
 * class (RFC 2034 section 4). */
struct slice dsn_reply_status(struct slice reply);

#endif
