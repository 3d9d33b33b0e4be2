#include "qscan/logsummary_part.h"

#include <stdlib.h>

#include "qscan/attackers.h"
#include "qscan/list.h"
#include "qscan/sourcefacts.h"

enum { DETAILS_MAX = 1000 }; /* of --top=0 */

void logsummary_heading(struct logsummary *summary, const char *text,
                        bool is_alarm)
{
    report_heading(&summary->out, summary->has_color, text, is_alarm);
}

void logsummary_add_words(struct logsummary *summary, const char *indent,
                          struct buffer *words)
{
    summary->has_failed |= words->has_failed;
    buffer_add_string(&summary->out, indent);
    report_add_filled(&summary->out, strlen(indent), strlen(indent),
                      slice_make(words->bytes, words->len));
    buffer_add_string(&summary->out, "\n");
    buffer_free(words);
}

void logsummary_add_counted(struct buffer *out, uint64_t count,
                            const char *what)
{
    buffer_printf(out, "%llu %s%s", (unsigned long long)count, what,
                  count == 1 ? "" : "s");
}

/* ---- the head ---- */

static void add_file(struct logsummary *summary, size_t number)
{
    const struct log_file *file = &summary->logs->set->files[number];
    struct buffer *out = &summary->out;

    buffer_printf(out, "  %4zu  ", number + 1);
    if (file->has_stamp)
        report_add_minute(out, file->start, summary->options->is_utc);
    else
        buffer_add_string(out, "no time stamp   ");
    buffer_add_string(out, "  ");
    report_add_padded(
        out, slice_from_string(input_log_format_text(file->format)), 5);
    buffer_add_string(out, "  ");
    buffer_add_escaped(out, slice_from_string(file->path), 43);
    buffer_add_string(out, "\n");
}

static void add_files(struct logsummary *summary)
{
    const struct log_set *set = summary->logs->set;
    struct buffer *out = &summary->out;
    size_t shown =
        set->count < summary->minor_rows ? set->count : summary->minor_rows;

    buffer_printf(out,
                  "  %zu file%s, in the order of reading, by the first "
                  "stamp:\n",
                  set->count, set->count == 1 ? "" : "s");
    for (size_t i = 0; i < shown; i++)
        add_file(summary, i);
    if (shown < set->count)
        buffer_printf(out, "  and %zu more file%s\n", set->count - shown,
                      set->count - shown == 1 ? "" : "s");
}

/* A guess that must not be kept silent. */
static void add_years(struct logsummary *summary)
{
    const struct log_set *set = summary->logs->set;
    struct buffer words = {.is_ascii = true};
    int32_t first = 0, last = 0;

    for (size_t i = 0; i < set->count; i++) {
        const struct log_file *file = &set->files[i];

        if (!file->is_year_assumed)
            continue;
        first = first == 0 || file->year < first ? file->year : first;
        last = last == 0 || file->year > last ? file->year : last;
    }
    if (set->has_new_year) { /* then none is assumed */
        buffer_printf(&words,
                      "By --year the logs begin in %d; files that begin in the "
                      "weeks after New Year are of %d.",
                      summary->options->year, summary->options->year + 1);
        logsummary_add_words(summary, "  ", &words);
        return;
    }
    if (first == 0)
        return;
    buffer_printf(&words, "The stamps say no year: %d", (int)first);
    if (last != first)
        buffer_printf(&words, " to %d", (int)last);
    buffer_add_string(&words,
                      " was assumed for the first line of a file, from the "
                      "file's name, its time and the other files. --year says "
                      "it better.");
    logsummary_add_words(summary, "  ", &words);
}

/* Copies of one log: the numbers are too high. */
static void add_copies(struct logsummary *summary)
{
    const struct log_set *set = summary->logs->set;
    struct buffer words = {.is_ascii = true};
    size_t count = 0, first = 0;

    for (size_t i = 0; i < set->count; i++) {
        if (set->files[i].copy_of > 0 && count++ == 0)
            first = i;
    }
    if (count == 0)
        return;
    buffer_printf(&words, "Files %zu and %zu", set->files[first].copy_of,
                  first + 1);
    if (count > 1)
        buffer_printf(&words, ", and %zu more like them,", count - 1);
    buffer_add_string(&words, " seem to hold the same lines, which count twice "
                              "below: name one of them.");
    logsummary_add_words(summary, "  ", &words);
}

static void add_part(struct buffer *words, uint64_t count, const char *what)
{
    if (count > 0)
        buffer_printf(words, ", %llu %s", (unsigned long long)count, what);
}

/* All lines, and what they are: it adds up. */
static void add_lines(struct logsummary *summary)
{
    const struct logtally *tally = &summary->logs->tally;
    struct buffer words = {.is_ascii = true};
    uint64_t own = 0;

    for (size_t i = 0; i < LOGLINE_KIND_COUNT; i++)
        own += tally->kinds[i];
    buffer_printf(&words, "%llu line%s (", (unsigned long long)tally->lines,
                  tally->lines == 1 ? "" : "s");
    report_add_bytes(&words, tally->text_bytes);
    buffer_printf(&words, "): %llu of sendmail", (unsigned long long)own);
    add_part(&words, tally->repeat_lines, "\"last message repeated\"");
    add_part(&words, tally->foreign_lines, "of other programs");
    add_part(&words, tally->no_stamp_lines, "without a time stamp");
    add_part(&words, tally->outside_lines, "outside of --since and --until");
    if (tally->repeated_count > 0)
        buffer_printf(&words,
                      "; the repeated ones stand for %llu more, which "
                      "only the sources below count",
                      (unsigned long long)tally->repeated_count);
    if (tally->overlong_lines > 0)
        buffer_printf(&words, "; of %llu overlong %s the beginning was read",
                      (unsigned long long)tally->overlong_lines,
                      tally->overlong_lines == 1 ? "one" : "ones");
    logsummary_add_words(summary, "  ", &words);
}

static void add_head(struct logsummary *summary)
{
    const struct logtally *tally = &summary->logs->tally;
    struct buffer *out = &summary->out;
    bool is_utc = summary->options->is_utc;

    if (tally->first > tally->last) {
        buffer_add_string(out, tally->outside_lines > 0
                                   ? "Maillogs without a line in the time "
                                     "that was asked for\n"
                                   : "Maillogs without a line of "
                                     "sendmail's\n");
    } else {
        buffer_add_string(out, "Maillogs from ");
        report_add_time(out, tally->first, is_utc);
        buffer_add_string(out, " to ");
        report_add_time(out, tally->last, is_utc);
        buffer_add_string(out, "\n");
    }
    add_lines(summary);
    add_files(summary);
    add_years(summary);
    add_copies(summary);
}

/* ---- what needs a person ---- */

static void begin_problem(struct logsummary *summary, size_t *problem_count)
{
    if ((*problem_count)++ == 0)
        logsummary_heading(summary, "WHAT NEEDS A PERSON", true);
}

static void add_problem(struct logsummary *summary, size_t *problem_count,
                        uint64_t count, const char *one, const char *many)
{
    struct buffer words = {.is_ascii = true};

    if (count == 0)
        return;
    begin_problem(summary, problem_count);
    buffer_printf(&words, "%llu %s", (unsigned long long)count,
                  count == 1 ? one : many);
    logsummary_add_words(summary, "  ", &words);
}

static void add_crowds(struct logsummary *summary, size_t *problem_count,
                       size_t crowds)
{
    struct buffer words = {.is_ascii = true};

    if (crowds == 0)
        return;
    begin_problem(summary, problem_count);
    buffer_printf(&words, "%zu crowd%s hostile", crowds,
                  crowds == 1 ? " is" : "s are");
    if (summary->shown.others > 0)
        buffer_printf(&words, ", of %zu more address%s", summary->shown.others,
                      summary->shown.others == 1 ? "" : "es");
    buffer_add_string(
        &words, crowds == 1 ? ": a network, or many against one domain or user"
                            : ": networks, or many against one domain or user");
    logsummary_add_words(summary, "  ", &words);
}

/* What got through, and goes on until somebody changes a password. */
static void add_abused(struct logsummary *summary, size_t *problem_count)
{
    const struct sources *sources = &summary->logs->sources;
    const struct attacker *first = NULL;
    uint64_t count = 0;

    for (size_t i = 0; i < sources->attacker_count; i++) {
        const struct attacker *attacker = &sources->attackers[i];

        if (strcmp(attacker_rule(summary->logs, attacker)->kind,
                   "abused-account") != 0)
            continue;
        first = first == NULL ? attacker : first;
        count++;
    }
    add_problem(summary, problem_count, count,
                "of them got in: an account here is abused",
                "of them got in: accounts here are abused");
    if (first == NULL)
        return;
    buffer_add_string(&summary->out, "    ");
    attacker_add_shown_name(&summary->out, summary->logs, first);
    buffer_add_string(&summary->out, count > 1 ? ", and others\n" : "\n");
}

/* The one that failed most is shown; of two the first by address. */
static void add_late_logins(struct logsummary *summary, size_t *problem_count)
{
    const struct sources *sources = &summary->logs->sources;
    const struct source *most = NULL;
    const struct source_mail *mail = NULL;
    char text[ADDRESS_IP_TEXT_MAX];
    uint64_t count = 0;

    for (uint32_t i = 1; i < sources->count; i++) {
        const struct source *source = &sources->items[i];
        const struct source_mail *its = source_mail(sources, source);

        if (!fact_is_late_login(sources, source))
            continue;
        count++;
        if (most == NULL || its->login_failures > mail->login_failures ||
            (its->login_failures == mail->login_failures &&
             memcmp(&source->ip, &most->ip, sizeof(most->ip)) < 0)) {
            most = source;
            mail = its;
        }
    }
    add_problem(summary, problem_count, count,
                "address got in, and failed to log in 100 times or more: "
                "an old password in a program, or one that was found",
                "addresses got in, and failed to log in 100 times or more: "
                "old passwords in programs, or such as were found");
    if (most == NULL)
        return;
    ip_format(&most->ip, text);
    buffer_printf(&summary->out, "    %s: ", text);
    logsummary_add_counted(&summary->out, mail->logins, "login");
    buffer_printf(&summary->out, ", %u failures\n", mail->login_failures);
}

static void add_attack(struct logsummary *summary, size_t *problem_count)
{
    const struct sources *sources = &summary->logs->sources;
    size_t crowds = 0;
    uint64_t hit_sources = 0;

    for (size_t i = 0; i < sources->attacker_count; i++) {
        crowds += sources->attackers[i].source == 0;
        hit_sources += sources->attackers[i].source != 0 &&
                       sources->attackers[i].accepted > 0;
    }
    add_problem(summary, problem_count, sources->attacker_count - crowds,
                "client address is hostile, see below",
                "client addresses are hostile, see below");
    add_problem(summary, problem_count, hit_sources,
                "of them found recipients that exist",
                "of them found recipients that exist");
    add_crowds(summary, problem_count, crowds);
    add_abused(summary, problem_count);
    add_late_logins(summary, problem_count);
}

static void add_trouble(struct logsummary *summary, size_t *problem_count,
                        enum log_trouble number)
{
    const struct log_trouble_sample *trouble =
        &summary->logs->tally.troubles[number];
    struct buffer *out = &summary->out;
    struct buffer words = {.is_ascii = true};

    if (trouble->count == 0)
        return;
    begin_problem(summary, problem_count);
    buffer_printf(&words, "%llu line%s: %s, last ",
                  (unsigned long long)trouble->count,
                  trouble->count == 1 ? "" : "s", log_trouble_text(number));
    report_add_time(&words, trouble->last, summary->options->is_utc);
    logsummary_add_words(summary, "  ", &words);
    buffer_add_string(out, "    ");
    buffer_add_escaped(out, slice_make(trouble->text, trouble->text_len),
                       REPORT_COLUMNS - 4);
    buffer_add_string(out, "\n");
}

bool logsummary_is_complete(const struct logread *logs)
{
    const struct log_tops *tops = &logs->join.tops;
    const struct topk *tables[] = {
        &tops->senders,    &tops->recipients, &tops->guessed,
        &tops->rejections, &tops->deferrals,  &tops->failures,
        &tops->dead_hosts, &tops->mechanisms, &tops->users,
        &tops->ciphers,    &tops->unknown,    &tops->refused_connections,
    };

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        if (tables[i]->has_failed)
            return false;
    return !logs->tally.has_failed && !logs->join.has_failed &&
           !logs->sources.has_failed;
}

static void add_problems(struct logsummary *summary)
{
    const struct logread *logs = summary->logs;
    size_t problem_count = 0;

    add_problem(summary, &problem_count, logs->complaints->count,
                "file or other thing failed, see standard error: numbers may "
                "be too low",
                "files or other things failed, see standard error: numbers "
                "may be too low");
    if (!logsummary_is_complete(logs)) {
        begin_problem(summary, &problem_count);
        buffer_add_string(&summary->out,
                          "  memory ran out: numbers are too low\n");
    }
    add_attack(summary, &problem_count);
    for (unsigned t = 0; t < TROUBLE_COUNT; t++)
        add_trouble(summary, &problem_count, (enum log_trouble)t);
    add_problem(summary, &problem_count, logs->tally.hostile_lines,
                "line is forged: the text of a stranger looks like fields; "
                "not used",
                "lines are forged: the text of strangers looks like fields; "
                "not used");
    add_problem(summary, &problem_count, logs->join.no_client,
                "guess has no client: the line that names it is not in these "
                "logs",
                "guesses have no client: the lines that name it are not in "
                "these logs");
    if (logs->tally.first > logs->tally.last) {
        begin_problem(summary, &problem_count);
        buffer_add_string(&summary->out,
                          "  no line to report on: are these the right logs, "
                          "of the right days?\n");
    }
    if (problem_count == 0)
        buffer_add_string(&summary->out, "\nNothing needs a person.\n");
}

/* ---- volumes ---- */

static void add_volume(struct logsummary *summary, const char *name,
                       uint64_t count, struct buffer *words)
{
    if (count > 0) {
        buffer_printf(&summary->out, "  %-20s ", name);
        report_add_count(&summary->out, "", count, 9);
        buffer_add_string(&summary->out, "  ");
        buffer_add(&summary->out, slice_make(words->bytes, words->len));
        buffer_add_string(&summary->out, "\n");
    }
    summary->has_failed |= words->has_failed;
    buffer_free(words);
}

static void add_plain_volume(struct logsummary *summary, const char *name,
                             uint64_t count, const char *what)
{
    struct buffer words = {.is_ascii = true};

    buffer_add_string(&words, what);
    add_volume(summary, name, count, &words);
}

static void add_accepted(struct logsummary *summary)
{
    const struct logtally *tally = &summary->logs->tally;
    struct buffer words = {.is_ascii = true};

    buffer_add_string(&words, tally->accepted_messages == 1 ? "message, "
                                                            : "messages, ");
    logsummary_add_counted(&words, tally->accepted_recipients, "recipient");
    buffer_add_string(&words, ", ");
    report_add_bytes(&words, tally->accepted_bytes);
    add_volume(summary, "accepted", tally->accepted_messages, &words);
    add_plain_volume(summary, "  null sender", tally->null_senders,
                     "of these messages");
}

static void add_reports(struct logsummary *summary)
{
    const struct logtally *tally = &summary->logs->tally;

    add_plain_volume(summary, "own failure reports", tally->dsn_failures,
                     "to senders");
    add_plain_volume(summary, "own delay warnings", tally->dsn_warnings,
                     "to senders");
    add_plain_volume(summary, "own receipts", tally->dsn_receipts,
                     "to senders");
    add_plain_volume(summary, "to postmaster",
                     tally->dsn_postmaster + tally->dsn_returns,
                     "notices, and bounces that bounced");
}

static void add_delays(struct logsummary *summary)
{
    static const double percents[] = {50, 95, 99};
    static const char *const names[] = {"median ", ", 95 % within ",
                                        ", 99 % within "};
    const struct delays *delays = &summary->logs->tally.delays;
    struct buffer words = {.is_ascii = true};

    if (delays->count == 0)
        return;
    buffer_add_string(&words, "delay of deliveries: ");
    for (size_t i = 0; i < 3; i++) {
        buffer_add_string(&words, names[i]);
        list_add_span(&words, delays_percentile(delays, percents[i]));
    }
    buffer_add_string(&words, ", longest ");
    list_add_span(&words, delays->max_sec);
    logsummary_add_words(summary, "  ", &words);
}

static void add_mail(struct logsummary *summary)
{
    const struct logtally *tally = &summary->logs->tally;
    size_t start = summary->out.len, filled;

    logsummary_heading(summary, "MAIL", false);
    filled = summary->out.len;
    add_accepted(summary);
    add_plain_volume(summary, "refused for good", tally->rejected,
                     "recipients, senders, mail, connections (5xx)");
    add_plain_volume(summary, "refused for now", tally->rejected_for_now,
                     "the same (4xx)");
    add_plain_volume(summary, "nothing accepted", tally->empty_envelopes,
                     "envelopes that ended without a message");
    add_plain_volume(summary, "not taken", tally->unsent,
                     "recipients: a filter refused, or a client left");
    add_plain_volume(summary, "discarded", tally->discarded,
                     "by a rule set or milter");
    add_plain_volume(summary, "quarantined", tally->quarantined, "messages");
    add_plain_volume(summary, "delivered", tally->delivered, "recipients");
    add_plain_volume(summary, "deferred", tally->deferred,
                     "attempts: a recipient counts each time");
    add_plain_volume(summary, "queued", tally->queued,
                     "times a recipient was left to a later run");
    add_plain_volume(summary, "failed for good", tally->bounced, "recipients");
    add_reports(summary);
    add_delays(summary);
    if (summary->out.len == filled)
        summary->out.len = start;
}

/* ---- the whole ---- */

static void add_text(struct logsummary *summary)
{
    add_head(summary);
    add_problems(summary);
    add_mail(summary);
    logsummary_add_attackers(summary);
    logsummary_add_guesses(summary);
    logsummary_add_spared(summary);
    logsummary_add_hours(summary);
    logsummary_add_tables(summary);
    logsummary_add_auth_tls(summary);
    logsummary_add_table(summary, "LINES OF UNKNOWN SHAPE, NUMBERS TAKEN OUT",
                         &summary->logs->join.tops.unknown, false);
    logsummary_add_next(summary);
}

static void sort_tables(struct log_tops *tops)
{
    topk_sort(&tops->senders);
    topk_sort(&tops->recipients);
    topk_sort(&tops->guessed);
    topk_sort(&tops->rejections);
    topk_sort(&tops->deferrals);
    topk_sort(&tops->failures);
    topk_sort(&tops->dead_hosts);
    topk_sort(&tops->mechanisms);
    topk_sort(&tops->users);
    topk_sort(&tops->ciphers);
    topk_sort(&tops->unknown);
    topk_sort(&tops->refused_connections);
}

bool logsummary_print(const struct options *options, struct logread *logs,
                      struct output *output)
{
    struct logsummary summary = {
        .options = options,
        .out.is_ascii = options->format == FORMAT_TEXT,
        .logs = logs,
        .has_color = report_wants_color(options, output),
        .rows = options->top == 0 ? SIZE_MAX : options->top,
        .minor_rows =
            options->top == 0 ? SIZE_MAX : ((size_t)options->top * 2 + 4) / 5,
        .details = ((size_t)options->top * 3 + 9) / 10};

    if (options->top == 0)
        summary.details = DETAILS_MAX;
    sort_tables(&logs->join.tops);
    switch (options->format) {
    case FORMAT_JSON:
        summary.has_failed = !logsummary_add_json(&summary.out, options, logs);
        break;
    case FORMAT_CSV:
        attackers_add_csv(&summary.out, logs);
        break;
    case FORMAT_TEXT:
        summary.has_failed |= !logsummary_choose_attackers(&summary);
        add_text(&summary);
        free(summary.shown.items);
        free(summary.shown.alone);
        break;
    }
    summary.has_failed |= summary.out.has_failed;
    output_write(output, &summary.out);
    buffer_free(&summary.out);
    return !summary.has_failed;
}
