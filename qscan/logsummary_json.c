/* The summary of logs as one JSON object; its fields are in the manual. */
#include <stdlib.h>

#include "qscan/attackers.h"
#include "qscan/logsummary.h"
#include "qscan/sourcefacts.h"

static size_t capped(size_t count, const struct options *options)
{
    return options->top == 0 || count < options->top ? count : options->top;
}

static void field(struct jsonout *json, const char *key, uint64_t number)
{
    jsonout_field_integer(json, key, (int64_t)number);
}

static void open(struct jsonout *json, const char *key, char bracket)
{
    jsonout_key(json, key);
    jsonout_open(json, bracket);
}

/* ---- what was read ---- */

static void json_files(struct jsonout *json, const struct log_set *set)
{
    open(json, "files", '[');
    for (size_t i = 0; i < set->count; i++) {
        const struct log_file *file = &set->files[i];

        jsonout_open(json, '{');
        jsonout_field(json, "path", slice_from_string(file->path));
        jsonout_field(json, "format",
                      slice_from_string(input_log_format_text(file->format)));
        field(json, "size_bytes", file->size_bytes);
        jsonout_key(json, "start");
        if (file->has_stamp)
            jsonout_integer(json, file->start);
        else
            jsonout_null(json);
        jsonout_key(json, "year_assumed");
        if (file->has_stamp && file->stamp.year == 0)
            jsonout_integer(json, file->year);
        else
            jsonout_null(json);
        jsonout_key(json, "copy_of");
        if (file->copy_of > 0)
            jsonout_integer(json, (int64_t)file->copy_of);
        else
            jsonout_null(json);
        jsonout_close(json, '}');
    }
    jsonout_close(json, ']');
}

static void json_span(struct jsonout *json, const struct logtally *tally)
{
    bool has_time = tally->first <= tally->last;

    jsonout_key(json, "first");
    if (has_time)
        jsonout_integer(json, tally->first);
    else
        jsonout_null(json);
    jsonout_key(json, "last");
    if (has_time)
        jsonout_integer(json, tally->last);
    else
        jsonout_null(json);
}

static void json_lines(struct jsonout *json, const struct logtally *tally)
{
    open(json, "lines", '{');
    field(json, "all", tally->lines);
    field(json, "text_bytes", tally->text_bytes);
    open(json, "sendmail", '{');
    for (unsigned kind = 0; kind < LOGLINE_KIND_COUNT; kind++)
        field(json, logline_kind_text((enum logline_kind)kind),
              tally->kinds[kind]);
    jsonout_close(json, '}');
    field(json, "repeated", tally->repeat_lines);
    field(json, "repeated_stand_for", tally->repeated_count);
    field(json, "foreign", tally->foreign_lines);
    field(json, "no_stamp", tally->no_stamp_lines);
    field(json, "outside", tally->outside_lines);
    field(json, "forged", tally->hostile_lines);
    field(json, "overlong", tally->overlong_lines);
    jsonout_close(json, '}');
}

/* ---- mail ---- */

static void json_mail(struct jsonout *json, const struct logtally *tally)
{
    open(json, "mail", '{');
    field(json, "accepted", tally->accepted_messages);
    field(json, "accepted_recipients", tally->accepted_recipients);
    field(json, "accepted_bytes", tally->accepted_bytes);
    field(json, "null_senders", tally->null_senders);
    field(json, "empty_envelopes", tally->empty_envelopes);
    field(json, "unsent", tally->unsent);
    field(json, "rejected", tally->rejected);
    field(json, "rejected_for_now", tally->rejected_for_now);
    field(json, "discarded", tally->discarded);
    field(json, "quarantined", tally->quarantined);
    field(json, "delivered", tally->delivered);
    field(json, "deferred", tally->deferred);
    field(json, "queued", tally->queued);
    field(json, "bounced", tally->bounced);
    field(json, "dsn_failures", tally->dsn_failures);
    field(json, "dsn_warnings", tally->dsn_warnings);
    field(json, "dsn_receipts", tally->dsn_receipts);
    field(json, "dsn_postmaster", tally->dsn_postmaster);
    field(json, "dsn_returns", tally->dsn_returns);
    jsonout_close(json, '}');
}

static void json_delay(struct jsonout *json, const char *key, int64_t sec)
{
    jsonout_key(json, key);
    if (sec >= 0)
        jsonout_integer(json, sec);
    else
        jsonout_null(json);
}

static void json_delays(struct jsonout *json, const struct delays *delays)
{
    open(json, "delays", '{');
    json_delay(json, "median_sec", delays_percentile(delays, 50));
    json_delay(json, "p95_sec", delays_percentile(delays, 95));
    json_delay(json, "p99_sec", delays_percentile(delays, 99));
    json_delay(json, "max_sec", delays->count > 0 ? delays->max_sec : -1);
    jsonout_close(json, '}');
}

static void json_events(struct jsonout *json, const struct logread *logs)
{
    size_t count = rules_event_count(logs->rules);

    open(json, "events", '{');
    for (size_t i = 0; i < count && i < RULES_EVENTS_MAX; i++)
        field(json, rules_event_name(logs->rules, i), logs->tally.events[i]);
    jsonout_close(json, '}');
}

static void json_hours(struct jsonout *json, const struct logtally *tally)
{
    open(json, "hours", '[');
    for (size_t i = 0; i < tally->hour_count; i++) {
        const struct log_hour *hour = &tally->hours[i];

        jsonout_open(json, '{');
        jsonout_field_integer(json, "start", log_hour_start(tally, hour));
        field(json, "lines", hour->lines);
        field(json, "accepted", hour->accepted);
        field(json, "rejected", hour->rejected);
        field(json, "delivered", hour->delivered);
        field(json, "deferred", hour->deferred);
        field(json, "guesses", hour->guesses);
        jsonout_close(json, '}');
    }
    jsonout_close(json, ']');
    jsonout_field_boolean(json, "hours_cut", tally->hours_are_cut);
}

/* ---- tables ---- */

static void json_rows(struct jsonout *json, const char *key,
                      const struct topk *table, const struct options *options,
                      bool has_bytes)
{
    open(json, key, '[');
    for (size_t i = 0; i < capped(table->count, options); i++) {
        const struct topk_row *row = &table->rows[i];

        jsonout_open(json, '{');
        jsonout_field(json, "text", slice_make(row->text, row->text_len));
        field(json, "count", row->count);
        if (has_bytes)
            field(json, "bytes", row->bytes);
        jsonout_close(json, '}');
    }
    jsonout_close(json, ']');
}

struct named_table {
    const char *key;
    const struct topk *table;
    bool has_bytes;
};

/* Of a table what the rows that are shown do not say. */
struct about {
    uint64_t total, different, error_max;
};

static void json_about(struct jsonout *json, const char *key,
                       const struct about *about)
{
    open(json, key, '{');
    field(json, "total", about->total);
    field(json, "different", about->different);
    field(json, "error_max", about->error_max);
    jsonout_close(json, '}');
}

static struct about about_table(const struct topk *table)
{
    return (struct about){table->total, table->count, table->error_max};
}

static bool json_clients(struct jsonout *json, const struct sources *sources,
                         const struct options *options, struct about *about_r)
{
    size_t count = 0;
    uint32_t *clients = logsummary_clients(sources, &count);

    if (clients == NULL)
        return false;
    *about_r = (struct about){.different = count};
    for (size_t i = 0; i < count; i++)
        about_r->total +=
            source_mail(sources, &sources->items[clients[i]])->messages;
    open(json, "clients", '[');
    for (size_t i = 0; i < capped(count, options); i++) {
        const struct source *source = &sources->items[clients[i]];
        char text[ADDRESS_IP_TEXT_MAX], name[NAMES_TEXT_MAX];

        jsonout_open(json, '{');
        jsonout_field(json, "text",
                      slice_make(text, ip_format(&source->ip, text)));
        jsonout_field(json, "name",
                      names_text(&sources->names, source->name, name));
        field(json, "count", source_mail(sources, source)->messages);
        field(json, "bytes", source_mail(sources, source)->bytes);
        jsonout_close(json, '}');
    }
    jsonout_close(json, ']');
    free(clients);
    return true;
}

static bool json_targets(struct jsonout *json, const struct sources *sources,
                         const struct options *options, struct about *about_r)
{
    size_t count = 0;
    uint32_t *targets = logsummary_targets(sources, &count);

    if (targets == NULL)
        return false;
    *about_r = (struct about){.different = count};
    for (size_t i = 0; i < count; i++)
        about_r->total += sources->targets[targets[i]].guesses;
    open(json, "guessed_domains", '[');
    for (size_t i = 0; i < capped(count, options); i++) {
        jsonout_open(json, '{');
        jsonout_field(json, "text", intern_text(&sources->domains, targets[i]));
        field(json, "count", sources->targets[targets[i]].guesses);
        jsonout_close(json, '}');
    }
    jsonout_close(json, ']');
    free(targets);
    return true;
}

static bool json_tops(struct jsonout *json, const struct options *options,
                      const struct logread *logs)
{
    const struct log_tops *tops = &logs->join.tops;
    const struct named_table tables[] = {
        {"senders", &tops->senders, true},
        {"recipients", &tops->recipients, false},
        {"guessed", &tops->guessed, false},
        {"rejections", &tops->rejections, false},
        {"refused_connections", &tops->refused_connections, false},
        {"deferrals", &tops->deferrals, false},
        {"dead_hosts", &tops->dead_hosts, false},
        {"failures", &tops->failures, false},
        {"mechanisms", &tops->mechanisms, false},
        {"users", &tops->users, false},
        {"ciphers", &tops->ciphers, false},
        {"unknown_lines", &tops->unknown, false},
    };
    size_t count = sizeof(tables) / sizeof(tables[0]);
    struct about clients = {0}, domains = {0};
    bool is_good;

    open(json, "tops", '{');
    is_good = json_clients(json, &logs->sources, options, &clients) &&
              json_targets(json, &logs->sources, options, &domains);
    for (size_t i = 0; i + 1 < count; i++)
        json_rows(json, tables[i].key, tables[i].table, options,
                  tables[i].has_bytes);
    jsonout_close(json, '}');
    json_rows(json, "unknown_lines", &tops->unknown, options, false);
    open(json, "tops_about", '{');
    json_about(json, "clients", &clients);
    json_about(json, "guessed_domains", &domains);
    for (size_t i = 0; i < count; i++) {
        struct about about = about_table(tables[i].table);

        json_about(json, tables[i].key, &about);
    }
    jsonout_close(json, '}');
    return is_good;
}

/* ---- the rest ---- */

static void json_auth_tls(struct jsonout *json, const struct logtally *tally)
{
    open(json, "auth", '{');
    field(json, "logins", tally->logins);
    field(json, "failures", tally->auth_failures);
    jsonout_close(json, '}');
    open(json, "tls", '{');
    field(json, "server", tally->tls_server);
    field(json, "client", tally->tls_client);
    field(json, "verified", tally->tls_verified);
    field(json, "errors", tally->tls_failed);
    jsonout_close(json, '}');
}

static void json_troubles(struct jsonout *json, const struct logtally *tally)
{
    open(json, "troubles", '[');
    for (unsigned t = 0; t < TROUBLE_COUNT; t++) {
        const struct log_trouble_sample *trouble = &tally->troubles[t];

        if (trouble->count == 0)
            continue;
        jsonout_open(json, '{');
        jsonout_field(json, "what",
                      slice_from_string(log_trouble_text((enum log_trouble)t)));
        field(json, "lines", trouble->count);
        jsonout_field_integer(json, "first", trouble->first);
        jsonout_field_integer(json, "last", trouble->last);
        jsonout_field(json, "text",
                      slice_make(trouble->text, trouble->text_len));
        jsonout_close(json, '}');
    }
    jsonout_close(json, ']');
}

static void json_late_logins(struct jsonout *json,
                             const struct sources *sources)
{
    open(json, "late_logins", '[');
    for (uint32_t i = 1; i < sources->count; i++) {
        const struct source *source = &sources->items[i];
        const struct source_mail *mail = source_mail(sources, source);
        char text[ADDRESS_IP_TEXT_MAX];

        if (!fact_is_late_login(sources, source))
            continue;
        jsonout_open(json, '{');
        jsonout_field(json, "source",
                      slice_make(text, ip_format(&source->ip, text)));
        field(json, "logins", mail->logins);
        field(json, "failures", mail->login_failures);
        jsonout_close(json, '}');
    }
    jsonout_close(json, ']');
}

static void json_attackers(struct jsonout *json, const struct logread *logs)
{
    open(json, "attackers", '[');
    for (size_t i = 0; i < logs->sources.attacker_count; i++)
        attacker_json(json, logs, &logs->sources.attackers[i]);
    jsonout_close(json, ']');
}

static void json_spared(struct jsonout *json, const struct logread *logs)
{
    open(json, "spared", '[');
    for (size_t i = 0; i < logs->sources.spared_count; i++) {
        const struct spared *spared = &logs->sources.spared[i];
        struct buffer why = {0};
        char text[ADDRESS_IP_TEXT_MAX];

        jsonout_open(json, '{');
        jsonout_field(
            json, "source",
            slice_make(text, ip_format(&logs->sources.items[spared->source].ip,
                                       text)));
        jsonout_field(
            json, "rule",
            slice_from_string(
                rules_source_rule(logs->rules, spared->source_rule)->name));
        spared_add_why(&why, spared);
        jsonout_field(json, "why", slice_make(why.bytes, why.len));
        buffer_free(&why);
        jsonout_close(json, '}');
    }
    jsonout_close(json, ']');
}

bool logsummary_add_json(struct buffer *out, const struct options *options,
                         const struct logread *logs)
{
    struct jsonout json;
    bool is_good;

    jsonout_init(&json, out);
    jsonout_open(&json, '{');
    json_files(&json, logs->set);
    json_span(&json, &logs->tally);
    jsonout_field_boolean(&json, "complete",
                          logsummary_is_complete(logs) &&
                              logs->complaints->count == 0);
    json_lines(&json, &logs->tally);
    json_mail(&json, &logs->tally);
    json_delays(&json, &logs->tally.delays);
    json_events(&json, logs);
    json_hours(&json, &logs->tally);
    is_good = json_tops(&json, options, logs);
    json_auth_tls(&json, &logs->tally);
    json_troubles(&json, &logs->tally);
    json_late_logins(&json, &logs->sources);
    /* What was replaced so far is named before objects name their own. */
    jsonout_lossy(&json);
    json_attackers(&json, logs);
    json_spared(&json, logs);
    field(&json, "guesses_without_client", logs->join.no_client);
    jsonout_close(&json, '}');
    buffer_add_string(out, "\n");
    return is_good;
}
