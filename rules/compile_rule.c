#include "rules/compile.h"

#include <stddef.h>
#include <stdio.h>

#include "rules/check.h"

/* ---- rules ---- */

static void parse_about(struct compiler *c, struct lex_cursor *cursor,
                        struct draft *draft)
{
    lex_skip(cursor);
    draft->rule.about = compiler_keep(c, lex_rest(cursor, false));
}

static bool is_class_name(struct slice word)
{
    for (size_t i = 0; i < word.len; i++)
        if (!(word.ptr[i] >= 'a' && word.ptr[i] <= 'z') &&
            !byte_is_digit(word.ptr[i]) && word.ptr[i] != '-')
            return false;
    return word.len <= NAME_MAX_BYTES;
}

/* The word of a class or kind line. */
static struct slice parse_result(struct compiler *c, struct lex_cursor *cursor,
                                 const char *what, struct lex_place *place_r)
{
    struct slice word;
    char why[80];

    lex_skip(cursor);
    *place_r = lex_place(cursor);
    word = lex_word(cursor, "");
    snprintf(why, sizeof(why),
             "%s names are lower case: 1 to 64 of a-z, 0-9 and '-'", what);
    if (word.len == 0)
        compiler_error(c, *place_r, why, "here the name of a %s is missing",
                       what);
    else if (!is_class_name(word))
        compiler_error(c, *place_r, why, "'%s' is no name of a %s",
                       lex_show(word).text, what);
    return word;
}

static void parse_class(struct compiler *c, struct lex_cursor *cursor,
                        struct draft *draft)
{
    static const char *const taken[] = {"quarantined", "lost", "damaged",
                                        "orphan", "unclassified"};
    struct lex_place place;
    struct slice word = parse_result(c, cursor, "class", &place);

    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        if (is_word(word, taken[i]))
            compiler_error(c, place,
                           "it is given by the kind of file, or to "
                           "what no rule matches",
                           "no rule can give class '%s'", taken[i]);
    draft->rule.class = compiler_keep(c, word);
}

static void parse_kind(struct compiler *c, struct lex_cursor *cursor,
                       struct draft *draft)
{
    struct lex_place place;

    draft->rule.class =
        compiler_keep(c, parse_result(c, cursor, "kind", &place));
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
    compiler_expect_end(c, cursor);
    return true;
}

static void count_pending(struct rules *set, struct rule *rule,
                          struct rule_line *line)
{
    uint32_t later_count = 0;

    for (uint32_t i = 0; i < line->use_count; i++)
        later_count +=
            set->conditions[set->uses[line->first_use + i]].may_be_later;
    line->may_be_later = later_count > 0;
    /* In bits until the rule is finished: one each, and for an any line one
     * that says whether another of it was undecided. */
    rule->pending_bytes +=
        later_count + (later_count > 0 && line->word == LINE_ANY);
}

/* Few of many lines may be late: each knows the next. */
static void link_later(const struct rules *set, struct rule *rule)
{
    uint32_t *link = &rule->first_later;

    for (uint32_t i = 0; i < rule->line_count; i++) {
        struct rule_line *line = &set->lines[rule->first_line + i];

        if (!line->may_be_later)
            continue;
        *link = i;
        link = &line->next_later;
    }
    *link = rule->line_count;
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
    count_pending(set, &draft->rule, &line);
    lines[set->line_count++] = line;
    draft->rule.line_count++;
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

    sample_parse(&sample, c->set->lists, SCOPE_MESSAGE, text, note_sample, &at);
    sample_free(&sample);
}

static void validate_line(struct compiler *c, const struct lex_line *line,
                          size_t offset, struct slice text)
{
    struct logline ignored;

    if (logline_parse(text, NULL, &ignored) != LOGLINE_OK)
        compiler_error(c, lex_place_at(line, offset),
                       "a sample of an event is a whole line of a maillog",
                       "this is no line of sendmail: '%s'",
                       lex_show(text).text);
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
    text = slice_from_string(compiler_keep(c, lex_rest(cursor, true)));
    if (draft->scope == SCOPE_MESSAGE)
        validate_sample(c, cursor->line, offset, text);
    else if (draft->scope == SCOPE_EVENT)
        validate_line(c, cursor->line, offset, text);
    else
        logs_note_late(c, cursor, offset, text, true);
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
    if (!is_word(word, "message") && !is_word(word, "source"))
        compiler_error(c, place, "a rule is on message, or on source",
                       "'%s' is nothing a rule can judge", lex_show(word).text);
}

/* The lines of a stanza, with the mark of those that stand once. */
static const struct line_kind {
    const char *word;
    void (*parse)(struct compiler *c, struct lex_cursor *cursor,
                  struct draft *draft);
    unsigned scopes; /* which stanzas have it */
    bool stands_once;
    size_t mark; /* offset of a bool in struct draft */
} line_kinds[] = {
#define ON_MESSAGE (1u << SCOPE_MESSAGE)
#define EVENT (1u << SCOPE_EVENT)
#define ON_SOURCE (1u << SCOPE_SOURCE)
#define RULES (ON_MESSAGE | ON_SOURCE)
#define ALL (RULES | EVENT)
#define MARK(name) true, offsetof(struct draft, name)
    {"when", parse_when, ALL, false, 0},
    {"any", parse_any, ALL, false, 0},
    {"unless", parse_unless, ALL, false, 0},
    {"hit", parse_hit, ALL, false, 0},
    {"miss", parse_miss, ALL, false, 0},
    {"about", parse_about, ALL, MARK(has_about)},
    {"on", parse_on, RULES, MARK(has_on)},
    {"class", parse_class, ON_MESSAGE, MARK(has_class)},
    {"purge", parse_purge, ON_MESSAGE, MARK(has_purge)},
    {"kind", parse_kind, ON_SOURCE, MARK(has_class)},
    {"count", logs_parse_count, ON_SOURCE, MARK(has_count)},
    {"line", logs_parse_line, EVENT, MARK(has_line)},
};

static const char *stanza_text(enum rules_scope scope)
{
    static const char *const texts[SCOPE_COUNT] = {
        "a rule on message", "an event", "a rule on source"};

    return texts[scope];
}

static void unknown_line(struct compiler *c, struct lex_place place,
                         struct slice word)
{
    static const char *const lines[SCOPE_COUNT] = {
        "a rule has about, on, class, purge, when, any, unless, hit, miss",
        "an event has about, line, when, any, unless, hit, miss",
        ("a rule on source has about, on, kind, count, when, any, unless, hit, "
         "miss")};

    for (size_t i = 0; i < sizeof(line_kinds) / sizeof(line_kinds[0]); i++)
        if (is_word(word, line_kinds[i].word)) {
            compiler_error(c, place, lines[c->scope], "'%s' in %s",
                           line_kinds[i].word, stanza_text(c->scope));
            return;
        }
    compiler_error(c, place, lines[c->scope], "unknown line '%s'",
                   lex_show(word).text);
}

static void parse_known_line(struct compiler *c, const struct line_kind *kind,
                             struct lex_place place, struct lex_cursor *cursor,
                             struct draft *draft)
{
    size_t problem_count = c->problem_count;

    if (kind->stands_once) {
        bool *mark = (bool *)((char *)draft + kind->mark);

        if (*mark) {
            compiler_error(c, place,
                           draft->scope == SCOPE_EVENT
                               ? "an event has one such line"
                               : "a rule has one such line",
                           "a second '%s' line", kind->word);
            return;
        }
        *mark = true;
    }
    kind->parse(c, cursor, draft);
    if (c->problem_count == problem_count)
        compiler_expect_end(c, cursor);
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
        if (is_word(word, line_kinds[i].word) &&
            (line_kinds[i].scopes & 1u << draft->scope) != 0) {
            parse_known_line(c, &line_kinds[i], place, &cursor, draft);
            return;
        }
    unknown_line(c, place, word);
}

static void warn_of_samples(struct compiler *c, const struct draft *draft)
{
    static const char *const nouns[SCOPE_COUNT] = {"message", "line",
                                                   "behaviour"};
    const char *noun = nouns[draft->scope];
    const char *word = draft->scope == SCOPE_EVENT ? "event" : "rule";
    const char *name = draft->rule.name;
    char why[100];

    if (draft->has_hit && draft->has_miss)
        return;
    snprintf(why, sizeof(why),
             draft->has_hit ? "add a miss sample: a %s that it must not match"
             : draft->has_miss ? "add a hit sample: a %s that it must match"
                               : "add samples: a hit is a %s that it must "
                                 "match, a miss one that it must not",
             noun);
    compiler_warning(c, draft->place, why, "%s '%s' has no %s", word, name,
                     draft->has_hit    ? "miss"
                     : draft->has_miss ? "hit"
                                       : "hit and no miss");
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
    if (!draft->has_condition)
        compiler_warning(c, place, "every message matches it",
                         "rule '%s' has no condition", name);
}

const struct rule *rule_find(const struct rules *set, const char *name)
{
    for (size_t i = 0; i < set->rule_count; i++)
        if (strcmp(set->rules[i].name, name) == 0)
            return &set->rules[i];
    for (size_t i = 0; i < set->source_rule_count; i++)
        if (strcmp(set->source_rules[i].rule.name, name) == 0)
            return &set->source_rules[i].rule;
    return NULL;
}

static void refuse_twin(struct compiler *c, const struct draft *draft)
{
    const struct rule *twin = rule_find(c->set, draft->rule.name);

    if (twin != NULL)
        compiler_error(c, draft->place, "two rules of one name",
                       "rule '%s' stands at %s:%u already", twin->name,
                       c->files[twin->place.file].name, twin->place.line);
}

static void add_rule(struct compiler *c, struct draft *draft)
{
    struct rules *set = c->set;
    struct rule *rules;

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
    link_later(set, &draft->rule);
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

/* What the lines of a stanza mean hangs on one of them. */
static enum rules_scope scope_of(const struct compiler *c, size_t first,
                                 size_t end, bool is_event)
{
    if (is_event)
        return SCOPE_EVENT;
    for (size_t i = first + 1; i < end; i++)
        if (is_on_source(&c->lines[i]))
            return SCOPE_SOURCE;
    return SCOPE_MESSAGE;
}

static void add_stanza(struct compiler *c, struct draft *draft)
{
    warn_of_samples(c, draft);
    switch (draft->scope) {
    case SCOPE_MESSAGE:
        complete_rule(c, draft);
        refuse_twin(c, draft);
        add_rule(c, draft);
        break;
    case SCOPE_SOURCE:
        refuse_twin(c, draft);
        link_later(c->set, &draft->rule);
        logs_add_source_rule(c, draft);
        break;
    default:
        logs_add_event(c, draft);
    }
}

void rule_parse(struct compiler *c, size_t first, size_t end, bool is_event)
{
    struct rules *set = c->set;
    struct draft draft = {
        .scope = scope_of(c, first, end, is_event),
        .rule = {.class = "",
                 .about = "",
                 .first_line = (uint32_t)set->line_count,
                 .first_sample = (uint32_t)set->sample_count}};
    struct slice name = stanza_name(c, &c->lines[first], &draft.place);

    c->scope = draft.scope;
    draft.rule.place = draft.place;
    for (size_t i = first + 1; i < end && !c->no_memory; i++)
        parse_rule_line(c, &c->lines[i], &draft);
    c->scope = SCOPE_MESSAGE;
    if (slice_is_absent(name))
        return;
    draft.rule.name = compiler_keep(c, name);
    add_stanza(c, &draft);
}

void rule_parse_where(struct compiler *c)
{
    struct draft draft = {.rule = {.name = "where", .class = "", .about = ""}};
    struct lex_cursor cursor = lex_begin(&c->lines[0]);

    lex_skip(&cursor);
    draft.rule.place = draft.place = lex_place(&cursor);
    parse_condition_line(c, &cursor, LINE_ANY, &draft);
    add_rule(c, &draft);
}
