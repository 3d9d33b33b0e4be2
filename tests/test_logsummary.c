/* What --logs and --attackers print, from numbers put in by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "qscan/attackers.h"
#include "qscan/logsummary.h"
#include "tests/logscene.h"

/* Long, with control bytes, an escape sequence, bytes that are no UTF-8, quotes
 * and a backslash. */
static const char hostile[] =
    "\033[2J\033[31mevil\r\n\"quote\" \\back\377\376\xe2\x80\xae right to left "
    "and a very long text without an end that goes on and on and on and on and "
    "=1+1 onandonandonandonandonandonandonandonandonandonandonandonandonandon";

static void add_text(struct topk *table, const char *format, unsigned count)
{
    char text[2 * sizeof(hostile)];

    for (unsigned i = 0; i < count; i++) {
        int len = snprintf(text, sizeof(text), "%u %s", i, format);

        topk_add(table, slice_make(text, (size_t)len), 100 - i, 2000000);
    }
}

/* Everything at once, all of it written by an enemy. */
static void add_hostile(struct scene *scene)
{
    struct sources *sources = &scene->logs.sources;
    struct logtally *tally = &scene->logs.tally;
    struct log_tops *tops = &scene->logs.join.tops;
    struct topk *tables[] = {
        &tops->senders,    &tops->recipients, &tops->guessed,
        &tops->rejections, &tops->deferrals,  &tops->failures,
        &tops->dead_hosts, &tops->mechanisms, &tops->users,
        &tops->ciphers,    &tops->unknown,    &tops->refused_connections};
    struct logline line = {.kind = LOGLINE_SYSTEM,
                           .text = SLICE_LITERAL(hostile)};

    for (unsigned i = 0; i < 12; i++)
        scene_add_file(scene, hostile, true);
    for (unsigned i = 0; i < 40; i++) {
        char address[ADDRESS_IP_TEXT_MAX];

        snprintf(address, sizeof(address),
                 "2001:db8:1111:2222:3333:4444:5555:%x", 0x6660 + i);
        scene->members[i] = scene_add_source(scene, address, hostile);
    }
    for (unsigned i = 0; i < 15; i++)
        scene_add_attacker(scene, scene->members[i], hostile)->guesses =
            UINT64_MAX;
    sources->attackers[1].source = 0;
    sources->attackers[1].domain = sources->items[1].guess_domain;
    sources->attackers[1].members = scene->members;
    sources->attackers[1].member_count = 40;
    sources->attackers[1].is_exact = false;
    for (unsigned i = 0; i < 15; i++)
        sources->spared[i] = (struct spared){
            scene->members[i], 0, i % 2 == 0 ? hostile : NULL, hostile};
    sources->spared_count = 15;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        add_text(tables[i], hostile, 30);
    for (unsigned t = 0; t < 200; t++) {
        logtally_add(tally, &line, START + t * 7 * HOUR, 1, 1);
        line.kind = (enum logline_kind)(t % LOGLINE_KIND_COUNT);
    }
    tally->troubles[TROUBLE_CONFIG] =
        (struct log_trouble_sample){.count = 2350, .last = START};
    delays_add(&tally->delays, INT64_MAX);
    tally->text_bytes = tally->repeated_count = UINT64_MAX;
    tally->accepted_messages = tally->accepted_bytes = UINT64_MAX;
    tally->logins = tally->tls_server = tally->tls_failed = UINT64_MAX / 2;
    tally->overlong_lines = tally->outside_lines = UINT64_MAX;
    scene->logs.join.no_client = UINT64_MAX;
    scene->complaints.count = 3;
    scene->options.since_text = hostile;
    string_list_add(&scene->options.queues, SLICE_LITERAL(hostile));
}

/* ---- looking at it ---- */

static bool print(struct scene *scene, enum format format, bool is_attackers)
{
    struct output *output = printed_begin(&scene->printed, &scene->complaints);
    bool is_good;

    scene->options.format = format;
    is_good = is_attackers
                  ? attackers_print(&scene->options, &scene->logs, output)
                  : logsummary_print(&scene->options, &scene->logs, output);
    printed_end(&scene->printed);
    return is_good && !output->has_failed;
}

static void test_hostile_text_stays_within_80_columns(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    add_hostile(&scene);
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_mailable(scene.printed.text);
    scene.options.top = 0;
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_mailable(scene.printed.text);
    scene.options.top = 1;
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_mailable(scene.printed.text);
    string_list_free(&scene.options.queues);
    scene_free(&scene);
}

static void test_attackers_with_hostile_text_stay_printable(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    add_hostile(&scene);
    assert_true(print(&scene, FORMAT_TEXT, true));
    assert_mailable(scene.printed.text);
    assert_true(print(&scene, FORMAT_CSV, true));
    assert_null(strchr(scene.printed.text, '\033'));
    assert_int_equal(count_text(scene.printed.text, "\n"), 16);
    string_list_free(&scene.options.queues);
    scene_free(&scene);
}

static void test_lists_are_capped_and_say_so(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    add_hostile(&scene);
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_int_equal(
        count_text(scene.printed.text, "and 5 more hostile sources"), 1);
    assert_int_equal(count_text(scene.printed.text, "and 8 more files"), 1);
    assert_int_equal(count_text(scene.printed.text, "earlier days"), 1);
    assert_int_equal(
        count_text(scene.printed.text, "2350 lines: configuration: "), 1);
    /* 8 tables of 30 rows, 4 of them inside a line, and all clients */
    assert_int_equal(count_text(scene.printed.text, "and 26 more"), 12);
    assert_int_equal(count_text(scene.printed.text, "and 36 more"), 1);
    assert_true(count_text(scene.printed.text, "\n") < 220);
    string_list_free(&scene.options.queues);
    scene_free(&scene);
}

static void test_quiet_logs_have_no_empty_sections(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    scene_add_file(&scene, "maillog", false);
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_non_null(strstr(scene.printed.text, "without a line of sendmail's"));
    assert_non_null(strstr(scene.printed.text, "are these the right logs"));
    assert_null(strstr(scene.printed.text, "Nothing needs a person."));
    assert_null(strstr(scene.printed.text, "HOSTILE"));
    assert_null(strstr(scene.printed.text, "AUTH"));
    assert_null(strstr(scene.printed.text, "HOUR"));
    assert_null(strstr(scene.printed.text, "say no year"));
    assert_true(count_text(scene.printed.text, "\n") < 14);
    assert_true(print(&scene, FORMAT_TEXT, true));
    assert_string_equal(scene.printed.text,
                        "No source is hostile by the rules.\n");
    scene_free(&scene);
}

static void test_bounds_and_assumptions_are_marked(void **state)
{
    struct scene scene;
    struct attacker *attacker;
    struct topk *senders;

    (void)state;
    scene_init(&scene);
    scene_add_file(&scene, "maillog", true);
    attacker = scene_add_attacker(
        &scene, scene_add_source(&scene, "192.0.2.1", "a.example.com"),
        "ann@example.com");
    attacker->guesses = GUESSES_MAX;
    attacker->is_exact = false;
    senders = &scene.logs.join.tops.senders;
    add_text(senders, "a", 30);
    senders->error_max = 17;
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_non_null(strstr(scene.printed.text, ">=10000"));
    assert_non_null(strstr(scene.printed.text, "say no year: 2026"));
    assert_non_null(strstr(scene.printed.text, "and over 26 more"));
    assert_non_null(strstr(scene.printed.text, "may lack up to 17"));
    assert_non_null(
        strstr(scene.printed.text, "grep -F '[192.0.2.1]' maillog"));
    assert_non_null(
        strstr(scene.printed.text, "maillog line 12345:\n      ann@exa"));
    scene_free(&scene);
}

static void test_tries_are_shown_and_come_first(void **state)
{
    struct scene scene;
    struct attacker *attacker;
    const char *first, *second;

    (void)state;
    scene_init(&scene);
    scene_add_attacker(&scene,
                       scene_add_source(&scene, "192.0.2.1", "a.example.com"),
                       "ann@example.com");
    attacker = scene_add_attacker(
        &scene, scene_add_source(&scene, "192.0.2.2", "b.example.com"),
        "bob@example.com");
    attacker->guesses = attacker->accepted = 0;
    attacker->attempts = 123456;
    assert_true(print(&scene, FORMAT_TEXT, false));
    first = strstr(scene.printed.text, "\n  192.0.2.2 ");
    second = strstr(scene.printed.text, "\n  192.0.2.1 ");
    assert_non_null(first);
    assert_true(first < second);
    assert_has(scene.printed.text,
               "  192.0.2.2       dictionary-attack   123k       0     "
               "0  2026-05-28  2026-05-28\n");
    /* of the year that the logs end in */
    scene.logs.tally.last = START + HOUR;
    assert_true(print(&scene, FORMAT_TEXT, true));
    assert_has(scene.printed.text,
               "192.0.2.1       dictionary-attack     25      20     3 "
               "05-28 20:00 05-28 21:00\n");
    scene_free(&scene);
}

/* Four that are hostile alone, and a crowd of the first count of them; others
 * may be in it, too. */
static struct attacker *add_crowd(struct scene *scene, size_t count,
                                  size_t others)
{
    struct attacker *crowd;
    uint32_t domain;

    for (unsigned i = 0; i < count + others; i++) {
        char address[ADDRESS_IP_TEXT_MAX];

        snprintf(address, sizeof(address), "192.0.2.%u", 10 + i);
        scene->members[i] = scene_add_source(scene, address, "a.example.com");
        if (i < count)
            scene_add_attacker(scene, scene->members[i], "ann@example.com");
    }
    crowd = scene_add_attacker(scene, scene->members[0], "ann@example.com");
    domain = scene->logs.sources.items[scene->members[0]].guess_domain;
    *crowd = (struct attacker){.alarm = crowd->alarm,
                               .source_rule = 1,
                               .domain = domain,
                               .members = scene->members,
                               .member_count = count + others,
                               .guesses = 80,
                               .attempts = 100,
                               .first = START,
                               .last = START};
    return crowd;
}

static void log_in(struct scene *scene, const char *address, unsigned logins,
                   unsigned failures)
{
    struct sources *sources = &scene->logs.sources;
    uint32_t source = scene_add_source(scene, address, NULL);

    sources_note_login(sources, source, true, START, logins);
    sources_note_login(sources, source, false, START, failures);
}

static void test_who_logged_in_after_many_failures_is_told(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    log_in(&scene, "192.0.2.50", 10, 99); /* too few */
    log_in(&scene, "192.0.2.51", 26, 103);
    log_in(&scene, "192.0.2.52", 0, 500); /* never */
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_null(strstr(scene.printed.text, "failed to log in 100 times"));
    log_in(&scene, "192.0.2.54", 2, 300); /* of two the first by address */
    log_in(&scene, "192.0.2.53", 1, 300);
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_has(scene.printed.text,
               "  2 addresses got in, and failed to log in 100 times or more:");
    assert_has(scene.printed.text, "    192.0.2.53: 1 login, 300 failures\n");
    assert_true(print(&scene, FORMAT_JSON, false));
    assert_has(scene.printed.text,
               "\"late_logins\":[{\"source\":\"192.0.2.54\",\"logins\":2,"
               "\"failures\":300},{\"source\":\"192.0.2.53\",");
    scene_free(&scene);
}

static void test_members_of_a_crowd_stand_there_once(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    add_crowd(&scene, 4, 1);
    /* who did most of it is no mere member */
    scene.logs.sources.attackers[2].guesses = 41;
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_has(scene.printed.text,
               "\n  ann@example.com botnet               100 ");
    assert_has(scene.printed.text,
               "\n  192.0.2.12      dictionary-attack     25      41 ");
    assert_null(strstr(scene.printed.text, "\n  192.0.2.10 "));
    assert_null(strstr(scene.printed.text, "\n  192.0.2.11 "));
    assert_null(strstr(scene.printed.text, "\n  192.0.2.13 "));
    assert_has(scene.printed.text,
               "5 addresses, 4 hostile alone: 192.0.2.10, 192.0.2.11, ");
    assert_has(scene.printed.text, "Not repeated: 3 addresses\n");
    assert_has(scene.printed.text, "  4 client addresses are hostile");
    assert_has(scene.printed.text, "  1 crowd is hostile, of 1 more address:");
    scene.options.top = 0;
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_has(scene.printed.text, "\n  192.0.2.10      dictionary-attack ");
    assert_null(strstr(scene.printed.text, "Not repeated"));
    scene_free(&scene);
}

static void test_addresses_of_two_crowds_count_once(void **state)
{
    for (size_t alone = 0; alone <= 3; alone += 3) {
        struct scene scene;
        struct attacker first;

        (void)state;
        scene_init(&scene);
        first = *add_crowd(&scene, alone, 3 - alone);
        *scene_add_attacker(&scene, scene.members[0], "ann@example.com") =
            first;
        assert_true(print(&scene, FORMAT_TEXT, false));
        assert_has(scene.printed.text,
                   alone == 0 ? "  2 crowds are hostile, of 3 more addresses: "
                              : "  2 crowds are hostile: networks, or ");
        scene_free(&scene);
    }
}

static void test_a_crowd_of_a_domain_is_left_out_for_its_members(void **state)
{
    struct scene scene;
    struct attacker *crowd;

    (void)state;
    scene_init(&scene);
    crowd = add_crowd(&scene, 4, 0);
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_null(strstr(scene.printed.text, "\n  ann@example.com botnet "));
    assert_has(scene.printed.text, "\n  192.0.2.10      dictionary-attack ");
    assert_has(scene.printed.text, "Not repeated: 1 crowd of\n");
    /* a network says where they are, in one row */
    crowd->domain = 0;
    assert_true(cidr_parse(SLICE_LITERAL("192.0.2.0/24"), &crowd->network));
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_has(scene.printed.text, "\n  192.0.2.0/24    botnet ");
    assert_null(strstr(scene.printed.text, "\n  192.0.2.10 "));
    assert_has(scene.printed.text, "Not repeated: 4 addresses\n");
    scene_free(&scene);
}

static void test_nothing_to_type_with_a_pipe(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    scene_add_file(&scene, "maillog", false);
    scene_add_file(&scene, "/dev/fd/63", false);
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_has(scene.printed.text, "WHAT TO TYPE NEXT");
    scene.files[1].is_pipe = true;
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_has_not(scene.printed.text, "WHAT TO TYPE NEXT");
    scene_free(&scene);
}

/* A crowd of so many, 2001:db8:1111:... and on, that guesses at five domains.
 */
static void add_far_crowd(struct scene *scene, unsigned count, bool is_alone)
{
    struct sources *sources = &scene->logs.sources;
    struct attacker *crowd = add_crowd(scene, 0, 1);

    for (unsigned i = 0; i < count; i++) {
        char address[ADDRESS_IP_TEXT_MAX], domain[64];
        struct source *source;

        snprintf(address, sizeof(address),
                 "2001:db8:1111:2222:3333:4444:5555:%x", 0x6660 + i);
        snprintf(domain, sizeof(domain), "a-domain-with-many-%u.names.example",
                 i % 5);
        scene->members[i] = scene_add_source(scene, address, "a.example.com");
        if (i == 0 && is_alone)
            scene_add_attacker(scene, scene->members[i], "ann@example.com");
        source = &sources->items[scene->members[i]];
        source->guess_domain =
            intern_add(&sources->domains, slice_from_string(domain));
        source->guess_sample =
            intern_add(&sources->samples, slice_from_string(address));
        source->guesses = 1;
    }
    crowd->member_count = count;
    crowd->is_exact = true;
}

static void test_a_list_in_a_line_says_what_is_cut(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    add_far_crowd(&scene, 7, true);
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_mailable(scene.printed.text);
    assert_has(scene.printed.text,
               "    7 addresses, 1 hostile alone:\n"
               "      2001:db8:1111:2222:3333:4444:5555:6660, and 6 more\n");
    assert_has(scene.printed.text,
               "    tried 2001:db8:1111:2222:3333:444..., and 79 more\n");
    assert_has(scene.printed.text,
               "    in ...n-with-many-0.names.example 2, and 4 more\n");
    scene_free(&scene);
    scene_init(&scene);
    add_far_crowd(&scene, 7, false);
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_has(scene.printed.text,
               "    7 addresses: 2001:db8:1111:2222:3333:4444:5555:6660, "
               "and 6 more\n");
    scene_free(&scene);
}

static void test_all_rows_of_a_table_that_dropped_some(void **state)
{
    struct scene scene;
    struct log_tops *tops = &scene.logs.join.tops;

    (void)state;
    scene_init(&scene);
    scene_add_file(&scene, "maillog", false);
    add_text(&tops->senders, "a", 3);
    add_text(&tops->guessed, "b", 3);
    tops->senders.error_max = tops->guessed.error_max = 17;
    tops->senders.total += 5;
    scene.options.top = 0;
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_has(scene.printed.text, "        5  and others, which are rare\n");
    assert_has(scene.printed.text, ", and others, which are rare (counts ");
    assert_has_not(scene.printed.text, " 0 more");
    scene_free(&scene);
}

/* The evidence of the only attacker, as it is printed: two lines of 72. */
static void assert_evidence(const char *text, const char *first,
                            const char *second)
{
    struct scene scene;
    char want[400];

    scene_init(&scene);
    scene_add_attacker(
        &scene, scene_add_source(&scene, "192.0.2.1", "a.example.com"), text);
    scene.logs.sources.evidence[0].len = (uint32_t)strlen(text);
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_mailable(scene.printed.text);
    snprintf(want, sizeof(want), " line 12345:\n      %s\n      %s\n", first,
             second);
    assert_has(scene.printed.text, want);
    scene_free(&scene);
}

#define LOGGED "Mar  2 03:18:48 mail sm-mta[437]: 6ARIgErv000437: "
#define LONG_NAME                                                              \
    "a-very-long-name-of-a-host.that-goes-on.and-on.and-on.and-on.and-on."     \
    "example.net"

static void test_evidence_shows_the_client_wherever_it_stands(void **state)
{
    (void)state;
    assert_evidence(LOGGED "from=<z280@isp.example>, size=0, class=0, "
                           "nrcpts=0, proto=ESMTP, daemon=MTA-v4, "
                           "relay=ip33.pool.cableco.example [198.18.50.33]",
                    LOGGED "from=<z280@isp.example",
                    ">, size... daemon=MTA-v4, relay=ip33.pool.cableco.example "
                    "[198.18.50.33]");
    /* a name that fills the room, and our words from a stranger */
    assert_evidence(LOGGED "from=<a@x.example>, size=0, class=0, nrcpts=0, "
                           "proto=ESMTP, daemon=MTA-v4, relay=" LONG_NAME
                           " [198.18.50.33] (may be forged)",
                    LOGGED "from=<a@x.example>, si",
                    "ze=0, class=0, nrcpts=0, proto=ESMTP, ... [198.18.50.33] "
                    "(may be forged)");
    assert_evidence(
        LOGGED
        "ruleset=check_rcpt, arg1=<\"b, relay=mx.corp7.example "
        "[203.0.113.7], reject=550 x\"@example.net>, relay=srv19.example "
        "[198.51.100.119], reject=550 5.7.1 <x>... Relaying denied",
        LOGGED "ruleset=check_rcpt, ar",
        "g1=<\"b, rela... x\"@example.net>, relay=srv19.example "
        "[198.51.100.119]...");
}

static void test_evidence_of_a_delivery_shows_what_was_answered(void **state)
{
    (void)state;
    assert_evidence(
        LOGGED "to=<george@example.com>, delay=00:00:00, xdelay=00:00:00, "
               "mailer=esmtp, pri=62029, relay=mail.example.com. [192.0.2.80], "
               "dsn=5.1.1, reply=550 5.1.1 <george@example.com>... User "
               "unknown, stat=User unknown",
        LOGGED "to=<george@example.com",
        ">, dela... 5.1.1 <george@example.com>... User unknown, stat=User "
        "unknown");
}

static void test_evidence_of_a_guess_shows_it_and_its_client(void **state)
{
    struct scene scene;
    static const char text[] = LOGGED "<albert@victim.example>... User unknown"
                                      "\nss=0, nrcpts=0, proto=ESMTP, "
                                      "relay=ip33.example.net [198.18.50.33]";

    (void)state;
    assert_evidence(text, LOGGED "<albert@victim.example",
                    ">... User unknown\n      ... nrcpts=0, proto=ESMTP, "
                    "relay=ip33.example.net [198.18.50.33]");
    scene_init(&scene);
    scene_add_attacker(
        &scene, scene_add_source(&scene, "192.0.2.1", "a.example.com"), text);
    assert_true(print(&scene, FORMAT_JSON, true));
    assert_has(scene.printed.text,
               "<albert@victim.example>... User unknown\"}");
    scene_free(&scene);
}

/* What it counts is another thing than what the crowd did. */
static void test_a_member_that_did_another_thing_keeps_its_row(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    add_crowd(&scene, 4, 1);
    scene.logs.sources.attackers[1].source_rule = 2;
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_has(scene.printed.text, "\n  192.0.2.11      vrfy-probe ");
    assert_has(scene.printed.text, "5 addresses, 3 hostile alone: ");
    scene_free(&scene);
}

static void test_table_adds_up_to_its_total(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    add_text(&scene.logs.join.tops.recipients, "a", 30);
    /* 100 + 99 + ... + 71 = 2565, of which 394 are shown */
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_non_null(strstr(scene.printed.text, "       100  0 a\n"));
    assert_non_null(strstr(scene.printed.text, "      2171  and 26 more\n"));
    scene_free(&scene);
}

static void test_lines_add_up(void **state)
{
    static const char *const keys[] = {"repeated", "foreign", "no_stamp",
                                       "outside"};
    struct scene scene;
    struct logline line = {.kind = LOGLINE_NOTICE};
    json_t *root, *lines, *value;
    const char *name;
    json_int_t sum = 0;

    (void)state;
    scene_init(&scene);
    for (unsigned i = 0; i < 10; i++)
        logtally_add(&scene.logs.tally, &line, START, 0, 0);
    scene.logs.tally.lines += 1 + 2 + 3 + 4;
    scene.logs.tally.repeat_lines = 1;
    scene.logs.tally.foreign_lines = 2;
    scene.logs.tally.no_stamp_lines = 3;
    scene.logs.tally.outside_lines = 4;
    assert_true(print(&scene, FORMAT_JSON, false));
    root = json_loadb(scene.printed.text, scene.printed.len, 0, NULL);
    assert_non_null(root);
    lines = json_object_get(root, "lines");
    json_object_foreach(json_object_get(lines, "sendmail"), name, value) sum +=
        json_integer_value(value);
    for (size_t i = 0; i < 4; i++)
        sum += json_integer_value(json_object_get(lines, keys[i]));
    assert_int_equal(sum, 20);
    assert_int_equal(json_integer_value(json_object_get(lines, "all")), 20);
    json_decref(root);
    scene_free(&scene);
}

static void test_hostile_summary_is_json(void **state)
{
    struct scene scene;
    json_t *root, *attackers, *crowd;

    (void)state;
    scene_init(&scene);
    add_hostile(&scene);
    assert_true(print(&scene, FORMAT_JSON, false));
    assert_null(strchr(scene.printed.text, '\033'));
    root = json_loadb(scene.printed.text, scene.printed.len, 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_array_size(json_object_get(root, "files")), 12);
    assert_true(json_is_array(json_object_get(root, "lossy")));
    attackers = json_object_get(root, "attackers");
    assert_int_equal(json_array_size(attackers), 15);
    crowd = json_array_get(attackers, 1);
    assert_int_equal(json_array_size(json_object_get(crowd, "members")), 40);
    assert_false(json_boolean_value(json_object_get(crowd, "guesses_exact")));
    assert_int_equal(json_array_size(json_object_get(
                         json_object_get(root, "tops"), "senders")),
                     10);
    json_decref(root);
    string_list_free(&scene.options.queues);
    scene_free(&scene);
}

static void test_attackers_are_json_lines(void **state)
{
    static const char *const keys[] = {
        "source",   "kind",     "rule",     "guesses", "guesses_exact",
        "accepted", "attempts", "first",    "last",    "names",
        "domains",  "samples",  "listable", "evidence"};
    struct scene scene;
    json_t *root;

    (void)state;
    scene_init(&scene);
    scene_add_file(&scene, "maillog", false);
    scene_add_attacker(&scene,
                       scene_add_source(&scene, "2001:db8::1", "a.example.com"),
                       "ann@example.com");
    assert_true(print(&scene, FORMAT_JSON, true));
    assert_int_equal(count_text(scene.printed.text, "\n"), 1);
    root = json_loadb(scene.printed.text, scene.printed.len, 0, NULL);
    assert_non_null(root);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        assert_non_null(json_object_get(root, keys[i]));
    assert_null(json_object_get(root, "members"));
    assert_string_equal(json_string_value(json_object_get(root, "source")),
                        "2001:db8::1");
    assert_string_equal(json_string_value(json_object_get(root, "kind")),
                        "dictionary-attack");
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(root, "evidence"), "text")),
                        "ann@example.com");
    json_decref(root);
    scene_free(&scene);
}

static void test_hours_show_the_latest_days(void **state)
{
    struct scene scene;
    struct logline line = {.kind = LOGLINE_NOTICE};

    (void)state;
    scene_init(&scene);
    for (unsigned day = 0; day < 30; day++)
        for (unsigned i = 0; i < 35; i++)
            logtally_add(&scene.logs.tally, &line, START + day * 24 * HOUR, 1,
                         1);
    assert_true(print(&scene, FORMAT_TEXT, false));
    assert_non_null(strstr(scene.printed.text, "and 20 earlier days"));
    assert_null(strstr(scene.printed.text, "\n  2026-06-16 "));
    assert_non_null(strstr(scene.printed.text,
                           "\n  2026-06-17  |                        |  "
                           "|                    =   |\n"));
    assert_non_null(strstr(scene.printed.text, "\n  2026-06-26 "));
    scene_free(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_text_stays_within_80_columns),
        cmocka_unit_test(test_attackers_with_hostile_text_stay_printable),
        cmocka_unit_test(test_lists_are_capped_and_say_so),
        cmocka_unit_test(test_quiet_logs_have_no_empty_sections),
        cmocka_unit_test(test_bounds_and_assumptions_are_marked),
        cmocka_unit_test(test_tries_are_shown_and_come_first),
        cmocka_unit_test(test_who_logged_in_after_many_failures_is_told),
        cmocka_unit_test(test_members_of_a_crowd_stand_there_once),
        cmocka_unit_test(test_addresses_of_two_crowds_count_once),
        cmocka_unit_test(test_a_crowd_of_a_domain_is_left_out_for_its_members),
        cmocka_unit_test(test_a_member_that_did_another_thing_keeps_its_row),
        cmocka_unit_test(test_evidence_shows_the_client_wherever_it_stands),
        cmocka_unit_test(test_evidence_of_a_delivery_shows_what_was_answered),
        cmocka_unit_test(test_evidence_of_a_guess_shows_it_and_its_client),
        cmocka_unit_test(test_nothing_to_type_with_a_pipe),
        cmocka_unit_test(test_a_list_in_a_line_says_what_is_cut),
        cmocka_unit_test(test_all_rows_of_a_table_that_dropped_some),
        cmocka_unit_test(test_table_adds_up_to_its_total),
        cmocka_unit_test(test_lines_add_up),
        cmocka_unit_test(test_hostile_summary_is_json),
        cmocka_unit_test(test_attackers_are_json_lines),
        cmocka_unit_test(test_hours_show_the_latest_days),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
