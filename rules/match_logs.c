#include "rules/match.h"

#include <assert.h>

#include "parsers/hash.h"
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
    case FIELD_EVENT_TEXT:
        return add_text(values, line->text);
    case FIELD_EVENT_RECIPIENT:
        return add_recipients(values, line, false);
    case FIELD_EVENT_RECIPIENT_DOMAIN:
        return add_recipients(values, line, true);
    case FIELD_EVENT_SENDER:
        return add_text(values, line->sender);
    case FIELD_EVENT_SENDER_DOMAIN:
        return add_domain(values, line->sender);
    case FIELD_EVENT_USER:
        return add_text(values, line->user);
    case FIELD_EVENT_SOURCE:
        return add_source(values, line);
    case FIELD_EVENT_RELAY:
        return add_text(values, line->relay);
    case FIELD_EVENT_STATUS:
        return add_text(values, line->status);
    case FIELD_EVENT_DSN:
        return add_text(values, line->dsn);
    case FIELD_EVENT_REPLY:
        return add_text(values, line->reply);
    case FIELD_EVENT_REASON:
        return add_text(values, line->reason);
    case FIELD_EVENT_RULESET:
        return add_text(values, line->ruleset);
    case FIELD_EVENT_COMMAND:
        return add_text(values, line->command);
    case FIELD_EVENT_HOST:
        return add_text(values, line->host);
    case FIELD_EVENT_TAG:
        return add_text(values, line->tag);
    default:
        return true;
    }
}

void rules_event_fetch(void *event_line, enum rules_field_id field,
                       struct slice header, struct field_view *view_r)
{
    struct rules_event_line *event = event_line;
    struct event_values *values = next_values(event);

    (void)header;
    *view_r = (struct field_view){FIELD_UNDECIDED, NULL, 0};
    if (!collect(event->line, field, values))
        return;
    *view_r =
        (struct field_view){values->count > 0 ? FIELD_PRESENT : FIELD_ABSENT,
                            values->items, values->count};
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

static struct slice repeating_field(const struct logline *line,
                                    enum rules_field_id field)
{
    switch (field) {
    case FIELD_EVENT_STATUS:
        return line->status;
    case FIELD_EVENT_DSN:
        return line->dsn;
    case FIELD_EVENT_REPLY:
        return line->reply;
    case FIELD_EVENT_REASON:
        return line->reason;
    case FIELD_EVENT_RULESET:
        return line->ruleset;
    case FIELD_EVENT_COMMAND:
        return line->command;
    case FIELD_EVENT_HOST:
        return line->host;
    default:
        return line->tag;
    }
}

/* All that the events of its shape ask for, with lengths between; absent is
 * another text than empty. Returns its length, 0 when it is too long. */
static size_t join_fields(const struct logline *line, uint32_t fields,
                          char text[static LINE_MEMORY_BYTES])
{
    size_t len = 0;

    for (; fields != 0; fields &= fields - 1) {
        struct slice field =
            repeating_field(line, (enum rules_field_id)(FIELD_EVENT_TEXT +
                                                        __builtin_ctz(fields)));

        if (field.len + 1 > LINE_MEMORY_BYTES - len)
            return 0;
        text[len++] = slice_is_absent(field) ? '\xff' : (char)field.len;
        if (field.len > 0)
            memcpy(text + len, field.ptr, field.len);
        len += field.len;
    }
    return len;
}

/* The place of a line in the memory; NULL when it is not remembered. */
static struct line_memory *find_place(struct rules_matcher *matcher,
                                      const struct logline *line,
                                      unsigned shape, bool *is_known_r)
{
    uint32_t fields = match_set(matcher)->shapes[shape].repeating_fields;
    struct line_memory *place;
    char text[LINE_MEMORY_BYTES];
    size_t len = join_fields(line, fields, text);
    uint32_t hash;

    *is_known_r = false;
    if (len == 0)
        return NULL;
    hash = loose_hash(slice_make(text, len)) + shape;
    place = &match_line_memory(matcher)[hash % LINE_MEMORY_PLACES];
    if (place->hash == hash && place->len == len && place->shape == shape &&
        memcmp(place->text, text, len) == 0) {
        *is_known_r = true;
        return place;
    }
    place->hash = hash;
    place->len = (uint16_t)len;
    place->shape = (uint8_t)shape;
    memcpy(place->text, text, len);
    return place;
}

uint64_t rules_match_line(struct rules_matcher *matcher,
                          const struct logline *line)
{
    unsigned shape = logline_shape(line->kind);
    struct rules_event_line event;
    struct line_memory *place;
    uint64_t events;
    bool is_known;

    if (line->is_hostile || match_set(matcher)->shapes[shape].events == 0)
        return 0;
    place = find_place(matcher, line, shape, &is_known);
    if (is_known)
        return place->events;
    event.line = line;
    event.next = 0;
    events = rules_match_events(matcher, shape, rules_event_fetch, &event);
    if (place != NULL)
        place->events = events;
    return events;
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
