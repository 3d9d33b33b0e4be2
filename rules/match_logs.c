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

static const struct slice *text_at(const struct logline *line, uint16_t place)
{
    return (const struct slice *)((const char *)line + place);
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
    if (!(place != 0 ? add_text(values, *text_at(event->line, place))
                     : collect(event->line, field, values)))
        return;
    view_r->state = values->count > 0 ? FIELD_PRESENT : FIELD_ABSENT;
    view_r->value_count = values->count;
}

/* ---- events ---- */

uint64_t rules_match_events(struct rules_matcher *matcher, unsigned shape,
                            rules_fetch fetch, void *line)
{
    const struct rules *set = match_set(matcher);
    const struct shape_plan *plan = &set->shapes[shape];
    uint64_t matched = 0;

    assert(shape < SHAPE_COUNT);
    match_forget(matcher, plan->conditions, plan->condition_count);
    for (uint64_t left = plan->events; left != 0; left &= left - 1) {
        int event = __builtin_ctzll(left);

        if (match_rule(matcher, &set->events[event].rule, fetch, line) ==
            ANSWER_YES)
            matched |= UINT64_C(1) << event;
    }
    return matched;
}

/* ---- lines that repeat ---- */

/* What the events of its shape see of a line. */
struct seen {
    struct slice texts[SEEN_FIELDS_MAX]; /* that are there */
    size_t count;
    uint64_t lens; /* as in struct line_memory */
    uint64_t hash;
};

/* False when there is too much of it. Of a text that is too long for a regex
 * the beginning does not tell the answer. */
static inline bool read_seen(const struct logline *line,
                             const struct shape_plan *plan, struct seen *seen_r)
{
    const struct seen_field *end = plan->seen + plan->seen_count;
    size_t bytes = 0, count = 0;
    uint64_t lens = 0, hash = 0;

    for (const struct seen_field *field = plan->seen; field < end; field++) {
        struct slice text = *text_at(line, field->place);

        if (slice_is_absent(text)) {
            lens = lens << 8 | LINE_MEMORY_ABSENT;
            continue;
        }
        if (text.len > REGEX_TEXT_MAX_BYTES)
            return false;
        text = slice_head(text, field->max_bytes);
        bytes += text.len;
        if (bytes > LINE_MEMORY_BYTES)
            return false;
        lens = lens << 8 | text.len;
        hash = hash * 31 + loose_hash(text);
        seen_r->texts[count++] = text;
    }
    seen_r->count = count;
    seen_r->lens = lens;
    seen_r->hash = hash;
    return true;
}

static bool is_remembered(const struct line_memory *place,
                          const struct seen *seen)
{
    const char *text = place->texts;

    for (size_t i = 0; i < seen->count; i++) {
        if (memcmp(text, seen->texts[i].ptr, seen->texts[i].len) != 0)
            return false;
        text += seen->texts[i].len;
    }
    return true;
}

static void remember_line(struct line_memory *place, const struct seen *seen,
                          unsigned shape, uint64_t events)
{
    char *text = place->texts;

    place->events = events;
    place->lens = seen->lens;
    place->shape = (uint8_t)(shape + 1);
    for (size_t i = 0; i < seen->count; i++) {
        memcpy(text, seen->texts[i].ptr, seen->texts[i].len);
        text += seen->texts[i].len;
    }
}

static uint64_t judge_line(struct rules_matcher *matcher,
                           const struct logline *line, unsigned shape)
{
    struct rules_event_line event;

    event.line = line;
    event.next = 0;
    return rules_match_events(matcher, shape, rules_event_fetch, &event);
}

/* Whoever writes the texts can at most have their lines judged again: one that
 * is looked for has one place, and what was there before is forgotten. */
uint64_t rules_match_line(struct rules_matcher *matcher,
                          const struct logline *line)
{
    unsigned shape = logline_shape(line->kind);
    const struct shape_plan *plan = &match_set(matcher)->shapes[shape];
    struct line_memory *place;
    struct seen seen;

    if (line->is_hostile || plan->events == 0)
        return 0;
    if (plan->seen_count == 0 || !read_seen(line, plan, &seen))
        return judge_line(matcher, line, shape);
    place =
        &match_line_memory(matcher)[(seen.hash + shape) % LINE_MEMORY_PLACES];
    if (place->shape != shape + 1 || place->lens != seen.lens ||
        !is_remembered(place, &seen))
        remember_line(place, &seen, shape, judge_line(matcher, line, shape));
    return place->events;
}

/* ---- rules on source ---- */

enum rules_answer rules_judge_source(struct rules_matcher *matcher,
                                     size_t source_rule, rules_fetch fetch,
                                     void *source)
{
    const struct rules *set = match_set(matcher);

    assert(source_rule < set->source_rule_count);
    match_forget_all(matcher);
    return match_rule(matcher, &set->source_rules[source_rule].rule, fetch,
                      source);
}
