#include "rules/compile.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "parsers/array.h"

enum { FILE_MAX_BYTES = 64 * 1024 * 1024 };

/* ---- complaints ---- */

__attribute__((format(printf, 2, 0))) static const char *
text_of(struct compiler *c, const char *format, va_list arguments)
{
    char text[400];
    struct slice copy;

    vsnprintf(text, sizeof(text), format, arguments);
    copy = pool_copy(&c->scratch, slice_from_string(text));
    return slice_is_absent(copy) ? "" : copy.ptr;
}

static void note(struct compiler *c, bool is_warning, struct lex_place place,
                 const char *why, const char *what)
{
    size_t *count = is_warning ? &c->warning_count : &c->problem_count;
    struct problem *problems = is_warning ? c->warnings : c->problems;
    struct slice kept_why = pool_copy(&c->scratch, slice_from_string(why));

    if (*count < PROBLEMS_MAX)
        problems[*count] = (struct problem){
            place,
            {c->files[place.file].name, place.line, place.column, is_warning,
             what, slice_is_absent(kept_why) ? "" : kept_why.ptr},
            (unsigned)*count};
    (*count)++;
}

void compiler_error(struct compiler *c, struct lex_place place, const char *why,
                    const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    note(c, false, place, why, text_of(c, format, arguments));
    va_end(arguments);
}

void compiler_warning(struct compiler *c, struct lex_place place,
                      const char *why, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    note(c, true, place, why, text_of(c, format, arguments));
    va_end(arguments);
}

static int order_problems(const void *left, const void *right)
{
    const struct problem *a = left, *b = right;

    if (a->place.file != b->place.file)
        return a->place.file < b->place.file ? -1 : 1;
    if (a->place.line != b->place.line)
        return a->place.line < b->place.line ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static void report_all(struct compiler *c, struct problem *problems,
                       size_t count, const char *kind)
{
    size_t shown = count < PROBLEMS_MAX ? count : PROBLEMS_MAX;
    char what[80];

    if (c->report == NULL || count == 0)
        return;
    qsort(problems, shown, sizeof(*problems), order_problems);
    for (size_t i = 0; i < shown; i++)
        c->report(c->context, &problems[i].shown);
    if (count == shown)
        return;
    struct rules_problem rest = problems[shown - 1].shown;
    snprintf(what, sizeof(what), "and %zu more %s", count - shown, kind);
    rest.what = what;
    rest.why = "only the first 100 are shown";
    rest.column = 0;
    c->report(c->context, &rest);
}

void *compiler_grow(struct compiler *c, void *array, size_t count,
                    size_t *capacity, size_t item_bytes)
{
    array = array_with_room(array, count, capacity, item_bytes);
    c->no_memory = c->no_memory || array == NULL;
    return array;
}

const char *compiler_keep(struct compiler *c, struct slice text)
{
    struct slice copy = pool_copy(&c->set->pool, text);

    if (slice_is_absent(copy)) {
        c->no_memory = true;
        return "";
    }
    return copy.ptr;
}

void compiler_expect_end(struct compiler *c, struct lex_cursor *cursor)
{
    if (!lex_skip(cursor))
        return;
    struct lex_place place = lex_place(cursor);
    compiler_error(c, place, "the line is complete before it",
                   "unexpected '%s'", lex_show(lex_rest(cursor, true)).text);
}

/* ---- stanzas ---- */

enum stanza { STANZA_NONE, STANZA_RULE, STANZA_LIST, STANZA_EVENT };

static enum stanza stanza_of(const struct lex_line *line)
{
    struct lex_cursor cursor = lex_begin(line);
    struct slice word;

    lex_skip(&cursor);
    word = lex_word(&cursor, "");
    if (is_word(word, "rule"))
        return STANZA_RULE;
    if (is_word(word, "list"))
        return STANZA_LIST;
    return is_word(word, "event") ? STANZA_EVENT : STANZA_NONE;
}

/* Index of the line behind the stanza that begins at first. */
static size_t stanza_end(const struct compiler *c, size_t first)
{
    size_t end = first + 1;

    while (end < c->line_count && c->lines[end].file == c->lines[first].file &&
           stanza_of(&c->lines[end]) == STANZA_NONE)
        end++;
    return end;
}

static bool is_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.ptr[i];

        if (!(byte_lower(byte) >= 'a' && byte_lower(byte) <= 'z') &&
            !byte_is_digit(byte) && strchr("._-", byte) == NULL)
            return false;
        if (byte == '\0')
            return false;
    }
    return name.len > 0 && name.len <= NAME_MAX_BYTES;
}

struct slice stanza_name(struct compiler *c, const struct lex_line *line,
                         struct lex_place *place_r)
{
    struct lex_cursor cursor = lex_begin(line);
    struct slice name;

    lex_skip(&cursor);
    lex_word(&cursor, "");
    lex_skip(&cursor);
    *place_r = lex_place(&cursor);
    name = lex_word(&cursor, "");
    if (!is_name(name)) {
        compiler_error(c, *place_r, "1 to 64 letters, digits, '.', '_' or '-'",
                       "'%s' is not a name", lex_show(name).text);
        name = (struct slice){NULL, 0};
    }
    compiler_expect_end(c, &cursor);
    return name;
}

static void refuse_loose_line(struct compiler *c, const struct lex_line *line)
{
    struct lex_cursor cursor = lex_begin(line);

    lex_skip(&cursor);
    struct lex_place place = lex_place(&cursor);
    compiler_error(c, place, "a stanza begins with rule, event or list NAME",
                   "'%s' before any stanza",
                   lex_show(lex_word(&cursor, "")).text);
}

/* Lists first: a rule may use a list that stands behind it. */
static void parse_stanzas(struct compiler *c, bool wants_lists)
{
    for (size_t i = 0, end; i < c->line_count && !c->no_memory; i = end) {
        enum stanza stanza = stanza_of(&c->lines[i]);

        end = stanza == STANZA_NONE ? i + 1 : stanza_end(c, i);
        if (wants_lists && stanza == STANZA_LIST)
            list_parse(c, i, end);
        else if (!wants_lists && stanza != STANZA_LIST && stanza != STANZA_NONE)
            rule_parse(c, i, end, stanza == STANZA_EVENT);
        else if (!wants_lists && stanza == STANZA_NONE)
            refuse_loose_line(c, &c->lines[i]);
    }
}

/* ---- files and sets ---- */

static bool is_plain_text(struct compiler *c, unsigned file)
{
    struct slice text = c->files[file].text;
    struct lex_place place = {file, 1, 0};

    if (text.len > FILE_MAX_BYTES) {
        compiler_error(c, place, "a rule file has at most 64 MB",
                       "the file is too long");
        return false;
    }
    size_t nul = slice_index(text, '\0');
    if (nul == text.len)
        return true;
    for (size_t i = 0; i < nul; i++)
        place.line += text.ptr[i] == '\n';
    compiler_error(c, place, "rule files are plain text",
                   "the line holds a NUL byte");
    return false;
}

static bool add_line(struct compiler *c, const struct lex_line *line)
{
    struct lex_line *lines = compiler_grow(c, c->lines, c->line_count,
                                           &c->line_capacity, sizeof(*lines));

    if (lines == NULL)
        return false;
    c->lines = lines;
    lines[c->line_count++] = *line;
    return true;
}

static void split_file(struct compiler *c, unsigned file)
{
    struct lex_file rest = {c->files[file].text, file, 1};
    struct lex_line line;

    while (!c->no_memory) {
        switch (lex_next_line(&rest, &c->scratch, &line)) {
        case LEX_OK:
            add_line(c, &line);
            break;
        case LEX_END:
            return;
        case LEX_LOOSE_PLUS:
            compiler_error(c, lex_place_at(&line, 0),
                           "it continues the line before it, but that is "
                           "empty",
                           "a '+' line continues nothing");
            break;
        case LEX_NO_MEMORY:
            c->no_memory = true;
            break;
        }
    }
}

static bool keep_file_names(struct compiler *c)
{
    const char **names =
        pool_alloc(&c->set->pool, (c->file_count + 1) * sizeof(*names));

    if (names == NULL)
        return false;
    c->set->file_names = names;
    for (size_t i = 0; i < c->file_count; i++)
        names[i] = compiler_keep(c, slice_from_string(c->files[i].name));
    return !c->no_memory;
}

static bool compiler_init(struct compiler *c)
{
    for (size_t i = 0; i < ALIKE_BUCKETS; i++)
        c->alike[i] = NO_CONDITION;
    c->set = calloc(1, sizeof(*c->set));
    c->regex_context = pcre2_compile_context_create(NULL);
    if (c->set == NULL || c->regex_context == NULL)
        return false;
    /* The files are lines of bytes whatever PCRE2 was built for. */
    pcre2_set_newline(c->regex_context, PCRE2_NEWLINE_LF);
    pcre2_set_bsr(c->regex_context, PCRE2_BSR_ANYCRLF);
    pcre2_set_parens_nest_limit(c->regex_context, 50);
    return keep_file_names(c);
}

static bool is_same_line(const struct rules *set, const struct rule_line *a,
                         const struct rule_line *b)
{
    return a->word == b->word && a->use_count == b->use_count &&
           memcmp(set->uses + a->first_use, set->uses + b->first_use,
                  a->use_count * sizeof(*set->uses)) == 0;
}

/* How many lines each rule begins with that the one before has there, too. */
static void count_shared(struct rules *set)
{
    for (size_t i = 1; i < set->rule_count; i++) {
        const struct rule *before = &set->rules[i - 1];
        struct rule *rule = &set->rules[i];

        while (rule->shared_count < rule->line_count &&
               rule->shared_count < before->line_count &&
               is_same_line(
                   set, &set->lines[before->first_line + rule->shared_count],
                   &set->lines[rule->first_line + rule->shared_count]))
            rule->shared_count++;
    }
}

/* Reports what was found and gives the set, or NULL. */
static struct rules *compiler_finish(struct compiler *c)
{
    struct rules *set = c->set;

    if (c->no_memory && c->report != NULL)
        c->report(c->context,
                  &(struct rules_problem){
                      c->file_count > 0 ? c->files[0].name : "", 1, 0, false,
                      "out of memory", "the set is too large"});
    report_all(c, c->problems, c->problem_count, "mistakes");
    report_all(c, c->warnings, c->warning_count, "warnings");
    if (c->no_memory || c->problem_count > 0) {
        rules_free(set);
        set = NULL;
    } else {
        count_shared(set);
    }
    pcre2_compile_context_free(c->regex_context);
    free(c->lines);
    pool_free(&c->scratch);
    free(c);
    return set;
}

static void seal_lists(struct list_set *lists)
{
    for (size_t i = 0; i < lists->count; i++) {
        list_seal(&lists->lists[i].own);
        list_seal(&lists->lists[i].preset);
    }
}

struct rules *rules_compile(const struct rules_file *files, size_t file_count,
                            const struct rules_preset *presets,
                            size_t preset_count, rules_read_file read_file,
                            rules_report report, void *context)
{
    struct compiler *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->files = files;
    c->file_count = file_count;
    c->read_file = read_file;
    c->report = report;
    c->context = context;
    if (!compiler_init(c) || !lists_init(c)) {
        c->no_memory = true;
        return compiler_finish(c);
    }
    lists_add_presets(c, presets, preset_count);
    for (unsigned i = 0; i < file_count; i++)
        if (is_plain_text(c, i))
            split_file(c, i);
    parse_stanzas(c, true);
    seal_lists(c->set->lists);
    parse_stanzas(c, false);
    logs_resolve(c);
    return compiler_finish(c);
}

static void parse_where(struct compiler *c)
{
    if (!is_plain_text(c, 0))
        return;
    split_file(c, 0);
    if (c->no_memory)
        return;
    if (c->line_count == 1)
        rule_parse_where(c);
    else
        compiler_error(c, (struct lex_place){0, 1, 0},
                       "a condition is FIELD OPERATOR VALUE",
                       c->line_count == 0 ? "the condition is empty"
                                          : "the condition has several lines");
}

struct rules *rules_compile_condition(const struct rules *lists,
                                      struct slice text, rules_report report,
                                      void *context)
{
    struct compiler *c = calloc(1, sizeof(*c));
    struct rules_file file = {"--where", text};

    if (c == NULL)
        return NULL;
    c->files = &file;
    c->file_count = 1;
    c->report = report;
    c->context = context;
    if (compiler_init(c)) {
        atomic_fetch_add(&lists->lists->user_count, 1);
        c->set->lists = lists->lists;
        parse_where(c);
    } else {
        c->no_memory = true;
    }
    return compiler_finish(c);
}

void rules_free(struct rules *rules)
{
    if (rules == NULL)
        return;
    for (size_t i = 0; i < rules->condition_count; i++)
        pcre2_code_free(rules->conditions[i].regex);
    for (struct inline_list *list = rules->inline_lists; list != NULL;
         list = list->next)
        list_free(&list->table);
    list_set_release(rules->lists);
    free(rules->rules);
    free(rules->lines);
    free(rules->uses);
    free(rules->conditions);
    free(rules->samples);
    pool_free(&rules->pool);
    free(rules);
}

/* ---- what the set says of itself ---- */

static const struct rule *rule_at(const struct rules *rules, size_t index)
{
    assert(index < rules->rule_count);
    return &rules->rules[index];
}

size_t rules_count(const struct rules *rules)
{
    return rules->rule_count;
}

const char *rules_name(const struct rules *rules, size_t index)
{
    return rule_at(rules, index)->name;
}

const char *rules_class(const struct rules *rules, size_t index)
{
    return rule_at(rules, index)->class;
}

const char *rules_about(const struct rules *rules, size_t index)
{
    return rule_at(rules, index)->about;
}

const char *rules_file_name(const struct rules *rules, size_t index)
{
    return rules->file_names[rule_at(rules, index)->place.file];
}

unsigned rules_line(const struct rules *rules, size_t index)
{
    return rule_at(rules, index)->place.line;
}

bool rules_purges(const struct rules *rules, size_t index)
{
    return rule_at(rules, index)->purges;
}

bool rules_need(const struct rules *rules, enum rules_field_origin origin)
{
    return (rules->needs & 1u << origin) != 0;
}

/* Whether an age between the two, or one of them, is compared with. */
static bool does_turn(const struct condition *condition,
                      enum rules_field_id field, int64_t from, int64_t to)
{
    if ((condition->field != field && condition->other != field) ||
        condition->op == OP_EXISTS)
        return false;
    return condition->other != FIELD_COUNT ||
           (condition->number >= (from < to ? from : to) &&
            condition->number <= (from < to ? to : from));
}

bool rules_turn(const struct rules *rules, enum rules_field_id field,
                int64_t from, int64_t to)
{
    for (size_t i = 0; i < rules->timed_count; i++)
        if (i == TIMED_MAX ||
            does_turn(&rules->conditions[rules->timed[i]], field, from, to))
            return true;
    return false;
}

bool rules_list_has(const struct rules *rules, const char *list,
                    struct slice text)
{
    const struct named_list *found =
        list_set_find(rules->lists, slice_from_string(list));

    return found != NULL && (list_has(&found->own, text, true) ||
                             list_has(&found->preset, text, true));
}

bool rules_list_overlaps(const struct rules *rules, const char *list,
                         const struct cidr *network)
{
    const struct named_list *found =
        list_set_find(rules->lists, slice_from_string(list));

    return found != NULL && (list_overlaps(&found->own, network) ||
                             list_overlaps(&found->preset, network));
}

bool rules_list_has_ip(const struct rules *rules, const char *list,
                       const struct ip *ip)
{
    const struct named_list *found =
        list_set_find(rules->lists, slice_from_string(list));

    return found != NULL &&
           (list_has_ip(&found->own, ip) || list_has_ip(&found->preset, ip));
}

bool rules_list_is_empty(const struct rules *rules, const char *list)
{
    const struct named_list *found =
        list_set_find(rules->lists, slice_from_string(list));

    return found == NULL ||
           (list_is_empty(&found->own) && list_is_empty(&found->preset));
}
