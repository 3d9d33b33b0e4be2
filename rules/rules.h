/*
 * Rules: text files -> immutable set -> matcher, three lifetimes.
 *
 * The set is compiled once and shared by all threads; a matcher belongs to one
 * thread and holds its match limits, scratch and memory of status texts. The
 * language: qscan.rules(5). This layer never reads a message: it asks for
 * fields through a callback, and only for those a condition needs, in order,
 * so a field that costs a file is not read when an earlier condition failed.
 */
#ifndef QSCAN_RULES_RULES_H
#define QSCAN_RULES_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "parsers/address.h"
#include "parsers/slice.h"

enum rules_field_id {
    FIELD_ORIGIN,
    FIELD_SENDER,
    FIELD_SENDER_DOMAIN,
    FIELD_RECIPIENT,
    FIELD_RECIPIENT_DOMAIN,
    FIELD_RECIPIENT_HOST,
    FIELD_RECIPIENT_FLAGS, /* of its R line */
    FIELD_RECIPIENTS,
    FIELD_STATUS,
    FIELD_STATUS_ENVELOPE,
    FIELD_FLAGS,
    FIELD_TRIES,
    FIELD_AGE,
    FIELD_IDLE,
    FIELD_SIZE,
    FIELD_PRIORITY,
    FIELD_CLIENT_ADDRESS,
    FIELD_CLIENT_NAME,
    FIELD_CLIENT_FORGED,
    FIELD_AUTH,
    FIELD_HEADER, /* with a name */
    FIELD_DSN_KIND,
    FIELD_DSN_STATUS,
    FIELD_DSN_RECIPIENT,
    FIELD_DSN_DIAGNOSTIC,
    FIELD_DSN_REMOTE,
    FIELD_DSN_REPORTER,
    FIELD_DSN_OURS,
    FIELD_DSN_EXPANDED, /* an alias here led to a failed recipient */
    FIELD_SOURCE,
    FIELD_SOURCE_NAME,
    FIELD_SOURCE_FORGED,
    FIELD_SOURCE_GENERIC, /* no confirmed name, or one made of its address */
    FIELD_SOURCE_KIN,     /* it and the sender's host are of one owner */
    FIELD_RECIPIENT_NEIGHBOUR, /* its domain, or host, and this host's name are
                                  of one owner */
    FIELD_SOURCE_NEIGHBOUR,    /* its name and this host's are of one owner */
    FIELD_SOURCE_AUTH,
    FIELD_SOURCE_HELO,
    FIELD_SOURCE_RELAYS,
    FIELD_SOURCE_ANSWERS,   /* its mail answers one of ours */
    FIELD_SOURCE_AUTHENTIC, /* a sender passed SPF, DKIM or DMARC here */
    /* of the crowd: known when all messages have been seen */
    FIELD_SOURCE_BOUNCES,
    FIELD_SOURCE_GUESSES,
    FIELD_SOURCE_WRITES,
    FIELD_SOURCE_STEADY,
    FIELD_SOURCE_FORGES,
    FIELD_HOST_WAITING,
    FIELD_HOST_DOMAINS,
    FIELD_HOST_MAIL,
    FIELD_HOST_ANSWERED,
    FIELD_RECIPIENT_CLIENTS,
    FIELD_RECIPIENT_KNOWN,
    FIELD_RECIPIENT_STEADY,
    FIELD_DSN_CLIENTS,
    FIELD_NETWORK_DOWN,
    /* of the logs */
    FIELD_SOURCE_HOSTILE,
    FIELD_HOST_DELIVERED,
    /* of a line of a maillog, for events */
    FIELD_EVENT_TEXT, /* all behind the queue id */
    FIELD_EVENT_RECIPIENT,
    FIELD_EVENT_RECIPIENT_DOMAIN,
    FIELD_EVENT_SENDER,
    FIELD_EVENT_SENDER_DOMAIN,
    FIELD_EVENT_USER,   /* of AUTH */
    FIELD_EVENT_SOURCE, /* the client that the line itself names */
    FIELD_EVENT_RELAY,  /* as it stands */
    FIELD_EVENT_STATUS, /* stat= */
    FIELD_EVENT_DSN,    /* dsn= */
    FIELD_EVENT_REPLY,  /* reply=, reject= */
    FIELD_EVENT_REASON, /* text without the address it is about */
    FIELD_EVENT_RULESET,
    FIELD_EVENT_COMMAND,
    FIELD_EVENT_HOST, /* that wrote the line */
    FIELD_EVENT_TAG,  /* "sm-mta" */
    /* of a client over time, for rules on source */
    FIELD_FROM_ADDRESS, /* source */
    FIELD_FROM_NAME,    /* source.name, absent when "may be forged" */
    FIELD_FROM_FORGED,
    FIELD_FROM_GENERIC, /* no confirmed name, or one made of its address */
    FIELD_FROM_LINE,    /* its confirmed name is that of a customer's line */
    FIELD_FROM_OURS,    /* a host of this site, by evidence */
    FIELD_FROM_ATTEMPTS,
    FIELD_FROM_ACCEPTED,
    FIELD_FROM_MAILED,        /* of those: a message for them came, too */
    FIELD_FROM_MAILED_SHARE,  /* percent of what all strangers brought */
    FIELD_FROM_MAILED_OWNER,  /* the same of all hosts of its owner */
    FIELD_FROM_GUESSES,       /* distinct unknown recipients */
    FIELD_FROM_GUESSES_ASKED, /* how often it asked for one of them */
    FIELD_FROM_GUESSES_KNOWN, /* share of those that mail hosts ask for */
    FIELD_FROM_GUESSES_ALIVE, /* share of those that got mail at other times */
    FIELD_FROM_GUESSES_BLIND, /* all of them, where it met nobody who exists */
    FIELD_FROM_GUESSES_SHARE, /* percent of all its recipients */
    FIELD_FROM_DOMAINS,       /* how many target domains */
    FIELD_FROM_ENVELOPES, /* that it began, also those without a recipient */
    FIELD_FROM_SENDERS_STEADY, /* all of one domain, which hardly anybody else
                                  sends for */
    FIELD_FROM_SENDERS_OWN, /* percent of its messages whose sender's domain its
                               confirmed name lies under */
    FIELD_FROM_RETURNS,  /* a named host that sends next to nothing but bounces
                          */
    FIELD_FROM_ASTRAY,   /* wants to reach whom mail hosts look for here, too */
    FIELD_FROM_RESIDENT, /* denied relaying, in the names of who gets mail */
    FIELD_FROM_SUBMITS,  /* a client of ours, whose mail goes elsewhere */
    FIELD_FROM_MEMBERS,  /* of a crowd; absent for a single source */
    FIELD_FROM_MEMBERS_NETWORKS, /* how many they are in */
    FIELD_FROM_MEMBERS_NEAR,     /* first seen within a day of this one */
    FIELD_FROM_BYSTANDERS, /* of its network: not hostile, and mail of theirs
                              was delivered, or they logged in, or return
                              what was forged */
    FIELD_FROM_BYSTANDERS_SHARE, /* of them and the members */
    FIELD_FROM_LOGINS,           /* successful AUTH */
    FIELD_FROM_LOGINS_USERS,     /* whose; a few */
    FIELD_FROM_LOGINS_FAILED,
    FIELD_FROM_LOGINS_SHARE,   /* percent of its logins, failed ones too */
    FIELD_FROM_LOGINS_TRIED,   /* users, without success */
    FIELD_FROM_LOGINS_UNKNOWN, /* of those, who logged in from nowhere */
    FIELD_FROM_LOGINS_ALIKE,   /* all of these may be one user of ours */
    FIELD_FROM_LOGINS_SHARED,  /* of those, whom others try, too */
    FIELD_FROM_LOGINS_NETWORK, /* successful ones from its network */
    FIELD_FROM_DELIVERED,      /* messages that this site delivered to it */
    FIELD_COUNT
};

_Static_assert(FIELD_EVENT_TEXT <= 64, "of messages, a bit for each");

/* What a field is of: each kind of stanza knows its own. */
enum rules_scope { SCOPE_MESSAGE, SCOPE_EVENT, SCOPE_SOURCE, SCOPE_COUNT };

enum rules_field_type {
    TYPE_TEXT,     /* bytes, case matters */
    TYPE_WORD,     /* one of a fixed set: "local-dsn" */
    TYPE_DOMAIN,   /* host or domain name, case ignored by "is" */
    TYPE_ADDRESS,  /* network address, text form; "in" takes CIDR */
    TYPE_FLAGS,    /* letters; "has" */
    TYPE_NUMBER,   /* plain count */
    TYPE_DURATION, /* seconds */
    TYPE_SIZE,     /* bytes */
    TYPE_PERCENT,  /* 0..100 */
    TYPE_BOOLEAN,  /* number 0 or 1; "is yes", "is no" */
};

/* Where a field comes from: the price of asking for it. */
enum rules_field_origin {
    FROM_CONTROL_FILE,
    FROM_DATA_FILE,
    FROM_CROWD,
    FROM_LOGS,
    FROM_LINE,    /* of an event: the line itself */
    FROM_TRAFFIC, /* of a source: all lines about it */
    FROM_MEMBERS  /* of a source: the crowd that it is judged in */
};

struct rules_field {
    enum rules_field_id id;
    const char *name; /* "recipient.domain"; "header." for FIELD_HEADER */
    enum rules_scope scope;
    enum rules_field_type type;
    enum rules_field_origin origin;
    bool has_many; /* may have several values */
};

/* The table of all fields, in the order of enum rules_field_id. A name stands
 * once in each scope. */
extern const struct rules_field rules_fields[FIELD_COUNT];

enum field_state {
    FIELD_ABSENT,
    FIELD_PRESENT,
    FIELD_UNDECIDED, /* damaged or unreadable */
    FIELD_LATER,     /* of the crowd, which is not counted yet */
};

struct field_value {
    struct slice text; /* TYPE_TEXT .. TYPE_FLAGS */
    int64_t number;    /* TYPE_NUMBER .. TYPE_BOOLEAN */
    /* What text says, where the caller has it at hand; else NULL. */
    const struct ip *ip;
};

struct field_view {
    enum field_state state;
    const struct field_value *values; /* valid until the next call */
    size_t value_count;               /* at least 1 when present */
};

/*
 * Gives the values of one field of the message in hand (of a log line, of a
 * source: see logs.h). header is the name
 * after "header." for FIELD_HEADER, else absent. The values of one field must
 * stay valid while another one is asked for (FIELD is FIELD, FIELD under
 * FIELD).
 */
typedef void (*rules_fetch)(void *message, enum rules_field_id field,
                            struct slice header, struct field_view *view_r);

/* ---- compile ---- */

struct rules_file {
    const char *name; /* as complaints name it */
    struct slice text;
};

/* A value put into one of the lists that every set knows: our-domains,
 * our-senders, our-hosts, friends. In the first two each name counts with its
 * subdomains. */
struct rules_preset {
    const char *list;
    const char *value;
};

struct rules_problem {
    const char *file;
    unsigned line, column; /* from 1; column 0 = the whole line */
    bool is_warning;
    const char *what; /* "unknown field 'recipent'" */
    const char *why;  /* "message fields are listed in qscan.rules(5)" */
};

typedef void (*rules_report)(void *context,
                             const struct rules_problem *problem);

/*
 * Reads a file that a list names: allocates *text_r with malloc and returns 0,
 * or returns an errno value. path is as written in the rule file.
 */
typedef int (*rules_read_file)(void *context, const char *path, char **text_r,
                               size_t *len_r);

struct rules;

/*
 * Compiles all files as one set, in the order given. All mistakes are
 * reported, and then NULL is returned; warnings alone do not refuse the set.
 * Nothing of files or presets is needed afterwards.
 */
struct rules *rules_compile(const struct rules_file *files, size_t file_count,
                            const struct rules_preset *presets,
                            size_t preset_count, rules_read_file read_file,
                            rules_report report, void *context);

/*
 * Compiles one COND ("age > 4h", or alternatives with '|') against the lists
 * of a set, for --where. It becomes a set of its own with a single rule named
 * "where"; column numbers count from the start of text. The lists are copied:
 * both sets may be freed in any order.
 */
struct rules *rules_compile_condition(const struct rules *lists,
                                      struct slice text, rules_report report,
                                      void *context);

void rules_free(struct rules *rules);

size_t rules_count(const struct rules *rules);
const char *rules_name(const struct rules *rules, size_t index);
const char *rules_class(const struct rules *rules, size_t index);
const char *rules_about(const struct rules *rules, size_t index); /* or "" */
const char *rules_file_name(const struct rules *rules, size_t index);
unsigned rules_line(const struct rules *rules, size_t index);
bool rules_purges(const struct rules *rules, size_t index);

/* Whether any condition asks for a field of that origin. Crowd facts about the
 * source need the data files too: there stands who the source of a bounce is.
 */
bool rules_need(const struct rules *rules, enum rules_field_origin origin);

/* Whether an answer may change between two values, in seconds, of FIELD_AGE or
 * FIELD_IDLE. False: all else alike, every rule judges alike at both. */
bool rules_turn(const struct rules *rules, enum rules_field_id field,
                int64_t from, int64_t to);

/* Whether a list holds a text (our-domains, our-senders: with its subdomains;
 * our-hosts, friends: addresses, CIDR, names). An unknown list holds nothing.
 */
bool rules_list_has(const struct rules *rules, const char *list,
                    struct slice text);
/* The same of an address. */
bool rules_list_has_ip(const struct rules *rules, const char *list,
                       const struct ip *ip);
bool rules_list_is_empty(const struct rules *rules, const char *list);

/* ---- match ---- */

struct rules_matcher;

struct rules_matcher *rules_matcher_new(const struct rules *rules);

/* From now on it remembers, by keyed hashes, what regexes said of texts that
 * repeat, and the events of lines of a log. The key is of 128 random bits (see
 * keyed_hash). Once. False without memory. */
bool rules_remember(struct rules_matcher *matcher, const uint64_t key[2]);
void rules_matcher_free(struct rules_matcher *matcher);

enum { RULES_NO_RULE = 0xffff };

struct rules_verdict {
    uint16_t rule; /* first that matched, or RULES_NO_RULE */
    bool purge;    /* it says so, and no rule before it was undecided */
    bool is_later; /* not final: hangs on the crowd, see pending */
    const uint16_t *undecided; /* rules that could not be decided, in order */
    size_t undecided_count;
    /* What rules_judge_later needs, opaque, to be copied by the caller; none
     * unless is_later. */
    const uint8_t *pending;
    size_t pending_bytes;
};

/* Pointers in the verdict belong to the matcher, until its next call. With
 * all fields at hand (no FIELD_LATER) the verdict is final. */
void rules_judge(struct rules_matcher *matcher, rules_fetch fetch,
                 void *message, struct rules_verdict *verdict_r);

/* The same for RULES_HAND messages at most, side by side: in less time, as
 * each condition is asked of all of them in turn. */
enum { RULES_HAND = 16 };

struct rules_judged {
    void *message;
    uint64_t late; /* fields that fetch would say FIELD_LATER of, 1 << id: it
                      is spared most questions; others may be late, too */
    struct rules_verdict verdict; /* filled */
};

void rules_judge_all(struct rules_matcher *matcher, rules_fetch fetch,
                     struct rules_judged *judged, size_t count);

/* Second phase: fetch must give the crowd fields now, and is asked for crowd
 * fields, and for the fields they are compared with in the same condition,
 * only. Same set, any matcher of it. */
void rules_judge_later(struct rules_matcher *matcher, const uint8_t *pending,
                       size_t pending_bytes, rules_fetch fetch, void *message,
                       struct rules_verdict *verdict_r);

/*
 * After a verdict of this matcher, the only one or the one of that number: the
 * line on which the first rule that purges failed, in either phase, as far as
 * it was asked; 0 when it was not, or did not fail. It asks for no field.
 */
uint32_t rules_missed(const struct rules_matcher *matcher, size_t number);

struct rules_missed_line {
    const char *word;          /* "when", "any", "unless" */
    const char *text;          /* its first condition, as written */
    enum rules_field_id field; /* that this one is about */
};

/* What rules_missed numbered, of a matcher of the same set. */
void rules_missed_line(const struct rules *rules, uint32_t missed,
                       struct rules_missed_line *line_r);

/* ---- explain ---- */

enum rules_answer { ANSWER_NO, ANSWER_YES, ANSWER_UNDECIDED };

struct rules_condition_trace {
    const char *line_word; /* "when", "any", "unless" */
    const char *text;      /* the condition as written */
    unsigned line;         /* in its rule file */
    enum rules_field_id field;
    struct slice header;      /* name for FIELD_HEADER, else absent */
    enum rules_answer answer; /* of the bare condition */
    struct field_view view;   /* what was seen */
};

struct rules_explain {
    void *context;
    void (*rule_begins)(void *context, size_t rule);
    void (*condition)(void *context, const struct rules_condition_trace *trace);
    /* failed_count: condition lines that kept it from matching */
    void (*rule_ends)(void *context, size_t rule, enum rules_answer answer,
                      size_t failed_count);
};

/* Evaluates every rule and every condition, without short cuts, against a
 * message all of whose fields are at hand; then fills the verdict. */
void rules_explain(struct rules_matcher *matcher, rules_fetch fetch,
                   void *message, const struct rules_explain *to,
                   struct rules_verdict *verdict_r);

/* ---- check ---- */

struct rules_check_result {
    size_t rule_count; /* on message and on source */
    size_t event_count, sample_count, failed_count;
};

/* Runs the hit and miss samples of every rule, reporting those that fail as
 * problems (what: "this hit does not match", why: the condition). */
void rules_check(const struct rules *rules, rules_report report, void *context,
                 struct rules_check_result *result_r);

/* "10.42 2022-12-11": the regex library in use, for --version. */
const char *rules_library_version(void);

#endif
