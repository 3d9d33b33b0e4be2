/*
 * What several lines say together. A line of a rejected guess has no address:
 * that stands on another line of the same id, or of the same process. On a
 * backup MX the guess is found out later, by the primary, on a line of another
 * process and perhaps in the next rotated file; and a line "ID: NEWID: DSN"
 * names the bounce. All of them belong to the client that sent the original.
 *
 * Called in the order of log time, by one thread at a time. State of an id is
 * dropped when it can no longer matter.
 */
#ifndef QSCAN_JOIN_H
#define QSCAN_JOIN_H

#include "qscan/logrecord.h"
#include "qscan/sources.h"
#include "qscan/topk.h"

enum {
    JOIN_MESSAGE_SEC = 8 * 24 * 3600, /* how long a message may be open */
    JOIN_SETTLED_SEC = 24 * 3600,     /* ... when all that came in is settled */
    JOIN_SESSION_SEC = 3600,          /* how long a connection may last */
    JOIN_SILENCE_SEC = 3 * 3600, /* ... and its guesses wait for a client: after
                                    an hour of silence sendmail says whose
                                    (Timeout.command) */
    JOIN_PENDING_MAX = 200000,   /* guesses that wait for a client */
};

/* The most frequent, in the order of log time. (The clients that brought most
 * are in sources.) */
struct log_tops {
    struct topk senders;    /* accepted messages, bytes */
    struct topk recipients; /* deliveries */
    struct topk guessed;    /* recipients that do not exist */
    struct topk rejections; /* reasons of refusals, numbers taken out */
    struct topk deferrals;  /* reasons why mail waits */
    struct topk failures;   /* reasons of bounces */
    struct topk dead_hosts; /* next hops that never answer: attempts */
    struct topk mechanisms; /* AUTH, of logins */
    struct topk users;      /* AUTH, of failures */
    struct topk ciphers;    /* TLS: version and cipher */
    struct topk unknown;    /* lines of no known shape, numbers taken out */
    struct topk refused_connections; /* ruleset and reason */
};

struct join_state;

struct join {
    struct sources *sources;
    struct log_tops tops;
    struct logtally late; /* for logtally_take_back; its hour_shift_sec is set
                             by the caller */
    uint64_t no_client;   /* guesses whose client no line named */
    bool has_failed;
    struct join_state *state; /* private */
};

bool join_init(struct join *join, struct sources *sources,
               const uint64_t key[2]);
void join_free(struct join *join);

void join_add(struct join *join, const struct record *record, uint32_t file,
              uint64_t line);
/* Ask for the cache lines that a record will need, some records before it is
 * joined; and a few before, for what those lead to. */
void join_prefetch(const struct join *join, const struct record *record);
void join_prefetch_more(const struct join *join, const struct record *record);

/* Nothing more comes: what still waits is resolved or given up. */
void join_finish(struct join *join);

#endif
