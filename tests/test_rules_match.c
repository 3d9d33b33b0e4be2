/*
 * The matcher: what each operator makes of present, absent, several, undecided
 * and late values; what a verdict hangs on; and that judging in two phases
 * gives the verdict that judging at once would give.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rules/rules.h"
#include "tests/random.h"

/* ---- a message made of fields ---- */

enum { VALUES_MAX = 4, HEADERS_MAX = 2 };

struct cell {
    enum field_state state;
    struct field_value values[VALUES_MAX];
    size_t value_count;
};

struct message {
    struct cell cells[FIELD_COUNT];
    bool is_crowd_late;
    bool may_fetch[FIELD_COUNT];
    unsigned fetch_count[FIELD_COUNT];
    struct field_value views[2][VALUES_MAX];
    unsigned next_view;
};

static bool is_of_crowd(enum rules_field_id field)
{
    return rules_fields[field].origin == FROM_CROWD ||
           rules_fields[field].origin == FROM_LOGS;
}

/* Hands out values in two alternating places, as the contract allows. */
static void fetch(void *context, enum rules_field_id field, struct slice header,
                  struct field_view *view_r)
{
    struct message *message = context;
    struct cell *cell = &message->cells[field];
    struct field_value *values = message->views[message->next_view ^= 1];

    assert_int_equal(slice_is_absent(header), field != FIELD_HEADER);
    assert_true(message->may_fetch[field]);
    message->fetch_count[field]++;
    memcpy(values, cell->values, sizeof(cell->values));
    *view_r = (struct field_view){cell->state, values, cell->value_count};
    if (message->is_crowd_late && is_of_crowd(field))
        *view_r = (struct field_view){FIELD_LATER, NULL, 0};
}

static void clear(struct message *message)
{
    memset(message, 0, sizeof(*message));
    for (int i = 0; i < FIELD_COUNT; i++)
        message->may_fetch[i] = true;
}

/* "tries=3 status=a,b age=? source.guesses=later header.=x": '?' is
 * undecided. */
static void set_field(struct message *message, char *word)
{
    char *value = strchr(word, '=');
    struct cell *cell = NULL;

    assert_non_null(value);
    *value++ = '\0';
    for (int i = 0; i < FIELD_COUNT; i++)
        if (rules_fields[i].scope == SCOPE_MESSAGE &&
            strcmp(rules_fields[i].name, word) == 0)
            cell = &message->cells[i];
    assert_non_null(cell);
    cell->state = strcmp(value, "?") == 0       ? FIELD_UNDECIDED
                  : strcmp(value, "later") == 0 ? FIELD_LATER
                                                : FIELD_PRESENT;
    while (cell->state == FIELD_PRESENT && value != NULL) {
        char *next = strchr(value, ',');

        if (next != NULL)
            *next++ = '\0';
        assert_true(cell->value_count < VALUES_MAX);
        cell->values[cell->value_count++] =
            (struct field_value){.text = slice_from_string(value),
                                 .number = strtoll(value, NULL, 10)};
        value = next;
    }
}

/* The text stays in use as long as the message. */
static void make(struct message *message, char *text)
{
    char *rest = NULL;

    clear(message);
    for (char *word = strtok_r(text, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
        set_field(message, word);
}

static void complain(void *context, const struct rules_problem *problem)
{
    (void)context;
    if (!problem->is_warning)
        fail_msg("%u:%u: %s; %s", problem->line, problem->column, problem->what,
                 problem->why);
}

static struct rules *compile(const char *text)
{
    static const struct rules_preset presets[] = {
        {"our-domains", "example.org"},
        {"our-hosts", "192.0.2.0/24"},
    };
    const struct rules_file file = {"t", slice_from_string(text)};

    return rules_compile(&file, 1, presets, 2, NULL, complain, NULL);
}

/* ---- one condition ---- */

/* Y holds, N does not, U undecided, L hangs on the crowd. */
static const struct {
    const char *line, *message;
    char want;
} line_cases[] = {
    {"when tries >= 3", "tries=3", 'Y'},
    {"when tries >= 3", "tries=2", 'N'},
    {"when tries >= 3", "", 'N'},
    {"when tries >= 3", "tries=?", 'U'},
    {"when tries > 3", "tries=3", 'N'},
    {"when tries < 3", "tries=2", 'Y'},
    {"when tries <= 3", "tries=3", 'Y'},
    {"when tries <= 3", "tries=4", 'N'},
    {"when tries = 3", "tries=3", 'Y'},
    {"when tries is 3", "tries=4", 'N'},
    {"when tries isnt 3", "tries=4", 'Y'},
    {"when tries isnt 3", "", 'N'},
    {"when age > 1m", "age=61", 'Y'},
    {"when age >= 2h", "age=7199", 'N'},
    {"when age >= 1w", "age=604800", 'Y'},
    {"when age = 1d", "age=86400", 'Y'},
    {"when age > 0", "age=-5", 'N'},
    {"when size >= 1k", "size=1024", 'Y'},
    {"when size < 1M", "size=1048576", 'N'},
    {"when size <= 2G", "size=2147483648", 'Y'},
    {"when priority < -5", "priority=-6", 'Y'},
    {"when client.forged is yes", "client.forged=1", 'Y'},
    {"when client.forged is no", "client.forged=1", 'N'},
    {"when client.forged is no", "", 'N'},
    /* exists */
    {"when sender exists", "sender=x", 'Y'},
    {"when sender exists", "", 'N'},
    {"when sender exists", "sender=?", 'U'},
    {"unless sender exists", "", 'Y'},
    {"unless sender exists", "sender=x", 'N'},
    {"unless sender exists", "sender=?", 'U'},
    /* texts */
    {"when sender is a@example.org", "sender=a@example.org", 'Y'},
    {"when sender is a@example.org", "sender=A@example.org", 'N'},
    {"when sender is <>", "sender=", 'Y'},
    {"when sender isnt <>", "sender=x", 'Y'},
    {"when origin is mail", "origin=mail", 'Y'},
    {"when origin in {mail, null-sender}", "origin=null-sender", 'Y'},
    {"when origin in {mail, null-sender}", "origin=local-dsn", 'N'},
    {"when sender.domain is Example.ORG", "sender.domain=eXample.org.", 'Y'},
    {"when flags has r", "flags=Frs", 'Y'},
    {"when flags has r", "flags=bs", 'N'},
    {"when flags has r", "", 'N'},
    {"unless flags has r", "flags=bs", 'Y'},
    {"when sender in {a, \"b c\", <d>}", "sender=d", 'Y'},
    {"when sender in {a, b}", "sender=A", 'N'},
    {"when sender in {.a}", "sender=.a", 'Y'},
    /* regexes */
    {"when sender ~ /^a.c$/", "sender=abc", 'Y'},
    {"when sender ~ /^a.c$/", "sender=ABC", 'N'},
    {"when sender ~ /^a.c$/i", "sender=ABC", 'Y'},
    {"when sender ~ /a b c/x", "sender=abc", 'Y'},
    {"when sender ~ /a\\/b/", "sender=a/b", 'Y'},
    {"when sender !~ /a/", "sender=b", 'Y'},
    {"when sender !~ /a/", "sender=a", 'N'},
    {"when sender !~ /a/", "", 'N'},
    {"unless sender !~ /a/", "", 'Y'},
    {"unless sender !~ /a/", "sender=b", 'N'},
    {"when sender ~ /x/", "sender=\xff\xfex\x80", 'Y'},
    /* several values: every one, in unless any one */
    {"when status ~ /a/", "status=a,ba", 'Y'},
    {"when status ~ /a/", "status=a,b", 'N'},
    {"when status !~ /a/", "status=b,c", 'Y'},
    {"when status !~ /a/", "status=a,b", 'N'},
    {"when status isnt a", "status=a,b", 'N'},
    {"when status isnt a", "status=b,c", 'Y'},
    {"any status ~ /a/ | status ~ /b/", "status=a,b", 'N'},
    {"any status ~ /a/ | status ~ /b/", "status=b,bb", 'Y'},
    {"unless status ~ /a/", "status=b,a", 'N'},
    {"unless status ~ /a/", "status=b,c", 'Y'},
    {"unless status !~ /a/", "status=b,a", 'N'},
    {"unless status !~ /a/", "status=a,aa", 'Y'},
    {"unless status isnt a", "status=a,b", 'N'},
    /* addresses and lists */
    {"when source is 2001:DB8:0::1", "source=2001:db8::1", 'Y'},
    {"when source isnt 192.0.2.1", "source=192.0.2.2", 'Y'},
    {"when source in 192.0.2.0/30", "source=192.0.2.3", 'Y'},
    {"when source in 192.0.2.0/30", "source=192.0.2.4", 'N'},
    {"when source in 2001:db8::/32", "source=2001:db8:ffff::9", 'Y'},
    {"when source in our-hosts", "source=192.0.2.77", 'Y'},
    {"when source in friends", "source=192.0.2.77", 'N'},
    {"when source in {192.0.2.7, 198.51.100.0/24}", "source=198.51.100.9", 'Y'},
    {"when recipient.domain in 192.0.2.0/24", "recipient.domain=[192.0.2.7]",
     'Y'},
    {"when recipient.domain in our-domains",
     "recipient.domain=example.org,a.example.org", 'Y'},
    {"when recipient.domain in our-domains",
     "recipient.domain=example.org,example.com", 'N'},
    {"unless recipient.domain in our-domains",
     "recipient.domain=example.com,example.org", 'N'},
    {"when recipient.domain in {.example.net}",
     "recipient.domain=a.EXAMPLE.net.", 'Y'},
    {"when recipient.domain in {.example.net}", "recipient.domain=example.net",
     'N'},
    /* two fields */
    {"when sender.domain is recipient.domain",
     "sender.domain=a.example recipient.domain=A.example", 'Y'},
    {"when sender.domain is recipient.domain",
     "sender.domain=a.example recipient.domain=a.example,b.example", 'N'},
    {"unless sender.domain is recipient.domain",
     "sender.domain=a.example recipient.domain=b.example,a.example", 'N'},
    {"when sender.domain isnt recipient.domain",
     "sender.domain=a.example recipient.domain=b.example", 'Y'},
    {"when sender.domain is recipient.domain", "sender.domain=a.example", 'N'},
    {"when sender.domain isnt recipient.domain", "recipient.domain=a.example",
     'N'},
    {"when sender.domain is recipient.domain",
     "sender.domain=a.example recipient.domain=?", 'U'},
    {"when sender.domain is recipient.domain", "recipient.domain=?", 'N'},
    {"when client.name under sender.domain",
     "client.name=mx.example.org sender.domain=Example.org", 'Y'},
    {"when client.name under sender.domain",
     "client.name=example.org sender.domain=example.org", 'N'},
    {"when client.name under sender.domain",
     "client.name=badexample.org sender.domain=example.org", 'N'},
    {"unless client.name under sender.domain",
     "client.name=mx.example.org sender.domain=?", 'U'},
    {"when client.address is source",
     "client.address=2001:db8::1 source=2001:DB8:0:0::1", 'Y'},
    {"when recipients is tries", "recipients=3 tries=3", 'Y'},
    {"when recipients isnt tries", "recipients=3 tries=3", 'N'},
    {"when header.X is sender", "header.=a sender=a", 'Y'},
    /* three values */
    {"any tries > 3 | age > 1h", "tries=? age=3601", 'Y'},
    {"any tries > 3 | age > 1h", "tries=? age=5", 'U'},
    {"any tries > 3 | age > 1h", "tries=1", 'N'},
    {"unless tries > 3", "tries=?", 'U'},
    {"unless tries > 3", "", 'Y'},
    /* late */
    {"when source.guesses > 3", "source.guesses=later", 'L'},
    {"unless source.guesses > 3", "source.guesses=later", 'L'},
    {"when source.guesses exists", "source.guesses=later", 'L'},
    {"any tries > 3 | source.guesses > 3", "tries=4 source.guesses=later", 'Y'},
    {"any source.guesses > 3 | tries > 3", "tries=4 source.guesses=later", 'Y'},
    {"any tries > 3 | source.guesses > 3", "tries=1 source.guesses=later", 'L'},
    {"any tries > 3 | source.guesses > 3", "tries=? source.guesses=later", 'L'},
    {"when source.guesses is tries", "source.guesses=later", 'N'},
    {"when source.guesses is tries", "source.guesses=later tries=?", 'L'},
    {"when tries is source.guesses", "source.guesses=later tries=3", 'L'},
    /* only fields of the crowd may be late */
    {"when tries > 3", "tries=later", 'U'},
};

static char letter_of(const struct rules_verdict *verdict)
{
    if (verdict->is_later)
        return 'L';
    if (verdict->undecided_count > 0)
        return 'U';
    return verdict->rule == 0 ? 'Y' : 'N';
}

static void a_line_holds_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(line_cases) / sizeof(line_cases[0]); i++) {
        char rule[300], text[200];
        struct message message;
        struct rules_verdict verdict;

        snprintf(rule, sizeof(rule), "rule r\n on message\n class x\n %s\n",
                 line_cases[i].line);
        snprintf(text, sizeof(text), "%s", line_cases[i].message);
        make(&message, text);
        struct rules *rules = compile(rule);
        struct rules_matcher *matcher = rules_matcher_new(rules);
        rules_judge(matcher, fetch, &message, &verdict);
        if (letter_of(&verdict) != line_cases[i].want)
            fail_msg("%s on %s gives %c", line_cases[i].line,
                     line_cases[i].message, letter_of(&verdict));
        rules_matcher_free(matcher);
        rules_free(rules);
    }
}

/* ---- several lines and rules ---- */

#define HEAD(name) "rule " name "\n on message\n class " name "\n"
#define PURGE " purge yes, foreign\n"

/* want: the rule's number, or -; p when it purges; then the undecided. */
static const struct {
    const char *rules, *message, *want;
} verdict_cases[] = {
    {HEAD("a"), "", "0"},
    {HEAD("a") " when tries > 1\n" HEAD("b") " when age > 0\n", "tries=2 age=5",
     "0"},
    {HEAD("a") " when tries > 1\n" HEAD("b") " when age > 0\n", "tries=1 age=5",
     "1"},
    {HEAD("a") " when tries > 1\n" HEAD("b") " when age > 0\n", "", "-"},
    {HEAD("a") PURGE " when tries > 1\n", "tries=2", "0p"},
    {HEAD("a") " when tries > 1\n when age > 0\n", "tries=? age=5", "-,0"},
    /* a false line settles it, before or behind the undecided one */
    {HEAD("a") " when tries > 1\n when age > 0\n", "tries=? age=-1", "-"},
    {HEAD("a") " when age > 0\n when tries > 1\n", "tries=? age=-1", "-"},
    {HEAD("a") " when tries > 1\n unless age > 0\n", "tries=? age=5", "-"},
    {HEAD("a") " unless tries > 1\n when age > 0\n", "tries=? age=5", "-,0"},
    {HEAD("a") " any tries > 1 | age > 9s\n any age > 2s | age > 3s\n",
     "tries=2 age=1", "-"},
    /* an undecided rule keeps every later one from purging */
    {HEAD("a") " when tries > 1\n" HEAD("b") PURGE " when age > 0\n",
     "tries=? age=5", "1,0"},
    {HEAD("a") " unless tries > 1\n" HEAD("b") PURGE " when age > 0\n",
     "tries=? age=5", "1,0"},
    {HEAD("a") " when tries > 1\n when age > 9s\n" HEAD("b") PURGE
     " when age > 0\n",
     "tries=? age=5", "1p"},
    /* but not an earlier one */
    {HEAD("a") PURGE " when age > 0\n" HEAD("b") " when tries > 1\n",
     "tries=? age=5", "0p"},
    {HEAD("a") " when tries > 1\n" HEAD("b") " when tries > 2\n" HEAD("c"),
     "tries=?", "2,0,1"},
};

static void show(const struct rules_verdict *verdict, char *text, size_t room)
{
    int len = verdict->rule == RULES_NO_RULE
                  ? snprintf(text, room, "-")
                  : snprintf(text, room, "%u%s", verdict->rule,
                             verdict->purge ? "p" : "");

    for (size_t i = 0; i < verdict->undecided_count; i++)
        len += snprintf(text + len, room - (size_t)len, ",%u",
                        verdict->undecided[i]);
}

static void the_first_rule_that_matches_gives_the_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(verdict_cases) / sizeof(verdict_cases[0]);
         i++) {
        char text[200], got[200];
        struct message message;
        struct rules_verdict verdict;
        struct rules *rules = compile(verdict_cases[i].rules);
        struct rules_matcher *matcher = rules_matcher_new(rules);

        snprintf(text, sizeof(text), "%s", verdict_cases[i].message);
        make(&message, text);
        rules_judge(matcher, fetch, &message, &verdict);
        show(&verdict, got, sizeof(got));
        if (strcmp(got, verdict_cases[i].want) != 0)
            fail_msg("case %zu: %s, want %s", i, got, verdict_cases[i].want);
        assert_false(verdict.is_later);
        assert_int_equal(verdict.pending_bytes, 0);
        rules_matcher_free(matcher);
        rules_free(rules);
    }
}

static void what_cannot_matter_is_not_asked_for(void **state)
{
    struct rules *rules =
        compile(HEAD("a") " when tries > 3\n when dsn.status exists\n" HEAD(
            "b") " when tries > 3\n when source exists\n" HEAD("c"));
    struct rules_matcher *matcher = rules_matcher_new(rules);
    struct rules_verdict verdict;
    struct message message;
    char text[] = "tries=1";

    (void)state;
    make(&message, text);
    rules_judge(matcher, fetch, &message, &verdict);
    assert_int_equal(verdict.rule, 2);
    assert_int_equal(message.fetch_count[FIELD_DSN_STATUS], 0);
    assert_int_equal(message.fetch_count[FIELD_SOURCE], 0);
    /* the same condition in two rules is asked once */
    assert_int_equal(message.fetch_count[FIELD_TRIES], 1);
    rules_matcher_free(matcher);
    rules_free(rules);
}

/* ---- the crowd ---- */

/* Verdict of the first phase, pending bytes, verdict of the second. */
static const struct {
    const char *rules, *message, *crowd, *first, *second;
    size_t pending_max;
} crowd_cases[] = {
    {HEAD("a") PURGE " when tries > 1\n unless host.answered > 0\n" HEAD("b"),
     "tries=2", "host.answered=0", "1", "0p", 7},
    {HEAD("a") PURGE " when tries > 1\n unless host.answered > 0\n" HEAD("b"),
     "tries=2", "host.answered=1", "1", "1", 7},
    {HEAD("a") PURGE " when tries > 1\n unless host.answered > 0\n" HEAD("b"),
     "tries=2", "", "1", "0p", 7},
    /* a false line behind the late one settles it at once */
    {HEAD("a") PURGE " unless host.answered > 0\n when tries > 1\n" HEAD("b"),
     "tries=1", NULL, "1", NULL, 0},
    /* an undecided line beside the late one */
    {HEAD("a") PURGE " unless host.answered > 0\n when tries > 1\n" HEAD("b")
         PURGE,
     "tries=?", "host.answered=0", "1", "1,0", 7},
    {HEAD("a") PURGE " unless host.answered > 0\n when tries > 1\n" HEAD("b")
         PURGE,
     "tries=?", "host.answered=1", "1", "1p", 7},
    /* ... and within one line */
    {HEAD("a") " any host.answered > 0 | tries > 1\n", "tries=?",
     "host.answered=1", "-", "0", 7},
    {HEAD("a") " any host.answered > 0 | tries > 1\n", "tries=?",
     "host.answered=0", "-", "-,0", 7},
    {HEAD("a") " any host.answered > 0 | tries > 1\n", "tries=1",
     "host.answered=0", "-", "-", 7},
    /* undecided in the crowd, too */
    {HEAD("a") " when host.answered > 0\n" HEAD("b") PURGE, "",
     "host.answered=?", "1", "1,0", 7},
    {HEAD("a") " when host.answered > 0\n when source.guesses > 0\n" HEAD("b")
         PURGE,
     "", "host.answered=? source.guesses=0", "1", "1p", 7},
    /* settled rules before and between */
    {HEAD("a") " when tries > 1\n" HEAD("b") " when host.answered > 0\n" HEAD(
         "c") " when tries > 2\n" HEAD("d") PURGE,
     "tries=?", "host.answered=0", "3,0,2", "3,0,2", 11},
    {HEAD("a") " when tries > 1\n" HEAD("b") PURGE
     " when host.answered > 0\n" HEAD("c") " when tries > 2\n",
     "tries=?", "host.answered=1", "-,0,2", "1,0", 11},
};

/* Crowd fields, and those that stand beside one in a condition. */
static void allow_second_phase(struct message *message)
{
    for (int i = 0; i < FIELD_COUNT; i++)
        message->may_fetch[i] = is_of_crowd((enum rules_field_id)i);
    message->is_crowd_late = false;
}

/* The second phase, with what the first left pending. */
static void judge_later(struct rules_matcher *matcher, struct message *message,
                        struct rules_verdict *verdict)
{
    uint8_t pending[64];
    size_t pending_bytes = verdict->pending_bytes;

    assert_true(pending_bytes <= sizeof(pending));
    memcpy(pending, verdict->pending, pending_bytes);
    rules_judge_later(matcher, pending, pending_bytes, fetch, message, verdict);
}

static void a_rule_may_wait_for_the_crowd(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(crowd_cases) / sizeof(crowd_cases[0]); i++) {
        char text[200], got[200];
        struct message message;
        struct rules_verdict verdict;
        struct rules *rules = compile(crowd_cases[i].rules);
        struct rules_matcher *matcher = rules_matcher_new(rules);

        snprintf(text, sizeof(text), "%s %s", crowd_cases[i].message,
                 crowd_cases[i].crowd == NULL ? "" : crowd_cases[i].crowd);
        make(&message, text);
        message.is_crowd_late = true;
        rules_judge(matcher, fetch, &message, &verdict);
        show(&verdict, got, sizeof(got));
        if (strcmp(got, crowd_cases[i].first) != 0 ||
            verdict.pending_bytes > crowd_cases[i].pending_max)
            fail_msg("case %zu: %s, %zu bytes", i, got, verdict.pending_bytes);
        assert_int_equal(verdict.is_later, crowd_cases[i].second != NULL);
        if (verdict.is_later) {
            allow_second_phase(&message);
            judge_later(matcher, &message, &verdict);
            show(&verdict, got, sizeof(got));
            if (strcmp(got, crowd_cases[i].second) != 0)
                fail_msg("case %zu: %s, later", i, got);
            assert_false(verdict.is_later);
        }
        rules_matcher_free(matcher);
        rules_free(rules);
    }
}

/* ---- what kept a message from a purge ---- */

/* two rules that purge: the first counts */
static const char purging[] =
    "rule early\n on message\n class e\n"
    " when size > 100\n"
    "rule waits\n on message\n class w\n"
    " when size is 50\n"
    " when source.guesses > 3\n"
    "rule p\n on message\n class p\n purge yes, foreign\n"
    " when tries >= 3\n"
    " unless sender exists\n"
    " any status ~ /a/ | status ~ /b/\n"
    " unless host.answered >= 1\n"
    " any age < 9s | source.bounces >= 3\n"
    " when age > 1s\n"
    "rule q\n on message\n class q\n purge yes, foreign\n"
    " when tries >= 9\n"
    "rule rest\n on message\n class r\n"
    " when priority exists\n";

static const struct {
    const char *message, *crowd, *want;
} missed_cases[] = {
    {"tries=2 status=a age=5", NULL, "when tries >= 3"},
    {"status=c sender=x", NULL, "when tries >= 3"},
    {"tries=3 sender=x status=c", NULL, "unless sender exists"},
    {"tries=3 status=c age=5", "host.answered=0", "any status ~ /a/"},
    {"tries=3 status=b age=5", "host.answered=1", "unless host.answered >= 1"},
    {"tries=3 status=b age=1", "host.answered=1", "when age > 1s"},
    {"tries=3 status=b age=5", "host.answered=0", NULL}, /* it matches */
    {"tries=3 status=b age=20", "host.answered=0 source.bounces=2",
     "any age < 9s"},
    {"tries=3 status=b age=20", "host.answered=0 source.bounces=3", NULL},
    {"tries=1 size=101", NULL, NULL}, /* another did, before */
    {"tries=? status=b age=5", "host.answered=0", NULL}, /* undecided */
    /* it failed before, while another waits, which matches or not */
    {"size=50 tries=2 status=b age=5", "source.guesses=3", "when tries >= 3"},
    {"size=50 tries=2 status=b age=5", "source.guesses=4", NULL},
    {"size=50 tries=3 status=b age=5", "source.guesses=3 host.answered=1",
     "unless host.answered >= 1"},
};

static void the_line_that_a_purge_failed_on_is_told(void **state)
{
    struct rules *rules = compile(purging);
    struct rules_matcher *matcher = rules_matcher_new(rules);

    (void)state;
    for (size_t i = 0; i < sizeof(missed_cases) / sizeof(missed_cases[0]);
         i++) {
        char text[200], got[100] = "";
        struct message message;
        struct rules_verdict verdict;
        struct rules_missed_line line;
        uint32_t missed;

        snprintf(text, sizeof(text), "%s %s", missed_cases[i].message,
                 missed_cases[i].crowd == NULL ? "" : missed_cases[i].crowd);
        make(&message, text);
        message.is_crowd_late = true;
        rules_judge(matcher, fetch, &message, &verdict);
        if (verdict.is_later) {
            allow_second_phase(&message);
            judge_later(matcher, &message, &verdict);
        }
        missed = rules_missed(matcher, 0);
        if (missed != 0) {
            rules_missed_line(rules, missed, &line);
            snprintf(got, sizeof(got), "%s %s", line.word, line.text);
        }
        if (strcmp(got,
                   missed_cases[i].want == NULL ? "" : missed_cases[i].want))
            fail_msg("case %zu: \"%s\"", i, got);
    }
    rules_matcher_free(matcher);
    rules_free(rules);
}

static void without_a_rule_that_purges_nothing_is_missed(void **state)
{
    char text[] = "tries=1";
    struct message message;
    struct rules_verdict verdict;
    struct rules *rules =
        compile("rule a\n on message\n class a\n when tries > 3\n");
    struct rules_matcher *matcher = rules_matcher_new(rules);

    (void)state;
    make(&message, text);
    rules_judge(matcher, fetch, &message, &verdict);
    assert_int_equal(rules_missed(matcher, 0), 0);
    rules_matcher_free(matcher);
    rules_free(rules);
}

/* ---- both ways of judging give the same ---- */

static const char *const pool[] = {
    "tries > 1",
    "tries isnt 1",
    "recipients exists",
    "status ~ /a/",
    "status !~ /a/",
    "client.name under recipient.domain",
    "host.answered > 1",
    "host.answered exists",
    "source.guesses >= 1",
    "source.guesses isnt 2",
    "recipient.clients < 2",
    "source.bounces is source.guesses",
    "recipients is host.waiting",
    "host.waiting isnt recipients",
    "source.hostile is yes",
};

/* Fields that the pool names; those of the first line may be asked for in the
 * second phase only because one of the crowd is compared with them. */
static const enum rules_field_id pool_fields[] = {
    FIELD_RECIPIENTS,       FIELD_TRIES,
    FIELD_STATUS,           FIELD_CLIENT_NAME,
    FIELD_RECIPIENT_DOMAIN, FIELD_HOST_ANSWERED,
    FIELD_SOURCE_GUESSES,   FIELD_RECIPIENT_CLIENTS,
    FIELD_SOURCE_BOUNCES,   FIELD_HOST_WAITING,
    FIELD_SOURCE_HOSTILE,
};

enum { RANDOM_RULES = 6, RANDOM_LINES = 7, RANDOM_LINE_BYTES = 400 };

static void random_line(char text[RANDOM_LINE_BYTES])
{
    static const char *const words[] = {"when", "any", "unless"};
    unsigned word = draw(3);
    unsigned more = word == 1 ? draw(4) : 0;
    size_t len = (size_t)sprintf(text, " %s %s", words[word],
                                 pool[draw(sizeof(pool) / sizeof(pool[0]))]);

    while (more-- > 0)
        len += (size_t)sprintf(text + len, " | %s",
                               pool[draw(sizeof(pool) / sizeof(pool[0]))]);
    assert_true(len < RANDOM_LINE_BYTES);
}

/* Many begin like the one before. */
static struct rules *random_rules(void)
{
    static char text[32768];
    char lines[RANDOM_LINES][RANDOM_LINE_BYTES];
    unsigned rule_count = 1 + draw(RANDOM_RULES), line_count = 0;
    size_t len = 0;

    for (unsigned i = 0; i < rule_count; i++) {
        unsigned shared = draw(line_count + 1);

        line_count = shared + (shared == 0) + draw(4);
        if (line_count > RANDOM_LINES)
            line_count = RANDOM_LINES;
        for (unsigned j = shared; j < line_count; j++)
            random_line(lines[j]);
        len +=
            (size_t)sprintf(text + len, "rule r%u\n on message\n class x\n%s",
                            i, draw(2) == 0 ? PURGE : "");
        for (unsigned j = 0; j < line_count; j++)
            len += (size_t)sprintf(text + len, "%s\n", lines[j]);
    }
    assert_true(len < sizeof(text));
    return compile(text);
}

static void random_message(struct message *message)
{
    static const char *const texts[] = {"a.example", "b.a.example", "c",
                                        "example"};

    clear(message);
    for (size_t i = 0; i < sizeof(pool_fields) / sizeof(pool_fields[0]); i++) {
        struct cell *cell = &message->cells[pool_fields[i]];
        unsigned state = draw(8);

        cell->state = state == 0   ? FIELD_ABSENT
                      : state == 1 ? FIELD_UNDECIDED
                                   : FIELD_PRESENT;
        cell->value_count = 1;
        if (rules_fields[pool_fields[i]].has_many)
            cell->value_count += draw(3);
        for (size_t j = 0; j < cell->value_count; j++)
            cell->values[j] = (struct field_value){
                .text = slice_from_string(texts[draw(4)]), .number = draw(4)};
    }
}

static void judge_in_two_phases(struct rules_matcher *matcher,
                                struct message *message, char *got, size_t room,
                                unsigned *later_count)
{
    struct rules_verdict verdict;

    message->is_crowd_late = true;
    rules_judge(matcher, fetch, message, &verdict);
    if (verdict.is_later) {
        (*later_count)++;
        allow_second_phase(message);
        message->may_fetch[FIELD_RECIPIENTS] = true;
        judge_later(matcher, message, &verdict);
    }
    show(&verdict, got, room);
}

/* What each rule comes to when it is asked by itself, skipping none. */
struct ends {
    size_t rule, undecided_count;
};

static void note_end(void *context, size_t rule, enum rules_answer answer,
                     size_t failed_count)
{
    struct ends *ends = context;

    (void)failed_count;
    if (ends->rule != RULES_NO_RULE)
        return;
    if (answer == ANSWER_YES)
        ends->rule = rule;
    ends->undecided_count += answer == ANSWER_UNDECIDED;
}

static void assert_as_rule_by_rule(struct rules_matcher *matcher,
                                   struct message *message,
                                   const struct rules_verdict *verdict)
{
    struct ends ends = {.rule = RULES_NO_RULE};
    struct rules_explain to = {.context = &ends, .rule_ends = note_end};
    size_t rule = verdict->rule, undecided_count = verdict->undecided_count;
    struct rules_verdict again;

    rules_explain(matcher, fetch, message, &to, &again);
    assert_int_equal(rule, ends.rule);
    assert_int_equal(undecided_count, ends.undecided_count);
}

static void two_phases_give_the_verdict_of_one(void **state)
{
    unsigned later_count = 0, purge_count = 0;

    (void)state;
    random_state = 88172645463325252u;
    for (unsigned i = 0; i < 4000; i++) {
        struct rules *rules = random_rules();
        struct rules_matcher *matcher = rules_matcher_new(rules);

        for (unsigned j = 0; j < 50; j++) {
            struct message message;
            struct rules_verdict verdict;
            char want[200], got[200];

            random_message(&message);
            rules_judge(matcher, fetch, &message, &verdict);
            assert_false(verdict.is_later);
            show(&verdict, want, sizeof(want));
            purge_count += verdict.purge;
            assert_as_rule_by_rule(matcher, &message, &verdict);
            judge_in_two_phases(matcher, &message, got, sizeof(got),
                                &later_count);
            if (strcmp(want, got) != 0)
                fail_msg("set %u, message %u: %s at once, %s in two phases", i,
                         j, want, got);
        }
        rules_matcher_free(matcher);
        rules_free(rules);
    }
    /* the test tests something */
    assert_true(later_count > 10000 && purge_count > 10000);
}

/* Counts what was asked for: nothing in vain, side by side either. */
static unsigned fetches_of(const struct message *message)
{
    unsigned count = 0;

    for (int i = 0; i < FIELD_COUNT; i++)
        count += message->fetch_count[i];
    return count;
}

static uint64_t crowd_fields(void)
{
    uint64_t fields = 0;

    for (int i = 0; i < FIELD_EVENT_TEXT; i++)
        if (is_of_crowd((enum rules_field_id)i))
            fields |= UINT64_C(1) << i;
    return fields;
}

static void show_all(const struct rules_verdict *verdict, uint32_t missed,
                     char *text, size_t room)
{
    size_t len;

    show(verdict, text, room);
    len = strlen(text);
    len += (size_t)snprintf(text + len, room - len, " %d missed %u",
                            verdict->is_later, missed);
    for (size_t i = 0; i < verdict->pending_bytes && len + 3 < room; i++)
        len += (size_t)snprintf(text + len, room - len, " %02x",
                                verdict->pending[i]);
}

static void side_by_side_gives_what_one_by_one_gives(void **state)
{
    static struct message messages[RULES_HAND];
    static char want[RULES_HAND][400];
    unsigned later_count = 0, missed_count = 0, saved_count = 0;

    (void)state;
    random_state = 2463534242u;
    for (unsigned i = 0; i < 2000; i++) {
        struct rules *rules = random_rules();
        struct rules_matcher *matcher = rules_matcher_new(rules);
        struct rules_judged judged[RULES_HAND];
        unsigned asked[RULES_HAND];
        size_t count = i % (RULES_HAND + 1);

        for (size_t j = 0; j < count; j++) {
            struct rules_verdict verdict;

            random_message(&messages[j]);
            messages[j].is_crowd_late = draw(2) == 0;
            rules_judge(matcher, fetch, &messages[j], &verdict);
            show_all(&verdict, rules_missed(matcher, 0), want[j],
                     sizeof(want[j]));
            asked[j] = fetches_of(&messages[j]);
            later_count += verdict.is_later;
            missed_count += rules_missed(matcher, 0) > 0;
            memset(messages[j].fetch_count, 0, sizeof(messages[j].fetch_count));
            judged[j].message = &messages[j];
            /* that a field is late may be said beforehand, and may not */
            judged[j].late =
                messages[j].is_crowd_late && draw(2) == 0 ? crowd_fields() : 0;
        }
        rules_judge_all(matcher, fetch, judged, count);
        for (size_t j = 0; j < count; j++) {
            char got[400];

            show_all(&judged[j].verdict, rules_missed(matcher, j), got,
                     sizeof(got));
            assert_string_equal(got, want[j]);
            assert_true(fetches_of(&messages[j]) <= asked[j]);
            assert_true(fetches_of(&messages[j]) == asked[j] ||
                        judged[j].late != 0);
            saved_count += asked[j] - fetches_of(&messages[j]);
        }
        rules_matcher_free(matcher);
        rules_free(rules);
    }
    assert_true(later_count > 1000 && missed_count > 1000 &&
                saved_count > 1000);
}

/* ---- limits ---- */

static void judge_status(struct rules_matcher *matcher, struct slice status,
                         struct rules_verdict *verdict_r)
{
    struct message message;

    clear(&message);
    message.cells[FIELD_STATUS] =
        (struct cell){FIELD_PRESENT, {{.text = status}}, 1};
    rules_judge(matcher, fetch, &message, verdict_r);
}

static enum rules_answer match_status(const char *condition,
                                      struct slice status)
{
    struct rules *lists = compile("");
    struct rules *rules = rules_compile_condition(
        lists, slice_from_string(condition), NULL, NULL);
    struct rules_matcher *matcher = rules_matcher_new(rules);
    struct rules_verdict verdict;

    judge_status(matcher, status, &verdict);
    rules_matcher_free(matcher);
    rules_free(rules);
    rules_free(lists);
    return verdict.undecided_count > 0 ? ANSWER_UNDECIDED
           : verdict.rule == 0         ? ANSWER_YES
                                       : ANSWER_NO;
}

static void a_match_that_costs_too_much_is_undecided(void **state)
{
    static char text[40000];

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(
        match_status("status ~ /^(?:a+)+[bc]/", slice_make(text, 60)),
        ANSWER_UNDECIDED);
    assert_int_equal(
        match_status("status !~ /^(?:a+)+[bc]/", slice_make(text, 60)),
        ANSWER_UNDECIDED);
    assert_int_equal(
        match_status("status ~ /^(?:a+)+[bc]/", slice_make(text, 3)),
        ANSWER_NO);
    /* as many groups as bytes: the stack is bounded, too */
    assert_int_equal(
        match_status("status ~ /^(?:(a)|b)*+$/", slice_make(text, 100)),
        ANSWER_YES);
    assert_int_equal(match_status("status ~ /a/", slice_make(text, 32768)),
                     ANSWER_YES);
    assert_int_equal(match_status("status ~ /a/", slice_make(text, 32769)),
                     ANSWER_UNDECIDED);
    assert_int_equal(match_status("status ~ /^$/", SLICE_LITERAL("")),
                     ANSWER_YES);
}

/* ---- what needs no regex library ---- */

static struct rules *compile_status(const char *before, const char *pattern,
                                    const char *behind)
{
    char text[200];
    struct rules *lists = compile("");
    struct rules *rules;

    snprintf(text, sizeof(text), "status ~ /%s%s%s", before, pattern, behind);
    rules = rules_compile_condition(lists, slice_from_string(text), NULL, NULL);
    rules_free(lists);
    return rules;
}

static char status_letter(struct rules_matcher *matcher, struct slice status)
{
    struct rules_verdict verdict;

    judge_status(matcher, status, &verdict);
    return letter_of(&verdict);
}

static size_t random_text(char *text, size_t pieces, const char *const *from,
                          unsigned from_count)
{
    size_t len = 0;

    while (pieces-- > 0)
        len += (size_t)sprintf(text + len, "%s", from[draw(from_count)]);
    return len;
}

/* In a group of its own the library has to answer it. */
static unsigned compare_with_library(const char *pattern, const char *flags)
{
    static const char *const pieces[] = {"a", "A", "b", "B", "1",  "2",   " ",
                                         "-", ".", "]", "^", "\n", "(",   "\\",
                                         "|", "",  "",  "c", "z",  "\xe4"};
    char behind[10], group_end[10];
    struct rules *plain, *grouped;
    unsigned yes_count = 0;

    snprintf(behind, sizeof(behind), "/%s", flags);
    snprintf(group_end, sizeof(group_end), ")/%s", flags);
    plain = compile_status("", pattern, behind);
    grouped = compile_status("(?:", pattern, group_end);
    if (plain != NULL && grouped != NULL) {
        struct rules_matcher *a = rules_matcher_new(plain);
        struct rules_matcher *b = rules_matcher_new(grouped);

        for (int i = 0; i < 40; i++) {
            char text[100];
            size_t len = random_text(text, draw(6), pieces,
                                     sizeof(pieces) / sizeof(pieces[0]));
            char got = status_letter(a, slice_make(text, len));

            if (got != status_letter(b, slice_make(text, len)))
                fail_msg("/%s/%s on '%.*s' gives %c", pattern, flags, (int)len,
                         text, got);
            yes_count += got == 'Y';
        }
        rules_matcher_free(a);
        rules_matcher_free(b);
    }
    rules_free(plain);
    rules_free(grouped);
    return yes_count;
}

static void a_regex_means_the_same_without_the_library(void **state)
{
    static const char *const pieces[] = {"a",
                                         "b",
                                         "A",
                                         "1",
                                         " ",
                                         "\\d",
                                         "[ab]",
                                         "[^a]",
                                         "[^aB]",
                                         "[a-c]",
                                         "[ -]",
                                         "[]a]",
                                         "[^]a]",
                                         "[\\]a]",
                                         "[a-]",
                                         "[-a]",
                                         "[1-9a]",
                                         "[a-c-]",
                                         "[[:digit:]b]",
                                         "[\\\\]",
                                         "[\\d|]",
                                         "\\.",
                                         "\\]",
                                         "\\-",
                                         "\\\\",
                                         "\\s",
                                         "\\x41",
                                         "\\Q(\\E",
                                         "(?#()",
                                         "\\E",
                                         "\\c[",
                                         "(*:(a)",
                                         "[[:alpha:](]",
                                         ".",
                                         "(a|b)",
                                         "(?:a|)",
                                         "(?i)",
                                         "?",
                                         "*",
                                         "+",
                                         "{2}",
                                         "{1,}",
                                         "{",
                                         "}",
                                         "|",
                                         "^",
                                         "$",
                                         "\\A",
                                         "\\z",
                                         "a",
                                         "b",
                                         "-",
                                         "[ab]",
                                         "[a-c]",
                                         "\xe4",
                                         "]"};
    static const char *const flags[] = {"", "", "i", "s", "x"};
    static const char *const known[] = {
        "^b\\Q(\\E|a",      "^b(?#()|a",     "^z[\\\\]|a",
        "^z[]|]|a",         "^z[^]|]|a",     "^a[[:alpha:](]x|b",
        "^ab\\E*",          "^ab\\E?$",      "^[ab]\\E*x",
        "^a[\\E](]|b",      "^a\\c[b|a",     "^a\\c(b|a",
        "^a(*MARK:x(y)b|a", "^a(?C'((')b|a", "^a{0}b",
        "^[a]{0}b",         "^\\d{0}b",      "^[^aB]",
        "^[A-C]$"};
    unsigned yes_count = 0;

    (void)state;
    random_state = 88172645463325252u;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        for (int flag = 1; flag < 5; flag++)
            compare_with_library(known[i], flags[flag]);
    for (int i = 0; i < 4000; i++) {
        char pattern[150] = "^";
        bool is_anchored = draw(4) != 0, is_ended = draw(3) == 0;

        random_text(pattern + is_anchored, 1 + draw(5), pieces,
                    sizeof(pieces) / sizeof(pieces[0]));
        if (is_ended)
            strcat(pattern, "$");
        yes_count += compare_with_library(pattern, flags[draw(5)]);
    }
    assert_true(yes_count > 2000);
    /* longer than what is looked at */
    for (size_t len = 28; len < 40; len++) {
        char pattern[50] = "^";

        memset(pattern + 1, 'a', len);
        pattern[len + 1] = '\0';
        for (size_t at = 0; at <= len; at++) {
            struct rules *rules = compile_status("", pattern, "/");
            struct rules_matcher *matcher = rules_matcher_new(rules);
            char text[50];

            memset(text, 'a', sizeof(text));
            assert_int_equal(status_letter(matcher, slice_make(text, at)),
                             at == len ? 'Y' : 'N');
            text[at] = 'b';
            assert_int_equal(status_letter(matcher, slice_make(text, 50)),
                             at == len ? 'Y' : 'N');
            rules_matcher_free(matcher);
            rules_free(rules);
        }
    }
}

/* ---- memory of status texts ---- */

static void a_remembered_answer_is_the_right_one(void **state)
{
    struct rules *rules = compile(
        HEAD("a") " when status ~ /[02468]$/\n when status !~ /^1/\n" HEAD(
            "b") " when status ~ /^1/\n" HEAD("c"));
    struct rules_matcher *matcher = rules_matcher_new(rules);

    (void)state;
    assert_true(
        rules_remember(matcher, (uint64_t[]){UINT64_C(0x9e3779b97f4a7c15),
                                             UINT64_C(0x2545f4914f6cdd1d)}));
    for (unsigned i = 0; i < 60000; i++) {
        unsigned number = i * 7919 % 20000;
        bool is_even = number % 2 == 0;
        char text[300];
        int len = i % 3 == 0 ? snprintf(text, sizeof(text), "%u", number)
                             : snprintf(text, sizeof(text), "%u%0*u", number,
                                        (int)(i % 290), number);
        struct rules_verdict verdict;
        struct message message;

        clear(&message);
        message.cells[FIELD_STATUS] = (struct cell){
            FIELD_PRESENT, {{.text = slice_make(text, (size_t)len)}}, 1};
        rules_judge(matcher, fetch, &message, &verdict);
        if (verdict.rule != (text[0] == '1' ? 1 : is_even ? 0 : 2))
            fail_msg("%s gives rule %u", text, verdict.rule);
    }
    rules_matcher_free(matcher);
    rules_free(rules);
}

/* ---- explain ---- */

struct story {
    char text[2000];
    size_t len;
    const struct rules *rules;
};

__attribute__((format(printf, 2, 3))) static void tell(struct story *story,
                                                       const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    story->len +=
        (size_t)vsnprintf(story->text + story->len,
                          sizeof(story->text) - story->len, format, arguments);
    va_end(arguments);
    assert_true(story->len < sizeof(story->text));
}

static void tell_begin(void *context, size_t rule)
{
    struct story *story = context;

    tell(story, "%s\n", rules_name(story->rules, rule));
}

static void tell_condition(void *context,
                           const struct rules_condition_trace *trace)
{
    tell(context, " %u %s %s: %c", trace->line, trace->line_word, trace->text,
         "NYU"[trace->answer]);
    for (size_t i = 0; i < trace->view.value_count; i++)
        tell(context, " %s", trace->view.values[i].text.ptr);
    tell(context, "\n");
}

static void tell_end(void *context, size_t rule, enum rules_answer answer,
                     size_t failed_count)
{
    (void)rule;
    tell(context, " %c %zu\n", "NYU"[answer], failed_count);
}

static void an_explanation_leaves_nothing_out(void **state)
{
    struct rules *rules = compile(
        HEAD("a") " when tries > 3\n when status ~ /x/   # why\n"
                  " any age > 1h | status ~ /b/ | sender exists\n" HEAD("b")
                      PURGE " when tries > 1\n unless status ~ /c/\n" HEAD(
                          "c") " when size > 1\n when sender exists\n");
    struct rules_matcher *matcher = rules_matcher_new(rules);
    struct story story = {.len = 0, .rules = rules};
    struct rules_explain to = {&story, tell_begin, tell_condition, tell_end};
    struct rules_verdict verdict;
    struct message message;
    char text[] = "tries=2 status=a,b age=5 size=?";

    (void)state;
    make(&message, text);
    rules_explain(matcher, fetch, &message, &to, &verdict);
    assert_string_equal(story.text, "a\n"
                                    " 4 when tries > 3: N 2\n"
                                    " 5 when status ~ /x/: N a b\n"
                                    " 6 any age > 1h: N 5\n"
                                    " 6 any status ~ /b/: N a b\n"
                                    " 6 any sender exists: N\n"
                                    " N 3\n"
                                    "b\n"
                                    " 11 when tries > 1: Y 2\n"
                                    " 12 unless status ~ /c/: N a b\n"
                                    " Y 0\n"
                                    "c\n"
                                    " 16 when size > 1: U\n"
                                    " 17 when sender exists: N\n"
                                    " N 2\n");
    assert_int_equal(verdict.rule, 1);
    assert_true(verdict.purge);
    rules_matcher_free(matcher);
    rules_free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_holds_or_not),
        cmocka_unit_test(the_first_rule_that_matches_gives_the_verdict),
        cmocka_unit_test(what_cannot_matter_is_not_asked_for),
        cmocka_unit_test(a_rule_may_wait_for_the_crowd),
        cmocka_unit_test(the_line_that_a_purge_failed_on_is_told),
        cmocka_unit_test(without_a_rule_that_purges_nothing_is_missed),
        cmocka_unit_test(side_by_side_gives_what_one_by_one_gives),
        cmocka_unit_test(two_phases_give_the_verdict_of_one),
        cmocka_unit_test(a_match_that_costs_too_much_is_undecided),
        cmocka_unit_test(a_regex_means_the_same_without_the_library),
        cmocka_unit_test(a_remembered_answer_is_the_right_one),
        cmocka_unit_test(an_explanation_leaves_nothing_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
