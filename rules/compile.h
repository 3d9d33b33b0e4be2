/* Shared by the parts of the compiler; dies when the set is made. */
#ifndef QSCAN_RULES_COMPILE_H
#define QSCAN_RULES_COMPILE_H

#include "rules/set.h"

enum {
    PROBLEMS_MAX = 100,
    ALIKE_BUCKETS = 1024,
    NO_CONDITION = 0xffff,
    NAME_MAX_BYTES = 64,
};

struct problem {
    struct lex_place place; /* its order among the others */
    struct rules_problem shown;
    unsigned number;
};

struct compiler {
    struct rules *set;
    struct pool scratch;
    const struct rules_file *files;
    size_t file_count;
    struct lex_line *lines;
    size_t line_count, line_capacity;
    struct problem problems[PROBLEMS_MAX], warnings[PROBLEMS_MAX];
    size_t problem_count, warning_count; /* may exceed what is kept */
    uint16_t alike[ALIKE_BUCKETS];
    pcre2_compile_context *regex_context;
    rules_read_file read_file;
    rules_report report;
    void *context;
    bool no_memory;
    enum rules_scope scope; /* of the stanza in hand: which fields it has */
    struct late *first_late, *last_late;
};

/* What names events, which may stand behind it or in another file: read when
 * all stanzas are. */
struct late {
    const struct lex_line *line;
    size_t offset; /* of the text in its line */
    struct slice text;
    size_t source_rule;
    bool is_sample; /* else the name of an event that the rule counts */
    struct late *next;
};

/* What a rule or an event has said so far. */
struct draft {
    enum rules_scope scope;
    struct rule rule;
    struct slice name;
    struct lex_place place; /* of its name */
    bool has_about, has_on, has_class, has_purge, has_line, has_count;
    bool has_hit, has_miss, has_condition;
    bool has_own_origin; /* "when origin is local-dsn" */
    bool is_foreign;     /* "purge yes, foreign" */
    struct lex_place purge_place;
    unsigned shapes;                /* of an event */
    struct rules_source_rule shown; /* of a rule on source */
};

/* Notes a mistake: what is wrong, made by format, and why. */
__attribute__((format(printf, 4, 5))) void
compiler_error(struct compiler *compiler, struct lex_place place,
               const char *why, const char *format, ...);
__attribute__((format(printf, 4, 5))) void
compiler_warning(struct compiler *compiler, struct lex_place place,
                 const char *why, const char *format, ...);

/* Room for one more item in a growing array; NULL (and no_memory) when there
 * is none. */
void *compiler_grow(struct compiler *compiler, void *array, size_t count,
                    size_t *capacity, size_t item_bytes);

static inline bool is_word(struct slice word, const char *text)
{
    return slice_equal(word, slice_from_string(text));
}

/* A copy that lives as long as the set; "" (and no_memory) when there is none.
 */
const char *compiler_keep(struct compiler *compiler, struct slice text);

/* Complains of what still stands on the line. */
void compiler_expect_end(struct compiler *compiler, struct lex_cursor *cursor);

/* Name of a stanza; absent after a complaint. */
struct slice stanza_name(struct compiler *compiler, const struct lex_line *line,
                         struct lex_place *place_r);

/* The lists that every set knows; false when memory ran out. */
bool lists_init(struct compiler *compiler);
void lists_add_presets(struct compiler *compiler,
                       const struct rules_preset *presets, size_t count);
void list_parse(struct compiler *compiler, size_t first, size_t end);

/* A rule on message or on source, or an event: the lines from first, which
 * names it, to end. */
void rule_parse(struct compiler *compiler, size_t first, size_t end,
                bool is_event);

/* The one rule of a set for --where. */
void rule_parse_where(struct compiler *compiler);

/* The lines that only events and rules on source have, and what only the whole
 * of them can tell. */
void logs_parse_line(struct compiler *compiler, struct lex_cursor *cursor,
                     struct draft *draft);
void logs_parse_count(struct compiler *compiler, struct lex_cursor *cursor,
                      struct draft *draft);
void logs_add_event(struct compiler *compiler, struct draft *draft);
void logs_add_source_rule(struct compiler *compiler, struct draft *draft);
/* Keeps what names events for logs_resolve. */
void logs_note_late(struct compiler *compiler, const struct lex_cursor *cursor,
                    size_t offset, struct slice text, bool is_sample);
/* When all stanzas are read. */
void logs_resolve(struct compiler *compiler);

/* A rule on message or on source of that name. */
const struct rule *rule_find(const struct rules *set, const char *name);

/* Reads one COND at the cursor and returns its index in the set, or
 * NO_CONDITION after a complaint. */
uint16_t condition_parse(struct compiler *compiler, struct lex_cursor *cursor,
                         bool one_suffices);

#endif
