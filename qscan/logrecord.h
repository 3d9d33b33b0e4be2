/*
 * One line of a maillog as the join needs it, made by a worker. Texts are
 * slices of the block that the line stands in, or of its scratch memory.
 */
#ifndef QSCAN_LOGRECORD_H
#define QSCAN_LOGRECORD_H

#include "parsers/logline.h"
#include "qscan/logset.h"
#include "qscan/logtally.h"
#include "rules/logs.h"

struct record {
    int64_t time;
    uint64_t message; /* hash of host and id; 0: the line has no id */
    uint64_t process; /* hash of host and pid; 0: none */
    uint64_t child;   /* of the id born here; 0: none */
    uint64_t recipient_hash, sender_hash, user_hash; /* 0: absent */
    uint64_t events;
    struct slice recipient; /* bare, lower case */
    struct slice domain;    /* of it */
    struct slice sender;    /* bare, lower case; of from lines */
    struct slice user;
    struct slice name;   /* of the client */
    struct slice reason; /* numbers and addresses taken out */
    struct slice text;   /* the whole line */
    struct ip ip;        /* of the client; of a to line the next hop's */
    int64_t size_bytes;
    uint32_t recipients; /* from: nrcpts; to: how many on this line */
    uint32_t repeat;     /* at least 1 */
    uint32_t line;       /* in its block, from 0 */
    uint8_t kind;        /* enum logline_kind */
    uint8_t fate;        /* enum log_fate */
    bool has_ip : 1, is_forged : 1;
    bool is_counted : 1; /* within --since and --until */
    bool is_repeat : 1;  /* stands for what the line before said */
    bool is_hostile : 1;
    bool is_dead_host : 1; /* waits for a host that never answers */
};

/* Of one thread. */
struct record_maker {
    const struct rules *rules;
    struct rules_matcher *matcher; /* owned */
    struct log_clock clock;
    uint64_t key[2];
    int64_t since, until; /* epoch s; INT64_MIN, INT64_MAX: no limit */
    uint64_t guess_bit;
    unsigned event_shapes;
    struct logtally tally;
    /* the host of the line before */
    char host[64];
    size_t host_len;
    uint64_t host_hash;
};

/* Text that is not in the line as it is needed: lower case, numbers taken
 * out. Grows by blocks that never move. */
struct record_scratch {
    struct scratch_block *blocks; /* owned */
    char *at;
    size_t left;
};

void record_scratch_clear(struct record_scratch *scratch);
void record_scratch_free(struct record_scratch *scratch);

bool record_maker_init(struct record_maker *maker, const struct rules *rules,
                       const uint64_t key[2], bool is_utc);
void record_maker_free(struct record_maker *maker);

enum record_outcome {
    RECORD_MADE,    /* for the join */
    RECORD_COUNTED, /* only counted */
    RECORD_NO_TIME, /* no syslog line */
};

/*
 * Takes one line apart, counts it and fills *record_r. near: the year for
 * stamps that have none. time is set for all but RECORD_NO_TIME.
 */
enum record_outcome record_make(struct record_maker *maker, struct slice line,
                                const struct log_epoch *near,
                                struct record_scratch *scratch,
                                struct record *record_r);

#endif
