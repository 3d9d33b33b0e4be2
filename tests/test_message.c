/* One message in hand: what it gives of its files, and what tells it from
 * another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "qscan/message.h"
#include "tests/assert_slice.h"
#include "tests/few_descriptors.h"
#include "tests/folder.h"

#define ID "6AMHqPjw023674"
#define QF                                                                     \
    "V8\nT1795370000\nK1795375000\nN7\nP30000\n"                               \
    "MDeferred: Connection refused by mail.example.net.\nFs\n"                 \
    "$_dsl-7.example.net [198.51.100.7]\nS<ann@example.net>\n"                 \
    "RPF:<Bob@Example.ORG>\nH??Subject: hello\n.\n"

#define BOUNDARY ID ".1795370000/mx.example.org"
#define REPORT_TO(host, recipient)                                             \
    "V8\nT1795370000\nK1795375000\nN7\nP30000\n"                               \
    "MDeferred: Connection refused by " host ".\nFrs\n$_localhost\n"           \
    "SMAILER-DAEMON\nRPF:<" recipient ">\n"                                    \
    "H??Subject: Returned mail: see transcript for details\n"                  \
    "H??Content-Type: multipart/report; report-type=delivery-status;\n"        \
    "\tboundary=\"" BOUNDARY "\"\n"                                            \
    "H??Auto-Submitted: auto-generated (failure)\n.\n"
#define REPORT_QF REPORT_TO("mail.example.net", "ann@example.net")

struct made {
    struct folder folder;
    struct queue_folder queue_folder;
    struct queue_dir dir;
    struct queue_set set;
    struct scene scene;
    struct facts row;
    struct message message;
};

static void make(struct made *made, const char *qf, const char *df)
{
    *made = (struct made){.row = {.letter = 'q', .is_regular = true}};
    folder_open(&made->folder);
    folder_write(&made->folder, "qf" ID, qf);
    if (df != NULL)
        folder_write(&made->folder, "df" ID, df);
    made->queue_folder.path = made->folder.path;
    made->queue_folder.fd = open(made->folder.path, O_RDONLY | O_DIRECTORY);
    assert_true(made->queue_folder.fd >= 0);
    made->dir.path = made->folder.path;
    made->set = (struct queue_set){.folders = &made->queue_folder,
                                   .folder_count = 1,
                                   .dirs = &made->dir,
                                   .dir_count = 1};
    made->scene.queues = &made->set;
    made->scene.rules = rules_compile(NULL, 0, NULL, 0, NULL, NULL, NULL);
    assert_non_null(made->scene.rules);
    made->scene.now = 1795375579;
    made->scene.basis_key[0] = UINT64_C(0x243f6a8885a308d3);
    made->scene.basis_key[1] = UINT64_C(0x13198a2e03707344);
    facts_set_id(&made->row, slice_from_string(ID));
    message_init(&made->message, &made->scene);
}

static void drop(struct made *made)
{
    message_free(&made->message);
    rules_free((struct rules *)made->scene.rules);
    close(made->queue_folder.fd);
    folder_close(&made->folder);
}

static void load(struct made *made)
{
    assert_int_equal(message_load(&made->message, &made->row, true), INPUT_OK);
}

static struct field_view view_of(struct made *made, enum rules_field_id field)
{
    struct field_view view;

    message_fetch(&made->message, field, (struct slice){NULL, 0}, &view);
    return view;
}

static void assert_text(struct made *made, enum rules_field_id field,
                        const char *text)
{
    struct field_view view = view_of(made, field);

    assert_int_equal(view.state, FIELD_PRESENT);
    assert_int_equal(view.value_count, 1);
    assert_slice_is(view.values[0].text, text, rules_fields[field].name);
}

static void assert_number(struct made *made, enum rules_field_id field,
                          int64_t number)
{
    struct field_view view = view_of(made, field);

    assert_int_equal(view.state, FIELD_PRESENT);
    assert_int_equal(view.values[0].number, number);
}

static void test_fields_of_the_control_file(void **state)
{
    struct made made;

    (void)state;
    make(&made, QF, "a body\n");
    load(&made);
    assert_text(&made, FIELD_ORIGIN, "mail");
    assert_text(&made, FIELD_SENDER, "ann@example.net");
    assert_text(&made, FIELD_RECIPIENT, "Bob@Example.ORG");
    assert_text(&made, FIELD_RECIPIENT_DOMAIN, "example.org");
    assert_text(&made, FIELD_RECIPIENT_HOST, "mail.example.net");
    assert_text(&made, FIELD_CLIENT_ADDRESS, "198.51.100.7");
    assert_number(&made, FIELD_TRIES, 7);
    assert_number(&made, FIELD_AGE, 5579);
    assert_number(&made, FIELD_IDLE, 579);
    assert_number(&made, FIELD_SIZE, 7);
    assert_int_equal(made.message.data_state, DATA_NOT_READ);
    /* the crowd is not counted yet; of no report there is no source */
    assert_int_equal(view_of(&made, FIELD_HOST_ANSWERED).state, FIELD_LATER);
    assert_int_equal(view_of(&made, FIELD_SOURCE).state, FIELD_ABSENT);
    drop(&made);
}

/* One value stands with its field, several elsewhere: used in turns. */
static void test_one_value_and_several(void **state)
{
    static const unsigned counts[] = {1, 2, 17, 3, 1, 16, 1};
    struct made made;

    (void)state;
    make(&made, QF, NULL);
    for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
        char qf[2048], text[32];
        size_t len = (size_t)sprintf(qf, "V8\nT1795370000\nSann@example.net\n");
        struct field_view view;

        for (unsigned i = 0; i < counts[n]; i++)
            len += (size_t)sprintf(qf + len, "RPFD:<u%u@d%u.example>\n", i, i);
        sprintf(qf + len, "H??Subject: hello\n.\n");
        folder_write(&made.folder, "qf" ID, qf);
        load(&made);
        assert_number(&made, FIELD_RECIPIENTS, counts[n]);
        view = view_of(&made, FIELD_RECIPIENT);
        assert_int_equal(view.value_count, counts[n]);
        assert_int_equal(view_of(&made, FIELD_RECIPIENT_DOMAIN).value_count,
                         counts[n]);
        for (unsigned i = 0; i < counts[n]; i++) {
            sprintf(text, "u%u@d%u.example", i, i);
            assert_slice_is(view.values[i].text, text, "recipient");
        }
    }
    drop(&made);
}

/* Of an original that such a client brought; lines about who failed, and below
 * our Received field. */
static void write_report(char df[static 2048], const char *helo,
                         const char *client, const char *lines,
                         const char *below)
{
    snprintf(df, 2048,
             "This is a MIME-encapsulated message\n\n--" BOUNDARY "\n\n"
             "The original message was received at Sun, 22 Nov 2026 17:53:20 "
             "GMT\nfrom %s\n\n"
             "   ----- The following addresses had permanent fatal errors "
             "-----\n<bob@example.com>\n"
             "    (reason: 550 5.1.1 <bob@example.com>... User unknown)\n\n"
             "--" BOUNDARY "\nContent-Type: message/delivery-status\n\n"
             "Reporting-MTA: dns; mx.example.org\n"
             "Arrival-Date: Sun, 22 Nov 2026 17:53:20 GMT\n\n"
             "Final-Recipient: RFC822; bob@example.com\n%sAction: failed\n"
             "Status: 5.1.1\n\n"
             "--" BOUNDARY "\nContent-Type: text/rfc822-headers\n\n"
             "Return-Path: <ann@example.net>\nReceived: from %s (%s)\n"
             "\tby mx.example.org (8.17.1/8.17.1) with ESMTP id "
             "6AMHqK0f009999\n\tfor <bob@example.com>; Sun, 22 Nov 2026 "
             "17:53:20 GMT\n%sSubject: offer\n\n--" BOUNDARY "--\n",
             client, lines, helo, client, below);
}

static void make_report_of(struct made *made, const char *qf, const char *helo,
                           const char *client, const char *lines,
                           const char *below)
{
    char df[2048];

    write_report(df, helo, client, lines, below);
    make(made, qf, df);
    load(made);
}

static void make_report(struct made *made, const char *client,
                        const char *lines)
{
    make_report_of(made, REPORT_QF, "pc", client, lines, "");
}

/* Who is told that a field is late need not ask for it. */
static unsigned assert_late_as_told(struct made *made)
{
    unsigned count = 0;

    message_need_dsn(&made->message);
    for (int field = 0; field < FIELD_EVENT_TEXT; field++) {
        if ((message_late(&made->message) >> field & 1) == 0)
            continue;
        assert_int_equal(view_of(made, (enum rules_field_id)field).state,
                         FIELD_LATER);
        count++;
    }
    return count;
}

static void test_which_fields_are_late(void **state)
{
    static const struct crowd none;
    struct made made;

    (void)state;
    make_report(&made, "a.example.net [198.51.100.7]", "");
    assert_int_equal(assert_late_as_told(&made), 14);
    made.scene.crowd = &none;
    assert_int_equal(message_late(&made.message), 0);
    drop(&made);
    make_report(&made, "localhost [127.0.0.1]", "");
    assert_int_equal(assert_late_as_told(&made), 8);
    drop(&made);
    for (int is_known = 0; is_known < 2; is_known++) {
        make(&made, QF, NULL);
        made.scene.is_domains_known = is_known != 0;
        load(&made);
        assert_int_equal(assert_late_as_told(&made), is_known ? 7 : 8);
        drop(&made);
    }
}

static void test_whether_an_alias_led_to_who_failed(void **state)
{
    static const struct {
        const char *lines;
        bool is_expanded;
    } cases[] = {
        {"", false},
        {"X-Actual-Recipient: rfc822; bob@example.com\n", false},
        {"X-Actual-Recipient: rfc822; Bob@Example.COM\n", false},
        {"X-Actual-Recipient: rfc822; bob@example.net\n", true},
        {"X-Actual-Recipient: rfc822; rob@example.com\n", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made;

        make_report(&made, "a.example.net [198.51.100.7]", cases[i].lines);
        assert_text(&made, FIELD_DSN_STATUS, "5.1.1");
        assert_number(&made, FIELD_DSN_EXPANDED, cases[i].is_expanded);
        drop(&made);
    }
}

static void test_whether_the_source_is_a_neighbour(void **state)
{
    static const struct {
        const char *client;
        bool is_neighbour;
    } cases[] = {
        {"ppp7.dialin.example.org [198.51.100.7]", true},
        {"PPP7.Example.ORG [198.51.100.7]", true},
        {"ppp7.dialin.example.org [198.51.100.7] (may be forged)", false},
        {"ppp7.example.net [198.51.100.7]", false},
        {"ppp7.badexample.org [198.51.100.7]", false},
        {"org [198.51.100.7]", false},
        {"[198.51.100.7]", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made;

        make_report(&made, cases[i].client, "");
        assert_number(&made, FIELD_SOURCE_NEIGHBOUR, cases[i].is_neighbour);
        drop(&made);
    }
}

static void test_whether_the_source_is_of_the_senders_owner(void **state)
{
#define TO_DEPARTMENT REPORT_TO("mail.physics.example.edu", "a@example.edu")
#define TO_HOSTED REPORT_TO("mail.provider.example", "ann@firm.example")
#define TO_LINE REPORT_TO("h7.net", "ann@dsl-1-2-33.provider.example")
#define TO_ABC REPORT_TO("mail.abc.example", "ann@abc.example")
#define TO_CABLE REPORT_TO("x.net", "ann@u0icl.cable.isp.example")
    static const struct {
        const char *qf, *helo, *client;
        bool is_kin;
    } cases[] = {
        {TO_DEPARTMENT, "pc", "pc7.chem.example.edu [198.51.100.7]", true},
        {TO_DEPARTMENT, "pc", "pc7.CHEM.Example.edu [198.51.100.7]", true},
        {TO_DEPARTMENT, "pc",
         "pc7.chem.example.edu [198.51.100.7] (may be forged)", false},
        {TO_DEPARTMENT, "pc", "pc7.badexample.edu [198.51.100.7]", false},
        {TO_DEPARTMENT, "pc", "[198.51.100.7]", false},
        {TO_HOSTED, "pc", "dsl7.lines.provider.example [198.51.100.7]", true},
        {TO_HOSTED, "ex.provider.example", "[198.51.100.7]", true},
        {TO_HOSTED, "ex.firm.example", "[198.51.100.7]", false},
        /* the sender's own domain: a bot says that, too */
        {TO_DEPARTMENT, "x.example.edu", "[198.51.100.7]", false},
        {TO_LINE, "pc", "dsl7.provider.example [198.51.100.7]", false},
        /* a Windows network's name, as far as a dash */
        {TO_HOSTED, "FIRM", "[198.51.100.7]", true},
        {TO_HOSTED, "firm-pc7", "[198.51.100.7]", true},
        {TO_HOSTED, "firma", "[198.51.100.7]", false},
        {TO_HOSTED, "pc-firm", "[198.51.100.7]", false},
        {TO_HOSTED, "firm.local", "[198.51.100.7]", false},
        {TO_ABC, "abc", "[198.51.100.7]", false},
        /* a line that sends in its own name; a host that does */
        {TO_CABLE, "pc", "u0icl.cable.isp.example [198.51.100.7]", false},
        {TO_CABLE, "pc", "u0icm.cable.isp.example [198.51.100.7]", true},
        {TO_DEPARTMENT, "pc", "example.edu [198.51.100.7]", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made;

        make_report_of(&made, cases[i].qf, cases[i].helo, cases[i].client, "",
                       "");
        assert_number(&made, FIELD_SOURCE_KIN, cases[i].is_kin);
        drop(&made);
    }
}

/* A server that the original passed is called as its client; no line is, nor
 * who failed. */
static void test_what_is_called_like_a_server_before_it_relays(void **state)
{
    static const struct {
        const char *client, *helo, *by;
        bool is_relaying;
    } cases[] = {
        {"[198.51.100.7]", "Mail.Firm.example", "mail.firm.example", true},
        {"ex.firm.example [198.51.100.7]", "ex.firm.example", "ex.firm.example",
         true},
        {"[198.51.100.7]", "mail.firm.example", "mx.firm.example", false},
        {"[198.51.100.7]", "localhost", "localhost", false},
        {"[198.51.100.7]", "LocalHost.LocalDomain", "localhost.localdomain",
         false},
        {"[198.51.100.7]", "dsl-198-51-100-7.isp.example",
         "dsl-198-51-100-7.isp.example", false},
        {"[198.51.100.7]", "x.dsl.isp.example", "x.dsl.isp.example", false},
        {"hn.kd.dhcp [198.51.100.7] (may be forged)", "hn.kd.dhcp",
         "hn.kd.dhcp", false},
        {"[198.51.100.7]", "example.com", "example.com", false},
        {"[198.51.100.7]", "mail.example.com", "mail.example.com", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char below[128];
        struct made made;

        snprintf(below, sizeof(below),
                 "Received: from pc by %s with SMTP; Sun, 22 Nov 2026\n",
                 cases[i].by);
        make_report_of(&made, REPORT_QF, cases[i].helo, cases[i].client, "",
                       below);
        assert_number(&made, FIELD_SOURCE_RELAYS, cases[i].is_relaying);
        drop(&made);
    }
}

static void test_what_only_a_server_writes_relays(void **state)
{
#define AT_HOME(user)                                                          \
    "Received: (from " user "@localhost)\n\tby dsl-7.isp.example "             \
    "(8.14.2/8.14.2/Submit) id n3F8Ye0a027039; now\n"
    static const struct {
        const char *helo, *below;
        bool is_relaying;
    } cases[] = {
        {"firm.example", "Received: (qmail 812 invoked by uid 89); now\n",
         true},
        {"localhost", "Received: (qmail 812 invoked by uid 89); now\n", false},
        {"firm.example", "Received: by srv.firm.example; now\n", true},
        {"firm.example", "Received: by thefirm.example; now\n", false},
        {"x", "Received: by srv.firm.local with Microsoft SMTPSVC; now\n",
         true},
        {"x", "Subject: x\nX-MIMETrack: Serialize by Router on A/B\n", true},
        {"x", "Subject: x\nX-Mailer: Microsoft Outlook Express\n", false},
        {"dsl-7.isp.example", AT_HOME("ann"), true},
        {"dsl-7.isp.example", AT_HOME("an"), false},
        {"dsl-7.isp.example", AT_HOME(""), false},
        {"dsl-8.isp.example", AT_HOME("ann"), false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made;

        make_report_of(&made, REPORT_QF, cases[i].helo, "[198.51.100.7]", "",
                       cases[i].below);
        assert_number(&made, FIELD_SOURCE_RELAYS, cases[i].is_relaying);
        drop(&made);
    }
}

/* What stands below our Received field, and what it says of the source. */
struct below_case {
    const char *below;
    bool is_so;
};

static void assert_below(enum rules_field_id field,
                         const struct below_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct made made;

        make_report_of(&made, REPORT_QF, "pc", "[198.51.100.7]", "",
                       cases[i].below);
        assert_number(&made, field, cases[i].is_so);
        drop(&made);
    }
}

static void test_what_a_milter_of_ours_says_of_the_sender(void **state)
{
#define RESULTS "Authentication-Results: "
    static const struct below_case cases[] = {
        {"", false},
        {RESULTS "mx.example.org;\n\tspf=pass smtp.mailfrom=ann@example.net\n",
         true},
        {RESULTS "mx.example.org;\n\tspf=fail smtp.mailfrom=ann@example.net\n",
         false},
        {RESULTS "mx.example.com; spf=pass smtp.mailfrom=ann@example.net\n",
         false},
        {"Received: by far.example; now\n" RESULTS
         "mx.example.org; spf=pass smtp.mailfrom=ann@example.net\n",
         false},
    };

    (void)state;
    assert_below(FIELD_SOURCE_AUTHENTIC, cases,
                 sizeof(cases) / sizeof(cases[0]));
}

static void test_whether_mail_answers_one_of_ours(void **state)
{
    static const struct below_case cases[] = {
        {"", false},
        {"In-Reply-To: <1@example.com>\n", true},
        {"In-Reply-To: <1@pc7.EXAMPLE.com>\n", true},
        {"In-Reply-To: <1@mail.example.org>\n", true},
        {"In-Reply-To: <1@example.net>\n", false},
        {"In-Reply-To: <1@pc7>\n", false},
    };

    (void)state;
    assert_below(FIELD_SOURCE_ANSWERS, cases, sizeof(cases) / sizeof(cases[0]));
}

/* What the last message had passed is not told of this one. */
static void test_the_next_message_has_a_path_of_its_own(void **state)
{
    struct made made;
    char df[2048];

    (void)state;
    make_report_of(&made, REPORT_QF, "pc", "[198.51.100.7]", "",
                   RESULTS
                   "mx.example.org; spf=pass smtp.mailfrom=example.net\n"
                   "In-Reply-To: <1@example.com>\n");
    assert_number(&made, FIELD_SOURCE_ANSWERS, true);
    assert_number(&made, FIELD_SOURCE_AUTHENTIC, true);
    write_report(df, "pc", "[198.51.100.7]", "", "");
    folder_write(&made.folder, "df" ID, df);
    load(&made);
    assert_number(&made, FIELD_SOURCE_ANSWERS, false);
    assert_number(&made, FIELD_SOURCE_AUTHENTIC, false);
    drop(&made);
}

static void test_whether_the_recipient_is_of_our_house(void **state)
{
    static const struct {
        const char *qf;
        bool is_ours;
    } cases[] = {
        {REPORT_TO("mail.chem.example.org", "ann@chem.example.org"), true},
        {REPORT_TO("relay.Example.ORG", "ann@firm.example"), true},
        {REPORT_TO("mail.firm.example", "ann@firm.example"), false},
        {REPORT_TO("mail.notexample.org", "ann@notexample.org"), false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made;

        make_report_of(&made, cases[i].qf, "x", "[198.51.100.7]", "", "");
        assert_number(&made, FIELD_RECIPIENT_NEIGHBOUR, cases[i].is_ours);
        drop(&made);
    }
}

static void test_what_a_program_answered_is_a_notice(void **state)
{
    static const struct {
        const char *header;
        bool is_notice;
    } cases[] = {
        {"Auto-Submitted: auto-replied (vacation)", true},
        {"auto-submitted: Auto-Replied", true},
        {"Auto-Submitted: auto-generated", false},
        {"Auto-Submitted: no", false},
        {"Precedence: auto_reply", true},
        {"Precedence: bulk", false},
        {"X-List-Administrivia: yes", true},
        {"X-List-Administrivia: no", false},
        {"Subject: auto-replied", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char qf[512];
        struct made made;

        snprintf(qf, sizeof(qf),
                 "V8\nT1795370000\nK0\nN0\nP30000\n$_localhost [127.0.0.1]\n"
                 "S<a@example.org>\nRPFD:<b@example.net>\nH??%s\n.\n",
                 cases[i].header);
        make(&made, qf, "a body\n");
        load(&made);
        assert_int_equal(message_is_notice(&made.message), cases[i].is_notice);
        drop(&made);
    }
}

static void test_fields_of_no_report(void **state)
{
    struct made made;

    (void)state;
    make(&made, QF, "a body\n");
    load(&made);
    assert_int_equal(view_of(&made, FIELD_DSN_EXPANDED).state, FIELD_ABSENT);
    assert_int_equal(view_of(&made, FIELD_SOURCE_NEIGHBOUR).value_count, 0);
    drop(&made);
    make(&made, REPORT_QF, "The original message was cut\n");
    load(&made);
    assert_int_equal(view_of(&made, FIELD_DSN_EXPANDED).state, FIELD_UNDECIDED);
    assert_int_equal(view_of(&made, FIELD_SOURCE_NEIGHBOUR).state,
                     FIELD_UNDECIDED);
    drop(&made);
}

static void test_df_is_missing_or_read_once(void **state)
{
    struct made made;

    (void)state;
    make(&made, QF, NULL);
    load(&made);
    message_need_data(&made.message);
    assert_int_equal(made.message.data_state, DATA_MISSING);
    assert_int_equal(message_data_bytes(&made.message), -1);
    assert_int_equal(view_of(&made, FIELD_SIZE).state, FIELD_ABSENT);
    drop(&made);
    make(&made, QF, "a body\n");
    load(&made);
    message_need_data(&made.message);
    unlink(folder_path(&made.folder, "df" ID));
    message_need_data(&made.message);
    assert_int_equal(made.message.data_state, DATA_READ);
    assert_slice_is(made.message.data, "a body\n", "df");
    drop(&made);
}

static void test_gone_between_listing_and_reading(void **state)
{
    struct made made;

    (void)state;
    make(&made, QF, NULL);
    unlink(folder_path(&made.folder, "qf" ID));
    assert_int_equal(message_load(&made.message, &made.row, false), INPUT_GONE);
    drop(&made);
}

/* ---- what a verdict rests on ---- */

static uint64_t basis(struct made *made)
{
    load(made);
    return message_basis(&made->message);
}

static void test_basis_is_that_of_the_bytes_and_of_df(void **state)
{
    const struct timespec later[2] = {{.tv_sec = 1000000000},
                                      {.tv_sec = 1000000001}};
    struct made made;
    uint64_t first;

    (void)state;
    make(&made, QF, "a body\n");
    first = basis(&made);
    assert_int_not_equal(first, 0);
    assert_int_equal(basis(&made), first);
    made.scene.basis_key[0]++;
    assert_int_not_equal(message_basis(&made.message), first);
    made.scene.basis_key[0]--;
    /* read or not */
    message_need_data(&made.message);
    assert_int_equal(message_basis(&made.message), first);
    /* another control file of the same bytes */
    unlink(folder_path(&made.folder, "qf" ID));
    folder_write(&made.folder, "qf" ID, QF);
    assert_int_equal(basis(&made), first);
    /* each byte counts */
    for (size_t i = 0; i < strlen(QF); i += 7) {
        char changed[] = QF;

        changed[i] ^= 1;
        folder_write(&made.folder, "qf" ID, changed);
        (void)message_load(&made.message, &made.row, true);
        assert_int_not_equal(message_basis(&made.message), first);
    }
    folder_write(&made.folder, "qf" ID, QF);
    assert_int_equal(basis(&made), first);
    /* so do the times of df, and which file it is */
    folder_need(
        utimensat(AT_FDCWD, folder_path(&made.folder, "df" ID), later, 0) == 0,
        "utimensat");
    assert_int_not_equal(basis(&made), first);
    drop(&made);
}

static void test_no_basis_without_a_regular_df(void **state)
{
    char *large = malloc(INPUT_MAP_BYTES + sizeof(QF));
    struct made made;

    (void)state;
    assert_non_null(large);
    make(&made, QF, NULL);
    assert_int_equal(basis(&made), 0);
    folder_need(mkdir(folder_path(&made.folder, "df" ID), 0700) == 0, "mkdir");
    assert_int_equal(basis(&made), 0);
    rmdir(folder_path(&made.folder, "df" ID));
    folder_need(symlink("qf" ID, folder_path(&made.folder, "df" ID)) == 0,
                "symlink");
    assert_int_equal(basis(&made), 0);
    drop(&made);
    /* one that came after it had been found missing */
    make(&made, QF, NULL);
    load(&made);
    message_need_data(&made.message);
    folder_write(&made.folder, "df" ID, "a body\n");
    assert_int_equal(message_basis(&made.message), 0);
    /* a control file that is mapped may change under our eyes */
    memset(large, 'x', INPUT_MAP_BYTES);
    memcpy(large, "H??X: ", 6);
    large[INPUT_MAP_BYTES - 1] = '\n';
    memcpy(large + INPUT_MAP_BYTES, QF, sizeof(QF));
    folder_write(&made.folder, "qf" ID, large);
    (void)message_load(&made.message, &made.row, true);
    assert_non_null(made.message.control_input.map);
    assert_int_equal(message_basis(&made.message), 0);
    drop(&made);
    free(large);
}

static void test_time_passes_between_two_looks(void **state)
{
    static const struct {
        const char *condition;
        int64_t then;
        bool is_same;
    } cases[] = {
        {"age >= 1h", 1795375578, true},  /* 5578 s old, now 5579 */
        {"age >= 1h", 1795373599, false}, /* 3599 */
        {"idle > 9m", 1795375541, true},  /* 541 s */
        {"idle > 9m", 1795375539, false}, {"tries > 3", 0, true},
    };
    struct made made;

    (void)state;
    make(&made, QF, "a body\n");
    load(&made);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rules *rules = rules_compile_condition(
            made.scene.rules, slice_from_string(cases[i].condition), NULL,
            NULL);

        assert_non_null(rules);
        assert_int_equal(
            message_is_as_then(&made.message, rules, cases[i].then),
            cases[i].is_same);
        rules_free(rules);
    }
    drop(&made);
}

static int lowest_free(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    close(fd);
    return fd;
}

/* Files that were read wait to be closed, and take the last descriptors. */
static void test_descriptors_that_wait_make_room(void **state)
{
    struct closing closing = {.count = 0};
    struct made made;
    rlim_t before;
    int free_fd;

    (void)state;
    make(&made, REPORT_QF, "no report\n");
    made.message.closing = &closing;
    free_fd = lowest_free();
    before = few_descriptors((rlim_t)free_fd + 1);
    load(&made);
    assert_int_equal(closing.count, 1);
    message_need_data(&made.message);
    few_descriptors(before);
    assert_int_equal(made.message.data_state, DATA_READ);
    assert_int_equal(closing.count, 1);
    closing_close(&closing);
    assert_int_equal(lowest_free(), free_fd);
    drop(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_of_the_control_file),
        cmocka_unit_test(test_one_value_and_several),
        cmocka_unit_test(test_which_fields_are_late),
        cmocka_unit_test(test_whether_an_alias_led_to_who_failed),
        cmocka_unit_test(test_whether_the_source_is_a_neighbour),
        cmocka_unit_test(test_whether_the_source_is_of_the_senders_owner),
        cmocka_unit_test(test_what_is_called_like_a_server_before_it_relays),
        cmocka_unit_test(test_what_only_a_server_writes_relays),
        cmocka_unit_test(test_what_a_milter_of_ours_says_of_the_sender),
        cmocka_unit_test(test_whether_mail_answers_one_of_ours),
        cmocka_unit_test(test_the_next_message_has_a_path_of_its_own),
        cmocka_unit_test(test_whether_the_recipient_is_of_our_house),
        cmocka_unit_test(test_what_a_program_answered_is_a_notice),
        cmocka_unit_test(test_fields_of_no_report),
        cmocka_unit_test(test_df_is_missing_or_read_once),
        cmocka_unit_test(test_gone_between_listing_and_reading),
        cmocka_unit_test(test_basis_is_that_of_the_bytes_and_of_df),
        cmocka_unit_test(test_no_basis_without_a_regular_df),
        cmocka_unit_test(test_time_passes_between_two_looks),
        cmocka_unit_test(test_descriptors_that_wait_make_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
