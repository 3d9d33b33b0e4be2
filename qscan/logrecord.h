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

/* Written by one processor and read by another: what no line has together
 * shares its place. */
struct record {
    int64_t time;
    uint64_t message; /* hash of host and id; 0: the line has no id */
    uint64_t process; /* hash of host and pid; 0: none */
    uint64_t host;    /* hash of the log's host */
    uint64_t events;
    uint64_t recipient_hash; /* 0: absent, as all of them */
    uint64_t ip_hash;
    /* bare, lower case; the first one of a list; absent of a to line that
     * waits and is no event */
    struct slice recipient;
    union {
        struct { /* bare, lower case; of from lines */
            struct slice sender;
            uint64_t sender_hash;
        };
        struct { /* of AUTH lines */
            struct slice user;
            uint64_t user_hash; /* record_user_hash() */
        };
        struct { /* of others: numbers and addresses taken out */
            struct slice reason;
            uint64_t reason_hash;
        };
    };
    union {
        struct { /* of the client: confirmed; of all but to lines */
            struct slice name;
            uint64_t name_hash;
        };
        struct { /* of a to line that waits: host that never answered */
            struct slice next_hop;
            uint64_t next_hop_hash;
        };
    };
    union {
        struct slice list;     /* of a to line with several: as it stands */
        struct slice children; /* of DSN, clone: ids born here: "A; B; C" */
        struct slice detail;   /* AUTH mechanism; TLS version and cipher */
    };
    struct slice log_host; /* that wrote the line */
    struct slice text;     /* the whole line */
    struct ip ip; /* of the client; of a settled to line the next hop's */
    union {
        int64_t size_bytes;    /* of from lines */
        uint64_t ctladdr_hash; /* of to lines that are an event */
    };
    union {
        uint32_t recipients;  /* from: nrcpts; to: how many on this line; clone:
                                 how many ids of a split, 0 for a list's owner */
        uint32_t user_domain; /* of AUTH lines: part of its hash; 0: none */
    };
    uint32_t repeat; /* at least 1 */
    uint32_t line;   /* in its block, from 0 */
    union {
        struct {
            uint16_t domain_at, domain_len; /* in the recipient; 0: none */
        };
        uint32_t sender_domain; /* of from lines: of a keyed hash; 0: none */
    };
    uint8_t kind; /* enum logline_kind */
    uint8_t fate; /* enum log_fate */
    bool has_ip : 1, is_forged : 1;
    bool is_counted : 1;     /* within --since and --until */
    bool is_repeat : 1;      /* stands for what the line before said */
    bool is_refusal : 1;     /* a reply or ruleset line, a milter's refusal */
    bool is_connection : 1;  /* a refusal of the client, not of its mail */
    bool is_null_sender : 1; /* of a from line */
    bool is_own_sender : 1;  /* its name lies under the sender's domain */
    bool is_dsn_failure : 1; /* the id born here is a failure report */
    bool has_brackets : 1;   /* of from: the sender stands in <>; of to lines
                                that are an event: so does the first recipient */
};

static inline struct slice record_domain(const struct record *record)
{
    if (record->recipient.len == 0) /* a from line has something else there */
        return (struct slice){NULL, 0};
    return slice_head(slice_skip(record->recipient, record->domain_at),
                      record->domain_len);
}

enum {
    STATUS_NUMBERS = 4096, /* found by their hash */
    STATUSES = 1024,       /* in the order in which they came */
    STATUS_TEMPLATE_BYTES = 120,
};

/* What a status text means, by its keyed hash; in a queue under attack they
 * repeat endlessly. */
struct status_memory {
    uint64_t hash; /* of the status; 0: free */
    uint64_t reason_hash, host_hash;
    const char *reason;         /* of one that never answered: refused, ... */
    uint16_t host_at, host_len; /* of that host, in the status */
    uint16_t template_len;      /* where reason is NULL */
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
    struct status_memory *statuses;           /* owned */
    char (*templates)[STATUS_TEMPLATE_BYTES]; /* owned; of those without
                                                 reason */
    struct logline_memory memory;
    unsigned status_count;
    uint16_t status_numbers[STATUS_NUMBERS]; /* from 1; 0: free */
};

/* Text that is not in the line as it is needed: lower case, numbers taken
 * out. Grows by blocks that never move. */
struct record_scratch {
    struct scratch_block *blocks; /* owned */
    char *at;
    size_t left;
    bool has_failed; /* no memory: what lay there is wrong */
};

void record_scratch_clear(struct record_scratch *scratch);
void record_scratch_free(struct record_scratch *scratch);

bool record_maker_init(struct record_maker *maker, const struct rules *rules,
                       const uint64_t key[2], bool is_utc);
void record_maker_free(struct record_maker *maker);

/* Of an id on a host; never 0. */
uint64_t record_message_hash(const uint64_t key[2], uint64_t host,
                             struct slice id);
/* Of an address, which must be in lower case; never 0. */
uint64_t record_address_hash(const uint64_t key[2], struct slice address);

/* Of a user of a domain, by the hash of what stands before its @; never 0. A
 * user without one has that hash itself. Its last bits are those of the first
 * letter. */
uint64_t record_user_hash(uint64_t bare_hash, uint32_t domain);

enum { RECORD_LETTER_BITS = 5 };

/* Of the last 32 bits of such a hash. */
static inline uint32_t record_user_letter(uint32_t hash)
{
    return hash & ((1u << RECORD_LETTER_BITS) - 1);
}

/* In lower case, in room for as much; the same slice where it is so already. */
struct slice record_lower(struct slice text, char *room);

/* A recipient in the one way that stands for all: in lower case, without the
 * final dot of its domain, and without quotes that nothing in it needs. In room
 * for as much; or a part of text where it is so already. */
struct slice record_recipient(struct slice text, char *room);

enum record_outcome {
    RECORD_MADE,    /* for the join */
    RECORD_COUNTED, /* only counted */
    RECORD_NO_TIME, /* no syslog line */
};

/* A line that was taken apart. */
struct record_line {
    struct slice text;
    struct logline line;
    enum logline_outcome outcome;
};

void record_parse(struct record_maker *maker, struct slice text,
                  struct record_line *line_r);

/*
 * Counts a line and fills *record_r. near: the year for stamps that have none.
 * time is set for all but RECORD_NO_TIME.
 */
enum record_outcome record_make(struct record_maker *maker,
                                const struct record_line *parsed,
                                const struct log_epoch *near,
                                struct record_scratch *scratch,
                                struct record *record_r);

#endif
