/*
 * Events: which lines of a maillog are which, what each field of a line is,
 * and how rules on source judge what is known of a source.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rules/logs.h"
#include "tests/guard.h"
#include "tests/random.h"

static void note(void *context, const struct rules_problem *problem)
{
    (void)context;
    if (!problem->is_warning)
        fail_msg("%u:%u: %s; %s", problem->line, problem->column, problem->what,
                 problem->why);
}

static struct rules *compile(const char *text)
{
    struct rules_file file = {"t", slice_from_string(text)};
    struct rules *rules = rules_compile(&file, 1, NULL, 0, NULL, note, NULL);

    assert_non_null(rules);
    return rules;
}

#define HEAD "Nov 18 04:52:43 Mail.Example.ORG sm-mta[4868]: 6AI4qha3004868: "
#define TO                                                                     \
    HEAD "to=<Ann@Example.NET>,<bob@example.com>, ctladdr=<x@example.org> "    \
         "(8/12), delay=00:00:09, xdelay=00:00:01, mailer=esmtp, pri=31689, "  \
         "relay=mx.example.net. [192.0.2.80], dsn=5.1.1, reply=550 5.1.1 "     \
         "<Ann@Example.NET>... User unknown, stat=User unknown"
#define REPLY HEAD "<Ann@Example.NET>... User unknown"
#define RULESET                                                                \
    HEAD "ruleset=check_rcpt, arg1=<a@example.net>, "                          \
         "relay=mail.example.com [192.0.2.1], reject=550 5.7.1 "               \
         "<a@example.net>... Relaying denied"
#define AUTH                                                                   \
    HEAD "AUTH failure (LOGIN): authentication failure (-13), user=ann, "      \
         "relay=[IPv6:2001:db8:0:0:0:0:0:9]"
#define FROM                                                                   \
    HEAD "from=<Ann@Example.NET>, size=1, class=0, nrcpts=1, proto=ESMTP, "    \
         "daemon=MTA, relay=mail.example.com [192.0.2.1]"
#define VRFY HEAD "[192.0.2.1]: VRFY root"
#define HOSTILE                                                                \
    HEAD "to=<a@example.net>, delay=00:00:09, mailer=esmtp, pri=31689, "       \
         "relay=mx.example.net. [192.0.2.80], dsn=2.0.0, stat=Sent, "          \
         "stat=User unknown"

/* An event of that shape and condition, and whether the line is it. */
static const struct {
    const char *shapes, *lines, *line;
    bool is_event;
} cases[] = {
    /* the shape decides before any condition */
    {"reply", "", REPLY, true},
    {"to, reply", "", REPLY, true},
    {"to", "", REPLY, false},
    {"to", "", TO, true},
    {"other", "", TO, false},
    {"to", "", HOSTILE, false},
    {"from", "", FROM, true},
    /* each field */
    {"reply", "when text is \"<Ann@Example.NET>... User unknown\"", REPLY,
     true},
    {"reply", "when reason is \"User unknown\"", REPLY, true},
    {"reply", "when recipient is Ann@Example.NET", REPLY, true},
    {"reply", "when recipient.domain ~ /^example\\.net$/", REPLY, true},
    {"reply", "when host is mail.example.org", REPLY, true},
    {"reply", "when tag is sm-mta", REPLY, true},
    {"reply", "when status exists", REPLY, false},
    {"reply", "when source exists", REPLY, false},
    {"to", "when status is \"User unknown\"", TO, true},
    {"to", "when dsn is 5.1.1", TO, true},
    {"to", "when reply ~ /^550 5\\.1\\.1 </", TO, true},
    {"to", "when relay ~ /^mx\\.example\\.net\\. \\[/", TO, true},
    /* where the mail went is nobody who brought it */
    {"to", "when source exists", TO, false},
    /* all recipients in when, one in unless */
    {"to", "when recipient.domain is example.net", TO, false},
    {"to", "when recipient.domain in {example.net, example.com}", TO, true},
    {"to", "when recipient ~ /@example/i", TO, true},
    {"to", "unless recipient is bob@example.com", TO, false},
    {"to", "unless recipient.domain in {.example.org}", TO, true},
    {"ruleset", "when ruleset is check_rcpt", RULESET, true},
    {"ruleset", "when source is 192.0.2.1", RULESET, true},
    {"ruleset", "when source in 192.0.2.0/24", RULESET, true},
    {"ruleset", "when reason ~ /^Relaying denied/", RULESET, true},
    {"auth", "when user is ann", AUTH, true},
    {"auth", "when command is LOGIN", AUTH, true},
    {"auth", "when source is 2001:db8::9", AUTH, true},
    {"from", "when sender is Ann@Example.NET", FROM, true},
    {"from", "when sender.domain is example.net", FROM, true},
    {"from", "when sender.domain ~ /^example\\.net$/", FROM, true},
    {"peer", "when command is VRFY", VRFY, true},
    {"peer", "when recipient.domain exists", VRFY, false},
    /* several lines */
    {"reply", "any dsn is 5.1.1 | reason ~ /unknown$/", REPLY, true},
    {"reply", "any dsn is 5.1.1 | reason ~ /^unknown/", REPLY, false},
    {"reply", "unless dsn !~ /^5\\.1/", REPLY, true},
    {"to", "unless dsn !~ /^5\\.2/", TO, false},
    /* literals that are compared, and what only looks like one */
    {"reply", "when reason ~ /^User unknown/", REPLY, true},
    {"reply", "when reason ~ /^ser unknown/", REPLY, false},
    {"reply", "when reason ~ /ser unknown/", REPLY, true},
    {"reply", "when reason ~ /^User unknown,/", REPLY, false},
    {"reply", "when reason ~ /^Users? unknown/", REPLY, true},
    {"reply", "when reason ~ /^User+ unknown/", REPLY, true},
    {"reply", "when reason ~ /^Userx* unknown/", REPLY, true},
    {"reply", "when reason ~ /^Userx{0} unknown/", REPLY, true},
    {"reply", "when reason ~ /^no|unknown/", REPLY, true},
    {"reply", "when reason ~ /^(?:no|User) unknown/", REPLY, true},
    {"reply", "when reason ~ /^User\\sunknown/", REPLY, true},
    {"reply", "when reason ~ /^User\\x20unknown/", REPLY, true},
    {"reply", "when reason ~ /^\\QUser unknown\\E/", REPLY, true},
    {"reply", "when reason ~ /^USER unknown/i", REPLY, true},
    {"reply", "when reason ~ /^User \\ unknown/x", REPLY, true},
    {"reply", "when reason ~ /^User unknown$/", REPLY, true},
    {"reply", "when reason ~ /^User unknow$/", REPLY, false},
    {"reply", "when reason ~ /User [u]nknown/", REPLY, true},
    {"reply", "when text ~ /\\.\\.\\. User/", REPLY, true},
    {"reply", "when reason !~ /^User/", REPLY, false},
    {"to", "when dsn ~ /^5\\.1\\./", TO, true},
    {"to", "when dsn ~ /^5\\.2\\./", TO, false},
};

static void a_line_is_an_event_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[400];
        struct logline line;
        struct rules *rules;
        struct rules_matcher *matcher;

        snprintf(text, sizeof(text), "event e\n line %s\n %s\n",
                 cases[i].shapes, cases[i].lines);
        rules = compile(text);
        matcher = rules_matcher_new(rules);
        assert_non_null(matcher);
        assert_int_equal(
            logline_parse(slice_from_string(cases[i].line), NULL, &line),
            LOGLINE_OK);
        /* twice: an answer is not kept for the next line */
        for (int turn = 0; turn < 2; turn++)
            if ((rules_match_line(matcher, &line) == 1) != cases[i].is_event)
                fail_msg("'%s' on %s", text, cases[i].line);
        rules_matcher_free(matcher);
        rules_free(rules);
    }
}

static void every_event_of_a_line_counts(void **state)
{
    struct rules *rules = compile("event zero\n line to\n when text exists\n"
                                  "event one\n about One\n line reply\n"
                                  " when reason is \"User unknown\"\n"
                                  "event two\n line reply\n when dsn exists\n"
                                  "event three\n line reply, to\n"
                                  " when reason ~ /unknown/\n"
                                  "event four\n line to\n"
                                  " when tag is sendmail\n");
    struct rules_matcher *matcher = rules_matcher_new(rules);
    struct logline line;

    (void)state;
    assert_int_equal(rules_event_count(rules), 5);
    assert_string_equal(rules_event_name(rules, 1), "one");
    assert_string_equal(rules_event_about(rules, 1), "One");
    assert_string_equal(rules_event_about(rules, 2), "");
    assert_int_equal(rules_event_find(rules, "three"), 3);
    assert_int_equal(rules_event_find(rules, "five"), RULES_EVENTS_MAX);
    assert_int_equal(rules_event_shapes(rules),
                     1u << SHAPE_TO | 1u << SHAPE_REPLY);
    assert_int_equal(logline_parse(slice_from_string(REPLY), NULL, &line),
                     LOGLINE_OK);
    assert_int_equal(rules_match_line(matcher, &line), 1u << 1 | 1u << 3);
    assert_int_equal(logline_parse(slice_from_string(TO), NULL, &line),
                     LOGLINE_OK);
    assert_int_equal(rules_match_line(matcher, &line), 1u << 0 | 1u << 3);
    rules_matcher_free(matcher);
    rules_free(rules);
}

/* Too many values for the room there is: nobody knows. */
static void a_line_with_too_many_recipients_is_undecided(void **state)
{
    enum { RECIPIENTS = RULES_EVENT_VALUES_MAX + 1 };
    static char text[RECIPIENTS * 20 + 300];
    struct rules *rules = compile("event a\n line to\n when dsn exists\n"
                                  "event b\n line to\n"
                                  " when recipient exists\n"
                                  "event c\n line to\n"
                                  " unless recipient is x\n");
    struct rules_matcher *matcher = rules_matcher_new(rules);

    (void)state;
    for (int count = RECIPIENTS - 1; count <= RECIPIENTS; count++) {
        size_t len = (size_t)sprintf(text, "%sto=", HEAD);
        struct logline line;

        for (int i = 0; i < count; i++)
            len += (size_t)sprintf(text + len, "%s<a@example.net>",
                                   i > 0 ? "," : "");
        sprintf(text + len, ", delay=00:00:09, mailer=esmtp, pri=3, "
                            "relay=mx.example.net. [192.0.2.80], dsn=2.0.0, "
                            "stat=Sent (ok)");
        assert_int_equal(logline_parse(slice_from_string(text), NULL, &line),
                         LOGLINE_OK);
        assert_int_equal(rules_match_line(matcher, &line),
                         count == RECIPIENTS ? 1 : 7);
    }
    rules_matcher_free(matcher);
    rules_free(rules);
}

static void judge_cut(struct slice text, void *matcher)
{
    struct logline line;

    if (logline_parse(text, NULL, &line) == LOGLINE_OK)
        rules_match_line(matcher, &line);
}

static void a_line_cut_anywhere_is_judged(void **state)
{
    static const char *const lines[] = {TO, REPLY, RULESET, AUTH, FROM, VRFY};
    struct rules *rules = compile(
        "event a\n line from, to, reply, ruleset, peer, auth, other\n"
        " any recipient.domain ~ /x/ | sender.domain ~ /x/ | text ~ /nev+er/\n"
        " any reason ~ /^x+y/ | status ~ /^a+/ | source is 192.0.2.1\n");
    struct rules_matcher *matcher = rules_matcher_new(rules);

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        guard_cut_everywhere(slice_from_string(lines[i]), judge_cut, matcher);
    rules_matcher_free(matcher);
    rules_free(rules);
}

/* ---- lines that repeat ---- */

/* Both shapes see the same fields, and are other events by them. */
#define REPEATING                                                              \
    "event a\n line to, reply\n when status ~ /^User unknown/\n"               \
    "event b\n line to, reply\n any dsn ~ /^5\\.1\\.1$/ | reason ~ "           \
    "/^a$|[13579]$/\n"                                                         \
    "event c\n line to, reply\n any reply ~ /b{3}|^.{300}|[02468]$/"           \
    " | text is reply | text is status | text ~ /^a$/\n"                       \
    "event d\n line to, reply\n any command exists | host is b.example\n"      \
    "event e\n line to\n when command is tag\n"                                \
    "event f\n line reply\n when command isnt tag\n"                           \
    "event g\n line to\n unless ruleset !~ /^ab/\n"                            \
    "event h\n line reply\n when ruleset is \"\"\n"

enum { TEXT_BYTES = 33000 };

static struct slice draw_text(char bytes[static TEXT_BYTES])
{
    static const char *const few[] = {"a",
                                      "a\n",
                                      "a\nb",
                                      "aa",
                                      "5.1.1",
                                      "5.1.1\n",
                                      "5.1.2",
                                      "5.1.1\nx",
                                      "abbb",
                                      "ab",
                                      "b.example",
                                      "",
                                      "A",
                                      "abab",
                                      "User unknow",
                                      "User unknown",
                                      "User unknown!"};
    unsigned kind = draw(24);

    if (kind < 4)
        return slice_make(NULL, 0);
    memset(bytes, 'a' + (char)draw(2), TEXT_BYTES);
    if (kind == 4) /* a text as long as the memory, and longer */
        return slice_make(bytes, 220 + draw(100));
    return slice_from_string(few[draw(sizeof(few) / sizeof(few[0]))]);
}

/* One of few, or one of so many that they drive each other out. */
static void draw_line(struct logline *line, bool has_many)
{
    static char bytes[8][TEXT_BYTES];
    struct slice *texts[] = {&line->status, &line->dsn,     &line->reply,
                             &line->reason, &line->ruleset, &line->command,
                             &line->tag,    &line->text};

    *line = (struct logline){
        .kind = draw(3) > 0 ? LOGLINE_TO : LOGLINE_REPLY,
        .host = slice_from_string(draw(2) > 0 ? "a" : "b.example"),
        .recipient = slice_from_string("x")};
    if (has_many)
        line->reason = slice_make(
            bytes[0],
            (size_t)sprintf(bytes[0], "550 %s%05u",
                            draw(2) > 0 ? "" : "User unknown ", draw(9000)));
    if (has_many && draw(20) == 0) { /* longer than a regex may look at */
        memset(bytes[0], 'a', TEXT_BYTES);
        memcpy(bytes[0], "User unknown", 12);
        line->status = slice_make(bytes[0], 32767 + draw(3));
        line->reason = slice_from_string("");
    }
    for (size_t i = 0; !has_many && i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = draw_text(bytes[i]);
}

static const uint64_t key[2] = {UINT64_C(0x9e3779b97f4a7c15),
                                UINT64_C(0x2545f4914f6cdd1d)};

static void a_remembered_line_is_the_same_events(void **state)
{
    struct rules *rules = compile(REPEATING);
    struct rules_matcher *matcher = rules_matcher_new(rules);
    struct rules_matcher *forgetful = rules_matcher_new(rules);
    unsigned counts[8] = {0};

    (void)state;
    assert_true(rules_remember(matcher, key));
    random_state = 88172645463325252u;
    for (unsigned i = 0; i < 60000; i++) {
        struct logline line;
        uint64_t got;

        draw_line(&line, i / 10000 % 2 == 1);
        got = rules_match_line(matcher, &line);
        assert_int_equal(got, rules_match_line(forgetful, &line));
        for (int event = 0; event < 8; event++)
            counts[event] += got >> event & 1;
    }
    /* the test tests something */
    for (int event = 0; event < 8; event++)
        assert_true(counts[event] > 100);
    rules_matcher_free(forgetful);
    rules_matcher_free(matcher);
    rules_free(rules);
}

/* What is behind the end of a regex is seen of a text, and a newline there. */
static void a_text_is_remembered_as_far_as_it_is_seen(void **state)
{
    static const char *const texts[] = {"abc", "abcd", "abc\n", "abc\nx", "ab"};
    struct rules *rules =
        compile("event a\n line to\n when status ~ /^abc$/\n");
    struct rules_matcher *matcher = rules_matcher_new(rules);

    (void)state;
    assert_true(rules_remember(matcher, key));
    for (unsigned i = 0; i < 50; i++) {
        const char *text = texts[i * 7 % 5];
        struct logline line = {.kind = LOGLINE_TO,
                               .status = slice_from_string(text)};

        assert_int_equal(rules_match_line(matcher, &line),
                         strcmp(text, "abc") == 0 ||
                             strcmp(text, "abc\n") == 0);
    }
    rules_matcher_free(matcher);
    rules_free(rules);
}

static void as_many_conditions_as_there_are_are_asked(void **state)
{
    (void)state;
    for (unsigned count = 30; count < 35; count++) {
        char text[2000] =
            "event e\n line to\n when dsn exists\n any text is t0";
        struct rules *rules;
        struct rules_matcher *matcher;

        for (unsigned i = 1; i < count; i++)
            sprintf(text + strlen(text), " | text is t%u", i);
        strcat(text, "\n");
        rules = compile(text);
        matcher = rules_matcher_new(rules);
        for (unsigned i = 0; i < 3 * count; i++) {
            char word[20];
            struct logline line = {.kind = LOGLINE_TO};

            sprintf(word, "t%u", i % (count + 2));
            line.text = slice_from_string(word);
            line.dsn = slice_from_string(i < 2 * count ? "2.0.0" : NULL);
            assert_int_equal(rules_match_line(matcher, &line),
                             i % (count + 2) < count && i < 2 * count);
        }
        rules_matcher_free(matcher);
        rules_free(rules);
    }
}

/* ---- rules on source ---- */

struct source {
    enum rules_field_id field;
    struct field_value value;
};

static void fetch(void *context, enum rules_field_id field, struct slice header,
                  struct field_view *view_r)
{
    const struct source *source = context;

    assert_true(slice_is_absent(header));
    assert_int_equal(rules_fields[field].scope, SCOPE_SOURCE);
    *view_r = (struct field_view){FIELD_ABSENT, NULL, 0};
    if (source->field == field)
        *view_r = (struct field_view){FIELD_PRESENT, &source->value, 1};
}

static const struct {
    const char *lines;
    struct source source;
    enum rules_answer answer;
} source_cases[] = {
    {"", {FIELD_FROM_ADDRESS, {.number = 0}}, ANSWER_YES},
    {"when guesses >= 3", {FIELD_FROM_GUESSES, {.number = 3}}, ANSWER_YES},
    {"when guesses >= 3", {FIELD_FROM_GUESSES, {.number = 2}}, ANSWER_NO},
    {"unless guesses.share < 50%",
     {FIELD_FROM_GUESSES_SHARE, {.number = 50}},
     ANSWER_YES},
    {"unless guesses.share < 50",
     {FIELD_FROM_GUESSES_SHARE, {.number = 49}},
     ANSWER_NO},
    /* absent: no comparison holds */
    {"unless guesses.share < 50",
     {FIELD_FROM_GUESSES, {.number = 1}},
     ANSWER_YES},
    {"when members >= 3", {FIELD_FROM_GUESSES, {.number = 9}}, ANSWER_NO},
    {"unless source.ours is yes", {FIELD_FROM_OURS, {.number = 1}}, ANSWER_NO},
    {"unless source in friends",
     {FIELD_FROM_ADDRESS, {.text = {"192.0.2.7", 9}}},
     ANSWER_NO},
    {"when source.name ~ /^dsl/",
     {FIELD_FROM_NAME, {.text = {"dsl-7.example.net", 17}}},
     ANSWER_YES},
};

static void a_source_satisfies_the_conditions_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(source_cases) / sizeof(source_cases[0]);
         i++) {
        char text[400];
        struct rules *rules;
        struct rules_matcher *matcher;
        struct source source = source_cases[i].source;

        snprintf(text, sizeof(text),
                 "list friends\n value 192.0.2.0/24\n"
                 "event e\n line to\n when text exists\n"
                 "rule r\n on source\n kind k\n"
                 " count of e by source >= 1 in 1h\n %s\n",
                 source_cases[i].lines);
        rules = compile(text);
        matcher = rules_matcher_new(rules);
        if (rules_judge_source(matcher, 0, fetch, &source) !=
            source_cases[i].answer)
            fail_msg("'%s'", source_cases[i].lines);
        rules_matcher_free(matcher);
        rules_free(rules);
    }
}

static unsigned fetched_count;

static void fetch_counting(void *context, enum rules_field_id field,
                           struct slice header, struct field_view *view_r)
{
    fetched_count++;
    fetch(context, field, header, view_r);
}

/* Until the next source is asked for. */
static void a_second_rule_fetches_nothing_that_is_known(void **state)
{
    struct rules *rules = compile("event e\n line to\n when text exists\n"
                                  "rule r\n on source\n kind k\n"
                                  " count of e by source >= 1 in 1h\n"
                                  " when guesses >= 3\n"
                                  "rule s\n on source\n kind k\n"
                                  " count of e by source >= 1 in 1h\n"
                                  " when guesses >= 3\n"
                                  " when mailed exists\n");
    struct rules_matcher *matcher = rules_matcher_new(rules);
    struct source source = {FIELD_FROM_GUESSES, {.number = 3}};

    (void)state;
    fetched_count = 0;
    assert_int_equal(rules_judge_source(matcher, 0, fetch_counting, &source),
                     ANSWER_YES);
    assert_int_equal(rules_judge_source_again(matcher, 1), ANSWER_NO);
    assert_int_equal(fetched_count, 2);
    source.value.number = 2;
    assert_int_equal(rules_judge_source(matcher, 0, fetch_counting, &source),
                     ANSWER_NO);
    assert_int_equal(fetched_count, 3);
    rules_matcher_free(matcher);
    rules_free(rules);
}

/* Members of a crowd that has lost some. */
static void a_member_is_asked_again_of_the_crowd_alone(void **state)
{
    struct rules *rules = compile("event e\n line to\n when text exists\n"
                                  "rule r\n on source\n kind k\n"
                                  " count of e by domain >= 2 in 1h\n"
                                  " when guesses exists\n"
                                  " any members >= 5 | mailed exists\n"
                                  " unless source.forged is yes\n"
                                  " unless bystanders exists\n");
    struct rules_matcher *matcher = rules_matcher_new(rules);
    struct source source = {FIELD_FROM_MEMBERS, {.number = 5}};

    (void)state;
    fetched_count = 0;
    assert_int_equal(
        rules_judge_member_again(matcher, 0, fetch_counting, &source),
        ANSWER_YES);
    assert_int_equal(fetched_count, 2);
    source.value.number = 4;
    assert_int_equal(
        rules_judge_member_again(matcher, 0, fetch_counting, &source),
        ANSWER_NO);
    assert_int_equal(rules_judge_source(matcher, 0, fetch_counting, &source),
                     ANSWER_NO);
    rules_matcher_free(matcher);
    rules_free(rules);
}

static void a_rule_on_source_tells_what_it_counts(void **state)
{
    struct rules *rules = compile(
        "rule later\n about Late\n on source\n kind k-1\n"
        " count distinct user of b, a by source/48 >= 7 in 2h\n"
        "rule message\n on message\n class c\n when age > 1h\n"
        "event a\n line to\n when text exists\n"
        "rule plain\n on source\n kind k\n count of a by domain>=1 in 1w\n"
        "event b\n line to\n when text exists\n");
    const struct rules_source_rule *rule = rules_source_rule(rules, 0);

    (void)state;
    assert_int_equal(rules_source_rule_count(rules), 2);
    assert_int_equal(rules_count(rules), 1);
    assert_string_equal(rule->name, "later");
    assert_string_equal(rule->kind, "k-1");
    assert_string_equal(rule->about, "Late");
    assert_string_equal(rule->file, "t");
    assert_int_equal(rule->line, 1);
    assert_int_equal(rule->events, 3);
    assert_int_equal(rule->distinct, WATCH_USER + 1);
    assert_int_equal(rule->by, COUNT_BY_NETWORK);
    assert_int_equal(rule->bits, 48);
    assert_int_equal(rule->at_least, 7);
    assert_int_equal(rule->window_sec, 7200);
    rule = rules_source_rule(rules, 1);
    assert_int_equal(rule->events, 1);
    assert_int_equal(rule->distinct, 0);
    assert_int_equal(rule->by, COUNT_BY_DOMAIN);
    assert_int_equal(rule->at_least, 1);
    assert_int_equal(rule->window_sec, 604800);
    /* Conditions of sources and events cost a message nothing. */
    assert_false(rules_need(rules, FROM_LOGS));
    assert_false(rules_need(rules, FROM_LINE));
    assert_false(rules_need(rules, FROM_TRAFFIC));
    rules_free(rules);
}

static void a_set_has_64_events_and_64_rules_on_source(void **state)
{
    static char text[20000];

    (void)state;
    for (int count = 64; count <= 65; count++)
        for (int what = 0; what < 2; what++) {
            size_t len =
                (size_t)sprintf(text, "event e\n line to\n when text exists\n");
            struct rules_file file = {"t", {text, 0}};
            struct rules *rules;

            for (int i = what == 0; i < count; i++)
                len += (size_t)sprintf(
                    text + len,
                    what == 0 ? "event e%d\n line to\n when text exists\n"
                              : "rule r%d\n on source\n kind k\n"
                                " count of e by source >= 1 in 1h\n",
                    i);
            file.text.len = len;
            rules = rules_compile(&file, 1, NULL, 0, NULL, NULL, NULL);
            assert_int_equal(rules != NULL, count == 64);
            rules_free(rules);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_an_event_or_not),
        cmocka_unit_test(every_event_of_a_line_counts),
        cmocka_unit_test(a_line_with_too_many_recipients_is_undecided),
        cmocka_unit_test(a_line_cut_anywhere_is_judged),
        cmocka_unit_test(a_remembered_line_is_the_same_events),
        cmocka_unit_test(a_text_is_remembered_as_far_as_it_is_seen),
        cmocka_unit_test(as_many_conditions_as_there_are_are_asked),
        cmocka_unit_test(a_source_satisfies_the_conditions_or_not),
        cmocka_unit_test(a_second_rule_fetches_nothing_that_is_known),
        cmocka_unit_test(a_member_is_asked_again_of_the_crowd_alone),
        cmocka_unit_test(a_rule_on_source_tells_what_it_counts),
        cmocka_unit_test(a_set_has_64_events_and_64_rules_on_source),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
