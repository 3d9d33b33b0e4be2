#include "rules/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "parsers/array.h"
#include "parsers/hostname.h"
#include "parsers/status.h"
#include "rules/check_logs.h"
#include "rules/fields.h"
#include "rules/logs.h"
#include "rules/match.h"

/* ---- reading a sample ---- */

/* What the qf letters said, before it becomes fields. */
struct letters {
    struct slice flags, sender, status; /* status: of the envelope */
    struct sample_recipient *first, *last;
    int64_t recipient_count;
};

struct sample_recipient {
    struct slice address, status;
    struct sample_recipient *next;
};

struct reader {
    struct sample *sample;
    const struct list_set *lists;
    enum rules_scope scope;
    struct slice text;
    size_t at;
    struct letters letters;
    sample_note note;
    void *context;
};

static bool fail(struct reader *reader, size_t offset, const char *why,
                 const char *what, struct slice shown)
{
    struct sample_error error = {.offset = offset, .why = why};

    snprintf(error.what, sizeof(error.what), "%s '%s'", what,
             lex_show(shown).text);
    reader->note(reader->context, &error);
    return false;
}

static bool fail_memory(struct reader *reader)
{
    return fail(reader, 0, "out of memory", "sample", reader->text);
}

static bool unknown_name(struct reader *reader, size_t offset,
                         struct slice name)
{
    return fail(reader, offset,
                reader->scope == SCOPE_MESSAGE
                    ? "it is a letter of F N M S R q P, a field, or list.NAME"
                    : "it is a field of sources, or list.NAME",
                "unknown name", name);
}

static bool append(struct sample *sample, struct sample_value value)
{
    struct sample_value *values = array_with_room(
        sample->values, sample->count, &sample->capacity, sizeof(*values));

    if (values == NULL)
        return false;
    sample->values = values;
    sample->values[sample->count++] = value;
    return true;
}

static bool add_value(struct reader *reader, enum rules_field_id field,
                      struct slice header, struct slice text, int64_t number)
{
    struct sample_value value = {
        field, header, {.text = text, .number = number}};

    return append(reader->sample, value) || fail_memory(reader);
}

static bool has_value(const struct sample *sample, enum rules_field_id field)
{
    for (size_t i = 0; i < sample->count; i++)
        if (sample->values[i].field == field)
            return true;
    return false;
}

/* One part of a value: a quoted run or the bytes up to a quote or blank. */
static bool read_part(struct reader *reader, char *text, size_t *len)
{
    bool is_quoted = reader->text.ptr[reader->at] == '"';
    size_t begin = reader->at;

    reader->at += is_quoted;
    for (; reader->at < reader->text.len; reader->at++) {
        char byte = reader->text.ptr[reader->at];

        if (byte == '"' || (!is_quoted && byte_is_blank(byte)))
            break;
        if (is_quoted && byte == '\\' && reader->at + 1 < reader->text.len &&
            (reader->text.ptr[reader->at + 1] == '"' ||
             reader->text.ptr[reader->at + 1] == '\\'))
            byte = reader->text.ptr[++reader->at];
        text[(*len)++] = byte;
    }
    if (is_quoted && reader->at == reader->text.len)
        return fail(reader, begin, "a value begun with \" must be closed",
                    "no closing quote after", slice_skip(reader->text, begin));
    reader->at += is_quoted;
    return true;
}

static bool read_value(struct reader *reader, struct slice *value_r)
{
    char *text =
        pool_alloc(&reader->sample->pool, reader->text.len - reader->at + 1);
    size_t len = 0;

    if (text == NULL)
        return fail_memory(reader);
    while (reader->at < reader->text.len &&
           !byte_is_blank(reader->text.ptr[reader->at]))
        if (!read_part(reader, text, &len))
            return false;
    *value_r = slice_make(text, len);
    return true;
}

static bool read_number(struct reader *reader, size_t offset,
                        enum rules_field_id field, struct slice value)
{
    const char *expected;
    int64_t number;

    if (!fields_number(rules_fields[field].type, value, &number, &expected))
        return fail(reader, offset, expected, "this is no such value:", value);
    return add_value(reader, field, (struct slice){NULL, 0},
                     (struct slice){NULL, 0}, number);
}

/* NAME=VALUE where NAME is that of a field. */
static bool read_field(struct reader *reader, size_t offset, struct slice name,
                       struct slice value)
{
    enum rules_field_id field;
    struct slice header;
    struct ip ip;

    if (!fields_find(reader->scope, name, &field, &header))
        return unknown_name(reader, offset, name);
    if (!rules_fields[field].has_many && has_value(reader->sample, field))
        return fail(reader, offset, "the field has one value",
                    "a second value for", name);
    if (!fields_is_text(rules_fields[field].type))
        return read_number(reader, offset, field, value);
    if (rules_fields[field].type == TYPE_WORD && !fields_has_word(field, value))
        return fail(reader, offset, fields_words(field),
                    "this is no such value:", value);
    if (rules_fields[field].type == TYPE_ADDRESS && !ip_parse(value, &ip))
        return fail(reader, offset, "the field holds an address",
                    "this is no such value:", value);
    return add_value(reader, field, header, value, 0);
}

static bool read_list(struct reader *reader, size_t offset, struct slice name,
                      struct slice value)
{
    const struct named_list *list = list_set_find(reader->lists, name);
    struct sample_list *extra;

    if (list == NULL)
        return fail(reader, offset, "list.NAME puts a value into a list",
                    "unknown list", name);
    extra = pool_alloc(&reader->sample->pool, sizeof(*extra));
    if (extra == NULL)
        return fail_memory(reader);
    *extra = (struct sample_list){.list = list, .next = reader->sample->lists};
    reader->sample->lists = extra;
    if (list_add(&extra->table, value, list->kind) != LIST_OK)
        return fail(reader, offset, "it is no value for a list",
                    "this is no such value:", value);
    list_seal(&extra->table);
    return true;
}

static bool read_recipient(struct reader *reader, struct slice value)
{
    struct letters *letters = &reader->letters;
    struct sample_recipient *recipient =
        pool_alloc(&reader->sample->pool, sizeof(*recipient));

    if (recipient == NULL)
        return fail_memory(reader);
    *recipient = (struct sample_recipient){value, {NULL, 0}, NULL};
    if (letters->last == NULL)
        letters->first = recipient;
    else
        letters->last->next = recipient;
    letters->last = recipient;
    letters->recipient_count++;
    return true;
}

static bool read_letter(struct reader *reader, size_t offset, char letter,
                        struct slice value)
{
    struct letters *letters = &reader->letters;
    struct slice *status =
        letters->last == NULL ? &letters->status : &letters->last->status;

    switch (letter) {
    case 'F':
        letters->flags = value;
        return true;
    case 'S':
        letters->sender = value;
        return true;
    case 'M':
        *status = value;
        return true;
    case 'R':
        return read_recipient(reader, value);
    case 'N':
        return read_number(reader, offset, FIELD_TRIES, value);
    case 'P':
        return read_number(reader, offset, FIELD_PRIORITY, value);
    case 'q':
        /* Held mail is classed before any rule; there is no field for it. */
        return true;
    default:
        return unknown_name(reader, offset, slice_make(&letter, 1));
    }
}

static bool read_pair(struct reader *reader)
{
    const struct slice prefix = SLICE_LITERAL("list.");
    size_t offset = reader->at;
    struct slice name = slice_skip(reader->text, offset), value;

    name = slice_head(name, slice_index(name, '='));
    for (size_t i = 0; i < name.len; i++)
        if (byte_is_blank(name.ptr[i]))
            name.len = i;
    reader->at += name.len;
    if (reader->at == reader->text.len || reader->text.ptr[reader->at] != '=')
        return fail(reader, offset, "a sample is NAME=VALUE NAME=VALUE ...",
                    "no '=' in", name);
    reader->at++;
    if (!read_value(reader, &value))
        return false;
    if (name.len == 0)
        return fail(reader, offset, "a sample is NAME=VALUE NAME=VALUE ...",
                    "no name before",
                    slice_make(reader->text.ptr + offset, reader->at - offset));
    if (name.len == 1 && reader->scope == SCOPE_MESSAGE)
        return read_letter(reader, offset, name.ptr[0], value);
    if (slice_starts(name, prefix))
        return read_list(reader, offset, slice_skip(name, prefix.len), value);
    return read_field(reader, offset, name, value);
}

/* ---- fields that follow from letters and other fields ---- */

static bool derive(struct reader *reader, enum rules_field_id field,
                   struct slice text)
{
    return slice_is_absent(text) ||
           add_value(reader, field, (struct slice){NULL, 0}, text, 0);
}

static struct slice origin_of(const struct letters *letters)
{
    if (!slice_is_absent(letters->flags) &&
        slice_index(letters->flags, 'r') < letters->flags.len)
        return SLICE_LITERAL("local-dsn");
    if (slice_is_absent(letters->sender))
        return (struct slice){NULL, 0};
    if (address_bare(letters->sender).len == 0)
        return SLICE_LITERAL("null-sender");
    return SLICE_LITERAL("mail");
}

static bool derive_sender(struct reader *reader)
{
    struct slice bare;

    if (slice_is_absent(reader->letters.sender))
        return true;
    bare = address_bare(reader->letters.sender);
    if (slice_is_absent(bare))
        bare = SLICE_LITERAL("");
    return derive(reader, FIELD_SENDER, bare) &&
           derive(reader, FIELD_SENDER_DOMAIN, address_domain(bare));
}

static struct slice lower(struct reader *reader, struct slice text)
{
    char *copy;

    if (slice_is_absent(text))
        return text;
    copy = pool_alloc(&reader->sample->pool, text.len + 1);
    if (copy == NULL)
        return (struct slice){NULL, 0};
    for (size_t i = 0; i < text.len; i++)
        copy[i] = byte_lower(text.ptr[i]);
    return slice_make(copy, text.len);
}

/* One value of one of several recipients: there, if empty, when others have
 * one, so that "every value" means every recipient. */
static bool derive_one(struct reader *reader, enum rules_field_id field,
                       struct slice text)
{
    return derive(reader, field,
                  slice_is_absent(text) ? SLICE_LITERAL("") : text);
}

static bool derive_recipient(struct reader *reader,
                             const struct sample_recipient *recipient)
{
    struct slice bare = address_bare(recipient->address);
    struct slice status = recipient->status;

    if (slice_is_absent(status))
        status = reader->letters.status;
    return derive_one(reader, FIELD_RECIPIENT, bare) &&
           derive_one(reader, FIELD_RECIPIENT_DOMAIN,
                      lower(reader, address_domain(bare))) &&
           derive_one(reader, FIELD_STATUS, status) &&
           derive_one(reader, FIELD_RECIPIENT_HOST,
                      lower(reader, status_host(status)));
}

/* What the sample names itself stands as it is. */
static bool derive_recipients(struct reader *reader)
{
    const struct letters *letters = &reader->letters;

    for (const struct sample_recipient *recipient = letters->first;
         recipient != NULL; recipient = recipient->next)
        if (!derive_recipient(reader, recipient))
            return false;
    if (letters->first == NULL)
        return derive(reader, FIELD_STATUS, letters->status);
    return add_value(reader, FIELD_RECIPIENTS, (struct slice){NULL, 0},
                     (struct slice){NULL, 0}, letters->recipient_count);
}

/* Of the named address and name, if there is an address. */
static bool derive_generic(struct reader *reader)
{
    const struct sample *sample = reader->sample;
    struct slice name = {NULL, 0};
    struct ip ip;
    bool has_ip = false;

    for (size_t i = 0; i < sample->count; i++) {
        struct slice text = sample->values[i].value.text;

        if (sample->values[i].field == FIELD_SOURCE)
            has_ip = ip_parse(text, &ip);
        else if (sample->values[i].field == FIELD_SOURCE_NAME)
            name = text;
    }
    return !has_ip ||
           add_value(reader, FIELD_SOURCE_GENERIC, (struct slice){NULL, 0},
                     (struct slice){NULL, 0},
                     name.len == 0 || name_is_generic(name, &ip));
}

static bool derive_all(struct reader *reader)
{
    const struct letters *letters = &reader->letters;

    return derive(reader, FIELD_ORIGIN, origin_of(letters)) &&
           derive(reader, FIELD_FLAGS, letters->flags) &&
           derive(reader, FIELD_STATUS_ENVELOPE, letters->status) &&
           derive_sender(reader) && derive_recipients(reader) &&
           derive_generic(reader);
}

/* Fields named in the sample win over those that follow from its letters, and
 * what no recipient has is absent. */
static void drop_overruled(struct sample *sample, size_t named_count)
{
    size_t kept = named_count;
    bool is_named[FIELD_COUNT] = {false}, is_filled[FIELD_COUNT] = {false};

    for (size_t i = 0; i < sample->count; i++) {
        const struct sample_value *value = &sample->values[i];

        is_named[value->field] |= i < named_count;
        is_filled[value->field] |=
            value->value.text.len > 0 || !rules_fields[value->field].has_many;
    }
    for (size_t i = named_count; i < sample->count; i++) {
        enum rules_field_id field = sample->values[i].field;

        if (!is_named[field] && is_filled[field])
            sample->values[kept++] = sample->values[i];
    }
    sample->count = kept;
}

static bool make_views(struct sample *sample)
{
    for (int i = 0; i < 2; i++) {
        sample->views[i] = pool_alloc(
            &sample->pool, (sample->count + 1) * sizeof(*sample->views[i]));
        if (sample->views[i] == NULL)
            return false;
    }
    return true;
}

bool sample_add_unnamed(struct sample *sample, enum rules_field_id field,
                        struct field_value value)
{
    struct sample_value added = {field, {NULL, 0}, value};

    return has_value(sample, field) ||
           (append(sample, added) && make_views(sample));
}

bool sample_parse(struct sample *sample, const struct list_set *lists,
                  enum rules_scope scope, struct slice text, sample_note note,
                  void *context)
{
    struct reader reader = {.sample = sample,
                            .lists = lists,
                            .scope = scope,
                            .text = text,
                            .note = note,
                            .context = context};
    size_t named_count;
    bool is_good = true;

    *sample = (struct sample){0};
    for (;;) {
        while (reader.at < text.len && byte_is_blank(text.ptr[reader.at]))
            reader.at++;
        if (reader.at == text.len)
            break;
        is_good = read_pair(&reader) && is_good;
    }
    named_count = sample->count;
    if (!is_good || !derive_all(&reader))
        return false;
    drop_overruled(sample, named_count);
    return make_views(sample) || fail_memory(&reader);
}

void sample_free(struct sample *sample)
{
    for (struct sample_list *list = sample->lists; list != NULL;
         list = list->next)
        list_free(&list->table);
    free(sample->values);
    pool_free(&sample->pool);
}

void sample_fetch(void *message, enum rules_field_id field, struct slice header,
                  struct field_view *view_r)
{
    struct sample *sample = message;
    struct field_value *values = sample->views[sample->next_view++ % 2];

    *view_r = (struct field_view){FIELD_ABSENT, values, 0};
    for (size_t i = 0; i < sample->count; i++)
        if (sample->values[i].field == field &&
            (field != FIELD_HEADER ||
             slice_equal_nocase(sample->values[i].header, header)))
            values[view_r->value_count++] = sample->values[i].value;
    if (view_r->value_count > 0)
        view_r->state = FIELD_PRESENT;
}

/* ---- running samples ---- */

struct check {
    const struct rules *set;
    struct rules_matcher *matcher;
    rules_report report;
    void *context;
    struct rules_check_result *result;
};

static void report_failure(const struct check *check,
                           const struct rule_sample *sample, const char *what,
                           const char *why)
{
    struct rules_problem problem = {check->set->file_names[sample->place.file],
                                    sample->place.line,
                                    0,
                                    false,
                                    what,
                                    why};

    check->result->failed_count++;
    if (check->report != NULL)
        check->report(check->context, &problem);
}

/* One stanza and how its samples are held against it. */
struct subject {
    const struct rule *rule;
    enum rules_scope scope;
    size_t number; /* in its scope */
};

/* What a sample came to, and what kept it from matching: a line of the rule,
 * or for want of one a sentence. */
struct outcome {
    enum rules_answer answer;
    const struct rule_line *failed;
    const struct condition *condition;
    const char *why;
    char text[120]; /* that why may be made in */
};

static void judge_with(const struct check *check, const struct subject *subject,
                       struct sample *sample, rules_fetch fetch, void *message,
                       struct outcome *outcome)
{
    match_use_sample(check->matcher, sample);
    outcome->answer = match_one(check->matcher, subject->rule, fetch, message,
                                &outcome->failed, &outcome->condition);
    match_use_sample(check->matcher, NULL);
}

/* The compiler has read the sample before: only memory can be short. */
static void keep_error(void *context, const struct sample_error *error)
{
    struct outcome *outcome = context;

    outcome->why = error->why;
}

static void run_message(const struct check *check,
                        const struct subject *subject, struct slice text,
                        struct outcome *outcome)
{
    struct sample message;

    if (sample_parse(&message, check->set->lists, SCOPE_MESSAGE, text,
                     keep_error, outcome))
        judge_with(check, subject, &message, sample_fetch, &message, outcome);
    sample_free(&message);
}

static void run_line(const struct check *check, const struct subject *subject,
                     struct slice text, struct outcome *outcome)
{
    unsigned shapes = check->set->events[subject->number].shapes;
    struct sample no_sample = {.count = 0};
    struct rules_event_line event = {.next = 0};
    struct logline line;

    outcome->answer = ANSWER_NO;
    if (logline_parse(text, NULL, &line) != LOGLINE_OK)
        outcome->why = "it is no line of sendmail";
    else if (line.is_hostile)
        outcome->why = "a line that says one thing twice is no event";
    else if ((shapes >> logline_shape(line.kind) & 1) == 0) {
        snprintf(outcome->text, sizeof(outcome->text),
                 "it is of shape %s, which the event does not look at",
                 logline_shape_text(logline_shape(line.kind)));
        outcome->why = outcome->text;
    } else {
        event.line = &line;
        judge_with(check, subject, &no_sample, rules_event_fetch, &event,
                   outcome);
    }
}

static void run_traffic(const struct check *check,
                        const struct subject *subject, struct slice text,
                        struct outcome *outcome)
{
    struct traffic_sample traffic;

    if (traffic_sample_parse(&traffic, check->set, text, keep_error, outcome)) {
        outcome->answer =
            traffic_sample_fires(&traffic, check->set, subject->number);
        outcome->why = "its count is not reached";
        if (outcome->answer == ANSWER_YES)
            judge_with(check, subject, &traffic.with, sample_fetch,
                       &traffic.with, outcome);
    }
    traffic_sample_free(&traffic);
}

static void run_sample(const struct check *check, const struct subject *subject,
                       struct slice text, struct outcome *outcome)
{
    *outcome =
        (struct outcome){.answer = ANSWER_UNDECIDED, .why = "out of memory"};
    if (check->matcher == NULL)
        return;
    switch (subject->scope) {
    case SCOPE_MESSAGE:
        run_message(check, subject, text, outcome);
        break;
    case SCOPE_EVENT:
        run_line(check, subject, text, outcome);
        break;
    default:
        run_traffic(check, subject, text, outcome);
    }
}

static void explain_failure(const struct check *check,
                            const struct subject *subject,
                            const struct rule_sample *sample,
                            const struct outcome *outcome)
{
    static const char *const words[] = {"when", "any", "unless"};
    char what[160], why[300];

    snprintf(what, sizeof(what), "this %s of %s '%s' %s",
             sample->is_hit ? "hit" : "miss",
             subject->scope == SCOPE_EVENT ? "event" : "rule",
             subject->rule->name,
             outcome->answer == ANSWER_YES  ? "matches"
             : outcome->answer == ANSWER_NO ? "does not match"
                                            : "is undecided");
    if (outcome->failed != NULL)
        snprintf(why, sizeof(why), "line %u: %s %s%s", outcome->failed->line,
                 words[outcome->failed->word],
                 lex_show(outcome->condition->text).text,
                 outcome->failed->use_count > 1 ? " | ..." : "");
    else
        snprintf(why, sizeof(why), "%s",
                 outcome->answer == ANSWER_YES ? "all its conditions hold"
                                               : outcome->why);
    report_failure(check, sample, what, why);
}

static void check_samples(const struct check *check,
                          const struct subject *subject)
{
    for (uint32_t i = 0; i < subject->rule->sample_count; i++) {
        const struct rule_sample *sample =
            &check->set->samples[subject->rule->first_sample + i];
        struct outcome outcome;

        check->result->sample_count++;
        run_sample(check, subject, sample->text, &outcome);
        if (outcome.answer != (sample->is_hit ? ANSWER_YES : ANSWER_NO))
            explain_failure(check, subject, sample, &outcome);
    }
}

void rules_check(const struct rules *rules, rules_report report, void *context,
                 struct rules_check_result *result_r)
{
    struct check check = {rules, rules_matcher_new(rules), report, context,
                          result_r};

    *result_r = (struct rules_check_result){
        .rule_count = rules->rule_count + rules->source_rule_count,
        .event_count = rules->event_count};
    for (size_t i = 0; i < rules->rule_count; i++)
        check_samples(&check,
                      &(struct subject){&rules->rules[i], SCOPE_MESSAGE, i});
    for (size_t i = 0; i < rules->event_count; i++)
        check_samples(
            &check, &(struct subject){&rules->events[i].rule, SCOPE_EVENT, i});
    for (size_t i = 0; i < rules->source_rule_count; i++)
        check_samples(&check, &(struct subject){&rules->source_rules[i].rule,
                                                SCOPE_SOURCE, i});
    rules_matcher_free(check.matcher);
}
