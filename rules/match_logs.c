#include "rules/match.h"

#include <assert.h>

#include "parsers/hash.h"
#include "rules/fields.h"
#include "rules/logs.h"

/* ---- the fields of a log line ---- */

/* Values that are handed out: two fields can be looked at side by side. */
static struct event_values *next_values(struct rules_event_line *event)
{
    event->next ^= 1;
    event->values[event->next].count = 0;
    event->values[event->next].text_bytes = 0;
    return &event->values[event->next];
}

static bool add_text(struct event_values *values, struct slice text)
{
    if (slice_is_absent(text))
        return true;
    if (values->count == RULES_EVENT_VALUES_MAX)
        return false;
    values->items[values->count++] = (struct field_value){.text = text};
    return true;
}

/* False when there is no room: then nobody knows. */
static bool add_domain(struct event_values *values, struct slice address)
{
    struct slice domain = logline_domain(address_bare(address));
    char *copy = values->text + values->text_bytes;

    if (domain.len > sizeof(values->text) - values->text_bytes)
        return false;
    for (size_t i = 0; i < domain.len; i++)
        copy[i] = byte_lower(domain.ptr[i]);
    values->text_bytes += domain.len;
    return slice_is_absent(domain) ||
           add_text(values, slice_make(copy, domain.len));
}

static bool add_recipients(struct event_values *values,
                           const struct logline *line, bool is_domain)
{
    struct slice rest = line->recipients, recipient;

    if (slice_is_absent(rest))
        return is_domain ? add_domain(values, line->recipient)
                         : add_text(values, line->recipient);
    while (logline_next_recipient(&rest, &recipient))
        if (!(is_domain ? add_domain(values, recipient)
                        : add_text(values, recipient)))
            return false;
    return true;
}

/* Of a "to" line the relay is where the mail went, not who brought it. */
static bool add_source(struct event_values *values, const struct logline *line)
{
    size_t len;

    if (!line->peer.has_ip || logline_shape(line->kind) == SHAPE_TO)
        return true;
    len = ip_format(&line->peer.ip, values->text);
    return add_text(values, slice_make(values->text, len));
}

static bool collect(const struct logline *line, enum rules_field_id field,
                    struct event_values *values)
{
    switch (field) {
    case FIELD_EVENT_RECIPIENT:
        return add_recipients(values, line, false);
    case FIELD_EVENT_RECIPIENT_DOMAIN:
        return add_recipients(values, line, true);
    case FIELD_EVENT_SENDER_DOMAIN:
        return add_domain(values, line->sender);
    case FIELD_EVENT_SOURCE:
        return add_source(values, line);
    default:
        return true;
    }
}

void rules_event_fetch(void *event_line, enum rules_field_id field,
                       struct slice header, struct field_view *view_r)
{
    struct rules_event_line *event = event_line;
    struct event_values *values = next_values(event);
    uint16_t place = fields_line_places[field];

    (void)header;
    view_r->state = FIELD_UNDECIDED;
    view_r->values = values->items;
    view_r->value_count = 0;
    if (!(place != 0 ? add_text(values, *fields_line_text(event->line, place))
                     : collect(event->line, field, values)))
        return;
    view_r->state = values->count > 0 ? FIELD_PRESENT : FIELD_ABSENT;
    view_r->value_count = values->count;
}

/* ---- lines that repeat ---- */

static inline uint64_t answers_of(struct rules_matcher *matcher,
                                  const struct shape_plan *plan,
                                  struct rules_event_line *event)
{
    const struct answered_field *end =
        plan->answered + plan->answered_field_count;
    const uint16_t *next = plan->conditions;
    uint64_t answers = 0;

    for (const struct answered_field *field = plan->answered; field < end;
         next += field->count, field++) {
        struct slice text = *fields_line_text(event->line, field->place);

        answers <<= 2 * field->count & 63;
        if (!slice_is_absent(text))
            answers |= match_answers(matcher, next, field->count, text, event);
    }
    return answers;
}

/* Of what the events of its shape see of a line; 0 when it cannot be told. Of a
 * text that is too long for a regex the beginning does not tell the answer. */
static inline uint64_t hash_seen(const uint64_t key[2],
                                 const struct shape_plan *plan, unsigned shape,
                                 uint64_t answers, const struct logline *line)
{
    const struct seen_field *end = plan->seen + plan->seen_count;
    uint64_t hash = hash_product(key[0] ^ answers, key[1] ^ shape);

    for (const struct seen_field *field = plan->seen; field < end; field++) {
        struct slice text = *fields_line_text(line, field->place);
        uint64_t part = 0; /* absent */

        if (text.len > REGEX_TEXT_MAX_BYTES)
            return 0;
        if (!slice_is_absent(text))
            part = keyed_hash(key, slice_head(text, field->max_bytes));
        hash = hash_product(hash ^ part, ~key[1]);
    }
    return hash;
}

uint64_t rules_match_line(struct rules_matcher *matcher,
                          const struct logline *line)
{
    unsigned shape = logline_shape(line->kind);
    const struct shape_plan *plan = &match_set(matcher)->shapes[shape];
    struct memory *memory = match_memory(matcher);
    struct remembered_line *place;
    struct rules_event_line event;
    uint64_t answers, hash = 0;

    if (line->is_hostile || plan->events == 0)
        return 0;
    event.line = line;
    event.next = 0;
    answers = answers_of(matcher, plan, &event);
    if (memory != NULL && plan->answered_count + plan->seen_count > 0)
        hash = hash_seen(memory->key, plan, shape, answers, line);
    if (hash == 0)
        return match_events(matcher, plan, answers, &event);
    /* It has one place, and what was there before is forgotten. */
    place = &memory->lines[hash % REMEMBERED_LINES];
    if (place->hash != hash) {
        place->events = match_events(matcher, plan, answers, &event);
        place->hash = hash;
    }
    return place->events;
}

/* ---- rules on source ---- */

enum rules_answer rules_judge_source(struct rules_matcher *matcher,
                                     size_t source_rule, rules_fetch fetch,
                                     void *source)
{
    match_begin(matcher, fetch, source);
    return rules_judge_source_again(matcher, source_rule);
}

enum rules_answer rules_judge_member_again(struct rules_matcher *matcher,
                                           size_t source_rule,
                                           rules_fetch fetch, void *source)
{
    const struct rules *set = match_set(matcher);

    assert(source_rule < set->source_rule_count);
    match_begin(matcher, fetch, source);
    return match_rule_later(matcher, &set->source_rules[source_rule].rule);
}

enum rules_answer rules_judge_source_again(struct rules_matcher *matcher,
                                           size_t source_rule)
{
    const struct rules *set = match_set(matcher);

    assert(source_rule < set->source_rule_count);
    return match_rule(matcher, &set->source_rules[source_rule].rule);
}
