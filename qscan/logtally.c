#include "qscan/logtally.h"

#include <stdlib.h>
#include <time.h>

#include "parsers/array.h"

enum {
    HOUR_SEC = 3600,
    EXACT_SEC = 64,   /* delays below have a bucket each */
    OCTAVE_STEPS = 32 /* from there on so many for a factor of two */
};

/* ---- delays ---- */

static size_t bucket_of(int64_t sec)
{
    unsigned octave;
    size_t bucket;

    if (sec < EXACT_SEC)
        return (size_t)sec;
    octave = 63 - (unsigned)__builtin_clzll((uint64_t)sec) - 6;
    bucket = EXACT_SEC + (size_t)octave * OCTAVE_STEPS +
             ((size_t)((uint64_t)sec >> (octave + 1)) - OCTAVE_STEPS);
    return bucket < DELAY_BUCKETS ? bucket : DELAY_BUCKETS - 1;
}

/* The middle of a bucket. */
static int64_t bucket_sec(size_t bucket)
{
    size_t octave, step;

    if (bucket < EXACT_SEC)
        return (int64_t)bucket;
    octave = (bucket - EXACT_SEC) / OCTAVE_STEPS;
    step = (bucket - EXACT_SEC) % OCTAVE_STEPS + OCTAVE_STEPS;
    return (int64_t)(((uint64_t)step << (octave + 1)) +
                     ((uint64_t)1 << octave));
}

static void add_delays(struct delays *delays, int64_t sec, uint64_t count)
{
    if (sec < 0)
        return;
    delays->buckets[bucket_of(sec)] += count;
    delays->count += count;
    if (sec > delays->max_sec)
        delays->max_sec = sec;
}

void delays_add(struct delays *delays, int64_t sec)
{
    add_delays(delays, sec, 1);
}

int64_t delays_percentile(const struct delays *delays, double percent)
{
    double wanted = percent / 100 * (double)delays->count;
    uint64_t seen = 0;

    if (delays->count == 0)
        return -1;
    for (size_t b = 0; b < DELAY_BUCKETS; b++) {
        seen += delays->buckets[b];
        if (seen > 0 && (double)seen >= wanted)
            return bucket_sec(b) < delays->max_sec ? bucket_sec(b)
                                                   : delays->max_sec;
    }
    return delays->max_sec;
}

/* ---- hours ---- */

/* Where that hour is, or belongs. */
static size_t find_hour(const struct logtally *tally, int64_t hour)
{
    size_t low = 0;
    size_t high = tally->hour_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tally->hours[middle].hour < hour)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool make_room_for_hour(struct logtally *tally)
{
    struct log_hour *hours = array_with_room(
        tally->hours, tally->hour_count, &tally->hour_capacity, sizeof(*hours));

    if (hours == NULL) {
        tally->has_failed = true;
        return false;
    }
    tally->hours = hours;
    return true;
}

/* The latest LOG_HOURS_MAX are kept, whatever the order in which they come. */
static struct log_hour *insert_hour(struct logtally *tally, size_t at,
                                    int64_t hour)
{
    if (tally->hour_count == LOG_HOURS_MAX) {
        tally->hours_are_cut = true;
        if (at == 0)
            return &tally->unkept;
        at--;
        memmove(tally->hours, tally->hours + 1, at * sizeof(*tally->hours));
    } else {
        if (!make_room_for_hour(tally))
            return &tally->unkept;
        memmove(tally->hours + at + 1, tally->hours + at,
                (tally->hour_count - at) * sizeof(*tally->hours));
        tally->hour_count++;
    }
    tally->hours[at] = (struct log_hour){.hour = hour};
    tally->hour_at = at;
    return &tally->hours[at];
}

static int64_t hour_number(int64_t time)
{
    return time / HOUR_SEC - (time % HOUR_SEC < 0);
}

static struct log_hour *other_hour(struct logtally *tally, int64_t hour)
{
    size_t at = find_hour(tally, hour);

    if (at == tally->hour_count || tally->hours[at].hour != hour)
        return insert_hour(tally, at, hour);
    tally->hour_at = at;
    return &tally->hours[at];
}

/* Neighbouring lines are nearly always of one hour. */
static inline struct log_hour *hour_of(struct logtally *tally, int64_t time)
{
    size_t at = tally->hour_at;

    if (at < tally->hour_count &&
        (uint64_t)(time - tally->hours[at].hour * HOUR_SEC) < HOUR_SEC)
        return &tally->hours[at];
    return other_hour(tally, hour_number(time));
}

/* ---- what needs a person ---- */

static const char *const trouble_texts[TROUBLE_COUNT] = {
    [TROUBLE_SYSERR] = "system error (SYSERR)",
    [TROUBLE_LOST] = "message given up as lost",
    [TROUBLE_BOGUS] = "bogus queue file",
    [TROUBLE_NO_SPACE] = "low on disk space",
    [TROUBLE_LOAD] = "connections refused or delayed by load",
    [TROUBLE_CHILDREN] = "connections refused: too many at once",
    [TROUBLE_MILTER] = "milter does not answer",
    [TROUBLE_CONFIG] = "configuration: files, names, maps, certificates",
    [TROUBLE_ADDRESS] = "alias or .forward that leads nowhere",
    [TROUBLE_AUTH_WARNING] = "Authentication-Warning",
    [TROUBLE_LOGIN] = "login of ours at another host that fails",
};

const char *log_trouble_text(enum log_trouble trouble)
{
    return trouble_texts[trouble];
}

static bool has_text(struct slice text, struct slice part)
{
    return slice_find(text, part) < text.len;
}

/* A line "ID: text", as long as the sample holds. */
static uint32_t sample_text(const struct logline *line, char *text, size_t size)
{
    struct slice id = slice_head(line->id, 60);
    struct slice rest;
    size_t len = 0;

    if (id.len > 0) {
        memcpy(text, id.ptr, id.len);
        memcpy(text + id.len, ": ", 2);
        len = id.len + 2;
    }
    rest = slice_head(line->text, size - len);
    if (rest.len > 0)
        memcpy(text + len, rest.ptr, rest.len);
    return (uint32_t)(len + rest.len);
}

/* Of two lines of the same second the greater text, so that the order in which
 * they come does not matter. */
static bool is_later_sample(const struct log_trouble_sample *sample,
                            int64_t time, struct slice text)
{
    size_t len = text.len < sample->text_len ? text.len : sample->text_len;
    int order;

    if (sample->count == 0 || time != sample->last)
        return sample->count == 0 || time > sample->last;
    order = len == 0 ? 0 : memcmp(text.ptr, sample->text, len);
    return order > 0 || (order == 0 && text.len > sample->text_len);
}

static void merge_sample(struct log_trouble_sample *into,
                         const struct log_trouble_sample *from)
{
    if (from->count == 0)
        return;
    if (is_later_sample(into, from->last,
                        slice_make(from->text, from->text_len))) {
        memcpy(into->text, from->text, from->text_len);
        into->text_len = from->text_len;
    }
    if (into->count == 0 || from->first < into->first)
        into->first = from->first;
    if (into->count == 0 || from->last > into->last)
        into->last = from->last;
    into->count += from->count;
}

static void add_trouble(struct logtally *tally, enum log_trouble trouble,
                        const struct logline *line, int64_t time)
{
    struct log_trouble_sample sample = {
        .count = 1, .first = time, .last = time};

    sample.text_len = sample_text(line, sample.text, sizeof(sample.text));
    merge_sample(&tally->troubles[trouble], &sample);
}

/* In sendmail's own words (conf.c, enoughdiskspace), or the system's, which end
 * the line: elsewhere " space" may be part of any name. */
static bool is_no_space(struct slice text)
{
    return slice_starts(text, SLICE_LITERAL("low on space (")) ||
           slice_starts(text,
                        SLICE_LITERAL("rejecting new messages: min free")) ||
           slice_ends(text, SLICE_LITERAL(": No space left on device"));
}

static enum log_trouble system_trouble(struct slice text)
{
    if (slice_starts(text, SLICE_LITERAL("Authentication-Warning")))
        return TROUBLE_AUTH_WARNING;
    if (is_no_space(text))
        return TROUBLE_NO_SPACE;
    if (slice_starts(text, SLICE_LITERAL("Losing ")))
        return TROUBLE_LOST;
    if (slice_starts(text, SLICE_LITERAL("bogus queue file")))
        return TROUBLE_BOGUS;
    if (slice_starts(text, SLICE_LITERAL("SYSERR")))
        return TROUBLE_SYSERR;
    if (slice_starts(text, SLICE_LITERAL("AUTH=client")) ||
        slice_starts(text, SLICE_LITERAL("No worthy mechs found")))
        return TROUBLE_LOGIN;
    if (slice_starts(text, SLICE_LITERAL("forward ")))
        return TROUBLE_ADDRESS;
    return TROUBLE_CONFIG;
}

/* "Milter (NAME): to error state", "...: timeout before data read"; and not
 * "Milter (NAME) add: header: ...", whose text is the message's. */
static bool is_milter_trouble(struct slice text)
{
    size_t end = slice_index(text, ')');
    struct slice rest = slice_skip(text, end);

    if (!slice_starts(text, SLICE_LITERAL("Milter (")) ||
        !slice_starts(rest, SLICE_LITERAL("): ")))
        return false;
    return has_text(rest, SLICE_LITERAL("error")) ||
           has_text(rest, SLICE_LITERAL("failed")) ||
           has_text(rest, SLICE_LITERAL("timeout")) ||
           has_text(rest, SLICE_LITERAL("unsafe"));
}

/* ---- mail ---- */

bool log_is_quarantined(const struct logline *line)
{
    return slice_starts(line->status, SLICE_LITERAL("quarantined"));
}

enum log_fate log_fate(const struct logline *line)
{
    struct slice status = line->status;

    if (line->is_hostile || status.len == 0 ||
        slice_starts(status, SLICE_LITERAL("discarded")))
        return line->is_unsent && !line->is_hostile ? FATE_UNSENT : FATE_NONE;
    if (slice_starts(status, SLICE_LITERAL("Sent")) &&
        (status.len == 4 || status.ptr[4] == ' '))
        return FATE_SENT;
    if (slice_starts(status, SLICE_LITERAL("Deferred")) ||
        log_is_quarantined(line) ||
        slice_equal(status, SLICE_LITERAL("queued")))
        return FATE_WAITS;
    if (line->dsn.len > 0 && line->dsn.ptr[0] == '4')
        return FATE_WAITS;
    if (line->dsn.len > 0 && line->dsn.ptr[0] == '2')
        return FATE_SENT;
    return FATE_FAILED;
}

uint32_t log_recipient_count(const struct logline *line)
{
    struct slice rest = line->recipients;
    struct slice recipient = line->recipient;
    uint32_t count = 0;

    /* Behind the first stands no more than its '>', as mostly. */
    if ((uintptr_t)recipient.ptr + recipient.len + 1 >=
        (uintptr_t)rest.ptr + rest.len)
        return 1;
    while (logline_next_recipient(&rest, &recipient))
        count++;
    return count == 0 ? 1 : count;
}

static void add_from(struct logtally *tally, struct log_hour *hour,
                     const struct logline *line)
{
    /* Also written for sessions in which nothing was accepted. */
    if (line->recipient_count <= 0 || line->size_bytes <= 0) {
        tally->empty_envelopes++;
        return;
    }
    tally->accepted_messages++;
    tally->accepted_recipients += (uint64_t)line->recipient_count;
    tally->accepted_bytes += (uint64_t)line->size_bytes;
    tally->null_senders += line->sender.ptr != NULL && line->sender.len == 0;
    hour->accepted++;
}

/* Quarantined ones were counted when that was decided. */
static void add_waiting(struct logtally *tally, struct log_hour *hour,
                        const struct logline *line, uint32_t count)
{
    if (slice_equal(line->status, SLICE_LITERAL("queued"))) {
        tally->queued += count;
    } else if (!log_is_quarantined(line)) {
        tally->deferred += count;
        hour->deferred += count;
    }
}

static void add_to(struct logtally *tally, struct log_hour *hour,
                   const struct logline *line, int64_t time)
{
    uint32_t count = log_recipient_count(line);
    enum log_fate fate = log_fate(line);

    /* no switch: the jump would cost as much as all of them */
    if (fate == FATE_WAITS) {
        add_waiting(tally, hour, line, count);
    } else if (fate == FATE_SENT) {
        tally->delivered += count;
        hour->delivered += count;
        add_delays(&tally->delays, line->delay_sec, count);
    } else if (fate == FATE_FAILED) {
        tally->bounced += count;
        if (line->is_garbled)
            add_trouble(tally, TROUBLE_ADDRESS, line, time);
    } else if (fate == FATE_UNSENT) {
        tally->unsent += count;
    }
}

/* A reply line without a code is a refusal for good: "User unknown". */
static void add_refusal(struct logtally *tally, struct log_hour *hour,
                        const struct logline *line)
{
    struct slice reply = line->reply.len > 0 ? line->reply : line->reason;

    if (reply.len > 3 && reply.ptr[0] == '4' && byte_is_digit(reply.ptr[1]) &&
        byte_is_digit(reply.ptr[2]))
        tally->rejected_for_now++;
    else
        tally->rejected++;
    hour->rejected++;
}

/* deliver.c; tls_client and tls_srv_features are about clients. */
bool log_is_of_next_hop(const struct logline *line)
{
    return slice_equal(line->ruleset, SLICE_LITERAL("tls_server")) ||
           slice_equal(line->ruleset, SLICE_LITERAL("tls_rcpt")) ||
           slice_equal_nocase(line->ruleset, SLICE_LITERAL("try_tls"));
}

/* Ruleset and milter lines: what was decided stands at their end. */
static void add_verdict(struct logtally *tally, struct log_hour *hour,
                        const struct logline *line)
{
    struct slice text = line->text;
    struct slice discard = SLICE_LITERAL(", discard");

    if (line->reply.len > 0)
        add_refusal(tally, hour, line);
    else if (slice_ends(text, discard))
        tally->discarded++;
    else if (has_text(text, SLICE_LITERAL(", quarantine=")))
        tally->quarantined++;
}

/* "milter=NAME, action=A, discard", "milter=NAME, discard": the verdict stands
 * on a line "Milter: ..", too, but for that of a quarantine. */
static bool is_milter_answer(struct slice text)
{
    return slice_starts(text, SLICE_LITERAL("milter=")) &&
           !has_text(text, SLICE_LITERAL(", quarantine="));
}

/* "PARENT: CHILD: KIND: TEXT", text being what is behind the parent. */
static void add_dsn(struct logtally *tally, const struct logline *line)
{
    struct slice text = line->text;
    size_t colon = slice_index(text, ':');

    text = slice_skip(text, colon + 2);
    if (slice_starts(text, SLICE_LITERAL("return to sender")))
        tally->dsn_returns++;
    else if (slice_starts(text, SLICE_LITERAL("postmaster notify")))
        tally->dsn_postmaster++;
    else if (slice_starts(text, SLICE_LITERAL("sender notify: Warning")))
        tally->dsn_warnings++;
    else if (slice_starts(text, SLICE_LITERAL("DSN: Return receipt")))
        tally->dsn_receipts++;
    else
        tally->dsn_failures++;
}

static void add_tls(struct logtally *tally, const struct logline *line)
{
    struct slice text = line->text;

    if (line->protocol.len > 0) {
        if (slice_starts(text, SLICE_LITERAL("STARTTLS=client")))
            tally->tls_client++;
        else
            tally->tls_server++;
        /* TRUSTED: by DANE */
        tally->tls_verified +=
            slice_equal(line->verify, SLICE_LITERAL("OK")) ||
            slice_equal(line->verify, SLICE_LITERAL("TRUSTED"));
    } else if (has_text(slice_head(text, 100), SLICE_LITERAL("error"))) {
        tally->tls_failed++;
    }
}

/* conf.c, refuseconnections: for how long is told of load alone. */
static void add_refusing(struct logtally *tally, const struct logline *line,
                         int64_t time)
{
    bool is_load =
        has_text(line->text, SLICE_LITERAL("load average")) ||
        slice_starts(line->text, SLICE_LITERAL("have been rejecting "));

    add_trouble(tally, is_load ? TROUBLE_LOAD : TROUBLE_CHILDREN, line, time);
}

static void add_system(struct logtally *tally, const struct logline *line,
                       int64_t time)
{
    /* By hand: sendmail -Q. */
    if (slice_starts(line->text, SLICE_LITERAL("quarantine=")))
        tally->quarantined++;
    else
        add_trouble(tally, system_trouble(line->text), line, time);
}

/* What its kind tells; a hostile line tells nothing. */
static void add_kind(struct logtally *tally, struct log_hour *hour,
                     const struct logline *line, int64_t time)
{
    switch (line->kind) {
    case LOGLINE_FROM:
        add_from(tally, hour, line);
        break;
    case LOGLINE_TO:
        add_to(tally, hour, line, time);
        break;
    case LOGLINE_REPLY:
        add_refusal(tally, hour, line);
        break;
    case LOGLINE_RULESET:
        if (!log_is_of_next_hop(line))
            add_verdict(tally, hour, line);
        break;
    case LOGLINE_MILTER:
        if (!is_milter_answer(line->text))
            add_verdict(tally, hour, line);
        if (is_milter_trouble(line->text))
            add_trouble(tally, TROUBLE_MILTER, line, time);
        break;
    case LOGLINE_DSN:
        add_dsn(tally, line);
        break;
    case LOGLINE_AUTH:
        tally->auth_failures++;
        break;
    case LOGLINE_AUTH_OK:
        tally->logins +=
            !slice_starts(line->text, SLICE_LITERAL("AUTH=client"));
        break;
    case LOGLINE_TLS:
        add_tls(tally, line);
        break;
    case LOGLINE_REFUSING:
        add_refusing(tally, line, time);
        break;
    case LOGLINE_SYSTEM:
        add_system(tally, line, time);
        break;
    default:
        break;
    }
}

/* ---- the whole ---- */

int64_t log_hour_shift(bool is_utc)
{
    time_t now = time(NULL);
    struct tm tm;

    if (is_utc || localtime_r(&now, &tm) == NULL)
        return 0;
    return (tm.tm_gmtoff % HOUR_SEC + HOUR_SEC) % HOUR_SEC;
}

void logtally_init(struct logtally *tally)
{
    *tally = (struct logtally){.first = INT64_MAX, .last = INT64_MIN};
}

void logtally_free(struct logtally *tally)
{
    free(tally->hours);
    logtally_init(tally);
}

void logtally_add(struct logtally *tally, const struct logline *line,
                  int64_t time, uint64_t events, uint64_t guess_bit)
{
    struct log_hour *hour = hour_of(tally, time + tally->hour_shift_sec);

    tally->lines++;
    tally->kinds[line->kind]++;
    if (time < tally->first)
        tally->first = time;
    if (time > tally->last)
        tally->last = time;
    hour->lines++;
    hour->guesses += (events & guess_bit) != 0;
    for (uint64_t rest = events; rest != 0; rest &= rest - 1)
        tally->events[__builtin_ctzll(rest)]++;
    if (line->is_hostile)
        tally->hostile_lines++;
    else if (!line->is_continued)
        add_kind(tally, hour, line, time);
}

static void merge_hours(struct logtally *into, const struct logtally *from)
{
    for (size_t i = 0; i < from->hour_count; i++) {
        const struct log_hour *more = &from->hours[i];
        struct log_hour *hour = other_hour(into, more->hour);

        hour->accepted += more->accepted;
        hour->rejected += more->rejected;
        hour->delivered += more->delivered;
        hour->deferred += more->deferred;
        hour->guesses += more->guesses;
        hour->lines += more->lines;
    }
    into->hours_are_cut |= from->hours_are_cut;
}

static void merge_lines(struct logtally *into, const struct logtally *from)
{
    into->lines += from->lines;
    for (size_t i = 0; i < LOGLINE_KIND_COUNT; i++)
        into->kinds[i] += from->kinds[i];
    into->foreign_lines += from->foreign_lines;
    into->no_stamp_lines += from->no_stamp_lines;
    into->outside_lines += from->outside_lines;
    into->hostile_lines += from->hostile_lines;
    into->repeat_lines += from->repeat_lines;
    into->repeated_count += from->repeated_count;
    into->overlong_lines += from->overlong_lines;
    into->text_bytes += from->text_bytes;
    if (from->first < into->first)
        into->first = from->first;
    if (from->last > into->last)
        into->last = from->last;
}

static void merge_mail(struct logtally *into, const struct logtally *from)
{
    into->accepted_messages += from->accepted_messages;
    into->accepted_recipients += from->accepted_recipients;
    into->accepted_bytes += from->accepted_bytes;
    into->null_senders += from->null_senders;
    into->empty_envelopes += from->empty_envelopes;
    into->unsent += from->unsent;
    into->rejected += from->rejected;
    into->rejected_for_now += from->rejected_for_now;
    into->discarded += from->discarded;
    into->quarantined += from->quarantined;
    into->delivered += from->delivered;
    into->deferred += from->deferred;
    into->queued += from->queued;
    into->bounced += from->bounced;
    into->dsn_failures += from->dsn_failures;
    into->dsn_warnings += from->dsn_warnings;
    into->dsn_receipts += from->dsn_receipts;
    into->dsn_postmaster += from->dsn_postmaster;
    into->dsn_returns += from->dsn_returns;
    into->logins += from->logins;
    into->auth_failures += from->auth_failures;
    into->tls_server += from->tls_server;
    into->tls_client += from->tls_client;
    into->tls_verified += from->tls_verified;
    into->tls_failed += from->tls_failed;
}

void logtally_add_untaken(struct logtally *late, int64_t time,
                          uint32_t recipients, bool is_null_sender)
{
    late->accepted_messages++;
    late->accepted_recipients += recipients;
    late->null_senders += is_null_sender;
    hour_of(late, time + late->hour_shift_sec)->accepted++;
}

void logtally_take_back(struct logtally *tally, const struct logtally *late)
{
    tally->accepted_messages -= late->accepted_messages;
    tally->accepted_recipients -= late->accepted_recipients;
    tally->null_senders -= late->null_senders;
    for (size_t i = 0; i < late->hour_count; i++) {
        size_t at = find_hour(tally, late->hours[i].hour);

        if (at < tally->hour_count &&
            tally->hours[at].hour == late->hours[i].hour)
            tally->hours[at].accepted -= late->hours[i].accepted;
    }
    tally->has_failed |= late->has_failed;
}

void logtally_merge(struct logtally *into, const struct logtally *from)
{
    into->hour_shift_sec = from->hour_shift_sec;
    merge_lines(into, from);
    merge_mail(into, from);
    merge_hours(into, from);
    for (size_t i = 0; i < sizeof(into->events) / sizeof(into->events[0]); i++)
        into->events[i] += from->events[i];
    for (size_t b = 0; b < DELAY_BUCKETS; b++)
        into->delays.buckets[b] += from->delays.buckets[b];
    into->delays.count += from->delays.count;
    if (from->delays.max_sec > into->delays.max_sec)
        into->delays.max_sec = from->delays.max_sec;
    for (size_t i = 0; i < TROUBLE_COUNT; i++)
        merge_sample(&into->troubles[i], &from->troubles[i]);
    into->has_failed |= from->has_failed;
}
