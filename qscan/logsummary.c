#include "qscan/logsummary.h"

#include <stdlib.h>

#include "qscan/attackers.h"
#include "qscan/list.h"
#include "qscan/sourcefacts.h"

enum {
    FILES_NAMED_MAX = 10, /* in a command */
    WORD_MAX = 66,        /* a longer one is not put into a command */
    DAYS_MAX = 20,
    DETAILS_MAX = 1000,  /* of --top=0 */
    LISTED_COLUMNS = 30, /* of one of several texts in a line */
    EVIDENCE_INDENT = 6,
    EVIDENCE_LINES = 2,
    EVIDENCE_COLUMNS = EVIDENCE_LINES * (REPORT_COLUMNS - EVIDENCE_INDENT),
    EVIDENCE_TAIL = 64, /* of what must be seen */
    /* A guess list counts as alphabetical when 9 of 10 guesses of so many
     * follow the one before. */
    LIST_GUESSES_MIN = 20
};

struct logsummary {
    const struct options *options;
    struct logread *logs;
    struct buffer out;
    bool has_color, has_failed;
    size_t rows;       /* in a table of sources */
    size_t minor_rows; /* in the others: all together fit a page or two */
    size_t details;    /* hostile sources that are shown in full */
    struct shown_attackers {
        uint32_t *items; /* owned; numbers of attackers, most tries first */
        size_t count;
        size_t members;  /* left out: they stand in a crowd that is shown */
        size_t crowds;   /* left out: all of its members are shown */
        size_t others;   /* addresses that are hostile in crowds alone */
        uint32_t *alone; /* owned; by source: its attacker, from 1; 0: none */
    } shown;
};

static void heading(struct logsummary *summary, const char *text, bool is_alarm)
{
    report_heading(&summary->out, summary->has_color, text, is_alarm);
}

/* ---- lines that are filled with words ---- */

/* Fills what words holds, and empties it. */
static void add_words(struct logsummary *summary, const char *indent,
                      struct buffer *words)
{
    summary->has_failed |= words->has_failed;
    buffer_add_string(&summary->out, indent);
    report_add_filled(&summary->out, strlen(indent), strlen(indent),
                      slice_make(words->bytes, words->len));
    buffer_add_string(&summary->out, "\n");
    buffer_free(words);
}

/* ---- the head ---- */

/* "1 login", "2 logins". */
static void add_counted(struct buffer *out, uint64_t count, const char *what)
{
    buffer_printf(out, "%llu %s%s", (unsigned long long)count, what,
                  count == 1 ? "" : "s");
}

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
        add_words(summary, "  ", &words);
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
    add_words(summary, "  ", &words);
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
    add_words(summary, "  ", &words);
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
    add_words(summary, "  ", &words);
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
        heading(summary, "WHAT NEEDS A PERSON", true);
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
    add_words(summary, "  ", &words);
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
    add_words(summary, "  ", &words);
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
    add_counted(&summary->out, mail->logins, "login");
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
    add_words(summary, "  ", &words);
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
    add_counted(&words, tally->accepted_recipients, "recipient");
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
    add_words(summary, "  ", &words);
}

static void add_mail(struct logsummary *summary)
{
    const struct logtally *tally = &summary->logs->tally;
    size_t start = summary->out.len, filled;

    heading(summary, "MAIL", false);
    filled = summary->out.len;
    add_accepted(summary);
    add_plain_volume(summary, "refused for good", tally->rejected,
                     "recipients, senders, mail, connections (5xx)");
    add_plain_volume(summary, "refused for now", tally->rejected_for_now,
                     "the same (4xx)");
    add_plain_volume(summary, "nothing accepted", tally->empty_envelopes,
                     "envelopes that ended without a message");
    add_plain_volume(summary, "given up", tally->unsent,
                     "recipients, before their mail was taken");
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

/* ---- which hostile sources ---- */

static uint64_t counted_events(const struct logsummary *summary,
                               const struct attacker *attacker)
{
    return attacker_rule(summary->logs, attacker)->events;
}

/* A member that is hostile without the others, for the same events: the crowd
 * tells nothing new of it. */
static bool is_hostile_alone(const struct logsummary *summary, uint32_t member,
                             uint64_t crowd_events)
{
    uint32_t number = summary->shown.alone[member];

    return number > 0 &&
           (crowd_events &
            counted_events(summary,
                           &summary->logs->sources.attackers[number - 1])) != 0;
}

static size_t count_alone(const struct logsummary *summary,
                          const struct attacker *crowd)
{
    uint64_t events = counted_events(summary, crowd);
    size_t count = 0;

    for (size_t i = 0; i < crowd->member_count; i++)
        count += is_hostile_alone(summary, crowd->members[i], events);
    return count;
}

/*
 * Says of each attacker whether it is left out, so that nobody stands there
 * twice: attackers of a domain who are all hostile alone, as their addresses
 * say more than the name of whom they attacked; of others, and of networks, the
 * members, but for one who did most of it.
 */
static void leave_out(struct logsummary *summary, bool *is_out)
{
    const struct sources *sources = &summary->logs->sources;
    struct shown_attackers *shown = &summary->shown;

    for (size_t c = 0; c < sources->attacker_count; c++) {
        const struct attacker *crowd = &sources->attackers[c];
        uint64_t events = counted_events(summary, crowd);

        if (crowd->source != 0)
            continue;
        is_out[c] = crowd->domain != 0 &&
                    count_alone(summary, crowd) == crowd->member_count;
        shown->crowds += is_out[c];
        for (size_t i = 0; i < crowd->member_count && !is_out[c]; i++) {
            uint32_t member = crowd->members[i];
            uint32_t number = shown->alone[member];

            if (!is_hostile_alone(summary, member, events) ||
                is_out[number - 1] ||
                sources->attackers[number - 1].guesses > crowd->guesses / 2)
                continue;
            is_out[number - 1] = true;
            shown->members++;
        }
    }
}

static int order_tries(const void *left, const void *right, void *context)
{
    const struct sources *sources = context;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    uint64_t a_tries = sources->attackers[a].attempts;
    uint64_t b_tries = sources->attackers[b].attempts;

    if (a_tries != b_tries)
        return a_tries < b_tries ? 1 : -1;
    return a < b ? -1 : a > b;
}

/* Each once, however many crowds it is in. False without memory. */
static bool count_others(struct logsummary *summary)
{
    const struct sources *sources = &summary->logs->sources;
    struct shown_attackers *shown = &summary->shown;
    bool *is_counted = calloc((size_t)sources->count + 1, sizeof(*is_counted));

    if (is_counted == NULL)
        return false;
    for (size_t i = 0; i < sources->attacker_count; i++)
        for (size_t j = 0; j < sources->attackers[i].member_count; j++) {
            uint32_t member = sources->attackers[i].members[j];

            shown->others += shown->alone[member] == 0 && !is_counted[member];
            is_counted[member] = true;
        }
    free(is_counted);
    return true;
}

/* With all rows asked for, none is left out. False without memory. */
static bool choose_attackers(struct logsummary *summary)
{
    const struct sources *sources = &summary->logs->sources;
    struct shown_attackers *shown = &summary->shown;
    size_t count = sources->attacker_count;
    bool *is_out = calloc(count + 1, sizeof(*is_out));

    shown->items = calloc(count + 1, sizeof(*shown->items));
    shown->alone = calloc((size_t)sources->count + 1, sizeof(*shown->alone));
    if (is_out == NULL || shown->items == NULL || shown->alone == NULL) {
        free(is_out);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (sources->attackers[i].source != 0)
            shown->alone[sources->attackers[i].source] = (uint32_t)i + 1;
    if (summary->options->top != 0)
        leave_out(summary, is_out);
    for (size_t i = 0; i < count; i++)
        if (!is_out[i])
            shown->items[shown->count++] = (uint32_t)i;
    free(is_out);
    /* qsort_r only hands its context on */
    qsort_r(shown->items, shown->count, sizeof(*shown->items), order_tries,
            (void *)(uintptr_t)sources);
    return count_others(summary);
}

/* ---- hostile sources ---- */

static void add_list_end(struct buffer *words, const char *bound, uint64_t more)
{
    if (more > 0)
        buffer_printf(words, ", and %s%llu more", bound,
                      (unsigned long long)more);
}

/* "BEFORE a, b, and 7 more" in one line. */
struct line_list {
    struct buffer *out;
    size_t start;       /* of the line */
    const char *before; /* the next text */
    const char *bound;  /* of total: "", "at least ", "about " */
    uint64_t total, shown;
    bool is_hosts; /* or domains: cut on the left */
};

/* Adds a text and what belongs to it where they, and the end of the list, still
 * fit the line; says whether they did. */
static bool list_add(struct line_list *list, struct slice text, size_t columns,
                     const char *number)
{
    struct buffer *out = list->out;
    size_t len = out->len, end;
    bool is_fitting;

    buffer_add_string(out, list->before);
    if (list->is_hosts)
        buffer_add_host(out, text, columns);
    else
        buffer_add_escaped(out, text, columns);
    buffer_add_string(out, number);
    end = out->len;
    if (list->total > list->shown + 1)
        add_list_end(out, list->bound, list->total - list->shown - 1);
    is_fitting =
        report_columns(slice_make(out->bytes + list->start,
                                  out->len - list->start)) <= REPORT_COLUMNS;
    out->len = is_fitting ? end : len;
    if (!is_fitting)
        return false;
    list->shown++;
    list->before = ", ";
    return true;
}

static void list_end(struct line_list *list)
{
    if (list->shown > 0 && list->total > list->shown)
        add_list_end(list->out, list->bound, list->total - list->shown);
    if (list->out->len > list->start)
        buffer_add_string(list->out, "\n");
}

/* As many as fit one line. */
static void add_addresses(struct logsummary *summary, struct line_list list,
                          const uint32_t *samples, size_t count)
{
    const struct intern *texts = &summary->logs->sources.samples;

    list.out = &summary->out;
    list.start = summary->out.len;
    if (list.total < count)
        list.total = count;
    for (size_t i = 0; i < count; i++)
        if (!list_add(&list, intern_text(texts, samples[i]), LISTED_COLUMNS,
                      ""))
            break;
    list_end(&list);
}

/* The first guesses, and who got its mail. */
static void add_samples(struct logsummary *summary,
                        const struct attacker *attacker)
{
    struct line_list tried = {
        .before = "    tried ",
        .bound = attacker->is_exact ? "" : "at least ",
        .total = attacker->guesses,
    };
    bool is_low;
    struct line_list reached = {
        .before = "    reached ",
        .total = attacker_reached_count(summary->logs, attacker, &is_low),
    };
    uint32_t samples[6];
    size_t count = attacker_samples(summary->logs, attacker, samples, 6);

    add_addresses(summary, tried, samples, count);
    reached.bound = is_low ? "at least " : "about ";
    count = attacker_reached(summary->logs, attacker, samples, 6);
    add_addresses(summary, reached, samples, count);
}

/* Where it guessed; of one domain the samples say it. */
static void add_domains(struct logsummary *summary,
                        const struct attacker *attacker)
{
    const struct sources *sources = &summary->logs->sources;
    struct source_domain domains[SOURCE_DOMAINS_MAX];
    size_t count =
        attacker_domains(sources, attacker, domains, SOURCE_DOMAINS_MAX);
    struct line_list list = {
        .out = &summary->out,
        .start = summary->out.len,
        .before = "    in ",
        .bound = count < SOURCE_DOMAINS_MAX ? "" : "at least ",
        .total = count,
        .is_hosts = true,
    };

    for (size_t i = 0; count > 1 && i < count; i++) {
        char number[24];

        snprintf(number, sizeof(number), " %u", domains[i].guesses);
        if (!list_add(&list, intern_text(&sources->domains, domains[i].domain),
                      LISTED_COLUMNS, number))
            break;
    }
    list_end(&list);
}

/* Where what must be seen of a line ends: the client, or, of a delivery, what
 * the next host said. */
static size_t telling_end(struct slice text)
{
    struct logline line;

    if (logline_parse(text, NULL, &line) != LOGLINE_OK ||
        line.kind == LOGLINE_TO || !line.peer.has_ip)
        return text.len;
    return (size_t)(line.relay.ptr + line.relay.len - text.ptr);
}

/* Shortens printable ASCII; what ends there stays, behind the beginning. */
static void shorten_line(struct buffer *line, size_t end)
{
    static const char dots[] = "...";
    enum { DOTS_LEN = sizeof(dots) - 1 };
    struct slice whole = slice_make(line->bytes, line->len), tail;
    struct buffer copy = {.is_ascii = true};
    size_t head_len = EVIDENCE_COLUMNS - DOTS_LEN;
    size_t blank;

    if (whole.len <= EVIDENCE_COLUMNS)
        return;
    if (end <= head_len) {
        buffer_add(&copy, slice_head(whole, head_len));
        buffer_add_string(&copy, dots);
    } else {
        tail = slice_skip(slice_head(whole, end), end - EVIDENCE_TAIL);
        blank = slice_index(tail, ' ');
        if (blank < tail.len)
            tail = slice_skip(tail, blank);
        head_len -= tail.len + (end < whole.len ? DOTS_LEN : 0);
        buffer_add(&copy, slice_head(whole, head_len));
        buffer_add_string(&copy, dots);
        buffer_add(&copy, tail);
        buffer_add_string(&copy, end < whole.len ? dots : "");
    }
    copy.has_failed |= line->has_failed;
    buffer_free(line);
    *line = copy;
}

/* Printable ASCII, broken anywhere. Empties it. */
static void add_broken(struct logsummary *summary, struct buffer *line)
{
    struct slice rest = slice_make(line->bytes, line->len);

    summary->has_failed |= line->has_failed;
    while (rest.len > 0) {
        struct slice shown = slice_head(rest, REPORT_COLUMNS - EVIDENCE_INDENT);

        buffer_printf(&summary->out, "%*s", EVIDENCE_INDENT, "");
        buffer_add(&summary->out, shown);
        buffer_add_string(&summary->out, "\n");
        rest = slice_skip(rest, shown.len);
    }
    buffer_free(line);
}

/* Text as it stands, escaped, in up to EVIDENCE_LINES lines. */
static void add_raw_line(struct logsummary *summary, struct slice text)
{
    struct buffer line = {.is_ascii = true};
    size_t raw_end = telling_end(text);
    size_t end;

    buffer_add_escaped(&line, slice_head(text, raw_end), 0);
    end = line.len;
    buffer_add_escaped(&line, slice_skip(text, raw_end), 0);
    shorten_line(&line, end);
    add_broken(summary, &line);
}

/* The end of a line that names the client, from a word on. */
static void add_line_end(struct logsummary *summary, struct slice text)
{
    struct buffer line = {.is_ascii = true};

    text = slice_skip(text, slice_index(text, ' '));
    if (text.len == 0)
        return;
    buffer_add_string(&line, "...");
    buffer_add_escaped(&line, text, EVIDENCE_COLUMNS - line.len);
    add_broken(summary, &line);
}

static void add_evidence(struct logsummary *summary,
                         const struct attacker *attacker)
{
    const struct evidence *evidence =
        attacker_evidence(summary->logs, attacker);
    struct buffer *out = &summary->out;

    if (evidence == NULL)
        return;
    buffer_add_string(out, "    ");
    buffer_add_escaped(out, log_file_path(summary->logs, evidence->file), 50);
    buffer_printf(out, " line %llu:\n", (unsigned long long)evidence->line);
    add_raw_line(summary, evidence_line(evidence));
    add_line_end(summary, evidence_client(evidence));
}

/* Those that are hostile alone, or the others, as far as the line has room. */
static void add_some_members(const struct logsummary *summary,
                             const struct attacker *attacker, bool is_alone,
                             struct line_list *list)
{
    const struct sources *sources = &summary->logs->sources;
    uint64_t events = counted_events(summary, attacker);

    for (size_t i = 0; i < attacker->member_count; i++) {
        uint32_t member = attacker->members[i];
        char text[ADDRESS_IP_TEXT_MAX];
        size_t len = ip_format(&sources->items[member].ip, text);

        if (is_hostile_alone(summary, member, events) == is_alone &&
            !list_add(list, slice_make(text, len), 0, ""))
            break;
    }
}

static void add_members(struct logsummary *summary,
                        const struct attacker *attacker)
{
    struct buffer *out = &summary->out;
    size_t alone_count = count_alone(summary, attacker);
    struct line_list list = {
        .out = out,
        .start = out->len,
        .before = ": ",
        .bound = "",
        .total = attacker->member_count,
    };

    buffer_printf(out, "    %zu addresses", attacker->member_count);
    if (alone_count > 0)
        buffer_printf(out, ", %zu hostile alone", alone_count);
    add_some_members(summary, attacker, true, &list);
    add_some_members(summary, attacker, false, &list);
    if (list.shown == 0) { /* IPv6, in its full length */
        buffer_add_string(out, ":\n");
        list.start = out->len;
        list.before = "      ";
        add_some_members(summary, attacker, true, &list);
        add_some_members(summary, attacker, false, &list);
    }
    list_end(&list);
}

/* Who it is, what it tried, and the line that shows it. */
static void add_detail(struct logsummary *summary,
                       const struct attacker *attacker)
{
    struct buffer *out = &summary->out;
    struct buffer name = {.is_ascii = true};

    attacker_add_shown_name(&name, summary->logs, attacker);
    buffer_add_string(out, "  ");
    buffer_add_rule_text(out, slice_make(name.bytes, name.len), 40);
    buffer_add_string(out, "  ");
    buffer_free(&name);
    if (attacker->source == 0) {
        buffer_add_escaped(
            out,
            slice_from_string(attacker_rule(summary->logs, attacker)->name),
            30);
        buffer_add_string(out, "\n");
        add_members(summary, attacker);
    } else {
        char room[NAMES_TEXT_MAX];
        struct slice text = attacker_name(summary->logs, attacker, room);

        buffer_add_host(out, text.len > 0 ? text : SLICE_LITERAL("no name"),
                        34);
        buffer_add_string(out, "\n");
    }
    add_samples(summary, attacker);
    add_domains(summary, attacker);
    add_evidence(summary, attacker);
}

/* What the columns say, and which rows there are not. */
static void add_legend(struct logsummary *summary)
{
    const struct shown_attackers *shown = &summary->shown;
    struct buffer words = {.is_ascii = true};

    buffer_add_string(&words, "tries: recipients asked for, logins, probes; "
                              "guesses: different recipients that do not "
                              "exist; hits: ones that do, each time.");
    if (shown->members + shown->crowds > 0)
        buffer_add_string(&words, " Not repeated:");
    if (shown->members > 0)
        buffer_printf(&words, " %zu address%s of these crowds%s",
                      shown->members, shown->members == 1 ? "" : "es",
                      shown->crowds > 0 ? "," : ".");
    if (shown->crowds > 0)
        buffer_printf(&words, " %zu crowd%s of these addresses.", shown->crowds,
                      shown->crowds == 1 ? "" : "s");
    add_words(summary, "  ", &words);
}

static void add_attackers(struct logsummary *summary)
{
    const struct sources *sources = &summary->logs->sources;
    const uint32_t *items = summary->shown.items;
    size_t count = summary->shown.count;
    size_t shown = count < summary->rows ? count : summary->rows;
    size_t detailed = count < summary->details ? count : summary->details;

    if (count == 0)
        return;
    heading(summary, "HOSTILE SOURCES", true);
    buffer_add_string(&summary->out, "  ");
    attacker_add_head(&summary->out);
    for (size_t i = 0; i < shown; i++)
        attacker_add_row(&summary->out, "  ", summary->options, summary->logs,
                         &sources->attackers[items[i]]);
    if (shown < count)
        buffer_printf(&summary->out, "  and %zu more hostile source%s\n",
                      count - shown, count - shown == 1 ? "" : "s");
    add_legend(summary);
    buffer_add_string(&summary->out, "\n");
    for (size_t i = 0; i < detailed; i++)
        add_detail(summary, &sources->attackers[items[i]]);
}

/* ---- guess lists ---- */

static bool is_alphabetical(const struct guess_list *list)
{
    return list->ascending * 10u >= list->compared * 9u;
}

static void add_shape(struct logsummary *summary)
{
    const struct sources *sources = &summary->logs->sources;
    size_t long_count = 0, alphabetical = 0, sharing = 0;
    struct buffer words = {.is_ascii = true};

    for (size_t i = 0; i < sources->attacker_count; i++) {
        const struct attacker *attacker = &sources->attackers[i];
        const struct source *source = &sources->items[attacker->source];

        if (attacker->source == 0 || source->guesses <= LIST_GUESSES_MIN)
            continue;
        long_count++;
        alphabetical += is_alphabetical(source_guess_list(sources, source));
        sharing += attacker->shared * 2 > attacker->guesses;
    }
    if (long_count == 0)
        return;
    buffer_printf(&words,
                  "Of %zu hostile address%s with more than %d guesses, %zu "
                  "went by the alphabet, and %zu made most of their guesses in "
                  "common with others.",
                  long_count, long_count == 1 ? "" : "es", LIST_GUESSES_MIN,
                  alphabetical, sharing);
    add_words(summary, "  ", &words);
}

static struct slice row_text(const struct topk_row *row)
{
    return row->text_len == 0 ? SLICE_LITERAL("<>")
                              : slice_make(row->text, row->text_len);
}

/* How many rows are not shown; where rare ones were dropped nobody knows. */
static void add_more(struct buffer *out, const struct topk *table, size_t shown)
{
    if (shown == table->count)
        buffer_add_string(out, "others, which are rare");
    else
        buffer_printf(out, "%s%zu more", table->error_max > 0 ? "over " : "",
                      table->count - shown);
}

/* "about: a 12, b 3, and 7 more" */
static void add_inline(struct logsummary *summary, const char *about,
                       const struct topk *table, size_t rows)
{
    size_t shown = table->count < rows ? table->count : rows;
    struct buffer words = {.is_ascii = true};

    if (table->count == 0)
        return;
    buffer_add_string(&words, about);
    for (size_t i = 0; i < shown; i++) {
        buffer_add_string(&words, i == 0 ? ": " : ", ");
        buffer_add_escaped(&words, row_text(&table->rows[i]), 40);
        buffer_printf(&words, " %llu",
                      (unsigned long long)table->rows[i].count);
    }
    if (shown < table->count || table->error_max > 0) {
        buffer_add_string(&words, ", and ");
        add_more(&words, table, shown);
    }
    if (table->error_max > 0)
        buffer_printf(&words, " (counts may lack up to %llu)",
                      (unsigned long long)table->error_max);
    add_words(summary, "  ", &words);
}

static void add_targets(struct logsummary *summary)
{
    const struct sources *sources = &summary->logs->sources;
    size_t count = 0;
    uint32_t *targets = logsummary_targets(sources, &count);
    size_t shown = count < summary->minor_rows ? count : summary->minor_rows;
    struct buffer words = {.is_ascii = true};

    summary->has_failed |= targets == NULL;
    if (targets != NULL && count > 0) {
        buffer_add_string(&words, "In domains");
        for (size_t i = 0; i < shown; i++) {
            buffer_add_string(&words, i == 0 ? ": " : ", ");
            buffer_add_host(&words, intern_text(&sources->domains, targets[i]),
                            40);
            buffer_printf(&words, " %u", sources->targets[targets[i]].guesses);
        }
        add_list_end(&words, "", count - shown);
        add_words(summary, "  ", &words);
    }
    free(targets);
}

static void add_guesses(struct logsummary *summary)
{
    const struct topk *guessed = &summary->logs->join.tops.guessed;

    if (guessed->count == 0)
        return;
    heading(summary, "WHAT WAS GUESSED", false);
    add_shape(summary);
    add_inline(summary, "By anybody", guessed, summary->minor_rows);
    add_targets(summary);
}

/* ---- spared ---- */

static void add_spared(struct logsummary *summary)
{
    const struct sources *sources = &summary->logs->sources;
    size_t count = sources->spared_count;
    size_t shown = count < summary->minor_rows ? count : summary->minor_rows;
    struct buffer *out = &summary->out;

    if (count == 0)
        return;
    heading(summary, "SPARED: THEY REACHED A COUNT AND ARE NOT HOSTILE", false);
    for (size_t i = 0; i < shown; i++) {
        const struct spared *spared = &sources->spared[i];
        struct buffer why = {0};
        char text[ADDRESS_IP_TEXT_MAX];

        ip_format(&sources->items[spared->source].ip, text);
        buffer_printf(out, "  %-15s  ", text);
        buffer_add_escaped(
            out,
            slice_from_string(
                rules_source_rule(summary->logs->rules, spared->source_rule)
                    ->name),
            28);
        buffer_add_string(out, "\n    ");
        spared_add_why(&why, spared);
        buffer_add_escaped(out, slice_make(why.bytes, why.len),
                           REPORT_COLUMNS - 4);
        buffer_free(&why);
        buffer_add_string(out, "\n");
    }
    if (shown < count)
        buffer_printf(out, "  and %zu more\n", count - shown);
}

/* ---- tables ---- */

static void add_table_end(struct logsummary *summary, const struct topk *table,
                          size_t shown)
{
    struct buffer *out = &summary->out;
    uint64_t rest = table->total;

    for (size_t i = 0; i < shown; i++)
        rest -= table->rows[i].count < rest ? table->rows[i].count : rest;
    if (shown < table->count || table->error_max > 0) {
        buffer_add_string(out, "  ");
        report_add_count(out, "", rest, 9);
        buffer_add_string(out, "  and ");
        add_more(out, table, shown);
        buffer_add_string(out, "\n");
    }
    if (table->error_max > 0)
        buffer_printf(out,
                      "  (too many to tell all apart: a count may lack up to "
                      "%llu)\n",
                      (unsigned long long)table->error_max);
}

static void add_table(struct logsummary *summary, const char *name,
                      const struct topk *table, bool has_bytes)
{
    size_t shown =
        table->count < summary->minor_rows ? table->count : summary->minor_rows;
    struct buffer *out = &summary->out;

    if (table->count == 0)
        return;
    heading(summary, name, false);
    for (size_t i = 0; i < shown; i++) {
        const struct topk_row *row = &table->rows[i];
        struct buffer size = {0};

        buffer_add_string(out, "  ");
        report_add_count(out, "", row->count, 9);
        if (has_bytes) {
            report_add_bytes(&size, row->bytes);
            buffer_printf(out, " %9.*s", (int)size.len, size.bytes);
        }
        buffer_add_string(out, "  ");
        buffer_add_escaped(out, row_text(row), has_bytes ? 55 : 65);
        buffer_add_string(out, "\n");
        buffer_free(&size);
    }
    add_table_end(summary, table, shown);
}

static int order_clients(const void *left, const void *right, void *context)
{
    const struct sources *sources = context;
    const struct source *a = &sources->items[*(const uint32_t *)left];
    const struct source *b = &sources->items[*(const uint32_t *)right];
    uint32_t a_messages = source_mail(sources, a)->messages;
    uint32_t b_messages = source_mail(sources, b)->messages;

    if (a_messages != b_messages)
        return a_messages < b_messages ? 1 : -1;
    return memcmp(&a->ip, &b->ip, sizeof(a->ip));
}

uint32_t *logsummary_clients(const struct sources *sources, size_t *count_r)
{
    uint32_t *clients = calloc((size_t)sources->count + 1, sizeof(*clients));

    *count_r = 0;
    if (clients == NULL)
        return NULL;
    for (uint32_t i = 1; i < sources->count; i++)
        if (source_mail(sources, &sources->items[i])->messages > 0)
            clients[(*count_r)++] = i;
    /* qsort_r only hands its context on */
    qsort_r(clients, *count_r, sizeof(*clients), order_clients,
            (void *)(uintptr_t)sources);
    return clients;
}

static int order_targets(const void *left, const void *right, void *context)
{
    const struct sources *sources = context;
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    struct slice x = intern_text(&sources->domains, a);
    struct slice y = intern_text(&sources->domains, b);
    int order;

    if (sources->targets[a].guesses != sources->targets[b].guesses)
        return sources->targets[a].guesses < sources->targets[b].guesses ? 1
                                                                         : -1;
    order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);
    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

uint32_t *logsummary_targets(const struct sources *sources, size_t *count_r)
{
    uint32_t all = sources->domains.count < sources->target_capacity
                       ? sources->domains.count
                       : sources->target_capacity;
    uint32_t *targets = calloc((size_t)all + 1, sizeof(*targets));

    *count_r = 0;
    if (targets == NULL)
        return NULL;
    for (uint32_t i = 1; i < all; i++)
        if (sources->targets[i].guesses > 0)
            targets[(*count_r)++] = i;
    /* qsort_r only hands its context on */
    qsort_r(targets, *count_r, sizeof(*targets), order_targets,
            (void *)(uintptr_t)sources);
    return targets;
}

static void add_client(struct logsummary *summary, const struct source *source)
{
    const struct sources *sources = &summary->logs->sources;
    struct buffer *out = &summary->out;
    struct buffer size = {0};
    char text[ADDRESS_IP_TEXT_MAX], name[NAMES_TEXT_MAX];
    size_t used = ip_format(&source->ip, text);

    used = 23 + (used < 15 ? 15 : used) + 2;
    buffer_add_string(out, "  ");
    report_add_count(out, "", source_mail(sources, source)->messages, 9);
    report_add_bytes(&size, source_mail(sources, source)->bytes);
    buffer_printf(out, " %9.*s  %-15s  ", (int)size.len, size.bytes, text);
    buffer_add_host(out, names_text(&sources->names, source->name, name),
                    REPORT_COLUMNS - used);
    buffer_add_string(out, "\n");
    buffer_free(&size);
}

static void add_clients(struct logsummary *summary)
{
    const struct sources *sources = &summary->logs->sources;
    size_t count = 0;
    uint64_t rest = 0;
    uint32_t *clients = logsummary_clients(sources, &count);
    size_t shown = count < summary->minor_rows ? count : summary->minor_rows;

    summary->has_failed |= clients == NULL;
    if (clients != NULL && count > 0) {
        heading(summary, "CLIENTS, BY MESSAGES ACCEPTED", false);
        for (size_t i = 0; i < shown; i++)
            add_client(summary, &sources->items[clients[i]]);
        for (size_t i = shown; i < count; i++)
            rest += source_mail(sources, &sources->items[clients[i]])->messages;
        if (shown < count) {
            buffer_add_string(&summary->out, "  ");
            report_add_count(&summary->out, "", rest, 9);
            buffer_printf(&summary->out, "  and %zu more\n", count - shown);
        }
    }
    free(clients);
}

static void add_tables(struct logsummary *summary)
{
    const struct log_tops *tops = &summary->logs->join.tops;

    add_clients(summary);
    add_table(summary, "SENDERS, BY MESSAGES ACCEPTED", &tops->senders, true);
    add_table(summary, "RECIPIENTS, BY DELIVERIES", &tops->recipients, false);
    add_table(summary, "WHY MAIL WAS REFUSED", &tops->rejections, false);
    add_table(summary, "WHY CONNECTIONS WERE REFUSED",
              &tops->refused_connections, false);
    add_table(summary, "WHY MAIL WAITS, BY ATTEMPTS", &tops->deferrals, false);
    add_table(summary, "HOSTS THAT DO NOT ANSWER, BY ATTEMPTS",
              &tops->dead_hosts, false);
    add_table(summary, "WHY RECIPIENTS FAILED", &tops->failures, false);
}

/* ---- AUTH, TLS ---- */

static void add_auth(struct logsummary *summary)
{
    const struct logtally *tally = &summary->logs->tally;
    const struct log_tops *tops = &summary->logs->join.tops;
    struct buffer words = {.is_ascii = true};

    if (tally->logins + tally->auth_failures == 0)
        return;
    buffer_add_string(&words, "AUTH: ");
    add_counted(&words, tally->logins, "login");
    buffer_add_string(&words, ", ");
    add_counted(&words, tally->auth_failures, "failure");
    add_words(summary, "  ", &words);
    add_inline(summary, "Mechanisms of logins", &tops->mechanisms,
               summary->minor_rows);
    add_inline(summary, "Users of failures", &tops->users, summary->minor_rows);
}

static void add_tls(struct logsummary *summary)
{
    const struct logtally *tally = &summary->logs->tally;
    struct buffer words = {.is_ascii = true};

    if (tally->tls_server + tally->tls_client + tally->tls_failed == 0)
        return;
    buffer_add_string(&words, "TLS: ");
    add_counted(&words, tally->tls_server, "session");
    buffer_printf(&words, " in, %llu out, %llu verified; ",
                  (unsigned long long)tally->tls_client,
                  (unsigned long long)tally->tls_verified);
    add_counted(&words, tally->tls_failed, "error line");
    add_words(summary, "  ", &words);
    add_inline(summary, "Ciphers", &summary->logs->join.tops.ciphers,
               summary->minor_rows);
}

static void add_auth_tls(struct logsummary *summary)
{
    const struct logtally *tally = &summary->logs->tally;

    if (tally->logins + tally->auth_failures + tally->tls_server +
            tally->tls_client + tally->tls_failed ==
        0)
        return;
    heading(summary, "AUTH AND TLS", false);
    add_auth(summary);
    add_tls(summary);
}

/* ---- hour by hour ---- */

struct day {
    int year, month, day;
    uint64_t accepted[24], refused[24];
};

/* Each step is about three times the one before. */
static char density(uint64_t count)
{
    static const uint64_t steps[] = {1, 3, 10, 30, 100, 300, 1000, 3000, 10000};
    static const char marks[] = " .:-=+*#%@";
    size_t level = 0;

    while (level < sizeof(steps) / sizeof(steps[0]) && count >= steps[level])
        level++;
    return marks[level];
}

static void add_picture(struct buffer *out, const uint64_t *hours)
{
    char text[25] = "";

    for (size_t h = 0; h < 24; h++)
        text[h] = density(hours[h]);
    buffer_printf(out, "|%s|", text);
}

/* The latest days that have lines; days_r[0] is the last one. */
static size_t find_days(const struct logsummary *summary, struct day *days_r,
                        size_t max, size_t *all_r)
{
    const struct logtally *tally = &summary->logs->tally;
    struct day current = {0};
    size_t count = 0;

    *all_r = 0;
    for (size_t i = tally->hour_count; i > 0; i--) {
        const struct log_hour *hour = &tally->hours[i - 1];
        struct day *day;
        struct tm tm;

        if (!report_date(log_hour_start(tally, hour), summary->options->is_utc,
                         &tm))
            continue;
        if (*all_r == 0 || tm.tm_year != current.year ||
            tm.tm_mon != current.month || tm.tm_mday != current.day) {
            current.year = tm.tm_year;
            current.month = tm.tm_mon;
            current.day = tm.tm_mday;
            if (++*all_r <= max)
                days_r[count++] = current;
        }
        if (*all_r > max)
            continue;
        day = &days_r[count - 1];
        day->accepted[tm.tm_hour] += hour->accepted;
        day->refused[tm.tm_hour] +=
            hour->rejected > hour->guesses ? hour->rejected : hour->guesses;
    }
    return count;
}

static void add_hours(struct logsummary *summary)
{
    static const char clock[] = "0     6     12    18";
    struct day days[DAYS_MAX];
    size_t max = summary->rows < DAYS_MAX ? summary->rows : DAYS_MAX;
    size_t all = 0;
    size_t count = find_days(summary, days, max, &all);
    struct buffer *out = &summary->out;

    if (count == 0)
        return;
    heading(summary, "HOUR BY HOUR", false);
    buffer_add_string(out, "  day         accepted messages           "
                           "refusals or guesses, what is more\n");
    buffer_printf(out, "               %s        %s\n", clock, clock);
    if (all > count || summary->logs->tally.hours_are_cut)
        buffer_printf(out, "  and %zu earlier day%s%s\n", all - count,
                      all - count == 1 ? "" : "s",
                      summary->logs->tally.hours_are_cut
                          ? ", and ones before them, which are not told apart"
                          : "");
    for (size_t i = count; i > 0; i--) {
        const struct day *day = &days[i - 1];

        buffer_printf(out, "  %04d-%02d-%02d  ", day->year + 1900,
                      day->month + 1, day->day);
        add_picture(out, day->accepted);
        buffer_add_string(out, "  ");
        add_picture(out, day->refused);
        buffer_add_string(out, "\n");
    }
    buffer_add_string(out, "  an hour: . 1  : 3  - 10  = 30  + 100  * 300  "
                           "# 1000  % 3000  @ 10000 and more\n");
}

/* ---- what to type next ---- */

struct command {
    struct buffer *out;
    size_t used;
};

static void add_command_word(struct command *command, const char *option,
                             struct slice value)
{
    struct buffer word = {.is_ascii = true};

    buffer_add_string(&word, option);
    if (!slice_is_absent(value))
        buffer_add_shell_word(&word, value);
    if (command->used > 0 &&
        command->used + 1 + word.len > REPORT_COLUMNS - 2) {
        buffer_add_string(command->out, " \\\n      ");
        command->used = 6;
    } else {
        buffer_add_string(command->out, command->used == 0 ? "    " : " ");
        command->used += command->used == 0 ? 4 : 1;
    }
    buffer_add(command->out, slice_make(word.bytes, word.len));
    command->used += word.len;
    buffer_free(&word);
}

/* Whether a command can name all files, and still be read. */
static bool can_name_files(const struct string_list *files)
{
    for (size_t i = 0; i < files->count; i++) {
        struct buffer word = {.is_ascii = true};
        bool is_long;

        buffer_add_shell_word(&word, slice_from_string(files->strings[i]));
        is_long = word.len > WORD_MAX;
        buffer_free(&word);
        if (is_long)
            return false;
    }
    return files->count <= FILES_NAMED_MAX;
}

/* What is too long for a line is left to be put in, not left out. */
static void add_option(struct command *command, const char *option,
                       const char *value)
{
    if (value != NULL)
        add_command_word(command, option,
                         strlen(value) <= WORD_MAX / 2
                             ? slice_from_string(value)
                             : SLICE_LITERAL("..."));
}

static void add_file_word(struct command *command, const char *path)
{
    add_command_word(command, report_path_guard(path), slice_from_string(path));
}

static void add_command(struct logsummary *summary, const char *about,
                        const char *mode, const char *more)
{
    const struct options *options = summary->options;
    struct command command = {.out = &summary->out};
    struct slice none = {NULL, 0};

    buffer_printf(&summary->out, "  %s:\n", about);
    add_command_word(&command, "qscan", none);
    add_command_word(&command, mode, none);
    add_command_word(&command, more, none);
    for (size_t i = 0; i < options->rules.count; i++)
        add_option(&command, "--rules=", options->rules.strings[i]);
    add_option(&command, "-C ", options->config_file);
    add_option(&command, "--since=", options->since_text);
    add_option(&command, "--until=", options->until_text);
    if (options->now >= 0) {
        char now[40];

        snprintf(now, sizeof(now), "--now=%lld", (long long)options->now);
        add_command_word(&command, now, none);
    }
    if (options->year != 0) {
        char year[24];

        snprintf(year, sizeof(year), "--year=%d", (int)options->year);
        add_command_word(&command, year, none);
    }
    if (options->is_utc)
        add_command_word(&command, "--utc", none);
    if (!can_name_files(&options->queues))
        add_command_word(&command, "FILE...", none);
    else
        for (size_t i = 0; i < options->queues.count; i++)
            add_file_word(&command, options->queues.strings[i]);
    buffer_add_string(&summary->out, "\n");
}

static const char *grep_for(enum input_log_format format)
{
    switch (format) {
    case LOG_GZIP:
        return "zgrep";
    case LOG_BZIP2:
        return "bzgrep";
    case LOG_XZ:
        return "xzgrep";
    case LOG_ZSTD:
        return "zstdgrep";
    case LOG_LZ4: /* there is none */
        return NULL;
    case LOG_PLAIN:
        break;
    }
    return "grep";
}

/* As sendmail writes the address: [192.0.2.1], [IPv6:...] never shortened. Of
 * IPv6 the evidence line has the words. */
static void add_grep(struct logsummary *summary)
{
    const struct logread *logs = summary->logs;
    const struct sources *sources = &logs->sources;

    for (size_t i = 0; i < summary->shown.count; i++) {
        const struct attacker *attacker =
            &sources->attackers[summary->shown.items[i]];
        const struct evidence *evidence = attacker_evidence(logs, attacker);
        const struct source *source = &sources->items[attacker->source];
        struct command command = {.out = &summary->out};
        const struct log_file *file;
        char text[ADDRESS_IP_TEXT_MAX + 2] = "[";
        size_t len;

        if (attacker->source == 0 || evidence == NULL ||
            evidence->file >= logs->set->count || !ip_is_v4(&source->ip))
            continue;
        file = &logs->set->files[evidence->file];
        if (strlen(file->path) > WORD_MAX || grep_for(file->format) == NULL)
            continue;
        len = ip_format(&source->ip, text + 1);
        memcpy(text + 1 + len, "]", 2);
        buffer_add_string(&summary->out,
                          "  What one of them did, in the log itself:\n");
        add_command_word(&command, grep_for(file->format),
                         (struct slice){NULL, 0});
        add_command_word(&command, "-F", (struct slice){NULL, 0});
        add_command_word(&command, "", slice_make(text, len + 2));
        add_file_word(&command, file->path);
        buffer_add_string(&summary->out, "\n");
        return;
    }
}

/* By name, too: from <(zcat ...) bash makes /dev/fd/63. */
static bool reads_pipe(const struct logsummary *summary)
{
    const struct log_set *set = summary->logs->set;

    for (size_t i = 0; i < set->count; i++)
        if (set->files[i].is_pipe)
            return true;
    return false;
}

static void add_next(struct logsummary *summary)
{
    /* What came from a pipe is gone. */
    if (reads_pipe(summary))
        return;
    heading(summary, "WHAT TO TYPE NEXT", false);
    if (summary->logs->sources.attacker_count > 0) {
        add_command(summary, "All hostile sources, one JSON object a line",
                    "--attackers", "--format=json");
        add_grep(summary);
    }
    if (summary->options->top != 0)
        add_command(summary, "All rows of all tables", "--logs", "--top=0");
    add_command(summary, "For a program", "--logs", "--format=json");
}

/* ---- the whole ---- */

static void add_text(struct logsummary *summary)
{
    add_head(summary);
    add_problems(summary);
    add_mail(summary);
    add_attackers(summary);
    add_guesses(summary);
    add_spared(summary);
    add_hours(summary);
    add_tables(summary);
    add_auth_tls(summary);
    add_table(summary, "LINES OF UNKNOWN SHAPE, NUMBERS TAKEN OUT",
              &summary->logs->join.tops.unknown, false);
    add_next(summary);
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
        summary.has_failed |= !choose_attackers(&summary);
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
