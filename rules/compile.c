#include "rules/compile.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "rules/check.h"
#include "rules/fields.h"

enum {
    FILE_MAX_BYTES = 64 * 1024 * 1024,
    NAME_MAX_BYTES = 64,
};

static const char *const builtin_lists[] = {"our-domains", "our-hosts",
                                            "friends"};

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
    size_t wanted = *capacity == 0 ? 16 : *capacity * 2;

    if (count < *capacity)
        return array;
    array = realloc(array, wanted * item_bytes);
    if (array == NULL)
        c->no_memory = true;
    else
        *capacity = wanted;
    return array;
}

/* ---- lists ---- */

struct named_list *list_set_find(const struct list_set *set, struct slice name)
{
    for (size_t i = 0; i < set->count; i++)
        if (slice_equal(set->lists[i].name, name))
            return &set->lists[i];
    return NULL;
}

void list_set_release(struct list_set *set)
{
    if (set == NULL || atomic_fetch_sub(&set->user_count, 1) > 1)
        return;
    for (size_t i = 0; i < set->count; i++) {
        list_free(&set->lists[i].own);
        list_free(&set->lists[i].preset);
    }
    free(set->lists);
    pool_free(&set->pool);
    free(set);
}

static struct named_list *new_list(struct compiler *c, struct slice name)
{
    struct list_set *set = c->set->lists;
    struct named_list *lists = compiler_grow(c, set->lists, set->count,
                                             &set->capacity, sizeof(*lists));
    struct slice copy;

    if (lists == NULL)
        return NULL;
    set->lists = lists;
    copy = pool_copy(&set->pool, name);
    if (slice_is_absent(copy)) {
        c->no_memory = true;
        return NULL;
    }
    lists[set->count] = (struct named_list){.name = copy, .kind = LIST_PLAIN};
    return &lists[set->count++];
}

static struct list_set *new_list_set(struct compiler *c)
{
    c->set->lists = calloc(1, sizeof(*c->set->lists));
    if (c->set->lists == NULL)
        return NULL;
    atomic_init(&c->set->lists->user_count, 1);
    for (size_t i = 0; i < sizeof(builtin_lists) / sizeof(char *); i++) {
        struct named_list *list =
            new_list(c, slice_from_string(builtin_lists[i]));

        if (list == NULL)
            return NULL;
        list->is_builtin = true;
        list->kind = i == 0 ? LIST_DOMAIN : LIST_HOST;
    }
    return c->set->lists;
}

static void add_presets(struct compiler *c, const struct rules_preset *presets,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct named_list *list =
            list_set_find(c->set->lists, slice_from_string(presets[i].list));
        struct slice value = slice_trim(slice_from_string(presets[i].value));

        assert(list != NULL && list->is_builtin);
        if (value.len > 0 &&
            list_add(&list->preset, value, list->kind) == LIST_NO_MEMORY)
            c->no_memory = true;
    }
}

/* What is wrong with an entry; NULL when nothing is. */
static const char *entry_mistake(struct compiler *c, enum list_outcome outcome)
{
    switch (outcome) {
    case LIST_OK:
        break;
    case LIST_TOO_LONG:
        return "a value has at most 1000 bytes, a list 4000000 values";
    case LIST_BAD_NET:
        return "bits beyond the prefix of a network must be 0";
    case LIST_NO_MEMORY:
        c->no_memory = true;
        break;
    }
    return NULL;
}

static void parse_list_values(struct compiler *c, struct lex_cursor *cursor,
                              struct named_list *list)
{
    do {
        struct lex_place place;
        struct slice value;
        const char *why;
        bool is_more = lex_skip(cursor);

        place = lex_place(cursor);
        if (is_more && lex_peek(cursor) == '"') {
            if (!lex_quoted(cursor, &c->scratch, &value)) {
                compiler_error(c, place, "a value begun with \" must be closed",
                               "the value does not end on this line");
                lex_rest(cursor, true);
                return;
            }
        } else {
            value = lex_word(cursor, ",");
        }
        if (value.len == 0)
            compiler_error(c, place, "values are written value a, b",
                           "here a value is missing");
        else if ((why = entry_mistake(
                      c, list_add(&list->own, value, list->kind))) != NULL)
            compiler_error(c, place, why, "'%s' cannot be in a list",
                           lex_show(value).text);
        lex_skip(cursor);
        if (lex_peek(cursor) != ',')
            return;
        cursor->at++;
    } while (!c->no_memory);
}

static struct slice without_comment(struct slice line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] == '#' && (i == 0 || byte_is_blank(line.ptr[i - 1])))
            line.len = i;
    return slice_trim(line);
}

/* The lines of a file that a list names: one value each. */
static void add_lines(struct compiler *c, struct lex_place place,
                      struct named_list *list, const char *path,
                      struct slice text, enum list_entry kind)
{
    struct slice line;

    for (unsigned number = 1; !c->no_memory && slice_next_line(&text, &line);
         number++) {
        const char *why = NULL;

        line = without_comment(line);
        if (line.len > 0)
            why = entry_mistake(c, list_add(&list->own, line, kind));
        if (why != NULL)
            compiler_error(c, place, why, "%s:%u: '%s' cannot be in a list",
                           lex_show(slice_from_string(path)).text, number,
                           lex_show(line).text);
    }
}

static void read_list_file(struct compiler *c, struct lex_place place,
                           struct named_list *list, struct slice path,
                           enum list_entry kind, bool may_be_missing)
{
    struct slice name = pool_copy(&c->scratch, path);
    char *text = NULL;
    size_t len = 0;
    int error;

    if (slice_is_absent(name)) {
        c->no_memory = true;
        return;
    }
    error = c->read_file == NULL
                ? ENOENT
                : c->read_file(c->context, name.ptr, &text, &len);
    if (error == ENOENT && may_be_missing)
        compiler_warning(c, place, "the list is shorter by it", "no file '%s'",
                         lex_show(name).text);
    else if (error != 0)
        compiler_error(c, place, strerror(error), "cannot read '%s'",
                       lex_show(name).text);
    else
        add_lines(c, place, list, name.ptr, slice_make(text, len), kind);
    free(text);
}

static void parse_list_file(struct compiler *c, struct lex_cursor *cursor,
                            struct slice word, struct named_list *list)
{
    enum list_entry kind = list->kind;
    struct lex_place place;
    struct slice path;

    if (slice_equal(word, SLICE_LITERAL("domains")))
        kind = LIST_DOMAIN;
    if (lex_skip(cursor) && lex_peek(cursor) == '"') {
        place = lex_place(cursor);
        if (!lex_quoted(cursor, &c->scratch, &path))
            path = SLICE_LITERAL("");
    } else {
        place = lex_place(cursor);
        path = lex_rest(cursor, false);
    }
    if (path.len == 0 || memchr(path.ptr, '\0', path.len) != NULL)
        compiler_error(c, place, "the word is followed by a path",
                       "here the path of a file is missing");
    else
        read_list_file(c, place, list, path, kind,
                       word.ptr[word.len - 1] == '?');
}

static bool is_word(struct slice word, const char *text)
{
    return slice_equal(word, slice_from_string(text));
}

static void expect_end(struct compiler *c, struct lex_cursor *cursor)
{
    if (!lex_skip(cursor))
        return;
    struct lex_place place = lex_place(cursor);
    compiler_error(c, place, "the line is complete before it",
                   "unexpected '%s'", lex_show(lex_rest(cursor, true)).text);
}

static void parse_list_line(struct compiler *c, const struct lex_line *line,
                            struct named_list *list)
{
    struct lex_cursor cursor = lex_begin(line);
    struct lex_place place;
    struct slice word;

    lex_skip(&cursor);
    place = lex_place(&cursor);
    word = lex_word(&cursor, "");
    if (is_word(word, "value"))
        parse_list_values(c, &cursor, list);
    else if (is_word(word, "file") || is_word(word, "file?") ||
             is_word(word, "domains"))
        parse_list_file(c, &cursor, word, list);
    else if (is_word(word, "about"))
        lex_rest(&cursor, true);
    else {
        compiler_error(c, place,
                       "a list has about, value, file, file?, domains",
                       "unknown line '%s'", lex_show(word).text);
        return;
    }
    expect_end(c, &cursor);
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

/* Name of a stanza; absent after a complaint. */
static struct slice parse_stanza_name(struct compiler *c,
                                      const struct lex_line *line,
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
    expect_end(c, &cursor);
    return name;
}

static void parse_list(struct compiler *c, size_t first, size_t end)
{
    struct lex_place place;
    struct slice name = parse_stanza_name(c, &c->lines[first], &place);
    struct named_list *list;

    if (slice_is_absent(name))
        return;
    list = list_set_find(c->set->lists, name);
    if (list == NULL)
        list = new_list(c, name);
    if (list == NULL)
        return;
    if (list->is_declared)
        compiler_error(c, place, "two lists of one name",
                       "list '%s' stands at %s:%u already", list->name.ptr,
                       c->files[list->place.file].name, list->place.line);
    else
        list->place = place;
    list->is_declared = true;
    for (size_t i = first + 1; i < end && !c->no_memory; i++)
        parse_list_line(c, &c->lines[i], list);
}

/* ---- rules ---- */

/* What a rule has said so far. */
struct draft {
    struct rule rule;
    struct slice name;
    struct lex_place place; /* of its name */
    bool has_about, has_on, has_class, has_purge;
    bool has_hit, has_miss, has_condition;
    bool has_own_origin; /* "when origin is local-dsn" */
    bool is_foreign;     /* "purge yes, foreign" */
    struct lex_place purge_place;
};

static const char *keep(struct compiler *c, struct slice text)
{
    struct slice copy = pool_copy(&c->set->pool, text);

    if (slice_is_absent(copy)) {
        c->no_memory = true;
        return "";
    }
    return copy.ptr;
}

static void parse_about(struct compiler *c, struct lex_cursor *cursor,
                        struct draft *draft)
{
    lex_skip(cursor);
    draft->rule.about = keep(c, lex_rest(cursor, false));
}

static bool is_class_name(struct slice word)
{
    for (size_t i = 0; i < word.len; i++)
        if (!(word.ptr[i] >= 'a' && word.ptr[i] <= 'z') &&
            !byte_is_digit(word.ptr[i]) && word.ptr[i] != '-')
            return false;
    return word.len <= NAME_MAX_BYTES;
}

static void parse_class(struct compiler *c, struct lex_cursor *cursor,
                        struct draft *draft)
{
    static const char *const taken[] = {"quarantined", "lost", "damaged",
                                        "orphan", "unclassified"};
    static const char class_names[] =
        "class names are lower case: 1 to 64 of a-z, 0-9 and '-'";
    struct lex_place place;
    struct slice word;

    lex_skip(cursor);
    place = lex_place(cursor);
    word = lex_word(cursor, "");
    if (word.len == 0)
        compiler_error(c, place, class_names,
                       "here the name of a class is missing");
    else if (!is_class_name(word))
        compiler_error(c, place, class_names, "'%s' is no name of a class",
                       lex_show(word).text);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        if (is_word(word, taken[i]))
            compiler_error(c, place,
                           "it is given by the kind of file, or to "
                           "what no rule matches",
                           "no rule can give class '%s'", taken[i]);
    draft->rule.class = keep(c, word);
}

static void parse_purge(struct compiler *c, struct lex_cursor *cursor,
                        struct draft *draft)
{
    struct slice word;

    lex_skip(cursor);
    draft->purge_place = lex_place(cursor);
    word = lex_word(cursor, ",");
    draft->rule.purges = is_word(word, "yes");
    if (!draft->rule.purges && !is_word(word, "no")) {
        compiler_error(c, draft->purge_place,
                       "it is yes, or yes, foreign, or no",
                       "'%s' says nothing about purging", lex_show(word).text);
        return;
    }
    lex_skip(cursor);
    if (!draft->rule.purges || lex_peek(cursor) != ',')
        return;
    cursor->at++;
    lex_skip(cursor);
    size_t before = cursor->at;
    draft->is_foreign = is_word(lex_word(cursor, ""), "foreign");
    if (!draft->is_foreign)
        cursor->at = before;
}

static bool add_use(struct compiler *c, struct rule_line *line, uint16_t index)
{
    struct rules *set = c->set;
    uint16_t *uses = compiler_grow(c, set->uses, set->use_count,
                                   &set->use_capacity, sizeof(*uses));

    if (uses == NULL)
        return false;
    set->uses = uses;
    uses[set->use_count++] = index;
    line->use_count++;
    return true;
}

/* The conditions of one line, separated by '|' where the line is an any. */
static bool parse_conditions(struct compiler *c, struct lex_cursor *cursor,
                             struct rule_line *line)
{
    do {
        uint16_t index = condition_parse(c, cursor, line->word == LINE_UNLESS);

        if (index == NO_CONDITION || !add_use(c, line, index))
            return false;
        if (!lex_skip(cursor) || lex_peek(cursor) != '|')
            break;
        if (line->word != LINE_ANY) {
            compiler_error(c, lex_place(cursor),
                           "it separates the conditions of an any line",
                           "'|' does not go with %s",
                           line->word == LINE_WHEN ? "when" : "unless");
            return false;
        }
        cursor->at++;
    } while (true);
    expect_end(c, cursor);
    return true;
}

static void count_pending(struct rules *set, struct rule *rule,
                          const struct rule_line *line)
{
    uint32_t later_count = 0;

    for (uint32_t i = 0; i < line->use_count; i++)
        later_count +=
            set->conditions[set->uses[line->first_use + i]].may_be_later;
    /* In bits until the rule is finished: one each, and for an any line one
     * that says whether another of it was undecided. */
    rule->pending_bytes +=
        later_count + (later_count > 0 && line->word == LINE_ANY);
}

static bool is_own_origin(const struct rules *set, const struct rule_line *line)
{
    const struct condition *condition =
        &set->conditions[set->uses[line->first_use]];

    return line->word == LINE_WHEN && condition->field == FIELD_ORIGIN &&
           condition->op == OP_IS &&
           slice_equal(condition->value, SLICE_LITERAL("local-dsn"));
}

static void parse_condition_line(struct compiler *c, struct lex_cursor *cursor,
                                 enum line_word word, struct draft *draft)
{
    struct rules *set = c->set;
    struct rule_line *lines = compiler_grow(
        c, set->lines, set->line_count, &set->line_capacity, sizeof(*lines));
    struct rule_line line = {.word = word,
                             .line = cursor->line->line,
                             .first_use = (uint32_t)set->use_count};

    draft->has_condition = true;
    if (lines == NULL)
        return;
    set->lines = lines;
    if (!parse_conditions(c, cursor, &line))
        return;
    lines[set->line_count++] = line;
    draft->rule.line_count++;
    count_pending(set, &draft->rule, &line);
    if (is_own_origin(set, &line))
        draft->has_own_origin = true;
}

static void parse_when(struct compiler *c, struct lex_cursor *cursor,
                       struct draft *draft)
{
    parse_condition_line(c, cursor, LINE_WHEN, draft);
}

static void parse_any(struct compiler *c, struct lex_cursor *cursor,
                      struct draft *draft)
{
    parse_condition_line(c, cursor, LINE_ANY, draft);
}

static void parse_unless(struct compiler *c, struct lex_cursor *cursor,
                         struct draft *draft)
{
    parse_condition_line(c, cursor, LINE_UNLESS, draft);
}

struct sample_place {
    struct compiler *compiler;
    const struct lex_line *line;
    size_t offset; /* of the sample in its line */
};

static void note_sample(void *context, const struct sample_error *error)
{
    const struct sample_place *at = context;

    compiler_error(at->compiler,
                   lex_place_at(at->line, at->offset + error->offset),
                   error->why, "%s", error->what);
}

/* A sample is read when it is run; here only to find its mistakes. */
static void validate_sample(struct compiler *c, const struct lex_line *line,
                            size_t offset, struct slice text)
{
    struct sample_place at = {c, line, offset};
    struct sample sample;

    sample_parse(&sample, c->set->lists, text, note_sample, &at);
    sample_free(&sample);
}

static void add_sample(struct compiler *c, struct lex_cursor *cursor,
                       bool is_hit, struct draft *draft)
{
    struct rules *set = c->set;
    struct rule_sample *samples =
        compiler_grow(c, set->samples, set->sample_count, &set->sample_capacity,
                      sizeof(*samples));
    struct lex_place place = lex_place_at(cursor->line, 0);
    struct slice text;
    size_t offset;

    if (samples == NULL)
        return;
    set->samples = samples;
    while (byte_is_blank(lex_peek(cursor)))
        cursor->at++;
    offset = cursor->at;
    text = slice_from_string(keep(c, lex_rest(cursor, true)));
    validate_sample(c, cursor->line, offset, text);
    samples[set->sample_count++] = (struct rule_sample){text, place, is_hit};
    draft->rule.sample_count++;
}

static void parse_hit(struct compiler *c, struct lex_cursor *cursor,
                      struct draft *draft)
{
    draft->has_hit = true;
    add_sample(c, cursor, true, draft);
}

static void parse_miss(struct compiler *c, struct lex_cursor *cursor,
                       struct draft *draft)
{
    draft->has_miss = true;
    add_sample(c, cursor, false, draft);
}

static void parse_on(struct compiler *c, struct lex_cursor *cursor,
                     struct draft *draft)
{
    struct lex_place place;
    struct slice word;

    (void)draft;
    lex_skip(cursor);
    place = lex_place(cursor);
    word = lex_word(cursor, "");
    if (!is_word(word, "message"))
        compiler_error(c, place, "a rule is on message",
                       "'%s' is nothing a rule can judge", lex_show(word).text);
}

static void unknown_line(struct compiler *c, struct lex_place place,
                         struct slice word)
{
    static const char *const of_logs[] = {"kind", "count", "line"};

    for (size_t i = 0; i < sizeof(of_logs) / sizeof(of_logs[0]); i++)
        if (is_word(word, of_logs[i])) {
            compiler_error(c, place, "it judges maillogs",
                           "'%s' in a rule on message", of_logs[i]);
            return;
        }
    compiler_error(c, place,
                   "a rule has about, on, class, purge, when, any, "
                   "unless, hit, miss",
                   "unknown line '%s'", lex_show(word).text);
}

/* The lines of a rule, with the mark of those that stand once. */
static const struct line_kind {
    const char *word;
    void (*parse)(struct compiler *c, struct lex_cursor *cursor,
                  struct draft *draft);
    bool stands_once;
    size_t mark; /* offset of a bool in struct draft */
} line_kinds[] = {
    {"when", parse_when, false, 0},
    {"any", parse_any, false, 0},
    {"unless", parse_unless, false, 0},
    {"hit", parse_hit, false, 0},
    {"miss", parse_miss, false, 0},
    {"about", parse_about, true, offsetof(struct draft, has_about)},
    {"on", parse_on, true, offsetof(struct draft, has_on)},
    {"class", parse_class, true, offsetof(struct draft, has_class)},
    {"purge", parse_purge, true, offsetof(struct draft, has_purge)},
};

static void parse_known_line(struct compiler *c, const struct line_kind *kind,
                             struct lex_place place, struct lex_cursor *cursor,
                             struct draft *draft)
{
    size_t problem_count = c->problem_count;

    if (kind->stands_once) {
        bool *mark = (bool *)((char *)draft + kind->mark);

        if (*mark) {
            compiler_error(c, place, "a rule has one such line",
                           "a second '%s' line", kind->word);
            return;
        }
        *mark = true;
    }
    kind->parse(c, cursor, draft);
    if (c->problem_count == problem_count)
        expect_end(c, cursor);
}

static void parse_rule_line(struct compiler *c, const struct lex_line *line,
                            struct draft *draft)
{
    struct lex_cursor cursor = lex_begin(line);
    struct lex_place place;
    struct slice word;

    lex_skip(&cursor);
    place = lex_place(&cursor);
    word = lex_word(&cursor, "");
    for (size_t i = 0; i < sizeof(line_kinds) / sizeof(line_kinds[0]); i++)
        if (is_word(word, line_kinds[i].word)) {
            parse_known_line(c, &line_kinds[i], place, &cursor, draft);
            return;
        }
    unknown_line(c, place, word);
}

/* What only the whole rule can tell. */
static void complete_rule(struct compiler *c, const struct draft *draft)
{
    struct lex_place place = draft->place;
    const char *name = draft->rule.name;

    if (!draft->has_on)
        compiler_error(c, place, "say: on message",
                       "rule '%s' has no 'on' line", name);
    if (!draft->has_class)
        compiler_error(c, place, "every rule gives a class",
                       "rule '%s' has no 'class' line", name);
    if (draft->rule.purges && !draft->is_foreign && !draft->has_own_origin)
        compiler_error(c, draft->purge_place,
                       "it takes 'when origin is local-dsn', or 'purge yes, "
                       "foreign'",
                       "rule '%s' would purge mail that is not our own", name);
    if (!draft->has_hit && !draft->has_miss)
        compiler_warning(c, place,
                         "add samples: a hit is a message that it must match, "
                         "a miss one that it must not",
                         "rule '%s' has no hit and no miss", name);
    else if (!draft->has_hit)
        compiler_warning(c, place,
                         "add a hit sample: a message that it must match",
                         "rule '%s' has no hit", name);
    else if (!draft->has_miss)
        compiler_warning(c, place,
                         "add a miss sample: a message that it must not match",
                         "rule '%s' has no miss", name);
    if (!draft->has_condition)
        compiler_warning(c, place, "every message matches it",
                         "rule '%s' has no condition", name);
}

static const struct rule *find_rule(const struct rules *set, const char *name)
{
    for (size_t i = 0; i < set->rule_count; i++)
        if (strcmp(set->rules[i].name, name) == 0)
            return &set->rules[i];
    return NULL;
}

static void add_rule(struct compiler *c, struct draft *draft)
{
    struct rules *set = c->set;
    const struct rule *twin = find_rule(set, draft->rule.name);
    struct rule *rules;

    if (twin != NULL)
        compiler_error(c, draft->place, "two rules of one name",
                       "rule '%s' stands at %s:%u already", twin->name,
                       c->files[twin->place.file].name, twin->place.line);
    if (set->rule_count == RULES_MAX) {
        compiler_error(c, draft->place, "a set has at most 4096",
                       "too many rules");
        return;
    }
    rules = compiler_grow(c, set->rules, set->rule_count, &set->rule_capacity,
                          sizeof(*rules));
    if (rules == NULL)
        return;
    set->rules = rules;
    /* One bit more: whether another line was undecided. */
    draft->rule.pending_bytes = (draft->rule.pending_bytes + 1 + 7) / 8;
    rules[set->rule_count++] = draft->rule;
}

static bool is_on_source(const struct lex_line *line)
{
    struct lex_cursor cursor = lex_begin(line);

    lex_skip(&cursor);
    if (!is_word(lex_word(&cursor, ""), "on"))
        return false;
    lex_skip(&cursor);
    return is_word(lex_word(&cursor, ""), "source");
}

/* Rules on source have a grammar of their own: one complaint, not ten. */
static bool refuse_log_rule(struct compiler *c, size_t first, size_t end)
{
    struct lex_cursor cursor = lex_begin(&c->lines[first]);

    for (size_t i = first + 1; i < end; i++) {
        if (!is_on_source(&c->lines[i]))
            continue;
        lex_skip(&cursor);
        compiler_error(c, lex_place(&cursor),
                       "take it out of the files that are loaded",
                       "rules on source judge maillogs, which this version "
                       "does not read yet");
        return true;
    }
    return false;
}

static void parse_rule(struct compiler *c, size_t first, size_t end)
{
    struct rules *set = c->set;
    struct draft draft = {
        .rule = {.class = "",
                 .about = "",
                 .first_line = (uint32_t)set->line_count,
                 .first_sample = (uint32_t)set->sample_count}};
    struct slice name;

    if (refuse_log_rule(c, first, end))
        return;
    name = parse_stanza_name(c, &c->lines[first], &draft.place);
    draft.rule.place = draft.place;
    for (size_t i = first + 1; i < end && !c->no_memory; i++)
        parse_rule_line(c, &c->lines[i], &draft);
    if (slice_is_absent(name))
        return;
    draft.rule.name = keep(c, name);
    complete_rule(c, &draft);
    add_rule(c, &draft);
}

static void refuse_event(struct compiler *c, size_t first)
{
    struct lex_cursor cursor = lex_begin(&c->lines[first]);

    lex_skip(&cursor);
    compiler_error(c, lex_place(&cursor),
                   "take it out of the files that are loaded",
                   "event stanzas judge maillogs, which this version does "
                   "not read yet");
}

static void refuse_loose_line(struct compiler *c, const struct lex_line *line)
{
    struct lex_cursor cursor = lex_begin(line);

    lex_skip(&cursor);
    struct lex_place place = lex_place(&cursor);
    compiler_error(c, place, "a stanza begins with rule NAME or list NAME",
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
            parse_list(c, i, end);
        else if (!wants_lists && stanza == STANZA_RULE)
            parse_rule(c, i, end);
        else if (!wants_lists && stanza == STANZA_EVENT)
            refuse_event(c, i);
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
        names[i] = keep(c, slice_from_string(c->files[i].name));
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
    if (!compiler_init(c) || new_list_set(c) == NULL) {
        c->no_memory = true;
        return compiler_finish(c);
    }
    add_presets(c, presets, preset_count);
    for (unsigned i = 0; i < file_count; i++)
        if (is_plain_text(c, i))
            split_file(c, i);
    parse_stanzas(c, true);
    seal_lists(c->set->lists);
    parse_stanzas(c, false);
    return compiler_finish(c);
}

static void parse_where(struct compiler *c)
{
    struct draft draft = {.rule = {.name = "where", .class = "", .about = ""}};
    struct lex_cursor cursor;

    if (!is_plain_text(c, 0))
        return;
    split_file(c, 0);
    if (c->no_memory)
        return;
    if (c->line_count != 1) {
        compiler_error(c, (struct lex_place){0, 1, 0},
                       "a condition is FIELD OPERATOR VALUE",
                       c->line_count == 0 ? "the condition is empty"
                                          : "the condition has several lines");
        return;
    }
    cursor = lex_begin(&c->lines[0]);
    lex_skip(&cursor);
    draft.rule.place = draft.place = lex_place(&cursor);
    parse_condition_line(c, &cursor, LINE_ANY, &draft);
    add_rule(c, &draft);
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

bool rules_list_has(const struct rules *rules, const char *list,
                    struct slice text)
{
    const struct named_list *found =
        list_set_find(rules->lists, slice_from_string(list));

    return found != NULL && (list_has(&found->own, text, true) ||
                             list_has(&found->preset, text, true));
}

bool rules_list_is_empty(const struct rules *rules, const char *list)
{
    const struct named_list *found =
        list_set_find(rules->lists, slice_from_string(list));

    return found == NULL ||
           (list_is_empty(&found->own) && list_is_empty(&found->preset));
}
