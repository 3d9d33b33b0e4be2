/*
 * Samples: what each name of a sample means, what is said of one that fails,
 * and that the shipped rules pass theirs and class what they are for.
 */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rules/logs.h"

struct complaints {
    char text[8192];
    size_t len, warning_count;
};

static void note(void *context, const struct rules_problem *problem)
{
    struct complaints *complaints = context;
    size_t room = sizeof(complaints->text) - complaints->len;

    if (problem->is_warning) {
        complaints->warning_count++;
        return;
    }
    complaints->len +=
        (size_t)snprintf(complaints->text + complaints->len, room,
                         "%s:%u:%u: %s; %s\n", problem->file, problem->line,
                         problem->column, problem->what, problem->why);
    assert_true(complaints->len < sizeof(complaints->text));
}

/* Compiles and runs the samples; what was said is in complaints. */
static struct rules_check_result check(const struct rules_file *files,
                                       size_t count,
                                       const struct rules_preset *presets,
                                       size_t preset_count,
                                       struct complaints *complaints)
{
    struct rules_check_result result = {0};
    struct rules *rules;

    *complaints = (struct complaints){.len = 0};
    rules = rules_compile(files, count, presets, preset_count, NULL, note,
                          complaints);
    if (rules == NULL)
        fail_msg("%s", complaints->text);
    rules_check(rules, note, complaints, &result);
    rules_free(rules);
    return result;
}

/* ---- what a sample means ---- */

/* A condition that must hold for the sample, or with '!' must not. */
static const struct {
    const char *sample, *condition;
} meanings[] = {
    /* the letters of a control file */
    {"F=rs", "flags has s"},
    {"F=rs", "origin is local-dsn"},
    {"F=rs S=<>", "origin is local-dsn"},
    {"F=s S=<>", "origin is null-sender"},
    {"S=<>", "origin is null-sender"},
    {"S=", "origin is null-sender"},
    {"S=<>", "sender is <>"},
    {"S=<>", "!sender.domain exists"},
    {"F=s S=<ann@Example.org>", "origin is mail"},
    {"S=<ann@Example.org>", "sender is ann@Example.org"},
    {"S=<ann@Example.org>", "sender.domain is example.org"},
    {"F=s", "!origin exists"},
    {"", "!origin exists"},
    {"", "!recipients exists"},
    {"", "!age exists"},
    {"N=7", "tries = 7"},
    {"P=-30", "priority = -30"},
    {"q=reason", "!status exists"},
    {"R=<x@y.example>", "recipient is x@y.example"},
    {"R=x@Y.Example", "recipient.domain ~ /^y\\.example$/"},
    {"R=<x@[192.0.2.9]>", "recipient.domain is [192.0.2.9]"},
    {"R=<x@y.example>", "recipients = 1"},
    {"R=<x@y.example> R=<z@y.example>", "recipients = 2"},
    {"R=<x@y.example> R=root", "!recipient.domain is y.example"},
    {"R=root", "!recipient.domain exists"},
    /* status texts: each recipient's own, else the envelope's */
    {"M=a", "status is a"},
    {"M=a", "status.envelope is a"},
    {"M=a R=x", "status is a"},
    {"R=x M=a", "status is a"},
    {"R=x M=a", "!status.envelope exists"},
    {"M=a R=x M=b", "status is b"},
    {"M=a R=x M=b", "status.envelope is a"},
    {"M=a R=x M=b R=y", "status ~ /^[ab]$/"},
    {"M=a R=x M=b R=y", "!status is b"},
    {"R=x M=b R=y", "!status is b"},
    {"M=\"Deferred: Connection refused by mx.Example.net.\" R=x",
     "recipient.host is mx.example.net"},
    {"M=\"Deferred: 451 later\" R=x", "!recipient.host exists"},
    /* fields by their names win over what follows from the letters */
    {"S=<> origin=mail", "origin is mail"},
    {"R=<x@a.example> recipient.domain=b.example",
     "recipient.domain is b.example"},
    {"R=<x@a.example> recipients=9", "recipients = 9"},
    {"age=8h", "age = 8h"},
    {"age=90s idle=1m", "idle = 60s"},
    {"size=3k", "size = 3072"},
    {"client.forged=yes", "client.forged is yes"},
    {"source=192.0.2.1 source.name=a.example", "source in 192.0.2.0/24"},
    {"dsn.kind=failure source.guesses=7", "source.guesses = 7"},
    /* so does what a name says of its address */
    {"source=192.0.2.1", "source.generic is yes"},
    {"source=192.0.2.1 source.name=pC0000201.a.example",
     "source.generic is yes"},
    {"source.name=h-2-1.a.example source=192.0.2.1", "source.generic is yes"},
    {"source=2001:db8::a1 source.name=h-db8-a1.a.example",
     "source.generic is yes"},
    {"source=192.0.2.1 source.name=mx1.a.example", "source.generic is no"},
    {"source=192.0.2.1 source.name=mx1.a.example source.generic=yes",
     "source.generic is yes"},
    {"source.name=h-2-1.a.example", "!source.generic exists"},
    {"client.address=192.0.2.1", "!source.generic exists"},
    {"dsn.status=5.1.1 dsn.status=5.7.1", "dsn.status ~ /^5/"},
    {"dsn.status=5.1.1 dsn.status=4.4.7", "!dsn.status ~ /^5/"},
    {"header.Subject=a", "header.subject is a"},
    {"header.X=a header.x=b header.Y=c", "header.X ~ /^[ab]$/"},
    {"header.X=a header.x=b", "!header.X is a"},
    /* quotes */
    {"auth=\"a b\"", "auth is \"a b\""},
    {"auth=\"a \\\" b\"", "auth is \"a \\\" b\""},
    {"auth=\"a\\\\b\"", "auth is \"a\\\\b\""},
    {"auth=a\\nb", "auth is \"a\\nb\""},
    {"auth=a\" \"b", "auth is \"a b\""},
    {"auth=\"\"", "auth is \"\""},
    {"auth=#x", "auth is \"#x\""},
    {"auth==", "auth is \"=\""},
    {"\t auth=a \t tries=1 ", "auth is a"},
    /* lists */
    {"sender.domain=a.example.org list.our-domains=example.org",
     "sender.domain in our-domains"},
    {"source=192.0.2.7 list.friends=192.0.2.0/24", "source in friends"},
    {"source=192.0.2.7 list.our-hosts=192.0.2.8 list.our-hosts=192.0.2.7",
     "source in our-hosts"},
    {"source=192.0.2.7 list.our-hosts=192.0.2.8", "!source in our-hosts"},
    {"sender=x list.mine=x", "sender in mine"},
    {"sender=own", "sender in mine"},
    {"sender=x", "!sender in mine"},
    /* what the program knows of this host is not known to samples */
    {"sender.domain=preset.example", "!sender.domain in our-domains"},
};

static void a_sample_means_what_it_says(void **state)
{
    static const struct rules_preset preset = {"our-domains", "preset.example"};

    (void)state;
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        const char *condition = meanings[i].condition;
        bool is_miss = condition[0] == '!';
        static struct complaints complaints;
        char text[500];
        struct rules_check_result result;

        snprintf(text, sizeof(text),
                 "list mine\n value own\n"
                 "rule r\n on message\n class x\n when %s\n %s %s\n",
                 condition + is_miss, is_miss ? "miss" : "hit",
                 meanings[i].sample);
        result = check(&(struct rules_file){"t", slice_from_string(text)}, 1,
                       &preset, 1, &complaints);
        if (result.failed_count != 0)
            fail_msg("%s", complaints.text);
        assert_int_equal(result.rule_count, 1);
        assert_int_equal(result.sample_count, 1);
    }
}

/* ---- samples that fail ---- */

static const struct {
    const char *lines, *complaint;
} failures[] = {
    {" when age > 1h\n hit age=1h\n",
     "t:5:0: this hit of rule 'r' does not match; line 4: when age > 1h\n"},
    {" when age > 1h\n miss age=2h\n",
     "t:5:0: this miss of rule 'r' matches; all its conditions hold\n"},
    {" unless age > 1h\n\n hit age=2h\n",
     "t:6:0: this hit of rule 'r' does not match; line 4: unless age > 1h\n"},
    {" any age > 1h | tries > 3\n hit age=1h\n",
     "t:5:0: this hit of rule 'r' does not match; line 4: any age > 1h | "
     "...\n"},
    {" when age > 1h\n when tries > 3\n hit N=1 age=2h\n",
     "t:6:0: this hit of rule 'r' does not match; line 5: when tries > 3\n"},
    {" when status ~ /^(?:a+)+[bc]/\n"
     " miss M=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
     "t:5:0: this miss of rule 'r' is undecided; line 4: when status ~ "
     "/^(?:a+)+[bc]/\n"},
};

static void a_failing_sample_is_named_with_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        static struct complaints complaints;
        char text[500];
        struct rules_check_result result;

        snprintf(text, sizeof(text), "rule r\n on message\n class x\n%s",
                 failures[i].lines);
        result = check(&(struct rules_file){"t", slice_from_string(text)}, 1,
                       NULL, 0, &complaints);
        assert_string_equal(complaints.text, failures[i].complaint);
        assert_int_equal(result.failed_count, 1);
    }
}

/* An event e, a rule s on it, and a sample of each; which is the first. */
#define SAMPLE_LINE                                                            \
    "Nov 18 04:52:43 mail sm-mta[4868]: 6AI4qha3004868: "                      \
    "<a@example.com>... User unknown"

static const struct {
    const char *event_lines, *rule_lines, *complaint;
} log_samples[] = {
    {" when reason is \"User unknown\"\n hit " SAMPLE_LINE "\n",
     " hit e*3 from 192.0.2.1 in 1h\n", ""},
    {" when reason is unknown\n miss " SAMPLE_LINE "\n",
     " miss e*2 from 192.0.2.1 in 1h\n", ""},
    {" when reason is unknown\n hit " SAMPLE_LINE "\n", "",
     "t:4:0: this hit of event 'e' does not match; line 3: when reason is "
     "unknown\n"},
    {" when reason exists\n miss " SAMPLE_LINE "\n", "",
     "t:4:0: this miss of event 'e' matches; all its conditions hold\n"},
    /* not of its shape */
    {" when text exists\n hit Nov 18 04:52:43 mail sm-mta[4868]: starting "
     "daemon (8.17.1): SMTP\n",
     "",
     "t:4:0: this hit of event 'e' does not match; it is of shape other, which "
     "the event does not look at\n"},
    {" when text exists\n hit Nov 18 04:52:43 mail sm-mta[4868]: "
     "6AI4qha3004868: to=<a@example.com>, delay=00:00:01, mailer=esmtp, "
     "pri=1, relay=x. [192.0.2.1], dsn=2.0.0, stat=Sent, stat=User unknown\n",
     "",
     "t:4:0: this hit of event 'e' does not match; a line that says one thing "
     "twice is no event\n"},
    /* the count and its edge */
    {" when text exists\n", " hit e*2 from 192.0.2.1 in 1h\n",
     "t:8:0: this hit of rule 's' does not match; its count is not reached\n"},
    {" when text exists\n", " miss e*3 from 192.0.2.1 in 1h\n",
     "t:8:0: this miss of rule 's' matches; all its conditions hold\n"},
    {" when text exists\n", " miss e*3 from 192.0.2.1 in 3601s\n", ""},
    {" when text exists\n",
     " hit e*1 from 192.0.2.1 in 1h, e*2 from 192.0.2.1 in 30m\n", ""},
    {" when text exists\n",
     " miss e*1 from 192.0.2.1 in 1h, e*2 from 192.0.2.2 in 30m\n", ""},
    {" when text exists\n",
     " hit e*1 from 192.0.2.1 in 1h, e*4 from 192.0.2.0/31 in 1h\n", ""},
    {" when text exists\n",
     " miss e*1 from 192.0.2.2 in 1h, e*4 from 192.0.2.0/31 in 1h\n", ""},
    {" when text exists\n", " miss e*3 from 192.0.2.0/31 in 1h\n", ""},
    {" when text exists\n", " hit e*5 from 192.0.2.0/31 in 1h\n", ""},
    /* the conditions behind it */
    {" when text exists\n",
     " unless guesses.share < 50%\n"
     " hit e*3 from 192.0.2.1 in 1h with guesses.share=49%\n",
     "t:9:0: this hit of rule 's' does not match; line 8: unless "
     "guesses.share < 50%\n"},
    {" when text exists\n",
     " unless source in friends\n"
     " miss e*3 from 192.0.2.1 in 1h with list.friends=192.0.2.0/24\n"
     " hit e*3 from 192.0.2.1 in 1h with source=192.0.3.1 "
     "list.friends=192.0.2.0/24\n",
     ""},
    /* what follows from the parts */
    {" when text exists\n",
     " when source is 192.0.2.1\n hit e*3 from 192.0.2.1 in 1h\n", ""},
    {" when text exists\n",
     " when members exists\n miss e*3 from 192.0.2.1 in 1h\n"
     " hit e*9 from 192.0.2.0/30 in 1h\n",
     ""},
    {" when text exists\n",
     " when members = 4\n hit e*16 from 192.0.2.0/30 in 1h\n"
     " hit e*3 from 192.0.2.0 in 1h, e*3 from 2001:db8::/127 in 1h, "
     "e*1 from 192.0.2.1 in 1s\n"
     " hit e*3 from 192.0.2.0 in 1h with members=4\n",
     ""},
};

static void samples_of_logs_pass_or_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(log_samples) / sizeof(log_samples[0]); i++) {
        static struct complaints complaints;
        char text[2000];
        struct rules_check_result result;

        snprintf(text, sizeof(text),
                 "event e\n line reply\n%srule s\n on source\n kind k\n"
                 " count of e by source >= 3 in 1h\n%s",
                 log_samples[i].event_lines, log_samples[i].rule_lines);
        result = check(&(struct rules_file){"t", slice_from_string(text)}, 1,
                       NULL, 0, &complaints);
        assert_string_equal(complaints.text, log_samples[i].complaint);
        assert_int_equal(result.failed_count,
                         log_samples[i].complaint[0] != '\0');
        assert_int_equal(result.rule_count, 1);
        assert_int_equal(result.event_count, 1);
    }
}

static void a_sample_is_for_its_own_rule_alone(void **state)
{
    static struct complaints complaints;
    const struct rules_file file = {
        "t", SLICE_LITERAL("rule a\n on message\n class x\n when age > 0\n"
                           " hit age=1h\n miss N=1\n"
                           "rule b\n on message\n class y\n when age > 0\n"
                           " hit age=1h\n miss N=1\n miss\n")};
    struct rules_check_result result = check(&file, 1, NULL, 0, &complaints);

    (void)state;
    assert_int_equal(result.rule_count, 2);
    assert_int_equal(result.sample_count, 5);
    assert_int_equal(result.failed_count, 0);
    assert_int_equal(complaints.warning_count, 0);
}

/* ---- the shipped rules ---- */

enum { FILES_MAX = 20 };

static struct rules_file shipped[FILES_MAX];
static size_t shipped_count;

static struct slice read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(256 * 1024);
    size_t len;

    if (file == NULL || text == NULL)
        fail_msg("%s: %s", path, strerror(errno));
    len = fread(text, 1, 256 * 1024, file);
    fclose(file);
    assert_true(len < 256 * 1024);
    return slice_make(text, len);
}

static int read_shipped(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(glob("rules/shipped/*.rules", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc && i < FILES_MAX; i++)
        shipped[shipped_count++] = (struct rules_file){
            strdup(found.gl_pathv[i]), read_whole(found.gl_pathv[i])};
    globfree(&found);
    return 0;
}

static int forget_shipped(void **state)
{
    (void)state;
    for (size_t i = 0; i < shipped_count; i++) {
        free((char *)shipped[i].name);
        free((char *)shipped[i].text.ptr);
    }
    return 0;
}

static void the_shipped_rules_pass_their_samples(void **state)
{
    /* wherever they are used */
    static const struct rules_preset presets[] = {
        {"our-domains", "example.org"},
        {"our-domains", "example.net"},
        {"our-hosts", "0.0.0.0/0"},
        {"friends", "::/0"}};
    static struct complaints complaints;
    struct rules_check_result result =
        check(shipped, shipped_count, presets, 4, &complaints);

    (void)state;
    if (complaints.len > 0)
        fail_msg("%s", complaints.text);
    assert_int_equal(result.failed_count, 0);
    assert_int_equal(complaints.warning_count, 0);
    assert_true(result.sample_count >= 2 * result.rule_count);
}

static void only_one_shipped_rule_purges(void **state)
{
    struct rules *rules =
        rules_compile(shipped, shipped_count, NULL, 0, NULL, NULL, NULL);
    size_t purging_count = 0;

    (void)state;
    assert_non_null(rules);
    for (size_t i = 0; i < rules_count(rules); i++) {
        assert_true(rules_about(rules, i)[0] != '\0');
        purging_count += rules_purges(rules, i);
        assert_int_equal(rules_purges(rules, i),
                         strcmp(rules_class(rules, i), "bounce-zombie") == 0);
    }
    assert_int_equal(purging_count, 1);
    rules_free(rules);
}

/* A source with one fact that speaks for it. */
static void fetch_good(void *context, enum rules_field_id field,
                       struct slice header, struct field_view *view_r)
{
    static const struct field_value none = {.number = 0};
    static const struct field_value address = {.text = {"192.0.2.7", 9}};
    static const struct field_value yes = {.number = 1};
    static const struct field_value some = {.number = 15};
    static const struct field_value many = {.number = 1000};
    enum rules_field_id known = *(const enum rules_field_id *)context;

    (void)header;
    *view_r = (struct field_view){FIELD_ABSENT, NULL, 0};
    if (field == FIELD_FROM_ADDRESS)
        *view_r = (struct field_view){FIELD_PRESENT, &address, 1};
    else if (field == FIELD_FROM_GENERIC || field == FIELD_FROM_LOGINS_USERS ||
             field == known)
        *view_r = (struct field_view){FIELD_PRESENT, &yes, 1};
    else if (field == FIELD_FROM_MEMBERS ||
             field == FIELD_FROM_MEMBERS_NETWORKS ||
             field == FIELD_FROM_MEMBERS_NEAR ||
             field == FIELD_FROM_LOGINS_TRIED ||
             field == FIELD_FROM_LOGINS_UNKNOWN ||
             field == FIELD_FROM_ENVELOPES || field == FIELD_FROM_GUESSES)
        *view_r = (struct field_view){FIELD_PRESENT, &many, 1};
    else if (field == FIELD_FROM_LOGINS_FAILED)
        *view_r = (struct field_view){FIELD_PRESENT, &some, 1};
    else if (field == FIELD_FROM_SENDERS_OWN || field == FIELD_FROM_LOGINS ||
             field == FIELD_FROM_SENDERS_STEADY || field == FIELD_FROM_MAILED ||
             field == FIELD_FROM_ACCEPTED ||
             field == FIELD_FROM_GUESSES_ASKED ||
             field == FIELD_FROM_GUESSES_KNOWN)
        *view_r = (struct field_view){FIELD_PRESENT, &none, 1};
}

/* Nothing that our own hosts, or friends, do is an attack. */
static void no_shipped_rule_calls_our_own_hostile(void **state)
{
    static const struct rules_preset friends = {"friends", "192.0.2.0/24"};
    static const struct rules_preset hosts = {"our-hosts", "192.0.2.7"};
    const struct {
        const struct rules_preset *preset;
        enum rules_field_id field;
        enum rules_answer answer;
    } knowledge[] = {
        {NULL, FIELD_COUNT, ANSWER_YES},
        {NULL, FIELD_FROM_OURS, ANSWER_NO},
        {&friends, FIELD_COUNT, ANSWER_NO},
        {&hosts, FIELD_COUNT, ANSWER_NO},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(knowledge) / sizeof(knowledge[0]); i++) {
        struct rules *rules =
            rules_compile(shipped, shipped_count, knowledge[i].preset,
                          knowledge[i].preset != NULL, NULL, NULL, NULL);
        struct rules_matcher *matcher = rules_matcher_new(rules);
        enum rules_field_id field;

        assert_true(rules_source_rule_count(rules) > 0);
        for (size_t j = 0; j < rules_source_rule_count(rules); j++) {
            const char *name = rules_source_rule(rules, j)->name;

            assert_true(rules_source_rule(rules, j)->about[0] != '\0');
            /* It is about a client of ours. */
            field = strcmp(name, "abused-account") == 0 &&
                            knowledge[i].field == FIELD_COUNT
                        ? FIELD_FROM_SUBMITS
                        : knowledge[i].field;
            if (rules_judge_source(matcher, j, fetch_good, &field) !=
                knowledge[i].answer)
                fail_msg("%s, case %zu", name, i);
        }
        rules_matcher_free(matcher);
        rules_free(rules);
    }
}

/* A message as the program would show it, and the class that it is to get. */
struct message {
    const char *origin, *dsn_kind, *status, *auto_submitted;
    int64_t host_answered;
    bool is_data_unreadable;
};

static void put(struct field_view *view, struct field_value *value,
                const char *text)
{
    if (text == NULL)
        return;
    value->text = slice_from_string(text);
    *view = (struct field_view){FIELD_PRESENT, value, 1};
}

static void put_number(struct field_view *view, struct field_value *value,
                       int64_t number)
{
    value->number = number;
    *view = (struct field_view){FIELD_PRESENT, value, 1};
}

static void fetch(void *context, enum rules_field_id field, struct slice header,
                  struct field_view *view_r)
{
    static struct field_value values[2];
    static unsigned next;
    struct field_value *value = &values[next++ % 2];
    const struct message *message = context;

    *view_r = (struct field_view){FIELD_ABSENT, NULL, 0};
    if (field == FIELD_ORIGIN)
        put(view_r, value, message->origin);
    else if (field == FIELD_DSN_KIND)
        put(view_r, value, message->dsn_kind);
    else if (field == FIELD_STATUS || field == FIELD_STATUS_ENVELOPE)
        put(view_r, value, message->status);
    else if (field == FIELD_RECIPIENT_DOMAIN)
        put(view_r, value, "example.net");
    else if (field == FIELD_SOURCE)
        put(view_r, value, "198.51.100.7");
    else if (field == FIELD_SOURCE_GENERIC)
        put_number(view_r, value, 1);
    else if (field == FIELD_DSN_STATUS)
        put(view_r, value, "5.1.1");
    else if (field == FIELD_AGE)
        put_number(view_r, value, 7200);
    else if (field == FIELD_TRIES)
        put_number(view_r, value, 9);
    else if (field == FIELD_HOST_ANSWERED)
        put_number(view_r, value, message->host_answered);
    else if (field == FIELD_HOST_DOMAINS || field == FIELD_SOURCE_RELAYS)
        put_number(view_r, value, 0);
    else if (field == FIELD_HEADER &&
             slice_equal_nocase(header, SLICE_LITERAL("auto-submitted")))
        put(view_r, value, message->auto_submitted);
    if (message->is_data_unreadable &&
        (field == FIELD_DSN_STATUS || field == FIELD_SOURCE ||
         field == FIELD_SOURCE_GENERIC))
        *view_r = (struct field_view){FIELD_UNDECIDED, NULL, 0};
}

#define REFUSED "Deferred: Connection refused by mail.example.net."

static const struct {
    struct message message;
    const char *class;
    bool purge;
} messages[] = {
    {{"local-dsn", "failure", REFUSED, NULL, 0, false}, "bounce-zombie", true},
    {{"local-dsn", "failure", REFUSED, NULL, 1, false}, "bounce-retry", false},
    {{"local-dsn", "failure", REFUSED, NULL, 0, true}, "bounce-retry", false},
    {{"local-dsn", "failure", "Deferred", NULL, 0, false},
     "bounce-retry",
     false},
    {{"local-dsn", "other", REFUSED, NULL, 0, false}, "bounce-retry", false},
    {{"local-dsn", NULL, REFUSED, NULL, 0, false}, "bounce-retry", false},
    {{"local-dsn", "warning", REFUSED, NULL, 0, false}, "warning", false},
    {{"local-dsn", "receipt", REFUSED, NULL, 0, false}, "receipt", false},
    {{"local-dsn", "postmaster", REFUSED, NULL, 0, false}, "postmaster", false},
    {{"null-sender", "failure", REFUSED, NULL, 0, false},
     "bounce-relayed",
     false},
    {{"null-sender", NULL, REFUSED, NULL, 0, false}, "autoreply", false},
    {{"mail", NULL, REFUSED, "auto-replied", 0, false}, "autoreply", false},
    {{"mail", NULL, REFUSED, "no", 0, false}, "outbound", false},
    {{"mail", NULL, NULL, NULL, 0, false}, "outbound", false},
};

static void the_shipped_rules_class_every_kind_of_message(void **state)
{
    struct rules *rules =
        rules_compile(shipped, shipped_count, NULL, 0, NULL, NULL, NULL);
    struct rules_matcher *matcher = rules_matcher_new(rules);

    (void)state;
    assert_non_null(matcher);
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        struct message message = messages[i].message;
        struct rules_verdict verdict;

        rules_judge(matcher, fetch, &message, &verdict);
        assert_int_not_equal(verdict.rule, RULES_NO_RULE);
        assert_string_equal(rules_class(rules, verdict.rule),
                            messages[i].class);
        assert_int_equal(verdict.purge, messages[i].purge);
    }
    rules_matcher_free(matcher);
    rules_free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_means_what_it_says),
        cmocka_unit_test(a_failing_sample_is_named_with_its_reason),
        cmocka_unit_test(samples_of_logs_pass_or_are_named),
        cmocka_unit_test(a_sample_is_for_its_own_rule_alone),
        cmocka_unit_test(the_shipped_rules_pass_their_samples),
        cmocka_unit_test(only_one_shipped_rule_purges),
        cmocka_unit_test(no_shipped_rule_calls_our_own_hostile),
        cmocka_unit_test(the_shipped_rules_class_every_kind_of_message),
    };

    return cmocka_run_group_tests(tests, read_shipped, forget_shipped);
}
