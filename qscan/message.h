/*
 * One message in hand: its control file read and parsed, its data file read
 * only when somebody asks for a field that lives there. Used again and again
 * by one worker; everything it hands out dies with the next load.
 */
#ifndef QSCAN_MESSAGE_H
#define QSCAN_MESSAGE_H

#include <sys/stat.h>

#include "parsers/dsn.h"
#include "parsers/input.h"
#include "parsers/qf.h"
#include "parsers/status.h"
#include "qscan/closing.h"
#include "qscan/crowd.h"
#include "qscan/facts.h"
#include "qscan/queue.h"
#include "rules/rules.h"

/* What all messages of a run share; nothing of it changes meanwhile. */
struct scene {
    const struct queue_set *queues;
    const struct rules *rules;
    const struct rules *where; /* --where, or NULL */
    const struct crowd *crowd; /* NULL while it is being gathered */
    int64_t now;               /* epoch s: for ages */
    bool is_domains_known;     /* our-domains came from somewhere */
    /* facts.basis is noted where df changed before that, epoch s: of a purge,
     * when it began by the clock; 0: of none. */
    int64_t basis_before;
    uint64_t basis_key[2]; /* for message_basis, and for what is remembered
                              while messages are taken */
};

enum message_data_state {
    DATA_NOT_READ,
    DATA_READ,
    DATA_MISSING,
    DATA_UNREADABLE,
};

/* Fields of a message, and room for a second header: two may be compared. */
enum { MESSAGE_VALUES = FIELD_EVENT_TEXT + 1 };

/* Nearly all have one value. */
struct message_values {
    enum field_state state;
    uint32_t count;
    struct field_value first;  /* when it is the only one */
    struct field_value *items; /* owned, reused: of several, all */
    size_t capacity;
};

_Static_assert(MESSAGE_VALUES <= 64, "known has a bit for each");

struct message {
    const struct scene *scene;
    const struct facts *row;
    struct closing *closing; /* closes what was read; NULL: at once */
    struct slice id;
    struct input control_input, data_input;
    struct stat control_stat; /* when has_control_stat */
    struct stat data_stat;    /* when has_data_stat */
    bool has_control_stat, has_data_stat;
    bool wants_data_stat; /* when df is read, it is looked at as well */
    struct slice control; /* its text */
    struct qf qf;
    enum qf_outcome qf_outcome;
    bool is_own_report, has_null_sender; /* by the control file */
    int data_folder; /* descriptor of the directory of df, -1 = unknown */
    enum message_data_state data_state;
    struct slice data;
    struct dsn dsn;
    enum dsn_outcome dsn_outcome;
    struct dsn_path path; /* once it was asked for */
    bool has_path;
    bool is_dsn_parsed;
    enum dsn_kind own_kind; /* of an own report */
    bool has_own_kind;
    struct slice first_domain;      /* of the first recipient, once asked */
    struct slice first_status_host; /* that its status names, the same */
    enum status_kind first_kind;    /* of that status */
    bool has_first_domain, has_first_status;
    bool is_source_ours, has_source_ours;
    bool has_failed; /* no memory: every further field is undecided */
    struct message_values values[MESSAGE_VALUES]; /* by field: rules ask for
                                                     some of them often */
    uint64_t known;               /* bit per field whose values stand there */
    struct message_values *asked; /* those that are put together now */
    bool is_second_header;        /* which of two places is the next one's */
    char *scratch; /* lower-cased and unescaped text of this message */
    size_t scratch_used, scratch_capacity;
    struct arena scratch_more;
};

/* A time of a file, in ns since the epoch. */
static inline int64_t message_nsec(const struct timespec *time)
{
    return time->tv_sec * INT64_C(1000000000) + time->tv_nsec;
}

void message_init(struct message *message, const struct scene *scene);
void message_free(struct message *message);

/* Reads the control file of a row, without any lock. */
enum input_outcome message_read(struct message *message,
                                const struct facts *row, bool want_stat);

/* Parses what was read. */
enum input_outcome message_parse(struct message *message);

/* Does both. */
enum input_outcome message_load(struct message *message,
                                const struct facts *row, bool want_stat);

/* The same from a descriptor that the caller has locked and looked at since:
 * st. Of another size than st says it comes out empty. */
enum input_outcome message_load_locked(struct message *message,
                                       const struct facts *row, int fd,
                                       const struct stat *st);

/* Reads df, once; data_state says how it went. */
void message_need_data(struct message *message);

/* Reads df and takes the report in it apart, once, when it can be one. */
void message_need_dsn(struct message *message);

/* Looks at df without reading it, once; false when there is none. */
bool message_need_data_stat(struct message *message);

/*
 * A fingerprint of all that rules look at in a message that was loaded and
 * judged: its control file, byte by byte, and which df that was (inode, size,
 * times). Two alike are judged alike, but for the crowd and the clock. 0 where
 * df is missing, no regular file, or could not be read.
 */
uint64_t message_basis(struct message *message);

/* Whether the clock makes no rule judge it otherwise than then, epoch s. */
bool message_is_as_then(const struct message *message,
                        const struct rules *rules, int64_t then);

/* Size of df, by what was read of it where it was; -1 when there is none. */
int64_t message_data_bytes(struct message *message);

/* rules_fetch of a loaded message: message is a struct message. Crowd fields
 * are FIELD_LATER while scene->crowd is NULL. */
void message_fetch(void *message, enum rules_field_id field,
                   struct slice header, struct field_view *view_r);

/* For rules_judged: fields that message_fetch says FIELD_LATER of, as many as
 * are known without reading anything. */
uint64_t message_late(struct message *message);

/* ---- facts that are no rule's field alone ---- */

static inline bool message_is_own_report(const struct message *message)
{
    return message->is_own_report;
}

static inline bool message_has_null_sender(const struct message *message)
{
    return message->has_null_sender;
}

/* False where nobody knows when it was tried: it was not, or by a clock that
 * was wrong. */
bool message_has_attempt(const struct message *message);

/* True of what a program answered, or a list manager wrote to whoever posted,
 * by RFC 3834, older fields or Mailman's. */
bool message_is_notice(const struct message *message);

/* "local-dsn", "null-sender" or "mail". */
struct slice message_origin(const struct message *message);
enum dsn_kind message_dsn_kind(struct message *message);

/* Status text that counts for a recipient: its own, else the envelope's. */
struct slice message_status_of(const struct message *message,
                               const struct qf_recipient *recipient);

/* What the status of the first recipient says, who must be there, and the host
 * that it names, as stored. */
enum status_kind message_first_status(struct message *message,
                                      struct slice *host_r);

/* Lower-case domain of a recipient, absent when it has none. */
struct slice message_domain_of(struct message *message,
                               const struct qf_recipient *recipient);

/* Client the original of an own report came from, a content filter on this host
 * left out; NULL when unknown. */
const struct client *message_source(struct message *message);

/* True for loopback, addresses of this host, our-hosts: no crowd counts. */
bool message_is_our_host(const struct scene *scene,
                         const struct client *client);
/* The same of message_source, asked once. */
bool message_is_source_ours(struct message *message);
/* Who caused an own failure report; NULL when that is unknown, or us. */
const struct client *message_culprit(struct message *message);

/* The host that a recipient of a report was refused by, absent where it is not
 * that of his domain: an alias of ours led there. */
struct slice message_refusing_host(const struct dsn_recipient *recipient);

/* Values of crowd fields for message_fetch and for the second phase. */
int64_t crowd_value_of_host(const struct crowd_host *host,
                            enum rules_field_id field);
/* Asked of the host that a status names, not of a recipient's domain. */
bool crowd_is_of_host(enum rules_field_id field);
int64_t crowd_value_of_domain(const struct scene *scene,
                              enum rules_field_id field, struct slice domain);

#endif
