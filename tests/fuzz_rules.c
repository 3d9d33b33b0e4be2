/*
 * The bytes are a rule file, and the message that its rules judge is made of
 * the same bytes. What compiles must give one verdict whether the crowd is
 * known at once or later, its samples must run, and its events must bear the
 * same bytes as a maillog.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "rules/logs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUES = 3, TEXT_MAX_BYTES = 60, PENDING_MAX_BYTES = 4096 };

struct message {
    const uint8_t *data;
    size_t size;
    bool is_crowd_late;
    struct field_value values[2][VALUES];
    unsigned next;
};

static void fetch(void *context, enum rules_field_id field, struct slice header,
                  struct field_view *view_r)
{
    struct message *message = context;
    size_t at = ((size_t)field * 31 + header.len * 7) % message->size;
    struct field_value *values = message->values[message->next++ % 2];
    unsigned seed = message->data[at];

    for (size_t i = 0; i < VALUES; i++) {
        struct slice rest =
            slice_make((const char *)message->data + at, message->size - at);

        values[i] = (struct field_value){
            .text = slice_head(rest, seed % TEXT_MAX_BYTES),
            .number = (int64_t)(seed % 5)};
        at = at * 3 % message->size;
    }
    *view_r = (struct field_view){FIELD_PRESENT, values, 1};
    if (rules_fields[field].has_many)
        view_r->value_count = 1 + seed % VALUES;
    if (seed % 8 < 2)
        *view_r = (struct field_view){
            seed % 8 == 0 ? FIELD_ABSENT : FIELD_UNDECIDED, NULL, 0};
    if (message->is_crowd_late && (rules_fields[field].origin == FROM_CROWD ||
                                   rules_fields[field].origin == FROM_LOGS))
        *view_r = (struct field_view){FIELD_LATER, NULL, 0};
}

static bool is_same(const struct rules_verdict *a, const uint16_t *undecided,
                    const struct rules_verdict *b)
{
    if (a->rule != b->rule || a->purge != b->purge ||
        a->undecided_count != b->undecided_count)
        return false;
    for (size_t i = 0; i < a->undecided_count; i++)
        if (undecided[i] != b->undecided[i])
            return false;
    return true;
}

static void judge(const struct rules *rules, struct message *message)
{
    struct rules_matcher *matcher = rules_matcher_new(rules);
    struct rules_verdict once, twice;
    uint16_t undecided[1000];
    uint8_t pending[PENDING_MAX_BYTES];

    if (matcher == NULL || rules_count(rules) > 1000)
        abort();
    rules_judge(matcher, fetch, message, &once);
    for (size_t i = 0; i < once.undecided_count; i++)
        undecided[i] = once.undecided[i];
    message->is_crowd_late = true;
    rules_judge(matcher, fetch, message, &twice);
    message->is_crowd_late = false;
    if (twice.is_later && twice.pending_bytes <= sizeof(pending)) {
        size_t pending_bytes = twice.pending_bytes;

        memcpy(pending, twice.pending, pending_bytes);
        rules_judge_later(matcher, pending, pending_bytes, fetch, message,
                          &twice);
    } else if (twice.is_later) {
        twice = once;
    }
    if (!is_same(&once, undecided, &twice))
        abort();
    rules_explain(matcher, fetch, message, &(struct rules_explain){0}, &twice);
    if (!is_same(&once, undecided, &twice))
        abort();
    rules_matcher_free(matcher);
}

/* The bytes are a maillog, too. */
static void watch_lines(const struct rules *rules, struct message *message)
{
    static const uint64_t key[2] = {UINT64_C(0x8f3a6c5e91d27b04),
                                    UINT64_C(0x2be19407c6d85af3)};
    struct rules_matcher *matcher = rules_matcher_new(rules);
    struct watch *watch = watch_new(rules, key);
    struct slice rest = slice_make((const char *)message->data, message->size);
    const struct watch_alarm *alarms;
    struct logline line;
    struct slice text;
    size_t alarm_count;

    if (matcher == NULL || watch == NULL)
        abort();
    while (slice_next_line(&rest, &text)) {
        struct watch_event event = {.count = 1};

        if (logline_parse(text, NULL, &line) != LOGLINE_OK)
            continue;
        event.events = rules_match_line(matcher, &line);
        event.time = log_stamp_epoch(&line.stamp, 2026, 0);
        event.source = line.peer.ip;
        event.source_number = line.peer.ip.bytes[15];
        event.domain = line.sender;
        for (int i = 0; i < WATCH_FIELD_COUNT; i++)
            event.hashes[i] = line.recipient.len;
        if (event.events >> 1 >> (rules_event_count(rules) - 1) != 0 ||
            !watch_note(watch, &event))
            abort();
    }
    watch_end(watch);
    alarm_count = watch_alarms(watch, &alarms);
    for (size_t i = 0; i < alarm_count; i++)
        rules_judge_source(matcher, alarms[i].source_rule, fetch, message);
    for (size_t i = 0; i < rules_source_rule_count(rules); i++)
        rules_judge_source(matcher, i, fetch, message);
    watch_free(watch);
    rules_matcher_free(matcher);
}

static void complain(void *context, const struct rules_problem *problem)
{
    bool *has_mistake = context;

    if (problem->what == NULL || problem->why == NULL || problem->file == NULL)
        abort();
    *has_mistake = *has_mistake || !problem->is_warning;
}

/* A list file: its own name will do. */
static int read_file(void *context, const char *path, char **text_r,
                     size_t *len_r)
{
    (void)context;
    *text_r = strdup(path);
    *len_r = *text_r == NULL ? 0 : strlen(*text_r);
    return *text_r == NULL ? ENOMEM : 0;
}

static void compile_condition(const struct rules *lists, struct slice text,
                              struct message *message)
{
    bool has_mistake = false;
    struct rules *rules =
        rules_compile_condition(lists, text, complain, &has_mistake);

    if ((rules == NULL) != has_mistake)
        abort();
    if (rules != NULL)
        judge(rules, message);
    rules_free(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rules_preset preset = {"our-domains", "example.org"};
    const struct rules_file file = {"fuzz",
                                    slice_make((const char *)data, size)};
    struct message message = {.data = data, .size = size};
    struct rules_check_result result;
    bool has_mistake = false;
    struct rules *rules;

    /* enough for any construct; longer texts are only slower */
    if (size == 0 || size > 8000)
        return 0;
    rules =
        rules_compile(&file, 1, &preset, 1, read_file, complain, &has_mistake);
    if ((rules == NULL) != has_mistake)
        abort();
    if (rules == NULL)
        return 0;
    judge(rules, &message);
    if (rules_event_count(rules) > 0)
        watch_lines(rules, &message);
    rules_check(rules, complain, &has_mistake, &result);
    compile_condition(rules, file.text, &message);
    rules_free(rules);
    return 0;
}
