#include "qscan/logsummary_part.h"

#include <stdlib.h>

enum { DAYS_MAX = 20 };

/* ---- tables ---- */

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

void logsummary_add_inline(struct logsummary *summary, const char *about,
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
    logsummary_add_words(summary, "  ", &words);
}

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

void logsummary_add_table(struct logsummary *summary, const char *name,
                          const struct topk *table, bool has_bytes)
{
    size_t shown =
        table->count < summary->minor_rows ? table->count : summary->minor_rows;
    struct buffer *out = &summary->out;

    if (table->count == 0)
        return;
    logsummary_heading(summary, name, false);
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
        logsummary_heading(summary, "CLIENTS, BY MESSAGES ACCEPTED", false);
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

void logsummary_add_tables(struct logsummary *summary)
{
    const struct log_tops *tops = &summary->logs->join.tops;

    add_clients(summary);
    logsummary_add_table(summary, "SENDERS, BY MESSAGES RECEIVED",
                         &tops->senders, true);
    logsummary_add_table(summary, "RECIPIENTS, BY DELIVERIES",
                         &tops->recipients, false);
    logsummary_add_table(summary, "WHY MAIL WAS REFUSED", &tops->rejections,
                         false);
    logsummary_add_table(summary, "WHY CONNECTIONS WERE REFUSED",
                         &tops->refused_connections, false);
    logsummary_add_table(summary, "WHY MAIL WAITS, BY ATTEMPTS",
                         &tops->deferrals, false);
    logsummary_add_table(summary, "HOSTS THAT DO NOT ANSWER, BY ATTEMPTS",
                         &tops->dead_hosts, false);
    logsummary_add_table(summary, "WHY RECIPIENTS FAILED", &tops->failures,
                         false);
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
    logsummary_add_counted(&words, tally->logins, "login");
    buffer_add_string(&words, ", ");
    logsummary_add_counted(&words, tally->auth_failures, "failure");
    logsummary_add_words(summary, "  ", &words);
    logsummary_add_inline(summary, "Mechanisms of logins", &tops->mechanisms,
                          summary->minor_rows);
    logsummary_add_inline(summary, "Users of failures", &tops->users,
                          summary->minor_rows);
}

static void add_tls(struct logsummary *summary)
{
    const struct logtally *tally = &summary->logs->tally;
    struct buffer words = {.is_ascii = true};

    if (tally->tls_server + tally->tls_client + tally->tls_failed == 0)
        return;
    buffer_add_string(&words, "TLS: ");
    logsummary_add_counted(&words, tally->tls_server, "session");
    buffer_printf(&words, " in, %llu out, %llu verified; ",
                  (unsigned long long)tally->tls_client,
                  (unsigned long long)tally->tls_verified);
    logsummary_add_counted(&words, tally->tls_failed, "error line");
    logsummary_add_words(summary, "  ", &words);
    logsummary_add_inline(summary, "Ciphers", &summary->logs->join.tops.ciphers,
                          summary->minor_rows);
}

void logsummary_add_auth_tls(struct logsummary *summary)
{
    const struct logtally *tally = &summary->logs->tally;

    if (tally->logins + tally->auth_failures + tally->tls_server +
            tally->tls_client + tally->tls_failed ==
        0)
        return;
    logsummary_heading(summary, "AUTH AND TLS", false);
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

void logsummary_add_hours(struct logsummary *summary)
{
    static const char clock[] = "0     6     12    18";
    struct day days[DAYS_MAX];
    size_t max = summary->rows < DAYS_MAX ? summary->rows : DAYS_MAX;
    size_t all = 0;
    size_t count = find_days(summary, days, max, &all);
    struct buffer *out = &summary->out;

    if (count == 0)
        return;
    logsummary_heading(summary, "HOUR BY HOUR", false);
    buffer_add_string(out, "  day         accepted messages           "
                           "refusals, or guesses if more\n");
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
