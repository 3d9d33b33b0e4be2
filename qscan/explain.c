#include "qscan/explain.h"

#include <inttypes.h>
#include <time.h>

#include "parsers/header.h"
#include "qscan/list.h"
#include "qscan/report.h"
#include "qscan/rowtext.h"

enum {
    SHOW_LINES = 100,
    SHOW_LINE_COLUMNS = 500,
    VALUE_COLUMNS = 120,
    VALUES_SHOWN = 5,
    TEXT_INDENT = 15, /* of what a condition says and saw */
};

/* ---- explain ---- */

struct explain {
    struct message *message;
    struct buffer *out;    /* the text */
    struct buffer details; /* of the rule in work */
    struct jsonout *json;  /* or NULL: text */
    struct buffer failed;  /* the one line that failed, for near misses */
    struct buffer any;     /* an any line in work: what of it failed */
    unsigned any_line;     /* its number, 0 = none */
    bool is_any_met;
    size_t condition_count;
    bool has_matched; /* the first that matches decides */
};

static const char *answer_text(enum rules_answer answer)
{
    switch (answer) {
    case ANSWER_YES:
        return "yes";
    case ANSWER_NO:
        return "no";
    case ANSWER_UNDECIDED:
        return "undecided";
    }
    return "";
}

static const char *place_text(enum rules_field_origin origin)
{
    switch (origin) {
    case FROM_CONTROL_FILE:
        return "qf";
    case FROM_DATA_FILE:
        return "df";
    case FROM_CROWD:
        return "the whole queue";
    case FROM_LOGS:
        return "the logs";
    case FROM_LINE: /* of no rule on message */
    case FROM_TRAFFIC:
    case FROM_MEMBERS:
        break;
    }
    return "";
}

static void add_value(struct buffer *out, const struct rules_field *field,
                      const struct field_value *value)
{
    switch (field->type) {
    case TYPE_NUMBER:
    case TYPE_SIZE:
        buffer_printf(out, "%" PRId64, value->number);
        break;
    case TYPE_DURATION:
        list_add_span(out, value->number);
        break;
    case TYPE_BOOLEAN:
        buffer_add_string(out, value->number != 0 ? "yes" : "no");
        break;
    default:
        buffer_add_string(out, "\"");
        buffer_add_escaped(out, value->text, VALUE_COLUMNS);
        buffer_add_string(out, "\"");
        break;
    }
}

/* What a condition saw: "absent", or the values. */
static void add_view(struct buffer *out,
                     const struct rules_condition_trace *trace)
{
    const struct field_view *view = &trace->view;

    switch (view->state) {
    case FIELD_ABSENT:
        buffer_add_string(out, "absent");
        break;
    case FIELD_UNDECIDED:
        buffer_add_string(out, "cannot be told");
        break;
    case FIELD_LATER:
        buffer_add_string(out, "not counted");
        break;
    case FIELD_PRESENT:
        for (size_t i = 0; i < view->value_count && i < VALUES_SHOWN; i++) {
            if (i > 0)
                buffer_add_string(out, ", ");
            add_value(out, &rules_fields[trace->field], &view->values[i]);
        }
        if (view->value_count > VALUES_SHOWN)
            buffer_printf(out, " and %zu more",
                          view->value_count - VALUES_SHOWN);
        break;
    }
}

/* Fills what text holds, ends the line, and empties it. */
static void add_filled(struct buffer *out, size_t column, size_t indent,
                       struct buffer *text)
{
    report_add_filled(out, column, indent, slice_make(text->bytes, text->len));
    buffer_add_string(out, "\n");
    buffer_clear(text);
}

/* An any line has failed when none of its conditions holds. */
static void end_any_line(struct explain *explain)
{
    if (explain->any_line != 0 && !explain->is_any_met) {
        buffer_clear(&explain->failed);
        buffer_add(&explain->failed,
                   slice_make(explain->any.bytes, explain->any.len));
    }
    explain->any_line = 0;
}

static void add_failed(struct explain *explain,
                       const struct rules_condition_trace *trace)
{
    bool is_any = explain->any_line != 0;
    struct buffer *line = is_any ? &explain->any : &explain->failed;

    if (!is_any)
        buffer_clear(line);
    if (line->len > 0)
        buffer_add_string(line, " | ");
    else
        buffer_printf(line, "%s ", trace->line_word);
    buffer_add_rule_text(line, slice_from_string(trace->text), 100);
}

/* Keeps which line failed. */
static void note_failure(struct explain *explain,
                         const struct rules_condition_trace *trace,
                         bool is_good)
{
    bool is_any = strcmp(trace->line_word, "any") == 0;

    if (!is_any || trace->line != explain->any_line)
        end_any_line(explain);
    if (is_any && explain->any_line == 0) {
        explain->any_line = trace->line;
        explain->is_any_met = false;
        buffer_clear(&explain->any);
    }
    explain->is_any_met = explain->is_any_met || is_good;
    if (!is_good)
        add_failed(explain, trace);
}

static void text_condition(void *context,
                           const struct rules_condition_trace *trace)
{
    struct explain *explain = context;
    struct buffer *out = &explain->details;
    bool is_veto = strcmp(trace->line_word, "unless") == 0;
    bool is_good = trace->answer == (is_veto ? ANSWER_NO : ANSWER_YES);
    struct buffer text = {0};

    buffer_printf(out, "    %s %-6s ",
                  is_good                             ? "ok "
                  : trace->answer == ANSWER_UNDECIDED ? "?? "
                                                      : "-- ",
                  trace->line_word);
    buffer_add_rule_text(&text, slice_from_string(trace->text), VALUE_COLUMNS);
    add_filled(out, TEXT_INDENT, TEXT_INDENT, &text);
    buffer_printf(&text, "%s: ", place_text(rules_fields[trace->field].origin));
    add_view(&text, trace);
    buffer_printf(out, "%*s", TEXT_INDENT, "");
    add_filled(out, TEXT_INDENT, TEXT_INDENT, &text);
    explain->condition_count++;
    note_failure(explain, trace, is_good);
    buffer_free(&text);
}

static void text_rule_begins(void *context, size_t rule)
{
    struct explain *explain = context;

    (void)rule;
    buffer_clear(&explain->details);
    buffer_clear(&explain->failed);
    explain->any_line = 0;
    explain->condition_count = 0;
}

static void text_rule_ends(void *context, size_t rule, enum rules_answer answer,
                           size_t failed_count)
{
    struct explain *explain = context;
    const struct rules *rules = explain->message->scene->rules;
    struct buffer text = {0};

    end_any_line(explain);
    buffer_printf(explain->out, "\nrule %s: %s\n  %s:%u, class %s%s\n",
                  rules_name(rules, rule),
                  answer == ANSWER_YES && explain->has_matched
                      ? "would match, had no rule before it"
                  : answer == ANSWER_YES ? "MATCHES"
                  : answer == ANSWER_NO  ? "does not match"
                                         : "undecided",
                  rules_file_name(rules, rule), rules_line(rules, rule),
                  rules_class(rules, rule),
                  rules_purges(rules, rule) ? ", purge yes" : "");
    if (rules_about(rules, rule)[0] != '\0') {
        buffer_add_string(explain->out, "  ");
        buffer_add_escaped(&text, slice_from_string(rules_about(rules, rule)),
                           0);
        add_filled(explain->out, 2, 2, &text);
    }
    if (answer == ANSWER_NO && failed_count == 1 &&
        explain->condition_count > 1) {
        buffer_add_string(explain->out, "  ");
        buffer_printf(&text, "near miss: all but \"%.*s\"",
                      (int)explain->failed.len, explain->failed.bytes);
        add_filled(explain->out, 2, 4, &text);
    }
    buffer_free(&text);
    buffer_add(explain->out,
               slice_make(explain->details.bytes, explain->details.len));
    explain->has_matched = explain->has_matched || answer == ANSWER_YES;
}

static void json_rule_begins(void *context, size_t rule)
{
    struct explain *explain = context;
    const struct rules *rules = explain->message->scene->rules;

    jsonout_open(explain->json, '{');
    jsonout_field(explain->json, "rule",
                  slice_from_string(rules_name(rules, rule)));
    jsonout_field(explain->json, "class",
                  slice_from_string(rules_class(rules, rule)));
    jsonout_field(explain->json, "file",
                  slice_from_string(rules_file_name(rules, rule)));
    jsonout_field_integer(explain->json, "line", rules_line(rules, rule));
    jsonout_key(explain->json, "conditions");
    jsonout_open(explain->json, '[');
}

static void json_condition(void *context,
                           const struct rules_condition_trace *trace)
{
    struct explain *explain = context;
    struct buffer saw = {0};

    add_view(&saw, trace);
    jsonout_open(explain->json, '{');
    jsonout_field(explain->json, "word", slice_from_string(trace->line_word));
    jsonout_field(explain->json, "condition", slice_from_string(trace->text));
    jsonout_field_integer(explain->json, "line", trace->line);
    jsonout_field(explain->json, "answer",
                  slice_from_string(answer_text(trace->answer)));
    jsonout_field(explain->json, "saw", slice_make(saw.bytes, saw.len));
    jsonout_field(
        explain->json, "from",
        slice_from_string(place_text(rules_fields[trace->field].origin)));
    jsonout_close(explain->json, '}');
    buffer_free(&saw);
}

static void json_rule_ends(void *context, size_t rule, enum rules_answer answer,
                           size_t failed_count)
{
    struct explain *explain = context;

    (void)rule;
    jsonout_close(explain->json, ']');
    jsonout_field(explain->json, "matches",
                  slice_from_string(answer_text(answer)));
    jsonout_field_integer(explain->json, "failed", (int64_t)failed_count);
    jsonout_close(explain->json, '}');
}

/* Why no rule was asked, for the classes that go by the kind of file. */
static const char *state_reason(const struct message *message)
{
    switch ((enum facts_state)message->row->state) {
    case FACTS_QUARANTINED:
        return "its control file is an hf: quarantined";
    case FACTS_LOST:
        return "its control file is a Qf: sendmail gave it up";
    case FACTS_DAMAGED:
        return rowtext_damage(message);
    case FACTS_ORPHAN:
        return "there is no control file of this id in any queue";
    case FACTS_NEWBORN:
        return "its control file is empty and young: being written";
    default:
        return NULL;
    }
}

/* A held message has no row of its own judged: its verdict is made here. */
static const char *class_of(const struct message *message,
                            const struct rules_verdict *verdict)
{
    return message->row->is_held && verdict->rule != RULES_NO_RULE
               ? rules_class(message->scene->rules, verdict->rule)
               : rowtext_class(message->scene, message->row);
}

/* What becomes of a message that a rule matches. */
static const char *fate(const struct message *message,
                        const struct rules_verdict *verdict)
{
    if (message->row->is_held)
        return "held";
    if (verdict->purge)
        return rowtext_keep_reason(message->row) != NULL
                   ? rowtext_keep_reason(message->row)
                   : "--purge-bounces would take it";
    return rules_purges(message->scene->rules, verdict->rule)
               ? "kept, because an earlier rule is undecided"
               : "kept";
}

static void add_verdict(struct buffer *out, const struct message *message,
                        const struct rules_verdict *verdict)
{
    const char *reason = state_reason(message);
    struct buffer words = {0};

    buffer_add_escaped(out, message->id, 0);
    buffer_printf(out, " is %s\n  ", class_of(message, verdict));
    if (message->row->state == FACTS_DAMAGED && message->qf_outcome != QF_OK &&
        message->qf.line > 0)
        buffer_printf(&words, "line %u: ", message->qf.line);
    if (reason != NULL)
        buffer_printf(&words, "%s; no rule may purge it", reason);
    else if (verdict->rule == RULES_NO_RULE)
        buffer_add_string(&words, "no rule matches; kept");
    else
        buffer_printf(&words, "rule %s matches first; %s",
                      rules_name(message->scene->rules, verdict->rule),
                      fate(message, verdict));
    add_filled(out, 2, 4, &words);
    buffer_free(&words);
}

static void json_held(struct jsonout *json, const struct explain_held *held)
{
    jsonout_key(json, "held");
    if (held->run[0] == '\0') {
        jsonout_null(json);
        return;
    }
    jsonout_open(json, '{');
    jsonout_field(json, "run", slice_from_string(held->run));
    jsonout_field(json, "class", slice_from_string(held->class));
    jsonout_field(json, "rule", slice_from_string(held->rule));
    jsonout_close(json, '}');
}

bool explain_message(struct message *message, const struct explain_held *held,
                     enum format format, struct buffer *out)
{
    struct explain explain = {.message = message, .out = out};
    struct rules_explain to = {&explain, text_rule_begins, text_condition,
                               text_rule_ends};
    struct rules_matcher *matcher = rules_matcher_new(message->scene->rules);
    struct rules_verdict verdict;
    struct buffer text = {0};
    struct jsonout json;

    if (matcher == NULL)
        return false;
    if (format == FORMAT_JSON) {
        jsonout_init(&json, out);
        jsonout_open(&json, '{');
        jsonout_field(&json, "id", message->id);
        jsonout_field(&json, "reason",
                      slice_from_string(state_reason(message)));
        json_held(&json, held);
        jsonout_key(&json, "rules");
        jsonout_open(&json, '[');
        explain.json = &json;
        to = (struct rules_explain){&explain, json_rule_begins, json_condition,
                                    json_rule_ends};
    } else {
        explain.out = &text;
    }
    if (message->row->state != FACTS_JUDGED && !message->row->is_held)
        verdict = (struct rules_verdict){.rule = RULES_NO_RULE};
    else /* what its kind of file decides, no rule is asked */
        rules_explain(matcher, message_fetch, message, &to, &verdict);
    if (format == FORMAT_JSON) {
        jsonout_close(&json, ']');
        jsonout_field(&json, "class",
                      slice_from_string(class_of(message, &verdict)));
        jsonout_field_boolean(&json, "purge",
                              verdict.purge && !message->row->is_held &&
                                  message->row->state == FACTS_JUDGED &&
                                  rowtext_keep_reason(message->row) == NULL);
        jsonout_close(&json, '}');
        buffer_add_string(out, "\n");
    } else {
        add_verdict(out, message, &verdict);
        buffer_add(out, slice_make(text.bytes, text.len));
    }
    buffer_free(&explain.details);
    buffer_free(&explain.failed);
    buffer_free(&explain.any);
    buffer_free(&text);
    rules_matcher_free(matcher);
    return true;
}

/* ---- show ---- */

static void field(struct buffer *out, const char *name, struct slice value)
{
    if (value.len == 0)
        return;
    buffer_printf(out, "  %-16s ", name);
    buffer_add_escaped(out, value, SHOW_LINE_COLUMNS);
    buffer_add_string(out, "\n");
}

static void moment(struct buffer *out, const char *name, int64_t when,
                   int64_t now)
{
    time_t seconds = (time_t)when;
    struct tm tm;
    char text[64];

    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        return;
    buffer_printf(out, "  %-16s %s, ", name, text);
    list_add_span(out, when > now ? when - now : now - when);
    buffer_add_string(out, when > now ? " from now\n" : " ago\n");
}

static void show_envelope(struct message *message, struct buffer *out)
{
    const struct qf *qf = &message->qf;
    int64_t now = message->scene->now;

    buffer_add_string(out, "ENVELOPE\n");
    field(out, "sender", qf->sender);
    field(out, "flags", qf->flags);
    field(out, "status", qf->status);
    field(out, "quarantine", qf->quarantine);
    if (qf->has_created)
        moment(out, "created", qf->created, now);
    if (qf->has_last_attempt && qf->last_attempt != 0)
        moment(out, "last attempt", qf->last_attempt, now);
    if (qf->has_tries)
        buffer_printf(out, "  %-16s %" PRId64 "\n", "tries", qf->tries);
    field(out, "client", qf_macro_value(qf, SLICE_LITERAL("_")));
    field(out, "protocol", qf_macro_value(qf, SLICE_LITERAL("r")));
    for (size_t i = 0; i < qf->recipient_count; i++) {
        if (i == SHOW_LINES) {
            buffer_printf(out, "  and %zu more recipients\n",
                          qf->recipient_count - i);
            break;
        }
        field(out, "recipient", qf->recipients[i].address);
        field(out, "  its status", qf->recipients[i].status);
    }
    if (qf->line > 0 && message->qf_outcome != QF_OK)
        buffer_printf(out, "  damaged at line %u: %s\n", qf->line,
                      qf_outcome_text(message->qf_outcome));
}

static void show_headers(struct message *message, struct buffer *out)
{
    const struct qf *qf = &message->qf;

    buffer_add_string(out, "\nHEADERS\n");
    for (size_t i = 0; i < qf->header_count; i++) {
        const struct qf_header *header = &qf->headers[i];
        struct slice rest = header->value;
        struct slice line;
        bool is_first = true;

        if (i == SHOW_LINES) {
            buffer_printf(out, "  and %zu more headers\n",
                          qf->header_count - i);
            break;
        }
        buffer_add_string(out, "  ");
        buffer_add_escaped(out, header->name, SHOW_LINE_COLUMNS);
        buffer_add_string(out, ":");
        while (slice_next_line(&rest, &line)) {
            buffer_add_string(out, is_first ? " " : "\n      ");
            buffer_add_escaped(out, slice_trim(line), SHOW_LINE_COLUMNS);
            is_first = false;
        }
        buffer_add_string(out, "\n");
    }
}

/* A line with its tabs as the blanks they stand for. */
static void add_body_line(struct buffer *out, struct slice line)
{
    size_t column = 0;

    buffer_add_string(out, "  ");
    while (line.len > 0 && column < SHOW_LINE_COLUMNS) {
        size_t tab = slice_index(line, '\t');

        column += buffer_add_escaped(out, slice_head(line, tab),
                                     SHOW_LINE_COLUMNS - column);
        if (tab < line.len) {
            buffer_printf(out, "%*s", 8 - (int)(column % 8), "");
            column += 8 - column % 8;
        }
        line = slice_skip(line, tab + 1);
    }
    if (line.len > 0 &&
        !slice_ends(slice_make(out->bytes, out->len), SLICE_LITERAL("...")))
        buffer_add_string(out, "...");
    buffer_add_string(out, "\n");
}

static void show_body(struct message *message, struct buffer *out)
{
    struct slice rest, line;
    size_t count = 0;

    buffer_add_string(out, "\nBODY\n");
    message_need_data(message);
    if (message->data_state != DATA_READ) {
        buffer_add_string(out, message->data_state == DATA_MISSING
                                   ? "  there is no df\n"
                                   : "  df cannot be read\n");
        return;
    }
    rest = message->data;
    while (count < SHOW_LINES && slice_next_line(&rest, &line)) {
        add_body_line(out, line);
        count++;
    }
    if (rest.len > 0)
        buffer_printf(out, "  and %zu more bytes\n", rest.len);
}

void show_message(struct message *message, struct buffer *out)
{
    if (message->row->state == FACTS_ORPHAN) {
        buffer_printf(out, "ORPHAN %cf\n  %s\n", message->row->letter,
                      state_reason(message));
        if (message->row->letter != 'd')
            return;
    } else {
        show_envelope(message, out);
        show_headers(message, out);
    }
    show_body(message, out);
}
