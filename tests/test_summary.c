/* What a postmaster sees first: the numbers add up, tables are cut, commands
 * can be pasted. */
/* wraps: interrupt_signal */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>

#include "qscan/interrupt.h"
#include "qscan/summary.h"
#include "tests/heard.h"
#include "tests/printed.h"
#include "tests/scanned.h"

#define RULES                                                                  \
    "rule zombie\n class bounce-zombie\n on message\n purge yes\n"             \
    " when origin is local-dsn\n when dsn.kind is failure\n"                   \
    " when source isnt 192.0.2.250\n"                                          \
    " when recipient.domain isnt host251.example\n"                            \
    " unless recipient.domain is k0.example\n"                                 \
    " unless recipient.domain is k1.example\n"                                 \
    " unless recipient.domain is k2.example\n"                                 \
    " unless recipient.domain is k3.example\n"                                 \
    " unless recipient.domain is k4.example\n"                                 \
    " unless recipient.domain is k5.example\n"                                 \
    " unless recipient.domain is k6.example\n"                                 \
    " unless dsn.status is 5.1.2\n"                                            \
    "rule rest\n class rest\n on message\n when recipient exists\n"            \
    " unless recipient.domain is nobody.example\n"

static int signal_now;

int __wrap_interrupt_signal(void);

int __wrap_interrupt_signal(void)
{
    return signal_now;
}

struct summed {
    struct scanned scanned;
    struct options options;
    struct printed printed;
};

static void begin(struct summed *summed)
{
    *summed = (struct summed){
        .options = {.color = PROGRESS_NEVER, .top = 10, .now = -1}};
    signal_now = 0;
    scanned_begin(&summed->scanned, RULES);
}

static void end(struct summed *summed)
{
    printed_free(&summed->printed);
    string_list_free(&summed->options.classes);
    string_list_free(&summed->options.ids);
    string_list_free(&summed->options.rules);
    string_list_free(&summed->options.queues);
    scanned_drop(&summed->scanned);
    scanned_end(&summed->scanned);
}

static bool print(struct summed *summed, enum format format)
{
    bool is_done;

    summed->options.format = format;
    is_done = summary_print(
        &summed->options, &summed->scanned.scan,
        printed_begin(&summed->printed, &summed->scanned.complaints));
    printed_end(&summed->printed);
    return is_done && !summed->printed.output.has_failed;
}

static const char *text_of(struct summed *summed)
{
    assert_true(print(summed, FORMAT_TEXT));
    return summed->printed.text;
}

static json_t *object_of(struct summed *summed)
{
    assert_true(print(summed, FORMAT_JSON));
    assert_int_equal(count_text(summed->printed.text, "\n"), 1);
    return json_of(summed->printed.text);
}

/* ---- queues ---- */

/* A bounce to hostN.example, caused by 192.0.2.N. */
static void write_bounce(struct summed *summed, unsigned number, unsigned host,
                         unsigned source)
{
    char id[32], name[64], recipient[64], address[32], client[64], guess[64];

    snprintf(id, sizeof(id), "6AMHqPjw%06u", number);
    snprintf(name, sizeof(name), "host%u.example", host);
    snprintf(recipient, sizeof(recipient), "u%u@host%u.example", number, host);
    snprintf(address, sizeof(address), "192.0.2.%u", source);
    snprintf(client, sizeof(client), "dsl-%u.example.net", source);
    snprintf(guess, sizeof(guess), "nobody%u@example.com", number);
    scanned_bounce(&summed->scanned,
                   &(struct scanned_bounce){.id = id,
                                            .host = name,
                                            .recipient = recipient,
                                            .source = address,
                                            .name = client,
                                            .guess = guess});
}

/* 12 bounces to 7 hosts, caused by 5 sources, and one of all else. */
static void write_mixed(struct summed *summed)
{
    struct scanned *scanned = &summed->scanned;

    for (unsigned i = 0; i < 12; i++)
        write_bounce(summed, i, i % 7, 10 + i % 5);
    scanned_bounce(scanned,
                   &(struct scanned_bounce){.id = "6AMHqPjw023674",
                                            .host = "k0.example",
                                            .recipient = "u@k0.example",
                                            .source = "192.0.2.200",
                                            .name = "a.example.net",
                                            .guess = "x@example.com"});
    scanned_message(scanned, "6AMHqPjw023670", "Deferred", "a@b.example");
    scanned_files(scanned, "6AMHqPjw023671", "V8\nT1795370000\nS<", "x\n");
    scanned_message(scanned, "6AMHqPjw023672", "Deferred", "a@nobody.example");
    folder_write(&scanned->folder, "q/df6AMHqPjw023673", "orphan\n");
    scanned_set_time(scanned, "q/df6AMHqPjw023673", SCANNED_NOW - 90);
}

/* ---- the text ---- */

static void test_everything_that_is_wrong(void **state)
{
    struct summed summed;
    const char *text;

    (void)state;
    for (unsigned workers = 1; workers <= 3; workers++) {
        begin(&summed);
        write_mixed(&summed);
        summed.options.top = 3;
        scanned_scan(&summed.scanned, workers);
        text = text_of(&summed);
        assert_mailable(text);
        assert_string_equal(
            strchr(text, '\n') + 1,
            "\n"
            "WHAT IS WRONG\n"
            "  12 bounces wait for hosts that run no mail server\n"
            "    75 % of the queue, 14 kB; caused by mail from 5 addresses\n"
            "  1 more bounce to a host that does not answer is kept:\n"
            "        1  the sender's domain is ours, or a home's "
            "(recipient.domain is\n"
            "           k0.example)\n"
            "  1 damaged message (qf broken, df gone): sendmail cannot deliver "
            "it\n"
            "  1 orphan file without control file\n"
            "  1 oddity, listed below\n"
            "\n"
            "MESSAGES\n"
            "  class           messages       size    oldest\n"
            "  bounce-zombie         12      14 kB     1h32m\n"
            "  rest                   2     1.1 kB     1h32m\n"
            "  damaged                1        2 B     1h32m\n"
            "  orphan                 1        7 B        1m\n"
            "  unclassified           1        7 B     1h32m\n"
            "  all messages          16      15 kB     1h32m\n"
            "  (orphans are files, not messages)\n"
            "\n"
            "HOSTS THAT DO NOT ANSWER\n"
            "  host                                   messages  why\n"
            "  host0.example                                 2  refused\n"
            "  host1.example                                 2  refused\n"
            "  host2.example                                 2  refused\n"
            "  and 5 more hosts with 7 messages\n"
            "\n"
            "WHO SENT WHAT BOUNCED\n"
            "  address                   bounces  guesses  name\n"
            "  192.0.2.10                      3        3  dsl-10.example.net\n"
            "  192.0.2.11                      3        3  dsl-11.example.net\n"
            "  192.0.2.12                      2        2  dsl-12.example.net\n"
            "  and 3 more addresses with 5 messages\n"
            "\n"
            "AGE BY RECIPIENT DOMAIN\n"
            "  domain                    messages    <1h    <4h    <1d    <3d  "
            "  <5d    5d+\n"
            "  all                             16      0     16      0      0  "
            "    0      0\n"
            "  host0.example                    2      0      2      0      0  "
            "    0      0\n"
            "  host1.example                    2      0      2      0      0  "
            "    0      0\n"
            "  host2.example                    2      0      2      0      0  "
            "    0      0\n"
            "  and 7 more domains with 9 messages\n"
            "\n"
            "ODDITIES\n"
            "       1  control file cut, garbled or overlong: "
            "qf6AMHqPjw023671\n"
            "\n"
            "WHAT TO TYPE NEXT\n"
            "  Why such a bounce may go:\n"
            "    qscan --explain=6AMHqPjw000000\n"
            "  See what a purge would take; changes nothing:\n"
            "    qscan --purge-bounces --dry-run\n"
            "  Take them away, undoably:\n"
            "    qscan --purge-bounces\n"
            "  The damaged ones:\n"
            "    qscan --list --class=damaged\n"
            "  The orphans:\n"
            "    qscan --list --class=orphan\n");
        end(&summed);
    }
}

static void test_one_of_each_is_said_so(void **state)
{
    struct summed summed;
    const char *text;

    (void)state;
    begin(&summed);
    write_bounce(&summed, 1, 1, 1);
    write_bounce(&summed, 2, 2, 2);
    write_bounce(&summed, 3, 2, 2);
    summed.options.top = 1;
    scanned_scan(&summed.scanned, 1);
    text = text_of(&summed);
    assert_has(text, "  3 bounces wait for hosts that run no mail server\n"
                     "    100 % of the queue, ");
    assert_has(text, "; caused by mail from 2 addresses\n");
    assert_has(text, "  host2.example                                 2  "
                     "refused\n  and 1 more host with 1 message\n");
    assert_has(text, "  and 1 more address with 1 message\n");
    assert_has(text, "  and 1 more domain with 1 message\n");
    /* all fit */
    summed.options.top = 0;
    assert_has_not(text_of(&summed), "  and ");
    summed.options.top = 2;
    assert_has_not(text_of(&summed), "  and ");
    string_list_add(&summed.options.ids, SLICE_LITERAL("6AMHqPjw000001"));
    text = text_of(&summed);
    assert_has(text, "Only what --class, --where and --id leave: 1 of 3.\n");
    assert_has(text, "  1 bounce waits for a host that runs no mail server\n");
    assert_has(text, "; caused by mail from 1 address\n");
    end(&summed);
}

static void test_an_empty_queue(void **state)
{
    struct summed summed;
    json_t *object;

    (void)state;
    begin(&summed);
    scanned_scan(&summed.scanned, 2);
    assert_string_equal(strchr(text_of(&summed), '\n'),
                        "\n\nThe queue is empty.\n");
    object = object_of(&summed);
    assert_json_integer(object, "messages", 0);
    assert_json_integer(object, "bytes", 0);
    assert_json_string(object, "oldest", NULL);
    assert_json_integer(object, "hosts_more", 0);
    assert_int_equal(json_object_size(json_object_get(object, "classes")), 0);
    json_decref(object);
    summed.options.where = "tries > 3";
    assert_has(text_of(&summed), ": 0 of 0.\n\nNo message matches.\n");
    summed.options.where = NULL;
    summed.options.ids_from_stdin = true;
    assert_has(text_of(&summed), ": 0 of 0.\n\nNo message matches.\n");
    summed.options.ids_from_stdin = false;
    string_list_add(&summed.options.classes, SLICE_LITERAL("rest"));
    assert_has(text_of(&summed), ": 0 of 0.\n\nNo message matches.\n");
    end(&summed);
}

static void test_nothing_wrong(void **state)
{
    struct summed summed;
    const char *text;

    (void)state;
    begin(&summed);
    scanned_message(&summed.scanned, "6AMHqPjw023670", "Deferred",
                    "a@b.example");
    scanned_scan(&summed.scanned, 1);
    text = text_of(&summed);
    assert_has(text, " UTC\n\nNothing looks wrong.\n\nMESSAGES\n");
    assert_has_not(text, "HOSTS");
    assert_has_not(text, "WHO SENT");
    assert_has_not(text, "ODDITIES");
    assert_has_not(text, "orphan");
    assert_has(text, "WHAT TO TYPE NEXT\n  One message a line:\n"
                     "    qscan --list\n");
    assert_has_not(text, "--purge");
    end(&summed);
}

/* Why bounces are kept: a few reasons, and how many have another. */
static void write_kept(struct summed *summed, unsigned reasons)
{
    for (unsigned i = 0; i < reasons; i++) {
        char id[32], host[32], recipient[32];

        snprintf(id, sizeof(id), "6AMHqPjw%06u", i);
        snprintf(host, sizeof(host), "k%u.example", i);
        snprintf(recipient, sizeof(recipient), "u@k%u.example", i);
        scanned_bounce(&summed->scanned,
                       &(struct scanned_bounce){.id = id,
                                                .host = host,
                                                .recipient = recipient,
                                                .source = "192.0.2.1",
                                                .name = "a.example.net",
                                                .guess = "x@example.com"});
    }
}

/* Whoever may write to the queue chooses it; root pastes the command. */
static void test_an_id_is_no_command(void **state)
{
    struct summed summed;

    (void)state;
    begin(&summed);
    scanned_bounce(&summed.scanned,
                   &(struct scanned_bounce){.id = "6A;reboot",
                                            .host = "host0.example",
                                            .recipient = "u@host0.example",
                                            .source = "192.0.2.1",
                                            .name = "a.example.net",
                                            .guess = "x@example.com"});
    scanned_scan(&summed.scanned, 1);
    assert_has(text_of(&summed), "    qscan --explain='6A;reboot'\n");
    end(&summed);
}

static void test_reasons_for_which_bounces_are_kept(void **state)
{
    struct summed summed;
    const char *text;

    (void)state;
    begin(&summed);
    write_kept(&summed, 1);
    scanned_scan(&summed.scanned, 1);
    text = text_of(&summed);
    assert_has(text, "  1 bounce to a host that does not answer is kept:\n");
    assert_has(text, "  Why such a bounce is kept:\n"
                     "    qscan --explain=6AMHqPjw000000\n"
                     "  One message a line:\n    qscan --list\n");
    end(&summed);
    begin(&summed);
    write_kept(&summed, 6);
    scanned_scan(&summed.scanned, 1);
    text = text_of(&summed);
    assert_has(text, "  6 bounces to hosts that do not answer are kept:\n");
    assert_int_equal(count_text(text, "        1  the sender's domain"), 6);
    /* of one source, and all for one recipient */
    assert_has(text, "  192.0.2.1                       6        1  ");
    assert_has_not(text, "other reasons");
    end(&summed);
    begin(&summed);
    write_kept(&summed, 7);
    scanned_scan(&summed.scanned, 1);
    text = text_of(&summed);
    assert_int_equal(count_text(text, "        1  the sender's domain"), 5);
    assert_has(text, "        2  other reasons\n");
    end(&summed);
    /* what should hold and does not, in two lines */
    begin(&summed);
    write_bounce(&summed, 1, 1, 250);
    scanned_scan(&summed.scanned, 1);
    assert_has(
        text_of(&summed),
        "        1  the mail came from here or a known host (not: source "
        "isnt\n           192.0.2.250)\n");
    end(&summed);
    /* asked for otherwise than in the shipped rules */
    begin(&summed);
    write_bounce(&summed, 1, 251, 1);
    scanned_scan(&summed.scanned, 1);
    assert_has(text_of(&summed), "        1  a condition of the rule\n");
    end(&summed);
}

/* As a scan would have left the rows, had it found such files. */
static void test_other_things_that_are_wrong(void **state)
{
    struct summed summed;
    struct facts *row;
    const char *text;

    (void)state;
    begin(&summed);
    for (unsigned i = 0; i < 4; i++) {
        char id[32];

        snprintf(id, sizeof(id), "6AMHqPjw%06u", i);
        scanned_message(&summed.scanned, id, "Deferred", "a@b.example");
    }
    scanned_scan(&summed.scanned, 1);
    row = summed.scanned.scan.table.rows;
    row[0].state = row[1].state = FACTS_LOST;
    row[2].state = FACTS_UNREADABLE;
    row[3].is_undecided = true;
    row[2].oddities = row[3].oddities = ODD_WRITABLE;
    row[2].letter = row[3].letter = 'h';
    summed.scanned.set.long_name_count = 12;
    summed.scanned.set.stray_count = 3;
    text = text_of(&summed);
    assert_has(text, "  2 messages that sendmail gave up as lost (Qf)\n"
                     "  1 message could not be read\n"
                     "  1 message that a rule could not decide: kept\n"
                     "  2 oddities, listed below\n");
    assert_has(text, "  The lost ones:\n    qscan --list --class=lost\n");
    assert_has(text, "       2  control file writable for others: hf6AMHqPjw");
    assert_has(text, " ...\n      12  name too long for sendmail, not looked "
                     "at\n"
                     "       3  queue file in a folder of another kind\n");
    end(&summed);
}

static void test_oddities_of_names_alone(void **state)
{
    struct summed summed;

    (void)state;
    begin(&summed);
    scanned_scan(&summed.scanned, 1);
    summed.scanned.set.stray_count = 1;
    assert_has(text_of(&summed), "\nODDITIES\n       1  queue file in a "
                                 "folder of another kind\n");
    end(&summed);
}

static void test_sizes_that_were_not_looked_at(void **state)
{
    struct summed summed;
    json_t *object;
    const char *text;

    (void)state;
    begin(&summed);
    write_bounce(&summed, 1, 1, 1);
    scanned_scan(&summed.scanned, 1);
    summed.scanned.scan.reads_data = false;
    text = text_of(&summed);
    assert_has(text, "    100 % of the queue; caused by ");
    assert_has(text, "  bounce-zombie          1          -     1h32m\n"
                     "  all messages           1          -     1h32m\n");
    object = object_of(&summed);
    assert_json_string(object, "bytes", NULL);
    json_decref(object);
    end(&summed);
}

static void test_headings_are_coloured_where_wanted(void **state)
{
    struct summed summed;
    const char *text;

    (void)state;
    begin(&summed);
    write_bounce(&summed, 1, 1, 1);
    scanned_scan(&summed.scanned, 1);
    assert_null(strchr(text_of(&summed), '\033'));
    summed.options.color = PROGRESS_ALWAYS;
    text = text_of(&summed);
    assert_has(text, "\n\033[1;31mWHAT IS WRONG\033[0m\n");
    assert_has(text, "\n\033[1mMESSAGES\033[0m\n");
    end(&summed);
}

static void test_several_queues_are_counted(void **state)
{
    struct summed summed;
    struct buffer head = {0};
    char path[FOLDER_PATH_MAX];

    (void)state;
    begin(&summed);
    folder_make(&summed.scanned.folder, "q/1");
    folder_make(&summed.scanned.folder, "q/2");
    folder_write(&summed.scanned.folder, "q/1/xf6AMHqPjw023670", "");
    folder_write(&summed.scanned.folder, "q/2/xf6AMHqPjw023671", "");
    scanned_scan(&summed.scanned, 1);
    snprintf(path, sizeof(path), "%s", summed.scanned.set.dirs[0].path);
    buffer_add_string(&head, "Queue ");
    buffer_add_escaped(&head, slice_from_string(path), 44);
    buffer_add_string(&head, " and 1 more, 2026-11-22 19:26 UTC\n");
    assert_has(text_of(&summed), buffer_text(&head));
    assert_has(summed.printed.text, "  The orphans:\n");
    assert_has(summed.printed.text,
               "\n  2 orphan files without control file\n");
    /* what an unfinished run holds is no queue */
    summed.scanned.set.dirs[1].is_held = true;
    assert_has_not(text_of(&summed), " more, 2026");
    buffer_free(&head);
    end(&summed);
}

static void test_runs_that_hold_messages(void **state)
{
    static const char *const files[] = {
        "q/.qscan/20261121T175225Z-1/6AMHqPjw023671.qf",
        "q/.qscan/20261122T175225Z-2/6AMHqPjw023672.hf",
        "q/.qscan/20261123T175225Z-3/journal"};
    struct summed summed;

    (void)state;
    begin(&summed);
    for (size_t i = 0; i < 3; i++) {
        char name[128];

        snprintf(name, sizeof(name), "%s", files[i]);
        *strrchr(name, '/') = '\0';
        folder_make(&summed.scanned.folder, name);
        folder_need(chmod(folder_path(&summed.scanned.folder, name), 0700) == 0,
                    name);
        folder_write(&summed.scanned.folder, files[i], "x\n");
    }
    folder_need(chmod(folder_path(&summed.scanned.folder, "q/.qscan"), 0700) ==
                    0,
                "chmod");
    scanned_scan(&summed.scanned, 1);
    assert_has(text_of(&summed),
               "\nEARLIER RUNS\n  2 runs hold messages, the last "
               "20261122T175225Z-2\n  What they hold:\n    qscan --runs\n");
    unlink(folder_path(&summed.scanned.folder, files[1]));
    assert_has(text_of(&summed), "\n  1 run holds messages, the last "
                                 "20261121T175225Z-1\n");
    unlink(folder_path(&summed.scanned.folder, files[0]));
    assert_has_not(text_of(&summed), "EARLIER RUNS");
    end(&summed);
}

/* ---- what others wrote ---- */

static void test_paths_and_ids_are_escaped_and_cut(void **state)
{
    struct summed summed;
    char *path;

    (void)state;
    begin(&summed);
    scanned_bounce(&summed.scanned,
                   &(struct scanned_bounce){.id = "6A\033[2J",
                                            .host = "b.example",
                                            .recipient = "u@b.example",
                                            .source = "192.0.2.1",
                                            .name = "a.example.net",
                                            .guess = "x@example.com"});
    scanned_scan(&summed.scanned, 1);
    path = summed.scanned.set.dirs[0].path;
    summed.scanned.set.dirs[0].path =
        (char *)(uintptr_t) "/var/\033[2J/a/path/that/is/longer/than/the/line";
    assert_has(text_of(&summed),
               "Queue /var/\\x1b[2J/a/path/that/is/longer/than/t..., 2026-");
    summed.scanned.set.dirs[0].path = path;
    assert_has(summed.printed.text, "makes: qf6A\\x1b[2J\n");
    assert_mailable(summed.printed.text);
    end(&summed);
}

#define LONG                                                                   \
    "a-long-name-that-goes-on.and-on.and-on.and-on.and-on.and-on.and-on"

static void test_long_and_hostile_names_fit(void **state)
{
    struct summed summed;
    json_t *object, *source;
    const char *text;

    (void)state;
    begin(&summed);
    scanned_bounce(&summed.scanned,
                   &(struct scanned_bounce){
                       .id = "6AMHqPjw023671",
                       .host = LONG ".example",
                       .recipient = "u@" LONG "\033[2J\xff.example",
                       .source = "IPv6:2001:db8:1111:2222:3333:4444:5555:6666",
                       .name = LONG ".example.net",
                       .mark = " (may be forged)",
                       .guess = "x@example.com"});
    scanned_bounce(&summed.scanned,
                   &(struct scanned_bounce){.id = "6AMHqPjw023672",
                                            .host = "b.example",
                                            .recipient = "u@b.example",
                                            .source = "192.0.2.1",
                                            .name = LONG "\xff.example.net",
                                            .guess = "y@example.com"});
    scanned_scan(&summed.scanned, 1);
    text = text_of(&summed);
    assert_mailable(text);
    /* whose a name is, is said at its end */
    assert_has(text, "  2001:db8:1111:2222:3333:4444:5555:6666\n"
                     "                                  1        1  "
                     "...n.and-on.example.net (forged)\n");
    assert_has(text, "  192.0.2.1                       1        1  "
                     "...and-on.and-on\\xff.example.net\n");
    assert_has(text, "\\x1b[2j\\xff.example ");
    object = object_of(&summed);
    assert_has_not(summed.printed.text, "\033");
    assert_int_equal(json_array_size(json_object_get(object, "lossy")), 1);
    source = json_array_get(json_object_get(object, "sources"), 1);
    assert_json_string(source, "address",
                       "2001:db8:1111:2222:3333:4444:5555:6666");
    assert_json_string(source, "name", LONG ".example.net");
    assert_true(json_is_true(json_object_get(source, "forged")));
    json_decref(object);
    end(&summed);
}

/* ---- commands ---- */

/* What was asked for decides which messages are meant; a word that a shell
 * would take apart is quoted. */
static void test_commands_say_all_that_was_asked_for(void **state)
{
    struct summed summed;
    const char *text;

    (void)state;
    begin(&summed);
    write_mixed(&summed);
    scanned_scan(&summed.scanned, 1);
    string_list_add(&summed.options.rules, SLICE_LITERAL("my rules"));
    string_list_add(&summed.options.rules, SLICE_LITERAL("/r"));
    summed.options.config_file = "a;b.cf";
    summed.options.journal_directory = "/j";
    string_list_add(&summed.options.classes, SLICE_LITERAL("bounce-zombie"));
    string_list_add(&summed.options.classes, SLICE_LITERAL("damaged"));
    string_list_add(&summed.options.ids, SLICE_LITERAL("6A;x"));
    string_list_add(&summed.options.ids, SLICE_LITERAL("6AMHqPjw000003"));
    string_list_add(&summed.options.ids, SLICE_LITERAL("6AMHqPjw023671"));
    summed.options.where = "sender ~ /$(x)/";
    summed.options.now = SCANNED_NOW;
    string_list_add(&summed.options.queues, SLICE_LITERAL("/var/q"));
    string_list_add(&summed.options.queues, SLICE_LITERAL("$HOME/q"));
    string_list_add(&summed.options.queues, SLICE_LITERAL("-q"));
    text = text_of(&summed);
    assert_has(text, "Only what --class, --where and --id leave: 2 of 16.\n");
    assert_has(text, "    50 % of these, ");
    assert_has(text, "    qscan --explain=6AMHqPjw000003 --rules='my rules' "
                     "--rules=/r -C 'a;b.cf' --journal=/j --now=1795375579 "
                     "/var/q '$HOME/q' ./-q\n");
    assert_has(
        text,
        "    qscan --purge-bounces --dry-run --rules='my rules' "
        "--rules=/r -C 'a;b.cf' --journal=/j "
        "--class=bounce-zombie,damaged "
        "--id='6A;x',6AMHqPjw000003,6AMHqPjw023671 --where='sender ~ /$(x)/' "
        "--now=1795375579 /var/q '$HOME/q' ./-q\n");
    assert_has(text, "    qscan --list --class=damaged --rules='my rules' "
                     "--rules=/r -C 'a;b.cf' --journal=/j --now=1795375579 "
                     "/var/q '$HOME/q' ./-q\n");
    assert_has_not(text, "orphan");
    end(&summed);
}

/* ---- JSON ---- */

static json_int_t sum_of(const json_t *object)
{
    json_int_t sum = 0;
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value) sum +=
        json_integer_value(value);
    return sum;
}

static json_int_t sum_of_rows(const json_t *rows, const char *key)
{
    json_int_t sum = 0;
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row) sum +=
        json_integer_value(json_object_get(row, key));
    return sum;
}

static void test_numbers_add_up_in_json(void **state)
{
    struct summed summed;
    json_t *object, *rows;

    (void)state;
    begin(&summed);
    write_mixed(&summed);
    summed.options.top = 0;
    scanned_scan(&summed.scanned, 2);
    object = object_of(&summed);
    assert_json_integer(object, "messages", 16);
    assert_json_integer(object, "oldest", 1795370000);
    assert_json_integer(object, "now", SCANNED_NOW);
    assert_json_integer(object, "purgeable", 12);
    assert_json_integer(object, "undecided", 0);
    /* an orphan is no message */
    assert_int_equal(sum_of(json_object_get(object, "classes")), 16 + 1);
    assert_json_integer(json_object_get(object, "classes"), "damaged", 1);
    assert_int_equal(sum_of(json_object_get(object, "ages")), 16);
    assert_json_integer(json_object_get(object, "ages"), "<4h", 16);
    rows = json_object_get(object, "hosts");
    assert_int_equal(json_array_size(rows), 8);
    assert_int_equal(sum_of_rows(rows, "messages"), 13);
    assert_json_string(json_array_get(rows, 0), "host", "host0.example");
    assert_json_string(json_array_get(rows, 0), "status", "refused");
    assert_json_integer(object, "hosts_more", 0);
    rows = json_object_get(object, "sources");
    assert_int_equal(json_array_size(rows), 6);
    assert_int_equal(sum_of_rows(rows, "bounces"), 13);
    assert_int_equal(sum_of_rows(rows, "guesses"), 13);
    assert_json_string(json_array_get(rows, 0), "address", "192.0.2.10");
    assert_json_string(json_array_get(rows, 0), "name", "dsl-10.example.net");
    assert_true(
        json_is_false(json_object_get(json_array_get(rows, 0), "forged")));
    rows = json_array_get(json_object_get(object, "oddities"), 0);
    assert_json_string(rows, "what", "control file cut, garbled or overlong");
    assert_json_integer(rows, "count", 1);
    assert_json_string(rows, "example", "6AMHqPjw023671");
    json_decref(object);
    summed.options.top = 3;
    object = object_of(&summed);
    assert_json_integer(object, "hosts_more", 5);
    assert_json_integer(object, "sources_more", 3);
    assert_int_equal(json_array_size(json_object_get(object, "hosts")), 3);
    json_decref(object);
    end(&summed);
}

/* A source whose message went meanwhile has no name any more. */
static void test_names_of_what_went_meanwhile(void **state)
{
    struct summed summed;
    json_t *object;

    (void)state;
    begin(&summed);
    write_bounce(&summed, 1, 1, 1);
    scanned_scan(&summed.scanned, 1);
    unlink(folder_path(&summed.scanned.folder, "q/qf6AMHqPjw000001"));
    assert_has(text_of(&summed),
               "  192.0.2.1                       1        1  \n");
    object = object_of(&summed);
    assert_json_string(json_array_get(json_object_get(object, "sources"), 0),
                       "name", NULL);
    json_decref(object);
    end(&summed);
}

/* ---- failures ---- */

static void test_a_full_disk_is_said_once(void **state)
{
    struct summed summed;
    struct output output = {.file = printed_full()};
    struct heard heard;

    (void)state;
    if (output.file == NULL)
        skip(); /* no /dev/full */
    begin(&summed);
    output.complaints = &summed.scanned.complaints;
    scanned_scan(&summed.scanned, 1);
    heard_begin(&heard, &summed.scanned.folder);
    assert_true(summary_print(&summed.options, &summed.scanned.scan, &output));
    assert_string_equal(heard_end(&heard),
                        "qscan: standard output: cannot be written: No space "
                        "left on device; the rest is missing\n");
    assert_true(output.has_failed);
    fclose(output.file);
    end(&summed);
}

static void test_a_signal_prints_nothing(void **state)
{
    struct summed summed;

    (void)state;
    begin(&summed);
    write_mixed(&summed);
    scanned_scan(&summed.scanned, 2);
    signal_now = SIGINT;
    assert_false(print(&summed, FORMAT_TEXT));
    assert_string_equal(summed.printed.text, "");
    assert_false(print(&summed, FORMAT_JSON));
    assert_string_equal(summed.printed.text, "");
    end(&summed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_that_is_wrong),
        cmocka_unit_test(test_one_of_each_is_said_so),
        cmocka_unit_test(test_an_empty_queue),
        cmocka_unit_test(test_nothing_wrong),
        cmocka_unit_test(test_an_id_is_no_command),
        cmocka_unit_test(test_reasons_for_which_bounces_are_kept),
        cmocka_unit_test(test_other_things_that_are_wrong),
        cmocka_unit_test(test_oddities_of_names_alone),
        cmocka_unit_test(test_sizes_that_were_not_looked_at),
        cmocka_unit_test(test_headings_are_coloured_where_wanted),
        cmocka_unit_test(test_several_queues_are_counted),
        cmocka_unit_test(test_runs_that_hold_messages),
        cmocka_unit_test(test_paths_and_ids_are_escaped_and_cut),
        cmocka_unit_test(test_long_and_hostile_names_fit),
        cmocka_unit_test(test_commands_say_all_that_was_asked_for),
        cmocka_unit_test(test_numbers_add_up_in_json),
        cmocka_unit_test(test_names_of_what_went_meanwhile),
        cmocka_unit_test(test_a_full_disk_is_said_once),
        cmocka_unit_test(test_a_signal_prints_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
