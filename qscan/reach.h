/*
 * Whether our own line and name server worked when a host was tried. Where all
 * that was tried about then fails alike, and nothing answered, it is more
 * likely that we are cut off than that all of them are dead. sendmail keeps the
 * time of a message's last attempt (K line) and how it went (M line), nothing
 * earlier.
 */
#ifndef QSCAN_REACH_H
#define QSCAN_REACH_H

#include <stdint.h>

#include "parsers/address.h"
#include "parsers/status.h"

enum {
    REACH_HOURS = 256, /* back from the last attempt of all: ten days */
    REACH_HOSTS = 5,   /* that fail alike; fewer may well be dead at once */
};

/* Different hosts, by their hashes: as many as matter. */
struct reach_hosts {
    uint32_t hashes[REACH_HOSTS];
    uint32_t count;
};

/* What happened within one hour. */
struct reach_hour {
    int64_t hour;                  /* since the epoch */
    struct reach_hosts silent;     /* that never answered */
    struct reach_hosts unresolved; /* whose names were not found */
    bool has_answer;               /* of anybody, even if it was a refusal */
    bool has_address;              /* the name of some host was found */
};

/* All zero: nothing was tried. */
struct reach {
    struct reach_hour hours[REACH_HOURS];
};

/* tried: epoch s. host: that the status names, else the domain; its hash must
 * be keyed. Not for a host of ours that answers: it shows nothing. */
void reach_note(struct reach *reach, int64_t tried, enum status_kind kind,
                struct slice host, uint32_t host_hash);

void reach_merge(struct reach *into, const struct reach *from);

/* As much of an hour's number as a row keeps. */
static inline uint16_t reach_hour_of(int64_t tried)
{
    return (uint16_t)(tried / 3600);
}

/* True when several hosts were tried in that hour, the one before and the one
 * after it, all failed as a host of that kind did, and nothing from that hour
 * on shows that it was not our fault. */
bool reach_is_lost(const struct reach *reach, uint16_t hour,
                   enum status_kind kind);

#endif
