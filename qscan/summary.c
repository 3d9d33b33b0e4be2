#include "qscan/summary.h"

#include "parsers/status.h"
#include "qscan/hold.h"
#include "qscan/report.h"
#include "qscan/rowtext.h"
#include "qscan/tally.h"

enum {
    HOST_COLUMNS = 38,
    ADDRESS_COLUMNS = 24, /* a longer one has a line of its own */
    NAME_COLUMNS = 32,
    FORGED_COLUMNS = 9,
};
enum { REASONS_SHOWN = 5, REASON_INDENT = 11 };

struct summary {
    const struct options *options;
    const struct scan *scan;
    struct tally tally;
    struct buffer out;
    bool has_color;
};

static void heading(struct summary *summary, const char *text, bool is_alarm)
{
    report_heading(&summary->out, summary->has_color, text, is_alarm);
}

/* "and 12 more hosts with 34 messages" */
static void add_rest(struct summary *summary, const struct tally_list *list,
                     const char *one, const char *many)
{
    uint64_t shown = 0;
    size_t rest = list->all - list->count;

    if (rest == 0)
        return;
    for (size_t i = 0; i < list->count; i++)
        shown += list->items[i].count;
    shown = list->all_sum - shown;
    buffer_printf(&summary->out, "  and %zu more %s with %llu message%s\n",
                  rest, rest == 1 ? one : many, (unsigned long long)shown,
                  shown == 1 ? "" : "s");
}

/* ---- parts of the text ---- */

static size_t class_count(const struct summary *summary, const char *name)
{
    for (size_t i = 0; i < summary->tally.class_count; i++)
        if (strcmp(summary->tally.classes[i].name, name) == 0)
            return summary->tally.classes[i].count;
    return 0;
}

static bool is_narrowed(const struct options *options)
{
    return options->classes.count > 0 || options->ids.count > 0 ||
           options->ids_from_stdin || options->where != NULL;
}

static void add_head(struct summary *summary)
{
    const struct queue_set *queues = summary->scan->scene.queues;
    struct buffer *out = &summary->out;
    size_t count = 0;

    buffer_add_string(out, "Queue ");
    for (size_t i = 0; i < queues->dir_count; i++) {
        if (queues->dirs[i].is_held)
            continue; /* of an unfinished run: no queue of its own */
        if (count++ == 0)
            buffer_add_escaped(out, slice_from_string(queues->dirs[i].path),
                               44);
    }
    if (count > 1)
        buffer_printf(out, " and %zu more", count - 1);
    buffer_add_string(out, ", ");
    report_add_time(out, summary->scan->scene.now, false);
    buffer_add_string(out, "\n");
    if (is_narrowed(summary->options))
        buffer_printf(out,
                      "Only what --class, --where and --id leave: %zu of "
                      "%zu.\n",
                      summary->tally.messages, summary->tally.all_messages);
}

static void add_problem(struct summary *summary, size_t *problem_count,
                        size_t count, const char *one, const char *many)
{
    if (count == 0)
        return;
    if ((*problem_count)++ == 0)
        heading(summary, "WHAT IS WRONG", true);
    buffer_printf(&summary->out, "  %zu %s\n", count, count == 1 ? one : many);
}

/* What kept it, and the condition that says so; or what the rule that matched
 * is about. */
static void add_reason_words(const struct summary *summary,
                             const struct tally_reason *reason,
                             struct buffer *words)
{
    const struct rules *rules = summary->scan->scene.rules;
    const struct rowtext_missed *missed = &reason->missed;

    if (missed->words != NULL) {
        buffer_add_string(words, missed->words);
        if (missed->condition != NULL)
            buffer_printf(words, " (%s%s)", missed->is_unmet ? "not: " : "",
                          missed->condition);
    } else if (reason->rule == RULES_NO_RULE) {
        buffer_add_string(words, "no rule is about them");
    } else if (rules_about(rules, reason->rule)[0] != '\0') {
        buffer_add_escaped(
            words, slice_from_string(rules_about(rules, reason->rule)), 0);
    } else {
        buffer_printf(words, "rule %s", rules_name(rules, reason->rule));
    }
}

/* The leading reasons for which bounces to dead hosts are kept. */
static void add_reasons(struct summary *summary)
{
    const struct tally *tally = &summary->tally;
    struct buffer *out = &summary->out;
    size_t rest = tally->unproven;
    size_t shown = tally->reason_count > REASONS_SHOWN + 1
                       ? REASONS_SHOWN
                       : tally->reason_count; /* a last one needs a line, too */

    for (size_t i = 0; i < shown; i++) {
        const struct tally_reason *reason = &tally->reasons[i];
        struct buffer words = {0};

        buffer_printf(out, "    %5zu  ", reason->count);
        add_reason_words(summary, reason, &words);
        report_add_filled(out, REASON_INDENT, REASON_INDENT,
                          slice_make(words.bytes, words.len));
        buffer_add_string(out, "\n");
        buffer_free(&words);
        rest -= reason->count;
    }
    if (rest > 0)
        buffer_printf(out, "    %5zu  other reasons\n", rest);
}

static void add_unproven(struct summary *summary, size_t *problem_count)
{
    const struct tally *tally = &summary->tally;

    if (tally->purgeable > 0)
        add_problem(summary, problem_count, tally->unproven,
                    "more bounce to a host that does not answer is kept:",
                    "more bounces to hosts that do not answer are kept:");
    else
        add_problem(summary, problem_count, tally->unproven,
                    "bounce to a host that does not answer is kept:",
                    "bounces to hosts that do not answer are kept:");
    add_reasons(summary);
}

static void add_problems(struct summary *summary)
{
    const struct tally *tally = &summary->tally;
    size_t problem_count = 0;
    size_t others = 0;

    add_problem(summary, &problem_count, tally->purgeable,
                "bounce waits for a host that runs no mail server",
                "bounces wait for hosts that run no mail server");
    if (tally->purgeable > 0) {
        buffer_printf(&summary->out, "    %.0f %% of %s",
                      100.0 * (double)tally->purgeable /
                          (double)tally->messages,
                      is_narrowed(summary->options) ? "these" : "the queue");
        if (summary->scan->reads_data) {
            buffer_add_string(&summary->out, ", ");
            report_add_bytes(&summary->out, tally->purgeable_bytes);
        }
        if (tally->purgeable_sources > 0)
            buffer_printf(&summary->out, "; caused by mail from %zu %s",
                          tally->purgeable_sources,
                          tally->purgeable_sources == 1 ? "address"
                                                        : "addresses");
        buffer_add_string(&summary->out, "\n");
    }
    add_unproven(summary, &problem_count);
    add_problem(
        summary, &problem_count, class_count(summary, "damaged"),
        "damaged message (qf broken, df gone): sendmail cannot deliver it",
        "damaged messages (qf broken, df gone): sendmail cannot deliver them");
    add_problem(summary, &problem_count, class_count(summary, "lost"),
                "message that sendmail gave up as lost (Qf)",
                "messages that sendmail gave up as lost (Qf)");
    add_problem(summary, &problem_count, class_count(summary, "orphan"),
                "orphan file without control file",
                "orphan files without control file");
    add_problem(summary, &problem_count, tally->unreadable,
                "message could not be read", "messages could not be read");
    add_problem(summary, &problem_count, tally->undecided,
                "message that a rule could not decide: kept",
                "messages that a rule could not decide: kept");
    for (unsigned bit = 0; bit < ODD_COUNT; bit++)
        others += tally->oddities[bit];
    add_problem(summary, &problem_count, others, "oddity, listed below",
                "oddities, listed below");
    if (tally->messages == 0 && problem_count == 0)
        buffer_add_string(&summary->out, is_narrowed(summary->options)
                                             ? "\nNo message matches.\n"
                                             : "\nThe queue is empty.\n");
    else if (problem_count == 0)
        buffer_add_string(&summary->out, "\nNothing looks wrong.\n");
}

/* Sizes are only looked at where a rule reads df. */
static void add_size(const struct summary *summary, struct buffer *out,
                     uint64_t bytes)
{
    if (summary->scan->reads_data)
        report_add_bytes(out, bytes);
    else
        buffer_add_string(out, "-");
}

static void add_classes(struct summary *summary)
{
    const struct tally *tally = &summary->tally;
    struct buffer *out = &summary->out;
    int64_t now = summary->scan->scene.now;

    heading(summary, "MESSAGES", false);
    buffer_add_string(out, "  class           messages       size    oldest\n");
    for (size_t i = 0; i < tally->class_count; i++) {
        const struct tally_class *class = &tally->classes[i];
        struct buffer cell = {0};

        buffer_add_string(out, "  ");
        report_add_padded(out, slice_from_string(class->name), 14);
        buffer_printf(out, " %9zu", class->count);
        add_size(summary, &cell, class->bytes);
        buffer_printf(out, " %10.*s", (int)cell.len, cell.bytes);
        buffer_clear(&cell);
        if (class->oldest != 0)
            list_add_span(&cell, now - class->oldest);
        buffer_printf(out, " %9.*s\n", (int)cell.len,
                      cell.len == 0 ? "" : cell.bytes);
        buffer_free(&cell);
    }
    struct buffer size = {0};
    add_size(summary, &size, tally->bytes);
    buffer_printf(out, "  %-14s %9zu %10.*s", "all messages", tally->messages,
                  (int)size.len, size.bytes);
    buffer_clear(&size);
    if (tally->oldest != 0)
        list_add_span(&size, now - tally->oldest);
    buffer_printf(out, " %9.*s\n", (int)size.len,
                  size.len == 0 ? "" : size.bytes);
    buffer_free(&size);
    if (class_count(summary, "orphan") > 0)
        buffer_add_string(out, "  (orphans are files, not messages)\n");
}

static void add_hosts(struct summary *summary)
{
    const struct tally_list *hosts = &summary->tally.hosts;
    const struct crowd *crowd = summary->scan->scene.crowd;
    struct buffer *out = &summary->out;

    if (hosts->all == 0)
        return;
    heading(summary, "HOSTS THAT DO NOT ANSWER", false);
    buffer_add_string(out, "  host                                   "
                           "messages  why\n");
    for (size_t i = 0; i < hosts->count; i++) {
        const struct tally_top *top = &hosts->items[i];
        const struct facts *row = &summary->scan->table.rows[top->row];

        buffer_add_string(out, "  ");
        report_add_padded_host(out, intern_text(&crowd->strings, top->number),
                               HOST_COLUMNS);
        buffer_printf(out, " %8u  %s\n", top->count,
                      status_kind_text((enum status_kind)row->status_kind));
    }
    add_rest(summary, hosts, "host", "hosts");
}

/* The name is not kept for half a million sources: the few that are shown
 * are looked up in one of their messages. */
static void add_source_name(struct summary *summary, struct message *message,
                            uint32_t row_number)
{
    const struct facts *row = &summary->scan->table.rows[row_number];
    const struct client *source;

    if (message_load(message, row, false) != INPUT_OK ||
        (source = message_source(message)) == NULL)
        return;
    buffer_add_host(&summary->out, source->name,
                    NAME_COLUMNS - (source->forged ? FORGED_COLUMNS : 0));
    if (source->forged)
        buffer_add_string(&summary->out,
                          source->name.len > 0 ? " (forged)" : "");
}

static void add_sources(struct summary *summary)
{
    const struct tally_list *sources = &summary->tally.sources;
    struct buffer *out = &summary->out;
    struct message message;

    if (sources->all == 0)
        return;
    heading(summary, "WHO SENT WHAT BOUNCED", false);
    buffer_add_string(out, "  address                   bounces  guesses  "
                           "name\n");
    message_init(&message, &summary->scan->scene);
    for (size_t i = 0; i < sources->count; i++) {
        const struct tally_top *top = &sources->items[i];
        const struct crowd_source *source =
            &summary->scan->scene.crowd->sources.items[top->number];
        char text[ADDRESS_IP_TEXT_MAX];
        size_t len = ip_format(&source->ip, text);

        buffer_printf(out, "  %-*s", ADDRESS_COLUMNS, text);
        if (len > ADDRESS_COLUMNS)
            buffer_printf(out, "\n  %*s", ADDRESS_COLUMNS, "");
        buffer_printf(out, " %8u %8u  ", top->count, source->guesses);
        add_source_name(summary, &message, top->row);
        buffer_add_string(out, "\n");
    }
    message_free(&message);
    add_rest(summary, sources, "address", "addresses");
}

static void add_age_row(struct buffer *out, const size_t *ages, size_t sum)
{
    buffer_printf(out, " %7zu", sum);
    for (size_t b = 0; b < TALLY_AGES; b++)
        buffer_printf(out, " %6zu", ages[b]);
    buffer_add_string(out, "\n");
}

static void add_ages(struct summary *summary)
{
    const struct tally_list *domains = &summary->tally.domains;
    const struct crowd *crowd = summary->scan->scene.crowd;
    struct buffer *out = &summary->out;
    size_t sum = 0;

    if (summary->tally.messages == 0)
        return;
    heading(summary, "AGE BY RECIPIENT DOMAIN", false);
    buffer_add_string(out, "  domain                    messages");
    for (size_t b = 0; b < TALLY_AGES; b++) {
        buffer_printf(out, " %6s", tally_age_text(b));
        sum += summary->tally.ages[b];
    }
    buffer_add_string(out, "\n  ");
    report_add_padded(out, slice_from_string("all"), 26);
    add_age_row(out, summary->tally.ages, sum);
    for (size_t i = 0; i < domains->count; i++) {
        const struct tally_top *top = &domains->items[i];

        buffer_add_string(out, "  ");
        report_add_padded_host(out, intern_text(&crowd->strings, top->number),
                               26);
        add_age_row(out, top->ages, top->count);
    }
    add_rest(summary, domains, "domain", "domains");
}

static void add_row_file(struct summary *summary, struct buffer *out,
                         uint32_t row_number)
{
    const struct facts *row = &summary->scan->table.rows[row_number];
    struct buffer name = {0};

    buffer_printf(&name, "%cf", row->letter);
    buffer_add(&name, facts_id(row));
    buffer_add_escaped(out, slice_make(name.bytes, name.len), 24);
    buffer_free(&name);
}

static void add_oddities(struct summary *summary)
{
    const struct tally *tally = &summary->tally;
    const struct queue_set *queues = summary->scan->scene.queues;
    struct buffer *out = &summary->out;
    size_t all = queues->long_name_count + queues->stray_count;

    for (unsigned bit = 0; bit < ODD_COUNT; bit++)
        all += tally->oddities[bit];
    if (all == 0)
        return;
    heading(summary, "ODDITIES", false);
    for (unsigned bit = 0; bit < ODD_COUNT; bit++) {
        if (tally->oddities[bit] == 0)
            continue;
        buffer_printf(out, "  %6zu  %s: ", tally->oddities[bit],
                      rowtext_oddity(bit));
        add_row_file(summary, out, tally->oddity_rows[bit]);
        buffer_add_string(out, tally->oddities[bit] > 1 ? " ...\n" : "\n");
    }
    if (queues->long_name_count > 0)
        buffer_printf(out,
                      "  %6zu  name too long for sendmail, not looked at\n",
                      queues->long_name_count);
    if (queues->stray_count > 0)
        buffer_printf(out, "  %6zu  queue file in a folder of another kind\n",
                      queues->stray_count);
}

/* "--class=a,b" of a list that was given so. */
static void add_joined(struct buffer *out, const char *option,
                       const struct string_list *words)
{
    for (size_t i = 0; i < words->count; i++) {
        buffer_add_string(out, i == 0 ? option : ",");
        buffer_add_shell_word(out, slice_from_string(words->strings[i]));
    }
}

/* Everything on the command line that decides which messages are meant: a
 * command without it would mean others. */
static void add_command(struct summary *summary, const char *about,
                        const char *words, bool is_selecting)
{
    const struct options *options = summary->options;
    struct buffer *out = &summary->out;

    buffer_printf(out, "  %s:\n    qscan %s", about, words);
    report_add_words(out, " --rules=", &options->rules);
    report_add_value(out, " -C ", options->config_file);
    report_add_value(out, " --journal=", options->journal_directory);
    if (is_selecting) {
        add_joined(out, " --class=", &options->classes);
        add_joined(out, " --id=", &options->ids);
        report_add_value(out, " --where=", options->where);
    }
    if (options->now >= 0)
        buffer_printf(out, " --now=%lld", (long long)options->now);
    report_add_paths(out, &options->queues);
    buffer_add_string(out, "\n");
}

static const struct facts *purge_example(const struct scan *scan,
                                         const struct options *options)
{
    const struct facts *found = NULL;

    /* the lowest id, so that the same queue gives the same words */
    for (size_t i = 0; i < scan->table.count; i++) {
        const struct facts *row = &scan->table.rows[i];

        if (row->is_purge &&
            (found == NULL || memcmp(row->id, found->id, FACTS_ID_MAX) < 0) &&
            list_is_selected(options, scan, row))
            found = row;
    }
    return found;
}

static void add_explain(struct summary *summary, const char *about,
                        const struct facts *example)
{
    struct buffer words = {0};

    buffer_add_string(&words, "--explain=");
    buffer_add_shell_word(&words, facts_id(example));
    buffer_add(&words, slice_make("", 1));
    add_command(summary, about, words.bytes, false);
    buffer_free(&words);
}

static void add_next(struct summary *summary)
{
    const struct facts *example =
        purge_example(summary->scan, summary->options);

    if (summary->tally.messages == 0 && class_count(summary, "orphan") == 0)
        return;
    heading(summary, "WHAT TO TYPE NEXT", false);
    if (example != NULL) {
        add_explain(summary, "Why such a bounce may go", example);
        add_command(summary, "See what a purge would take; changes nothing",
                    "--purge-bounces --dry-run", true);
        add_command(summary, "Take them away, undoably", "--purge-bounces",
                    true);
    } else if (summary->tally.reason_count > 0) {
        example = &summary->scan->table.rows[summary->tally.reasons[0].row];
        add_explain(summary, "Why such a bounce is kept", example);
        add_command(summary, "One message a line", "--list", true);
    } else {
        add_command(summary, "One message a line", "--list", true);
    }
    if (class_count(summary, "damaged") > 0)
        add_command(summary, "The damaged ones", "--list --class=damaged",
                    false);
    if (class_count(summary, "lost") > 0)
        add_command(summary, "The lost ones", "--list --class=lost", false);
    if (class_count(summary, "orphan") > 0)
        add_command(summary, "The orphans", "--list --class=orphan", false);
}

/* Held mail is out of the queue, but not out of the world. What was put back,
 * or was deleted, is a record only: --runs has it. */
static void add_runs(struct summary *summary)
{
    const struct queue_set *queues = summary->scan->scene.queues;
    struct string_list runs = {0};
    const char *last = NULL;
    size_t count = 0;

    hold_list_runs(queues, &runs, NULL);
    for (size_t i = 0; i < runs.count; i++) {
        if (hold_has_control(queues, runs.strings[i])) {
            last = runs.strings[i];
            count++;
        }
    }
    if (count > 0) {
        heading(summary, "EARLIER RUNS", false);
        buffer_printf(&summary->out, "  %zu run%s messages, the last %s\n",
                      count, count == 1 ? " holds" : "s hold", last);
        add_command(summary, "What they hold", "--runs", false);
    }
    string_list_free(&runs);
}

static void add_text(struct summary *summary)
{
    add_head(summary);
    add_problems(summary);
    if (summary->tally.class_count > 0)
        add_classes(summary);
    add_hosts(summary);
    add_sources(summary);
    add_ages(summary);
    add_oddities(summary);
    add_runs(summary);
    add_next(summary);
}

/* ---- JSON ---- */

static void json_hosts(struct jsonout *json, const struct summary *summary)
{
    const struct tally_list *hosts = &summary->tally.hosts;
    const struct crowd *crowd = summary->scan->scene.crowd;

    jsonout_key(json, "hosts");
    jsonout_open(json, '[');
    for (size_t i = 0; i < hosts->count; i++) {
        const struct tally_top *top = &hosts->items[i];
        const struct facts *row = &summary->scan->table.rows[top->row];

        jsonout_open(json, '{');
        jsonout_field(json, "host", intern_text(&crowd->strings, top->number));
        jsonout_field_integer(json, "messages", top->count);
        jsonout_field(json, "status",
                      slice_from_string(status_kind_text(
                          (enum status_kind)row->status_kind)));
        jsonout_close(json, '}');
    }
    jsonout_close(json, ']');
    jsonout_field_integer(json, "hosts_more",
                          (int64_t)(hosts->all - hosts->count));
}

static void json_sources(struct jsonout *json, const struct summary *summary)
{
    const struct tally_list *sources = &summary->tally.sources;
    const struct crowd *crowd = summary->scan->scene.crowd;
    struct message message;

    message_init(&message, &summary->scan->scene);
    jsonout_key(json, "sources");
    jsonout_open(json, '[');
    for (size_t i = 0; i < sources->count; i++) {
        const struct tally_top *top = &sources->items[i];
        const struct crowd_source *source = &crowd->sources.items[top->number];
        const struct client *client = NULL;
        char text[ADDRESS_IP_TEXT_MAX];

        if (message_load(&message, &summary->scan->table.rows[top->row],
                         false) == INPUT_OK)
            client = message_source(&message);
        jsonout_open(json, '{');
        jsonout_field(json, "address",
                      slice_make(text, ip_format(&source->ip, text)));
        jsonout_field(json, "name",
                      client == NULL ? (struct slice){NULL, 0} : client->name);
        jsonout_field_boolean(json, "forged", client != NULL && client->forged);
        jsonout_field_integer(json, "bounces", top->count);
        jsonout_field_integer(json, "guesses", source->guesses);
        jsonout_close(json, '}');
    }
    jsonout_close(json, ']');
    jsonout_field_integer(json, "sources_more",
                          (int64_t)(sources->all - sources->count));
    message_free(&message);
}

static void json_oddities(struct jsonout *json, const struct summary *summary)
{
    const struct tally *tally = &summary->tally;

    jsonout_key(json, "oddities");
    jsonout_open(json, '[');
    for (unsigned bit = 0; bit < ODD_COUNT; bit++) {
        if (tally->oddities[bit] == 0)
            continue;
        jsonout_open(json, '{');
        jsonout_field(json, "what", slice_from_string(rowtext_oddity(bit)));
        jsonout_field_integer(json, "count", (int64_t)tally->oddities[bit]);
        jsonout_field(
            json, "example",
            facts_id(&summary->scan->table.rows[tally->oddity_rows[bit]]));
        jsonout_close(json, '}');
    }
    jsonout_close(json, ']');
}

static void add_json(struct summary *summary)
{
    const struct tally *tally = &summary->tally;
    struct jsonout json;

    jsonout_init(&json, &summary->out);
    jsonout_open(&json, '{');
    jsonout_field_integer(&json, "messages", (int64_t)tally->messages);
    jsonout_key(&json, "bytes");
    if (summary->scan->reads_data)
        jsonout_integer(&json, (int64_t)tally->bytes);
    else
        jsonout_null(&json);
    jsonout_key(&json, "oldest");
    if (tally->oldest != 0)
        jsonout_integer(&json, tally->oldest);
    else
        jsonout_null(&json);
    jsonout_field_integer(&json, "now", summary->scan->scene.now);
    jsonout_field_integer(&json, "purgeable", (int64_t)tally->purgeable);
    jsonout_field_integer(&json, "undecided", (int64_t)tally->undecided);
    jsonout_key(&json, "classes");
    jsonout_open(&json, '{');
    for (size_t i = 0; i < tally->class_count; i++)
        jsonout_field_integer(&json, tally->classes[i].name,
                              (int64_t)tally->classes[i].count);
    jsonout_close(&json, '}');
    json_hosts(&json, summary);
    json_sources(&json, summary);
    jsonout_key(&json, "ages");
    jsonout_open(&json, '{');
    for (size_t b = 0; b < TALLY_AGES; b++)
        jsonout_field_integer(&json, tally_age_text(b),
                              (int64_t)tally->ages[b]);
    jsonout_close(&json, '}');
    json_oddities(&json, summary);
    jsonout_lossy(&json);
    jsonout_close(&json, '}');
    buffer_add_string(&summary->out, "\n");
}

bool summary_print(const struct options *options, const struct scan *scan,
                   struct output *output)
{
    struct summary summary = {.options = options,
                              .scan = scan,
                              .has_color = report_wants_color(options, output)};
    bool is_done = tally_count(&summary.tally, options, scan, options->top);

    if (is_done && options->format == FORMAT_JSON)
        add_json(&summary);
    else if (is_done)
        add_text(&summary);
    output_write(output, &summary.out);
    tally_free(&summary.tally);
    buffer_free(&summary.out);
    return is_done;
}
