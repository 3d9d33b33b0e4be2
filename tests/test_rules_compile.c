/*
 * The compiler of rule files: what it refuses, in its own words, and what it
 * makes of the rest.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "rules/rules.h"
#include "tests/guard.h"

/* ---- helpers ---- */

struct complaints {
    char text[64 * 1024];
    size_t len;
    size_t mistake_count, warning_count;
};

static void note(void *context, const struct rules_problem *problem)
{
    struct complaints *complaints = context;
    size_t room = sizeof(complaints->text) - complaints->len;
    int len = snprintf(complaints->text + complaints->len, room,
                       "%s:%u:%u: %s%s; %s\n", problem->file, problem->line,
                       problem->column, problem->is_warning ? "warning: " : "",
                       problem->what, problem->why);

    assert_true(len > 0 && (size_t)len < room);
    complaints->len += (size_t)len;
    complaints->mistake_count += !problem->is_warning;
    complaints->warning_count += problem->is_warning;
}

/* The files that lists of the fixtures name. */
static int read_list(void *context, const char *path, char **text_r,
                     size_t *len_r)
{
    const char *text;

    (void)context;
    if (strcmp(path, "names.list") == 0)
        text = "# hosts\nmail.example.com\n\n  MX.example.net. # old\r\n"
               ".sub.example.org";
    else if (strcmp(path, "bad.list") == 0)
        text = "192.0.2.0/24\n192.0.2.1/24\n";
    else
        return strcmp(path, "forbidden.list") == 0 ? EACCES : ENOENT;
    *text_r = strdup(text);
    *len_r = strlen(text);
    return *text_r == NULL ? ENOMEM : 0;
}

static struct slice read_fixture(const char *name, const char *suffix)
{
    static char text[2][64 * 1024];
    static int next;
    char path[200];
    FILE *file;

    next = !next;
    snprintf(path, sizeof(path), "tests/fixtures/rules/%s.%s", name, suffix);
    file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s: %s", path, strerror(errno));
    size_t len = fread(text[next], 1, sizeof(text[next]), file);
    fclose(file);
    return slice_make(text[next], len);
}

static struct rules *compile(const char *text, struct complaints *complaints)
{
    const struct rules_file file = {"t", slice_from_string(text)};

    *complaints = (struct complaints){.len = 0};
    return rules_compile(&file, 1, NULL, 0, read_list, note, complaints);
}

static struct rules *compile_good(const char *text)
{
    static struct complaints complaints;
    struct rules *rules = compile(text, &complaints);

    if (rules == NULL)
        fail_msg("%s", complaints.text);
    return rules;
}

#define RULE(name, lines)                                                      \
    "rule " name "\n on message\n class x\n hit age=1h\n miss age=1h\n" lines

/* ---- complaints ---- */

static void a_wrong_file_names_all_its_mistakes(void **state)
{
    static const char *const names[] = {
        "good",  "fields",  "types", "values",   "regexes", "lines", "purge",
        "lists", "samples", "logs",  "warnings", "nul",     "many",
    };
    static struct complaints complaints;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct slice want = read_fixture(names[i], "expect");
        char file_name[50];
        struct rules_file file = {file_name, read_fixture(names[i], "rules")};
        struct rules *rules;

        snprintf(file_name, sizeof(file_name), "%s.rules", names[i]);
        complaints = (struct complaints){.len = 0};
        rules = rules_compile(&file, 1, NULL, 0, read_list, note, &complaints);
        if (!slice_equal(slice_make(complaints.text, complaints.len), want))
            fail_msg("%s.rules gave\n%s", names[i], complaints.text);
        assert_int_equal(rules != NULL, complaints.mistake_count == 0);
        rules_free(rules);
    }
}

static void mistakes_of_several_files_come_in_file_order(void **state)
{
    static struct complaints complaints;
    const struct rules_file files[] = {
        {"10-a", SLICE_LITERAL(
                     "rule a\n on message\n wen\n class x\n when age > 1h\n")},
        {"20-b", SLICE_LITERAL("list l\n vale\nrule a\n on message\n"
                               " class y\n when source in l\n")},
    };

    (void)state;
    complaints = (struct complaints){.len = 0};
    assert_null(rules_compile(files, 2, NULL, 0, read_list, note, &complaints));
    assert_string_equal(
        complaints.text,
        "10-a:3:2: unknown line 'wen'; a rule has about, on, class, purge, "
        "when, any, unless, hit, miss\n"
        "20-b:2:2: unknown line 'vale'; a list has about, value, file, file?, "
        "domains\n"
        "20-b:3:6: rule 'a' stands at 10-a:1 already; two rules of one name\n"
        "10-a:1:6: warning: rule 'a' has no hit and no miss; add samples: "
        "a hit is a message that it must match, a miss one that it must not\n"
        "20-b:3:6: warning: rule 'a' has no hit and no miss; add samples: "
        "a hit is a message that it must match, a miss one that it must not\n");
}

static void nobody_needs_to_listen(void **state)
{
    const struct rules_file file = {"t", SLICE_LITERAL("nonsense\n")};

    (void)state;
    assert_null(rules_compile(&file, 1, NULL, 0, NULL, NULL, NULL));
}

static void no_file_is_a_set_without_rules(void **state)
{
    struct rules *rules = rules_compile(NULL, 0, NULL, 0, NULL, NULL, NULL);

    (void)state;
    assert_non_null(rules);
    assert_int_equal(rules_count(rules), 0);
    assert_true(rules_list_is_empty(rules, "our-domains"));
    rules_free(rules);
}

static void compile_cut(struct slice text, void *context)
{
    static struct complaints complaints;
    const struct rules_file file = {"t", text};
    struct rules *rules;

    (void)context;
    complaints = (struct complaints){.len = 0};
    rules = rules_compile(&file, 1, NULL, 0, read_list, note, &complaints);
    assert_int_equal(rules != NULL, complaints.mistake_count == 0);
    rules_free(rules);
}

static void a_file_cut_anywhere_is_judged(void **state)
{
    (void)state;
    guard_cut_everywhere(read_fixture("good", "rules"), compile_cut, NULL);
    guard_cut_everywhere(read_fixture("values", "rules"), compile_cut, NULL);
}

/* ---- what a set says of itself ---- */

static void a_set_tells_what_it_read(void **state)
{
    const struct rules_file files[] = {
        {"10-a", SLICE_LITERAL(RULE("one", " about A sentence # and no more\n"
                                           " when age > 1h\n"))},
        {"20-b", SLICE_LITERAL("\n\n" RULE("two", " purge yes\n"
                                                  " when origin is "
                                                  "local-dsn\n"))},
    };
    struct rules *rules =
        rules_compile(files, 2, NULL, 0, read_list, NULL, NULL);

    (void)state;
    assert_int_equal(rules_count(rules), 2);
    assert_string_equal(rules_name(rules, 0), "one");
    assert_string_equal(rules_class(rules, 0), "x");
    assert_string_equal(rules_about(rules, 0), "A sentence");
    assert_string_equal(rules_file_name(rules, 0), "10-a");
    assert_int_equal(rules_line(rules, 0), 1);
    assert_false(rules_purges(rules, 0));
    assert_string_equal(rules_name(rules, 1), "two");
    assert_string_equal(rules_about(rules, 1), "");
    assert_string_equal(rules_file_name(rules, 1), "20-b");
    assert_int_equal(rules_line(rules, 1), 3);
    assert_true(rules_purges(rules, 1));
    rules_free(rules);
}

static void a_set_knows_what_its_fields_cost(void **state)
{
    static const struct {
        const char *condition;
        bool data_file, crowd, logs;
    } cases[] = {
        {"age > 1h", false, false, false},
        {"status ~ /x/", false, false, false},
        {"dsn.status ~ /x/", true, false, false},
        {"source in friends", true, false, false},
        {"client.name under source.name", true, false, false},
        {"host.answered > 0", false, true, false},
        {"recipient.clients > 0", false, true, false},
        /* who the source is stands in the data file */
        {"source.bounces > 0", true, true, false},
        {"source.writes is yes", true, true, false},
        {"dsn.clients < 3", true, true, false},
        {"source.hostile is yes", true, false, true},
        {"host.delivered > 0", false, false, true},
    };
    struct rules *lists = compile_good("");

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rules *rules = rules_compile_condition(
            lists, slice_from_string(cases[i].condition), NULL, NULL);

        assert_non_null(rules);
        assert_true(rules_need(rules, FROM_CONTROL_FILE) ||
                    cases[i].data_file || cases[i].crowd || cases[i].logs);
        assert_int_equal(rules_need(rules, FROM_DATA_FILE), cases[i].data_file);
        assert_int_equal(rules_need(rules, FROM_CROWD), cases[i].crowd);
        assert_int_equal(rules_need(rules, FROM_LOGS), cases[i].logs);
        rules_free(rules);
    }
    rules_free(lists);
}

static void a_set_tells_when_time_turns_a_rule(void **state)
{
    static const struct {
        const char *condition;
        enum rules_field_id field;
        int64_t from, to;
        bool turns;
    } cases[] = {
        {"age >= 1h", FIELD_AGE, 1800, 3599, false},
        {"age >= 1h", FIELD_AGE, 1800, 3600, true},
        {"age >= 1h", FIELD_AGE, 3600, 7200, true},
        {"age >= 1h", FIELD_AGE, 3601, 7200, false},
        {"age >= 1h", FIELD_AGE, 7200, 1800, true}, /* the clock was set */
        {"age >= 1h", FIELD_IDLE, 1800, 7200, false},
        {"age is 1h", FIELD_AGE, 1800, 7200, true},
        {"age exists", FIELD_AGE, 0, 7200, false},
        {"age is idle", FIELD_AGE, 0, 1, true},
        {"age is idle", FIELD_IDLE, 0, 1, true},
        {"tries > 3", FIELD_AGE, 0, 7200, false},
        {"tries > 3 | idle < 5m", FIELD_IDLE, 0, 7200, true},
    };
    enum { MANY = 64 };
    char many[2048] = "tries > 3";
    struct rules *lists = compile_good("");
    struct rules *rules;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rules = rules_compile_condition(
            lists, slice_from_string(cases[i].condition), NULL, NULL);
        assert_non_null(rules);
        assert_int_equal(
            rules_turn(rules, cases[i].field, cases[i].from, cases[i].to),
            cases[i].turns);
        rules_free(rules);
    }
    /* more of them than are listed: then it may be any */
    for (int i = 1; i <= MANY; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many),
                 " | age > %dh", i);
    rules = rules_compile_condition(lists, slice_from_string(many), NULL, NULL);
    assert_non_null(rules);
    assert_true(rules_turn(rules, FIELD_AGE, 0, 0));
    rules_free(rules);
    rules_free(lists);
}

static void the_fields_stand_in_the_order_of_their_ids(void **state)
{
    (void)state;
    for (int i = 0; i < FIELD_COUNT; i++) {
        assert_int_equal(rules_fields[i].id, i);
        assert_non_null(rules_fields[i].name);
    }
}

/* ---- lists ---- */

static const struct {
    const char *list, *text;
    bool is_in;
} list_cases[] = {
    {"our-domains", "example.org", true},
    {"our-domains", "Example.ORG.", true},
    {"our-domains", "a.b.example.org", true},
    {"our-domains", "badexample.org", false},
    {"our-domains", "org", false},
    {"our-domains", "", false},
    {"our-domains", ".", false},
    {"our-domains", "added.example.com", true},
    {"our-domains", "sub.only.example.net", true},
    {"our-domains", "only.example.net", false},
    {"our-domains", "[192.0.2.7]", true},
    {"our-domains", "[192.0.3.7]", false},
    {"our-domains", "final-dot.example.com", true},
    {"our-senders", "a.Example.com", true},
    {"our-senders", "example.net", false},
    {"our-hosts", "192.0.2.9", true},
    {"our-hosts", "192.0.2.10", false},
    {"our-hosts", "2001:db8::1", true},
    {"our-hosts", "IPv6:2001:db8:0::2", true},
    {"our-hosts", "2001:db9::1", false},
    {"our-hosts", "mail.example.com", true},
    {"our-hosts", "sub.mail.example.com", false},
    {"friends", "anyone", false},
    {"mine", "mail.example.com", true},
    {"mine", "MX.Example.Net", true},
    {"mine", "sub.example.org", false},
    {"mine", "x.sub.example.org", true},
    {"mine", "10.9.8.7", true},
    {"mine", "two words", true},
    {"mine", "deep.domains.example", false},
    {"nowhere", "x", false},
};

static void a_list_holds_what_was_put_into_it(void **state)
{
    static const struct rules_preset presets[] = {
        {"our-domains", "example.org"},    {"our-domains", ".only.example.net"},
        {"our-domains", "192.0.2.0/24"},   {"our-domains", "dot.example.com."},
        {"our-hosts", "192.0.2.9"},        {"our-hosts", "2001:db8::/32"},
        {"our-hosts", "mail.example.com"}, {"our-senders", "example.com"},
    };
    const struct rules_file file = {
        "t", SLICE_LITERAL("list our-domains\n value added.example.com, "
                           "final-dot.example.com.\n"
                           "list mine\n file names.list\n value 10.0.0.0/8\n"
                           " value \"two words\"\n value 10.0.0.0/9\n")};
    struct rules *rules =
        rules_compile(&file, 1, presets, sizeof(presets) / sizeof(presets[0]),
                      read_list, NULL, NULL);

    (void)state;
    assert_non_null(rules);
    for (size_t i = 0; i < sizeof(list_cases) / sizeof(list_cases[0]); i++) {
        struct slice text = slice_from_string(list_cases[i].text);
        struct ip ip;

        if (rules_list_has(rules, list_cases[i].list, text) !=
            list_cases[i].is_in)
            fail_msg("'%s' in %s", list_cases[i].text, list_cases[i].list);
        if (ip_parse(text, &ip) &&
            rules_list_has_ip(rules, list_cases[i].list, &ip) !=
                list_cases[i].is_in)
            fail_msg("address %s in %s", list_cases[i].text,
                     list_cases[i].list);
    }
    assert_false(rules_list_is_empty(rules, "our-hosts"));
    assert_true(rules_list_is_empty(rules, "friends"));
    assert_true(rules_list_is_empty(rules, "nowhere"));
    rules_free(rules);
}

static void a_domains_file_counts_with_subdomains(void **state)
{
    struct rules *rules = compile_good("list d\n domains names.list\n");

    (void)state;
    assert_true(rules_list_has(rules, "d", SLICE_LITERAL("mail.example.com")));
    assert_true(
        rules_list_has(rules, "d", SLICE_LITERAL("a.mail.example.com")));
    assert_true(rules_list_has(rules, "d", SLICE_LITERAL("a.mx.example.net")));
    assert_false(rules_list_has(rules, "d", SLICE_LITERAL("example.com")));
    rules_free(rules);
}

static int read_many(void *context, const char *path, char **text_r,
                     size_t *len_r)
{
    enum { COUNT = 100000, LINE = 40 };
    char *text = malloc(COUNT * LINE);
    size_t len = 0;

    (void)context;
    (void)path;
    if (text == NULL)
        return ENOMEM;
    for (unsigned i = 0; i < COUNT; i++)
        len += (size_t)snprintf(text + len, LINE,
                                i % 2 == 0 ? "h%u.example\n" : "198.18.%u.%u\n",
                                i % 2 == 0 ? i : i / 512, i / 2 % 256);
    *text_r = text;
    *len_r = len;
    return 0;
}

static void a_list_may_have_100000_values(void **state)
{
    const struct rules_file file = {"t", SLICE_LITERAL("list l\n file x\n")};
    struct rules *rules =
        rules_compile(&file, 1, NULL, 0, read_many, NULL, NULL);

    (void)state;
    assert_non_null(rules);
    assert_true(rules_list_has(rules, "l", SLICE_LITERAL("h0.example")));
    assert_true(rules_list_has(rules, "l", SLICE_LITERAL("H99998.example")));
    assert_false(rules_list_has(rules, "l", SLICE_LITERAL("h99999.example")));
    assert_true(rules_list_has(rules, "l", SLICE_LITERAL("198.18.0.255")));
    assert_false(rules_list_has(rules, "l", SLICE_LITERAL("198.19.0.255")));
    rules_free(rules);
}

/* ---- --where ---- */

static void a_condition_is_compiled_alone(void **state)
{
    static const struct {
        const char *text, *complaint;
    } cases[] = {
        {"age > 4h", ""},
        {"  age > 4h | tries >= 3  ", ""},
        {"source in mine", ""},
        {"", "--where:1:0: the condition is empty; a condition is FIELD "
             "OPERATOR VALUE\n"},
        {"age > 1h\nage > 2h",
         "--where:1:0: the condition has several lines; a condition is FIELD "
         "OPERATOR VALUE\n"},
        {"  age > 4", "--where:1:9: '4' does not fit age; a duration is a "
                      "whole number with a unit: s, m, h, d, w\n"},
        {"age > 4h and tries > 3",
         "--where:1:10: unexpected 'and tries > 3'; the line is complete "
         "before it\n"},
        {"source in yours", "--where:1:11: unknown list 'yours'; in takes a "
                            "list, a network or {a, b}\n"},
    };
    static struct complaints complaints;
    struct rules *lists = compile_good("list mine\n value x\n");

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rules *rules;

        complaints = (struct complaints){.len = 0};
        rules = rules_compile_condition(lists, slice_from_string(cases[i].text),
                                        note, &complaints);
        assert_string_equal(complaints.text, cases[i].complaint);
        assert_int_equal(rules != NULL, cases[i].complaint[0] == '\0');
        if (rules != NULL) {
            assert_int_equal(rules_count(rules), 1);
            assert_string_equal(rules_name(rules, 0), "where");
        }
        rules_free(rules);
    }
    rules_free(lists);
}

static void a_condition_outlives_the_set_whose_lists_it_uses(void **state)
{
    struct rules *lists = compile_good("list mine\n value x\n");
    struct rules *rules = rules_compile_condition(
        lists, SLICE_LITERAL("sender in mine"), NULL, NULL);

    (void)state;
    rules_free(lists);
    assert_true(rules_list_has(rules, "mine", SLICE_LITERAL("x")));
    rules_free(rules);
}

/* ---- bounds ---- */

static char *repeat(const char *before, const char *unit, size_t count,
                    const char *after)
{
    size_t unit_len = strlen(unit), len = strlen(before);
    char *text = malloc(len + unit_len * count + strlen(after) + 1);

    assert_non_null(text);
    strcpy(text, before);
    for (size_t i = 0; i < count; i++, len += unit_len)
        memcpy(text + len, unit, unit_len);
    strcpy(text + len, after);
    return text;
}

static void too_much_of_anything_is_refused(void **state)
{
    static const struct {
        const char *before, *unit;
        size_t count;
        const char *after, *what;
    } cases[] = {
        {"rule ", "a", 65, "\n on message\n class x\n", "is not a name"},
        {RULE("a", " when status ~ /"), "a", 4097, "/\n", "too long"},
        {RULE("a", " when status ~ /"), "(", 60, "/\n", "broken regex"},
        {RULE("a", " when sender in {"), "a", 1001, "}\n", "too long"},
        {"list l\n value ", "a", 1001, "\n", "cannot be in a list"},
        {RULE("a", " when header."), "a", 128, " exists\n", "unknown field"},
        {RULE("a", " class "), "a", 65, "\n", "a second 'class'"},
        {RULE("a", " any "), "age > 1h | ", 1000, "age > q\n", "does not fit"},
    };
    static struct complaints complaints;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = repeat(cases[i].before, cases[i].unit, cases[i].count,
                            cases[i].after);

        assert_null(compile(text, &complaints));
        if (strstr(complaints.text, cases[i].what) == NULL)
            fail_msg("case %zu: %s", i, complaints.text);
        free(text);
    }
}

/* Nothing here may take longer than its length: the runner's patience is the
 * measure. */
static void a_big_file_of_one_kind_of_line_is_read(void **state)
{
    static const char *const units[] = {
        "#\n",        "+\n",
        " \n",        "x\n",
        "rule r\n",   "event e\n",
        "list l\n",   " when age > 1h\n",
        " any x | y", "\n+ | age > 1h",
        "\n# c\n+",   " value a, b\n",
        "\"",         "\\",
        " hit N=1\n", "{",
    };
    static struct complaints complaints;

    (void)state;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        char *text = repeat(i % 2 == 0 ? RULE("a", " any age > 1h") : "",
                            units[i], 400000 / strlen(units[i]), "");

        rules_free(compile(text, &complaints));
        free(text);
    }
}

/* In whole characters; "..." says that it goes on. */
static void what_a_complaint_shows_is_cut(void **state)
{
    static struct complaints complaints;
    char *umlauts = repeat("rule a", "\xc3\xa4", 60, "\n");
    char *shown = repeat("t:1:6: 'a", "\xc3\xa4", 47,
                         "...' is not a name; 1 to 64 letters, digits, '.', "
                         "'_' or '-'\n");

    (void)state;
    assert_null(compile(umlauts, &complaints));
    assert_string_equal(complaints.text, shown);
    free(umlauts);
    free(shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_file_names_all_its_mistakes),
        cmocka_unit_test(mistakes_of_several_files_come_in_file_order),
        cmocka_unit_test(nobody_needs_to_listen),
        cmocka_unit_test(no_file_is_a_set_without_rules),
        cmocka_unit_test(a_file_cut_anywhere_is_judged),
        cmocka_unit_test(a_set_tells_what_it_read),
        cmocka_unit_test(a_set_knows_what_its_fields_cost),
        cmocka_unit_test(a_set_tells_when_time_turns_a_rule),
        cmocka_unit_test(the_fields_stand_in_the_order_of_their_ids),
        cmocka_unit_test(a_list_holds_what_was_put_into_it),
        cmocka_unit_test(a_domains_file_counts_with_subdomains),
        cmocka_unit_test(a_list_may_have_100000_values),
        cmocka_unit_test(a_condition_is_compiled_alone),
        cmocka_unit_test(a_condition_outlives_the_set_whose_lists_it_uses),
        cmocka_unit_test(too_much_of_anything_is_refused),
        cmocka_unit_test(a_big_file_of_one_kind_of_line_is_read),
        cmocka_unit_test(what_a_complaint_shows_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
