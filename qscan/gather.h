/*
 * What the crowd, and the second phase, want of a message that was read and
 * judged: laid down in a worker's own crowd and in the message's row.
 */
#ifndef QSCAN_GATHER_H
#define QSCAN_GATHER_H

#include "parsers/status.h"
#include "qscan/message.h"

/* What a row keeps of its first recipient, in lower case. */
struct first_recipient {
    struct slice domain, host;
    uint32_t domain_hash, host_hash;
    enum status_kind kind;
    bool is_host_cut; /* a host of a name too long for one */
    char lower[256];
};

/* Between two messages only the message changes. */
struct gatherer {
    struct crowd *crowd;
    struct message *message;
    bool reads_data; /* what lives in df is asked for */
};

/* Looks the first recipient up, before the message is judged: until it is
 * gathered the cache lines of the tables have come. */
void gather_look(const struct gatherer *gatherer,
                 struct first_recipient *first_r);

/* Of a message that was read; row is its own. */
void gather_message(const struct gatherer *gatherer, struct facts *row,
                    uint32_t row_number, const struct first_recipient *first);

#endif
