/* One message a line: what is listed, in which order, and how it is shown. */
/* wraps: interrupt_signal rules_matcher_new */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>

#include "qscan/interrupt.h"
#include "qscan/list.h"
#include "tests/heard.h"
#include "tests/printed.h"
#include "tests/scanned.h"

#define RULES                                                                  \
    "rule never\n class never\n on message\n when sender is never@x.example\n" \
    "rule unread\n class other\n on message\n"                                 \
    " when recipient is u@unread.example\n when dsn.status is 5.1.1\n"         \
    "rule dead\n class bounce-dead\n on message\n purge yes\n"                 \
    " when origin is local-dsn\n when dsn.kind is failure\n"                   \
    "rule rest\n class rest\n on message\n when recipient exists\n"            \
    " when recipient isnt none@none.example\n"

#define HEAD                                                                   \
    "id,class,rule,purge,sender,recipients,status,tries,age_sec,size_bytes,"   \
    "file"

/* An escape sequence, quotes, a backslash, a character, bytes that are none,
 * and one that turns the direction. */
#define HOSTILE "\033]0;x\007\"q\\\" \xc3\xa4\xff\x80\xe2\x80\xae"
#define HOSTILE_SHOWN                                                          \
    "\\x1b]0;x\\x07\"q\\\\\" \xc3\xa4\\xff\\x80\\xe2\\x80\\xae"
#define HOSTILE_CSV                                                            \
    "\\x1b]0;x\\x07\"\"q\\\\\"\" \xc3\xa4\\xff\\x80\\xe2\\x80\\xae"
#define HOSTILE_JSON                                                           \
    "\033]0;x\007\"q\\\" \xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xe2\x80\xae"

/* ---- faults ---- */

static int signal_now;
static unsigned matchers_left; /* that there is memory for */

int __wrap_interrupt_signal(void);
struct rules_matcher *__real_rules_matcher_new(const struct rules *rules);
struct rules_matcher *__wrap_rules_matcher_new(const struct rules *rules);

int __wrap_interrupt_signal(void)
{
    return signal_now;
}

struct rules_matcher *__wrap_rules_matcher_new(const struct rules *rules)
{
    if (matchers_left == 0)
        return NULL;
    matchers_left--;
    return __real_rules_matcher_new(rules);
}

/* ---- a queue, and its list ---- */

struct listed {
    struct scanned scanned;
    struct options options;
    struct printed printed;
    list_action_of action_of;
};

static void begin(struct listed *listed)
{
    *listed = (struct listed){.action_of = NULL};
    signal_now = 0;
    matchers_left = UINT32_MAX;
    scanned_begin(&listed->scanned, RULES);
}

static void scan(struct listed *listed, unsigned workers)
{
    scanned_scan(&listed->scanned, workers);
}

static void end(struct listed *listed)
{
    printed_free(&listed->printed);
    string_list_free(&listed->options.classes);
    string_list_free(&listed->options.ids);
    scanned_drop(&listed->scanned);
    scanned_end(&listed->scanned);
}

static bool print(struct listed *listed, enum format format)
{
    bool is_done;

    listed->options.format = format;
    is_done = list_print(
        &listed->options, &listed->scanned.scan, listed->action_of, listed,
        printed_begin(&listed->printed, &listed->scanned.complaints));
    printed_end(&listed->printed);
    return is_done && !listed->printed.output.has_failed;
}

/* "%s" stands for the queue's path. */
static void assert_list(struct listed *listed, enum format format,
                        const char *expected)
{
    struct buffer text = {0};
    const char *place;

    assert_true(print(listed, format));
    for (; (place = strstr(expected, "%s")) != NULL; expected = place + 2) {
        buffer_add(&text, slice_make(expected, (size_t)(place - expected)));
        buffer_add_string(&text, folder_path(&listed->scanned.folder, "q"));
    }
    buffer_add_string(&text, expected);
    assert_string_equal(listed->printed.text, buffer_text(&text));
    buffer_free(&text);
}

/* The list of the only message, as JSON. */
static json_t *only_object(struct listed *listed)
{
    assert_true(print(listed, FORMAT_JSON));
    assert_int_equal(count_text(listed->printed.text, "\n"), 1);
    return json_of(listed->printed.text);
}

/* A message of which sender, recipient and status are hostile. */
static void write_hostile(struct listed *listed)
{
    scanned_files(&listed->scanned, "6AMHqPjw023671",
                  "V8\nT1795370000\nN7\nM" HOSTILE "\nFs\n"
                  "S<=1+1," HOSTILE "@example.net>\n"
                  "RPF:<" HOSTILE "@b.example>\nRPF:<c@d.example>\n.\n",
                  "1234567");
}

/* ---- list_add_span ---- */

static void test_spans_of_time_in_two_units(void **state)
{
    static const struct {
        int64_t sec;
        const char *text;
    } cases[] = {
        {INT64_MIN, "0s"},     {-1, "0s"},        {0, "0s"},
        {59, "59s"},           {60, "1m"},        {3599, "59m"},
        {3600, "1h00m"},       {3661, "1h01m"},   {172799, "47h59m"},
        {172800, "2d00h"},     {262799, "3d00h"}, {262800, "3d01h"},
        {8639999, "99d23h"},   {8640000, "100d"}, {8640000000, "99999d"},
        {INT64_MAX, "99999d"},
    };
    struct buffer out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        list_add_span(&out, cases[i].sec);
        assert_string_equal(buffer_text(&out), cases[i].text);
        buffer_clear(&out);
    }
    buffer_free(&out);
}

/* ---- list_is_selected ---- */

static bool is_selected(const struct listed *listed, const char *id)
{
    return list_is_selected(&listed->options, &listed->scanned.scan,
                            scanned_row(&listed->scanned, id));
}

static const struct scanned_bounce dead = {.id = "6AMHqPjw023673",
                                           .host = "dead.example",
                                           .recipient = "u@dead.example",
                                           .source = "192.0.2.7",
                                           .name = "dsl-7.example.net",
                                           .guess = "nobody@example.com"};

static void write_three(struct listed *listed)
{
    scanned_message(&listed->scanned, "6AMHqPjw023672", "Deferred",
                    "a@b.example");
    scanned_bounce(&listed->scanned, &dead);
    folder_write(&listed->scanned.folder, "q/df6AMHqPjw023671", "orphan\n");
    scanned_set_time(&listed->scanned, "q/df6AMHqPjw023671", SCANNED_NOW - 90);
}

static void test_all_that_is_wanted_and_there_is_selected(void **state)
{
    struct listed listed;
    struct facts row;

    (void)state;
    begin(&listed);
    write_three(&listed);
    scan(&listed, 1);
    assert_true(is_selected(&listed, "6AMHqPjw023671"));
    assert_true(is_selected(&listed, "6AMHqPjw023672"));
    row = *scanned_row(&listed.scanned, "6AMHqPjw023672");
    row.state = FACTS_GONE;
    assert_false(list_is_selected(&listed.options, &listed.scanned.scan, &row));
    row.state = FACTS_JUDGED;
    row.is_held = true;
    assert_false(list_is_selected(&listed.options, &listed.scanned.scan, &row));
    row.is_held = false;
    row.is_wanted = false;
    assert_false(list_is_selected(&listed.options, &listed.scanned.scan, &row));
    row.is_wanted = true;
    assert_true(list_is_selected(&listed.options, &listed.scanned.scan, &row));
    end(&listed);
}

static void test_class_and_id_must_both_fit(void **state)
{
    struct listed listed;

    (void)state;
    begin(&listed);
    write_three(&listed);
    scan(&listed, 1);
    string_list_add(&listed.options.classes, SLICE_LITERAL("orphan"));
    string_list_add(&listed.options.classes, SLICE_LITERAL("rest"));
    assert_true(is_selected(&listed, "6AMHqPjw023671"));
    assert_true(is_selected(&listed, "6AMHqPjw023672"));
    assert_false(is_selected(&listed, "6AMHqPjw023673"));
    /* a longer one, and the front of one, are other ids */
    string_list_add(&listed.options.ids, SLICE_LITERAL("6AMHqPjw02367"));
    string_list_add(&listed.options.ids, SLICE_LITERAL("6AMHqPjw0236710"));
    string_list_add(&listed.options.ids, SLICE_LITERAL("6AMHqPjw023672"));
    string_list_add(&listed.options.ids, SLICE_LITERAL("6AMHqPjw023673"));
    assert_false(is_selected(&listed, "6AMHqPjw023671"));
    assert_true(is_selected(&listed, "6AMHqPjw023672"));
    assert_false(is_selected(&listed, "6AMHqPjw023673"));
    string_list_free(&listed.options.classes);
    assert_true(is_selected(&listed, "6AMHqPjw023673"));
    end(&listed);
}

/* --id=- and nothing came: that is none, not all. */
static void test_no_id_from_standard_input_selects_nothing(void **state)
{
    struct listed listed;

    (void)state;
    begin(&listed);
    write_three(&listed);
    scan(&listed, 1);
    listed.options.ids_from_stdin = true;
    assert_false(is_selected(&listed, "6AMHqPjw023672"));
    assert_list(&listed, FORMAT_TEXT, "");
    assert_list(&listed, FORMAT_CSV, HEAD "\n");
    end(&listed);
}

/* ---- text ---- */

static void test_lines_in_the_order_of_ids(void **state)
{
    struct listed listed;

    (void)state;
    for (unsigned workers = 1; workers <= 4; workers++) {
        begin(&listed);
        write_three(&listed);
        scanned_message(&listed.scanned, "6AMHqPjw023670",
                        "Deferred\nRPF:<b@c.example>\nRPF:<c@d.example",
                        "a@b.example");
        scan(&listed, workers);
        assert_list(
            &listed, FORMAT_TEXT,
            "6AMHqPjw023670 rest            1h32m b@c.example (+2)  Deferred\n"
            "6AMHqPjw023671 orphan             1m %s/df6AMHqPjw023671\n"
            "6AMHqPjw023672 rest            1h32m a@b.example  Deferred\n"
            "6AMHqPjw023673 bounce-dead     1h32m u@dead.example  Deferred: "
            "Connection refused by dead.example.\n");
        end(&listed);
    }
}

static void test_hostile_text_is_escaped(void **state)
{
    struct listed listed;

    (void)state;
    begin(&listed);
    write_hostile(&listed);
    scan(&listed, 1);
    assert_list(&listed, FORMAT_TEXT,
                "6AMHqPjw023671 rest            1h32m " HOSTILE_SHOWN
                "@b.example (+1)  " HOSTILE_SHOWN "\n");
    assert_printable(listed.printed.text);
    end(&listed);
}

/* Whoever may write into the queue chooses the names of files, too. */
static void test_hostile_ids_and_missing_status(void **state)
{
    struct listed listed;

    (void)state;
    begin(&listed);
    scanned_files(&listed.scanned, "6A\033[2J",
                  "V8\nT1795370000\nFs\nS<>\nRPF:<a@b.example>\n.\n", "x\n");
    scan(&listed, 1);
    assert_list(&listed, FORMAT_TEXT,
                "6A\\x1b[2J      rest            1h32m a@b.example\n");
    assert_true(print(&listed, FORMAT_CSV));
    assert_has(listed.printed.text, "\n\"6A\\x1b[2J\",rest,");
    json_decref(only_object(&listed));
    assert_has(listed.printed.text, "{\"id\":\"6A\\u001b[2J\",");
    end(&listed);
}

static void test_queue_of_three_folders(void **state)
{
    struct listed listed;

    (void)state;
    begin(&listed);
    folder_make(&listed.scanned.folder, "q/qf");
    folder_make(&listed.scanned.folder, "q/df");
    folder_make(&listed.scanned.folder, "q/xf");
    folder_write(&listed.scanned.folder, "q/qf/qf6AMHqPjw023671", "V8\n");
    scanned_set_time(&listed.scanned, "q/qf/qf6AMHqPjw023671",
                     SCANNED_NOW - 7200);
    folder_write(&listed.scanned.folder, "q/df/df6AMHqPjw023672", "x\n");
    scanned_set_time(&listed.scanned, "q/df/df6AMHqPjw023672",
                     SCANNED_NOW - 90);
    folder_write(&listed.scanned.folder, "q/xf/xf6AMHqPjw023673", "x\n");
    scanned_set_time(&listed.scanned, "q/xf/xf6AMHqPjw023673",
                     SCANNED_NOW - 90);
    scan(&listed, 1);
    assert_list(
        &listed, FORMAT_TEXT,
        "6AMHqPjw023671 damaged         2h00m %s/qf/qf6AMHqPjw023671\n"
        "6AMHqPjw023672 orphan             1m %s/df/df6AMHqPjw023672\n"
        "6AMHqPjw023673 orphan             1m %s/xf/xf6AMHqPjw023673\n");
    end(&listed);
}

/* A message in hand, out of a queue that was scanned. */
static void load(struct listed *listed, struct message *message, const char *id)
{
    message_init(message, &listed->scanned.scan.scene);
    assert_int_equal(
        message_load(message, scanned_row(&listed->scanned, id), true),
        INPUT_OK);
}

static void assert_line(struct message *message,
                        const struct list_action *action, size_t columns,
                        const char *expected)
{
    struct buffer out = {0};

    list_message(&out, FORMAT_TEXT, message, NULL, action, columns);
    assert_string_equal(buffer_text(&out), expected);
    buffer_free(&out);
}

static void test_a_terminal_gets_lines_of_its_width(void **state)
{
    const struct list_action none = {0},
                             hold = {"hold", "it is\033 dead", true};
    struct listed listed;
    struct message message;

    (void)state;
    begin(&listed);
    scanned_message(&listed.scanned, "6AMHqPjw023671",
                    "Deferred: a status that is longer than a line",
                    "ann@example.net");
    scan(&listed, 1);
    load(&listed, &message, "6AMHqPjw023671");
    assert_line(&message, &none, 0,
                "6AMHqPjw023671 rest            1h32m ann@example.net  "
                "Deferred: a status that is longer than a line\n");
    assert_line(&message, &none, 99,
                "6AMHqPjw023671 rest            1h32m ann@example.net  "
                "Deferred: a status that is longer than a line\n");
    assert_line(&message, &none, 98,
                "6AMHqPjw023671 rest            1h32m ann@example.net  "
                "Deferred: a status that is longer than a ...\n");
    assert_line(
        &message, &none, 60,
        "6AMHqPjw023671 rest            1h32m ann@example.net  Def...\n");
    /* why comes first, and something is always shown */
    assert_line(
        &message, &hold, 80,
        "6AMHqPjw023671 rest           hold    1h32m [it is\\x1b dead]  "
        "ann@example.net...\n");
    assert_line(&message, &hold, 40,
                "6AMHqPjw023671 rest           hold    1h32m [it is...\n");
    message_free(&message);
    end(&listed);
}

/* Of a time when ids were longer, or of nobody's. */
static void test_a_long_id_takes_its_columns_from_the_rest(void **state)
{
    const struct list_action none = {0};
    struct listed listed;
    struct message message;

    (void)state;
    begin(&listed);
    scanned_message(&listed.scanned, "6AMHqPjw\033\033",
                    "Deferred: a status that is longer than a line",
                    "ann@example.net");
    scan(&listed, 1);
    load(&listed, &message, "6AMHqPjw\033\033");
    assert_line(&message, &none, 62,
                "6AMHqPjw\\x1b\\x1b rest            1h32m ann@example.net  "
                "Def...\n");
    message_free(&message);
    end(&listed);
}

static void decide(void *context, const struct facts *row,
                   struct list_action *action_r)
{
    const struct listed *listed = context;

    assert_int_equal(listed->scanned.scan.table.count, 3);
    if (row->state == FACTS_ORPHAN)
        *action_r = (struct list_action){"keep", "no message", true};
    else if (row->is_purge)
        *action_r = (struct list_action){"delete", "\"dead\"", true};
}

static void test_a_plan_has_an_action_and_why(void **state)
{
    struct listed listed;

    (void)state;
    begin(&listed);
    listed.action_of = decide;
    write_three(&listed);
    scan(&listed, 1);
    assert_list(&listed, FORMAT_TEXT,
                "6AMHqPjw023671 orphan         keep       1m [no message]  "
                "%s/df6AMHqPjw023671\n"
                "6AMHqPjw023672 rest            1h32m a@b.example  Deferred\n"
                "6AMHqPjw023673 bounce-dead    delete  1h32m [\"dead\"]  "
                "u@dead.example  Deferred: Connection refused by "
                "dead.example.\n");
    string_list_add(&listed.options.classes, SLICE_LITERAL("bounce-dead"));
    assert_list(&listed, FORMAT_CSV,
                HEAD ",action,why\n"
                     "\"6AMHqPjw023673\",bounce-dead,dead,yes,"
                     "\"MAILER-DAEMON\",\"u@dead.example\",\"Deferred: "
                     "Connection refused by dead.example.\",7,5579,1119,"
                     "\"%s/qf6AMHqPjw023673\",delete,\"\"\"dead\"\"\"\n");
    end(&listed);
}

/* ---- CSV ---- */

static void test_fields_of_csv(void **state)
{
    struct listed listed;

    (void)state;
    begin(&listed);
    write_hostile(&listed);
    folder_write(&listed.scanned.folder, "q/df6AMHqPjw023672", "orphan\n");
    scanned_set_time(&listed.scanned, "q/df6AMHqPjw023672", SCANNED_NOW - 90);
    scan(&listed, 1);
    assert_list(&listed, FORMAT_CSV,
                HEAD "\n"
                     "\"6AMHqPjw023671\",rest,rest,no,\"'=1+1," HOSTILE_CSV
                     "@example.net\",\"" HOSTILE_CSV
                     "@b.example c@d.example\",\"" HOSTILE_CSV
                     "\",7,5579,7,\"%s/qf6AMHqPjw023671\"\n"
                     "\"6AMHqPjw023672\",orphan,,no,\"\",\"\",\"\",,90,7,"
                     "\"%s/df6AMHqPjw023672\"\n");
    end(&listed);
}

/* ---- JSON ---- */

static void test_fields_of_a_message_in_json(void **state)
{
    struct listed listed;
    json_t *object, *recipient;

    (void)state;
    begin(&listed);
    write_hostile(&listed);
    scan(&listed, 1);
    object = only_object(&listed);
    assert_json_string(object, "id", "6AMHqPjw023671");
    assert_json_string(object, "queue",
                       folder_path(&listed.scanned.folder, "q"));
    assert_json_string(
        object, "file",
        folder_path(&listed.scanned.folder, "q/qf6AMHqPjw023671"));
    assert_json_string(object, "class", "rest");
    assert_json_string(object, "rule", "rest");
    assert_true(json_is_false(json_object_get(object, "purge")));
    assert_int_equal(json_array_size(json_object_get(object, "undecided")), 0);
    assert_json_string(object, "sender", "=1+1," HOSTILE_JSON "@example.net");
    assert_json_string(object, "status", HOSTILE_JSON);
    assert_json_integer(object, "tries", 7);
    assert_json_integer(object, "created", 1795370000);
    assert_json_string(object, "last_attempt", NULL);
    assert_json_integer(object, "age_sec", 5579);
    assert_json_integer(object, "size_bytes", 7);
    assert_json_string(object, "flags", "s");
    assert_json_string(object, "quarantine", NULL);
    assert_json_string(object, "origin", "mail");
    assert_json_string(object, "dsn", NULL);
    assert_json_string(object, "source", NULL);
    assert_json_string(object, "parent_id", NULL);
    assert_null(json_object_get(object, "action"));
    assert_null(json_object_get(object, "identity"));
    assert_int_equal(json_array_size(json_object_get(object, "recipients")), 2);
    recipient = json_array_get(json_object_get(object, "recipients"), 0);
    assert_json_string(recipient, "address", HOSTILE_JSON "@b.example");
    assert_json_string(recipient, "status", HOSTILE_JSON);
    assert_json_string(recipient, "dsn", NULL);
    assert_int_equal(json_array_size(json_object_get(object, "lossy")), 3);
    json_decref(object);
    end(&listed);
}

static void test_codes_of_replies_in_json(void **state)
{
    static const struct {
        const char *status, *code;
    } cases[] = {
        {"Deferred: 452 4.2.2 Mailbox full", "4.2.2"},
        {"550 5.1.1 <a@b.example>... User unknown", "5.1.1"},
        {"550 5.1.1", "5.1.1"},
        {"Deferred: 421 try later", NULL},
        {"Deferred: 4.2.2 Mailbox full", NULL},
        {"Deferred: 550", NULL},
        {"550 5.1", NULL},
        {"550 511 User unknown", NULL},
        {"550 x.1.1 User unknown", NULL},
        {"abc 5.1.1 User unknown", NULL},
        {"550-5.1.1 User unknown", NULL},
        {"Deferred", NULL},
    };
    enum { CASES = sizeof(cases) / sizeof(cases[0]) };
    char qf[2048] = "V8\nT1795370000\nMof the message\nS<>\n";
    struct listed listed;
    json_t *object, *recipients;

    (void)state;
    begin(&listed);
    for (size_t i = 0; i < CASES; i++)
        snprintf(qf + strlen(qf), sizeof(qf) - strlen(qf),
                 "M%s\nRPF:<a@b.example>\n", cases[i].status);
    strcat(qf, ".\n");
    scanned_files(&listed.scanned, "6AMHqPjw023671", qf, "x\n");
    scan(&listed, 1);
    object = only_object(&listed);
    recipients = json_object_get(object, "recipients");
    assert_int_equal(json_array_size(recipients), CASES);
    for (size_t i = 0; i < CASES; i++) {
        const json_t *recipient = json_array_get(recipients, i);

        assert_json_string(recipient, "status", cases[i].status);
        assert_json_string(recipient, "dsn", cases[i].code);
    }
    assert_json_string(object, "status", "of the message");
    assert_json_string(object, "sender", "");
    assert_json_string(object, "origin", "null-sender");
    json_decref(object);
    end(&listed);
}

static void test_a_report_in_json(void **state)
{
    struct scanned_bounce bounce = dead;
    struct listed listed;
    json_t *object, *dsn, *source;

    (void)state;
    bounce.others = "Final-Recipient: RFC822; slow@example.com\n"
                    "Action: delayed\nStatus: 4.2.0\n"
                    "Last-Attempt-Date: Sun, 22 Nov 2026 17:53:20 GMT\n\n";
    begin(&listed);
    scanned_bounce(&listed.scanned, &bounce);
    scan(&listed, 1);
    object = only_object(&listed);
    assert_true(json_is_true(json_object_get(object, "purge")));
    assert_json_string(object, "class", "bounce-dead");
    assert_json_string(object, "rule", "dead");
    assert_json_string(object, "origin", "local-dsn");
    assert_json_integer(object, "last_attempt", 1795375000);
    dsn = json_object_get(object, "dsn");
    assert_json_string(dsn, "kind", "failure");
    assert_json_string(dsn, "final_recipient", "nobody@example.com");
    assert_json_string(dsn, "status", "5.1.1");
    assert_json_string(dsn, "diagnostic",
                       "SMTP; 550 5.1.1 <nobody@example.com>... User unknown");
    assert_json_string(dsn, "remote_mta", "mail.example.com");
    source = json_object_get(object, "source");
    assert_json_string(source, "address", "192.0.2.7");
    assert_json_string(source, "name", "dsl-7.example.net");
    assert_true(json_is_false(json_object_get(source, "forged")));
    assert_json_string(object, "parent_id", "6AMHqK0f009999");
    assert_null(json_object_get(object, "lossy"));
    json_decref(object);
    end(&listed);
}

/* Of a warning who is delayed, not who got it. */
static void test_a_warning_in_json(void **state)
{
    static const char qf[] =
        "V8\nT1795375000\nK0\nN0\nP30000\nFs\n$_mx.example.net [192.0.2.9]\n"
        "S<>\nRPFD:<ann@example.com>\n"
        "H??Content-Type: multipart/report; report-type=delivery-status;"
        " boundary=b\n.\n";
    static const char df[] =
        "--b\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mx.example.net\n\n"
        "Final-Recipient: rfc822; has-it@example.net\nAction: delivered\n\n"
        "Final-Recipient: rfc822; waits@example.net\nAction: delayed\n--b--\n";
    struct listed listed;
    json_t *object, *dsn;

    (void)state;
    begin(&listed);
    scanned_files(&listed.scanned, "6AMHqPjw023671", qf, df);
    scan(&listed, 1);
    object = only_object(&listed);
    dsn = json_object_get(object, "dsn");
    assert_json_string(dsn, "kind", "warning");
    assert_json_string(dsn, "final_recipient", "waits@example.net");
    json_decref(object);
    end(&listed);
}

static void test_what_could_not_be_decided_in_json(void **state)
{
    struct scanned_bounce bounce = dead;
    struct listed listed;
    json_t *object, *undecided;

    (void)state;
    bounce.recipient = "u@unread.example";
    begin(&listed);
    scanned_bounce(&listed.scanned, &bounce);
    folder_write(&listed.scanned.folder, "q/df6AMHqPjw023673",
                 "This is a MIME-encapsulated message\n");
    scan(&listed, 1);
    object = only_object(&listed);
    undecided = json_object_get(object, "undecided");
    assert_int_equal(json_array_size(undecided), 1);
    assert_string_equal(json_string_value(json_array_get(undecided, 0)),
                        "unread");
    assert_true(json_is_false(json_object_get(object, "purge")));
    assert_json_string(object, "rule", "dead");
    assert_json_string(json_object_get(object, "dsn"), "final_recipient", NULL);
    json_decref(object);
    end(&listed);
}

/* Of a file without message nothing else is known, and what was in hand before
 * is not shown again. */
static void test_an_orphan_in_json(void **state)
{
    static const char *const unknown[] = {
        "rule",       "sender", "status", "tries",  "last_attempt", "flags",
        "quarantine", "origin", "dsn",    "source", "parent_id"};
    struct scanned_bounce bounce = dead;
    struct listed listed;
    json_t *object;
    const char *line;

    (void)state;
    begin(&listed);
    bounce.id = "6AMHqPjw023671";
    scanned_bounce(&listed.scanned, &bounce);
    folder_write(&listed.scanned.folder, "q/df6AMHqPjw023672", "orphan\n");
    scanned_set_time(&listed.scanned, "q/df6AMHqPjw023672", SCANNED_NOW - 90);
    folder_write(&listed.scanned.folder, "q/xf6AMHqPjw023673", "lines\n");
    scanned_set_time(&listed.scanned, "q/xf6AMHqPjw023673", SCANNED_NOW - 90);
    scan(&listed, 1);
    assert_true(print(&listed, FORMAT_JSON));
    line = strchr(listed.printed.text, '\n');
    assert_non_null(line);
    object = json_loads(line + 1, JSON_DISABLE_EOF_CHECK, NULL);
    assert_non_null(object);
    assert_json_string(object, "class", "orphan");
    assert_json_string(
        object, "file",
        folder_path(&listed.scanned.folder, "q/df6AMHqPjw023672"));
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        assert_json_string(object, unknown[i], NULL);
    assert_int_equal(json_array_size(json_object_get(object, "recipients")), 0);
    assert_json_integer(object, "created", SCANNED_NOW - 90);
    assert_json_integer(object, "age_sec", 90);
    assert_json_integer(object, "size_bytes", 7);
    json_decref(object);
    object = json_of(strchr(line + 1, '\n') + 1);
    assert_json_string(
        object, "file",
        folder_path(&listed.scanned.folder, "q/xf6AMHqPjw023673"));
    assert_json_string(object, "size_bytes", NULL);
    json_decref(object);
    end(&listed);
}

/* By this --apply knows that a control file is still that one. */
static void test_identity_of_a_plan(void **state)
{
    const struct list_action hold = {"hold", "d\x80", true};
    struct listed listed;
    struct message message;
    struct buffer out = {0};
    struct stat st;
    json_t *object, *identity;

    (void)state;
    begin(&listed);
    scanned_message(&listed.scanned, "6AMHqPjw023671", "Deferred",
                    "a@b.example");
    scan(&listed, 1);
    folder_need(stat(folder_path(&listed.scanned.folder, "q/qf6AMHqPjw023671"),
                     &st) == 0,
                "stat");
    load(&listed, &message, "6AMHqPjw023671");
    list_message(&out, FORMAT_JSON, &message, NULL, &hold, 0);
    object = json_of(buffer_text(&out));
    assert_json_string(object, "action", "hold");
    assert_json_string(object, "why", "d\xef\xbf\xbd");
    identity = json_object_get(object, "identity");
    assert_json_integer(identity, "device", (json_int_t)st.st_dev);
    assert_json_integer(identity, "inode", (json_int_t)st.st_ino);
    assert_json_integer(identity, "size", st.st_size);
    assert_json_integer(identity, "mtime_nsec", message_nsec(&st.st_mtim));
    assert_json_integer(identity, "ctime_nsec", message_nsec(&st.st_ctim));
    json_decref(object);
    buffer_free(&out);
    message_free(&message);
    end(&listed);
}

/* ---- the whole ---- */

static void test_what_went_meanwhile_is_not_listed(void **state)
{
    struct listed listed;

    (void)state;
    begin(&listed);
    write_three(&listed);
    scan(&listed, 1);
    unlink(folder_path(&listed.scanned.folder, "q/qf6AMHqPjw023672"));
    assert_true(print(&listed, FORMAT_TEXT));
    assert_has_not(listed.printed.text, "6AMHqPjw023672");
    assert_int_equal(count_text(listed.printed.text, "\n"), 2);
    assert_int_equal(listed.scanned.complaints.count, 0);
    end(&listed);
}

static void test_damaged_mail_is_listed_by_its_file(void **state)
{
    struct listed listed;

    (void)state;
    begin(&listed);
    scanned_files(&listed.scanned, "6AMHqPjw023671", "V8\nT1795370000\nS<",
                  "x\n");
    scan(&listed, 1);
    assert_list(&listed, FORMAT_TEXT,
                "6AMHqPjw023671 damaged         1h32m %s/qf6AMHqPjw023671\n");
    end(&listed);
}

/* More than two blocks of rows, of files that need not be there. */
static void add_orphans(struct listed *listed, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct facts *row = facts_add(&listed->scanned.scan.table);
        char id[32];

        assert_non_null(row);
        /* not in the order of ids */
        snprintf(id, sizeof(id), "6AMHqP%08u", i * 7919 % count);
        facts_set_id(row, slice_from_string(id));
        row->state = FACTS_ORPHAN;
        row->letter = 'd';
        row->is_wanted = true;
    }
}

static void test_blocks_follow_each_other(void **state)
{
    enum { COUNT = 20000 };
    struct listed listed;

    (void)state;
    for (unsigned workers = 1; workers <= 3; workers++) {
        const char *line;
        unsigned i = 0;

        begin(&listed);
        scan(&listed, workers);
        add_orphans(&listed, COUNT);
        assert_true(print(&listed, FORMAT_TEXT));
        line = listed.printed.text;
        /* of a file without time */
        assert_int_equal(count_text(line, " orphan             0s "), COUNT);
        for (; *line != '\0'; i++) {
            char id[32];

            snprintf(id, sizeof(id), "6AMHqP%08u", i);
            assert_memory_equal(line, id, strlen(id));
            line = strchr(line, '\n') + 1;
        }
        assert_int_equal(i, COUNT);
        end(&listed);
    }
}

static void test_an_empty_queue_is_an_empty_list(void **state)
{
    struct listed listed;

    (void)state;
    begin(&listed);
    scan(&listed, 2);
    assert_list(&listed, FORMAT_TEXT, "");
    assert_list(&listed, FORMAT_JSON, "");
    assert_list(&listed, FORMAT_CSV, HEAD "\n");
    end(&listed);
}

static void count_call(void *context, const struct facts *row,
                       struct list_action *action_r)
{
    size_t *count = context;

    (void)row;
    (void)action_r;
    ++*count;
}

static void test_a_full_disk_is_said_once(void **state)
{
    struct listed listed;
    struct output output = {.file = printed_full()};
    struct heard heard;
    size_t calls = 0;

    (void)state;
    if (output.file == NULL)
        skip(); /* no /dev/full */
    begin(&listed);
    output.complaints = &listed.scanned.complaints;
    scan(&listed, 1);
    add_orphans(&listed, 20000);
    heard_begin(&heard, &listed.scanned.folder);
    /* said by the output, and nothing that list could do about */
    assert_true(list_print(&listed.options, &listed.scanned.scan, count_call,
                           &calls, &output));
    assert_string_equal(heard_end(&heard),
                        "qscan: standard output: cannot be written: No space "
                        "left on device; the rest is missing\n");
    assert_true(output.has_failed);
    assert_true(calls < 20000); /* nothing more is read */
    assert_int_equal(listed.scanned.complaints.count, 1);
    fclose(output.file);
    end(&listed);
}

static void test_a_signal_or_no_memory_ends_it(void **state)
{
    struct listed listed;

    (void)state;
    begin(&listed);
    write_three(&listed);
    scan(&listed, 3);
    signal_now = SIGTERM;
    assert_false(print(&listed, FORMAT_TEXT));
    assert_string_equal(listed.printed.text, "");
    signal_now = 0;
    for (matchers_left = 0; matchers_left < 3;) {
        unsigned left = matchers_left;

        assert_false(print(&listed, FORMAT_CSV));
        assert_string_equal(listed.printed.text, "");
        matchers_left = left + 1;
    }
    assert_true(print(&listed, FORMAT_CSV));
    end(&listed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spans_of_time_in_two_units),
        cmocka_unit_test(test_all_that_is_wanted_and_there_is_selected),
        cmocka_unit_test(test_class_and_id_must_both_fit),
        cmocka_unit_test(test_no_id_from_standard_input_selects_nothing),
        cmocka_unit_test(test_lines_in_the_order_of_ids),
        cmocka_unit_test(test_hostile_text_is_escaped),
        cmocka_unit_test(test_hostile_ids_and_missing_status),
        cmocka_unit_test(test_queue_of_three_folders),
        cmocka_unit_test(test_a_terminal_gets_lines_of_its_width),
        cmocka_unit_test(test_a_long_id_takes_its_columns_from_the_rest),
        cmocka_unit_test(test_a_plan_has_an_action_and_why),
        cmocka_unit_test(test_fields_of_csv),
        cmocka_unit_test(test_fields_of_a_message_in_json),
        cmocka_unit_test(test_codes_of_replies_in_json),
        cmocka_unit_test(test_a_report_in_json),
        cmocka_unit_test(test_a_warning_in_json),
        cmocka_unit_test(test_what_could_not_be_decided_in_json),
        cmocka_unit_test(test_an_orphan_in_json),
        cmocka_unit_test(test_identity_of_a_plan),
        cmocka_unit_test(test_what_went_meanwhile_is_not_listed),
        cmocka_unit_test(test_damaged_mail_is_listed_by_its_file),
        cmocka_unit_test(test_blocks_follow_each_other),
        cmocka_unit_test(test_an_empty_queue_is_an_empty_list),
        cmocka_unit_test(test_a_full_disk_is_said_once),
        cmocka_unit_test(test_a_signal_or_no_memory_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
