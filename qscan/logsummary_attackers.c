#include "qscan/logsummary_part.h"

#include <stdlib.h>

#include "qscan/attackers.h"
#include "qscan/sourcefacts.h"

enum {
    LISTED_COLUMNS = 30, /* of one of several texts in a line */
    EVIDENCE_INDENT = 6,
    EVIDENCE_LINES = 2,
    EVIDENCE_COLUMNS = EVIDENCE_LINES * (REPORT_COLUMNS - EVIDENCE_INDENT),
    EVIDENCE_TAIL = 64, /* of what must be seen */
    /* A guess list counts as alphabetical when 9 of 10 guesses of so many
     * follow the one before. */
    LIST_GUESSES_MIN = 20
};

/* ---- which ---- */

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
bool logsummary_choose_attackers(struct logsummary *summary)
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

/* ---- one after the other ---- */

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
    logsummary_add_words(summary, "  ", &words);
}

void logsummary_add_attackers(struct logsummary *summary)
{
    const struct sources *sources = &summary->logs->sources;
    const uint32_t *items = summary->shown.items;
    size_t count = summary->shown.count;
    size_t shown = count < summary->rows ? count : summary->rows;
    size_t detailed = count < summary->details ? count : summary->details;

    if (count == 0)
        return;
    logsummary_heading(summary, "HOSTILE SOURCES", true);
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
    logsummary_add_words(summary, "  ", &words);
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
        logsummary_add_words(summary, "  ", &words);
    }
    free(targets);
}

void logsummary_add_guesses(struct logsummary *summary)
{
    const struct topk *guessed = &summary->logs->join.tops.guessed;

    if (guessed->count == 0)
        return;
    logsummary_heading(summary, "WHAT WAS GUESSED", false);
    add_shape(summary);
    logsummary_add_inline(summary, "By anybody", guessed, summary->minor_rows);
    add_targets(summary);
}

/* ---- spared ---- */

/* Its address, the rule, and its name. */
static void add_spared_head(struct logsummary *summary,
                            const struct spared *spared)
{
    /* "dictionary-attack-slow" is the longest that spares. */
    enum { IP_COLUMNS = 15, RULE_COLUMNS = 22, NAME_COLUMNS = 37 };
    const struct logread *logs = summary->logs;
    const struct source *source = &logs->sources.items[spared->source];
    struct slice rule = slice_from_string(
        rules_source_rule(logs->rules, spared->source_rule)->name);
    struct buffer *out = &summary->out;
    char text[ADDRESS_IP_TEXT_MAX], room[NAMES_TEXT_MAX];
    size_t len = ip_format(&source->ip, text);

    buffer_printf(out, "  %-*s  ", IP_COLUMNS, text);
    if (source->name == NAMES_NONE || len > IP_COLUMNS) {
        buffer_add_escaped(out, rule, RULE_COLUMNS + NAME_COLUMNS);
        return;
    }
    report_add_padded(out, rule, RULE_COLUMNS);
    buffer_add_string(out, "  ");
    buffer_add_host(out, names_text(&logs->sources.names, source->name, room),
                    NAME_COLUMNS);
}

void logsummary_add_spared(struct logsummary *summary)
{
    const struct sources *sources = &summary->logs->sources;
    size_t count = sources->spared_count;
    size_t shown = count < summary->minor_rows ? count : summary->minor_rows;
    struct buffer *out = &summary->out;

    if (count == 0)
        return;
    logsummary_heading(
        summary, "SPARED: THEY REACHED A COUNT AND ARE NOT HOSTILE", false);
    for (size_t i = 0; i < shown; i++) {
        const struct spared *spared = &sources->spared[i];
        struct buffer why = {0};

        add_spared_head(summary, spared);
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
