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

/* What the events of its shape see of a line. */
struct seen {
    uint64_t texts[LINE_MEMORY_WORDS]; /* that are there */
    size_t word_count;
    uint64_t answers, lens; /* as in struct line_memory */
    uint64_t hash;          /* of the texts; loose_hash tells why not keyed */
};

/* Most texts have at most sixteen bytes. Returns a hash of them. */
static inline uint64_t put_short(uint64_t words_r[2], struct slice text)
{
    hash_words(text, words_r);
    return words_r[0] * UINT64_C(0xff51afd7ed558ccd) + words_r[1];
}

static uint64_t put_long(uint64_t *words_r, struct slice text)
{
    words_r[(text.len - 1) / 8] = 0;
    memcpy(words_r, text.ptr, text.len);
    return loose_hash(text);
}

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

/* False when there is too much of it. Of a text that is too long for a regex
 * the beginning does not tell the answer. */
static inline bool read_seen(const struct logline *line,
                             const struct shape_plan *plan, struct seen *seen_r)
{
    const struct seen_field *end = plan->seen + plan->seen_count;
    uint64_t lens = 0, hash = 0;
    size_t count = 0;

    for (const struct seen_field *field = plan->seen; field < end; field++) {
        struct slice text = *fields_line_text(line, field->place);

        if (slice_is_absent(text)) {
            lens = lens << 8 | LINE_MEMORY_ABSENT;
            continue;
        }
        if (text.len > REGEX_TEXT_MAX_BYTES)
            return false;
        text = slice_head(text, field->max_bytes);
        lens = lens << 8 | text.len;
        if (text.len <= 16) {
            if (count + 2 > LINE_MEMORY_WORDS)
                return false;
            hash = hash * 31 + put_short(seen_r->texts + count, text);
            count += 2;
        } else {
            if (text.len > 8 * (LINE_MEMORY_WORDS - count))
                return false;
            hash = hash * 31 + put_long(seen_r->texts + count, text);
            count += (text.len + 7) / 8;
        }
    }
    seen_r->word_count = count;
    seen_r->lens = lens;
    seen_r->hash = hash;
    return true;
}

/* Whoever writes the texts can at most have their lines judged again: one that
 * is looked for has one place, and what was there before is forgotten. */
static inline size_t place_of(const struct seen *seen, unsigned shape)
{
    uint64_t hash =
        ((seen->hash ^ seen->answers) + shape) * UINT64_C(0x9e3779b97f4a7c15);

    return (hash >> 32) % LINE_MEMORY_PLACES;
}

static inline bool is_remembered(const struct line_memory *place,
                                 const struct seen *seen, unsigned shape)
{
    if (place->shape != shape + 1 || place->answers != seen->answers ||
        place->lens != seen->lens)
        return false;
    for (size_t i = 0; i < seen->word_count; i++)
        if (place->texts[i] != seen->texts[i])
            return false;
    return true;
}

static void remember_line(struct line_memory *place, const struct seen *seen,
                          unsigned shape, uint64_t events)
{
    place->events = events;
    place->answers = seen->answers;
    place->lens = seen->lens;
    place->shape = (uint8_t)(shape + 1);
    memcpy(place->texts, seen->texts, seen->word_count * 8);
}

uint64_t rules_match_line(struct rules_matcher *matcher,
                          const struct logline *line)
{
    unsigned shape = logline_shape(line->kind);
    const struct shape_plan *plan = &match_set(matcher)->shapes[shape];
    struct rules_event_line event;
    struct line_memory *place;
    struct seen seen;

    if (line->is_hostile || plan->events == 0)
        return 0;
    event.line = line;
    event.next = 0;
    seen.answers = answers_of(matcher, plan, &event);
    if (plan->answered_count + plan->seen_count == 0 ||
        !read_seen(line, plan, &seen))
        return match_events(matcher, plan, seen.answers, &event);
    place = &match_line_memory(matcher)[place_of(&seen, shape)];
    if (!is_remembered(place, &seen, shape))
        remember_line(place, &seen, shape,
                      match_events(matcher, plan, seen.answers, &event));
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

enum rules_answer rules_judge_source_again(struct rules_matcher *matcher,
                                           size_t source_rule)
{
    const struct rules *set = match_set(matcher);

    assert(source_rule < set->source_rule_count);
    return match_rule(matcher, &set->source_rules[source_rule].rule);
}
