/*
 * Queue ids of all eras (sendmail/queue.c: assign_queueid; 8.8 and 8.11 by
 * their sources). The shape only classifies: an id of any other shape is
 * still a message, and ids of 8.9 and older repeat.
 */
#ifndef QSCAN_PARSERS_QUEUEID_H
#define QSCAN_PARSERS_QUEUEID_H

#include "parsers/slice.h"

enum queueid_era {
    QUEUEID_OTHER,
    QUEUEID_V8_8,  /* NAA03712: hour and pid only */
    QUEUEID_V8_10, /* 12 characters: time to the second, pid */
    QUEUEID_V8_12, /* 14 and more */
};

struct queueid {
    enum queueid_era era;
    int64_t created; /* epoch s; -1 when the era keeps no date */
    int64_t pid;     /* -1 when unknown */
    int hour;        /* local hour of QUEUEID_V8_8, else -1 */
    int sequence;    /* of that second and process; -1 when unknown */
};

/*
 * near is a moment in the century meant (the year is kept modulo 60); any
 * time within 30 years of the message will do.
 */
void queueid_decode(struct slice id, int64_t near, struct queueid *id_r);

#endif
