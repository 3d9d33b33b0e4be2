#include "rules/match.h"

#include <assert.h>
#include <stdlib.h>

#include "parsers/hash.h"
#include "rules/fields.h"

enum {
    /* What one match may cost. */
    MATCH_LIMIT = 100000,
    DEPTH_LIMIT = 10000,
    HEAP_LIMIT_KIB = 4096,
    JIT_STACK_BYTES = 256 * 1024,
    /* Two fields with several values are compared pair by pair. */
    PAIRS_MAX = 1000000,
};

/* TRUTH_LATER: hangs on the crowd. The lines of a rule must all hold: it comes
 * to the smallest of theirs. */
enum truth { TRUTH_NO, TRUTH_LATER, TRUTH_UNDECIDED, TRUTH_YES, TRUTH_UNKNOWN };

/* What the lines of a rule have come to. */
struct asked {
    uint32_t held;       /* so many in front are true */
    uint32_t false_line; /* the first; UINT32_MAX: none */
};

/* A message that is judged, of several. */
struct judging {
    rules_fetch fetch;
    void *message;    /* for fetch */
    uint64_t late;    /* fields that are, a bit each */
    uint8_t *answers; /* of the conditions */
    /* The field asked for last, whose values still stand, or FIELD_COUNT:
     * conditions on one field are often neighbours. */
    enum rules_field_id viewed;
    struct field_view view;
    uint32_t next;      /* rule that is asked next */
    struct asked asked; /* of the rule asked before, then of this one */
    uint32_t first;     /* line of this one that is asked for */
    enum truth truth;   /* of this one, as far as it was asked for */
    bool may_purge;
    uint16_t *undecided;
    uint8_t *pending;
    size_t pending_len;
    uint32_t missed_before; /* line + 1 that is known: see rules_missed */
    struct rules_verdict *verdict;
};

struct rules_matcher {
    const struct rules *set;
    pcre2_match_context *context;
    pcre2_jit_stack *jit_stack;
    pcre2_match_data *match_data;
    struct memory *memory;           /* NULL: nothing is remembered */
    const struct rule *purging;      /* the first that does, or NULL */
    struct judging hand[RULES_HAND]; /* the first, where one is judged alone */
    const struct sample *sample;     /* while samples are run */
};

/* ---- memory of texts that repeat ---- */

/* The place of a text in the memory; what was there before is forgotten. */
static struct remembered_text *
remember(struct memory *memory, enum rules_scope scope, struct slice text)
{
    uint64_t hash = keyed_hash(memory->key, text) + scope;
    struct remembered_text *place = &memory->texts[hash % REMEMBERED_TEXTS];

    if (place->hash != hash)
        *place = (struct remembered_text){.hash = hash};
    return place;
}

/* ---- one value ---- */

static enum truth truth_of(bool holds)
{
    return holds ? TRUTH_YES : TRUTH_NO;
}

static enum truth run_regex(struct rules_matcher *matcher,
                            const struct condition *condition,
                            struct slice text)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)(text.len == 0 ? "" : text.ptr);
    int count;

    if (text.len > REGEX_TEXT_MAX_BYTES)
        return TRUTH_UNDECIDED;
    if (condition->has_jit)
        count = pcre2_jit_match(condition->regex, subject, text.len, 0, 0,
                                matcher->match_data, matcher->context);
    else
        count = pcre2_match(condition->regex, subject, text.len, 0, 0,
                            matcher->match_data, matcher->context);
    if (count >= 0)
        return TRUTH_YES;
    /* A limit was hit, or something is wrong: nobody knows. */
    return count == PCRE2_ERROR_NOMATCH ? TRUTH_NO : TRUTH_UNDECIDED;
}

static enum truth match_head(const struct condition *condition,
                             struct slice text)
{
    const struct byte_set *end = condition->head + condition->head_count;
    const char *at;

    if (text.len < condition->prefix.len + condition->head_count ||
        !slice_starts(text, condition->prefix))
        return TRUTH_NO;
    at = text.ptr + condition->prefix.len;
    for (const struct byte_set *set = condition->head; set < end; set++, at++)
        if (!byte_set_has(set, *at))
            return TRUTH_NO;
    if (!condition->is_all_head)
        return TRUTH_UNKNOWN;
    text = slice_skip(text, (size_t)(at - text.ptr));
    return truth_of(!condition->is_whole_text || text.len == 0 ||
                    (text.len == 1 && text.ptr[0] == '\n'));
}

/* What can be said of the text without PCRE2; TRUTH_UNKNOWN when that is not
 * enough. */
static enum truth match_simple(const struct condition *condition,
                               struct slice text)
{
    if (text.len > REGEX_TEXT_MAX_BYTES)
        return TRUTH_UNKNOWN;
    if (condition->prefix.len + condition->head_count > 0)
        return match_head(condition, text);
    if (condition->literal.len > 0)
        return truth_of(slice_find(text, condition->literal) < text.len);
    return TRUTH_UNKNOWN;
}

/* In the memory 0 means not asked yet. */
static enum truth recall_or_run(struct rules_matcher *matcher,
                                const struct condition *condition,
                                struct slice text)
{
    struct remembered_text *place = NULL;
    unsigned shift = 0;
    enum truth truth;

    if (condition->remembered >= 0 && matcher->memory != NULL) {
        place = remember(matcher->memory, rules_fields[condition->field].scope,
                         text);
        shift = 2 * (unsigned)condition->remembered;
    }
    if (place != NULL && (place->answers >> shift & 3) != 0)
        return (enum truth[]){TRUTH_UNKNOWN, TRUTH_NO, TRUTH_YES,
                              TRUTH_UNDECIDED}[place->answers >> shift & 3];
    truth = run_regex(matcher, condition, text);
    if (place != NULL)
        place->answers |= (uint64_t)(truth == TRUTH_NO    ? 1
                                     : truth == TRUTH_YES ? 2
                                                          : 3)
                          << shift;
    return truth;
}

static enum truth match_text(struct rules_matcher *matcher,
                             const struct condition *condition,
                             struct slice text)
{
    enum truth truth = match_simple(condition, text);

    return truth == TRUTH_UNKNOWN ? recall_or_run(matcher, condition, text)
                                  : truth;
}

static bool is_same_ip(struct slice a, struct slice b)
{
    struct ip x, y;

    return ip_parse(a, &x) && ip_parse(b, &y) &&
           memcmp(x.bytes, y.bytes, sizeof(x.bytes)) == 0;
}

static bool is_ip(struct slice text, const struct ip *ip)
{
    struct ip parsed;

    return ip_parse(text, &parsed) &&
           memcmp(parsed.bytes, ip->bytes, sizeof(ip->bytes)) == 0;
}

/* Whether a value has that text or, compared by numbers, that number. */
static inline bool is_same(enum condition_compare compare,
                           const struct field_value *value, struct slice text,
                           int64_t number)
{
    switch (compare) {
    case BY_BYTES:
        return slice_equal(value->text, text);
    case BY_NAME:
        return slice_equal_nocase(list_undotted(value->text),
                                  list_undotted(text));
    case BY_IP:
        return is_same_ip(value->text, text);
    case BY_NUMBER:
        return value->number == number;
    }
    return false;
}

static bool is_value(const struct condition *condition,
                     const struct field_value *value)
{
    return condition->compare == BY_IP
               ? is_ip(value->text, &condition->ip)
               : is_same(condition->compare, value, condition->value,
                         condition->number);
}

static bool is_listed(const struct rules_matcher *matcher,
                      const struct condition *condition,
                      const struct field_value *value)
{
    enum rules_field_type type = rules_fields[condition->field].type;
    bool is_name = type == TYPE_DOMAIN || type == TYPE_ADDRESS;
    struct slice text = value->text;

    if (condition->table != NULL)
        return list_has_known(condition->table, text, value->ip, is_name);
    if (list_has_known(&condition->list->own, text, value->ip, is_name))
        return true;
    if (matcher->sample == NULL)
        return list_has_known(&condition->list->preset, text, value->ip,
                              is_name);
    for (const struct sample_list *extra = matcher->sample->lists;
         extra != NULL; extra = extra->next)
        if (extra->list == condition->list &&
            list_has(&extra->table, text, is_name))
            return true;
    return false;
}

static bool is_under(struct slice host, struct slice domain)
{
    host = list_undotted(host);
    domain = list_undotted(domain);
    return domain.len > 0 && host.len > domain.len + 1 &&
           domain_is_within(host, domain);
}

static enum truth negated(enum truth truth)
{
    return truth == TRUTH_YES  ? TRUTH_NO
           : truth == TRUTH_NO ? TRUTH_YES
                               : truth;
}

static enum truth judge_value(struct rules_matcher *matcher,
                              const struct condition *condition,
                              const struct field_value *value)
{
    switch (condition->op) {
    case OP_EXISTS:
        return TRUTH_YES;
    case OP_IS:
        return truth_of(is_value(condition, value));
    case OP_ISNT:
        return truth_of(!is_value(condition, value));
    case OP_LESS:
        return truth_of(value->number < condition->number);
    case OP_AT_MOST:
        return truth_of(value->number <= condition->number);
    case OP_MORE:
        return truth_of(value->number > condition->number);
    case OP_AT_LEAST:
        return truth_of(value->number >= condition->number);
    case OP_MATCHES:
        return match_text(matcher, condition, value->text);
    case OP_MATCHES_NOT:
        return negated(match_text(matcher, condition, value->text));
    case OP_IN:
        return truth_of(is_listed(matcher, condition, value));
    case OP_HAS:
        return truth_of(slice_index(value->text, condition->value.ptr[0]) <
                        value->text.len);
    case OP_UNDER:
        break;
    }
    assert(false);
    return TRUTH_UNDECIDED;
}

static bool judge_pair(const struct condition *condition,
                       const struct field_value *a, const struct field_value *b)
{
    switch (condition->op) {
    case OP_IS:
        return is_same(condition->compare, a, b->text, b->number);
    case OP_ISNT:
        return !is_same(condition->compare, a, b->text, b->number);
    default:
        return is_under(a->text, b->text);
    }
}

/* ---- one condition ---- */

/* True values that settle a condition: in "unless" a true one, else a false
 * one. */
static enum truth settling(const struct condition *condition)
{
    return truth_of(condition->one_suffices);
}

/* Rare, and not inlined: it takes registers that must be saved for all. */
static __attribute__((noinline)) enum truth
judge_values(struct rules_matcher *matcher, const struct condition *condition,
             const struct field_view *view)
{
    enum truth result = negated(settling(condition));

    for (size_t i = 0; i < view->value_count; i++) {
        enum truth truth = judge_value(matcher, condition, &view->values[i]);

        if (truth == settling(condition))
            return truth;
        if (truth == TRUTH_UNDECIDED)
            result = TRUTH_UNDECIDED;
    }
    return result;
}

static enum truth judge_pairs(const struct condition *condition,
                              const struct field_view *left,
                              const struct field_view *right)
{
    if (left->value_count > PAIRS_MAX / right->value_count)
        return TRUTH_UNDECIDED;
    for (size_t i = 0; i < left->value_count; i++)
        for (size_t j = 0; j < right->value_count; j++) {
            enum truth truth = truth_of(
                judge_pair(condition, &left->values[i], &right->values[j]));

            if (truth == settling(condition))
                return truth;
        }
    return negated(settling(condition));
}

/* What the state of a field alone says; TRUTH_UNKNOWN when it has values. */
static enum truth judge_state(const struct condition *condition,
                              const struct field_view *view)
{
    switch (view->state) {
    case FIELD_ABSENT:
        return TRUTH_NO;
    case FIELD_LATER:
        /* Only fields of the crowd may be late: no place is kept for others.
         * Of members a crowd is known whenever they are asked about. */
        return condition->may_be_later ? TRUTH_LATER : TRUTH_UNDECIDED;
    case FIELD_PRESENT:
        assert(view->value_count > 0);
        return TRUTH_UNKNOWN;
    case FIELD_UNDECIDED:
        break;
    }
    return TRUTH_UNDECIDED;
}

/* As rare as several values, and as little to be inlined. */
static __attribute__((noinline)) enum truth
judge_two(struct judging *one, const struct condition *condition)
{
    struct field_view right = {0};
    enum truth a, b;

    one->viewed = FIELD_COUNT; /* the other one is asked for */
    one->fetch(one->message, condition->other, condition->other_header, &right);
    a = judge_state(condition, &one->view);
    b = judge_state(condition, &right);
    if (a == TRUTH_UNKNOWN && b == TRUTH_UNKNOWN)
        return judge_pairs(condition, &one->view, &right);
    /* Absent beats late, late beats undecided: as the second phase would see
     * it. TRUTH_UNKNOWN is the largest. */
    return a < b ? a : b;
}

/* Leaves the values of the condition's field in one->view. */
static inline void view_field(struct judging *one,
                              const struct condition *condition)
{
    bool is_header = condition->header.len > 0;

    if (one->viewed == condition->field && !is_header)
        return;
    one->fetch(one->message, condition->field, condition->header, &one->view);
    one->viewed = is_header ? FIELD_COUNT : condition->field;
}

static enum truth judge_condition(struct rules_matcher *matcher,
                                  struct judging *one,
                                  const struct condition *condition)
{
    const struct field_view *view = &one->view;

    view_field(one, condition);
    if (view->state == FIELD_ABSENT) /* whatever it is compared with */
        return TRUTH_NO;
    if (condition->other != FIELD_COUNT)
        return judge_two(one, condition);
    if (view->state != FIELD_PRESENT)
        return judge_state(condition, view);
    return view->value_count == 1
               ? judge_value(matcher, condition, view->values)
               : judge_values(matcher, condition, view);
}

/* Each condition is answered once a message, however many rules have it. */
static inline enum truth answer(struct rules_matcher *matcher,
                                struct judging *one, uint16_t index)
{
    const struct condition *condition;
    enum truth truth = (enum truth)one->answers[index];

    if (truth != TRUTH_UNKNOWN)
        return truth;
    condition = &matcher->set->conditions[index];
    truth = (one->late & condition->late_bit) != 0
                ? TRUTH_LATER
                : judge_condition(matcher, one, condition);
    one->answers[index] = (uint8_t)truth;
    return truth;
}

/* Nothing that was asked of another message counts. */
static void begin_asking(const struct rules *set, struct judging *one,
                         rules_fetch fetch, void *message)
{
    one->fetch = fetch;
    one->message = message;
    one->late = 0;
    one->viewed = FIELD_COUNT;
    memset(one->answers, TRUTH_UNKNOWN, set->condition_count);
}

/* ---- lines and rules ---- */

static const uint16_t *uses_of(const struct rules *set,
                               const struct rule_line *line)
{
    return set->uses + line->first_use;
}

static const struct rule_line *lines_of(const struct rules *set,
                                        const struct rule *rule)
{
    return rule->line_count == 0 ? NULL : set->lines + rule->first_line;
}

static enum truth judge_any(struct rules_matcher *matcher, struct judging *one,
                            const struct rule_line *line)
{
    const uint16_t *uses = uses_of(matcher->set, line);
    bool has_late = false, has_undecided = false;

    for (uint32_t i = 0; i < line->use_count; i++) {
        enum truth truth = answer(matcher, one, uses[i]);

        if (truth == TRUTH_YES)
            return TRUTH_YES;
        has_late |= truth == TRUTH_LATER;
        has_undecided |= truth == TRUTH_UNDECIDED;
    }
    return has_late ? TRUTH_LATER : has_undecided ? TRUTH_UNDECIDED : TRUTH_NO;
}

/* Whether a line holds; an unless line does when its condition does not. */
static inline enum truth judge_line(struct rules_matcher *matcher,
                                    struct judging *one,
                                    const struct rule_line *line)
{
    enum truth truth;

    if (line->word == LINE_ANY)
        return judge_any(matcher, one, line);
    truth = answer(matcher, one, *uses_of(matcher->set, line));
    return line->word == LINE_UNLESS ? negated(truth) : truth;
}

/* The lines of one rule by itself, or those whose answer may be late. */
static inline enum truth judge_lines(struct rules_matcher *matcher,
                                     struct judging *one,
                                     const struct rule *rule, bool is_later)
{
    const struct rule_line *lines = lines_of(matcher->set, rule);
    enum truth result = TRUTH_YES;

    for (uint32_t i = is_later ? rule->first_later : 0;
         i < rule->line_count && result != TRUTH_NO;
         i = is_later ? lines[i].next_later : i + 1) {
        enum truth truth = judge_line(matcher, one, &lines[i]);

        if (truth < result)
            result = truth;
    }
    return result;
}

/* As judge_next, for one message. */
static enum truth judge_rule(struct rules_matcher *matcher, struct judging *one,
                             const struct rule *rule)
{
    return judge_lines(matcher, one, rule, false);
}

/* ---- what hangs on the crowd ---- */

/*
 * The pending bytes: the number + 1 of the rule that matches if none before it
 * does, 0 for none; the line + 1 that the first rule that purges failed on, 0
 * for none; then, in order, each rule before it that is not settled:
 * number * 2, + 1 when it waits for the crowd. Numbers have two bytes. Behind
 * a rule that waits stand its bits: first, whether another line of it is
 * undecided; then, line by line, one for each condition that may be late, set
 * when it is; behind those of an any line one more, set when another of its
 * conditions is undecided.
 */
struct bits {
    uint8_t *bytes;
    unsigned at;
};

static void put_bit(struct bits *bits, bool is_set)
{
    if (is_set)
        bits->bytes[bits->at / 8] |= (uint8_t)(1u << bits->at % 8);
    bits->at++;
}

static bool get_bit(const uint8_t *bytes, unsigned *at)
{
    bool is_set = (bytes[*at / 8] >> *at % 8 & 1) != 0;

    (*at)++;
    return is_set;
}

static void put_number(uint8_t *bytes, size_t *len, unsigned number)
{
    bytes[(*len)++] = (uint8_t)number;
    bytes[(*len)++] = (uint8_t)(number >> 8);
}

static unsigned get_number(const uint8_t *bytes, size_t *at)
{
    unsigned number = bytes[*at] | (unsigned)bytes[*at + 1] << 8;

    *at += 2;
    return number;
}

enum { HEAD_BYTES = 4 };

/* Notes one line; what was not asked for did not matter. Returns whether the
 * line is undecided whatever the crowd says. */
static bool note_any(const struct rules *set, const struct judging *one,
                     const struct rule_line *line, struct bits *waits)
{
    const uint16_t *uses = uses_of(set, line);
    bool has_yes = false, has_undecided = false, has_late = false;

    for (uint32_t i = 0; i < line->use_count; i++) {
        has_yes |= one->answers[uses[i]] == TRUTH_YES;
        has_late |= one->answers[uses[i]] == TRUTH_LATER;
        has_undecided |= one->answers[uses[i]] == TRUTH_UNDECIDED;
    }
    if (has_yes)
        has_late = has_undecided = false;
    if (!line->may_be_later)
        return has_undecided;
    for (uint32_t i = 0; i < line->use_count; i++)
        if (set->conditions[uses[i]].may_be_later)
            put_bit(waits, has_late && one->answers[uses[i]] == TRUTH_LATER);
    put_bit(waits, has_late && has_undecided);
    return has_undecided && !has_late;
}

/* The same of any line: the others have one condition. */
static bool note_line(const struct rules *set, const struct judging *one,
                      const struct rule_line *line, struct bits *waits)
{
    uint8_t truth;

    if (line->word == LINE_ANY)
        return note_any(set, one, line, waits);
    truth = one->answers[*uses_of(set, line)];
    if (line->may_be_later)
        put_bit(waits, truth == TRUTH_LATER);
    return truth == TRUTH_UNDECIDED;
}

static void note_waiting(const struct rules *set, struct judging *one,
                         const struct rule *rule)
{
    const struct rule_line *lines = lines_of(set, rule);
    struct bits waits = {one->pending + one->pending_len, 1};
    bool has_undecided =
        memchr(one->answers, TRUTH_UNDECIDED, set->condition_count) != NULL;

    memset(waits.bytes, 0, rule->pending_bytes);
    for (uint32_t i = has_undecided ? 0 : rule->first_later;
         i < rule->line_count; i = has_undecided ? i + 1 : lines[i].next_later)
        if (note_line(set, one, &lines[i], &waits))
            waits.bytes[0] |= 1;
    assert(waits.at <= rule->pending_bytes * 8);
    one->pending_len += rule->pending_bytes;
}

/* Now that the crowd is known, there is no later. */
static enum truth answer_now(struct rules_matcher *matcher, struct judging *one,
                             uint16_t index)
{
    enum truth truth = answer(matcher, one, index);

    return truth == TRUTH_LATER ? TRUTH_UNDECIDED : truth;
}

/* A line that may wait; what does not held. */
static enum truth judge_waiting_any(struct rules_matcher *matcher,
                                    struct judging *one,
                                    const struct rule_line *line,
                                    const uint8_t *waits, unsigned *at)
{
    const struct rules *set = matcher->set;
    const uint16_t *uses = uses_of(set, line);
    bool has_waited = false;
    enum truth result = TRUTH_NO;

    for (uint32_t i = 0; i < line->use_count; i++) {
        enum truth truth;

        if (!set->conditions[uses[i]].may_be_later)
            continue;
        if (!get_bit(waits, at))
            continue;
        has_waited = true;
        if (result == TRUTH_YES) /* one that holds is enough */
            continue;
        truth = answer_now(matcher, one, uses[i]);
        if (truth > result)
            result = truth;
    }
    if (get_bit(waits, at) && result == TRUTH_NO)
        result = TRUTH_UNDECIDED;
    return has_waited ? result : TRUTH_YES;
}

static enum truth judge_waiting_line(struct rules_matcher *matcher,
                                     struct judging *one,
                                     const struct rule_line *line,
                                     const uint8_t *waits, unsigned *at)
{
    enum truth truth;

    if (line->word == LINE_ANY)
        return judge_waiting_any(matcher, one, line, waits, at);
    if (!get_bit(waits, at))
        return TRUTH_YES;
    truth = answer_now(matcher, one, *uses_of(matcher->set, line));
    return line->word == LINE_UNLESS ? negated(truth) : truth;
}

static enum truth judge_waiting(struct rules_matcher *matcher,
                                struct judging *one, const struct rule *rule,
                                const uint8_t *waits)
{
    const struct rule_line *lines = lines_of(matcher->set, rule);
    unsigned at = 0;
    enum truth result = get_bit(waits, &at) ? TRUTH_UNDECIDED : TRUTH_YES;

    for (uint32_t i = rule->first_later;
         i < rule->line_count && result != TRUTH_NO; i = lines[i].next_later) {
        enum truth truth =
            judge_waiting_line(matcher, one, &lines[i], waits, &at);

        if (truth < result)
            result = truth;
        if (truth == TRUTH_NO)
            one->asked.false_line = i;
    }
    return result;
}

/* ---- what kept a message from a purge ---- */

/* By the answers that are known: of conditions that were not asked none is. */
static bool has_failed(const struct rules *set, const uint8_t *answers,
                       const struct rule_line *line)
{
    const uint16_t *uses = uses_of(set, line);

    if (line->word == LINE_UNLESS)
        return answers[uses[0]] == TRUTH_YES;
    for (uint32_t i = 0; i < line->use_count; i++)
        if (answers[uses[i]] != TRUTH_NO)
            return false;
    return true;
}

static uint32_t missed_by(const struct rules_matcher *matcher,
                          const struct judging *one)
{
    const struct rule *rule = matcher->purging;
    const struct rule_line *lines;

    if (rule == NULL)
        return 0;
    if (one->missed_before > 0)
        return rule->first_line + one->missed_before;
    lines = lines_of(matcher->set, rule);
    for (uint32_t i = 0; i < rule->line_count; i++)
        if (has_failed(matcher->set, one->answers, &lines[i]))
            return rule->first_line + i + 1;
    return 0;
}

uint32_t rules_missed(const struct rules_matcher *matcher, size_t number)
{
    return missed_by(matcher, &matcher->hand[number]);
}

static const char *const line_words[] = {"when", "any", "unless"};

void rules_missed_line(const struct rules *rules, uint32_t missed,
                       struct rules_missed_line *line_r)
{
    const struct rule_line *line = &rules->lines[missed - 1];
    const struct condition *condition;

    assert(missed > 0 && missed <= rules->line_count);
    condition = &rules->conditions[*uses_of(rules, line)];
    *line_r = (struct rules_missed_line){.word = line_words[line->word],
                                         .text = condition->text.ptr,
                                         .field = condition->field};
}

/* ---- verdicts ---- */

static struct judging *begin_judging(struct rules_matcher *matcher,
                                     size_t number, rules_fetch fetch,
                                     void *message,
                                     struct rules_verdict *verdict)
{
    struct judging *one = &matcher->hand[number];

    begin_asking(matcher->set, one, fetch, message);
    one->verdict = verdict;
    one->next = 0;
    one->asked = (struct asked){0, UINT32_MAX};
    one->may_purge = false;
    one->pending_len = HEAD_BYTES;
    one->missed_before = 0;
    *verdict = (struct rules_verdict){.rule = RULES_NO_RULE,
                                      .undecided = one->undecided};
    return one;
}

static void note_undecided(struct judging *one, size_t rule)
{
    one->undecided[one->verdict->undecided_count++] = (uint16_t)rule;
}

static void settle(const struct rules *set, struct judging *one, size_t rule)
{
    struct rules_verdict *verdict = one->verdict;

    verdict->rule = (uint16_t)rule;
    verdict->purge = set->rules[rule].purges && verdict->undecided_count == 0 &&
                     !verdict->is_later;
}

/* Rules of one kind begin alike: what is known of the lines that it begins with
 * like the one asked last is not asked for again. Those that were skipped in
 * between share them all, and more. */
static void begin_rule(const struct rule *rule, struct judging *one)
{
    uint32_t shared = rule->shared_count;

    one->first = one->asked.held < shared ? one->asked.held : shared;
    one->asked = (struct asked){rule->line_count, UINT32_MAX};
    one->truth = TRUTH_YES;
}

/* The next rule that does not begin with all lines up to the false one. */
static uint32_t next_rule(const struct rules *set, uint32_t number,
                          uint32_t false_line)
{
    do
        number++;
    while (number < set->rule_count &&
           set->rules[number].shared_count > false_line);
    return number;
}

/* False when the line is: then no further one matters. */
static inline bool ask_line(struct rules_matcher *matcher, struct judging *one,
                            const struct rule_line *line, uint32_t number)
{
    enum truth truth = judge_line(matcher, one, line);

    if (truth >= one->truth)
        return true;
    if (one->truth == TRUTH_YES)
        one->asked.held = number;
    one->truth = truth;
    if (truth == TRUTH_NO)
        one->asked.false_line = number;
    return truth != TRUTH_NO;
}

/*
 * One rule, for several messages. All lines must hold: the smallest truth
 * counts, and a false line ends it, so that what costs a file is not asked for
 * in vain. Line by line, not message by message: a line is code, of PCRE2's
 * making or ours, and a processor keeps few at hand.
 */
static void judge_next(struct rules_matcher *matcher, uint32_t number,
                       struct judging *const *live, size_t live_count)
{
    const struct rule *rule = &matcher->set->rules[number];
    const struct rule_line *lines = lines_of(matcher->set, rule);
    struct judging *open[RULES_HAND];
    uint32_t first = rule->line_count;
    size_t count = 0;

    for (size_t i = 0; i < live_count; i++) {
        if (live[i]->next != number)
            continue;
        begin_rule(rule, live[i]);
        open[count++] = live[i];
        if (live[i]->first < first)
            first = live[i]->first;
    }
    for (uint32_t n = first; n < rule->line_count && count > 0; n++) {
        size_t left = 0;

        for (size_t i = 0; i < count; i++)
            if (n < open[i]->first || ask_line(matcher, open[i], &lines[n], n))
                open[left++] = open[i];
        count = left;
    }
}

/* What a rule came to; false when it settles the matter. */
static bool note_rule(const struct rules_matcher *matcher, struct judging *one,
                      uint32_t number)
{
    const struct rule *rule = &matcher->set->rules[number];

    if (one->truth == TRUTH_NO)
        return true;
    if (one->truth == TRUTH_YES) {
        settle(matcher->set, one, number);
        return false;
    }
    one->may_purge = one->may_purge || rule == matcher->purging;
    put_number(one->pending, &one->pending_len,
               (unsigned)number * 2 + (one->truth == TRUTH_LATER));
    if (one->truth == TRUTH_UNDECIDED) {
        note_undecided(one, number);
    } else {
        note_waiting(matcher->set, one, rule);
        one->verdict->is_later = true;
    }
    return true;
}

/* The first of the pending bytes are known last. */
static void put_pending(struct rules_matcher *matcher, struct judging *one)
{
    struct rules_verdict *verdict = one->verdict;
    size_t len = 0;
    uint32_t missed = 0;

    /* a rule that may yet match failed on no line */
    if (!one->may_purge)
        missed = missed_by(matcher, one);
    if (missed > 0)
        missed -= matcher->purging->first_line;
    put_number(one->pending, &len,
               verdict->rule == RULES_NO_RULE ? 0 : verdict->rule + 1u);
    put_number(one->pending, &len, missed <= UINT16_MAX ? missed : 0);
    verdict->pending = one->pending;
    verdict->pending_bytes = one->pending_len;
}

/* Notes what a rule came to for those it was asked of, and drops those whom it
 * settles. Returns the rule that is next asked of any. */
static uint32_t note_all(const struct rules_matcher *matcher, uint32_t number,
                         struct judging **live, size_t *live_count)
{
    uint32_t next = (uint32_t)matcher->set->rule_count;
    size_t left = 0;

    for (size_t i = 0; i < *live_count; i++) {
        struct judging *one = live[i];

        if (one->next == number) {
            if (!note_rule(matcher, one, number))
                continue;
            one->next = next_rule(matcher->set, number, one->asked.false_line);
        }
        if (one->next < next)
            next = one->next;
        live[left++] = one;
    }
    *live_count = left;
    return next;
}

void rules_judge_all(struct rules_matcher *matcher, rules_fetch fetch,
                     struct rules_judged *judged, size_t count)
{
    struct judging *live[RULES_HAND];
    size_t live_count = count;

    assert(count <= RULES_HAND);
    for (size_t i = 0; i < count; i++) {
        live[i] = begin_judging(matcher, i, fetch, judged[i].message,
                                &judged[i].verdict);
        live[i]->late = judged[i].late;
    }
    for (uint32_t n = 0; n < matcher->set->rule_count && live_count > 0;) {
        judge_next(matcher, n, live, live_count);
        n = note_all(matcher, n, live, &live_count);
    }
    for (size_t i = 0; i < count; i++)
        if (judged[i].verdict.is_later)
            put_pending(matcher, &matcher->hand[i]);
}

void rules_judge(struct rules_matcher *matcher, rules_fetch fetch,
                 void *message, struct rules_verdict *verdict_r)
{
    struct rules_judged judged = {.message = message};

    rules_judge_all(matcher, fetch, &judged, 1);
    *verdict_r = judged.verdict;
}

void rules_judge_later(struct rules_matcher *matcher, const uint8_t *pending,
                       size_t pending_bytes, rules_fetch fetch, void *message,
                       struct rules_verdict *verdict_r)
{
    const struct rules *set = matcher->set;
    struct judging *one = begin_judging(matcher, 0, fetch, message, verdict_r);
    size_t at = 0;
    unsigned fallback;

    assert(pending_bytes >= HEAD_BYTES);
    fallback = get_number(pending, &at);
    one->missed_before = get_number(pending, &at);
    while (at < pending_bytes) {
        unsigned number = get_number(pending, &at);
        const struct rule *rule = &set->rules[number / 2];
        enum truth truth = TRUTH_UNDECIDED;

        assert(number / 2 < set->rule_count);
        if (number % 2 == 1) {
            truth = judge_waiting(matcher, one, rule, pending + at);
            at += rule->pending_bytes;
            if (truth == TRUTH_NO && rule == matcher->purging)
                one->missed_before = one->asked.false_line + 1;
        }
        if (truth == TRUTH_YES) {
            settle(set, one, number / 2);
            if (one->missed_before > 0 && rule < matcher->purging)
                one->missed_before = 0; /* it did not come to that */
            return;
        }
        if (truth == TRUTH_UNDECIDED)
            note_undecided(one, number / 2);
    }
    assert(fallback <= set->rule_count);
    if (fallback > 0)
        settle(set, one, fallback - 1);
}

/* ---- explain ---- */

static enum rules_answer answer_of(enum truth truth)
{
    return truth == TRUTH_YES  ? ANSWER_YES
           : truth == TRUTH_NO ? ANSWER_NO
                               : ANSWER_UNDECIDED;
}

static void explain_condition(struct rules_matcher *matcher,
                              struct judging *one, const struct rule_line *line,
                              uint16_t index, const struct rules_explain *to)
{
    const struct condition *condition = &matcher->set->conditions[index];
    struct rules_condition_trace trace = {.line_word = line_words[line->word],
                                          .text = condition->text.ptr,
                                          .line = line->line,
                                          .field = condition->field,
                                          .header = condition->header};
    enum truth truth = judge_condition(matcher, one, condition);

    trace.view = one->view;
    trace.answer = answer_of(truth);
    one->answers[index] = (uint8_t)truth;
    if (to->condition != NULL)
        to->condition(to->context, &trace);
}

static void explain_rule(struct rules_matcher *matcher, struct judging *one,
                         size_t number, const struct rules_explain *to)
{
    const struct rules *set = matcher->set;
    const struct rule *rule = &set->rules[number];
    enum truth result = TRUTH_YES;
    size_t failed_count = 0;

    if (to->rule_begins != NULL)
        to->rule_begins(to->context, number);
    for (uint32_t i = 0; i < rule->line_count; i++) {
        const struct rule_line *line = &lines_of(set, rule)[i];
        enum truth truth;

        for (uint32_t j = 0; j < line->use_count; j++)
            explain_condition(matcher, one, line, uses_of(set, line)[j], to);
        truth = judge_line(matcher, one, line);
        failed_count += truth != TRUTH_YES;
        if (truth < result)
            result = truth;
    }
    if (to->rule_ends != NULL)
        to->rule_ends(to->context, number, answer_of(result), failed_count);
}

void rules_explain(struct rules_matcher *matcher, rules_fetch fetch,
                   void *message, const struct rules_explain *to,
                   struct rules_verdict *verdict_r)
{
    begin_asking(matcher->set, matcher->hand, fetch, message);
    for (size_t i = 0; i < matcher->set->rule_count; i++)
        explain_rule(matcher, matcher->hand, i, to);
    rules_judge(matcher, fetch, message, verdict_r);
}

/* ---- one rule, for its samples ---- */

void match_use_sample(struct rules_matcher *matcher,
                      const struct sample *sample)
{
    matcher->sample = sample;
}

enum rules_answer match_one(struct rules_matcher *matcher,
                            const struct rule *rule, rules_fetch fetch,
                            void *message, const struct rule_line **failed_r,
                            const struct condition **condition_r)
{
    const struct rules *set = matcher->set;
    const struct rule_line *lines = lines_of(set, rule);
    struct judging *one = matcher->hand;
    enum truth result = TRUTH_YES;

    *failed_r = NULL;
    *condition_r = NULL;
    begin_asking(set, one, fetch, message);
    for (uint32_t i = 0; i < rule->line_count; i++) {
        enum truth truth = judge_line(matcher, one, &lines[i]);

        if (truth >= result)
            continue;
        result = truth;
        *failed_r = &lines[i];
        *condition_r = &set->conditions[*uses_of(set, &lines[i])];
    }
    return answer_of(result);
}

/* ---- one stanza, for the logs ---- */

const struct rules *match_set(const struct rules_matcher *matcher)
{
    return matcher->set;
}

void match_begin(struct rules_matcher *matcher, rules_fetch fetch,
                 void *message)
{
    begin_asking(matcher->set, matcher->hand, fetch, message);
}

enum rules_answer match_rule(struct rules_matcher *matcher,
                             const struct rule *rule)
{
    return answer_of(judge_rule(matcher, matcher->hand, rule));
}

enum rules_answer match_rule_later(struct rules_matcher *matcher,
                                   const struct rule *rule)
{
    return answer_of(judge_lines(matcher, matcher->hand, rule, true));
}

/* ---- the events of a log line ---- */

/* Its answers are those of another line until they are set. */
static struct judging *begin_line(struct rules_matcher *matcher,
                                  struct rules_event_line *event)
{
    struct judging *one = matcher->hand;

    one->fetch = rules_event_fetch;
    one->message = event;
    one->viewed = FIELD_COUNT;
    return one;
}

/* A condition on a text that is there. */
static enum truth judge_text(struct rules_matcher *matcher, struct judging *one,
                             const struct condition *condition,
                             struct slice text)
{
    switch (condition->op) {
    case OP_MATCHES:
        return match_text(matcher, condition, text);
    case OP_MATCHES_NOT:
        return negated(match_text(matcher, condition, text));
    default:
        return judge_condition(matcher, one, condition);
    }
}

uint64_t match_answers(struct rules_matcher *matcher,
                       const uint16_t *conditions, size_t count,
                       struct slice text, struct rules_event_line *event)
{
    struct judging *one = begin_line(matcher, event);
    uint64_t answers = 0;

    for (size_t i = 0; i < count; i++)
        answers = answers << 2 |
                  (uint64_t)judge_text(matcher, one,
                                       &matcher->set->conditions[conditions[i]],
                                       text);
    return answers;
}

uint64_t match_events(struct rules_matcher *matcher,
                      const struct shape_plan *plan, uint64_t answers,
                      struct rules_event_line *event)
{
    const struct rules *set = matcher->set;
    struct judging *one = begin_line(matcher, event);
    uint64_t matched = 0;

    for (size_t i = plan->condition_count; i > plan->answered_count; i--)
        one->answers[plan->conditions[i - 1]] = TRUTH_UNKNOWN;
    for (size_t i = plan->answered_count; i > 0; i--, answers >>= 2)
        one->answers[plan->conditions[i - 1]] = answers & 3;
    for (uint64_t left = plan->events; left != 0; left &= left - 1) {
        int number = __builtin_ctzll(left);

        if (judge_rule(matcher, one, &set->events[number].rule) == TRUTH_YES)
            matched |= UINT64_C(1) << number;
    }
    return matched;
}

/* ---- the matcher ---- */

static bool prepare_regexes(struct rules_matcher *matcher)
{
    matcher->context = pcre2_match_context_create(NULL);
    matcher->match_data = pcre2_match_data_create(1, NULL);
    matcher->jit_stack =
        pcre2_jit_stack_create(JIT_STACK_BYTES / 8, JIT_STACK_BYTES, NULL);
    if (matcher->context == NULL || matcher->match_data == NULL)
        return false;
    pcre2_set_match_limit(matcher->context, MATCH_LIMIT);
    pcre2_set_depth_limit(matcher->context, DEPTH_LIMIT);
    pcre2_set_heap_limit(matcher->context, HEAP_LIMIT_KIB);
    /* Without a stack of its own the JIT has 32 KB of the machine's. */
    if (matcher->jit_stack != NULL)
        pcre2_jit_stack_assign(matcher->context, NULL, matcher->jit_stack);
    return true;
}

bool rules_remember(struct rules_matcher *matcher, const uint64_t key[2])
{
    assert(matcher->memory == NULL && key[0] != 0 && key[1] != 0);
    matcher->memory = calloc(1, sizeof(*matcher->memory));
    if (matcher->memory == NULL)
        return false;
    matcher->memory->key[0] = key[0];
    matcher->memory->key[1] = key[1];
    return true;
}

struct memory *match_memory(struct rules_matcher *matcher)
{
    return matcher->memory;
}

static size_t pending_room(const struct rules *set)
{
    size_t room = HEAD_BYTES;

    for (size_t i = 0; i < set->rule_count; i++)
        room += 2 + set->rules[i].pending_bytes;
    return room;
}

static bool prepare_hand(struct rules_matcher *matcher)
{
    const struct rules *set = matcher->set;
    size_t room = pending_room(set);

    for (size_t i = 0; i < RULES_HAND; i++) {
        struct judging *one = &matcher->hand[i];

        one->answers = malloc(set->condition_count + 1);
        one->undecided =
            malloc((set->rule_count + 1) * sizeof(*one->undecided));
        one->pending = malloc(room);
        if (one->answers == NULL || one->undecided == NULL ||
            one->pending == NULL)
            return false;
    }
    return true;
}

struct rules_matcher *rules_matcher_new(const struct rules *rules)
{
    struct rules_matcher *matcher = calloc(1, sizeof(*matcher));

    if (matcher == NULL)
        return NULL;
    matcher->set = rules;
    for (size_t i = rules->rule_count; i-- > 0;)
        if (rules->rules[i].purges)
            matcher->purging = &rules->rules[i];
    if (!prepare_regexes(matcher) || !prepare_hand(matcher)) {
        rules_matcher_free(matcher);
        return NULL;
    }
    return matcher;
}

void rules_matcher_free(struct rules_matcher *matcher)
{
    if (matcher == NULL)
        return;
    pcre2_match_data_free(matcher->match_data);
    pcre2_match_context_free(matcher->context);
    if (matcher->jit_stack != NULL)
        pcre2_jit_stack_free(matcher->jit_stack);
    free(matcher->memory);
    for (size_t i = 0; i < RULES_HAND; i++) {
        free(matcher->hand[i].answers);
        free(matcher->hand[i].undecided);
        free(matcher->hand[i].pending);
    }
    free(matcher);
}
