/* From files to sources: workers, blocks, merged and rotated logs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* wraps: record_parse */

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <zlib.h>

#include "parsers/input.h"
#include "qscan/attackers.h"
#include "qscan/interrupt.h"
#include "qscan/logread.h"
#include "tests/folder.h"

enum { START = 1794960000, SESSIONS = 4000, HANG_SEC = 300 };

static const char rules_text[] =
    "event unknown-user\n"
    "        line    reply, to\n"
    "        any     reason ~ /User unknown/ | status ~ /^User unknown/\n"
    "rule one\n"
    "        on      source\n"
    "        kind    dictionary-attack\n"
    "        count   distinct recipient of unknown-user by source >= 8 in 1h\n"
    "rule crowd\n"
    "        on      source\n"
    "        kind    botnet\n"
    "        count   distinct source of unknown-user by domain >= 20 in 1h\n";

struct scene {
    struct folder folder;
    struct rules *rules;
    struct buffer text, other; /* logs in the making */
};

static int set_up(void **state)
{
    struct rules_file file = {"test", SLICE_LITERAL(rules_text)};
    struct scene *scene = calloc(1, sizeof(*scene));

    assert_non_null(scene);
    folder_open(&scene->folder);
    scene->rules = rules_compile(&file, 1, NULL, 0, NULL, NULL, NULL);
    assert_non_null(scene->rules);
    alarm(HANG_SEC); /* whoever waits for ever dies */
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    alarm(0);
    buffer_free(&scene->text);
    buffer_free(&scene->other);
    rules_free(scene->rules);
    folder_close(&scene->folder);
    free(scene);
    return 0;
}

/* ---- logs ---- */

static void add_stamp(struct buffer *out, int64_t time)
{
    time_t moment = (time_t)time;
    struct tm tm;
    char text[32];

    assert_non_null(gmtime_r(&moment, &tm));
    strftime(text, sizeof(text), "%b %e %H:%M:%S", &tm);
    buffer_add_string(out, text);
}

/* Two lines a second: a session of one guess, and what is found out later of
 * one before. Hosts share ids and processes. */
static void add_session(struct buffer *out, const char *host, unsigned i)
{
    int64_t time = START + i / 2;

    add_stamp(out, time);
    buffer_printf(out,
                  " %s sm-mta[%u]: 6AI4qh%08u: <u%u@d%u.example>... User "
                  "unknown\n",
                  host, i, i, (i + (unsigned char)host[0]) % 997, i % 5);
    add_stamp(out, time);
    buffer_printf(out,
                  " %s sm-mta[%u]: 6AI4qh%08u: from=<a@src.example>, size=%u, "
                  "class=0, nrcpts=%u, relay=[198.18.%u.%u]\n",
                  host, i, i, i % 50, i % 2,
                  (unsigned char)host[0] - 'a' + i % 7, i % 211);
    if (i % 3 == 0) {
        add_stamp(out, time);
        buffer_add_string(out, " mx dovecot: a login\n");
    }
    if (i < 100)
        return;
    add_stamp(out, time);
    buffer_printf(out,
                  " %s sm-mta[%u]: 6AI4qh%08u: to=<v%u@d1.example>, "
                  "delay=00:00:00, mailer=esmtp, pri=3, relay=m.example.com. "
                  "[192.0.2.80], dsn=5.1.1, stat=User unknown\n",
                  host, i + 1, i - 100, i);
}

static void add_sessions(struct buffer *out, const char *host)
{
    for (unsigned i = 0; i < SESSIONS; i++)
        add_session(out, host, i);
}

static struct slice text_of(const struct buffer *buffer)
{
    return slice_make(buffer->bytes, buffer->len);
}

static void write_plain(struct scene *scene, const char *name,
                        struct slice text)
{
    folder_write_bytes(&scene->folder, name, text.ptr, text.len);
}

static void write_gzip(struct scene *scene, const char *name, struct slice text)
{
    gzFile file = gzopen(folder_path(&scene->folder, name), "wb1");

    assert_non_null(file);
    assert_int_equal(gzwrite(file, text.ptr, (unsigned)text.len), text.len);
    assert_int_equal(gzclose(file), Z_OK);
}

/* ---- answers ---- */

struct run {
    struct options options;
    struct complaints complaints;
    struct log_set set;
    struct logread logs;
};

/* Opens the logs of these names, up to a NULL. */
static void run_open(struct scene *scene, struct run *run,
                     const char *const *names)
{
    memset(run, 0, sizeof(*run));
    complaints_init(&run->complaints, true);
    run->options.is_utc = true;
    run->options.year = 2026;
    for (; *names != NULL; names++)
        string_list_add(&run->options.queues,
                        slice_from_string(folder_path(&scene->folder, *names)));
    assert_true(log_set_open(&run->set, &run->options, &run->complaints));
}

static bool run_read(struct scene *scene, struct run *run, unsigned workers)
{
    run->logs = (struct logread){.set = &run->set,
                                 .rules = scene->rules,
                                 .workers = workers,
                                 .since = INT64_MIN,
                                 .until = INT64_MAX,
                                 .complaints = &run->complaints,
                                 .progress = {.when = PROGRESS_NEVER}};
    return logread_run(&run->logs);
}

static void run_close(struct run *run)
{
    logread_free(&run->logs);
    log_set_free(&run->set);
    string_list_free(&run->options.queues);
}

static void describe_source(struct buffer *out, const struct sources *sources,
                            const struct source *source)
{
    const struct source_mail *mail = source_mail(sources, source);
    char text[ADDRESS_IP_TEXT_MAX];
    struct slice sample = intern_text(&sources->samples, source->guess_sample);

    ip_format(&source->ip, text);
    buffer_printf(out, "%s %u-%u %u %u %llu %u %u %u %u %u %.*s\n", text,
                  source->first, source->last, source->attempts, mail->messages,
                  (unsigned long long)mail->bytes, mail->accepted,
                  mail->late_unknown, source->guesses, mail->bounces,
                  mail->taken, (int)sample.len,
                  sample.ptr == NULL ? "" : sample.ptr);
}

/* All that does not depend on where it was stored: sources in the order in
 * which they were met, attackers, counts. with_evidence: files and lines too.
 */
static struct buffer answer_of(const struct run *run, bool with_evidence)
{
    const struct sources *sources = &run->logs.sources;
    struct buffer out = {0};

    buffer_printf(&out, "%llu lines, %llu waiting, %llu guessed\n",
                  (unsigned long long)run->logs.tally.lines,
                  (unsigned long long)run->logs.join.no_client,
                  (unsigned long long)run->logs.join.tops.guessed.total);
    for (uint32_t i = 1; i < sources->count; i++)
        describe_source(&out, sources, &sources->items[i]);
    for (size_t i = 0; i < sources->attacker_count; i++) {
        const struct attacker *attacker = &sources->attackers[i];
        const struct evidence *evidence =
            attacker_evidence(&run->logs, attacker);

        attacker_add_name(sources, attacker, &out);
        buffer_printf(
            &out, " %llu %llu %zu", (unsigned long long)attacker->guesses,
            (unsigned long long)attacker->shared, attacker->member_count);
        if (with_evidence && evidence != NULL)
            buffer_printf(&out, " %u:%llu %.*s", evidence->file,
                          (unsigned long long)evidence->line,
                          (int)evidence->len, evidence->text);
        buffer_add_string(&out, "\n");
    }
    assert_false(out.has_failed);
    return out;
}

static struct buffer answer(struct scene *scene, const char *const *names,
                            unsigned workers, bool with_evidence)
{
    struct run run;
    struct buffer out;

    run_open(scene, &run, names);
    assert_true(run_read(scene, &run, workers));
    assert_int_equal(run.complaints.count, 0);
    out = answer_of(&run, with_evidence);
    run_close(&run);
    return out;
}

/* Names of one log each, or of a set. */
static void assert_answer(struct scene *scene, const char *const *names,
                          unsigned workers, bool with_evidence,
                          const struct buffer *want)
{
    struct buffer got = answer(scene, names, workers, with_evidence);

    if (got.len != want->len || memcmp(got.bytes, want->bytes, got.len) != 0) {
        size_t at = 0;

        while (at < got.len && at < want->len &&
               got.bytes[at] == want->bytes[at])
            at++;
        while (at > 0 && got.bytes[at - 1] != '\n')
            at--;
        fail_msg("%u workers, %s: got\n%.200s\nwant\n%.200s", workers, names[0],
                 got.bytes + at, want->bytes + at);
    }
    buffer_free(&got);
}

static const char *const one_log[] = {"log", NULL};
static const unsigned worker_counts[] = {1, 2, 7};

/* ---- one log ---- */

static void any_number_of_workers_and_any_packing_answers_the_same(void **state)
{
    struct scene *scene = *state;
    struct buffer want;

    add_sessions(&scene->text, "mx");
    assert_true(scene->text.len > 4 * LOG_BLOCK_BYTES);
    write_plain(scene, "log", text_of(&scene->text));
    want = answer(scene, one_log, 1, true);
    for (unsigned i = 0; i < 3; i++)
        assert_answer(scene, one_log, worker_counts[i], true, &want);
    write_gzip(scene, "log", text_of(&scene->text));
    for (unsigned i = 0; i < 3; i++)
        assert_answer(scene, one_log, worker_counts[i], true, &want);
    buffer_free(&want);
}

/* What one guess behind other text makes: it is found, on that line. */
static void assert_last_guess(struct scene *scene, uint64_t lines,
                              uint64_t overlong)
{
    for (unsigned i = 0; i < 3; i++) {
        struct run run;

        run_open(scene, &run, one_log);
        assert_true(run_read(scene, &run, worker_counts[i]));
        assert_int_equal(run.logs.tally.lines, lines);
        assert_int_equal(run.logs.tally.overlong_lines, overlong);
        assert_int_equal(run.logs.sources.count, 2);
        assert_int_equal(run.logs.sources.items[1].guesses, 1);
        run_close(&run);
    }
}

static void add_guess(struct buffer *out)
{
    buffer_add_string(out, "Nov 18 04:52:43 mx sm-mta[7]: 6AI4qhYl000007: "
                           "<ann@example.com>... User unknown\n"
                           "Nov 18 04:52:43 mx sm-mta[7]: 6AI4qhYl000007: "
                           "lost input channel from [192.0.2.7] to MTA after "
                           "rcpt\n");
}

static void add_repeated(struct buffer *out, const char *text, size_t bytes)
{
    size_t end = out->len + bytes;

    while (out->len < end)
        buffer_add_string(out, text);
    out->len = end;
}

static void a_line_longer_than_blocks_is_one_and_hides_none(void **state)
{
    struct scene *scene = *state;

    buffer_add_string(&scene->text, "Nov 18 04:52:42 mx sm-mta[7]: x ");
    add_repeated(&scene->text,
                 "6AI4qhYl000009: lost input channel from [192.0.2.9] to MTA ",
                 3 * LOG_BLOCK_BYTES);
    buffer_add_string(&scene->text, "\n");
    add_guess(&scene->text);
    write_plain(scene, "log", text_of(&scene->text));
    assert_last_guess(scene, 3, 1);
    write_gzip(scene, "log", text_of(&scene->text));
    assert_last_guess(scene, 3, 1);
}

/* Behind LOGLINE_MAX_BYTES nothing is looked at. */
static void a_line_that_is_not_read_whole_is_overlong(void **state)
{
    struct scene *scene = *state;

    for (size_t more = 0; more < 2; more++) {
        buffer_clear(&scene->text);
        buffer_add_string(&scene->text, "Nov 18 04:52:42 mx sm-mta[7]: ");
        add_repeated(&scene->text, "x",
                     LOGLINE_MAX_BYTES + more - scene->text.len);
        buffer_add_string(&scene->text, "\n");
        add_guess(&scene->text);
        write_plain(scene, "log", text_of(&scene->text));
        assert_last_guess(scene, 3, more);
    }
}

static void a_log_of_exactly_a_block_is_read_to_its_end(void **state)
{
    struct scene *scene = *state;
    struct buffer guess = {0};

    add_guess(&guess);
    for (size_t less = 0; less < 3; less++) {
        buffer_clear(&scene->text);
        buffer_add_string(&scene->text, "Nov 18 04:52:42 mx named: ");
        add_repeated(&scene->text, "x",
                     LOG_BLOCK_BYTES + 1 - less - guess.len - scene->text.len -
                         1);
        buffer_add_string(&scene->text, "\n");
        buffer_add(&scene->text, text_of(&guess));
        assert_int_equal(scene->text.len, LOG_BLOCK_BYTES + 1 - less);
        write_plain(scene, "log", text_of(&scene->text));
        assert_last_guess(scene, 3, 1);
        /* Without the last newline. */
        write_plain(scene, "log",
                    slice_head(text_of(&scene->text), scene->text.len - 1));
        assert_last_guess(scene, 3, 1);
    }
    buffer_free(&guess);
}

static void logs_without_a_line_of_syslog_are_read(void **state)
{
    static const char *const names[] = {"empty", "garbage", "log", NULL};
    struct scene *scene = *state;

    add_guess(&scene->text);
    write_plain(scene, "empty", SLICE_LITERAL(""));
    write_plain(scene, "garbage", SLICE_LITERAL("\n\n\0\xff no log\n[192."));
    write_plain(scene, "log", text_of(&scene->text));
    for (unsigned i = 0; i < 3; i++) {
        struct run run;

        run_open(scene, &run, names);
        assert_true(run_read(scene, &run, worker_counts[i]));
        assert_int_equal(run.complaints.count, 0);
        assert_int_equal(run.logs.tally.lines, 6);
        assert_int_equal(run.logs.tally.no_stamp_lines, 4);
        assert_int_equal(run.logs.sources.items[1].guesses, 1);
        run_close(&run);
    }
}

static void only_empty_logs_are_an_answer_too(void **state)
{
    struct scene *scene = *state;
    struct run run;

    write_plain(scene, "log", SLICE_LITERAL(""));
    run_open(scene, &run, one_log);
    assert_true(run_read(scene, &run, 7));
    assert_int_equal(run.logs.tally.lines, 0);
    assert_int_equal(run.logs.sources.count, 1);
    run_close(&run);
}

static void a_year_that_turns_within_a_log_turns_once(void **state)
{
    struct scene *scene = *state;
    int64_t turn = 1798761600; /* 2027-01-01 00:00 UTC */

    add_stamp(&scene->text, turn - 1);
    buffer_add_string(&scene->text, " mx sm-mta[7]: 6BVNxxYl000007: "
                                    "<ann@example.com>... User unknown\n");
    for (unsigned i = 0; i < 10000; i++) {
        add_stamp(&scene->text, turn + i / 100);
        buffer_add_string(&scene->text, " mx dovecot: imap-login: a line of "
                                        "another program, a hundred bytes\n");
    }
    add_stamp(&scene->text, turn + 100);
    buffer_add_string(&scene->text,
                      " mx sm-mta[7]: 6BVNxxYl000007: lost input channel from "
                      "[192.0.2.7] to MTA after rcpt\n");
    assert_true(scene->text.len > 2 * LOG_BLOCK_BYTES);
    write_plain(scene, "log", text_of(&scene->text));
    for (unsigned i = 0; i < 3; i++) {
        struct run run;

        run_open(scene, &run, one_log);
        assert_true(run_read(scene, &run, worker_counts[i]));
        assert_int_equal(run.logs.sources.items[1].guesses, 1);
        assert_int_equal(run.logs.sources.items[1].first, turn - 1);
        assert_int_equal(run.logs.tally.last, turn + 100);
        run_close(&run);
    }
}

static void assert_span(struct scene *scene, int64_t first, int64_t last)
{
    write_plain(scene, "log", text_of(&scene->text));
    for (unsigned i = 0; i < 3; i++) {
        struct run run;

        run_open(scene, &run, one_log);
        assert_true(run_read(scene, &run, worker_counts[i]));
        assert_int_equal(run.logs.tally.first, first);
        assert_int_equal(run.logs.tally.last, last);
        run_close(&run);
    }
}

/* Three years from 1 January 2026, as many lines of others every ten days. */
static void assert_years_are_told_apart(struct scene *scene, unsigned others)
{
    enum { TEN_DAYS = 10 * 24 * 3600, TIMES = 110 };
    const int64_t start = 1767225600; /* 2026-01-01 00:00 UTC */

    scene->text.len = 0;
    for (unsigned i = 0; i < TIMES; i++) {
        add_stamp(&scene->text, start + (int64_t)i * TEN_DAYS);
        buffer_add_string(&scene->text,
                          " mx sm-mta[7]: 6AI4qhYl000007: lost input channel "
                          "from [192.0.2.7] to MTA after rcpt\n");
        for (unsigned j = 0; j < others; j++) {
            add_stamp(&scene->text, start + (int64_t)i * TEN_DAYS);
            buffer_add_string(&scene->text,
                              " mx dovecot: imap-login: a line of another "
                              "program, a hundred bytes\n");
        }
    }
    assert_span(scene, start, start + (int64_t)(TIMES - 1) * TEN_DAYS);
}

static void a_short_log_of_years_tells_them_apart(void **state)
{
    assert_years_are_told_apart(*state, 0);
}

/* Half a year and more in each block. */
static void blocks_of_many_months_tell_years_apart(void **state)
{
    struct scene *scene = *state;

    assert_years_are_told_apart(scene, 130);
    assert_true(scene->text.len > 3 * LOG_BLOCK_BYTES);
    assert_true(scene->text.len < 6 * LOG_BLOCK_BYTES);
}

enum { DAY_SEC = 24 * 3600, YEAR_2026 = 1767225600 /* 1 January, 00:00 UTC */ };

static void add_line(struct scene *scene, int64_t time, const char *text)
{
    add_stamp(&scene->text, time);
    buffer_add_string(&scene->text, text);
}

/* Each block begins and ends in the same month, or nearly. */
static void blocks_of_a_year_tell_years_apart(void **state)
{
    static const char line[] =
        " mx sm-mta[7]: 6AI4qhYl000007: lost input channel from [192.0.2.7] to "
        "MTA after rcpt\n";
    struct scene *scene = *state;
    size_t lines = LOG_BLOCK_BYTES / (strlen("Jan  1 00:00:00") + sizeof(line));
    int64_t step = 375 * DAY_SEC / (int64_t)lines;

    scene->text.len = 0;
    for (size_t i = 0; i < 2 * lines; i++)
        add_line(scene, YEAR_2026 + (int64_t)i * step, line);
    assert_true(scene->text.len > LOG_BLOCK_BYTES);
    assert_span(scene, YEAR_2026,
                YEAR_2026 + ((int64_t)(2 * lines) - 1) * step);
}

/* A year of one line a month, within thousands of lines of one day. */
static void a_year_in_a_few_lines_of_a_block_is_a_year(void **state)
{
    static const char line[] = " mx sm-mta[7]: 6AI4qhYl000007: lost input "
                               "channel from [192.0.2.7] to MTA after rcpt\n";
    struct scene *scene = *state;
    size_t tenth = LOG_BLOCK_BYTES / 10;

    scene->text.len = 0;
    while (scene->text.len < tenth)
        add_line(scene, YEAR_2026, line);
    for (int64_t month = 1; month < 12; month++)
        add_line(scene, YEAR_2026 + month * 31 * DAY_SEC, line);
    while (scene->text.len < 25 * tenth)
        add_line(scene, YEAR_2026 + 365 * DAY_SEC, line);
    add_line(scene, YEAR_2026 + 366 * DAY_SEC, line);
    assert_span(scene, YEAR_2026, YEAR_2026 + 366 * DAY_SEC);
}

static void months_of_other_programs_alone_count(void **state)
{
    struct scene *scene = *state;
    static const char own[] = " mx sm-mta[7]: 6AI4qhYl000007: lost input "
                              "channel from [192.0.2.7] to MTA after rcpt\n";

    scene->text.len = 0;
    add_line(scene, YEAR_2026, own);
    for (int64_t day = 20; day < 280; day += 20)
        add_line(scene, YEAR_2026 + day * DAY_SEC, " mx dovecot: a line\n");
    add_line(scene, YEAR_2026 + 280 * DAY_SEC, own);
    assert_span(scene, YEAR_2026, YEAR_2026 + 280 * DAY_SEC);
}

/* ---- several ---- */

static void logs_of_several_hosts_are_merged_line_by_line(void **state)
{
    static const char *const hosts[] = {"alpha", "beta", "gamma"};
    static const char *const orders[][4] = {{"alpha", "beta", "gamma", NULL},
                                            {"gamma", "alpha", "beta", NULL},
                                            {"beta", "gamma", "alpha", NULL}};
    struct scene *scene = *state;
    struct buffer want;

    /* In one: of each second the lines of alpha first. */
    for (unsigned i = 0; i < SESSIONS; i += 2)
        for (unsigned h = 0; h < 3; h++)
            for (unsigned s = i; s < i + 2; s++)
                if (s % 2 == 0 || h != 1) /* beta has fewer */
                    add_session(&scene->text, hosts[h], s);
    write_plain(scene, "log", text_of(&scene->text));
    want = answer(scene, one_log, 1, false);
    for (unsigned h = 0; h < 3; h++) {
        buffer_clear(&scene->other);
        for (unsigned s = 0; s < SESSIONS; s++)
            if (s % 2 == 0 || h != 1)
                add_session(&scene->other, hosts[h], s);
        if (h == 1)
            write_gzip(scene, hosts[h], text_of(&scene->other));
        else
            write_plain(scene, hosts[h], text_of(&scene->other));
    }
    for (unsigned i = 0; i < 3; i++)
        for (unsigned o = 0; o < 3; o++)
            assert_answer(scene, orders[o], worker_counts[i], false, &want);
    buffer_free(&want);
}

static void a_rotated_set_in_any_order_is_the_whole_log(void **state)
{
    static const char *const sets[][5] = {
        {"m", "m.1", "m.2.gz", "m.3.gz", NULL},
        {"m.3.gz", "m.2.gz", "m.1", "m", NULL},
        {"m.1", "m.3.gz", "m", "m.2.gz", NULL}};
    struct scene *scene = *state;
    struct buffer want;
    struct slice rest;

    add_sessions(&scene->text, "mx");
    write_plain(scene, "log", text_of(&scene->text));
    want = answer(scene, one_log, 1, false);
    rest = text_of(&scene->text);
    for (unsigned i = 4; i-- > 0;) {
        size_t len = i == 0 ? rest.len : scene->text.len / 4;
        struct slice part;

        len += i == 0 ? 0 : slice_index(slice_skip(rest, len), '\n') + 1;
        part = slice_head(rest, len);
        rest = slice_skip(rest, len);
        if (i >= 2)
            write_gzip(scene, sets[0][i], part);
        else
            write_plain(scene, sets[0][i], part);
    }
    for (unsigned i = 0; i < 3; i++)
        for (unsigned s = 0; s < 3; s++)
            assert_answer(scene, sets[s], worker_counts[i], false, &want);
    buffer_free(&want);
}

/* Many short logs, of which the next is opened while the last is joined. */
static void many_short_logs_answer_the_same_every_time(void **state)
{
    static const char *names[41];
    static char room[40][8];
    struct scene *scene = *state;
    struct buffer want;

    for (unsigned i = 0; i < 40; i++) {
        snprintf(room[i], sizeof(room[i]), "l%02u", i);
        names[i] = room[i];
        buffer_clear(&scene->text);
        for (unsigned s = 10 * i; s < 10 * i + 25; s++)
            add_session(&scene->text, i % 2 == 0 ? "even" : "odd", s);
        write_plain(scene, names[i], text_of(&scene->text));
    }
    names[40] = NULL;
    want = answer(scene, names, 1, true);
    for (unsigned i = 0; i < 30; i++)
        assert_answer(scene, names, worker_counts[i % 3], true, &want);
    buffer_free(&want);
}

static void a_log_that_is_gone_when_its_turn_comes_is_named(void **state)
{
    static const char *const names[] = {"gone", "log", "gone-too", NULL};
    struct scene *scene = *state;

    add_guess(&scene->text);
    for (unsigned i = 0; i < 3; i++) {
        struct run run;

        write_plain(scene, "log", text_of(&scene->text));
        write_plain(scene, "gone",
                    SLICE_LITERAL("Nov  1 00:00:00 mx named: x\n"));
        write_plain(scene, "gone-too",
                    SLICE_LITERAL("Nov 30 00:00:00 mx named: x\n"));
        run_open(scene, &run, names);
        unlink(folder_path(&scene->folder, "gone"));
        unlink(folder_path(&scene->folder, "gone-too"));
        assert_true(run_read(scene, &run, worker_counts[i]));
        assert_int_equal(run.complaints.count, 2);
        assert_int_equal(run.logs.tally.lines, 2);
        assert_int_equal(run.logs.sources.items[1].guesses, 1);
        run_close(&run);
    }
}

/* ---- logs that change ---- */

struct change {
    char path[FOLDER_PATH_MAX];
    atomic_size_t *done; /* bytes read: waits until there are some */
    off_t cut;           /* 0: appended to */
    pthread_t thread;
};

static void *change_log(void *argument)
{
    const struct change *change = argument;
    int fd = open(change->path, O_WRONLY | O_APPEND | O_CLOEXEC);

    folder_need(fd >= 0, change->path);
    for (int i = 0; i < 20000 && atomic_load(change->done) == 0; i++)
        usleep(50);
    if (change->cut != 0)
        folder_need(ftruncate(fd, change->cut) == 0, change->path);
    for (int i = 0; i < 2000 && change->cut == 0; i++)
        folder_need(write(fd, "Nov 18 09:00:00 mx x: y\n", 24) == 24, "write");
    close(fd);
    return NULL;
}

/* What is read of a log that another thread changes meanwhile; lines that
 * stay. */
static void read_changing(struct scene *scene, off_t cut, unsigned workers,
                          uint64_t lines, size_t complaints_max)
{
    struct run run;
    struct change change = {.cut = cut};

    write_plain(scene, "log", text_of(&scene->text));
    run_open(scene, &run, one_log);
    snprintf(change.path, sizeof(change.path), "%s",
             folder_path(&scene->folder, "log"));
    change.done = &run.logs.progress.done;
    run.logs = (struct logread){.set = &run.set,
                                .rules = scene->rules,
                                .workers = workers,
                                .since = INT64_MIN,
                                .until = INT64_MAX,
                                .complaints = &run.complaints,
                                .progress = {.when = PROGRESS_NEVER}};
    assert_int_equal(pthread_create(&change.thread, NULL, change_log, &change),
                     0);
    assert_true(logread_run(&run.logs));
    pthread_join(change.thread, NULL);
    assert_in_range(run.logs.tally.lines, lines, UINT64_MAX);
    assert_in_range(run.complaints.count, 0, complaints_max);
    run_close(&run);
}

static uint64_t lines_in(struct slice text)
{
    struct slice line;
    uint64_t count = 0;

    while (slice_next_line(&text, &line))
        count++;
    return count;
}

static void a_log_cut_while_it_is_read_keeps_what_is_left(void **state)
{
    struct scene *scene = *state;
    size_t half;

    input_setup(); /* here: cmocka has handlers of its own around each test */
    for (int i = 0; i < 4; i++)
        add_sessions(&scene->text, "mx");
    half = scene->text.len / 2;
    for (unsigned i = 0; i < 9; i++)
        read_changing(scene, (off_t)half, worker_counts[i % 3],
                      lines_in(slice_head(text_of(&scene->text), half)), 1);
}

/* A log that is cut when so many lines of it were taken apart. */
static struct {
    const char *path; /* NULL: none */
    unsigned line;
    off_t bytes;
} cut;

void __wrap_record_parse(struct record_maker *maker, struct slice text,
                         struct record_line *line_r);
void __real_record_parse(struct record_maker *maker, struct slice text,
                         struct record_line *line_r);

void __wrap_record_parse(struct record_maker *maker, struct slice text,
                         struct record_line *line_r)
{
    if (cut.path != NULL && cut.line-- == 0) {
        folder_need(truncate(cut.path, cut.bytes) == 0, cut.path);
        cut.path = NULL;
    }
    __real_record_parse(maker, text, line_r);
}

/* Where lines end is known before they are taken apart; of a page that is not
 * wholly cut off the rest becomes zeros, other pages go. */
static void lines_that_go_before_their_turn_do_not_count(void **state)
{
    static const unsigned kept[] = {30, 150, 600};
    struct scene *scene = *state;
    struct slice text, rest, line;

    input_setup();
    add_sessions(&scene->text, "mx");
    text = text_of(&scene->text);
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        struct run run;

        rest = text;
        for (unsigned n = 0; n < kept[i]; n++)
            assert_true(slice_next_line(&rest, &line));
        write_plain(scene, "log", text);
        run_open(scene, &run, one_log);
        cut.path = folder_path(&scene->folder, "log");
        cut.line = 10;
        cut.bytes = (off_t)(text.len - rest.len + 20);
        assert_true(run_read(scene, &run, 1));
        assert_null(cut.path);
        assert_int_equal(run.logs.tally.lines, kept[i]);
        assert_int_equal(run.complaints.count, 1);
        run_close(&run);
    }
}

static void a_log_that_grows_while_it_is_read_is_no_failure(void **state)
{
    struct scene *scene = *state;

    add_sessions(&scene->text, "mx");
    for (unsigned i = 0; i < 3; i++)
        read_changing(scene, 0, worker_counts[i],
                      lines_in(text_of(&scene->text)), 0);
}

/* The last one: who was asked to stop stays so. */
static void a_signal_ends_it_without_an_answer(void **state)
{
    struct scene *scene = *state;

    add_sessions(&scene->text, "mx");
    write_plain(scene, "log", text_of(&scene->text));
    interrupt_setup();
    raise(SIGINT);
    for (unsigned i = 0; i < 3; i++) {
        struct run run;

        run_open(scene, &run, one_log);
        assert_false(run_read(scene, &run, worker_counts[i]));
        assert_int_equal(run.complaints.count, 0);
        run_close(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        IN_SCENE(any_number_of_workers_and_any_packing_answers_the_same),
        IN_SCENE(a_line_longer_than_blocks_is_one_and_hides_none),
        IN_SCENE(a_line_that_is_not_read_whole_is_overlong),
        IN_SCENE(a_log_of_exactly_a_block_is_read_to_its_end),
        IN_SCENE(logs_without_a_line_of_syslog_are_read),
        IN_SCENE(only_empty_logs_are_an_answer_too),
        IN_SCENE(a_year_that_turns_within_a_log_turns_once),
        IN_SCENE(a_short_log_of_years_tells_them_apart),
        IN_SCENE(blocks_of_many_months_tell_years_apart),
        IN_SCENE(blocks_of_a_year_tell_years_apart),
        IN_SCENE(a_year_in_a_few_lines_of_a_block_is_a_year),
        IN_SCENE(months_of_other_programs_alone_count),
        IN_SCENE(logs_of_several_hosts_are_merged_line_by_line),
        IN_SCENE(a_rotated_set_in_any_order_is_the_whole_log),
        IN_SCENE(many_short_logs_answer_the_same_every_time),
        IN_SCENE(a_log_that_is_gone_when_its_turn_comes_is_named),
        IN_SCENE(a_log_cut_while_it_is_read_keeps_what_is_left),
        IN_SCENE(lines_that_go_before_their_turn_do_not_count),
        IN_SCENE(a_log_that_grows_while_it_is_read_is_no_failure),
        IN_SCENE(a_signal_ends_it_without_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
