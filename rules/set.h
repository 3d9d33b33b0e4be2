/*
 * The compiled set: made by compile*.c and condition.c, read by match*.c and
 * check*.c, and never changed in between. Conditions that are written alike
 * exist once, so that a matcher answers each only once a message.
 */
#ifndef QSCAN_RULES_SET_H
#define QSCAN_RULES_SET_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdatomic.h>

#include "parsers/logline.h"
#include "rules/lex.h"
#include "rules/list.h"
#include "rules/logs.h"
#include "rules/rules.h"

enum {
    RULES_MAX = 4096,
    CONDITIONS_MAX = 20000,
    /* How many different regexes on texts that repeat a matcher remembers, of
     * messages and of events. */
    REMEMBERED_MAX = 32,
    TIMED_MAX = 16, /* conditions on how old a message is that are listed */
    /* PCRE2 counts what a match costs for each place in the text where it can
     * begin, so the text is bounded as well: by what sendmail accepts as the
     * sum of all headers. */
    REGEX_TEXT_MAX_BYTES = 32768,
    HEAD_MAX = 32, /* bytes of a text that a regex is compared with at once */
};

struct named_list {
    struct slice name;
    struct list_table own;    /* from its stanza */
    struct list_table preset; /* from the program; not seen by samples */
    bool is_builtin, is_declared;
    enum list_entry kind;
    struct lex_place place;
};

/* Shared by a set and the conditions compiled against it. */
struct list_set {
    atomic_uint user_count;
    struct pool pool;
    struct named_list *lists;
    size_t count, capacity;
};

struct named_list *list_set_find(const struct list_set *set, struct slice name);
void list_set_release(struct list_set *set);

enum condition_operator {
    OP_EXISTS,
    OP_IS,
    OP_ISNT,
    OP_LESS,
    OP_AT_MOST,
    OP_MORE,
    OP_AT_LEAST,
    OP_MATCHES,
    OP_MATCHES_NOT,
    OP_IN,
    OP_HAS,
    OP_UNDER,
};

struct byte_set {
    uint64_t bits[4];
};

static inline bool byte_set_has(const struct byte_set *set, char byte)
{
    unsigned char number = (unsigned char)byte;

    return (set->bits[number / 64] >> number % 64 & 1) != 0;
}

/* What "is" compares. */
enum condition_compare { BY_BYTES, BY_NAME, BY_IP, BY_NUMBER };

struct condition {
    struct slice text; /* as written; NUL-terminated */
    enum rules_field_id field;
    enum rules_field_id other; /* FIELD_COUNT: compared with a value */
    struct slice header, other_header;
    enum condition_operator op;
    enum condition_compare compare;
    bool one_suffices; /* of several values: it stands in "unless" */
    bool may_be_later;
    uint64_t late_bit; /* of its field; 0: cannot be late, or compares two */
    struct slice value;
    int64_t number;
    struct ip ip;
    pcre2_code *regex;
    bool has_jit;
    struct slice literal; /* the regex is nothing but these bytes; or empty */
    /* What a text must begin with, of a regex that begins with '^': a prefix
     * and a set of bytes for each of the next so many. Both empty: that is not
     * simple. */
    struct slice prefix;
    const struct byte_set *head;
    uint8_t head_count;
    bool is_all_head;   /* and nothing else is needed */
    bool is_whole_text; /* but that the text ends there, or before a newline */
    int remembered;     /* slot for the answers on texts that repeat, or -1; one
                         * for all conditions with the same regex */
    const struct named_list *list; /* OP_IN: one of these two */
    const struct list_table *table;
    uint16_t next_alike; /* chain of the compiler's hash table */
};

enum line_word { LINE_WHEN, LINE_ANY, LINE_UNLESS };

struct rule_line {
    enum line_word word;
    unsigned line;
    uint32_t first_use, use_count; /* in rules.uses */
    uint32_t next_later; /* line of its rule that may be; else their number */
    bool may_be_later;   /* one of its conditions may be */
};

struct rule_sample {
    struct slice text;
    struct lex_place place;
    bool is_hit;
};

struct rule {
    const char *name, *class, *about;
    struct lex_place place;
    bool purges;
    uint32_t first_line, line_count;
    uint32_t first_later;  /* line, as next_later */
    uint32_t shared_count; /* lines that the rule before begins with, too */
    uint32_t first_sample, sample_count;
    uint32_t pending_bytes; /* room for its answers that hang on the crowd */
};

/* A log line is judged like a message, by the same lines. */
struct event {
    struct rule rule;
    unsigned shapes; /* bit per enum logline_shape */
};

struct source_rule {
    struct rule rule; /* class: the kind */
    struct rules_source_rule shown;
};

/* A text of which the conditions of a shape see no more than its beginning. */
struct seen_field {
    uint16_t place; /* fields_line_places */
    size_t max_bytes;
};

/* A text that is told by what the next so many conditions of a shape answer. */
struct answered_field {
    uint16_t place;
    uint16_t count;
};

enum { SEEN_FIELDS_MAX = 8, ANSWERED_FIELDS_MAX = 16, ANSWERED_MAX = 32 };
_Static_assert(FIELD_EVENT_TAG - FIELD_EVENT_TEXT < ANSWERED_FIELDS_MAX,
               "each field of events may be answered");

/* What lines of one shape are asked for. */
struct shape_plan {
    uint64_t events;      /* bit per event */
    uint16_t *conditions; /* of those events, each once */
    size_t condition_count;
    /* What they see of a line decides its events: of fields that repeat the
     * text; of others what the conditions on them answer, which stand first.
     * None of both: there is too much of it, or more than one text. */
    size_t answered_count;
    struct answered_field answered[ANSWERED_FIELDS_MAX];
    size_t answered_field_count;
    struct seen_field seen[SEEN_FIELDS_MAX];
    size_t seen_count;
};

struct inline_list {
    struct list_table table;
    struct inline_list *next;
};

struct rules {
    struct pool pool;
    struct list_set *lists;
    struct inline_list *inline_lists;
    const char **file_names;
    struct rule *rules;
    size_t rule_count, rule_capacity;
    struct rule_line *lines;
    size_t line_count, line_capacity;
    uint16_t *uses; /* conditions, as the lines name them */
    size_t use_count, use_capacity;
    struct condition *conditions;
    size_t condition_count, condition_capacity;
    struct rule_sample *samples;
    size_t sample_count, sample_capacity;
    int remembered_count[SCOPE_COUNT];
    uint16_t remembered_for[SCOPE_COUNT][REMEMBERED_MAX]; /* one condition */
    unsigned needs; /* bit per enum rules_field_origin; of rules on message */
    uint16_t timed[TIMED_MAX]; /* conditions whose answer the clock changes */
    size_t timed_count;        /* more than TIMED_MAX: not all are listed */
    struct event events[RULES_EVENTS_MAX];
    size_t event_count;
    struct source_rule source_rules[RULES_SOURCE_RULES_MAX];
    size_t source_rule_count;
    struct shape_plan shapes[SHAPE_COUNT];
};

#endif
