#include "qscan/attackers.h"

#include <stdio.h>
#include <string.h>

enum {
    SOURCE_COLUMNS = 15, /* a longer one has a line of its own */
    KIND_COLUMNS = 18,
    ROW_COLUMNS = 78,
    CROWD_NAMES_MAX = 10,
    CROWD_SAMPLES_MAX = 10,
    SHARE_MAILED_MIN = 10, /* recipients that it brought mail for */
    FLUSH_BYTES = 256 * 1024
};

/* ---- one attacker ---- */

const struct rules_source_rule *attacker_rule(const struct logread *logs,
                                              const struct attacker *attacker)
{
    return rules_source_rule(logs->rules, attacker->source_rule);
}

const struct evidence *attacker_evidence(const struct logread *logs,
                                         const struct attacker *attacker)
{
    const struct sources *sources = &logs->sources;

    if (attacker->alarm >= sources->evidence_count ||
        sources->evidence[attacker->alarm].text == NULL)
        return NULL;
    return &sources->evidence[attacker->alarm];
}

static struct slice evidence_text(const struct evidence *evidence)
{
    return slice_make(evidence->text, evidence->len);
}

struct slice evidence_line(const struct evidence *evidence)
{
    struct slice text = evidence_text(evidence);

    return slice_head(text, slice_index(text, '\n'));
}

struct slice evidence_client(const struct evidence *evidence)
{
    return slice_skip(evidence_text(evidence), evidence_line(evidence).len + 1);
}

/* A source is its own only member. */
static size_t member_count(const struct attacker *attacker)
{
    return attacker->source != 0 ? 1 : attacker->member_count;
}

static const struct source *member_at(const struct logread *logs,
                                      const struct attacker *attacker, size_t i)
{
    return &logs->sources.items[attacker->source != 0 ? attacker->source
                                                      : attacker->members[i]];
}

struct slice attacker_name(const struct logread *logs,
                           const struct attacker *attacker,
                           char room[static NAMES_TEXT_MAX])
{
    if (attacker->source == 0)
        return (struct slice){NULL, 0};
    return names_text(&logs->sources.names,
                      logs->sources.items[attacker->source].name, room);
}

/* Percent of the mail from outside. */
static int64_t mail_share(const struct logread *logs,
                          const struct attacker *attacker)
{
    return share_of(attacker->mailed, logs->sources.mailed);
}

void attacker_add_guesses(struct buffer *out, const struct attacker *attacker)
{
    report_add_count(out, attacker->is_exact ? "" : ">=", attacker->guesses, 7);
}

/* A number of an interned text, unless it is there. */
static void add_number(uint32_t *numbers, size_t *count, size_t max,
                       uint32_t number)
{
    if (number == INTERN_NONE || *count == max)
        return;
    for (size_t i = 0; i < *count; i++)
        if (numbers[i] == number)
            return;
    numbers[(*count)++] = number;
}

size_t attacker_samples(const struct logread *logs,
                        const struct attacker *attacker, uint32_t *samples_r,
                        size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < member_count(attacker) && count < max; i++) {
        const struct source *source = member_at(logs, attacker, i);
        const struct source_texts *texts;

        add_number(samples_r, &count, max, source->guess_sample);
        if (attacker->source == 0)
            continue; /* of a crowd one each */
        texts = source_texts(&logs->sources, source);
        for (unsigned s = 0; s < texts->sample_count; s++)
            add_number(samples_r, &count, max, texts->samples[s]);
    }
    return count;
}

size_t attacker_reached(const struct logread *logs,
                        const struct attacker *attacker, uint32_t *reached_r,
                        size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < member_count(attacker) && count < max; i++) {
        const struct source_texts *texts =
            source_texts(&logs->sources, member_at(logs, attacker, i));

        for (unsigned r = 0; r < texts->reached_count; r++)
            add_number(reached_r, &count, max, texts->reached[r]);
    }
    return count;
}

uint64_t attacker_reached_count(const struct logread *logs,
                                const struct attacker *attacker, bool *is_low_r)
{
    uint64_t count = 0;

    *is_low_r = false;
    for (size_t i = 0; i < member_count(attacker); i++) {
        unsigned reached =
            source_reached(&logs->sources, member_at(logs, attacker, i));

        count += reached;
        *is_low_r |= reached >= SOURCE_TOLD_APART_MAX;
    }
    return count;
}

/* The number of a name, unless it or one that reads the same is there. */
static void add_name(const struct names *names, uint32_t *numbers,
                     size_t *count, size_t max, uint32_t number)
{
    char room[NAMES_TEXT_MAX], other[NAMES_TEXT_MAX];
    struct slice name = names_text(names, number, room);

    for (size_t i = 0; i < *count; i++)
        if (slice_equal(names_text(names, numbers[i], other), name))
            return;
    add_number(numbers, count, max, number);
}

static size_t names_of(const struct logread *logs,
                       const struct attacker *attacker, uint32_t *names_r,
                       size_t max)
{
    const struct names *names = &logs->sources.names;
    size_t count = 0;

    for (size_t i = 0; i < member_count(attacker) && count < max; i++) {
        const struct source *source = member_at(logs, attacker, i);
        const struct source_texts *texts = source_texts(&logs->sources, source);

        add_name(names, names_r, &count, max, source->name);
        for (unsigned n = 0; n < texts->name_count; n++)
            add_name(names, names_r, &count, max, texts->names[n]);
    }
    return count;
}

struct slice log_file_path(const struct logread *logs, uint32_t file)
{
    if (file >= logs->set->count)
        return SLICE_LITERAL("?");
    return slice_from_string(logs->set->files[file].path);
}

/* ---- JSON ---- */

static void json_source(struct jsonout *json, const struct logread *logs,
                        const struct attacker *attacker)
{
    struct buffer name = {0};

    attacker_add_name(&logs->sources, attacker, &name);
    jsonout_field(json, "source", slice_make(name.bytes, name.len));
    buffer_free(&name);
}

static void json_members(struct jsonout *json, const struct logread *logs,
                         const struct attacker *attacker)
{
    size_t shown = attacker->member_count < MEMBERS_SHOWN_MAX
                       ? attacker->member_count
                       : MEMBERS_SHOWN_MAX;

    if (attacker->source != 0)
        return;
    jsonout_key(json, "members");
    jsonout_open(json, '[');
    for (size_t i = 0; i < shown; i++) {
        char text[ADDRESS_IP_TEXT_MAX];
        size_t len = ip_format(&member_at(logs, attacker, i)->ip, text);

        jsonout_string(json, slice_make(text, len));
    }
    jsonout_close(json, ']');
    jsonout_field_integer(json, "members_more",
                          (int64_t)(attacker->member_count - shown));
}

static void json_texts(struct jsonout *json, const char *key,
                       const struct intern *table, const uint32_t *numbers,
                       size_t count)
{
    jsonout_key(json, key);
    jsonout_open(json, '[');
    for (size_t i = 0; i < count; i++)
        jsonout_string(json, intern_text(table, numbers[i]));
    jsonout_close(json, ']');
}

static void json_names(struct jsonout *json, const struct names *names,
                       const uint32_t *numbers, size_t count)
{
    char room[NAMES_TEXT_MAX];

    jsonout_key(json, "names");
    jsonout_open(json, '[');
    for (size_t i = 0; i < count; i++)
        jsonout_string(json, names_text(names, numbers[i], room));
    jsonout_close(json, ']');
}

static void json_domains(struct jsonout *json, const struct logread *logs,
                         const struct attacker *attacker)
{
    struct source_domain domains[SOURCE_DOMAINS_MAX];
    size_t count =
        attacker_domains(&logs->sources, attacker, domains, SOURCE_DOMAINS_MAX);

    jsonout_key(json, "domains");
    jsonout_open(json, '{');
    for (size_t i = 0; i < count; i++) {
        jsonout_text_key(
            json, intern_text(&logs->sources.domains, domains[i].domain));
        jsonout_integer(json, domains[i].guesses);
    }
    jsonout_close(json, '}');
}

static void json_evidence(struct jsonout *json, const struct logread *logs,
                          const struct attacker *attacker)
{
    const struct evidence *evidence = attacker_evidence(logs, attacker);

    jsonout_key(json, "evidence");
    if (evidence == NULL) {
        jsonout_null(json);
        return;
    }
    jsonout_open(json, '{');
    jsonout_field(json, "file", log_file_path(logs, evidence->file));
    jsonout_field_integer(json, "line", (int64_t)evidence->line);
    jsonout_field(json, "text", evidence_line(evidence));
    jsonout_close(json, '}');
}

void attacker_json(struct jsonout *json, const struct logread *logs,
                   const struct attacker *attacker)
{
    const struct rules_source_rule *rule = attacker_rule(logs, attacker);
    uint32_t numbers[CROWD_NAMES_MAX + CROWD_SAMPLES_MAX];
    size_t count;

    jsonout_open(json, '{');
    json_source(json, logs, attacker);
    json_members(json, logs, attacker);
    jsonout_field(json, "kind", slice_from_string(rule->kind));
    jsonout_field(json, "rule", slice_from_string(rule->name));
    jsonout_field_integer(json, "guesses", (int64_t)attacker->guesses);
    jsonout_field_boolean(json, "guesses_exact", attacker->is_exact);
    jsonout_field_integer(json, "accepted", (int64_t)attacker->accepted);
    jsonout_field_integer(json, "mail_share", mail_share(logs, attacker));
    jsonout_field_integer(json, "attempts", (int64_t)attacker->attempts);
    jsonout_field_integer(json, "bounces", (int64_t)attacker->bounces);
    jsonout_field_integer(json, "shared", (int64_t)attacker->shared);
    jsonout_field_integer(json, "first", attacker->first);
    jsonout_field_integer(json, "last", attacker->last);
    count = names_of(logs, attacker, numbers, CROWD_NAMES_MAX);
    json_names(json, &logs->sources.names, numbers, count);
    json_domains(json, logs, attacker);
    count = attacker_samples(logs, attacker, numbers, CROWD_SAMPLES_MAX);
    json_texts(json, "samples", &logs->sources.samples, numbers, count);
    count = attacker_reached(logs, attacker, numbers, CROWD_SAMPLES_MAX);
    json_texts(json, "reached", &logs->sources.samples, numbers, count);
    jsonout_field_boolean(json, "listable", attacker->is_listable);
    json_evidence(json, logs, attacker);
    jsonout_lossy(json);
    jsonout_close(json, '}');
}

/* ---- CSV ---- */

static const char csv_head[] =
    "source,kind,rule,guesses,guesses_exact,accepted,attempts,first,last,name,"
    "members,listable,evidence_file,evidence_line\n";

static void csv_row(struct buffer *out, const struct logread *logs,
                    const struct attacker *attacker)
{
    const struct rules_source_rule *rule = attacker_rule(logs, attacker);
    const struct evidence *evidence = attacker_evidence(logs, attacker);
    struct buffer name = {0};
    char room[NAMES_TEXT_MAX];

    attacker_add_name(&logs->sources, attacker, &name);
    buffer_add_csv(out, slice_make(name.bytes, name.len));
    buffer_add_string(out, ",");
    buffer_add_csv(out, slice_from_string(rule->kind));
    buffer_add_string(out, ",");
    buffer_add_csv(out, slice_from_string(rule->name));
    buffer_printf(out, ",%llu,%s,%llu,%llu,%lld,%lld,",
                  (unsigned long long)attacker->guesses,
                  attacker->is_exact ? "true" : "false",
                  (unsigned long long)attacker->accepted,
                  (unsigned long long)attacker->attempts,
                  (long long)attacker->first, (long long)attacker->last);
    buffer_add_csv(out, attacker_name(logs, attacker, room));
    /* The domain is the target; its attackers stand in JSON alone. */
    buffer_printf(out, ",%zu,%s,", member_count(attacker),
                  attacker->is_listable && (attacker->source != 0 ||
                                            attacker_is_network(attacker))
                      ? "true"
                      : "false");
    if (evidence != NULL) {
        buffer_add_csv(out, log_file_path(logs, evidence->file));
        buffer_printf(out, ",%llu", (unsigned long long)evidence->line);
    } else {
        buffer_add_string(out, ",");
    }
    buffer_add_string(out, "\n");
    buffer_free(&name);
}

/* ---- text ---- */

void attacker_add_head(struct buffer *out)
{
    buffer_printf(out, "%-*s %-*s tries guesses  hits first       last\n",
                  SOURCE_COLUMNS, "source", KIND_COLUMNS, "kind");
}

/* "11-22 18:10" where the logs end less than ten months later, else
 * "2025-11-22". */
static void add_moment(struct buffer *out, int64_t moment,
                       const struct options *options,
                       const struct logread *logs)
{
    enum { YEAR_LEN = 4, DATE_LEN = 10, COLUMNS = 11, CLEAR_SEC = 300 * 86400 };
    struct buffer text = {0};

    report_add_minute(&text, moment, options->is_utc);
    if (text.len > COLUMNS && moment <= logs->tally.last &&
        logs->tally.last - moment < CLEAR_SEC)
        buffer_printf(out, " %.*s", (int)text.len - YEAR_LEN - 1,
                      text.bytes + YEAR_LEN + 1);
    else
        buffer_printf(out, " %*.*s", COLUMNS, DATE_LEN,
                      text.bytes == NULL ? "" : text.bytes);
    out->has_failed |= text.has_failed;
    buffer_free(&text);
}

void attacker_add_shown_name(struct buffer *out, const struct logread *logs,
                             const struct attacker *attacker)
{
    struct buffer name = {0};

    attacker_add_name(&logs->sources, attacker, &name);
    buffer_add_escaped(out, slice_make(name.bytes, name.len), 0);
    buffer_free(&name);
}

void attacker_add_row(struct buffer *out, const char *indent,
                      const struct options *options, const struct logread *logs,
                      const struct attacker *attacker)
{
    struct buffer name = {.is_ascii = out->is_ascii};
    size_t columns;

    attacker_add_shown_name(&name, logs, attacker);
    buffer_add_string(out, indent);
    /* escaped where it was added: nothing is doubled again */
    columns = buffer_add_rule_text(out, slice_make(name.bytes, name.len),
                                   ROW_COLUMNS);
    if (columns > SOURCE_COLUMNS) {
        buffer_printf(out, "\n%s", indent);
        columns = 0;
    }
    buffer_printf(out, "%*s", (int)(SOURCE_COLUMNS - columns), "");
    buffer_add_string(out, " ");
    report_add_padded(out,
                      slice_from_string(attacker_rule(logs, attacker)->kind),
                      KIND_COLUMNS);
    buffer_add_string(out, " ");
    report_add_count(out, "", attacker->attempts, 5);
    buffer_add_string(out, " ");
    attacker_add_guesses(out, attacker);
    buffer_add_string(out, " ");
    report_add_count(out, "", attacker->accepted, 5);
    add_moment(out, attacker->first, options, logs);
    add_moment(out, attacker->last, options, logs);
    buffer_add_string(out, "\n");
    buffer_free(&name);
}

static void add_name_line(struct buffer *out, const struct logread *logs,
                          const struct attacker *attacker)
{
    char room[NAMES_TEXT_MAX];
    struct slice name = attacker_name(logs, attacker, room);

    if (attacker->source == 0)
        buffer_printf(out, "%*s %zu addresses: see --format=json\n",
                      SOURCE_COLUMNS, "", attacker->member_count);
    if (name.len == 0)
        return;
    buffer_printf(out, "%*s ", SOURCE_COLUMNS, "");
    buffer_add_host(out, name, ROW_COLUMNS - SOURCE_COLUMNS - 1);
    buffer_add_string(out, "\n");
}

/* A filter, or a relay of a provider in front of us, hands on what it refuses
 * to nobody: on a block list it would stop the mail. */
static void add_share_line(struct buffer *out, const struct logread *logs,
                           const struct attacker *attacker)
{
    int64_t share = mail_share(logs, attacker);

    if (attacker->source != 0 && attacker->mailed >= SHARE_MAILED_MIN &&
        share > 0)
        buffer_printf(out,
                      "%*s brings %lld %% of the mail; yours? name it in "
                      "our-hosts\n",
                      SOURCE_COLUMNS, "", (long long)share);
}

static void text_row(struct buffer *out, const struct options *options,
                     const struct logread *logs,
                     const struct attacker *attacker)
{
    attacker_add_row(out, "", options, logs, attacker);
    add_name_line(out, logs, attacker);
    add_share_line(out, logs, attacker);
}

/* ---- the whole ---- */

void attackers_add_csv(struct buffer *out, const struct logread *logs)
{
    buffer_add_string(out, csv_head);
    for (size_t i = 0; i < logs->sources.attacker_count; i++)
        csv_row(out, logs, &logs->sources.attackers[i]);
}

static void add_one(struct buffer *out, const struct options *options,
                    const struct logread *logs, const struct attacker *attacker)
{
    struct jsonout json;

    switch (options->format) {
    case FORMAT_JSON:
        jsonout_init(&json, out);
        attacker_json(&json, logs, attacker);
        buffer_add_string(out, "\n");
        break;
    case FORMAT_CSV:
        csv_row(out, logs, attacker);
        break;
    case FORMAT_TEXT:
        text_row(out, options, logs, attacker);
        break;
    }
}

bool attackers_print(const struct options *options, struct logread *logs,
                     struct output *output)
{
    const struct sources *sources = &logs->sources;
    struct buffer out = {.is_ascii = options->format == FORMAT_TEXT};
    bool is_good;

    if (options->format == FORMAT_CSV)
        buffer_add_string(&out, csv_head);
    else if (options->format == FORMAT_TEXT && sources->attacker_count > 0)
        attacker_add_head(&out);
    else if (options->format == FORMAT_TEXT)
        buffer_add_string(&out, "No source is hostile by the rules.\n");
    for (size_t i = 0; i < sources->attacker_count && !output->has_failed;
         i++) {
        add_one(&out, options, logs, &sources->attackers[i]);
        if (out.len >= FLUSH_BYTES && !out.has_failed)
            output_write(output, &out);
    }
    is_good = !out.has_failed;
    output_write(output, &out);
    buffer_free(&out);
    return is_good;
}

/* What a field tells, as a question. */
static const struct {
    const char *field, *question;
} questions[] = {
    {"source", "which address it has"},
    {"source.name", "what it is called"},
    {"source.forged", "whether its name is confirmed"},
    {"source.generic", "whether it has a name of its own"},
    {"source.line", "whether its name is that of a line"},
    {"source.ours", "whether it is ours"},
    {"source.returns", "whether it returns what was forged"},
    {"source.astray", "whether whom it wants has left us"},
    {"source.resident", "whether it writes for users of ours"},
    {"source.submits", "whether its mail goes to others"},
    {"attempts", "how much it tried"},
    {"accepted", "how many recipients were accepted"},
    {"mailed", "for how many it brought mail"},
    {"mailed.share", "how much of all mail it brings"},
    {"delivered", "how much mail of ours it took"},
    {"mailed.owner", "how much mail its owner's hosts bring"},
    {"guesses", "how many it asked for do not exist"},
    {"guesses.asked", "how often it asked for those"},
    {"guesses.known", "who else asks for those"},
    {"guesses.alive", "how many of those got mail otherwise"},
    {"guesses.blind", "whether nobody it wants exists"},
    {"guesses.share", "how many of its recipients exist"},
    {"domains", "in how many domains it was refused"},
    {"envelopes", "how many envelopes it began"},
    {"senders.steady", "whether it sends for one domain"},
    {"senders.own", "whether it sends in its own name"},
    {"members", "how many hosts take part"},
    {"members.networks", "from how many networks they come"},
    {"members.near", "how many hosts came at the same time"},
    {"bystanders", "how many others are harmless"},
    {"bystanders.share", "how many others are harmless"},
    {"logins", "how often it logged in"},
    {"logins.users", "as how many users it logged in"},
    {"logins.failed", "how often it failed to log in"},
    {"logins.share", "how many of its logins were right"},
    {"logins.tried", "as how many users it failed to log in"},
    {"logins.unknown", "as how many unknown users it tried"},
    {"logins.alike", "whether all it tried may be one user"},
    {"logins.shared", "who else tried those users"},
    {"logins.network", "who else there logged in"},
};

void spared_add_why(struct buffer *out, const struct spared *spared)
{
    const char *question = NULL;

    if (spared->why != NULL) {
        buffer_add_string(out, spared->why);
        return;
    }
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
        if (strcmp(questions[i].field, spared->field) == 0)
            question = questions[i].question;
    if (question == NULL)
        buffer_printf(out, "spared by a condition (%s)", spared->field);
    else
        buffer_printf(out, "spared by a condition: %s (%s)", question,
                      spared->field);
}
