/*
 * The log half of the rules: events, which judge one line of a maillog, and
 * rules on source, which judge a client address (or a network, or the domain
 * that a crowd attacks, or all who do it to this site) by events over time.
 *
 * Three steps. A matcher says which events a line is (rules_match_line). A
 * watch counts them by source, network, domain, user or site in sliding windows
 * of log time, and remembers which counts of which rules were reached: its
 * alarms. When all lines were seen, rules_judge_source holds the conditions of
 * a rule against what is known of one source by then; of a crowd, against each
 * of its members.
 */
#ifndef QSCAN_RULES_LOGS_H
#define QSCAN_RULES_LOGS_H

#include "parsers/address.h"
#include "parsers/logline.h"
#include "rules/rules.h"

enum { RULES_EVENTS_MAX = 64, RULES_SOURCE_RULES_MAX = 64 };

/* ---- events ---- */

size_t rules_event_count(const struct rules *rules);
const char *rules_event_name(const struct rules *rules, size_t event);
const char *rules_event_about(const struct rules *rules, size_t event);
/* The number of that event, or RULES_EVENTS_MAX. */
size_t rules_event_find(const struct rules *rules, const char *name);

/* Bit per shape (enum logline_shape, by number): lines of other shapes are no
 * event at all. */
unsigned rules_event_shapes(const struct rules *rules);

/* The fields of one log line, one value each but for those of a "to" line with
 * many recipients. */
enum { RULES_EVENT_VALUES_MAX = 64 };

struct event_values {
    struct field_value items[RULES_EVENT_VALUES_MAX];
    size_t count;
    char text[4096]; /* made for them: domains in lower case, the address */
    size_t text_bytes;
};

struct rules_event_line {
    const struct logline *line;
    struct event_values values[2];
    unsigned next; /* of values; 0 to begin with */
};

/* The rules_fetch of events; its message is a struct rules_event_line. A line
 * with more values than have room is undecided. */
void rules_event_fetch(void *event_line, enum rules_field_id field,
                       struct slice header, struct field_view *view_r);

/* Which events a line is: bit per event. Every event that matches counts, not
 * the first only; one that could not be decided does not. A line that is
 * hostile is none. */
uint64_t rules_match_line(struct rules_matcher *matcher,
                          const struct logline *line);

/* ---- rules on source ---- */

/* By user and by site sources are counted; whose numbers, the alarm of a user
 * gives. */
enum rules_count_by {
    COUNT_BY_SOURCE,
    COUNT_BY_NETWORK,
    COUNT_BY_DOMAIN,
    COUNT_BY_USER,
    COUNT_BY_SITE /* all together */
};

struct rules_source_rule {
    const char *name, *kind, *about; /* about may be "" */
    const char *file;
    unsigned line;
    /* its count line */
    uint64_t events;   /* bit per event */
    unsigned distinct; /* enum watch_field + 1; 0: every event counts */
    enum rules_count_by by;
    unsigned bits; /* COUNT_BY_NETWORK: up to 32 of IPv4 addresses only,
                      from 33 on of IPv6 addresses only */
    uint32_t at_least;
    int64_t window_sec;
};

size_t rules_source_rule_count(const struct rules *rules);
const struct rules_source_rule *rules_source_rule(const struct rules *rules,
                                                  size_t index);

/*
 * Whether the conditions of one rule hold for a source (its count is not asked
 * again). fetch is asked for fields of scope SCOPE_SOURCE. Of a crowd each
 * member is judged, with "members" giving all of them; those for which it does
 * not hold are no members, and one that is left is judged again with the
 * number of those that are: the crowd is hostile when that still holds.
 */
enum rules_answer rules_judge_source(struct rules_matcher *matcher,
                                     size_t source_rule, rules_fetch fetch,
                                     void *source);

/* The same of the source asked for last, whose fields are as they were: those
 * that were asked for are not fetched again. */
enum rules_answer rules_judge_source_again(struct rules_matcher *matcher,
                                           size_t source_rule);

/* The same of a member for which the rule held when its crowd was another one:
 * no more is asked than what hangs on the crowd. */
enum rules_answer rules_judge_member_again(struct rules_matcher *matcher,
                                           size_t source_rule,
                                           rules_fetch fetch, void *source);

/* Whether a list holds an address of that network, or a network around it. */
bool rules_list_overlaps(const struct rules *rules, const char *list,
                         const struct cidr *network);

/* ---- watch ---- */

/* What "distinct" can count. */
enum watch_field {
    WATCH_RECIPIENT,
    WATCH_SENDER,
    WATCH_USER,
    WATCH_SOURCE,
    WATCH_DOMAIN, /* of the recipient */
    WATCH_FIELD_COUNT
};

struct watch_event {
    uint64_t events; /* bit per event */
    int64_t time;    /* epoch s, of the line; may go back a minute. Those before
                        1970 count as one moment, those from 2106 on, too. */
    struct ip source;
    /* The caller's number of that address, from 1 on: windows of sources are
     * found by it. Four bytes are kept for each up to the largest. */
    uint32_t source_number;
    struct slice domain; /* of the recipient, lower case; may be absent */
    /* Keyed hashes (never 0) of the fields that "distinct" may count, which
     * only the caller knows in full; 0: absent, not counted. That of the
     * domain, where given, must be of one text: windows are found by it. Two
     * values are told apart by 32 bits. */
    uint64_t hashes[WATCH_FIELD_COUNT];
    uint32_t count; /* "repeated N times"; at least 1 */
    /* Bit per rule that counts nothing more of that source, and of that
     * domain: kept by the caller from event to event, 0 to begin with; NULL:
     * not kept. */
    uint64_t *source_settled, *domain_settled;
};

/* A count that was reached. */
struct watch_alarm {
    int64_t time; /* when it was reached first */
    uint16_t source_rule;
    uint32_t source_count;   /* 0, but COUNT_BY_USER */
    union {                  /* by what the rule counts by */
        struct ip base;      /* source, or first address of the network */
        struct slice domain; /* COUNT_BY_DOMAIN; good until watch_free */
        /* COUNT_BY_USER: numbers of sources, some perhaps twice; those that
         * counted when it was reached, and that came later. Good until the
         * next event. */
        const uint32_t *sources;
    };
};

struct watch;

/* key: of the hash tables. The set must outlive it. NULL: no memory. */
struct watch *watch_new(const struct rules *rules, const uint64_t key[2]);
void watch_free(struct watch *watch);

/* Nothing is counted any more: gives back all memory but that of the alarms. */
void watch_end(struct watch *watch);

/*
 * Counts one event. A window holds at most at_least things, and is dropped
 * when nothing in it can count any more: memory follows those who are active
 * within a window, not lines. False without memory (counts may be too low).
 */
bool watch_note(struct watch *watch, const struct watch_event *event);

/* Windows that are counted in now, those that were reached included: a measure
 * of its memory. */
size_t watch_window_count(const struct watch *watch);

/* All alarms so far, one a rule and key, in the order in which they arose. */
size_t watch_alarms(const struct watch *watch,
                    const struct watch_alarm **alarms_r);

#endif
