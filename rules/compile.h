/* Shared by the parts of the compiler; dies when the set is made. */
#ifndef QSCAN_RULES_COMPILE_H
#define QSCAN_RULES_COMPILE_H

#include "rules/set.h"

enum { PROBLEMS_MAX = 100, ALIKE_BUCKETS = 1024, NO_CONDITION = 0xffff };

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

/* Reads one COND at the cursor and returns its index in the set, or
 * NO_CONDITION after a complaint. */
uint16_t condition_parse(struct compiler *compiler, struct lex_cursor *cursor,
                         bool one_suffices);

#endif
