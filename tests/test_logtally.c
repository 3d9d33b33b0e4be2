/* The numbers of a log summary: lines counted, tallies merged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "qscan/logtally.h"
#include "tests/assert_slice.h"

enum { HOUR = 3600, START = 1000 * HOUR };

static struct slice of(const char *text)
{
    return slice_from_string(text);
}

/* What a parser leaves absent. */
static struct logline line_of(enum logline_kind kind, const char *text)
{
    return (struct logline){.kind = kind,
                            .text = of(text),
                            .pid = -1,
                            .size_bytes = -1,
                            .recipient_count = -1,
                            .delay_sec = -1,
                            .xdelay_sec = -1,
                            .tries = -1};
}

static void add(struct logtally *tally, const struct logline *line)
{
    logtally_add(tally, line, START, 0, 0);
}

static struct logline to_line(const char *recipients, const char *status,
                              const char *dsn, int64_t delay_sec)
{
    struct logline line = line_of(LOGLINE_TO, "");

    line.recipients = of(recipients);
    line.status = of(status);
    line.dsn = of(dsn);
    line.delay_sec = delay_sec;
    return line;
}

static void test_delays_below_64_s_are_exact(void **state)
{
    struct delays delays = {0};

    (void)state;
    assert_int_equal(delays_percentile(&delays, 50), -1);
    for (int64_t sec = 0; sec < 64; sec++)
        delays_add(&delays, sec);
    delays_add(&delays, -1);
    assert_int_equal(delays.count, 64);
    assert_int_equal(delays_percentile(&delays, 0), 0);
    assert_int_equal(delays_percentile(&delays, 50), 31);
    assert_int_equal(delays_percentile(&delays, 100), 63);
}

static void test_long_delays_are_within_two_percent(void **state)
{
    (void)state;
    for (int64_t sec = 64; sec < (1 << 24); sec += 1 + sec / 77) {
        struct delays delays = {0};
        int64_t told;

        delays_add(&delays, sec);
        delays_add(&delays, 1 << 24); /* the maximum must not help */
        told = delays_percentile(&delays, 50);
        assert_in_range(100 * llabs(told - sec), 0, 2 * sec);
    }
}

static void
test_delay_beyond_all_buckets_is_not_more_than_the_maximum(void **state)
{
    struct delays delays = {0};

    (void)state;
    delays_add(&delays, INT64_MAX);
    delays_add(&delays, INT64_MAX);
    assert_int_equal(delays.max_sec, INT64_MAX);
    assert_true(delays_percentile(&delays, 50) > 1 << 23);
    assert_int_equal(delays.count, 2);
}

static void test_from_line_counts_only_what_was_accepted(void **state)
{
    struct logtally tally;
    struct logline line = line_of(LOGLINE_FROM, "from=...");

    (void)state;
    logtally_init(&tally);
    line.size_bytes = 500;
    line.recipient_count = 3;
    line.sender = of("a@example.com");
    add(&tally, &line);
    line.sender = of("");
    add(&tally, &line);
    line.recipient_count = 0; /* all refused */
    add(&tally, &line);
    line.recipient_count = 1; /* gone before DATA */
    line.size_bytes = 0;
    add(&tally, &line);
    assert_int_equal(tally.accepted_messages, 2);
    assert_int_equal(tally.accepted_recipients, 6);
    assert_int_equal(tally.accepted_bytes, 1000);
    assert_int_equal(tally.null_senders, 1);
    assert_int_equal(tally.empty_envelopes, 2);
    assert_int_equal(tally.kinds[LOGLINE_FROM], 4);
    assert_int_equal(tally.hours[0].accepted, 2);
    logtally_free(&tally);
}

static void test_to_lines_count_recipients_by_fate(void **state)
{
    static const struct {
        const char *status, *dsn;
        enum log_fate fate;
    } cases[] = {
        {"Sent", "2.0.0", FATE_SENT},
        {"Sent (ok queued as 7)", "2.0.0", FATE_SENT},
        {"Sentinel says no", "5.7.1", FATE_FAILED},
        {"Deferred", "4.0.0", FATE_WAITS},
        {"Deferred: Connection refused by a.example.", "4.4.1", FATE_WAITS},
        {"host map: lookup (a.example): deferred", "4.4.3", FATE_WAITS},
        {"queued", "4.4.3", FATE_WAITS},
        {"quarantined", "", FATE_WAITS},
        {"discarded", "2.0.0", FATE_NONE},
        {"User unknown", "5.1.1", FATE_FAILED},
        {"User unknown", "", FATE_FAILED},
        {"", "5.1.1", FATE_NONE},
    };
    struct logline unsent = to_line("<a@example.com>", "", "", 1);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct logline line =
            to_line("<a@example.com>", cases[i].status, cases[i].dsn, 1);

        assert_int_equal(log_fate(&line), cases[i].fate);
        line.is_hostile = true;
        assert_int_equal(log_fate(&line), FATE_NONE);
    }
    unsent.is_unsent = true;
    assert_int_equal(log_fate(&unsent), FATE_UNSENT);
    unsent.is_hostile = true;
    assert_int_equal(log_fate(&unsent), FATE_NONE);
}

/* A user's mistake needs a person; its text is no list. */
static void test_to_line_that_is_garbled_is_a_trouble(void **state)
{
    struct logtally tally;
    struct logline line = to_line("this, is (bad", "User unknown", "5.1.1", 0);

    (void)state;
    logtally_init(&tally);
    line.recipient = line.recipients;
    line.is_garbled = true;
    add(&tally, &line);
    assert_int_equal(tally.bounced, 1);
    assert_int_equal(tally.troubles[TROUBLE_ADDRESS].count, 1);
    line.is_hostile = true;
    add(&tally, &line);
    assert_int_equal(tally.bounced, 1);
    assert_int_equal(tally.troubles[TROUBLE_ADDRESS].count, 1);
    logtally_free(&tally);
}

static void test_to_line_of_several_recipients_counts_each(void **state)
{
    struct logtally tally;
    struct logline line = to_line(
        "<a@example.com>,<b@example.com>,<c@example.com>", "Sent", "2.0.0", 7);

    (void)state;
    logtally_init(&tally);
    add(&tally, &line);
    line.status = of("User unknown");
    line.dsn = of("5.1.1");
    add(&tally, &line);
    line.recipients = of("<a@example.com>");
    line.status = of("Deferred");
    add(&tally, &line);
    line.status = of("queued");
    add(&tally, &line);
    line.status = of("quarantined");
    add(&tally, &line);
    line.status = of("");
    line.is_unsent = true;
    add(&tally, &line);
    assert_int_equal(tally.unsent, 1);
    assert_int_equal(tally.delivered, 3);
    assert_int_equal(tally.bounced, 3);
    assert_int_equal(tally.queued, 1);
    assert_int_equal(tally.deferred, 1);
    assert_int_equal(tally.delays.count, 3);
    assert_int_equal(tally.hours[0].delivered, 3);
    assert_int_equal(tally.hours[0].deferred, 1);
    logtally_free(&tally);
}

static void test_refusals_are_told_apart_by_code(void **state)
{
    struct logtally tally;
    struct logline line = line_of(LOGLINE_REPLY, "<a>... User unknown");

    (void)state;
    logtally_init(&tally);
    line.reason = of("User unknown");
    add(&tally, &line);
    line.reason = of("452 4.2.2 full");
    add(&tally, &line);
    line = line_of(LOGLINE_RULESET, "ruleset=check_relay, reject=421 4.3.2 x");
    line.reply = of("421 4.3.2 x");
    add(&tally, &line);
    line = line_of(LOGLINE_MILTER, "Milter: data, reject=550 5.7.1 x");
    line.reply = of("550 5.7.1 x");
    add(&tally, &line);
    assert_int_equal(tally.rejected, 2);
    assert_int_equal(tally.rejected_for_now, 2);
    assert_int_equal(tally.hours[0].rejected, 4);
    logtally_free(&tally);
}

static void test_discard_and_quarantine_are_no_refusals(void **state)
{
    static const char *const texts[] = {
        "Milter: data, discard",
        "milter=m, quarantine=virus",
        "milter=m, discard",
        "milter=m, action=mail, discard",
        "ruleset=check_rcpt, arg1=<, discard@a>, relay=[192.0.2.1], discard",
        "ruleset=check_rcpt, arg1=<, discard@a>, relay=[192.0.2.1]",
        "Milter (m) add: header: X-Scan: error, yes",
    };
    struct logtally tally;
    struct logline line;

    (void)state;
    logtally_init(&tally);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        line = line_of(LOGLINE_MILTER, texts[i]);
        add(&tally, &line);
    }
    assert_int_equal(tally.discarded, 2);
    assert_int_equal(tally.quarantined, 1);
    assert_int_equal(tally.rejected, 0);
    assert_int_equal(tally.troubles[TROUBLE_MILTER].count, 0);
    logtally_free(&tally);
}

static void test_dsn_lines_count_by_kind(void **state)
{
    static const char *const texts[] = {
        "6AJ9fccn009625: DSN: User unknown",
        "6AJ9fccn009626: sender notify: Cannot send message for 5 days",
        "6AJ9fccn009627: sender notify: Warning: could not send message",
        "6AJ9fccn009628: DSN: Return receipt",
        "6AJ9fccn009629: postmaster notify: User unknown",
        "6AJ9fccn009630: return to sender: User unknown",
    };
    struct logtally tally;

    (void)state;
    logtally_init(&tally);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct logline line = line_of(LOGLINE_DSN, texts[i]);

        add(&tally, &line);
    }
    assert_int_equal(tally.dsn_failures, 2);
    assert_int_equal(tally.dsn_warnings, 1);
    assert_int_equal(tally.dsn_receipts, 1);
    assert_int_equal(tally.dsn_postmaster, 1);
    assert_int_equal(tally.dsn_returns, 1);
    logtally_free(&tally);
}

static void test_auth_and_tls_lines(void **state)
{
    struct logtally tally;
    struct logline line = line_of(LOGLINE_AUTH_OK, "AUTH=server, relay=x");

    (void)state;
    logtally_init(&tally);
    add(&tally, &line);
    line.text = of("AUTH=client, relay=x");
    add(&tally, &line);
    line = line_of(LOGLINE_AUTH, "AUTH failure (LOGIN): ...");
    add(&tally, &line);
    line = line_of(LOGLINE_TLS, "STARTTLS=server, relay=x, version=TLSv1.3");
    line.protocol = of("TLSv1.3");
    line.verify = of("NO");
    add(&tally, &line);
    line.text = of("STARTTLS=client, relay=x, version=TLSv1.3");
    line.verify = of("OK");
    add(&tally, &line);
    line.verify = of("TRUSTED");
    add(&tally, &line);
    line = line_of(LOGLINE_TLS, "STARTTLS=server, error: accept failed=-1");
    add(&tally, &line);
    assert_int_equal(tally.logins, 1);
    assert_int_equal(tally.auth_failures, 1);
    assert_int_equal(tally.tls_server, 1);
    assert_int_equal(tally.tls_client, 2);
    assert_int_equal(tally.tls_verified, 2);
    assert_int_equal(tally.tls_failed, 1);
    logtally_free(&tally);
}

/* The "to" line tells what came of it. */
static void test_what_refuses_the_next_hop_is_no_refusal(void **state)
{
    static const char *const rulesets[] = {"tls_server", "tls_rcpt", "try_tls",
                                           "Try_TLS", "tls_client"};
    struct logtally tally;
    struct logline line = line_of(
        LOGLINE_RULESET, "ruleset=tls_server, arg1=NONE, relay=mx.example.net, "
                         "reject=403 4.7.0 TLS required");

    (void)state;
    logtally_init(&tally);
    line.reply = of("403 4.7.0 TLS required");
    for (size_t i = 0; i < sizeof(rulesets) / sizeof(rulesets[0]); i++) {
        line.ruleset = of(rulesets[i]);
        add(&tally, &line);
        assert_int_equal(tally.rejected_for_now, i == 4);
    }
    logtally_free(&tally);
}

static void test_troubles_by_text(void **state)
{
    static const struct {
        enum logline_kind kind;
        const char *text;
        enum log_trouble trouble;
    } cases[] = {
        {LOGLINE_SYSTEM, "SYSERR(root): readqf: bad line", TROUBLE_SYSERR},
        {LOGLINE_SYSTEM, "SYSERR(root): collect: No space left on device",
         TROUBLE_NO_SPACE},
        {LOGLINE_SYSTEM, "Losing ./qf6AJ9fccn009625: why", TROUBLE_LOST},
        {LOGLINE_SYSTEM, "bogus queue file, uid=0", TROUBLE_BOGUS},
        {LOGLINE_SYSTEM,
         "low on space (SMTP-DAEMON needs 100 bytes + 100 blocks in "
         "/var/spool/mqueue), max avail: 7",
         TROUBLE_NO_SPACE},
        {LOGLINE_SYSTEM, "rejecting new messages: min free: 100",
         TROUBLE_NO_SPACE},
        {LOGLINE_SYSTEM,
         "SYSERR(root): cannot open /etc/mail/my space: Permission denied",
         TROUBLE_SYSERR},
        {LOGLINE_SYSTEM, "cannot open file: low on space (x)", TROUBLE_CONFIG},
        {LOGLINE_SYSTEM, "Authentication-Warning: a: b", TROUBLE_AUTH_WARNING},
        {LOGLINE_SYSTEM, "alias database unsafe", TROUBLE_CONFIG},
        {LOGLINE_SYSTEM, "forward /home/joe/.forward: Group writable directory",
         TROUBLE_ADDRESS},
        {LOGLINE_SYSTEM,
         "AUTH=client, available mechanisms do not fulfill requirements",
         TROUBLE_LOGIN},
        {LOGLINE_SYSTEM, "No worthy mechs found", TROUBLE_LOGIN},
        {LOGLINE_REFUSING, "rejecting connections on daemon MTA: load average",
         TROUBLE_LOAD},
        {LOGLINE_REFUSING,
         "have been rejecting connections on daemon MTA for 2+00:00:00",
         TROUBLE_LOAD},
        {LOGLINE_REFUSING, "rejecting connections on daemon MTA: 40 children",
         TROUBLE_CHILDREN},
        {LOGLINE_MILTER, "Milter (m): to error state", TROUBLE_MILTER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct logtally tally;
        struct logline line = line_of(cases[i].kind, cases[i].text);

        logtally_init(&tally);
        add(&tally, &line);
        for (unsigned t = 0; t < TROUBLE_COUNT; t++) {
            assert_int_equal(tally.troubles[t].count, t == cases[i].trouble);
            assert_true(log_trouble_text(t)[0] != '\0');
        }
        logtally_free(&tally);
    }
}

static void test_hostile_and_continued_lines_decide_nothing(void **state)
{
    struct logtally tally;
    struct logline line = to_line("<a@example.com>", "Sent", "2.0.0", 1);

    (void)state;
    logtally_init(&tally);
    line.is_hostile = true;
    add(&tally, &line);
    line.is_hostile = false;
    line.is_continued = true;
    add(&tally, &line);
    assert_int_equal(tally.lines, 2);
    assert_int_equal(tally.kinds[LOGLINE_TO], 2);
    assert_int_equal(tally.hostile_lines, 1);
    assert_int_equal(tally.delivered, 0);
    logtally_free(&tally);
}

static void test_long_text_of_a_trouble_is_cut(void **state)
{
    char text[5000];
    struct logtally tally;
    struct logline line = line_of(LOGLINE_SYSTEM, "");

    (void)state;
    memset(text, 'x', sizeof(text));
    line.text = slice_make(text, sizeof(text));
    line.id = slice_make(text, 3000);
    logtally_init(&tally);
    add(&tally, &line);
    assert_int_equal(tally.troubles[TROUBLE_CONFIG].text_len,
                     sizeof(tally.troubles[TROUBLE_CONFIG].text));
    logtally_free(&tally);
}

/* Lines of many hours, whose order is given by step. */
static void add_many(struct logtally *tally, unsigned first, unsigned end,
                     unsigned all, unsigned step)
{
    for (unsigned i = first; i < end; i++) {
        unsigned n = (unsigned)((uint64_t)i * step % all);
        char text[40] = "SYSERR(root): a";
        struct logline line = line_of(LOGLINE_SYSTEM, text);

        text[14] = (char)('a' + n * 7 % 26);
        logtally_add(tally, &line, (int64_t)(n / 3) * HOUR / 2 - 5 * HOUR,
                     1U << n % 5, 2);
    }
}

static void assert_same(const struct logtally *a, const struct logtally *b)
{
    assert_int_equal(a->lines, b->lines);
    assert_int_equal(a->first, b->first);
    assert_int_equal(a->last, b->last);
    assert_int_equal(a->hours_are_cut, b->hours_are_cut);
    assert_int_equal(a->hour_count, b->hour_count);
    assert_memory_equal(a->hours, b->hours,
                        a->hour_count * sizeof(a->hours[0]));
    assert_memory_equal(a->events, b->events, sizeof(a->events));
    for (unsigned t = 0; t < TROUBLE_COUNT; t++) {
        assert_int_equal(a->troubles[t].count, b->troubles[t].count);
        assert_int_equal(a->troubles[t].first, b->troubles[t].first);
        assert_int_equal(a->troubles[t].last, b->troubles[t].last);
        assert_int_equal(a->troubles[t].text_len, b->troubles[t].text_len);
        assert_memory_equal(a->troubles[t].text, b->troubles[t].text,
                            a->troubles[t].text_len);
    }
}

static void test_order_and_merging_change_nothing(void **state)
{
    enum { ALL = 3000 };
    struct logtally whole, shuffled, parts[3];

    (void)state;
    logtally_init(&whole);
    logtally_init(&shuffled);
    add_many(&whole, 0, ALL, ALL, 1);
    add_many(&shuffled, 0, ALL, ALL, 1777);
    assert_same(&whole, &shuffled);
    assert_false(whole.hours_are_cut);
    for (unsigned p = 0; p < 3; p++) {
        logtally_init(&parts[p]);
        add_many(&parts[p], p * ALL / 3, (p + 1) * ALL / 3, ALL, 1777);
    }
    logtally_merge(&parts[2], &parts[0]);
    logtally_merge(&parts[2], &parts[1]);
    assert_same(&whole, &parts[2]);
    for (unsigned p = 0; p < 3; p++)
        logtally_free(&parts[p]);
    logtally_free(&shuffled);
    logtally_free(&whole);
}

/* Where the clock is half an hour ahead of the full hours of UTC. */
static void test_hours_begin_as_those_of_the_clock(void **state)
{
    struct logtally tally;
    struct logline line = line_of(LOGLINE_NOTICE, "");

    (void)state;
    setenv("TZ", "XXX-05:30", 1);
    tzset();
    assert_int_equal(log_hour_shift(false), HOUR / 2);
    assert_int_equal(log_hour_shift(true), 0);
    setenv("TZ", "XXX03:30", 1);
    tzset();
    assert_int_equal(log_hour_shift(false), HOUR / 2);
    setenv("TZ", "UTC", 1);
    tzset();
    logtally_init(&tally);
    tally.hour_shift_sec = HOUR / 2;
    logtally_add(&tally, &line, 100 * HOUR + HOUR / 2 - 1, 0, 0);
    logtally_add(&tally, &line, 100 * HOUR + HOUR / 2, 0, 0);
    assert_int_equal(tally.hour_count, 2);
    assert_int_equal(log_hour_start(&tally, &tally.hours[0]),
                     99 * HOUR + HOUR / 2);
    assert_int_equal(log_hour_start(&tally, &tally.hours[1]),
                     100 * HOUR + HOUR / 2);
    assert_int_equal(tally.first, 100 * HOUR + HOUR / 2 - 1);
    logtally_free(&tally);
}

static void test_more_hours_than_fit_keep_the_latest(void **state)
{
    enum { HOURS = LOG_HOURS_MAX + 50 };
    struct logtally up, mixed;
    struct logline line = line_of(LOGLINE_NOTICE, "");

    (void)state;
    logtally_init(&up);
    logtally_init(&mixed);
    for (unsigned h = 0; h < HOURS; h++) {
        logtally_add(&up, &line, (int64_t)h * HOUR, 0, 0);
        logtally_add(&mixed, &line, (int64_t)(h * 7U % HOURS) * HOUR, 0, 0);
    }
    assert_true(up.hours_are_cut);
    assert_int_equal(up.hour_count, LOG_HOURS_MAX);
    assert_int_equal(up.hours[0].hour, 50);
    assert_int_equal(up.lines, HOURS);
    assert_same(&up, &mixed);
    logtally_free(&up);
    logtally_free(&mixed);
}

static void test_what_was_not_taken_is_taken_back(void **state)
{
    struct logtally tally, late;
    struct logline line = line_of(LOGLINE_FROM, "");

    (void)state;
    logtally_init(&tally);
    logtally_init(&late);
    tally.hour_shift_sec = late.hour_shift_sec = 1800;
    line.recipient_count = 2;
    line.size_bytes = 100;
    line.sender = SLICE_LITERAL("");
    for (unsigned i = 0; i < 3; i++)
        logtally_add(&tally, &line, START + i * HOUR, 0, 0);
    logtally_add_untaken(&late, START + HOUR, 2, true);
    logtally_add_untaken(&late, START + 9 * HOUR, 1, false);
    logtally_take_back(&tally, &late);
    assert_int_equal(tally.accepted_messages, 1);
    assert_int_equal(tally.accepted_recipients, 3);
    assert_int_equal(tally.null_senders, 2);
    assert_int_equal(tally.hour_count, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(tally.hours[i].accepted, i != 1);
    logtally_free(&tally);
    logtally_free(&late);
}

static void test_empty_tally_has_no_time(void **state)
{
    struct logtally tally, other;

    (void)state;
    logtally_init(&tally);
    logtally_init(&other);
    logtally_merge(&tally, &other);
    assert_true(tally.first > tally.last);
    assert_int_equal(tally.hour_count, 0);
    logtally_free(&tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delays_below_64_s_are_exact),
        cmocka_unit_test(test_long_delays_are_within_two_percent),
        cmocka_unit_test(
            test_delay_beyond_all_buckets_is_not_more_than_the_maximum),
        cmocka_unit_test(test_from_line_counts_only_what_was_accepted),
        cmocka_unit_test(test_to_lines_count_recipients_by_fate),
        cmocka_unit_test(test_to_line_that_is_garbled_is_a_trouble),
        cmocka_unit_test(test_to_line_of_several_recipients_counts_each),
        cmocka_unit_test(test_refusals_are_told_apart_by_code),
        cmocka_unit_test(test_discard_and_quarantine_are_no_refusals),
        cmocka_unit_test(test_dsn_lines_count_by_kind),
        cmocka_unit_test(test_auth_and_tls_lines),
        cmocka_unit_test(test_what_refuses_the_next_hop_is_no_refusal),
        cmocka_unit_test(test_troubles_by_text),
        cmocka_unit_test(test_hostile_and_continued_lines_decide_nothing),
        cmocka_unit_test(test_long_text_of_a_trouble_is_cut),
        cmocka_unit_test(test_order_and_merging_change_nothing),
        cmocka_unit_test(test_hours_begin_as_those_of_the_clock),
        cmocka_unit_test(test_more_hours_than_fit_keep_the_latest),
        cmocka_unit_test(test_what_was_not_taken_is_taken_back),
        cmocka_unit_test(test_empty_tally_has_no_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
