#include "rules/compile.h"

#include <assert.h>

#include "rules/check_logs.h"
#include "rules/fields.h"

enum {
    COUNT_MAX = 10000, /* a window holds as many */
    WINDOW_MAX_SEC = 366 * 86400,
};

/* ---- events ---- */

/* The next of "a, b"; absent at the end or after a complaint. */
static struct slice next_of_list(struct compiler *c, struct lex_cursor *cursor,
                                 bool *is_first, const char *what)
{
    struct slice word;

    lex_skip(cursor);
    if (!*is_first) {
        if (lex_peek(cursor) != ',')
            return (struct slice){NULL, 0};
        cursor->at++;
        lex_skip(cursor);
    }
    *is_first = false;
    word = lex_name(cursor);
    if (word.len > 0)
        return word;
    compiler_error(c, lex_place(cursor), "they are written a, b",
                   "here the name of %s is missing", what);
    return (struct slice){NULL, 0};
}

void logs_parse_line(struct compiler *c, struct lex_cursor *cursor,
                     struct draft *draft)
{
    bool is_first = true;
    struct slice word;

    while (!slice_is_absent(
        word = next_of_list(c, cursor, &is_first, "a shape"))) {
        enum logline_shape shape;

        if (logline_shape_find(word, &shape)) {
            draft->shapes |= 1u << shape;
            continue;
        }
        cursor->at -= word.len;
        compiler_error(c, lex_place(cursor),
                       "shapes are from, to, reply, ruleset, peer, lost, auth, "
                       "milter, dsn, other",
                       "unknown shape '%s'", lex_show(word).text);
        return;
    }
}

static void complete_event(struct compiler *c, const struct draft *draft)
{
    const char *name = draft->rule.name;
    size_t twin = rules_event_find(c->set, name);

    if (twin < c->set->event_count)
        compiler_error(c, draft->place, "two events of one name",
                       "event '%s' stands at %s:%u already", name,
                       c->files[c->set->events[twin].rule.place.file].name,
                       c->set->events[twin].rule.place.line);
    if (!draft->has_line)
        compiler_error(c, draft->place, "say which lines: line to, reply",
                       "event '%s' has no 'line' line", name);
    if (!draft->has_condition)
        compiler_warning(c, draft->place, "every line of its shapes matches it",
                         "event '%s' has no condition", name);
}

void logs_add_event(struct compiler *c, struct draft *draft)
{
    struct rules *set = c->set;

    complete_event(c, draft);
    if (set->event_count == RULES_EVENTS_MAX)
        compiler_error(c, draft->place, "a set has at most 64",
                       "too many events");
    else
        set->events[set->event_count++] =
            (struct event){draft->rule, draft->shapes};
}

/* ---- count [distinct FIELD] of EVENT by KEY >= N in DURATION ---- */

static const char count_shape[] =
    "it is: count [distinct FIELD] of EVENT by "
    "source|source/BITS|domain|user|site >= N in DURATION";

static bool expect_word(struct compiler *c, struct lex_cursor *cursor,
                        const char *wanted)
{
    struct lex_place place;
    struct slice word;

    lex_skip(cursor);
    place = lex_place(cursor);
    word = lex_name(cursor);
    if (is_word(word, wanted))
        return true;
    compiler_error(c, place, count_shape, "here '%s' is missing", wanted);
    return false;
}

static bool parse_distinct(struct compiler *c, struct lex_cursor *cursor,
                           struct rules_source_rule *shown)
{
    static const char *const fields[WATCH_FIELD_COUNT] = {
        "recipient", "sender", "user", "source", "recipient.domain"};
    struct lex_cursor before = *cursor;
    struct lex_place place;
    struct slice word;

    lex_skip(cursor);
    if (!is_word(lex_name(cursor), "distinct")) {
        *cursor = before;
        return true;
    }
    lex_skip(cursor);
    place = lex_place(cursor);
    word = lex_name(cursor);
    for (unsigned i = 0; i < WATCH_FIELD_COUNT; i++)
        if (is_word(word, fields[i])) {
            shown->distinct = i + 1;
            return true;
        }
    compiler_error(
        c, place, "it counts recipient, sender, user, source, recipient.domain",
        "'%s' cannot be counted distinct", lex_show(word).text);
    return false;
}

static bool parse_counted(struct compiler *c, struct lex_cursor *cursor)
{
    size_t problem_count = c->problem_count;
    bool is_first = true;
    struct slice word;

    if (!expect_word(c, cursor, "of"))
        return false;
    while (
        !slice_is_absent(word = next_of_list(c, cursor, &is_first, "an event")))
        logs_note_late(c, cursor, cursor->at - word.len, word, false);
    return c->problem_count == problem_count;
}

static bool parse_bits(struct compiler *c, struct lex_cursor *cursor,
                       struct rules_source_rule *shown)
{
    struct lex_place place;
    struct slice word;
    int64_t bits;

    cursor->at++;
    place = lex_place(cursor);
    word = lex_word(cursor, ">");
    if (!slice_to_integer(word, &bits) || bits < 1 || bits > 128) {
        compiler_error(c, place,
                       "up to 32 for IPv4 addresses, 33 to 128 for IPv6",
                       "'%s' is no length of a prefix", lex_show(word).text);
        return false;
    }
    shown->by = COUNT_BY_NETWORK;
    shown->bits = (unsigned)bits;
    return true;
}

/* A key that is counted has one value for each key. */
static bool is_counted_itself(const struct rules_source_rule *shown)
{
    return (shown->by == COUNT_BY_SOURCE &&
            shown->distinct == WATCH_SOURCE + 1) ||
           (shown->by == COUNT_BY_DOMAIN &&
            shown->distinct == WATCH_DOMAIN + 1);
}

static bool parse_key(struct compiler *c, struct lex_cursor *cursor,
                      struct rules_source_rule *shown)
{
    struct lex_place place;
    struct slice word;

    if (!expect_word(c, cursor, "by"))
        return false;
    lex_skip(cursor);
    place = lex_place(cursor);
    word = lex_name(cursor);
    if (is_word(word, "domain"))
        shown->by = COUNT_BY_DOMAIN;
    else if (is_word(word, "user"))
        shown->by = COUNT_BY_USER;
    else if (is_word(word, "site"))
        shown->by = COUNT_BY_SITE;
    else if (is_word(word, "source"))
        shown->by = COUNT_BY_SOURCE;
    else {
        compiler_error(c, place, count_shape, "'%s' is nothing to count by",
                       lex_show(word).text);
        return false;
    }
    if (shown->by == COUNT_BY_SOURCE && lex_peek(cursor) == '/' &&
        !parse_bits(c, cursor, shown))
        return false;
    if ((shown->by == COUNT_BY_USER || shown->by == COUNT_BY_SITE) &&
        shown->distinct != WATCH_SOURCE + 1) {
        compiler_error(c, place, "it is count distinct source of EVENT by KEY",
                       "by %s nothing but sources is counted",
                       lex_show(word).text);
        return false;
    }
    if (!is_counted_itself(shown))
        return true;
    compiler_error(c, place, "each has one of it",
                   "what is counted distinct is what it is counted by");
    return false;
}

static bool parse_least(struct compiler *c, struct lex_cursor *cursor,
                        struct rules_source_rule *shown)
{
    struct lex_place place;
    struct slice word;
    int64_t number;

    lex_skip(cursor);
    place = lex_place(cursor);
    if (!slice_starts(slice_skip(cursor->line->text, cursor->at),
                      SLICE_LITERAL(">="))) {
        compiler_error(c, place, count_shape, "here '>=' is missing");
        return false;
    }
    cursor->at += 2;
    lex_skip(cursor);
    place = lex_place(cursor);
    word = lex_word(cursor, "");
    if (!slice_to_integer(word, &number) || number < 1 || number > COUNT_MAX) {
        compiler_error(c, place, "it is a number from 1 to 10000",
                       "'%s' is no count", lex_show(word).text);
        return false;
    }
    shown->at_least = (uint32_t)number;
    return true;
}

static bool parse_window(struct compiler *c, struct lex_cursor *cursor,
                         struct rules_source_rule *shown)
{
    struct lex_place place;
    struct slice word;
    const char *expected;

    if (!expect_word(c, cursor, "in"))
        return false;
    lex_skip(cursor);
    place = lex_place(cursor);
    word = lex_word(cursor, "");
    if (fields_number(TYPE_DURATION, word, &shown->window_sec, &expected) &&
        shown->window_sec > 0 && shown->window_sec <= WINDOW_MAX_SEC)
        return true;
    compiler_error(c, place,
                   "a duration is a whole number with a unit: s, m, h, d, w; "
                   "at most 366d",
                   "'%s' is no duration", lex_show(word).text);
    return false;
}

void logs_parse_count(struct compiler *c, struct lex_cursor *cursor,
                      struct draft *draft)
{
    struct rules_source_rule *shown = &draft->shown;

    if (parse_distinct(c, cursor, shown) && parse_counted(c, cursor) &&
        parse_key(c, cursor, shown) && parse_least(c, cursor, shown))
        parse_window(c, cursor, shown);
}

/* ---- rules on source ---- */

static void complete_source_rule(struct compiler *c, const struct draft *draft)
{
    const char *name = draft->rule.name;

    if (!draft->has_class)
        compiler_error(c, draft->place, "every rule on source gives a kind",
                       "rule '%s' has no 'kind' line", name);
    if (!draft->has_count)
        compiler_error(c, draft->place, count_shape,
                       "rule '%s' has no 'count' line", name);
}

void logs_add_source_rule(struct compiler *c, struct draft *draft)
{
    struct rules *set = c->set;
    struct rules_source_rule *shown = &draft->shown;

    complete_source_rule(c, draft);
    if (set->source_rule_count == RULES_SOURCE_RULES_MAX) {
        compiler_error(c, draft->place, "a set has at most 64",
                       "too many rules on source");
        return;
    }
    shown->name = draft->rule.name;
    shown->kind = draft->rule.class;
    shown->about = draft->rule.about;
    shown->file = set->file_names[draft->place.file];
    shown->line = draft->place.line;
    set->source_rules[set->source_rule_count++] =
        (struct source_rule){draft->rule, *shown};
}

/* ---- what names events ---- */

void logs_note_late(struct compiler *c, const struct lex_cursor *cursor,
                    size_t offset, struct slice text, bool is_sample)
{
    struct late *late = pool_alloc(&c->scratch, sizeof(*late));

    if (late == NULL) {
        c->no_memory = true;
        return;
    }
    *late = (struct late){cursor->line, offset, text, c->set->source_rule_count,
                          is_sample,    NULL};
    if (c->last_late == NULL)
        c->first_late = late;
    else
        c->last_late->next = late;
    c->last_late = late;
}

static void resolve_event(struct compiler *c, const struct late *late)
{
    size_t event = RULES_EVENTS_MAX;

    for (size_t i = 0; i < c->set->event_count; i++)
        if (is_word(late->text, c->set->events[i].rule.name))
            event = i;
    if (event == RULES_EVENTS_MAX)
        compiler_error(c, lex_place_at(late->line, late->offset),
                       "an event is declared by a stanza: event NAME",
                       "unknown event '%s'", lex_show(late->text).text);
    else if (late->source_rule < c->set->source_rule_count)
        c->set->source_rules[late->source_rule].shown.events |= UINT64_C(1)
                                                                << event;
}

struct late_place {
    struct compiler *compiler;
    const struct late *late;
};

static void note_sample(void *context, const struct sample_error *error)
{
    const struct late_place *at = context;

    compiler_error(
        at->compiler,
        lex_place_at(at->late->line, at->late->offset + error->offset),
        error->why, "%s", error->what);
}

static void validate_sample(struct compiler *c, const struct late *late)
{
    struct late_place at = {c, late};
    struct traffic_sample sample;

    traffic_sample_parse(&sample, c->set, late->text, note_sample, &at);
    traffic_sample_free(&sample);
}

static void plan_rule(const struct rules *set, const struct rule *rule,
                      struct shape_plan *plan, uint8_t *is_planned)
{
    for (uint32_t i = 0; i < rule->line_count; i++) {
        const struct rule_line *line = &set->lines[rule->first_line + i];

        for (uint32_t j = 0; j < line->use_count; j++) {
            uint16_t condition = set->uses[line->first_use + j];

            if (!is_planned[condition])
                plan->conditions[plan->condition_count++] = condition;
            is_planned[condition] = 1;
        }
    }
}

static bool is_repeating(enum rules_field_id field)
{
    return field == FIELD_EVENT_STATUS || field == FIELD_EVENT_DSN ||
           field == FIELD_EVENT_REASON || field == FIELD_EVENT_RULESET ||
           field == FIELD_EVENT_COMMAND || field == FIELD_EVENT_HOST ||
           field == FIELD_EVENT_TAG;
}

/* How many bytes of a text its answer hangs on. */
static size_t seen_bytes(const struct condition *condition)
{
    if (condition->op == OP_EXISTS)
        return 0;
    if (condition->is_all_head) /* and where it ends, behind a newline even */
        return condition->prefix.len + condition->head_count +
               (condition->is_whole_text ? 2u : 0u);
    return SIZE_MAX;
}

static void add_seen(struct shape_plan *plan, enum rules_field_id field,
                     size_t bytes)
{
    uint16_t place = fields_line_places[field];
    size_t at = 0;

    while (at < plan->seen_count && plan->seen[at].place != place)
        at++;
    if (at == plan->seen_count)
        plan->seen[plan->seen_count++] = (struct seen_field){place, 0};
    if (bytes > plan->seen[at].max_bytes)
        plan->seen[at].max_bytes = bytes;
}

static bool is_one_text(const struct condition *condition)
{
    return fields_line_places[condition->field] != 0 &&
           (condition->other == FIELD_COUNT ||
            fields_line_places[condition->other] != 0);
}

static bool is_seen(const struct condition *condition)
{
    return is_repeating(condition->field) &&
           (condition->other == FIELD_COUNT || is_repeating(condition->other));
}

/* Puts the conditions on a field that have to be answered behind those that
 * are there. */
static void add_answered(const struct rules *set, struct shape_plan *plan,
                         enum rules_field_id field)
{
    size_t first = plan->answered_count;

    for (size_t i = first; i < plan->condition_count; i++) {
        uint16_t index = plan->conditions[i];

        if (set->conditions[index].field != field ||
            is_seen(&set->conditions[index]))
            continue;
        plan->conditions[i] = plan->conditions[plan->answered_count];
        plan->conditions[plan->answered_count++] = index;
    }
    if (plan->answered_count > first)
        plan->answered[plan->answered_field_count++] =
            (struct answered_field){fields_line_places[field],
                                    (uint16_t)(plan->answered_count - first)};
}

static bool plan_seen(const struct rules *set, struct shape_plan *plan)
{
    for (size_t i = 0; i < plan->condition_count; i++) {
        const struct condition *condition =
            &set->conditions[plan->conditions[i]];

        if (!is_one_text(condition))
            return false;
        if (!is_seen(condition))
            continue;
        add_seen(plan, condition->field, seen_bytes(condition));
        if (condition->other != FIELD_COUNT)
            add_seen(plan, condition->other, SIZE_MAX);
    }
    return true;
}

static void plan_memory(const struct rules *set, struct shape_plan *plan)
{
    bool is_told = plan_seen(set, plan);

    for (int field = FIELD_EVENT_TEXT; field <= FIELD_EVENT_TAG; field++)
        add_answered(set, plan, (enum rules_field_id)field);
    if (!is_told || plan->answered_count > ANSWERED_MAX)
        plan->answered_count = plan->answered_field_count = plan->seen_count =
            0;
}

/* Which events, and which conditions, lines of one shape are asked for. */
static void plan_shape(struct compiler *c, unsigned shape)
{
    struct rules *set = c->set;
    struct shape_plan *plan = &set->shapes[shape];
    uint8_t *is_planned = pool_alloc(&c->scratch, set->condition_count + 1);

    plan->conditions = pool_alloc(&set->pool, (set->condition_count + 1) *
                                                  sizeof(*plan->conditions));
    if (plan->conditions == NULL || is_planned == NULL) {
        c->no_memory = true;
        return;
    }
    memset(is_planned, 0, set->condition_count + 1);
    for (size_t i = 0; i < set->event_count; i++)
        if ((set->events[i].shapes >> shape & 1) != 0) {
            plan->events |= UINT64_C(1) << i;
            plan_rule(set, &set->events[i].rule, plan, is_planned);
        }
    plan_memory(set, plan);
}

void logs_resolve(struct compiler *c)
{
    for (const struct late *late = c->first_late; late != NULL && !c->no_memory;
         late = late->next)
        if (late->is_sample)
            validate_sample(c, late);
        else
            resolve_event(c, late);
    for (unsigned shape = 0; shape < SHAPE_COUNT && c->problem_count == 0;
         shape++)
        plan_shape(c, shape);
}

/* ---- what the set says of events and rules on source ---- */

size_t rules_event_count(const struct rules *rules)
{
    return rules->event_count;
}

static const struct event *event_at(const struct rules *rules, size_t event)
{
    assert(event < rules->event_count);
    return &rules->events[event];
}

const char *rules_event_name(const struct rules *rules, size_t event)
{
    return event_at(rules, event)->rule.name;
}

const char *rules_event_about(const struct rules *rules, size_t event)
{
    return event_at(rules, event)->rule.about;
}

size_t rules_event_find(const struct rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->event_count; i++)
        if (strcmp(rules->events[i].rule.name, name) == 0)
            return i;
    return RULES_EVENTS_MAX;
}

unsigned rules_event_shapes(const struct rules *rules)
{
    unsigned shapes = 0;

    for (size_t i = 0; i < rules->event_count; i++)
        shapes |= rules->events[i].shapes;
    return shapes;
}

size_t rules_source_rule_count(const struct rules *rules)
{
    return rules->source_rule_count;
}

const struct rules_source_rule *rules_source_rule(const struct rules *rules,
                                                  size_t index)
{
    assert(index < rules->source_rule_count);
    return &rules->source_rules[index].shown;
}
