/* One message, and all that is known of it: --explain and --show. */
/* wraps: rules_matcher_new */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "qscan/explain.h"
#include "tests/printed.h"
#include "tests/scanned.h"

#define ID "6AMHqPjw023671"

#define RULES                                                                  \
    "rule spared\n about Mail that somebody vouches for, whose words are "     \
    "many, "                                                                   \
    "so many that they need a second line\n on message\n class spared\n"       \
    " when origin is mail\n unless sender is ann@example.net\n"                \
    "rule old\n on message\n class old\n when recipients = 1\n"                \
    " any tries > 100 | age > 30d | size > 1k\n when client.address exists\n"  \
    "rule near\n on message\n class near\n when origin is mail\n"              \
    " any tries > 100 | age > 30d\n"                                           \
    "rule dead\n on message\n class dead\n purge yes, foreign\n"               \
    " when status ~ /refused/\n when host.waiting >= 1\n"                      \
    "rule only\n on message\n class only\n when origin is null-sender\n"       \
    "rule rest\n on message\n class rest\n when recipient exists\n"

struct explained {
    struct scanned scanned;
    struct message message;
    struct facts row;
    struct buffer out;
};

static bool has_memory;

struct rules_matcher *__real_rules_matcher_new(const struct rules *rules);
struct rules_matcher *__wrap_rules_matcher_new(const struct rules *rules);

struct rules_matcher *__wrap_rules_matcher_new(const struct rules *rules)
{
    return has_memory ? __real_rules_matcher_new(rules) : NULL;
}

static void begin(struct explained *explained, const char *rules)
{
    *explained = (struct explained){.out = {0}};
    has_memory = true;
    scanned_begin(&explained->scanned, rules);
}

/* Scans, and takes the only message in hand; or what is left of one. */
static void scan(struct explained *explained)
{
    scanned_scan(&explained->scanned, 1);
    explained->row = *scanned_row(&explained->scanned, ID);
    message_init(&explained->message, &explained->scanned.scan.scene);
    (void)message_load(&explained->message, &explained->row, true);
}

static const struct explain_held not_held = {.run = ""};

static void end(struct explained *explained)
{
    buffer_free(&explained->out);
    message_free(&explained->message);
    scanned_drop(&explained->scanned);
    scanned_end(&explained->scanned);
}

static const char *explain(struct explained *explained, enum format format)
{
    buffer_clear(&explained->out);
    assert_true(explain_message(&explained->message, &not_held, format,
                                &explained->out));
    return buffer_text(&explained->out);
}

static const char *show(struct explained *explained)
{
    buffer_clear(&explained->out);
    show_message(&explained->message, &explained->out);
    return buffer_text(&explained->out);
}

#define WAITING "Deferred: Connection refused by b.example."

static void write_waiting(struct explained *explained)
{
    scanned_message(&explained->scanned, ID, WAITING, "a@b.example");
}

/* ---- explain: rules ---- */

static void test_every_rule_and_condition_in_text(void **state)
{
    struct explained explained;

    (void)state;
    begin(&explained, RULES);
    write_waiting(&explained);
    scan(&explained);
    assert_string_equal(
        explain(&explained, FORMAT_TEXT),
        ID " is dead\n"
           "  rule dead matches first; --purge-bounces would take it\n"
           "\n"
           "rule spared: does not match\n"
           "  test.rules:1, class spared\n"
           "  Mail that somebody vouches for, whose words are many, so many "
           "that they need\n"
           "  a second line\n"
           "  near miss: all but \"unless sender is ann@example.net\"\n"
           "    ok  when   origin is mail\n"
           "               qf: \"mail\"\n"
           "    --  unless sender is ann@example.net\n"
           "               qf: \"ann@example.net\"\n"
           "\n"
           "rule old: does not match\n"
           "  test.rules:7, class old\n"
           "    ok  when   recipients = 1\n"
           "               qf: 1\n"
           "    --  any    tries > 100\n"
           "               qf: 7\n"
           "    --  any    age > 30d\n"
           "               qf: 1h32m\n"
           "    --  any    size > 1k\n"
           "               qf: 7\n"
           "    --  when   client.address exists\n"
           "               qf: absent\n"
           "\n"
           "rule near: does not match\n"
           "  test.rules:13, class near\n"
           "  near miss: all but \"any tries > 100 | age > 30d\"\n"
           "    ok  when   origin is mail\n"
           "               qf: \"mail\"\n"
           "    --  any    tries > 100\n"
           "               qf: 7\n"
           "    --  any    age > 30d\n"
           "               qf: 1h32m\n"
           "\n"
           "rule dead: MATCHES\n"
           "  test.rules:18, class dead, purge yes\n"
           "    ok  when   status ~ /refused/\n"
           "               qf: \"" WAITING "\"\n"
           "    ok  when   host.waiting >= 1\n"
           "               the whole queue: 1\n"
           "\n"
           "rule only: does not match\n"
           "  test.rules:24, class only\n"
           "    --  when   origin is null-sender\n"
           "               qf: \"mail\"\n"
           "\n"
           "rule rest: would match, had no rule before it\n"
           "  test.rules:28, class rest\n"
           "    ok  when   recipient exists\n"
           "               qf: \"a@b.example\"\n");
    end(&explained);
}

static void assert_condition(const json_t *rule, size_t index, const char *word,
                             const char *answer, const char *saw,
                             const char *from)
{
    const json_t *condition =
        json_array_get(json_object_get(rule, "conditions"), index);

    assert_non_null(condition);
    assert_json_string(condition, "word", word);
    assert_json_string(condition, "answer", answer);
    assert_json_string(condition, "saw", saw);
    assert_json_string(condition, "from", from);
}

static void test_every_rule_and_condition_in_json(void **state)
{
    struct explained explained;
    json_t *object, *rules, *rule;
    const char *text;

    (void)state;
    begin(&explained, RULES);
    write_waiting(&explained);
    scan(&explained);
    text = explain(&explained, FORMAT_JSON);
    assert_int_equal(count_text(text, "\n"), 1);
    assert_int_equal(text[strlen(text) - 1], '\n');
    object = json_of(text);
    assert_json_string(object, "id", ID);
    assert_json_string(object, "class", "dead");
    assert_json_string(object, "reason", NULL);
    assert_true(json_is_true(json_object_get(object, "purge")));
    rules = json_object_get(object, "rules");
    assert_int_equal(json_array_size(rules), 6);
    rule = json_array_get(rules, 1);
    assert_json_string(rule, "rule", "old");
    assert_json_string(rule, "class", "old");
    assert_json_string(rule, "file", "test.rules");
    assert_json_integer(rule, "line", 7);
    assert_json_string(rule, "matches", "no");
    assert_json_integer(rule, "failed", 2);
    assert_int_equal(json_array_size(json_object_get(rule, "conditions")), 5);
    assert_condition(rule, 0, "when", "yes", "1", "qf");
    assert_condition(rule, 2, "any", "no", "1h32m", "qf");
    assert_condition(rule, 4, "when", "no", "absent", "qf");
    assert_json_integer(json_array_get(json_object_get(rule, "conditions"), 2),
                        "line", 11);
    assert_json_string(json_array_get(json_object_get(rule, "conditions"), 2),
                       "condition", "age > 30d");
    rule = json_array_get(rules, 3);
    assert_json_string(rule, "matches", "yes");
    assert_json_integer(rule, "failed", 0);
    assert_condition(rule, 0, "when", "yes", "\"" WAITING "\"", "qf");
    assert_condition(rule, 1, "when", "yes", "1", "the whole queue");
    json_decref(object);
    end(&explained);
}

/* A near miss is worth a word where one line of several failed: the line, all
 * of it, and no other. */
static void test_near_misses(void **state)
{
    static const struct {
        const char *conditions, *near;
    } cases[] = {
        {" when origin is mail\n when tries > 9\n",
         "  near miss: all but \"when tries > 9\"\n"},
        {" when tries > 9\n when origin is mail\n",
         "  near miss: all but \"when tries > 9\"\n"},
        {" any tries > 9 | age > 9d\n when origin is mail\n",
         "  near miss: all but \"any tries > 9 | age > 9d\"\n"},
        {" any tries > 9 | origin is mail\n when age > 9d\n",
         "  near miss: all but \"when age > 9d\"\n"},
        {" any origin is mail | tries > 9\n any tries > 8 | age > 9d\n",
         "  near miss: all but \"any tries > 8 | age > 9d\"\n"},
        {" any tries > 9 | age > 9d\n any tries > 8 | origin is mail\n",
         "  near miss: all but \"any tries > 9 | age > 9d\"\n"},
        {" when origin is mail\n unless tries > 6\n unless tries > 9\n",
         "  near miss: all but \"unless tries > 6\"\n"},
        {" when age > 9d\n any origin is mail | tries > 9\n",
         "  near miss: all but \"when age > 9d\"\n"},
        {" when tries > 9\n", NULL},
        {" when tries > 9\n when age > 9d\n when origin is mail\n", NULL},
        {" when origin is mail\n when tries > 6\n", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct explained explained;
        char rules[512];
        const char *text;

        snprintf(rules, sizeof(rules), "rule a\n on message\n class a\n%s",
                 cases[i].conditions);
        begin(&explained, rules);
        write_waiting(&explained);
        scan(&explained);
        text = explain(&explained, FORMAT_TEXT);
        if (cases[i].near != NULL)
            assert_has(text, cases[i].near);
        else
            assert_has_not(text, "near miss");
        end(&explained);
    }
}

/* ---- explain: what a condition saw ---- */

#define HOSTILE "\033[2J\"\\\xc3\xa4\xff\xe2\x80\xae"
#define HOSTILE_SHOWN "\\x1b[2J\"\\\\\xc3\xa4\\xff\\xe2\\x80\\xae"

static void test_hostile_values_are_escaped(void **state)
{
    struct explained explained;
    json_t *object;

    (void)state;
    begin(&explained, "rule a\n on message\n class a\n"
                      " when status ~ /\\x1b|\xc3\xa4/\n"
                      " when header.Subject exists\n");
    scanned_files(&explained.scanned, ID,
                  "V8\nT1795370000\nM" HOSTILE "\nS<>\nRPF:<a@b.example>\n"
                  "H??Subject: one\n\ttwo\n.\n",
                  "x\n");
    scan(&explained);
    assert_has(explain(&explained, FORMAT_TEXT),
               "    ok  when   status ~ /\\x1b|\xc3\xa4/\n"
               "               qf: \"" HOSTILE_SHOWN "\"\n"
               "    ok  when   header.Subject exists\n"
               "               qf: \"one\\x0a\\x09two\"\n");
    assert_mailable(explain(&explained, FORMAT_TEXT));
    object = json_of(explain(&explained, FORMAT_JSON));
    assert_condition(json_array_get(json_object_get(object, "rules"), 0), 0,
                     "when", "yes", "\"" HOSTILE_SHOWN "\"", "qf");
    json_decref(object);
    end(&explained);
}

/* Recipients of which there are count, and a status of 300 bytes. */
static void write_many(struct explained *explained, int count)
{
    struct buffer qf = {0};

    buffer_add_string(&qf, "V8\nT1795370000\nM");
    for (int i = 0; i < 300; i++)
        buffer_add_string(&qf, "m");
    buffer_add_string(&qf, "\nS<>\n");
    for (int i = 0; i < count; i++)
        buffer_printf(&qf, "RPF:<u%d@b.example>\n", i);
    buffer_add_string(&qf, ".\n");
    scanned_files(&explained->scanned, ID, buffer_text(&qf), "x\n");
    buffer_free(&qf);
}

#define FIVE                                                                   \
    "               qf: \"u0@b.example\", \"u1@b.example\", "                  \
    "\"u2@b.example\",\n"                                                      \
    "               \"u3@b.example\", \"u4@b.example\""

static void test_many_values_and_long_ones_are_cut(void **state)
{
    struct explained explained;
    const char *text;

    (void)state;
    begin(&explained, "rule a\n on message\n class a\n when recipient exists\n"
                      " when status.envelope !~ /more words than there is "
                      "room for in one line of a report by mail/\n");
    write_many(&explained, 7);
    scan(&explained);
    text = explain(&explained, FORMAT_TEXT);
    assert_has(text, FIVE " and 2 more\n");
    text = strstr(text, "status.envelope");
    assert_non_null(text);
    assert_has(text, "mmm...\"\n");
    assert_int_equal(count_text(strstr(text, "\"mmm"), "m"), 117);
    assert_mailable(explain(&explained, FORMAT_TEXT));
    end(&explained);
    begin(&explained, "rule a\n on message\n class a\n"
                      " when recipient exists\n");
    write_many(&explained, 5);
    scan(&explained);
    assert_has(explain(&explained, FORMAT_TEXT), FIVE "\n");
    end(&explained);
}

static const struct scanned_bounce bounce = {.id = ID,
                                             .host = "dead.example",
                                             .recipient = "u@dead.example",
                                             .source = "192.0.2.7",
                                             .name =
                                                 "192-0-2-7.dsl.example.net",
                                             .guess = "nobody@example.com"};

static void test_values_of_each_kind(void **state)
{
    struct explained explained;
    const char *text;

    (void)state;
    begin(&explained,
          "rule a\n on message\n class a\n when source.forged is no\n"
          " when source.generic is yes\n when source is 192.0.2.7\n"
          " when idle > 1m\n when dsn.status is 5.1.1\n"
          " when host.answered = 0\n when source.hostile is yes\n");
    scanned_bounce(&explained.scanned, &bounce);
    scan(&explained);
    text = explain(&explained, FORMAT_TEXT);
    assert_has(text, "source.forged is no\n               df: no\n");
    assert_has(text, "source.generic is yes\n               df: yes\n");
    assert_has(text, "source is 192.0.2.7\n               df: \"192.0.2.7\"\n");
    assert_has(text, "idle > 1m\n               qf: 9m\n");
    assert_has(text, "5.1.1\n               df: \"5.1.1\"\n");
    assert_has(text, "host.answered = 0\n               the whole queue: 0\n");
    assert_has(text,
               "source.hostile is yes\n               the logs: absent\n");
    end(&explained);
}

/* ---- explain: the verdict ---- */

static void assert_verdict(struct explained *explained, const char *verdict)
{
    const char *text = explain(explained, FORMAT_TEXT);

    if (strncmp(text, verdict, strlen(verdict)) != 0)
        fail_msg("not \"%s\": %s", verdict, text);
}

static void assert_purge(struct explained *explained, bool is_purge)
{
    json_t *object = json_of(explain(explained, FORMAT_JSON));

    assert_int_equal(json_is_true(json_object_get(object, "purge")), is_purge);
    json_decref(object);
}

/* The row as a scan would have left it, had it found such files. */
static void test_what_comes_of_a_verdict(void **state)
{
    struct explained explained;

    (void)state;
    begin(&explained, RULES);
    write_waiting(&explained);
    scan(&explained);
    explained.row.oddities = ODD_HARD_LINKED;
    assert_verdict(&explained, ID " is dead\n  rule dead matches first; its "
                                  "control file has another name\n");
    assert_purge(&explained, false);
    explained.row.oddities = ODD_STALE_TF;
    assert_verdict(&explained, ID " is dead\n  rule dead matches first; a tf "
                                  "beside it: being rewritten\n");
    assert_purge(&explained, false);
    explained.row.oddities = 0;
    assert_purge(&explained, true);
    explained.row.is_held = true;
    explained.row.rule = RULES_NO_RULE; /* a held one is not judged */
    assert_verdict(&explained,
                   ID " is dead\n  rule dead matches first; held\n");
    assert_purge(&explained, false);
    end(&explained);
    begin(&explained, RULES);
    scanned_message(&explained.scanned, ID, "Deferred", "a@b.example");
    scan(&explained);
    assert_verdict(&explained,
                   ID " is rest\n  rule rest matches first; kept\n");
    end(&explained);
    begin(&explained, "");
    write_waiting(&explained);
    scan(&explained);
    assert_string_equal(explain(&explained, FORMAT_TEXT),
                        ID " is unclassified\n  no rule matches; kept\n");
    end(&explained);
}

static void test_an_undecided_rule_keeps_the_message(void **state)
{
    struct explained explained;
    json_t *object, *rule;
    const char *text;

    (void)state;
    begin(&explained,
          "rule unread\n on message\n class other\n when tries > 6\n"
          " when dsn.status is 5.1.1\n unless dsn.status is 5.1.2\n"
          "rule unread-too\n on message\n class other\n when tries > 6\n"
          " when dsn.status is 5.1.1\n"
          "rule dead\n on message\n class dead\n purge yes\n"
          " when origin is local-dsn\n");
    scanned_bounce(&explained.scanned, &bounce);
    folder_write(&explained.scanned.folder, "q/df" ID, "This is cut\n");
    scan(&explained);
    assert_verdict(&explained, ID " is dead\n  rule dead matches first; kept, "
                                  "because an earlier rule is undecided\n\n"
                                  "rule unread: undecided\n");
    text = explain(&explained, FORMAT_TEXT);
    assert_has(text, "    ok  when   tries > 6\n");
    assert_has(text, "    ??  when   dsn.status is 5.1.1\n"
                     "               df: cannot be told\n"
                     "    ??  unless dsn.status is 5.1.2\n");
    assert_has_not(text, "near miss");
    object = json_of(explain(&explained, FORMAT_JSON));
    rule = json_array_get(json_object_get(object, "rules"), 0);
    assert_json_string(rule, "matches", "undecided");
    assert_condition(rule, 1, "when", "undecided", "cannot be told", "df");
    assert_true(json_is_false(json_object_get(object, "purge")));
    assert_json_string(object, "class", "dead");
    json_decref(object);
    end(&explained);
}

static void assert_reason(struct explained *explained, const char *class,
                          const char *place, const char *reason)
{
    char text[256];
    json_t *object;

    snprintf(text, sizeof(text), ID " is %s\n  %s%s; no rule may purge it\n",
             class, place, reason);
    assert_string_equal(explain(explained, FORMAT_TEXT), text);
    object = json_of(explain(explained, FORMAT_JSON));
    assert_json_string(object, "class", class);
    assert_json_string(object, "reason", reason);
    assert_true(json_is_false(json_object_get(object, "purge")));
    assert_int_equal(json_array_size(json_object_get(object, "rules")), 0);
    json_decref(object);
}

static void move(struct explained *explained, const char *to)
{
    folder_need(rename(folder_path(&explained->scanned.folder, "q/qf" ID),
                       folder_path(&explained->scanned.folder, to)) == 0,
                to);
}

/* What the kind of file says needs no rule. */
static void test_classes_by_the_kind_of_file(void **state)
{
    struct explained explained;

    (void)state;
    begin(&explained, RULES);
    write_waiting(&explained);
    move(&explained, "q/hf" ID);
    scan(&explained);
    assert_reason(&explained, "quarantined", "",
                  "its control file is an hf: quarantined");
    end(&explained);
    begin(&explained, RULES);
    write_waiting(&explained);
    move(&explained, "q/Qf" ID);
    scan(&explained);
    assert_reason(&explained, "lost", "",
                  "its control file is a Qf: sendmail gave it up");
    end(&explained);
    begin(&explained, RULES);
    folder_write(&explained.scanned.folder, "q/df" ID, "x\n");
    scan(&explained);
    assert_reason(&explained, "orphan", "",
                  "there is no control file of this id in any queue");
    end(&explained);
    begin(&explained, RULES);
    write_waiting(&explained);
    scan(&explained);
    explained.row.state = FACTS_NEWBORN;
    assert_reason(&explained, "unclassified", "",
                  "its control file is empty and young: being written");
    end(&explained);
}

static void test_what_is_damaged_and_in_which_line(void **state)
{
    struct explained explained;

    (void)state;
    begin(&explained, RULES);
    scanned_files(&explained.scanned, ID,
                  "V8\nT1795370000\nNseven\nS<>\nRPF:<a@b.example>\n.\n",
                  "x\n");
    scan(&explained);
    assert_reason(&explained, "damaged",
                  "line 3: ", qf_outcome_text(QF_BAD_NUMBER));
    end(&explained);
    begin(&explained, RULES);
    write_waiting(&explained);
    unlink(folder_path(&explained.scanned.folder, "q/df" ID));
    scan(&explained);
    assert_reason(&explained, "damaged", "", "no df");
    end(&explained);
}

static void test_without_memory_it_says_so(void **state)
{
    struct explained explained;

    (void)state;
    begin(&explained, RULES);
    write_waiting(&explained);
    scan(&explained);
    has_memory = false;
    assert_false(explain_message(&explained.message, &not_held, FORMAT_TEXT,
                                 &explained.out));
    assert_false(explain_message(&explained.message, &not_held, FORMAT_JSON,
                                 &explained.out));
    assert_int_equal(explained.out.len, 0);
    end(&explained);
}

/* ---- show ---- */

static void test_envelope_headers_and_body(void **state)
{
    struct explained explained;

    (void)state;
    begin(&explained, "");
    scanned_files(&explained.scanned, ID,
                  "V8\nT1795370000\nK1795375000\nN7\nP30000\nM" HOSTILE
                  "\nFsr\n$rESMTP\n$_dsl.example.net [192.0.2.7]\n"
                  "qwhy\033\nS<\"" HOSTILE "\"@example.net>\n"
                  "Mown status\nRPF:<a@b.example>\n"
                  "H?P?Subject: one\033[1m\n\ttwo\r\n   three\nH??X\\y: \n.\n",
                  "plain\n\ttab\tab\tc\n\n" HOSTILE "\r\nlast without end");
    scan(&explained);
    assert_string_equal(show(&explained),
                        "ENVELOPE\n"
                        "  sender           <\"" HOSTILE_SHOWN
                        "\"@example.net>\n"
                        "  flags            sr\n"
                        "  status           " HOSTILE_SHOWN "\n"
                        "  quarantine       why\\x1b\n"
                        "  created          2026-11-22 17:53:20 UTC, 1h32m "
                        "ago\n"
                        "  last attempt     2026-11-22 19:16:40 UTC, 9m ago\n"
                        "  tries            7\n"
                        "  client           dsl.example.net [192.0.2.7]\n"
                        "  protocol         ESMTP\n"
                        "  recipient        <a@b.example>\n"
                        "    its status     own status\n"
                        "\nHEADERS\n"
                        "  Subject: one\\x1b[1m\n"
                        "      two\n"
                        "      three\n"
                        "  X\\\\y:\n"
                        "\nBODY\n"
                        "  plain\n"
                        "          tab     ab      c\n"
                        "  \n"
                        "  " HOSTILE_SHOWN "\n"
                        "  last without end\n");
    end(&explained);
}

static void test_moments_that_are_to_come_or_unknown(void **state)
{
    struct explained explained;
    const char *text;

    (void)state;
    begin(&explained, "");
    scanned_files(&explained.scanned, ID,
                  "V8\nT1795379179\nK0\nS<>\nRPF:<a@b.example>\n.\n", "x\n");
    scan(&explained);
    text = show(&explained);
    assert_has(text, "  created          2026-11-22 20:26:19 UTC, 1h00m from "
                     "now\n");
    assert_has_not(text, "last attempt");
    assert_has_not(text, "tries");
    assert_has_not(text, "client");
    end(&explained);
}

/* A message of count recipients, headers and lines. */
static void write_long(struct explained *explained, unsigned count)
{
    struct buffer qf = {0}, df = {0};

    buffer_add_string(&qf, "V8\nT1795370000\nS<>\n");
    for (unsigned i = 1; i <= count; i++)
        buffer_printf(&qf, "RPF:<u%u@b.example>\n", i);
    for (unsigned i = 1; i <= count; i++)
        buffer_printf(&qf, "H??X-%u: x\n", i);
    buffer_add_string(&qf, ".\n");
    for (unsigned i = 1; i <= count; i++)
        buffer_printf(&df, "line %u\n", i);
    scanned_files(&explained->scanned, ID, buffer_text(&qf), buffer_text(&df));
    buffer_free(&qf);
    buffer_free(&df);
}

static void test_a_hundred_of_each_is_shown(void **state)
{
    struct explained explained;
    const char *text;

    (void)state;
    begin(&explained, "");
    write_long(&explained, 100);
    scan(&explained);
    text = show(&explained);
    assert_has(text, "<u100@b.example>\n");
    assert_has(text, "  X-100: x\n");
    assert_has(text, "  line 100\n");
    assert_has_not(text, " more ");
    end(&explained);
    begin(&explained, "");
    write_long(&explained, 103);
    scan(&explained);
    text = show(&explained);
    assert_has(text, "<u100@b.example>\n  and 3 more recipients\n");
    assert_has(text, "  X-100: x\n  and 3 more headers\n");
    assert_has(text, "  line 100\n  and 27 more bytes\n");
    assert_has_not(text, "101");
    end(&explained);
}

static void test_long_lines_are_cut(void **state)
{
    struct explained explained;
    char df[2048];
    const char *body;

    (void)state;
    begin(&explained, "");
    memset(df, 'w', sizeof(df));
    memset(df, '\t', 10);
    strcpy(df + 1000, "\nnext\n");
    scanned_files(&explained.scanned, ID,
                  "V8\nT1795370000\nS<>\nRPF:<a@b.example>\n.\n", df);
    scan(&explained);
    body = strstr(show(&explained), "BODY\n");
    assert_non_null(body);
    assert_has(body, "www...\n  next\n");
    assert_int_equal(strchr(body + 5, '\n') - (body + 5), 2 + 500);
    end(&explained);
    /* nor goes it on behind a tab */
    begin(&explained, "");
    df[500] = '\t';
    memset(df, 'w', 500);
    scanned_files(&explained.scanned, ID,
                  "V8\nT1795370000\nS<>\nRPF:<a@b.example>\n.\n", df);
    scan(&explained);
    body = strstr(show(&explained), "BODY\n");
    assert_non_null(body);
    assert_int_equal(strspn(body + 5 + 2, "w"), 500);
    assert_has(body, "w    ...\n  next\n"); /* there was more */
    end(&explained);
}

static void test_what_cannot_be_shown(void **state)
{
    struct explained explained;
    const char *text;

    (void)state;
    begin(&explained, "");
    scanned_files(&explained.scanned, ID,
                  "V8\nT1795370000\nS<>\nRPF:<a@b.example>\n", NULL);
    scan(&explained);
    text = show(&explained);
    assert_has(text, "  damaged at line ");
    assert_has(text, qf_outcome_text(QF_TRUNCATED));
    assert_has(text, "\nBODY\n  there is no df\n");
    end(&explained);
    begin(&explained, "");
    write_waiting(&explained);
    unlink(folder_path(&explained.scanned.folder, "q/df" ID));
    folder_make(&explained.scanned.folder, "q/df" ID);
    scan(&explained);
    assert_has(show(&explained), "\nBODY\n  df cannot be read\n");
    end(&explained);
}

static void test_files_without_message(void **state)
{
    struct explained explained;

    (void)state;
    begin(&explained, "");
    folder_write(&explained.scanned.folder, "q/df" ID, "all\033\nthat is left");
    scan(&explained);
    assert_string_equal(show(&explained),
                        "ORPHAN df\n  there is no control file of this id in "
                        "any queue\n"
                        "\nBODY\n  all\\x1b\n  that is left\n");
    end(&explained);
    begin(&explained, "");
    folder_write(&explained.scanned.folder, "q/xf" ID, "a transcript\n");
    scan(&explained);
    assert_string_equal(show(&explained),
                        "ORPHAN xf\n  there is no control file of this id in "
                        "any queue\n");
    end(&explained);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_rule_and_condition_in_text),
        cmocka_unit_test(test_every_rule_and_condition_in_json),
        cmocka_unit_test(test_near_misses),
        cmocka_unit_test(test_hostile_values_are_escaped),
        cmocka_unit_test(test_many_values_and_long_ones_are_cut),
        cmocka_unit_test(test_values_of_each_kind),
        cmocka_unit_test(test_what_comes_of_a_verdict),
        cmocka_unit_test(test_an_undecided_rule_keeps_the_message),
        cmocka_unit_test(test_classes_by_the_kind_of_file),
        cmocka_unit_test(test_what_is_damaged_and_in_which_line),
        cmocka_unit_test(test_without_memory_it_says_so),
        cmocka_unit_test(test_envelope_headers_and_body),
        cmocka_unit_test(test_moments_that_are_to_come_or_unknown),
        cmocka_unit_test(test_a_hundred_of_each_is_shown),
        cmocka_unit_test(test_long_lines_are_cut),
        cmocka_unit_test(test_what_cannot_be_shown),
        cmocka_unit_test(test_files_without_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
