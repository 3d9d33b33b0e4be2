/* Which client a line belongs to, over lines, processes, ids and files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "qscan/join.h"
#include "tests/assert_slice.h"

enum { DAY = 24 * 3600 };

static const uint64_t key[2] = {UINT64_C(0x8f3a6c5e91d27b04),
                                UINT64_C(0x2be19407c6d85af3)};

static const char rules_text[] =
    "event unknown-user\n"
    "        line    reply, ruleset, to\n"
    "        any     reason ~ /User unknown/ | status ~ /^User unknown/\n"
    "event auth-failure\n"
    "        line    auth\n"
    "        when    text ~ /^AUTH failure/\n"
    "event flood\n"
    "        line    peer\n"
    "        when    text ~ /RCPT flood/\n"
    "event early\n"
    "        line    peer\n"
    "        when    text ~ /^rejecting .* due to /\n"
    "event probe\n"
    "        line    peer\n"
    "        when    text ~ /: (?:VRFY |probable open proxy)/\n"
    "event milter-reject\n"
    "        line    milter\n"
    "        when    reply ~ /^5/\n"
    "rule guesses\n"
    "        on      source\n"
    "        kind    dictionary-attack\n"
    "        count   of unknown-user by source >= 2 in 1w\n"
    "rule users\n"
    "        on      source\n"
    "        kind    auth-spray\n"
    "        count   distinct user of auth-failure by source >= 3 in 1w\n"
    "rule early-twice\n"
    "        on      source\n"
    "        kind    early\n"
    "        count   of early by source >= 2 in 1w\n";

struct scene {
    struct rules *rules;
    struct record_maker maker;
    struct record_scratch scratch;
    struct sources sources;
    struct join join;
    struct log_epoch near;
    uint32_t file;
    uint64_t line;
};

static int set_up(void **state)
{
    struct rules_file file = {"test", SLICE_LITERAL(rules_text)};
    struct scene *scene = calloc(1, sizeof(*scene));

    assert_non_null(scene);
    scene->rules = rules_compile(&file, 1, NULL, 0, NULL, NULL, NULL);
    assert_non_null(scene->rules);
    assert_true(record_maker_init(&scene->maker, scene->rules, key, true));
    assert_true(sources_init(&scene->sources, scene->rules, key));
    assert_true(join_init(&scene->join, &scene->sources, key));
    scene->near = (struct log_epoch){2026, 11};
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    join_free(&scene->join);
    sources_free(&scene->sources);
    record_scratch_free(&scene->scratch);
    record_maker_free(&scene->maker);
    rules_free(scene->rules);
    free(scene);
    return 0;
}

static enum record_outcome feed_slice(struct scene *scene, struct slice line)
{
    struct record_line parsed;
    struct record record;
    enum record_outcome outcome;

    record_parse(&scene->maker, line, &parsed);
    outcome = record_make(&scene->maker, &parsed, &scene->near, &scene->scratch,
                          &record);
    scene->line++;
    if (outcome == RECORD_MADE)
        join_add(&scene->join, &record, scene->file, scene->line);
    return outcome;
}

static void feed(struct scene *scene, const char *line)
{
    feed_slice(scene, slice_from_string(line));
}

/* "Nov 18 04:52:43 mx sm-mta[PID]: TEXT" */
__attribute__((format(printf, 3, 4))) static void
feed_of(struct scene *scene, int pid, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    int len =
        snprintf(text, sizeof(text), "Nov 18 04:52:43 mx sm-mta[%d]: ", pid);

    va_start(arguments, format);
    vsnprintf(text + len, sizeof(text) - (size_t)len, format, arguments);
    va_end(arguments);
    feed(scene, text);
    record_scratch_clear(&scene->scratch);
}

/* "YYYY-MM-DDThh:mm:ssZ mx sm-mta[PID]: TEXT", sec after 2026-11-18 */
__attribute__((format(printf, 4, 5))) static void
feed_at(struct scene *scene, int64_t sec, int pid, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    time_t moment = (time_t)(1794960000 + sec);
    struct tm tm;
    int len;

    assert_non_null(gmtime_r(&moment, &tm));
    len = (int)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    len += snprintf(text + len, sizeof(text) - (size_t)len,
                    " mx sm-mta[%d]: ", pid);
    va_start(arguments, format);
    vsnprintf(text + len, sizeof(text) - (size_t)len, format, arguments);
    va_end(arguments);
    feed(scene, text);
    record_scratch_clear(&scene->scratch);
}

static void assert_text(const struct intern *table, uint32_t number,
                        const char *want)
{
    assert_slice_is(intern_text(table, number), want, "interned");
}

/* NULL: no line named it. */
static const struct source *source_of(struct scene *scene, const char *address)
{
    struct ip ip;

    assert_true(ip_parse(slice_from_string(address), &ip));
    for (uint32_t i = 1; i < scene->sources.count; i++)
        if (memcmp(&scene->sources.items[i].ip, &ip, sizeof(ip)) == 0)
            return &scene->sources.items[i];
    return NULL;
}

static const struct source_mail *mail_of(struct scene *scene,
                                         const char *address)
{
    return source_mail(&scene->sources, source_of(scene, address));
}

static unsigned guesses_of(struct scene *scene, const char *address)
{
    const struct source *source = source_of(scene, address);

    return source == NULL ? 0 : source->guesses;
}

static void assert_waiting(struct scene *scene, uint64_t count)
{
    join_finish(&scene->join);
    assert_int_equal(scene->join.no_client, count);
}

#define FROM "from=<a@src.example>, size=0, class=0, "

static void of_a_user_who_fails_the_first_letter_is_known(void **state)
{
    struct scene *scene = *state;
    static const char *const users[] = {"ann", "Ann.Smith@example.org", "bob"};

    for (int i = 0; i < 3; i++)
        feed_of(scene, 7,
                "6AI4qi1200000%d: AUTH failure (PLAIN): authentication failure "
                "(-13) SASL(-13): authentication failure, user=%s, "
                "relay=[192.0.2.1]",
                i, users[i]);
    assert_int_equal(scene->sources.tries.count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(record_user_letter(scene->sources.tries.items[i].what),
                         record_user_letter(i < 2 ? 'a' : 'b'));
}

/* ---- what was not taken after all ---- */

#define DATA "relay=mail.example.net [192.0.2.1]"

static void what_a_filter_refused_was_not_accepted(void **state)
{
    struct scene *scene = *state;
    static const char *const ids[] = {"6AI4qhYl000001", "6AI4qhYl000002",
                                      "6AI4qhYl000003", "6AI4qhYl000004"};

    for (int i = 0; i < 4; i++)
        feed_at(scene, 3599, 7,
                "%s: from=<%s>, size=100, class=0, nrcpts=%d, " DATA, ids[i],
                i == 0 ? "" : "ann@example.net", i + 1);
    feed_at(scene, 3600, 7, "%s: Milter: data, reject=550 5.7.1 spam", ids[0]);
    feed_at(scene, 3600, 7,
            "%s: to=<bob@example.com>, delay=00:00:01, pri=30100, stat=spam",
            ids[0]);
    feed_at(scene, 3600, 7, "%s: Milter: data, reject=451 4.7.1 later", ids[1]);
    for (int i = 0; i < 3; i++) /* the client left */
        feed_at(scene, 3600, 7,
                "%s: to=<bob%d@example.com>, delay=00:00:01, pri=30100, "
                "stat=Connection reset by peer",
                ids[2], i);
    feed_at(scene, 3600, 7,
            "%s: to=<bob@example.com>, delay=00:00:01, xdelay=00:00:00, "
            "mailer=local, pri=30100, dsn=2.0.0, stat=Sent",
            ids[3]);
    assert_int_equal(scene->join.late.accepted_messages, 3);
    assert_int_equal(scene->join.late.accepted_recipients, 6);
    assert_int_equal(scene->join.late.null_senders, 1);
    assert_int_equal(scene->join.late.hour_count, 1);
    assert_int_equal(scene->join.late.hours[0].accepted, 3);
    assert_int_equal(
        log_hour_start(&scene->join.late, &scene->join.late.hours[0]),
        1794960000);
    assert_int_equal(mail_of(scene, "192.0.2.1")->messages, 1);
    assert_int_equal(mail_of(scene, "192.0.2.1")->mailed, 4);
    assert_int_equal(mail_of(scene, "192.0.2.1")->accepted, 10);
    /* each recipient was asked for once */
    assert_int_equal(source_of(scene, "192.0.2.1")->attempts, 10);
}

/* A refusal at RCPT, of a message that goes on; one whose from line is not in
 * the log. */
static void what_goes_on_stays_accepted(void **state)
{
    struct scene *scene = *state;

    feed_at(
        scene, 0, 7,
        "6AI4qhYl000001: Milter: to=<bob@example.com>, reject=550 5.7.1 no");
    feed_at(scene, 1, 7,
            "6AI4qhYl000001: from=<ann@example.net>, size=100, class=0, "
            "nrcpts=1, " DATA);
    feed_at(scene, 2, 7, "6AI4qhYl000002: Milter: data, reject=550 5.7.1 spam");
    feed_at(scene, 3, 7,
            "6AI4qhYl000003: to=<bob@example.com>, delay=00:00:01, pri=30100, "
            "stat=spam");
    assert_int_equal(scene->join.late.accepted_messages, 0);
    assert_int_equal(mail_of(scene, "192.0.2.1")->mailed, 1);
}

/* ---- one session ---- */

static void whose_name_a_sender_is_in(void **state)
{
    static const struct {
        const char *sender, *client;
        bool is_own;
    } cases[] = {
        {"ann@example.net", "mail.example.net [192.0.2.1]", true},
        {"ann@example.net", "example.net [192.0.2.2]", true},
        {"ann@EXAMPLE.net", "Mail.Example.NET [192.0.2.3]", true},
        {"b-7@mail132.example.net", "mail132.example.net [192.0.2.4]", true},
        {"ann@dsl7.example.net", "dsl7.example.net [192.0.2.5]", false},
        {"a@h-192-0-2-6.example.net", "h-192-0-2-6.example.net [192.0.2.6]",
         false},
        {"ann@example.net", "mail.example.net [192.0.2.7] (may be forged)",
         false},
        {"ann@example.net", "[192.0.2.8]", false},
        {"ann@mail.example.net", "example.net [192.0.2.9]", false},
    };
    struct scene *scene = *state;

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char address[32];

        feed_of(scene, 7,
                "6AI4qhYl%06u: from=<%s>, size=9, class=0, nrcpts=1, "
                "relay=%s",
                i, cases[i].sender, cases[i].client);
        snprintf(address, sizeof(address), "192.0.2.%u", i + 1);
        if (source_of(scene, address)->own_senders != cases[i].is_own)
            fail_msg("%s from %s", cases[i].sender, cases[i].client);
    }
}

static void one_domain_of_senders_is_told_from_several(void **state)
{
    struct scene *scene = *state;
    const struct source *source;

    for (unsigned i = 0; i < 3; i++) {
        feed_of(scene, 7,
                "6AI4qhYl%06u: from=<%s@Example.net>, size=9, class=0, "
                "nrcpts=1, relay=[192.0.2.1]",
                i, i == 0 ? "ann" : "bob");
        feed_of(scene, 7,
                "6AI4qhYm%06u: from=<>, size=9, class=0, nrcpts=1, "
                "relay=[192.0.2.1]",
                i);
    }
    source = source_of(scene, "192.0.2.1");
    assert_true(source->sender_domain != 0);
    assert_false(source->has_sender_domains);
    feed_of(scene, 7,
            "6AI4qhYn000000: from=<ann@example.org>, size=9, class=0, "
            "nrcpts=1, relay=[192.0.2.1]");
    assert_true(source_of(scene, "192.0.2.1")->has_sender_domains);
}

static void a_guess_before_its_from_line_is_its_clients(void **state)
{
    char room[NAMES_TEXT_MAX];
    struct scene *scene = *state;
    const struct source *source;

    feed_of(scene, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    feed_of(scene, 7, "6AI4qhYl000007: <bob@example.com>... User unknown");
    feed_of(scene, 7, "6AI4qhYl000007: <ANN@example.com>... User unknown");
    assert_null(source_of(scene, "192.0.2.7"));
    feed_of(scene, 7,
            "6AI4qhYl000007: " FROM "nrcpts=0, proto=ESMTP, "
            "daemon=MTA, relay=dsl.example.net [192.0.2.7]");
    source = source_of(scene, "192.0.2.7");
    assert_non_null(source);
    assert_int_equal(source->guesses, 2);
    assert_int_equal(source->attempts, 3);
    assert_int_equal(source->senders, 1);
    assert_int_equal(source_mail(&scene->sources, source)->messages, 0);
    assert_text(&scene->sources.samples, source->guess_sample,
                "ann@example.com");
    assert_text(&scene->sources.domains, source->guess_domain, "example.com");
    assert_slice_is(names_text(&scene->sources.names, source->name, room),
                    "dsl.example.net", "name");
    assert_waiting(scene, 0);
}

/* The guesser chooses the length: the domain that is attacked stays known. */
static void a_long_guess_keeps_its_domain(void **state)
{
    struct scene *scene = *state;
    const struct source *source;

    for (int i = 80; i < 100; i++)
        feed_of(scene, 7, "6AI4qhYl000007: <%0*d@example.com>... User unknown",
                i, 7);
    feed_of(scene, 7, "6AI4qhYl000007: <a@%0*d.example>... User unknown", 90,
            7);
    feed_of(scene, 7, "6AI4qhYl000007: " FROM "nrcpts=0, relay=[192.0.2.7]");
    source = source_of(scene, "192.0.2.7");
    assert_non_null(source);
    assert_int_equal(source->guesses, 21);
    assert_text(&scene->sources.domains, source->guess_domain, "example.com");
    feed_of(scene, 8, "6AI4qhYl000008: <%0*d@example.com>... User unknown", 300,
            7);
    feed_of(scene, 8, "6AI4qhYl000008: " FROM "nrcpts=0, relay=[192.0.2.8]");
    source = source_of(scene, "192.0.2.8");
    assert_text(&scene->sources.domains, source->guess_domain, "example.com");
    assert_text(&scene->sources.samples, source->guess_sample,
                "0000000000000000000000000000000000000000000000000000000000000"
                "000000000000000000000000...@example.com");
}

static void a_recipient_is_one_however_it_is_spelled(void **state)
{
    static const char *const spelled[] = {
        "Ann.b@Example.COM", "\"ann.b\"@example.com", "ann.b@example.com.",
        "\"ANN.B\"@example.com."};
    static const char *const others[] = {"\"ann b\"@example.com",
                                         "\"ann%b\"@example.com",
                                         "ann%b@example.com",
                                         "\".ann\"@example.com",
                                         "\"ann.\"@example.com",
                                         "\"a..b\"@example.com",
                                         "a..b@example.com",
                                         "ann.b@example.com..",
                                         "\"\"@example.com",
                                         "\"ann.b\"c@example.com",
                                         "ann.",
                                         "ann"};
    struct scene *scene = *state;

    feed_of(scene, 7,
            "6AI4qhYl000007: dsl.example.net [192.0.2.7]: Possible "
            "SMTP RCPT flood, throttling.");
    for (size_t i = 0; i < sizeof(spelled) / sizeof(spelled[0]); i++)
        feed_of(scene, 7, "6AI4qhYl000007: <%s>... User unknown", spelled[i]);
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 1);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        feed_of(scene, 7, "6AI4qhYl000007: <%s>... User unknown", others[i]);
    assert_int_equal(guesses_of(scene, "192.0.2.7"),
                     1 + sizeof(others) / sizeof(others[0]));
    /* the same in a list */
    feed_of(scene, 7, "6AI4qhYl000007: " FROM "nrcpts=3, relay=[192.0.2.7]");
    feed_of(scene, 8,
            "6AI4qhYl000007: to=<ann.b@example.com.>,<\"ANN.B\"@example.com>,"
            "<\"c\"@example.com.>, delay=00:00:01, mailer=esmtp, "
            "relay=mail.example.com. [192.0.2.80], dsn=5.1.1, stat=User "
            "unknown");
    assert_int_equal(guesses_of(scene, "192.0.2.7"),
                     2 + sizeof(others) / sizeof(others[0]));
}

/* What is counted does not depend on which line comes first. */
static void a_guess_behind_a_line_of_its_client_counts_the_same(void **state)
{
    struct scene *scene = *state;
    const struct source *source;

    feed_of(scene, 7,
            "6AI4qhYl000007: dsl.example.net [192.0.2.7]: Possible "
            "SMTP RCPT flood, throttling.");
    feed_of(scene, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    feed_of(scene, 7, "6AI4qhYl000007: <bob@example.com>... User unknown");
    source = source_of(scene, "192.0.2.7");
    assert_non_null(source);
    assert_int_equal(source->guesses, 2);
    assert_int_equal(source->attempts, 2);
}

static void a_lost_channel_names_the_client_as_well(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    feed_of(scene, 7,
            "6AI4qhYl000007: lost input channel from "
            "[IPv6:2001:db8:0:0:0:0:0:9] to MTA after rcpt");
    assert_int_equal(guesses_of(scene, "2001:db8::9"), 1);
    assert_waiting(scene, 0);
}

static void another_line_of_the_process_is_enough(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7,
            "STARTTLS=server, relay=dsl.example.net [192.0.2.7], "
            "version=TLSv1.3, verify=NO, cipher=X, bits=256/256");
    feed_of(scene, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    feed_of(scene, 8, "6AI4qhYl000008: <bob@example.com>... User unknown");
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 0);
    assert_waiting(scene, 1);
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 1);
}

/* sendmail hangs up after an hour, and says whose id it was. */
static void a_client_that_falls_silent_is_told_of_an_hour_later(void **state)
{
    struct scene *scene = *state;

    feed_at(scene, 0, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    feed_at(scene, 9, 7, "6AI4qhYl000007: <bob@example.com>... User unknown");
    /* others come and go meanwhile */
    for (int i = 0; i < 5000; i++)
        feed_at(scene, 3601 + i / 200, 100 + i,
                "6AI5qhYl%06d: <x@example.com>... User unknown", i);
    feed_at(scene, 3640, 7,
            "6AI4qhYl000007: timeout waiting for input from [192.0.2.7] "
            "during server cmd read");
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 2);
    /* another session's */
    feed_at(scene, 3640 + JOIN_SILENCE_SEC + 60, 8,
            "6AI5qhYl000000: timeout waiting for input from [192.0.2.8] "
            "during server cmd read");
    assert_int_equal(guesses_of(scene, "192.0.2.8"), 0);
}

/* Nor does it wait longer than before. */
static void a_client_that_its_process_names_is_not_waited_for(void **state)
{
    struct scene *scene = *state;

    feed_at(scene, 0, 7,
            "STARTTLS=server, relay=[192.0.2.7], version=TLSv1.3, verify=NO, "
            "cipher=X, bits=256/256");
    feed_at(scene, 1, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    for (int i = 0; i < 5000; i++)
        feed_at(scene, 3700, 100 + i,
                "6AI5qhYl%06d: <x@example.com>... User unknown", i);
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 1);
}

/* Whatever their places in the table are. */
static void guesses_that_nobody_claims_come_in_the_order_of_time(void **state)
{
    struct scene *scene = *state;
    const struct source *source;
    char want[32];

    feed_of(scene, 7,
            "STARTTLS=server, relay=dsl.example.net [192.0.2.7], "
            "version=TLSv1.3, verify=NO, cipher=X, bits=256/256");
    for (int i = 0; i < 50; i++)
        feed_of(scene, 7, "6AI4qhYl%06d: <u%d@example.com>... User unknown", i,
                i);
    assert_waiting(scene, 0);
    source = source_of(scene, "192.0.2.7");
    assert_non_null(source);
    assert_int_not_equal(source->more, 0);
    assert_text(&scene->sources.samples, source->guess_sample,
                "u0@example.com");
    assert_int_equal(source_texts(&scene->sources, source)->sample_count,
                     SOURCE_SAMPLES_MAX);
    for (int i = 0; i < SOURCE_SAMPLES_MAX; i++) {
        snprintf(want, sizeof(want), "u%d@example.com", i + 1);
        assert_text(&scene->sources.samples,
                    source_texts(&scene->sources, source)->samples[i], want);
    }
}

static void a_line_of_the_process_hours_away_is_another_session(void **state)
{
    struct scene *scene = *state;

    feed_at(scene, 0, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    feed_at(scene, 3 * 3600, 7,
            "6AI7qhYl000007: [192.0.2.7] did not issue MAIL/EXPN/VRFY/ETRN "
            "during connection to MTA");
    assert_waiting(scene, 1);
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 0);
}

static void a_refusal_that_nobody_claims_is_no_guess(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7, "6AI4qhYl000007: Milter: data, reject=550 5.7.1 Blocked");
    feed_of(scene, 7, "6AI4qhYl000008: <ann@example.com>... User unknown");
    assert_waiting(scene, 1);
}

static void the_same_id_on_another_host_is_another_message(void **state)
{
    struct scene *scene = *state;

    feed(scene, "Nov 18 04:52:43 mx1 sm-mta[7]: 6AI4qhYl000007: "
                "<ann@example.com>... User unknown");
    feed(scene, "Nov 18 04:52:43 mx2 sm-mta[7]: 6AI4qhYl000007: " FROM
                "nrcpts=0, proto=ESMTP, daemon=MTA, relay=[192.0.2.7]");
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 0);
    assert_waiting(scene, 1);
}

static void an_id_that_comes_again_after_days_is_another(void **state)
{
    struct scene *scene = *state;

    feed_at(scene, 0, 7, "6AI4qhYl000007: " FROM "nrcpts=0, relay=[192.0.2.7]");
    feed_at(scene, 9 * DAY, 7,
            "6AI4qhYl000007: <ann@example.com>... User unknown");
    feed_at(scene, 9 * DAY, 7,
            "6AI4qhYl000007: " FROM "nrcpts=0, relay=[192.0.2.8]");
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 0);
    assert_int_equal(guesses_of(scene, "192.0.2.8"), 1);
}

static void an_id_of_old_comes_again_when_its_message_is_settled(void **state)
{
    struct scene *scene = *state;

    feed_at(scene, 0, 7,
            "MAA00007: " FROM "nrcpts=1, proto=ESMTP, relay=[192.0.2.7]");
    feed_at(scene, 1, 7,
            "MAA00007: to=<ann@example.com>, delay=00:00:01, mailer=local, "
            "stat=Sent");
    feed_at(scene, DAY - 60, 7, "MAA00007: <bob@example.com>... User unknown");
    feed_at(scene, DAY - 59, 7,
            "MAA00007: " FROM "nrcpts=0, proto=SMTP, relay=[192.0.2.8]");
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 0);
    assert_int_equal(guesses_of(scene, "192.0.2.8"), 1);
}

static void a_bounce_whose_id_comes_again_hides_no_guess(void **state)
{
    struct scene *scene = *state;

    feed_at(scene, 0, 7,
            "MAA00007: " FROM "nrcpts=1, proto=ESMTP, relay=[192.0.2.7]");
    feed_at(scene, 1, 7, "MAA00007: NAA00007: DSN: User unknown");
    feed_at(scene, 2, 7,
            "NAA00007: to=<ann@example.com>, delay=00:00:01, mailer=esmtp, "
            "relay=mx.example.com. [192.0.2.9], stat=Sent (ok)");
    feed_at(scene, DAY - 60, 7,
            "NAA00007: " FROM "nrcpts=1, proto=SMTP, relay=[192.0.2.8]");
    feed_at(scene, DAY - 59, 7,
            "NAA00007: to=<bob@example.com>, delay=00:00:01, mailer=esmtp, "
            "relay=mx.example.com. [192.0.2.9], stat=User unknown");
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 0);
    assert_int_equal(guesses_of(scene, "192.0.2.8"), 1);
}

static void an_id_without_a_message_ends_with_its_session(void **state)
{
    struct scene *scene = *state;

    feed_at(scene, 0, 7,
            "6AI4qhYl000007: [192.0.2.7] did not issue "
            "MAIL/EXPN/VRFY/ETRN during connection to MTA");
    feed_at(scene, JOIN_SESSION_SEC + 60, 8,
            "6AI4qhYl000007: <ann@example.com>... User unknown");
    assert_waiting(scene, 1);
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 0);
}

static void a_local_submission_counts_nobody(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    feed_of(scene, 7,
            "6AI4qhYl000007: " FROM "nrcpts=1, "
            "msgid=<x [192.0.2.6]>, relay=root@localhost");
    feed_of(scene, 8,
            "6AI4qhYl000007: to=<bob@example.com>, delay=00:00:00, "
            "mailer=esmtp, pri=31, relay=m.example.com. "
            "[192.0.2.80], dsn=5.1.1, stat=User unknown");
    assert_null(source_of(scene, "192.0.2.6"));
    assert_int_equal(guesses_of(scene, "192.0.2.80"), 0);
    assert_int_equal(scene->sources.count, 2); /* the next hop alone */
    assert_waiting(scene, 1);
}

/* ---- users ---- */

/* How many of the rules' counts were reached when these had failed to log in.
 */
static size_t alarms_of(struct scene *scene, int client,
                        const char *const *users, size_t count)
{
    size_t before = scene->sources.evidence_count;

    for (size_t i = 0; i < count; i++)
        feed_of(scene, (int)(10 + i),
                "6AI4qi12%06zu: AUTH failure (PLAIN): authentication failure "
                "(-13) SASL(-13): authentication failure: checkpass failed, "
                "user=%s, relay=[192.0.2.%d]",
                i, users[i], client);
    return scene->sources.evidence_count - before;
}
#define ALARMS_OF(scene, client, users)                                        \
    alarms_of(scene, client, users, sizeof(users) / sizeof((users)[0]))

static void a_user_with_and_without_domain_is_one(void **state)
{
    static const char *const bare_first[] = {"ann", "Ann", "ann@example.org",
                                             "bob@example.org", "bob"};
    static const char *const three[] = {"ann", "ann@example.org", "bob",
                                        "ann@example.net"};
    static const char *const domains[] = {
        "info@example.org", "info@example.net", "info@example.com"};
    static const char *const all[] = {"info@example.org", "info@example.net",
                                      "info", "INFO@example.ORG"};

    assert_int_equal(ALARMS_OF(*state, 1, bare_first), 0);
    assert_int_equal(ALARMS_OF(*state, 2, three), 1);
    assert_int_equal(ALARMS_OF(*state, 3, domains), 1);
    assert_int_equal(ALARMS_OF(*state, 4, all), 0);
}

/* ---- found out later ---- */

#define TO(recipients)                                                         \
    "to=" recipients ", delay=00:00:00, xdelay=00:00:00, mailer=esmtp, "       \
    "pri=31689, relay=mail.example.com. [192.0.2.80], "
#define UNKNOWN                                                                \
    "dsn=5.1.1, reply=550 5.1.1 <x>... User unknown, stat=User unknown"
#define SENT "dsn=2.0.0, stat=Sent (ok)"

static void a_late_guess_belongs_to_the_client_of_the_original(void **state)
{
    struct scene *scene = *state;
    const struct source *source;

    feed_at(scene, 0, 7,
            "6AI4qh4w000007: from=<a@src.example>, size=99, "
            "class=0, nrcpts=3, relay=x.example.net [192.0.2.7]");
    feed_at(scene, 1, 8, "6AI4qh4w000007: " TO("<ok@example.com>") SENT);
    scene->file = 1; /* rotated */
    feed_at(scene, 3 * DAY, 9,
            "6AI4qh4w000007: " TO("<Ann@example.com>") UNKNOWN);
    feed_at(scene, 3 * DAY, 9,
            "6AI4qh4w000007: " TO("<bob@example.org>") UNKNOWN);
    source = source_of(scene, "192.0.2.7");
    assert_int_equal(source->guesses, 2);
    assert_int_equal(source_mail(&scene->sources, source)->late_unknown, 2);
    assert_int_equal(source_mail(&scene->sources, source)->accepted, 3);
    assert_int_equal(source->attempts, 3);
    assert_int_equal(source_mail(&scene->sources, source)->delivered, 1);
    assert_int_equal(source_mail(&scene->sources, source)->bytes, 99);
    assert_int_equal(mail_of(scene, "192.0.2.80")->taken, 1);
}

static void a_message_older_than_the_queue_keeps_them_is_forgotten(void **state)
{
    struct scene *scene = *state;

    feed_at(scene, 0, 7,
            "6AI4qh4w000007: from=<a@src.example>, size=99, "
            "class=0, nrcpts=1, relay=[192.0.2.7]");
    feed_at(scene, JOIN_MESSAGE_SEC + 60, 9,
            "6AI4qh4w000007: " TO("<ann@example.com>") UNKNOWN);
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 0);
}

static void each_recipient_of_one_line_is_a_guess(void **state)
{
    struct scene *scene = *state;
    const struct source *source;

    feed_of(scene, 7,
            "6AI4qh4w000007: from=<a@src.example>, size=99, "
            "class=0, nrcpts=3, relay=[192.0.2.7]");
    feed_of(scene, 8,
            "6AI4qh4w000007: " TO("<Ann@example.com>,<\"b,c\"@example.com>,<"
                                  "dan@example.org>") UNKNOWN);
    source = source_of(scene, "192.0.2.7");
    assert_int_equal(source->guesses, 3);
    assert_int_equal(source_mail(&scene->sources, source)->late_unknown, 3);
    assert_int_not_equal(source->more, 0);
    assert_int_equal(source_more(&scene->sources, source)->domain_count, 2);
    assert_text(&scene->sources.samples,
                source_texts(&scene->sources, source)->samples[0],
                "\"b,c\"@example.com");
}

static void children_of_a_split_have_its_client(void **state)
{
    struct scene *scene = *state;
    const struct source *source;

    feed_of(scene, 7,
            "6AI4qh4w000007: from=<a@src.example>, size=99, "
            "class=0, nrcpts=3, relay=[192.0.2.7]");
    feed_of(scene, 8,
            "6AI4qh4w000007: split: count=2, ids=6AI4qh4x000008; "
            "6AI4qh4y000008");
    feed_of(scene, 8, "6AI4qh4x000008: " TO("<ann@example.com>") UNKNOWN);
    feed_of(scene, 8, "6AI4qh4y000008: " TO("<bob@example.com>") UNKNOWN);
    feed_of(scene, 8, "6AI4qh4y000008: " TO("<cyd@example.com>") UNKNOWN);
    source = source_of(scene, "192.0.2.7");
    assert_int_equal(source->guesses, 3);
    assert_int_equal(source_mail(&scene->sources, source)->bounces, 0);
}

/* The next hop's line has the id, too. */
static void what_refuses_the_next_hop_is_of_no_client(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7,
            "6AI4qh4w000007: from=<a@src.example>, size=99, class=0, "
            "nrcpts=1, relay=[192.0.2.7]");
    feed_of(scene, 8,
            "6AI4qh4w000007: ruleset=tls_server, arg1=NONE, "
            "relay=mail.example.com. [192.0.2.80], reject=403 4.7.0 TLS "
            "required");
    feed_of(scene, 8,
            "ruleset=tls_rcpt, arg1=<x@example.com>, relay=[192.0.2.80], "
            "reject=450 4.7.1 not DANE");
    feed_of(scene, 9, "6AI4qh4w000007: " TO("<ann@example.com>") UNKNOWN);
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 1);
    assert_int_equal(scene->join.tops.refused_connections.total, 0);
    assert_int_equal(scene->join.tops.rejections.total, 0);
}

/* ---- dead members of a list of ours ---- */

#define FROM_HUGO(count)                                                       \
    "6AI4qh4w000007: from=<hugo@src.example>, size=99, class=0, "              \
    "nrcpts=" count ", relay=mout.example.net [192.0.2.7]"

static void assert_late(struct scene *scene, unsigned guesses, unsigned bounces)
{
    const struct source *source = source_of(scene, "192.0.2.7");

    assert_non_null(source);
    assert_int_equal(source->guesses, guesses);
    assert_int_equal(source_mail(&scene->sources, source)->late_unknown,
                     guesses);
    assert_int_equal(source_mail(&scene->sources, source)->bounces, bounces);
}

/* The list's owner hears of it. */
static void what_a_list_with_owner_makes_is_no_guess(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7, FROM_HUGO("2"));
    feed_of(scene, 8, "6AI4qh4w000007: 6AI4qh4z000008: clone: owner=root");
    feed_of(scene, 8, "6AI4qh4w000007: " TO("<ann@example.com>") UNKNOWN);
    feed_of(scene, 8, "6AI4qh4z000008: " TO("<bob@example.com>") UNKNOWN);
    feed_of(scene, 8, "6AI4qh4z000008: " TO("cyd@example.com") UNKNOWN);
    feed_of(scene, 8,
            "6AI4qh4z000008: split: count=2, ids=6AI4qh4x000008; "
            "6AI4qh4y000008");
    feed_of(scene, 8, "6AI4qh4y000008: " TO("<dan@example.com>") UNKNOWN);
    feed_of(scene, 8, "6AI4qh4z000008: 6AI4qh4z000009: DSN: User unknown");
    assert_late(scene, 1, 0);
}

static void members_are_more_than_came_in(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7, FROM_HUGO("2"));
    feed_of(scene, 8, "6AI4qh4w000007: " TO("<ok@example.com>") SENT);
    feed_of(scene, 8,
            "6AI4qh4w000007: " TO("<ann@example.com>,<bob@example.com>")
                UNKNOWN);
    feed_of(scene, 8, "6AI4qh4w000007: " TO("<cyd@example.com>") UNKNOWN);
    assert_late(scene, 1, 0);
    /* each part has one recipient, at least */
    feed_of(scene, 9,
            "6AI4qh4v000009: from=<hugo@src.example>, size=99, class=0, "
            "nrcpts=1, relay=mout.example.net [192.0.2.7]");
    feed_of(scene, 9,
            "6AI4qh4v000009: split: count=2, ids=6AI4qh4x000009; "
            "6AI4qh4y000009");
    feed_of(scene, 9, "6AI4qh4x000009: " TO("<dan@example.com>") UNKNOWN);
    feed_of(scene, 9, "6AI4qh4y000009: " TO("<eve@example.com>") UNKNOWN);
    assert_late(scene, 1, 0);
}

/* recipient.c: a user of this host stands for the members of an alias. */
static void a_failure_that_a_user_here_stands_for_is_no_guess(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7, FROM_HUGO("9"));
    feed_of(scene, 7,
            "6AI4qh4w000007: to=<gone>, ctladdr=<all@example.com> (8/0), "
            "delay=00:00:00, mailer=local, pri=120018, " UNKNOWN);
    assert_late(scene, 0, 0);
    /* of who writes in the name of a user here all have it */
    feed_of(scene, 7,
            "6AI4qh4w000007: to=<gone@example.com>, "
            "ctladdr=<Hugo@src.example> (0/0), delay=00:00:00, "
            "xdelay=00:00:00, mailer=esmtp, pri=60018, "
            "relay=[192.0.2.80] [192.0.2.80], " UNKNOWN);
    assert_late(scene, 1, 0);
}

/* RCPT keeps them, aliases mostly have none. */
static void a_recipient_without_brackets_is_an_alias(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7, FROM_HUGO("2"));
    feed_of(scene, 8, "6AI4qh4w000007: " TO("old@example.org") UNKNOWN);
    assert_late(scene, 0, 0);
    feed_of(scene, 8, "6AI4qh4w000007: " TO("<old@example.org>") UNKNOWN);
    assert_late(scene, 1, 0);
    /* of who writes none at all that cannot be told */
    feed_of(scene, 9,
            "6AI4qh4v000009: from=hugo@src.example, size=99, class=0, "
            "nrcpts=1, relay=mout.example.net [192.0.2.7]");
    feed_of(scene, 9, "6AI4qh4v000009: " TO("new@example.org") UNKNOWN);
    assert_late(scene, 2, 0);
}

static void a_bounce_is_its_clients_and_no_guess(void **state)
{
    struct scene *scene = *state;
    const struct source *source;

    feed_of(scene, 7,
            "6AI4qh4w000007: from=<a@src.example>, size=99, "
            "class=0, nrcpts=1, relay=[192.0.2.7]");
    feed_of(scene, 8, "6AI4qh4w000007: " TO("<ann@example.com>") UNKNOWN);
    feed_of(scene, 8, "6AI4qh4w000007: 6AI4qh4w000008: DSN: User unknown");
    feed_of(scene, 8, "6AI4qh4w000008: " TO("<a@src.example>") UNKNOWN);
    feed_of(scene, 8,
            "6AI4qh4w000008: 6AI4qh4x000008: return to sender: "
            "User unknown");
    feed_of(scene, 8, "6AI4qh4x000008: " TO("<postmaster@x.example>") UNKNOWN);
    source = source_of(scene, "192.0.2.7");
    assert_int_equal(source->guesses, 1);
    assert_int_equal(source_mail(&scene->sources, source)->bounces, 1);
    assert_int_equal(source_mail(&scene->sources, source)->late_unknown, 1);
    assert_int_equal(source_mail(&scene->sources, source)->delivered, 0);
}

static void a_delay_notice_is_no_bounce(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7,
            "6AI4qh4w000007: from=<a@src.example>, size=99, "
            "class=0, nrcpts=1, relay=[192.0.2.7]");
    feed_of(scene, 8,
            "6AI4qh4w000007: 6AI4qh4w000008: sender notify: "
            "Warning: could not send message for past 4 hours");
    assert_int_equal(mail_of(scene, "192.0.2.7")->bounces, 0);
}

/* ---- repeated lines ---- */

#define REPEATED "Nov 18 04:52:44 mx last message repeated 4 times"

/* A guess of 192.0.2.7, which a line before it names. */
static void feed_guess_of_known_client(struct scene *scene)
{
    feed_of(scene, 7,
            "6AI4qhYl000007: [192.0.2.7]: Possible SMTP RCPT flood, "
            "throttling.");
    feed_of(scene, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
}

static void a_repeated_guess_counts_as_often(void **state)
{
    struct scene *scene = *state;
    const struct source *source;

    feed_guess_of_known_client(scene);
    feed(scene, REPEATED);
    source = source_of(scene, "192.0.2.7");
    assert_int_equal(source->guesses, 1);
    assert_int_equal(source->attempts, 5);
}

static void a_repeated_guess_that_waits_counts_as_often(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    feed(scene, REPEATED);
    feed_of(scene, 7, "6AI4qhYl000007: " FROM "nrcpts=0, relay=[192.0.2.7]");
    assert_int_equal(source_of(scene, "192.0.2.7")->attempts, 5);
    feed_of(scene, 8, "6AI4qhYl000008: <ann@example.com>... User unknown");
    feed(scene, REPEATED);
    assert_waiting(scene, 5);
}

static void rsyslog_repeats_the_text_itself(void **state)
{
    struct scene *scene = *state;

    feed(scene, "Nov 18 04:52:44 mx sm-mta[7]: message repeated 3 times: [ "
                "6AI4qhYl000007: <ann@example.com>... User unknown]");
    feed_of(scene, 7, "6AI4qhYl000007: " FROM "nrcpts=0, relay=[192.0.2.7]");
    assert_int_equal(source_of(scene, "192.0.2.7")->attempts, 3);
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 1);
    /* among the lines, and in the tables, it is one */
    assert_int_equal(scene->maker.tally.repeated_count, 2);
    assert_int_equal(scene->join.tops.guessed.total, 1);
}

static void repeats_add_up_to_no_small_number(void **state)
{
    struct scene *scene = *state;

    for (int i = 0; i < 2; i++)
        feed(scene, "Nov 18 04:52:44 mx sm-mta[7]: message repeated 2147483648 "
                    "times: [ 6AI4qi12000007: AUTH failure (LOGIN): user not "
                    "found (-20), user=test, relay=[192.0.2.7]]");
    assert_true(source_of(scene, "192.0.2.7")->attempts >= 2147483647u);
    assert_int_equal(scene->join.tops.users.total, 2);
}

static void a_repeated_login_fails_as_often(void **state)
{
    struct scene *scene = *state;
    const struct source *source;

    feed_of(scene, 7,
            "6AI4qi12000007: AUTH failure (LOGIN): user not found "
            "(-20), user=test, relay=[192.0.2.7]");
    feed(scene, REPEATED);
    source = source_of(scene, "192.0.2.7");
    assert_int_equal(source_mail(&scene->sources, source)->login_failures, 5);
    assert_int_equal(source->attempts, 5);
}

/* Before 8.13 another line of the connection has the address. */
static void a_failed_login_waits_for_its_client(void **state)
{
    struct scene *scene = *state;
    const struct source *source;

    feed_of(scene, 7,
            "h44AqhYl000007: AUTH failure (LOGIN): authentication failure "
            "(-13) SASL(-13): authentication failure: checkpass failed");
    feed(scene, REPEATED);
    feed_of(scene, 7,
            "h44AqhYl000007: [192.0.2.7] did not issue MAIL/EXPN/VRFY/ETRN "
            "during connection to MTA");
    source = source_of(scene, "192.0.2.7");
    assert_int_equal(source_mail(&scene->sources, source)->login_failures, 5);
    assert_int_equal(source->attempts, 5);
    feed_of(scene, 8, "h44AqhYl000008: AUTH failure (LOGIN): user not found");
    join_finish(&scene->join);
    assert_int_equal(scene->join.no_client, 0);
}

static void what_repeats_another_line_counts_nothing(void **state)
{
    struct scene *scene = *state;
    const struct source *source;

    feed_guess_of_known_client(scene);
    source = source_of(scene, "192.0.2.7");
    /* Another program's line, a line without a client, another host's
     * repetition, a line of the next file. */
    feed(scene, "Nov 18 04:52:44 mx dovecot: imap-login: Disconnected");
    feed(scene, REPEATED);
    assert_int_equal(source->attempts, 1);
    feed_of(scene, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    feed_of(scene, 9, "starting daemon (8.17.1.9): SMTP");
    feed(scene, REPEATED);
    assert_int_equal(source->attempts, 2);
    feed_of(scene, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    feed(scene, "Nov 18 04:52:44 mx2 last message repeated 4 times");
    assert_int_equal(source->attempts, 3);
    feed_of(scene, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    scene->file++;
    feed(scene, REPEATED);
    assert_int_equal(source->attempts, 4);
}

/* ---- bounds ---- */

static void guesses_that_wait_are_bounded(void **state)
{
    struct scene *scene = *state;

    for (unsigned i = 0; i < JOIN_PENDING_MAX + 10; i++)
        feed_of(scene, 7, "6AI4qhYl000007: <u%u@example.com>... User unknown",
                i);
    assert_int_equal(scene->join.no_client, 10);
    feed_of(scene, 7, "6AI4qhYl000007: " FROM "nrcpts=0, relay=[192.0.2.7]");
    assert_int_equal(guesses_of(scene, "192.0.2.7"), GUESSES_MAX);
    assert_true(source_of(scene, "192.0.2.7")->has_more_guesses);
    /* There is room again. */
    feed_of(scene, 8, "6AI4qhYl000008: <ann@example.com>... User unknown");
    feed_of(scene, 8, "6AI4qhYl000008: " FROM "nrcpts=0, relay=[192.0.2.8]");
    assert_int_equal(guesses_of(scene, "192.0.2.8"), 1);
    assert_waiting(scene, 10);
}

/* A log of refusals alone, in bursts: no line ever names a client. */
static void many_sessions_without_a_client_are_given_up(void **state)
{
    struct scene *scene = *state;
    unsigned count = 60000;

    for (unsigned i = 0; i < count; i++)
        feed_at(scene, i < count / 2 ? 0 : JOIN_SILENCE_SEC + 60, 100 + (int)i,
                "6AI4qhYl%06u: <u%u@example.com>... User unknown", i, i);
    assert_true(scene->join.no_client >= count / 2);
    assert_waiting(scene, count);
    assert_int_equal(scene->sources.count, 1);
}

/* In a table from which most went, and which never was half full. */
static void what_stays_is_found_when_others_go(void **state)
{
    struct scene *scene = *state;
    const struct source *source;
    unsigned count = 30000, kept = 0;

    for (unsigned i = 0; i < count; i++) {
        bool is_kept = i % 10 == 0;

        feed_at(scene, i, 7, "6AI4qhYl%06u: " FROM "nrcpts=%d, relay=[%s]", i,
                is_kept, is_kept ? "192.0.2.7" : "192.0.2.8");
        kept += is_kept;
    }
    for (unsigned i = 0; i < count; i += 10)
        feed_at(scene, count + i, 9,
                "6AI4qhYl%06u: to=<u%u@example.com>, delay=00:00:01, "
                "mailer=esmtp, relay=mail.example.com. [203.0.113.9], "
                "dsn=5.1.1, stat=User unknown",
                i, i);
    source = source_of(scene, "192.0.2.7");
    assert_non_null(source);
    assert_int_equal(source_mail(&scene->sources, source)->late_unknown, kept);
    assert_int_equal(mail_of(scene, "192.0.2.8")->late_unknown, 0);
    assert_waiting(scene, 0);
}

/* Their guesses go, and they themselves need room still. */
static void what_was_given_up_may_live_on_as_a_message(void **state)
{
    struct scene *scene = *state;
    unsigned count = 20000;

    for (unsigned i = 0; i < count; i++) {
        feed_at(scene, 0, 7, "6AI4qhYl%06u: 6AI4qhYm%06u: DSN: User unknown", i,
                i);
        feed_at(scene, 0, 100 + (int)i,
                "6AI4qhYm%06u: <u%u@example.com>... User unknown", i, i);
    }
    for (unsigned i = 0; i < count; i++)
        feed_at(scene, JOIN_SILENCE_SEC + 60, 100 + (int)i,
                "6AI4qhYn%06u: <u%u@example.com>... User unknown", i, i);
    assert_true(scene->join.no_client >= count);
    assert_waiting(scene, 2 * count);
}

static void a_clock_that_was_wrong_ends_no_join(void **state)
{
    struct scene *scene = *state;

    feed(scene, "2031-01-01T00:00:00Z mx sm-mta[1]: 6AI4qhYl000001: "
                "[192.0.2.9] did not issue MAIL/EXPN/VRFY/ETRN during "
                "connection to MTA");
    feed_at(scene, 0, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    feed_at(scene, 1, 7, "6AI4qhYl000007: " FROM "nrcpts=1, relay=[192.0.2.7]");
    feed_at(scene, 2, 8, "6AI4qhYl000007: " TO("<bob@example.com>") UNKNOWN);
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 2);
}

/* ---- the time asked for ---- */

static void what_lies_outside_is_not_counted_and_still_names(void **state)
{
    struct scene *scene = *state;
    const struct source *source;

    scene->maker.since = 1794960000 + 100;
    scene->maker.until = 1794960000 + 200;
    feed_at(scene, 0, 7,
            "6AI4qh4w000007: from=<a@src.example>, size=99, "
            "class=0, nrcpts=3, relay=[192.0.2.7]");
    feed_at(scene, 50, 8, "6AI4qh4w000007: " TO("<ann@example.com>") UNKNOWN);
    feed_at(scene, 60, 8, "6AI4qhYl000008: <eve@example.com>... User unknown");
    feed_at(scene, 150, 8, "6AI4qh4w000007: " TO("<bob@example.com>") UNKNOWN);
    feed_at(scene, 200, 8, "6AI4qh4w000007: " TO("<cyd@example.com>") UNKNOWN);
    source = source_of(scene, "192.0.2.7");
    assert_non_null(source);
    assert_int_equal(source->guesses, 1);
    assert_int_equal(source_mail(&scene->sources, source)->late_unknown, 1);
    assert_int_equal(source_mail(&scene->sources, source)->messages, 0);
    assert_text(&scene->sources.samples, source->guess_sample,
                "bob@example.com");
    assert_waiting(scene, 0);
}

/* ---- what strangers write ---- */

static void forged_text_moves_no_address_and_no_status(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7,
            "6AI4qh4w000007: from=<x, relay=[198.51.100.6]>, "
            "size=99, class=0, nrcpts=2, msgid=<1, proto=ESMTP, "
            "relay=evil.example [198.51.100.6]>, proto=ESMTP, "
            "daemon=MTA, relay=[192.0.2.7]");
    /* The remote host wrote the first status. */
    feed_of(
        scene, 8,
        "6AI4qh4w000007: " TO("<ann@example.com>") "dsn=5.1.1, reply=550 5.1.1 "
                                                   "x, stat=Sent, stat=User "
                                                   "unknown");
    feed_of(
        scene, 8,
        "6AI4qh4w000007: " TO("<ann@example.com>") "dsn=2.0.0, stat=Sent (ok: "
                                                   "<x@example.com>... User "
                                                   "unknown)");
    feed_of(scene, 9,
            "6AI4qhf5000009: ruleset=check_rcpt, arg1=<a, "
            "relay=[198.51.100.6], reject=550 5.1.1 "
            "<b@example.com>... User unknown>, relay=[192.0.2.9], "
            "reject=550 5.7.1 <a>... Access denied");
    assert_null(source_of(scene, "198.51.100.6"));
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 0);
    assert_int_equal(guesses_of(scene, "192.0.2.9"), 0);
    assert_int_equal(mail_of(scene, "192.0.2.7")->delivered, 1);
    assert_int_equal(scene->maker.tally.hostile_lines, 1);
}

static void a_name_that_may_be_forged_is_none(void **state)
{
    struct scene *scene = *state;
    const struct source *source;

    feed_of(scene, 7,
            "6AI4qhYl000007: lost input channel from "
            "mail.example.com [192.0.2.7] (may be forged) to MTA "
            "after rcpt");
    source = source_of(scene, "192.0.2.7");
    assert_non_null(source);
    assert_int_equal(source->name, INTERN_NONE);
    assert_true(source->has_forged_name);
}

static void
what_was_refused_with_its_data_is_no_guess_and_no_failure(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7,
            "6AI4qhYl000007: from=<a@src.example>, size=9, class=0, "
            "nrcpts=1, proto=ESMTP, daemon=MTA, relay=[192.0.2.7]");
    feed_of(scene, 7,
            "6AI4qhYl000007: to=<ann@example.com>, delay=00:00:00, pri=30046, "
            "stat=User unknown");
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 0);
    assert_int_equal(scene->join.tops.failures.count, 0);
    assert_int_equal(scene->maker.tally.events[0], 0);
    assert_int_equal(scene->maker.tally.unsent, 1);
}

static void reasons_differ_by_no_number_and_no_address(void **state)
{
    static const struct {
        const char *reason, *alike; /* alike: a row for both */
        bool is_alike;
    } cases[] = {
        {"come back in 9 s", "come back in 12 s", true},
        {"2001:db8::a:2 is listed", "2001:db8:9:8:7:6:5:4 is listed", true},
        {"client (2001:db8::1:2) late", "client (2001:db8::a:2) late", true},
        {"client 2001:db8::a:2, late", "client fe80::1, late", true},
        {"listed: 2001:db8::a.", "listed: 2001:db8::b.", true},
        {"listed 2001:db8::a: late", "listed 2001:db8::b: late", true},
        {"no cafe: here", "no face: here", false},
        {"abba::x", "acdc::x", false},
        {"by ann@a.example here", "by bob@b.example here", true},
    };
    struct scene *scene = *state;
    uint32_t count = 0;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int second = 0; second < 2; second++)
            feed_of(scene, 7,
                    "6AI4qhYl000007: ruleset=check_rcpt, arg1=<x@example.net>, "
                    "relay=[192.0.2.7], reject=550 5.7.1 %s",
                    second ? cases[i].alike : cases[i].reason);
        count += cases[i].is_alike ? 1 : 2;
        if (scene->join.tops.rejections.count != count)
            fail_msg("%s: %u rows", cases[i].reason,
                     scene->join.tops.rejections.count);
    }
}

static void a_refused_client_is_no_refused_mail(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7,
            "6AI4qhYl000007: ruleset=check_relay, arg1=h.example.net, "
            "arg2=192.0.2.7, relay=h.example.net [192.0.2.7], reject=550 5.7.1 "
            "Access denied");
    assert_int_equal(scene->join.tops.refused_connections.total, 1);
    assert_int_equal(scene->join.tops.rejections.total, 0);
}

static void what_is_discarded_or_held_is_not_refused(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7,
            "ruleset=check_rcpt, arg1=<x@example.net>, relay=[192.0.2.7], "
            "discard");
    feed_of(scene, 7,
            "ruleset=check_rcpt, arg1=<x@example.net>, relay=[192.0.2.7], "
            "quarantine=looks bad");
    assert_int_equal(scene->maker.tally.discarded, 1);
    assert_int_equal(scene->maker.tally.quarantined, 1);
    assert_int_equal(scene->join.tops.rejections.total, 0);
    assert_int_equal(scene->join.tops.refused_connections.total, 0);
    feed_of(scene, 7,
            "ruleset=check_rcpt, arg1=<x@example.net>, relay=[192.0.2.7], "
            "reject=550 5.7.1 <x@example.net>... Access denied");
    assert_int_equal(scene->join.tops.refused_connections.total, 1);
}

static void each_recipient_of_a_line_had_a_delivery(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7,
            "6AI4qhYl000007: " TO("<ann@example.com>,<bob@example.com>,"
                                  "<Cy@example.com>") SENT);
    feed_of(scene, 7, "6AI4qhYl000008: " TO("<cy@example.com>") SENT);
    assert_int_equal(scene->join.tops.recipients.count, 3);
    assert_int_equal(scene->join.tops.recipients.total, 4);
    assert_int_equal(scene->join.tops.recipients.rows[0].count, 1);
    assert_int_equal(scene->join.tops.recipients.rows[2].count, 2);
}

static void what_a_users_forward_says_is_no_guess_of_the_client(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7,
            "6AI4qhYl000007: from=<a@src.example>, size=9, class=0, "
            "nrcpts=1, proto=ESMTP, daemon=MTA, relay=[192.0.2.7]");
    feed_of(scene, 7,
            "6AI4qhYl000007: to=this is (bad, ctladdr=<rob@example.com> "
            "(1017/1000), delay=00:00:00, mailer=local, pri=120056, "
            "dsn=5.1.1, reply=550 5.1.1 User unknown, stat=User unknown");
    assert_int_equal(guesses_of(scene, "192.0.2.7"), 0);
    assert_int_equal(scene->join.tops.failures.count, 1);
    assert_int_equal(scene->maker.tally.hostile_lines, 0);
}

static void who_takes_us_for_a_proxy_tries_something(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7,
            "6AI4qhYl000007: [192.0.2.7]: probable open proxy: command=GET / "
            "HTTP/1.0");
    feed_of(scene, 7, "6AI4qhYl000007: [192.0.2.7]: VRFY root");
    assert_int_equal(source_of(scene, "192.0.2.7")->attempts, 2);
}

static void assert_evidence(struct scene *scene, uint32_t file, uint64_t line,
                            const char *want)
{
    const struct evidence *evidence = &scene->sources.evidence[0];

    assert_int_equal(scene->sources.evidence_count, 1);
    assert_int_equal(evidence->file, file);
    assert_int_equal(evidence->line, line);
    assert_slice_is(slice_make(evidence->text, evidence->len), want, want);
}

#define STAMP "Nov 18 04:52:43 mx sm-mta[7]: 6AI4qhYl000007: "

/* Of which the end of the other line says whose it is. */
static void evidence_of_a_guess_is_its_own_line(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    feed_of(scene, 7, "6AI4qhYl000007: <bob@example.com>... User unknown");
    scene->file = 1;
    feed_of(scene, 7,
            "6AI4qhYl000007: " FROM "nrcpts=0, proto=ESMTP, daemon=MTA, "
            "relay=a.long.name.of.a.host.on.a.dialup.line.example.net "
            "[192.0.2.7]");
    assert_evidence(scene, 0, 1,
                    STAMP "<ann@example.com>... User unknown\n"
                          "0, proto=ESMTP, daemon=MTA, "
                          "relay=a.long.name.of.a.host.on.a.dialup.line."
                          "example.net [192.0.2.7]");
}

static void evidence_has_all_of_a_short_line_that_names_the_client(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    feed_of(scene, 7, "6AI4qhYl000007: <bob@example.com>... User unknown");
    feed_of(scene, 7, "6AI4qhYl000007: lost input channel from [192.0.2.7]");
    assert_evidence(scene, 0, 1,
                    STAMP "<ann@example.com>... User unknown\n" STAMP
                          "lost input channel from [192.0.2.7]");
}

static void evidence_of_a_guess_of_a_known_client_is_that_line(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7, "6AI4qhYl000007: lost input channel from [192.0.2.7]");
    feed_of(scene, 7, "6AI4qhYl000007: <ann@example.com>... User unknown");
    feed_of(scene, 7, "6AI4qhYl000007: <bob@example.com>... User unknown");
    assert_evidence(scene, 0, 3, STAMP "<bob@example.com>... User unknown");
}

/* More sessions than are kept at a time: then the other line must do, and
 * places are used again. */
static void evidence_is_bounded(void **state)
{
    enum { SESSIONS = 5000 };
    struct scene *scene = *state;

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < SESSIONS; i++)
            for (int guess = 0; guess < 2; guess++)
                feed_of(scene, i,
                        "6AI4qhYl%06d: <u%d@example.com>... "
                        "User unknown",
                        i + round * SESSIONS, guess);
        for (int i = 0; i < SESSIONS; i++)
            feed_of(scene, i,
                    "6AI4qhYl%06d: lost input channel from "
                    "[198.18.%d.%d]",
                    i + round * SESSIONS, i / 250 + 100 * round, i % 250);
    }
    assert_int_equal(scene->sources.evidence_count, 2 * SESSIONS);
    for (int round = 0; round < 2; round++) {
        const struct evidence *first =
            &scene->sources.evidence[round * SESSIONS];
        const struct evidence *last = first + SESSIONS - 1;

        assert_int_equal(first->line, 1 + (uint64_t)(round * 3 * SESSIONS));
        assert_non_null(memchr(first->text, '\n', first->len));
        assert_null(memchr(last->text, '\n', last->len));
    }
}

#define EARLY "from [192.0.2.7] [192.0.2.7] due to pre-greeting traffic"
#define AHEAD "from a.example.net [192.0.2.7] due to traffic before response"

static void assert_early(struct scene *scene, size_t attacker_count)
{
    assert_true(sources_judge(&scene->sources, 1));
    assert_int_equal(scene->sources.attacker_count, attacker_count);
}

static void who_speaks_too_early_does_so_once_a_connection(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7, "6AI4qhYl000007: rejecting commands " EARLY);
    feed_of(scene, 7, "6AI4qhYl000007: rejecting server EHLO " AHEAD);
    feed_of(scene, 7, "6AI4qhYm000007: rejecting server HELO " AHEAD);
    assert_early(scene, 0);
    assert_int_equal(source_of(scene, "192.0.2.7")->attempts, 1);
}

/* Without greet_pause there is no first line. */
static void
who_speaks_ahead_of_an_answer_counts_without_a_greeting(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7, "6AI4qhYl000007: rejecting server EHLO " AHEAD);
    feed_of(scene, 8, "6AI4qhYl000008: rejecting server EHLO " AHEAD);
    assert_early(scene, 1);
}

static void a_process_that_serves_another_client_counts_again(void **state)
{
    struct scene *scene = *state;

    feed_of(scene, 7,
            "6AI4qhYl000007: rejecting server EHLO from [192.0.2.8] due to "
            "traffic before response");
    feed_of(scene, 7, "6AI4qhYm000007: rejecting commands " EARLY);
    feed_of(scene, 8, "6AI4qhYl000008: rejecting commands " EARLY);
    assert_early(scene, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        IN_SCENE(of_a_user_who_fails_the_first_letter_is_known),
        IN_SCENE(what_a_filter_refused_was_not_accepted),
        IN_SCENE(what_goes_on_stays_accepted),
        IN_SCENE(whose_name_a_sender_is_in),
        IN_SCENE(one_domain_of_senders_is_told_from_several),
        IN_SCENE(a_guess_before_its_from_line_is_its_clients),
        IN_SCENE(a_long_guess_keeps_its_domain),
        IN_SCENE(a_recipient_is_one_however_it_is_spelled),
        IN_SCENE(a_guess_behind_a_line_of_its_client_counts_the_same),
        IN_SCENE(a_lost_channel_names_the_client_as_well),
        IN_SCENE(another_line_of_the_process_is_enough),
        IN_SCENE(a_client_that_falls_silent_is_told_of_an_hour_later),
        IN_SCENE(a_client_that_its_process_names_is_not_waited_for),
        IN_SCENE(guesses_that_nobody_claims_come_in_the_order_of_time),
        IN_SCENE(a_line_of_the_process_hours_away_is_another_session),
        IN_SCENE(a_refusal_that_nobody_claims_is_no_guess),
        IN_SCENE(the_same_id_on_another_host_is_another_message),
        IN_SCENE(an_id_that_comes_again_after_days_is_another),
        IN_SCENE(an_id_of_old_comes_again_when_its_message_is_settled),
        IN_SCENE(a_bounce_whose_id_comes_again_hides_no_guess),
        IN_SCENE(an_id_without_a_message_ends_with_its_session),
        IN_SCENE(a_local_submission_counts_nobody),
        IN_SCENE(a_late_guess_belongs_to_the_client_of_the_original),
        IN_SCENE(a_message_older_than_the_queue_keeps_them_is_forgotten),
        IN_SCENE(reasons_differ_by_no_number_and_no_address),
        IN_SCENE(a_refused_client_is_no_refused_mail),
        IN_SCENE(what_is_discarded_or_held_is_not_refused),
        IN_SCENE(each_recipient_of_one_line_is_a_guess),
        IN_SCENE(children_of_a_split_have_its_client),
        IN_SCENE(what_refuses_the_next_hop_is_of_no_client),
        IN_SCENE(what_a_list_with_owner_makes_is_no_guess),
        IN_SCENE(members_are_more_than_came_in),
        IN_SCENE(a_failure_that_a_user_here_stands_for_is_no_guess),
        IN_SCENE(a_recipient_without_brackets_is_an_alias),
        IN_SCENE(a_bounce_is_its_clients_and_no_guess),
        IN_SCENE(a_delay_notice_is_no_bounce),
        IN_SCENE(a_repeated_guess_counts_as_often),
        IN_SCENE(a_repeated_guess_that_waits_counts_as_often),
        IN_SCENE(rsyslog_repeats_the_text_itself),
        IN_SCENE(repeats_add_up_to_no_small_number),
        IN_SCENE(a_repeated_login_fails_as_often),
        IN_SCENE(a_failed_login_waits_for_its_client),
        IN_SCENE(a_user_with_and_without_domain_is_one),
        IN_SCENE(what_repeats_another_line_counts_nothing),
        IN_SCENE(guesses_that_wait_are_bounded),
        IN_SCENE(many_sessions_without_a_client_are_given_up),
        IN_SCENE(what_stays_is_found_when_others_go),
        IN_SCENE(what_was_given_up_may_live_on_as_a_message),
        IN_SCENE(a_clock_that_was_wrong_ends_no_join),
        IN_SCENE(what_lies_outside_is_not_counted_and_still_names),
        IN_SCENE(forged_text_moves_no_address_and_no_status),
        IN_SCENE(a_name_that_may_be_forged_is_none),
        IN_SCENE(what_was_refused_with_its_data_is_no_guess_and_no_failure),
        IN_SCENE(each_recipient_of_a_line_had_a_delivery),
        IN_SCENE(what_a_users_forward_says_is_no_guess_of_the_client),
        IN_SCENE(evidence_of_a_guess_is_its_own_line),
        IN_SCENE(evidence_has_all_of_a_short_line_that_names_the_client),
        IN_SCENE(evidence_of_a_guess_of_a_known_client_is_that_line),
        IN_SCENE(evidence_is_bounded),
        IN_SCENE(who_takes_us_for_a_proxy_tries_something),
        IN_SCENE(who_speaks_too_early_does_so_once_a_connection),
        IN_SCENE(who_speaks_ahead_of_an_answer_counts_without_a_greeting),
        IN_SCENE(a_process_that_serves_another_client_counts_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
