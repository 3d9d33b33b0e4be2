/*
 * Delivery reports: fixtures whole and cut at every byte, and what a hostile
 * original can do to its own report.
 */
/* wraps: realloc */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/dsn.h"
#include "tests/assert_slice.h"
#include "tests/guard.h"

/* ---- a report with its control file ---- */

enum { TEXT_MAX = 16384 };

struct report {
    char qf_text[TEXT_MAX], body_text[TEXT_MAX];
    struct qf qf;
    struct slice id, body;
    struct dsn dsn;
};

static void report_open(struct report *report)
{
    memset(report, 0, sizeof *report);
    qf_init(&report->qf);
    dsn_init(&report->dsn);
}

static void report_close(struct report *report)
{
    qf_free(&report->qf);
    dsn_free(&report->dsn);
}

static struct slice load(const char *name, const char *ending, char *buffer)
{
    char path[200];
    FILE *file;
    size_t len;

    snprintf(path, sizeof path, "tests/fixtures/%s.%s", name, ending);
    file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s: cannot be opened", path);
    len = fread(buffer, 1, TEXT_MAX, file);
    assert_true(len < TEXT_MAX && feof(file));
    fclose(file);
    return slice_make(buffer, len);
}

static void report_set(struct report *report, const char *id,
                       struct slice qf_text, struct slice body)
{
    assert_int_equal(qf_parse(&report->qf, qf_text), QF_OK);
    report->id = slice_from_string(id);
    report->body = body;
}

static void report_load(struct report *report, const char *name, const char *id)
{
    report_set(report, id, load(name, "qf", report->qf_text),
               load(name, "df", report->body_text));
}

static enum dsn_outcome parse(struct report *report, struct slice body)
{
    return qf_has_flag(&report->qf, 'r')
               ? dsn_parse_own(&report->dsn, &report->qf,
                               dsn_kind_of_own(&report->qf), report->id, body)
               : dsn_parse_foreign(&report->dsn, &report->qf, body);
}

static size_t append(char *text, size_t len, struct slice part,
                     const char *behind)
{
    int count = snprintf(text + len, 1000 - len, "%.*s%s",
                         part.ptr == NULL ? 1 : (int)part.len,
                         part.ptr == NULL ? "-" : part.ptr, behind);

    assert_true(count >= 0 && len + (size_t)count < 1000);
    return len + (size_t)count;
}

/* "a@example.org failed 5.1.1, b@example.org delayed -" */
static struct slice recipients_of(const struct dsn *dsn, char text[1000])
{
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        const struct dsn_recipient *recipient = &dsn->recipients[i];

        len = append(text, len, slice_make(", ", i == 0 ? 0 : 2), "");
        len = append(text, len, recipient->final_recipient, " ");
        len = append(text, len, recipient->action, " ");
        len = append(text, len, recipient->status, "");
    }
    return slice_make(text, len);
}

/* ---- fixtures ---- */

static const struct fixture {
    const char *name;
    const char *id;
    enum dsn_outcome outcome;
    enum dsn_kind kind;
    bool is_mime, has_expired;
    const char *source_text, *parent_id;
    const char *recipients;
} fixtures[] = {
    {"dsn/failure-headers", "6AI4qh1s004993", DSN_OK, DSN_FAILURE, true, false,
     "cust-203-0-113-61.mobile.quicknet.example [203.0.113.61]",
     "6AI4qh1s004946", "eve_taylor59901@example.com failed 5.1.1"},
    {"dsn/failure-message", "6AI4qo1Q005928", DSN_OK, DSN_FAILURE, true, false,
     "198-51-100-199.mobile.quicknet.example [198.51.100.199]",
     "6AI4qn1Q005872", "gina66@example.com failed 5.1.1"},
    {"dsn/policy-5.1.8", "6AI4qie3005129", DSN_OK, DSN_FAILURE, true, false,
     "[198.18.66.251]", "6AI4qhe3005082",
     "green61818@example.com failed 5.1.8"},
    {"dsn/policy-5.7.1", "6AI4qjcW005383", DSN_OK, DSN_FAILURE, true, false,
     "cust-198-51-100-50.dsl.telco-sud.example [198.51.100.50]",
     "6AI4qjcW005326", "dave.clark2043@example.com failed 5.7.1"},
    {"dsn/mixed-5.1.1-5.2.1", "6AMIZCun027194", DSN_OK, DSN_FAILURE, true,
     false, "ppp203-0-113-50.dyn.bigcable.example [203.0.113.50]",
     "6AMIZBun027135",
     "press@example.com failed 5.2.1, zking@example.com failed 5.1.1"},
    {"dsn/expired", "6ALGJsXq017980", DSN_OK, DSN_FAILURE, true, true,
     "mail.first-moore5.example [192.0.2.145]", "6AGESbis004801",
     "jobs@example.net failed 4.4.7"},
    {"dsn/warning", "6AI4qsEZ006209", DSN_OK, DSN_WARNING, true, false,
     "unknown.dsl.telco-sud.example [198.51.100.198] (may be forged)",
     "6AGESbt5004818", "zoenelson22344@example.net delayed 4.4.1"},
    {"dsn/receipt-expanded", "6AI4qoCM006015", DSN_OK, DSN_RECEIPT, true, false,
     "mail.city-wright3.example [192.0.2.143]", "6AI4qoCL006001",
     "staff@mx2.example.org delivered 2.0.0"},
    {"dsn/receipt-relayed", "6AI4qpcB006077", DSN_OK, DSN_RECEIPT, true, false,
     "mail.example.com [192.0.2.80]", "6AI4qpcB006062",
     "paul@nodsn.example relayed 2.0.0"},
    {"dsn/double-bounce-5.2.1", "6AKGtBxS013498", DSN_OK, DSN_POSTMASTER, true,
     false, "localhost", "6AKGtBxR013498", "press@example.com failed 5.2.1"},
    {"dsn/double-bounce-5.7.1", "6AI4qoSR006004", DSN_OK, DSN_POSTMASTER, true,
     false, "localhost", "6AI4qoSQ006004",
     "karl17@nulldeny.example failed 5.7.1"},
    {"dsn/ipv6", "6AI4qiRP005205", DSN_OK, DSN_FAILURE, true, false,
     "cust-2001-db8-bad-310.dyn.bigcable.example "
     "[IPv6:2001:db8:bad:0:0:0:0:310]",
     "6AI4qiRP005124", "alice58258@example.com failed 5.1.1"},
    {"dsn/ipv6-forged", "6AI4qkOG005551", DSN_OK, DSN_FAILURE, true, false,
     "2001-db8-bad-312.pool.cheapdsl.example "
     "[IPv6:2001:db8:bad:0:0:0:0:312] (may be forged)",
     "6AI4qjOG005490", "sue.walker@example.com failed 5.1.1"},
    {"dsn/forged", "6AI4qh4w004985", DSN_OK, DSN_FAILURE, true, false,
     "unknown.dsl.telco-sud.example [203.0.113.23] (may be forged)",
     "6AI4qh4w004941", "smith136395@example.com failed 5.1.1"},

    {"dsn/filter", "m427fQNu030382", DSN_OK, DSN_FAILURE, true, false,
     "pool-198-18-99-99.telefonia-br.example [198.18.99.99]", "m427fQXn017248",
     "tanaka25@firm.example failed 5.1.1"},

    {"dsn/text-8.9", "TAA03712", DSN_OK, DSN_FAILURE, false, false,
     "ppp7.example.net [198.51.100.7]", "SAA03711",
     "bob@example.com failed 5.1.1, carol@example.com failed 5.0.0"},
    {"dsn/text-8.9-unnamed", "TAA03712", DSN_OK, DSN_FAILURE, false, false,
     "ppp7.example.net [198.51.100.7]", "SAA03711",
     "bob@example.com failed 5.1.1, carol@example.com failed 5.1.1, "
     "dave@example.com failed 5.1.1, erin@example.com failed 5.0.0, "
     "frank@example.com failed 5.7.1, grace@example.com failed -"},
    {"dsn/text-mixed", "6AMJJq2v027999", DSN_OK, DSN_FAILURE, false, false,
     "ppp7.example.net [198.51.100.7] (may be forged)", "6AMI0001004711",
     "staff@example.org failed 5.1.1, carol@example.com failed 5.0.0, "
     "dave@example.com failed 5.1.8, eve@example.com delayed -, "
     "frank@example.com relayed -, grace@example.org delivered -"},
    {"dsn/text-uncollected", "6AMJJq2v027999", DSN_OK, DSN_POSTMASTER, false,
     false, "ppp7.example.net [198.51.100.7]", "6AMI0001004711",
     "bob@example.com failed 5.1.1"},

    {"dsn/foreign-sendmail", "-", DSN_OK, DSN_FAILURE, true, false, NULL, NULL,
     "dave@green-miller12.example failed 5.1.1"},
    {"dsn/foreign-sendmail-text", "-", DSN_OK, DSN_FAILURE, false, false, NULL,
     NULL, "bob@example.net failed 5.1.1"},
    {"dsn/foreign-postfix", "-", DSN_OK, DSN_FAILURE, true, false, NULL, NULL,
     "zoe@first-smith9.example failed 5.1.1"},
    {"dsn/foreign-postfix-text", "-", DSN_OK, DSN_FAILURE, false, false, NULL,
     NULL, "bob@example.net failed 5.1.1"},
    {"dsn/foreign-exim", "-", DSN_OK, DSN_FAILURE, false, false, NULL, NULL,
     "linda@alpha-smith13.example failed -"},
    {"dsn/foreign-exim-delay", "-", DSN_OK, DSN_WARNING, false, false, NULL,
     NULL, "bob@example.net delayed 4.7.1"},
    {"dsn/foreign-qmail", "-", DSN_OK, DSN_FAILURE, false, false, NULL, NULL,
     "bob@example.net failed 5.1.1, carol@example.net failed 5.7.1, "
     "dave@example.net failed -"},
    {"dsn/foreign-exchange", "-", DSN_OK, DSN_FAILURE, true, false, NULL, NULL,
     "bob@example.net failed 5.1.1"},
    {"dsn/foreign-exchange-text", "-", DSN_OK, DSN_FAILURE, false, false, NULL,
     NULL, "bob@example.net failed -"},
    {"dsn/foreign-exchange-mixed", "-", DSN_OK, DSN_FAILURE, false, false, NULL,
     NULL, "bob@example.net failed -"},
    {"dsn/foreign-groupwise", "-", DSN_OK, DSN_FAILURE, false, false, NULL,
     NULL, "bob failed -, carol@example.net failed -"},

    {"dsn/not-fax", "-", DSN_NOT_A_REPORT, DSN_NONE, false, false, NULL, NULL,
     ""},
    {"dsn/not-calendar", "-", DSN_NOT_A_REPORT, DSN_NONE, false, false, NULL,
     NULL, ""},
    {"dsn/not-challenge", "-", DSN_NOT_A_REPORT, DSN_NONE, false, false, NULL,
     NULL, ""},
    {"dsn/not-confirmation", "-", DSN_NOT_A_REPORT, DSN_NONE, false, false,
     NULL, NULL, ""},
    {"dsn/not-daemon-mail", "-", DSN_NOT_A_REPORT, DSN_NONE, false, false, NULL,
     NULL, ""},
    {"dsn/not-disposition", "-", DSN_NOT_A_REPORT, DSN_NONE, false, false, NULL,
     NULL, ""},
    {"dsn/not-vacation", "-", DSN_NOT_A_REPORT, DSN_NONE, false, false, NULL,
     NULL, ""},
    {"dsn/not-vacation-to-zombie", "-", DSN_NOT_A_REPORT, DSN_NONE, false,
     false, NULL, NULL, ""},
};
enum { FIXTURE_COUNT = sizeof fixtures / sizeof *fixtures };

static void assert_dsn(const struct report *report,
                       const struct fixture *fixture)
{
    const struct dsn *dsn = &report->dsn;
    char text[1000];

    assert_string_equal(dsn_kind_text(dsn->kind), dsn_kind_text(fixture->kind));
    assert_int_equal(dsn->is_mime, fixture->is_mime);
    assert_int_equal(dsn->has_expired, fixture->has_expired);
    assert_slice_is(dsn->source_text, fixture->source_text, fixture->name);
    assert_int_equal(dsn->has_source, fixture->source_text != NULL);
    assert_slice_is(dsn->parent_id, fixture->parent_id, fixture->name);
    assert_slice_is(recipients_of(dsn, text), fixture->recipients,
                    fixture->name);
}

static void fixtures_give_their_facts(void **state)
{
    struct report *report = *state;

    for (size_t i = 0; i < FIXTURE_COUNT; i++) {
        report_load(report, fixtures[i].name, fixtures[i].id);
        if (parse(report, report->body) != fixtures[i].outcome)
            fail_msg("%s: another outcome", fixtures[i].name);
        assert_dsn(report, &fixtures[i]);
    }
}

static void bounces_without_mime_from_a_real_queue_are_read(void **state)
{
    static const struct fixture texts[] = {
        {"6AMKFGn5000062", "6AMKFGn5000062", DSN_OK, DSN_FAILURE, false, false,
         "localhost [127.0.0.1]", "6AMKFGn5000060",
         "guess.a@example.com failed 5.1.1"},
        {"6AMKFGn5000065", "6AMKFGn5000065", DSN_OK, DSN_FAILURE, false, false,
         "localhost [127.0.0.1]", "6AMKFGn6000060",
         "guess.b@example.com failed 5.1.1, guess.c@example.com failed 5.1.1"},
        {"6AMKFK4w000084", "6AMKFK4w000084", DSN_OK, DSN_WARNING, false, false,
         "localhost [127.0.0.1]", "6AMKFGn7000060", ""},
        {"6AMKFMUP000094", "6AMKFMUP000094", DSN_OK, DSN_FAILURE, false, true,
         "localhost [127.0.0.1]", "6AMKFGn7000060",
         "slow.9999999999.1@example.com failed 4.4.7"},
    };
    struct report *report = *state;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char path[100];
        FILE *file;
        size_t len;

        for (int part = 0; part < 2; part++) {
            char *buffer = part == 0 ? report->qf_text : report->body_text;

            snprintf(path, sizeof path, "tests/fixtures/dsn-text/%cf%s",
                     part == 0 ? 'q' : 'd', texts[i].name);
            file = fopen(path, "rb");
            assert_non_null(file);
            len = fread(buffer, 1, TEXT_MAX - 1, file);
            buffer[len] = '\0';
            fclose(file);
        }
        report_set(report, texts[i].id, slice_from_string(report->qf_text),
                   slice_from_string(report->body_text));
        assert_int_equal(parse(report, report->body), texts[i].outcome);
        assert_dsn(report, &texts[i]);
    }
}

static void status_parts_give_every_field(void **state)
{
    struct report *report = *state;
    const struct dsn_recipient *recipient;

    report_load(report, "dsn/foreign-exchange", "-");
    assert_int_equal(parse(report, report->body), DSN_OK);
    assert_int_equal(report->dsn.recipient_count, 1);
    recipient = report->dsn.recipients;
    assert_slice_is(report->dsn.reporting_mta, "mail.example.net", "");
    assert_slice_is(report->dsn.received_from, "mail.example.com", "");
    assert_slice_is(report->dsn.arrival_date, "Sun, 22 Nov 2026 08:15:11 +0000",
                    "");
    assert_slice_is(recipient->original_recipient, "Bob@example.net", "");
    assert_slice_is(recipient->remote_mta, "mx1.example.net", "");
    assert_slice_is(recipient->diagnostic,
                    "smtp;550 5.1.1 RESOLVER.ADR.RecipNotFound;\n  not found",
                    "");
}

static void sources_are_taken_apart(void **state)
{
    struct report *report = *state;
    char address[ADDRESS_IP_TEXT_MAX];

    report_load(report, "dsn/ipv6-forged", "6AI4qkOG005551");
    assert_int_equal(parse(report, report->body), DSN_OK);
    assert_true(report->dsn.has_source && report->dsn.source.has_ip);
    assert_true(report->dsn.source.forged);
    ip_format(&report->dsn.source.ip, address);
    assert_string_equal(address, "2001:db8:bad::312");
}

/* ---- cut at every byte ---- */

struct cutting {
    struct report *report;
    const struct fixture *fixture;
    size_t sufficient; /* fronts that decided the outcome */
};

static void check_cut(struct slice cut, void *context)
{
    struct cutting *cutting = context;
    struct report *report = cutting->report;
    enum dsn_outcome outcome = parse(report, cut);
    bool is_own = qf_has_flag(&report->qf, 'r');

    if (!report->dsn.is_cut) {
        assert_int_equal(outcome, cutting->fixture->outcome);
        assert_dsn(report, cutting->fixture);
        cutting->sufficient++;
    } else if (is_own) {
        assert_int_equal(outcome, DSN_INCOMPLETE);
    }
}

static void fronts_decide_nothing_that_more_text_would_change(void **state)
{
    struct report *report = *state;

    for (size_t i = 0; i < FIXTURE_COUNT; i++) {
        struct cutting cutting = {report, &fixtures[i], 0};

        report_load(report, fixtures[i].name, fixtures[i].id);
        guard_cut_everywhere(report->body, check_cut, &cutting);
        if (qf_has_flag(&report->qf, 'r'))
            assert_true(cutting.sufficient > 0);
    }
}

static void front_with_the_first_received_is_sufficient(void **state)
{
    struct report *report = *state;
    struct slice front;
    const char *date;

    report_load(report, "dsn/failure-message", "6AI4qo1Q005928");
    report->body_text[report->body.len] = '\0';
    date = strstr(report->body_text, "\nDate: Wed");
    assert_non_null(date);
    front = slice_head(report->body, (size_t)(date + 2 - report->body_text));
    assert_int_equal(parse(report, front), DSN_OK);
    assert_false(report->dsn.is_cut);
    front.len--; /* the next byte may continue the field */
    assert_int_equal(parse(report, front), DSN_INCOMPLETE);
    assert_true(report->dsn.is_cut);
}

/* ---- what others may have written ---- */

#define OWN_QF(headers)                                                        \
    "V8\nT1794977563\nK1795371058\nN10\nP840000\nFrs\n$_localhost\n$r\n"       \
    "SMAILER-DAEMON\nrRFC822; "                                                \
    "ann@example.net\nRPF:<ann@example.net>\n" headers ".\n"
#define OWN_TYPE                                                               \
    "H??Content-Type: multipart/report; report-type=delivery-status;\n"        \
    "\tboundary=\"I1.17/mx.example.org\"\n"
#define OWN_FAILURE                                                            \
    "H??Subject: Returned mail: see transcript for details\n"                  \
    "H??Auto-Submitted: auto-generated (failure)\n"
#define DELIMITER "--I1.17/mx.example.org\n"

static const char own_qf[] = OWN_QF(OWN_TYPE OWN_FAILURE);

/* The places of a report that the cases below replace. */
enum place {
    OPENING,
    LIST,
    TRANSCRIPT,
    STATUS_HEADER,
    MESSAGE_FIELDS,
    RECIPIENT_FIELDS,
    ORIGINAL_HEADER,
    ORIGINAL,
    ENDING,
    PLACE_COUNT,
};

static const char *const places[PLACE_COUNT] = {
    "This is a MIME-encapsulated message\n\n" DELIMITER "\n"
    "The original message was received at Wed, 18 Nov 2026 04:52:43 GMT\n"
    "from host.example.net [198.51.100.7]\n\n",
    "   ----- The following addresses had permanent fatal errors -----\n"
    "<bob@example.com>\n"
    "    (reason: 550 5.1.1 <bob@example.com>... User unknown)\n\n",
    "   ----- Transcript of session follows -----\n"
    "... while talking to mail.example.com.:\n"
    ">>> DATA\n"
    "<<< 550 5.1.1 <bob@example.com>... User unknown\n"
    "550 5.1.1 <bob@example.com>... User unknown\n",
    "\n" DELIMITER "Content-Type: message/delivery-status\n\n",
    "Reporting-MTA: dns; mx.example.org\n"
    "Arrival-Date: Wed, 18 Nov 2026 04:52:43 GMT\n",
    "\nFinal-Recipient: RFC822; bob@example.com\n"
    "Action: failed\n"
    "Status: 5.1.1\n"
    "Diagnostic-Code: SMTP; 550 5.1.1 <bob@example.com>... User unknown\n",
    "\n" DELIMITER "Content-Type: message/rfc822\n\n",
    "Return-Path: <ann@example.net>\n"
    "Received: from helo.example.net (host.example.net [198.51.100.7])\n"
    "\tby mx.example.org (8.17.1.9/8.17.1.9) with ESMTP id PARENT\n"
    "\tfor <bob@example.com>; Wed, 18 Nov 2026 04:52:43 GMT\n"
    "Subject: hello\n\nHello.\n",
    "\n--I1.17/mx.example.org--\n\n",
};

static struct slice build(struct report *report, enum place place,
                          const char *text)
{
    size_t len = 0;

    for (int i = 0; i < PLACE_COUNT; i++) {
        const char *part = i == (int)place ? text : places[i];

        assert_true(len + strlen(part) < TEXT_MAX);
        memcpy(report->body_text + len, part, strlen(part));
        len += strlen(part);
    }
    return slice_make(report->body_text, len);
}

#define BOB "bob@example.com failed 5.1.1"
#define SOURCE "host.example.net [198.51.100.7]"

static const struct hostile {
    const char *title;
    enum place place;
    const char *text;
    enum dsn_outcome outcome;
    bool has_expired;
    const char *source_text, *parent_id, *recipients;
} hostile_cases[] = {
    {"nothing is hostile", PLACE_COUNT, "", DSN_OK, false, SOURCE, "PARENT",
     BOB},

    /* recipient addresses begin lines of the address list */
    {"an address that looks like the source", LIST,
     "   ----- The following addresses had permanent fatal errors -----\n"
     "from evil.example.net [203.0.113.66]\n"
     "The original message was received at Wed, 18 Nov 2026 04:52:43 GMT\n"
     "from evil.example.net [203.0.113.66]\nwith id EVIL\n\n",
     DSN_OK, false, SOURCE, "PARENT", BOB},
    {"an address that is the boundary", LIST,
     "   ----- The following addresses had permanent fatal errors "
     "-----\n" DELIMITER "Content-Type: message/delivery-status\n"
     "Final-Recipient: rfc822; evil@example.net\nAction: delayed\n"
     "Status: 4.4.1\n--I1.17/mx.example.org--\n\n",
     DSN_OK, false, SOURCE, "PARENT", BOB},
    {"an address that begins like the boundary", LIST,
     "\n--I1.17/mx.example.org.example.net\n\n--I1.17\n\n--I1.17/mx.example."
     "org-- \n\n",
     DSN_OK, false, SOURCE, "PARENT", BOB},
    {"an address that speaks of time", LIST,
     "Message could not be delivered for 5 days\n\n"
     "Message could not be delivered for@example.net... User unknown\n\n",
     DSN_OK, false, SOURCE, "PARENT", BOB},

    /* the remote host writes the replies */
    {"replies that speak of time", TRANSCRIPT,
     "   ----- Transcript of session follows -----\n"
     "<<< Message could not be delivered for 5 days\n"
     ">>> Message could not be delivered for 5 days\n"
     "Message could not be delivered for x@example.net... User unknown\n",
     DSN_OK, false, SOURCE, "PARENT", BOB},
    {"our own word that the time is up", TRANSCRIPT,
     "   ----- Transcript of session follows -----\n"
     "<bob@example.com>... Deferred: Connection refused by mail.example.com.\n"
     "Message could not be delivered for 5 days\n"
     "Message will be deleted from queue\n",
     DSN_OK, true, SOURCE, "PARENT", BOB},
    {"our own word that Deliver-By is over", TRANSCRIPT,
     "   ----- Transcript of session follows -----\n"
     "Delivery time (3600s) expired\n",
     DSN_OK, true, SOURCE, "PARENT", BOB},
    {"a diagnostic that looks like a field", RECIPIENT_FIELDS,
     "\nFinal-Recipient: RFC822; bob@example.com\nAction: failed\n"
     "Status: 5.1.1\nDiagnostic-Code: SMTP; 550 Status: 4.4.7 Action: delayed"
     "\n",
     DSN_OK, false, SOURCE, "PARENT", BOB},
    {"a delayed recipient beside the failed one", RECIPIENT_FIELDS,
     "\nFinal-Recipient: RFC822; bob@example.com\nAction: failed\n"
     "Status: 5.1.1\n"
     "\nFinal-Recipient: RFC822; eve@example.com\nAction: delayed\n"
     "Status: 4.4.7\n",
     DSN_OK, false, SOURCE, "PARENT", BOB ", eve@example.com delayed 4.4.7"},
    {"an expired recipient beside the failed one", RECIPIENT_FIELDS,
     "\nFinal-Recipient: RFC822; bob@example.com\nAction: failed\n"
     "Status: 5.1.1\n"
     "\nFinal-Recipient: RFC822; eve@example.com\nAction: failed\n"
     "Status: 4.4.7\n",
     DSN_OK, true, SOURCE, "PARENT", BOB ", eve@example.com failed 4.4.7"},

    /* ENVID is decoded into the status part */
    {"an envelope id", MESSAGE_FIELDS,
     "Original-Envelope-Id: QQ314159\nReporting-MTA: dns; mx.example.org\n"
     "Arrival-Date: Wed, 18 Nov 2026 04:52:43 GMT\n",
     DSN_OK, false, SOURCE, "PARENT", BOB},
    {"an envelope id that brings a recipient", MESSAGE_FIELDS,
     "Original-Envelope-Id: x\n\nFinal-Recipient: rfc822; evil@example.net\n"
     "Action: failed\nStatus: 5.1.1\n\n"
     "Reporting-MTA: dns; mx.example.org\nArrival-Date: now\n",
     DSN_INCOMPLETE, false, SOURCE, "PARENT",
     "evil@example.net failed 5.1.1, " BOB},
    {"an envelope id that brings a whole report", MESSAGE_FIELDS,
     "Original-Envelope-Id: x\nReporting-MTA: dns; mx.example.org\n"
     "Arrival-Date: now\n\nFinal-Recipient: rfc822; evil@example.net\n"
     "Action: failed\nStatus: 5.1.1\n"
     "Reporting-MTA: dns; mx.example.org\nArrival-Date: now\n",
     DSN_INCOMPLETE, false, SOURCE, "PARENT",
     "evil@example.net failed 5.1.1, " BOB},
    {"an envelope id that leaves our field to its recipient", MESSAGE_FIELDS,
     "Original-Envelope-Id: x\nReporting-MTA: dns; mx.example.org\n\n"
     "Final-Recipient: rfc822; evil@example.net\nAction: failed\n"
     "Status: 5.1.1\nReporting-MTA: dns; mx.example.org\n",
     DSN_INCOMPLETE, false, SOURCE, "PARENT",
     "evil@example.net failed 5.1.1, " BOB},
    {"an envelope id that brings a source", MESSAGE_FIELDS,
     "Original-Envelope-Id: x\nReceived-From-MTA: dns; evil.example.net\n"
     "Reporting-MTA: dns; mx.example.org\nArrival-Date: now\n",
     DSN_INCOMPLETE, false, SOURCE, "PARENT", BOB},
    {"an envelope id that brings an empty line", MESSAGE_FIELDS,
     "Original-Envelope-Id: x\n\nReporting-MTA: dns; mx.example.org\n",
     DSN_INCOMPLETE, false, SOURCE, "PARENT", BOB},

    /* fields that sendmail always writes, once */
    {"two Status fields", RECIPIENT_FIELDS,
     "\nFinal-Recipient: RFC822; bob@example.com\nAction: failed\n"
     "Status: 5.1.1\nStatus: 4.4.7\n",
     DSN_INCOMPLETE, false, SOURCE, "PARENT", BOB},
    {"no Action", RECIPIENT_FIELDS,
     "\nFinal-Recipient: RFC822; bob@example.com\nStatus: 5.1.1\n",
     DSN_INCOMPLETE, false, SOURCE, "PARENT", "bob@example.com - 5.1.1"},
    {"no code in Status", RECIPIENT_FIELDS,
     "\nFinal-Recipient: RFC822; bob@example.com\nAction: failed\n"
     "Status: 5.1.1.1\n",
     DSN_INCOMPLETE, false, SOURCE, "PARENT", "bob@example.com failed -"},
    {"nobody failed", RECIPIENT_FIELDS,
     "\nFinal-Recipient: RFC822; bob@example.com\nAction: delayed\n"
     "Status: 4.4.1\n",
     DSN_INCOMPLETE, false, SOURCE, "PARENT", "bob@example.com delayed 4.4.1"},
    {"no recipient", RECIPIENT_FIELDS, "", DSN_INCOMPLETE, false, SOURCE,
     "PARENT", ""},
    {"no message fields", MESSAGE_FIELDS, "", DSN_INCOMPLETE, false, SOURCE,
     "PARENT", BOB},

    /* the parts, in their order */
    {"another opening", OPENING,
     "This is a MIME-encapsulated message\n\n" DELIMITER "\n"
     "from evil.example.net [203.0.113.66]\n"
     "The original message was received at Wed, 18 Nov 2026 04:52:43 GMT\n"
     "from evil.example.net [203.0.113.66]\n\n",
     DSN_INCOMPLETE, false, NULL, "PARENT", BOB},
    {"a preamble", OPENING,
     "Hello.\n\n" DELIMITER "\n"
     "The original message was received at Wed, 18 Nov 2026 04:52:43 GMT\n"
     "from host.example.net [198.51.100.7]\n\n",
     DSN_INCOMPLETE, false, NULL, NULL, ""},
    {"an opening without source", OPENING,
     "This is a MIME-encapsulated message\n\n" DELIMITER "\n"
     "The original message was received at Wed, 18 Nov 2026 04:52:43 GMT\n"
     "from \n\n",
     DSN_OK, false, NULL, "PARENT", BOB},
    {"a second part of another type", STATUS_HEADER,
     "\n" DELIMITER "Content-Type: text/plain\n\n", DSN_INCOMPLETE, false,
     SOURCE, "PARENT", ""},
    {"two types for the second part", STATUS_HEADER,
     "\n" DELIMITER "Content-Type: message/delivery-status\n"
     "Content-Type: message/delivery-status\n\n",
     DSN_INCOMPLETE, false, SOURCE, "PARENT", ""},
    {"a second status part in place of the original", ORIGINAL_HEADER,
     "\n" DELIMITER "Content-Type: message/delivery-status\n\n", DSN_INCOMPLETE,
     false, SOURCE, NULL, BOB},
    {"no original", ORIGINAL_HEADER,
     "\n--I1.17/mx.example.org--\n" DELIMITER "Content-Type: text/plain\n\n",
     DSN_OK, false, SOURCE, NULL, BOB},
    {"the header of the original only", ORIGINAL_HEADER,
     "\n" DELIMITER "Content-Type: text/rfc822-headers\n"
     "Content-Transfer-Encoding: 8bit\n\n",
     DSN_OK, false, SOURCE, "PARENT", BOB},

    /* the original is the sender's, but for our own Received */
    {"Received of others below ours", ORIGINAL,
     "Return-Path: <ann@example.net>\n"
     "Received: from helo.example.net (host.example.net [198.51.100.7])\n"
     "\tby mx.example.org (8.17.1.9/8.17.1.9) with ESMTP id PARENT;\n"
     "\tWed, 18 Nov 2026 04:52:43 GMT\n"
     "Received: from evil (evil.example.net [203.0.113.66])\n"
     "\tby mx.example.org (8.17.1.9/8.17.1.9) with ESMTP id EVIL;\n"
     "\tWed, 18 Nov 2026 04:52:42 GMT\n\n",
     DSN_OK, false, SOURCE, "PARENT", BOB},
    {"Received with another address", ORIGINAL,
     "Received: from helo (evil.example.net [203.0.113.66])\n"
     "\tby mx.example.org (8.17.1.9) with ESMTP id PARENT; now\n"
     "Subject: x\n\n",
     DSN_INCOMPLETE, false, SOURCE, NULL, BOB},
    {"Received with an address where the text has none", ORIGINAL,
     "Received: from helo (localhost)\n"
     "\tby mx.example.org (8.17.1.9) with ESMTP id PARENT; now\n"
     "Subject: x\n\n",
     DSN_INCOMPLETE, false, SOURCE, NULL, BOB},
    {"Received with the same address, another name", ORIGINAL,
     "Received: from helo ([198.51.100.7])\n"
     "\tby mx.example.org (8.17.1.9) with ESMTP id PARENT; now\n"
     "Subject: x\n\n",
     DSN_OK, false, SOURCE, "PARENT", BOB},
    {"Received after authentication, over TLS", ORIGINAL,
     "Received: from helo (host.example.net [198.51.100.7])\n"
     "\t(authenticated bits=0)\n"
     "\tby mx.example.org (8.17.1.9/8.17.1.9) with ESMTPSA id PARENT\n"
     "\t(version=TLSv1.3 cipher=X id EVIL bits=256 verify=NO); now\n"
     "Subject: x\n\n",
     DSN_OK, false, SOURCE, "PARENT", BOB},
    {"a helo that looks like a comment", ORIGINAL,
     "Received: from [203.0.113.66](evil) (host.example.net [198.51.100.7])\n"
     "\tby mx.example.org (8.17.1.9) with ESMTP id PARENT; now\n"
     "Subject: x\n\n",
     DSN_OK, false, SOURCE, NULL, BOB},
    {"an id longer than a file name", ORIGINAL,
     "Received: from helo (host.example.net [198.51.100.7])\n"
     "\tby mx.example.org (8.17.1.9) with ESMTP id 123456789012345678901; now\n"
     "Subject: x\n\n",
     DSN_OK, false, SOURCE, NULL, BOB},
    {"an id that is no file name", ORIGINAL,
     "Received: from helo (host.example.net [198.51.100.7])\n"
     "\tby mx.example.org (8.17.1.9) with ESMTP id ../../etc; now\n"
     "Subject: x\n\n",
     DSN_OK, false, SOURCE, NULL, BOB},
    {"a header without Received", ORIGINAL, "Subject: x\n\nReceived: y\n",
     DSN_OK, false, SOURCE, NULL, BOB},

    /* postmaster copies name the parent twice */
    {"two names for the parent", OPENING,
     "This is a MIME-encapsulated message\n\n" DELIMITER "\n"
     "The original message was received at Wed, 18 Nov 2026 04:52:43 GMT\n"
     "from host.example.net [198.51.100.7]\nwith id OTHER\n\n",
     DSN_INCOMPLETE, false, SOURCE, "OTHER", BOB},

    {"no end", ENDING, "", DSN_OK, false, SOURCE, "PARENT", BOB},
};

static void nobody_but_sendmail_moves_a_field(void **state)
{
    struct report *report = *state;

    for (size_t i = 0; i < sizeof hostile_cases / sizeof *hostile_cases; i++) {
        const struct hostile *c = &hostile_cases[i];
        char text[1000];

        report_set(report, "I1", slice_from_string(own_qf),
                   build(report, c->place, c->text));
        if (parse(report, report->body) != c->outcome ||
            report->dsn.has_expired != c->has_expired)
            fail_msg("%s: another outcome", c->title);
        assert_slice_is(report->dsn.source_text, c->source_text, c->title);
        assert_slice_is(report->dsn.parent_id, c->parent_id, c->title);
        assert_slice_is(recipients_of(&report->dsn, text), c->recipients,
                        c->title);
        assert_false(report->dsn.is_cut);
    }
}

/* A report whose original has these fields before its Subject. */
static enum dsn_outcome parse_original(struct report *report,
                                       const char *fields)
{
    char text[1000];

    snprintf(text, sizeof text, "%sSubject: x\n\n", fields);
    report_set(report, "I1", slice_from_string(own_qf),
               build(report, ORIGINAL, text));
    return parse(report, report->body);
}

#define FROM "Received: from helo (host.example.net [198.51.100.7])\n"
#define BY "\tby mx.example.org (8.17.1.9/8.17.1.9) "

static void only_our_received_says_who_had_logged_in(void **state)
{
    static const struct {
        const char *text;
        bool is_authenticated;
    } cases[] = {
        {FROM "\t(authenticated bits=0)\n" BY "with ESMTPSA id P; now\n", true},
        {FROM "\t(authenticated (0 bits))\n" BY "with ESMTP id P; now\n", true},
        {FROM "\t(authenticated)\n" BY "id P; now\n", true},
        {FROM "\t(user=ann mech=LOGIN bits=0)\n" BY "with ESMTP id P; now\n",
         true},
        {FROM "\t(user=o'b(c) author=x mech=PLAIN)\n" BY "id P; now\n", true},
        {FROM "\t(users=9)\n" BY "with ESMTP id P; now\n", false},
        {FROM BY "with ESMTPA id P; now\n", true},
        {FROM BY "with ESMTPS id P\n\t(version=TLSv1.2 cipher=X bits=256 "
                 "verify=OK)\n\tfor <a@b>; now\n",
         true},
        {FROM BY "with ESMTPS id P (version=X verify=NO); now\n", false},
        {FROM BY "with ESMTPS id P (version=X verify=FAIL) ( verify=OK); now\n",
         false},
        {FROM BY "with ESMTPS id P (version=X verify=OK", false},
        {FROM BY "with ESMTP (version=X verify=OK) id P; now\n", false},
        {FROM BY "with ESMTP id P for <(version=X verify=OK)@b>; now\n", false},
        {FROM BY "with ESMTPS id P; now\n", false},
        {FROM BY "id P for <with@A>; now\n", false},
        {FROM BY "id P\n\tfor with ESMTPA; with ESMTPA\n", false},
        {FROM BY "with", false},
        {FROM BY "(with ESMTPA) id P; now\n", false},
        {FROM BY "with ESMTP id P; now\n" FROM "\t(authenticated bits=0)\n" BY
                 "with ESMTPA id Q; now\n",
         false},
        /* no source to be read from it: any word of a login counts */
        {"Received: from a(b) (host.example.net [198.51.100.7])\n" BY
         "with ESMTPA id P; now\n",
         true},
        {"Received: from host.example.net [198.51.100.7]\n" BY
         "with UTF8SMTPSA id P; now\n",
         true},
        {"Received: (authenticated bits=0)\n" BY "id P; now\n", true},
        {"Received: (user=ann mech=LOGIN)" BY "id P; now\n", true},
        {"Received: by mx.example.org id P (version=X verify=OK); now\n", true},
        {"Received: from [198.51.100.7] by mx.example.org with ESMTPA\n\tid P; "
         "now\n",
         true},
        {"Received: by mx.example.org with esmtpsa; now\n", true},
        {"Received: by mx.example.org with ESMTPA\n", true},
        {"Received: by mx.example.org (Authenticated sender: ann)\n", true},
        {"Received: by mx.example.org (TLSv1.3, verify=OK, bits=256)\n", true},
        {"Received: by mx.example.org with ESMTPANY id P; now\n", false},
        {"Received: by mx.example.org with ESMTPS id P (verify=NO); now\n",
         false},
        {"Received: from a(b) (host.example.net [198.51.100.7])\n" BY
         "with ESMTP id P; now\n",
         false},
        {"Subject: (authenticated bits=0)\n", false},
    };
    struct report *report = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse_original(report, cases[i].text), DSN_OK);
        if (report->dsn.is_authenticated != cases[i].is_authenticated)
            fail_msg("%s", cases[i].text);
    }
}

static void a_client_names_itself_in_our_received(void **state)
{
    static const struct {
        const char *text, *helo;
    } cases[] = {
        {FROM BY "with ESMTP id P; now\n", "helo"},
        {"Received: from [192.0.2.1] (host.example.net [198.51.100.7])\n" BY
         "with ESMTP id P; now\n",
         "[192.0.2.1]"},
        {FROM BY "id P; now\nReceived: from mx (x [192.0.2.1])\n" BY
                 "id Q; now\n",
         "helo"},
        {"Received: (from ann@localhost)\n" BY "id P; now\n", NULL},
        {"Received: from (host.example.net [198.51.100.7])\n" BY
         "with SMTP id P; now\n",
         NULL},
        {"Received: from a(b) (host.example.net [198.51.100.7])\n" BY
         "with SMTP id P; now\n",
         NULL},
        {"Received: from host.example.net [198.51.100.7]\n" BY "id P; now\n",
         NULL},
        {"Subject: from helo (x)\n", NULL},
    };
    struct report *report = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        parse_original(report, cases[i].text);
        if (cases[i].helo == NULL)
            assert_true(slice_is_absent(report->dsn.helo));
        else
            assert_slice_is(report->dsn.helo, cases[i].helo, cases[i].text);
    }
}

/* Of an original whose header has that below our own Received. */
static struct dsn_path path_of(struct report *report, const char *below)
{
    char text[1024];
    struct dsn_path path;

    snprintf(text, sizeof text, "%s" BY "with ESMTP id P; now\n%s", FROM,
             below);
    parse_original(report, text);
    dsn_read_path(&report->dsn, &path);
    return path;
}

static void a_server_names_itself_in_the_next_received(void **state)
{
    static const struct {
        const char *text, *hop;
    } cases[] = {
        {"Received: from pc (pc [192.0.2.9])\n\tby mail.example.net (Postfix) "
         "with ESMTP id Q; now\n",
         "mail.example.net"},
        {"Received: by mail.example.net (Postfix, from userid 33)\n\tid Q; "
         "now\n",
         "mail.example.net"},
        {"Received: from by (by by.example.net [192.0.2.9]) by a.example; x\n",
         "a.example"},
        /* behind what names no host, or a filter's own one */
        {"Received: (qmail 812 invoked from network); now\n"
         "Received: from unknown (HELO pc) (192.0.2.9)\n  by a.example with "
         "SMTP; now\n",
         "a.example"},
        {"Received: from a.example ([127.0.0.1])\n\tby localhost (a.example "
         "[127.0.0.1]) (amavisd-new, port 10024) with ESMTP id Q; now\n"
         "Received: from pc (pc [192.0.2.9]) by a.example (Postfix); now\n",
         "a.example"},
        {"Comment: DomainKeys? See http://example.org/\n"
         "DomainKey-Signature: a=rsa-sha1\nReceived: by a.example; x\n",
         "a.example"},
        {"RECEIVED: (by x) BY a.example; x\n", "a.example"},
        {"DKIM-Signature: v=1;\n\tb=by b.example\nX-Found: nothing\n"
         "Received: by a.example; x\n",
         "a.example"},
        /* what its writer put there, or an MTA below his words */
        {"Received: from pc (pc [192.0.2.9])\n", NULL},
        {"Received: by\n", NULL},
        {"Received:\n", NULL},
        {"Subject: x\nReceived: by a.example; x\n", NULL},
        {"X-A: 1\nX-B: 1\nX-C: 1\nX-D: 1\nX-E: 1\nX-F: 1\nX-G: 1\nX-H: 1\n"
         "X-I: 1\nX-J: 1\n"
         "Received: by a.example; x\n",
         NULL},
        {"\nReceived: by a.example; x\n", NULL},
        {"", NULL},
    };
    struct report *report = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dsn_path path = path_of(report, cases[i].text);

        if (cases[i].hop == NULL)
            assert_true(path.by.len == 0);
        else
            assert_slice_is(path.by, cases[i].hop, cases[i].text);
        assert_false(path.is_inside);
        assert_false(path.has_own_mark);
    }
}

static void a_path_shows_qmail_exchange_and_domino(void **state)
{
    static const struct {
        const char *text;
        bool has_qmail, is_inside, has_own_mark;
        const char *user;
    } cases[] = {
        {"Received: (qmail 812 invoked by uid 89); 15 Apr 2009 08:02:12 "
         "-0000\nSubject: x\n",
         true, false, false, NULL},
        {"Received: (qmail 812 invoked by uid 89); now\n"
         "Received: from 192.0.2.9 by a.example (envelope-from <x@a.example>, "
         "uid 89) with qmail-scanner-1.25; now\n",
         true, false, false, NULL},
        {"Received: (qmail 812 invoked from network); now\nSubject: x\n", false,
         false, false, NULL},
        {"Received: from pc ([10.0.0.9]) by ex01.corp.LOCAL with Microsoft "
         "SMTPSVC(6.0.3790.3959);\n\t now\n",
         false, true, false, NULL},
        {"Received: by .local; now\n", false, false, false, NULL},
        {"Received: from ex01.corp.example ([10.0.0.9]) by\n"
         " ex01.corp.example ([::1]) with mapi; now\n",
         false, true, false, NULL},
        {"Subject: x\nX-MimeOLE: Produced By Microsoft Exchange V6.5\n", false,
         false, true, NULL},
        {"Subject: x\nX-MimeOLE: Produced By Microsoft MimeOLE V6.00.2900\n",
         false, false, false, NULL},
        {"Subject: x\nx-mimetrack: Serialize by Router on A/B\n", false, false,
         true, NULL},
        {"Subject: x\nX-MIMETrack: Serialize by Notes Client on A/B\n", false,
         false, false, NULL},
        /* of another host's */
        {"Received: from pc by a.example; now\n"
         "Received: from x by b.local; now\n",
         false, false, false, NULL},
        {"Received: from x (with mapi) by a.example with mapingo; now\n", false,
         false, false, NULL},
        /* the text */
        {"Subject: x\n\nX-MimeOLE: Produced By Microsoft Exchange V6.5\n",
         false, false, false, NULL},
        {"Subject: x\nX", false, false, false, NULL},
        {"Received: (from ann@localhost)\n\tby a.example (8.14.2/8.14.2/Submit)"
         " id n3F8Ye0a027039; now\n",
         false, false, false, "ann"},
        {"Received: from a.example (localhost [127.0.0.1])\n\tby a.example "
         "(8.14.2/8.14.2) with ESMTP id n3F8Ye0a027040; now\n"
         "Received: (from ann@localhost) by a.example "
         "(8.14.2/8.14.2/Submit) id n3F8Ye0a027039; now\n",
         false, false, false, "ann"},
        {"Received: from pc by a.example; now\n"
         "Received: (from ann@localhost) by b.example; now\n",
         false, false, false, NULL},
        {"Received: from ann@localhost by a.example; now\n", false, false,
         false, NULL},
    };
    struct report *report = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dsn_path path = path_of(report, cases[i].text);

        assert_int_equal(path.has_qmail, cases[i].has_qmail);
        assert_int_equal(path.is_inside, cases[i].is_inside);
        assert_int_equal(path.has_own_mark, cases[i].has_own_mark);
        if (cases[i].user == NULL)
            assert_true(path.user.len == 0);
        else
            assert_slice_is(path.user, cases[i].user, cases[i].text);
    }
}

static void check_hop(struct slice front, void *context)
{
    struct report *report = context;
    struct dsn_path path;

    (void)parse(report, front);
    dsn_read_path(&report->dsn, &path);
    assert_true(path.by.len == 0 ||
                slice_starts(SLICE_LITERAL("a.example"), path.by));
    assert_false(path.has_own_mark);
}

static void a_cut_body_has_a_hop_or_none(void **state)
{
    struct report *report = *state;

    parse_original(report,
                   FROM BY "with ESMTP id P; now\n"
                           "X-Mailer: nothing\n"
                           "Received: from pc (pc [192.0.2.9]) by a.example; "
                           "now\nX-MimeOLE: Produced By Microsoft\n");
    guard_cut_everywhere(report->body, check_hop, report);
}

#define OURS FROM BY "with ESMTP id P; now\n"
#define PASSED                                                                 \
    "Authentication-Results: mx.example.org;\n"                                \
    "\tspf=pass smtp.mailfrom=ann@example.net\n"

static void an_answer_names_the_mail_that_it_answers(void **state)
{
    static const struct {
        const char *below, *domains;
    } cases[] = {
        {"", ""},
        {"In-Reply-To: <6AI4qh@mail.example.org>\n", "mail.example.org,"},
        {"X-Mailer: x\nin-reply-to:\n <1.2$a@b@example.org>\n", "example.org,"},
        {"In-Reply-To: Your message of \"Mon\" <1@example.org> (Bob)\n",
         "example.org,"},
        {"In-Reply-To: <1@example.org> <2@example.com>\n",
         "example.org,example.com,"},
        {"In-Reply-To: <1@example.org\n", "example.org,"},
        {"In-Reply-To: your mail\n", ""},
        {"In-Reply-To: <>\n", ","},
        {"In-Reply-To:\n", ""},
        {"\nIn-Reply-To: <1@example.org>\n", ""},
    };
    struct report *report = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice answered = path_of(report, cases[i].below).answered;
        struct slice domain;
        char text[200] = "";

        while (dsn_next_answered(&answered, &domain))
            snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s,",
                     (int)domain.len, domain.ptr);
        assert_string_equal(text, cases[i].domains);
    }
}

/* What came under a field of another host is the sender's. */
static void a_milter_writes_beside_our_received(void **state)
{
    static const struct {
        const char *text;
        bool is_authentic;
    } cases[] = {
        {OURS, false},
        {OURS PASSED, true},
        {"X-Spam: no\n" PASSED OURS, true},
        {OURS "X-Spam: no\n" PASSED, true},
        {OURS "Received: by far.example; now\n" PASSED, false},
        {PASSED, false},
    };
    struct report *report = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dsn_path path;

        parse_original(report, cases[i].text);
        dsn_read_path(&report->dsn, &path);
        if (dsn_is_authentic(&report->dsn, &path,
                             SLICE_LITERAL("example.net")) !=
            cases[i].is_authentic)
            fail_msg("%s", cases[i].text);
        assert_false(dsn_is_authentic(&report->dsn, &path,
                                      SLICE_LITERAL("example.com")));
    }
}

/* ---- behind a content filter ---- */

#define NEAR "localhost [127.0.0.1]"
#define SENDMAIL(host) "\n\tby " host " (8.17.1.9/8.17.1.9) with ESMTP id "
#define SECOND(host)                                                           \
    "Received: from localhost (" NEAR ")" SENDMAIL(host) "6AI4qh1s004993; "    \
                                                         "now\n"
#define FILTER                                                                 \
    "Received: from mx.example.org ([127.0.0.1])\n\tby localhost "             \
    "(amavisd-new)"                                                            \
    "\n\twith ESMTP id 1-2; now\n"
#define FIRST(by)                                                              \
    "Received: from helo.example (" SOURCE ")\n\t" by                          \
    "by mx.example.org (8.17.1.9/8.17.1.9) with ESMTP id 6AI4qh1s004992; "     \
    "now\n"

/* A report about mail from here, whose original has these fields. */
static enum dsn_outcome parse_original_from_here(struct report *report,
                                                 const char *fields)
{
    char text[1000];
    char *from;

    snprintf(text, sizeof text, "%sSubject: x\n\n", fields);
    report_set(report, "I1", slice_from_string(own_qf),
               build(report, ORIGINAL, text));
    report->body_text[report->body.len] = '\0';
    from = strstr(report->body_text, SOURCE);
    memcpy(from, NEAR "          ", strlen(SOURCE));
    return parse(report, report->body);
}

static void a_source_on_this_host_is_looked_behind(void **state)
{
    static const struct {
        const char *fields, *source_text, *helo;
        bool is_authenticated;
    } cases[] = {
        {SECOND("mx.example.org") FILTER FIRST(""), SOURCE, "helo.example",
         false},
        {SECOND("mx.example.org") FILTER FIRST("(authenticated bits=0)\n\t"),
         SOURCE, "helo.example", true},
        /* our name is that of the reporter */
        {SECOND("mx2.example.org") FILTER FIRST(""), NEAR, "localhost", false},
        {SECOND("mx.example.org") FIRST(""), NEAR, "localhost", false},
        {SECOND("mx.example.org") SECOND("mx.example.org") FILTER FIRST(""),
         NEAR, "localhost", false},
        {SECOND("mx.example.org") FILTER, NEAR, "localhost", false},
        {SECOND("mx.example.org") FILTER "\n" FIRST(""), NEAR, "localhost",
         false},
        {SECOND("mx.example.org"), NEAR, "localhost", false},
    };
    struct report *report = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client client;

        assert_int_equal(parse_original_from_here(report, cases[i].fields),
                         DSN_OK);
        assert_false(report->dsn.is_cut);
        assert_slice_is(report->dsn.source_text, cases[i].source_text,
                        cases[i].fields);
        assert_slice_is(report->dsn.helo, cases[i].helo, cases[i].fields);
        assert_int_equal(report->dsn.is_authenticated,
                         cases[i].is_authenticated);
        assert_slice_is(report->dsn.parent_id, "6AI4qh1s004993", "");
        assert_true(client_parse(report->dsn.source_text, &client));
        assert_memory_equal(&client.ip, &report->dsn.source.ip,
                            sizeof client.ip);
    }
}

/* What a sender writes himself stands below our field about him. */
/* A milter of the sendmail before the filter wrote beside that one's Received;
 * of the second one it speaks of this host. */
static void a_milter_before_the_filter_is_heard(void **state)
{
    static const struct {
        const char *text;
        bool is_authentic;
    } cases[] = {
        {SECOND("mx.example.org") FILTER PASSED FIRST(""), true},
        {SECOND("mx.example.org") FILTER FIRST("") PASSED, true},
        {PASSED SECOND("mx.example.org") FILTER FIRST(""), false},
        {SECOND("mx.example.org") PASSED FILTER FIRST(""), false},
        {SECOND("mx.example.org")
             FILTER FIRST("") "Received: by far.example; now\n" PASSED,
         false},
    };
    struct report *report = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dsn_path path;

        assert_int_equal(parse_original_from_here(report, cases[i].text),
                         DSN_OK);
        dsn_read_path(&report->dsn, &path);
        if (dsn_is_authentic(&report->dsn, &path,
                             SLICE_LITERAL("example.net")) !=
            cases[i].is_authentic)
            fail_msg("%s", cases[i].text);
    }
}

static void a_source_elsewhere_is_the_last_word(void **state)
{
    struct report *report = *state;

    assert_int_equal(
        parse_original(
            report, FROM BY "with ESMTP id 6AI4qh1s004993; now\n" SECOND(
                        "mx.example.org") FILTER
            "Received: from evil (evil.example [203.0.113.66])" SENDMAIL(
                "mx.example.org") "6AI4qh1s004992; now\n"),
        DSN_OK);
    assert_slice_is(report->dsn.source_text, SOURCE, "");
    assert_slice_is(report->dsn.helo, "helo", "");
}

/* ---- the text form ---- */

#define TEXT_OPENING                                                           \
    "The original message was received at Wed, 18 Nov 2026 04:52:43 GMT\n"     \
    "from host.example.net [198.51.100.7]\n\n"                                 \
    "   ----- The following addresses had permanent fatal errors -----\n"
#define TEXT_TRANSCRIPT "\n   ----- Transcript of session follows -----\n"
#define TEXT_END "\n  ----- No message was collected -----\n"
#define FOUR(line) line line line line

static const struct text_case {
    const char *title, *text;
    enum dsn_outcome outcome;
    bool is_cut;
    const char *recipients; /* NULL: too many to compare, none has a code */
} text_cases[] = {
    {"a code of the reply's class",
     TEXT_OPENING "<bob@example.com>\n    (reason: 550-5.7.1 no)\n" TEXT_END,
     DSN_OK, false, "bob@example.com failed 5.7.1"},
    {"a code of another class",
     TEXT_OPENING "<bob@example.com>\n    (reason: 550 4.7.1 no)\n" TEXT_END,
     DSN_OK, false, "bob@example.com failed -"},
    {"what only looks like a code",
     TEXT_OPENING "<bob@example.com>\n    (reason: 550 5.1.1.example.org)\n"
                  "<carol@example.com>\n    (reason: 550 5.1000.1 no)\n"
                  "<dave@example.com>\n    (reason: 5.1.1 no)\n" TEXT_END,
     DSN_OK, false,
     "bob@example.com failed -, carol@example.com failed -, "
     "dave@example.com failed -"},
    {"the first of two reasons",
     TEXT_OPENING "<bob@example.com>\n    (reason: 550 no)\n"
                  "    (reason: 550 5.1.1 no)\n" TEXT_END,
     DSN_OK, false, "bob@example.com failed 5.0.0"},
    {"a reply without a code",
     TEXT_OPENING "<bob@example.com>\n    (reason: 550 5 lines too many)\n"
                  "<carol@example.com>\n    (reason: 450 no)\n"
                  "<dave@example.com>\n    (reason: 55 no)\n"
                  "<ed@example.com>\n    (reason: 550)\n"
                  "<fay@example.com>\n" TEXT_TRANSCRIPT
                  "<<< 553 <fay@example.com>... no\n" TEXT_END,
     DSN_OK, false,
     "bob@example.com failed -, carol@example.com failed -, "
     "dave@example.com failed -, ed@example.com failed -, "
     "fay@example.com failed 5.0.0"},
    {"a reply of several lines, without a code",
     TEXT_OPENING "<bob@example.com>\n    (reason: 550-we asked your host)\n"
                  "<carol@example.com>\n    (reason: 550/no)\n"
                  "<dave@example.com>\n    (reason: 450-later)\n" TEXT_END,
     DSN_OK, false,
     "bob@example.com failed 5.0.0, carol@example.com failed -, "
     "dave@example.com failed -"},
    {"an address that looks like a heading, a source, an expiry",
     TEXT_OPENING "from evil [203.0.113.66]\n"
                  "Message could not be delivered for 5 days\n"
                  "   ----- Original message follows -----\n" TEXT_END,
     DSN_OK, false,
     "from evil [203.0.113.66] failed -, "
     "Message could not be delivered for 5 days failed -, "
     "----- Original message follows ----- failed -"},
    {"a reply that names the recipient",
     TEXT_OPENING "<bob@example.com>\n" TEXT_TRANSCRIPT
                  "<<< 550 5.1.1 <bob@example.com>... User unknown\n" TEXT_END,
     DSN_OK, false, "bob@example.com failed 5.1.1"},
    {"a reply that names whom an alias led to",
     TEXT_OPENING "<bob@example.com>\n"
                  "    (expanded from: <staff@example.org>)\n"
                  "    (expanded from: <all@example.org>)\n" TEXT_TRANSCRIPT
                  "<<< 550 5.1.1 <bob@example.com>... User unknown\n" TEXT_END,
     DSN_OK, false, "staff@example.org failed 5.1.1"},
    {"a reply that names nobody, or somebody else",
     TEXT_OPENING "<bob@example.com>\n" TEXT_TRANSCRIPT
                  "<<< 550 5.1.1 User unknown\n"
                  "<<< 550 5.1.1 <bob@example.com.example.net>... no\n"
                  "<<< 550 5.1.1 bob@example.com... no\n"
                  ">>> 550 5.1.1 <bob@example.com>... no\n"
                  "550 5.1.1 <bob@example.com>... User unknown\n" TEXT_END,
     DSN_OK, false, "bob@example.com failed -"},
    {"a reply that names one of too many",
     TEXT_OPENING FOUR(
         FOUR("<a@example.com>\n<b@example.com>\n")) "<bob@example.com>"
                                                     "\n" TEXT_TRANSCRIPT
                                                     "<<< 550 5.1.1 "
                                                     "<bob@example.com>... "
                                                     "User unknown\n" TEXT_END,
     DSN_OK, false, NULL},
    {"our own line names whom the reply does not",
     TEXT_OPENING "<bob@example.com>\ncarol@example.com\n<dave@example.com>\n"
                  "<ed@example.com>\n" TEXT_TRANSCRIPT "<<< 550 No such user\n"
                  "550 5.1.1 <bob@example.com>... User unknown\n"
                  "<<< 554 no\n554 carol@example.com... Service unavailable\n"
                  "<<< 550 5.1.2 no\n"
                  "550 5.1.1 <dave@example.com>... User unknown\n"
                  "<<< 550-no\n<<< 550 5\n"
                  "550 <ed@example.com>... User unknown\n" TEXT_END,
     DSN_OK, false,
     "bob@example.com failed 5.1.1, carol@example.com failed 5.0.0, "
     "dave@example.com failed 5.1.2, ed@example.com failed 5.1.1"},
    {"our own words without a refusal on the line before",
     TEXT_OPENING
     "<bob@example.com>\n" TEXT_TRANSCRIPT
     "550 <bob@example.com>... User unknown\n"
     "<<< 550 no\n>>> QUIT\n550 <bob@example.com>... User unknown\n"
     "<<< 550 no\n\n550 <bob@example.com>... User unknown\n"
     "<<< 450 no\n550 <bob@example.com>... User unknown\n"
     "<<< 550-no\n550 <bob@example.com>... User unknown\n"
     "<<< 550\n550 <bob@example.com>... User unknown\n"
     "<<< 55 no\n550 <bob@example.com>... User unknown\n"
     "<<< 550 4.1.1 no\n550 <bob@example.com>... User unknown\n"
     "<<< 550 5.1.1x no\n550 <bob@example.com>... User unknown\n"
     " <<< 550 no\n550 <bob@example.com>... User unknown\n"
     "> <<< 550 no\n550 <bob@example.com>... User unknown\n" TEXT_END,
     DSN_OK, false, "bob@example.com failed -"},
    {"what only looks like our own words",
     TEXT_OPENING "<bob@example.com>\n" TEXT_TRANSCRIPT
                  "<<< 550 no\n550 <bob@example.com>... User unknown.\n"
                  "<<< 550 no\n 550 <bob@example.com>... User unknown\n"
                  "<<< 550 no\n554 <bob@example.com>... User unknown\n"
                  "<<< 550 no\n550 5.1.2 <bob@example.com>... User unknown\n"
                  "<<< 550 no\n550 <bob@example.com>... Host unknown\n"
                  "<<< 550 no\n550 <bob@example.com> ... User unknown\n"
                  "<<< 550 no\n550 <bob@example.com>... x... User unknown\n"
                  "<<< 550 no\n550 <xbob@example.com>... User unknown\n"
                  "<<< 550 no\n550 <bob@example.comx>... User unknown\n"
                  "<<< 550 no\n550 <<bob@example.com>>... User unknown\n"
                  "<<< 550 no\n550 <bob@example.com... User unknown\n"
                  "<<< 550 no\n550 ... User unknown\n"
                  "<<< 550 no\n<<< 550 <x@y>... User unknown\n"
                  "<<< 550 no\n<bob@example.com>... User unknown\n" TEXT_END,
     DSN_OK, false, "bob@example.com failed -"},
    {"our own words in the message below",
     TEXT_OPENING "<bob@example.com>\n" TEXT_TRANSCRIPT
                  "\n   ----- Original message follows -----\n\nReceived: x\n"
                  "Subject: y\n\n<<< 550 no\n"
                  "550 <bob@example.com>... User unknown\n",
     DSN_OK, false, "bob@example.com failed -"},
    {"our own words about one who only waits",
     TEXT_OPENING
     "<bob@example.com>\n    (reason: 550 5.1.1 no)\n\n"
     "   ----- The following addresses had transient non-fatal "
     "errors -----\n<carol@example.com>\n" TEXT_TRANSCRIPT
     "<<< 550 no\n550 <carol@example.com>... User unknown\n"
     "<<< 554 no\n554 <bob@example.com>... Service unavailable\n" TEXT_END,
     DSN_OK, false,
     "bob@example.com failed 5.1.1, carol@example.com delayed -"},
    {"our own words about one of too many",
     TEXT_OPENING FOUR(
         FOUR("<a@example.com>\n<b@example.com>\n")) "<bob@example.com>"
                                                     "\n" TEXT_TRANSCRIPT
                                                     "<<< 550 no\n"
                                                     "550 <bob@example.com>... "
                                                     "User unknown\n" TEXT_END,
     DSN_OK, false, NULL},
    {"a heading that the end cuts",
     TEXT_OPENING "<bob@example.com>\n\n  ----- No message was collected -----",
     DSN_INCOMPLETE, true, "bob@example.com failed -"},
    {"nobody failed", TEXT_OPENING TEXT_END, DSN_INCOMPLETE, false, ""},
    {"another opening", "Hello.\n" TEXT_OPENING TEXT_END, DSN_INCOMPLETE, false,
     ""},
};

static void text_forms_give_codes_only_where_they_are_sure(void **state)
{
    struct report *report = *state;

    for (size_t i = 0; i < sizeof text_cases / sizeof *text_cases; i++) {
        const struct text_case *c = &text_cases[i];
        char text[1000];

        report_set(report, "I1", slice_from_string(OWN_QF(OWN_FAILURE)),
                   slice_from_string(c->text));
        if (parse(report, report->body) != c->outcome ||
            report->dsn.is_cut != c->is_cut || report->dsn.has_expired)
            fail_msg("%s: another outcome", c->title);
        if (c->recipients != NULL)
            assert_slice_is(recipients_of(&report->dsn, text), c->recipients,
                            c->title);
        for (size_t j = 0;
             c->recipients == NULL && j < report->dsn.recipient_count; j++)
            assert_true(slice_is_absent(report->dsn.recipients[j].status));
    }
}

static void ident_with_parentheses_is_read_as_the_text_names_it(void **state)
{
    struct report *report = *state;
    struct slice body;
    char *ident, *received;

    report_set(report, "I1", slice_from_string(own_qf),
               build(report, PLACE_COUNT, ""));
    body = report->body;
    report->body_text[body.len] = '\0';
    /* Same length: x)y(id EVIL is the ident that the peer answered. */
    ident = strstr(report->body_text, "host.example.net [198");
    memcpy(ident, "x)by z id@h.test [198", 21);
    received = strstr(ident + 1, "host.example.net [198");
    memcpy(received, "x)by z id@h.test [198", 21);
    assert_int_equal(parse(report, body), DSN_OK);
    assert_slice_is(report->dsn.source_text, "x)by z id@h.test [198.51.100.7]",
                    "");
    assert_slice_is(report->dsn.parent_id, "PARENT", "");
}

static void submissions_name_user_and_host(void **state)
{
    struct report *report = *state;
    char *from;

    report_set(report, "I1", slice_from_string(own_qf),
               build(report, ORIGINAL,
                     "Received: (from ann@localhost)\n"
                     "\tby mx.example.org (8.17.1.9/8.17.1.9/Submit) id PARENT;"
                     "\n\tnow\nSubject: x\n\n"));
    report->body_text[report->body.len] = '\0';
    from = strstr(report->body_text, SOURCE);
    memcpy(from, "ann@localhost\n                 ", strlen(SOURCE));
    assert_int_equal(parse(report, report->body), DSN_OK);
    assert_slice_is(report->dsn.source_text, "ann@localhost", "");
    assert_slice_is(report->dsn.parent_id, "PARENT", "");
    assert_true(report->dsn.has_source);
    assert_false(report->dsn.source.has_ip);
}

static void text_forms_are_looked_behind(void **state)
{
    static const char text[] =
        "The original message was received at Wed, 18 Nov 2026 04:52:43 GMT\n"
        "from " NEAR "\n\n"
        "   ----- The following addresses had permanent fatal errors -----\n"
        "<bob@example.com>\n    (reason: 550 5.1.1 no)\n"
        "\n   ----- Original message follows -----\n\n" SECOND(
            "mx2.example.org") FILTER
        "Received: from helo.example (" SOURCE
        ")" SENDMAIL("mx2.example.org") "6AI4qh1s004992; now\n";
    struct report *report = *state;
    char *body = report->body_text;

    for (int end = 0; end < 3; end++) {
        static const char *const ends[] = {"Subject: x\n\nHello.\n", "\n", ""};

        snprintf(body, TEXT_MAX, "%s%s", text, ends[end]);
        report_set(report, "I1", slice_from_string(OWN_QF(OWN_FAILURE)),
                   slice_from_string(body));
        assert_int_equal(parse(report, report->body),
                         end < 2 ? DSN_OK : DSN_INCOMPLETE);
        assert_int_equal(report->dsn.is_cut, end == 2);
        assert_slice_is(report->dsn.source_text, end < 2 ? SOURCE : NEAR, "");
    }
    /* without the last field: the header ended, or the text did */
    for (int end = 0; end < 3; end++) {
        static const char *const ends[] = {"\nHello.\n", "\n", ""};

        snprintf(body, TEXT_MAX, "%s", text);
        *strstr(body, "Received: from helo.example") = '\0';
        strcat(body, ends[end]);
        report_set(report, "I1", slice_from_string(OWN_QF(OWN_FAILURE)),
                   slice_from_string(body));
        assert_int_equal(parse(report, report->body),
                         end < 2 ? DSN_OK : DSN_INCOMPLETE);
        assert_int_equal(report->dsn.is_cut, end == 2);
        assert_slice_is(report->dsn.source_text, NEAR, "");
    }
}

static void boundaries_must_begin_with_the_own_id(void **state)
{
    static const struct {
        const char *id, *qf;
        enum dsn_outcome outcome;
    } cases[] = {
        {"I1", OWN_QF(OWN_TYPE OWN_FAILURE), DSN_OK},
        {"I", OWN_QF(OWN_TYPE OWN_FAILURE), DSN_INCOMPLETE},
        {"I2", OWN_QF(OWN_TYPE OWN_FAILURE), DSN_INCOMPLETE},
        {"", OWN_QF(OWN_TYPE OWN_FAILURE), DSN_INCOMPLETE},
        {"I1.17", OWN_QF(OWN_TYPE OWN_FAILURE), DSN_INCOMPLETE},
        {"I1", OWN_QF(OWN_TYPE OWN_TYPE OWN_FAILURE), DSN_INCOMPLETE},
        {"I1", OWN_QF("H??Content-Type: text/plain\n" OWN_FAILURE),
         DSN_INCOMPLETE},
        {"I1", OWN_QF("H??Content-Type: multipart/report\n" OWN_FAILURE),
         DSN_INCOMPLETE},
    };
    struct report *report = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        report_set(report, cases[i].id, slice_from_string(cases[i].qf),
                   build(report, PLACE_COUNT, ""));
        assert_int_equal(parse(report, report->body), cases[i].outcome);
        assert_false(report->dsn.is_cut);
    }
}

static void own_reports_need_the_r_flag(void **state)
{
    struct report *report = *state;

    report_load(report, "dsn/foreign-sendmail", "7AMC1C06");
    assert_int_equal(dsn_parse_own(&report->dsn, &report->qf,
                                   dsn_kind_of_own(&report->qf), report->id,
                                   report->body),
                     DSN_NOT_A_REPORT);
    assert_int_equal(report->dsn.kind, DSN_NONE);
}

static void empty_bodies_are_incomplete(void **state)
{
    struct report *report = *state;
    struct slice none = {NULL, 0};

    report_set(report, "I1", slice_from_string(own_qf), none);
    assert_int_equal(parse(report, report->body), DSN_INCOMPLETE);
    assert_true(report->dsn.is_cut);
    report_set(report, "I1", slice_from_string(OWN_QF(OWN_FAILURE)), none);
    assert_int_equal(parse(report, report->body), DSN_INCOMPLETE);
    assert_true(report->dsn.is_cut);
}

/* ---- kinds ---- */

static void kinds_follow_from_the_header(void **state)
{
    static const struct {
        const char *headers;
        enum dsn_kind kind;
    } cases[] = {
        {OWN_QF("H??Auto-Submitted: auto-generated (failure)\n"), DSN_FAILURE},
        {OWN_QF("H??Auto-Submitted: auto-generated (warning-timeout)\n"),
         DSN_WARNING},
        {OWN_QF("H??Auto-Submitted: auto-generated (return-receipt)\n"),
         DSN_RECEIPT},
        {OWN_QF("H??Auto-Submitted: auto-generated "
                "(postmaster-notification)\n"),
         DSN_POSTMASTER},
        {OWN_QF("H??Auto-Submitted: auto-generated (postmaster-warning)\n"),
         DSN_POSTMASTER},
        {OWN_QF("H??Auto-Submitted: auto-generated (vacation)\n"), DSN_OTHER},
        {OWN_QF("H??Auto-Submitted: auto-generated\n"), DSN_OTHER},
        {OWN_QF("H??Auto-Submitted: auto-generated (\n"), DSN_OTHER},
        {OWN_QF("H??Auto-Submitted: auto-generated (failure) x\n"), DSN_OTHER},
        {OWN_QF("H??Auto-Submitted:\n"), DSN_OTHER},
        {OWN_QF("H??Subject: Returned mail: User unknown\n"), DSN_FAILURE},
        {OWN_QF("H??Subject: Warning: could not send message for past 4 "
                "hours\n"),
         DSN_WARNING},
        {OWN_QF("H??Subject: Return receipt\n"), DSN_RECEIPT},
        {OWN_QF("H??Subject: Postmaster notify: User unknown\n"),
         DSN_POSTMASTER},
        {OWN_QF("H??Subject: Postmaster warning: x\n"), DSN_POSTMASTER},
        {OWN_QF("H??Subject: Re: Returned mail: x\n"), DSN_OTHER},
        {OWN_QF(""), DSN_OTHER},
        /* Auto-Submitted goes first, a strange Subject does not matter */
        {OWN_QF("H??Subject: [tag] Returned mail: x\n"
                "H??Auto-Submitted: auto-generated (failure)\n"),
         DSN_FAILURE},
        /* contradictions */
        {OWN_QF("H??Subject: Warning: x\n"
                "H??Auto-Submitted: auto-generated (failure)\n"),
         DSN_OTHER},
        {OWN_QF("H??Auto-Submitted: auto-generated (failure)\n"
                "H??Auto-Submitted: auto-generated (failure)\n"),
         DSN_OTHER},
        {OWN_QF("H??Subject: Returned mail: x\nH??Subject: Warning: x\n"),
         DSN_OTHER},
    };
    struct report *report = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            qf_parse(&report->qf, slice_from_string(cases[i].headers)), QF_OK);
        if (dsn_kind_of_own(&report->qf) != cases[i].kind)
            fail_msg("%s: another kind", cases[i].headers);
    }
}

static void kinds_have_names(void **state)
{
    static const char *const names[] = {"none",    "failure",    "warning",
                                        "receipt", "postmaster", "other"};

    (void)state;
    for (int kind = DSN_NONE; kind <= DSN_OTHER; kind++)
        assert_string_equal(dsn_kind_text((enum dsn_kind)kind), names[kind]);
}

/* ---- foreign reports ---- */

#define FOREIGN_QF(headers)                                                    \
    "V8\nT1795375192\nK1795375192\nN1\nP31498\nFs\n$_[192.0.2.1]\nS<>\n"       \
    "RPFD:<ann@example.org>\n" headers ".\n"
#define FOREIGN_TYPE "H??Content-Type: multipart/report; boundary=b; "
#define DAEMON "H??From: <MAILER-DAEMON@example.net>\n"
#define STATUS_PART                                                            \
    "--b\nContent-Type: message/delivery-status\n\n"                           \
    "Reporting-MTA: dns; mx.example.net\n\n"                                   \
    "Final-Recipient: rfc822; bob@example.net\n"

static const struct foreign {
    const char *title, *qf, *body;
    enum dsn_outcome outcome;
    enum dsn_kind kind;
    const char *recipients;
} foreign_cases[] = {
    {"padding and CRLF as gateways add them",
     FOREIGN_QF(FOREIGN_TYPE "report-type=Delivery-Status\n"),
     "preamble\r\n--b \t\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\n"
     "content-type: Message/Delivery-Status\r\n\r\nReporting-MTA: "
     "mx.example.net\r\n\r\nFinal-Recipient: bob@example.net\r\nAction: "
     "Failed\r\nStatus: 5.1.1 (unknown)\r\n--b--",
     DSN_OK, DSN_FAILURE, "bob@example.net Failed 5.1.1"},
    {"delayed", FOREIGN_QF(FOREIGN_TYPE "report-type=delivery-status\n"),
     STATUS_PART "Action: delayed\n--b--\n", DSN_OK, DSN_WARNING,
     "bob@example.net delayed -"},
    {"of an address with other letters",
     FOREIGN_QF(FOREIGN_TYPE "report-type=global-delivery-status\n"),
     "--b\nContent-Type: message/global-delivery-status\n\n"
     "Reporting-MTA: dns; mx.example.net\n\n"
     "Final-Recipient: utf-8; j\303\274rg@example.net\nAction: failed\n--b--\n",
     DSN_OK, DSN_FAILURE, "j\303\274rg@example.net failed -"},
    {"relayed", FOREIGN_QF(FOREIGN_TYPE "report-type=delivery-status\n"),
     STATUS_PART "Action: relayed\n--b--\n", DSN_OK, DSN_RECEIPT,
     "bob@example.net relayed -"},
    {"an action of no meaning",
     FOREIGN_QF(FOREIGN_TYPE "report-type=delivery-status\n"),
     STATUS_PART "Action: danced\n--b--\n", DSN_OK, DSN_OTHER,
     "bob@example.net danced -"},
    {"the first status part only",
     FOREIGN_QF(FOREIGN_TYPE "report-type=delivery-status\n"),
     STATUS_PART "Action: failed\n" STATUS_PART "Action: delayed\n--b--\n",
     DSN_OK, DSN_FAILURE, "bob@example.net failed -"},
    {"a status part that is not closed",
     FOREIGN_QF(FOREIGN_TYPE "report-type=delivery-status\n"),
     STATUS_PART "Action: failed\n", DSN_INCOMPLETE, DSN_FAILURE,
     "bob@example.net failed -"},
    {"an encoded status part",
     FOREIGN_QF(FOREIGN_TYPE "report-type=delivery-status\n"),
     "--b\nContent-Type: message/delivery-status\n"
     "Content-Transfer-Encoding: quoted-printable\n\n"
     "Final-Recipient: rfc822; bob=40example.net\nAction: failed\n--b--\n",
     DSN_INCOMPLETE, DSN_OTHER, ""},
    {"no status part", FOREIGN_QF(FOREIGN_TYPE "report-type=delivery-status\n"),
     "--b\nContent-Type: text/plain\n\nhello\n--b--\n", DSN_INCOMPLETE,
     DSN_OTHER, ""},
    {"no status part, but a subject",
     FOREIGN_QF(DAEMON "H??Subject: Failure Notice\n" FOREIGN_TYPE
                       "report-type=delivery-status\n"),
     "--b\nContent-Type: text/plain\n\nhello\n--b--\n", DSN_INCOMPLETE,
     DSN_FAILURE, ""},
    {"an encoded status part, under a report's subject",
     FOREIGN_QF(DAEMON "H??Subject: Returned mail: x\n" FOREIGN_TYPE
                       "report-type=delivery-status\n"),
     "--b\nContent-Type: message/delivery-status\n"
     "Content-Transfer-Encoding: base64\n\nAAAA\n--b--\n",
     DSN_INCOMPLETE, DSN_FAILURE, ""},
    {"a status part that is quoted-printable in name alone",
     FOREIGN_QF(FOREIGN_TYPE "report-type=delivery-status\n"),
     "--b\nContent-Type: message/delivery-status\n"
     "Content-Transfer-Encoding: quoted-printable\n\n"
     "Final-Recipient: rfc822; bob@example.net\nAction: failed\n--b--\n",
     DSN_OK, DSN_FAILURE, "bob@example.net failed -"},
    {"comments and brackets",
     FOREIGN_QF(FOREIGN_TYPE "report-type=delivery-status\n"),
     "--b\nContent-Type: message/delivery-status\n\n"
     "Reporting-MTA: dns; mx.example.net (192.0.2.1)\n\n"
     "Final-Recipient: x400; /RFC-822=bob(a)example.net/\nAction: failed\n\n"
     "Final-Recipient: rfc822; <bob@example.net> (Bob)\n"
     "Action: (alas) failed\nStatus: (a (nested) one) 5.1.1\n\n"
     "Final-Recipient: rfc822; \"a(b\\\"(\"@example.net\nAction: "
     "failed\nStatus:\n--b--\n",
     DSN_OK, DSN_FAILURE,
     "/RFC-822=bob(a)example.net/ failed -, bob@example.net failed 5.1.1, "
     "\"a(b\\\"(\"@example.net failed -"},
    {"no boundary",
     FOREIGN_QF("H??Content-Type: multipart/report; "
                "report-type=delivery-status\n"),
     STATUS_PART "Action: failed\n--b--\n", DSN_INCOMPLETE, DSN_OTHER, ""},
    {"no type of report, but a status part", FOREIGN_QF(FOREIGN_TYPE "\n"),
     STATUS_PART "Action: failed\n--b--\n", DSN_OK, DSN_FAILURE,
     "bob@example.net failed -"},
    {"no type of report, no status part", FOREIGN_QF(FOREIGN_TYPE "\n"),
     "--b\n\nhello\n", DSN_NOT_A_REPORT, DSN_NONE, ""},
    {"a complaint, whatever it contains",
     FOREIGN_QF(FOREIGN_TYPE "report-type=feedback-report\n"),
     STATUS_PART "Action: failed\n--b--\n", DSN_NOT_A_REPORT, DSN_NONE, ""},
    {"a mixed message that contains a status part",
     FOREIGN_QF("H??Content-Type: multipart/mixed; boundary=b\n"),
     STATUS_PART "Action: failed\n--b--\n", DSN_NOT_A_REPORT, DSN_NONE, ""},

    {"a daemon's mixed message that contains a status part",
     FOREIGN_QF(DAEMON "H??Content-Type: multipart/mixed; boundary=b\n"),
     STATUS_PART "Action: error\n--b--\n", DSN_OK, DSN_OTHER,
     "bob@example.net error -"},
    {"a daemon's mixed message without one, under a report's subject",
     FOREIGN_QF(DAEMON "H??Subject: Permanent Delivery Failure\n"
                       "H??Content-Type: multipart/mixed; boundary=b\n"),
     "--b\n\nhello\n--b--\n", DSN_OK, DSN_FAILURE, ""},

    {"qmail's sentence under another subject",
     FOREIGN_QF("H??Subject: hello\n"),
     "Hi. This is the qmail-send program at example.net.\n\n<b@example.net>:\n",
     DSN_NOT_A_REPORT, DSN_NONE, ""},
    {"qmail's sentence further down",
     FOREIGN_QF("H??Subject: failure notice\n"),
     "I got this:\nHi. This is the qmail-send program at example.net.\n",
     DSN_NOT_A_REPORT, DSN_NONE, ""},
    {"Exim's recipients in the header alone",
     FOREIGN_QF("H??Subject: Mail delivery failed: returning message to "
                "sender\nH??X-Failed-Recipients: a@example.net,\n"
                "  b@example.net, nonsense\n"),
     "\nThis message was created automatically by mail delivery software "
     "(Exim).\n",
     DSN_OK, DSN_FAILURE, "a@example.net failed -, b@example.net failed -"},
    {"whom Exim names as the sender",
     FOREIGN_QF("H??Subject: Mail delivery failed: returning message to "
                "sender\n"),
     "This message was created automatically by mail delivery software.\n\n"
     "A message sent by\n\n  <ann@example.org>\n\n"
     "could not be delivered to one or more of its recipients. The following\n"
     "address(es) failed:\n\n  bob@example.net:\n    unknown user\n",
     DSN_OK, DSN_FAILURE, "bob@example.net failed -"},
    {"whom Exim names as the sender of what waits",
     FOREIGN_QF("H??Subject: Warning: message x delayed 24 hours\n"),
     "This message was created automatically by mail delivery software.\n\n"
     "A message sent by\n\n  <ann@example.org>\n\n"
     "has not yet been delivered to one or more of its recipients after more\n"
     "than 24 hours.\n\n  bob@example.net\n",
     DSN_OK, DSN_WARNING, "bob@example.net delayed -"},
    {"Exim's header on a vacation reply",
     FOREIGN_QF("H??Subject: Out of office\n"
                "H??X-Failed-Recipients: a@example.net\n"),
     "I am away.\n", DSN_NOT_A_REPORT, DSN_NONE, ""},
    {"Postfix's sentence from a person",
     FOREIGN_QF("H??From: <ann@example.net>\n"),
     "This is the mail system at host example.net.\n<b@example.net>: no\n",
     DSN_NOT_A_REPORT, DSN_NONE, ""},
    {"Exchange's first words without the second",
     FOREIGN_QF("H??Subject: Undeliverable: x\n"),
     "Your message\n\nwas nice\nbob@example.net on Monday\n", DSN_NOT_A_REPORT,
     DSN_NONE, ""},
    {"sendmail's text under another subject",
     FOREIGN_QF(DAEMON "H??Subject: hello\n"),
     "The original message was received at noon\nfrom x [192.0.2.1]\n\n",
     DSN_NOT_A_REPORT, DSN_NONE, ""},
    {"sendmail's text about an expired message",
     FOREIGN_QF(DAEMON "H??Subject: Returned mail: x\n"),
     "The original message was received at noon\nfrom x [192.0.2.1]\n\n"
     "   ----- The following addresses had permanent fatal errors -----\n"
     "<bob@example.net>\n\n   ----- Transcript of session follows -----\n"
     "Message could not be delivered for 5 days\n\n"
     "   ----- Original message follows -----\n\nSubject: x\n",
     DSN_OK, DSN_FAILURE, "bob@example.net failed 4.4.7"},
    {"nothing, under a report's subject",
     FOREIGN_QF(DAEMON "H??Subject: failure notice\n"), "", DSN_OK, DSN_FAILURE,
     ""},
    {"a daemon's unknown words under a report's subject",
     FOREIGN_QF(DAEMON "H??Subject: Undelivered Mail Returned to Sender\n"),
     "Nobody here is called so.\n", DSN_OK, DSN_FAILURE, ""},
    {"the same of a delay",
     FOREIGN_QF(DAEMON "H??Subject: Delivery Status Notification (Delay)\n"),
     "Nobody here is called so.\n", DSN_OK, DSN_WARNING, ""},
    {"a report's subject and who failed, from nobody that is known",
     FOREIGN_QF("H??Subject: Delivery Status Notification (Failure)\n"
                "H??X-Failed-Recipients: a@example.net\n"),
     "Nobody here is called so.\n", DSN_OK, DSN_FAILURE,
     "a@example.net failed -"},
    {"a daemon's words of no known kind",
     FOREIGN_QF(DAEMON "H??Subject: Delivery status notification\n"),
     "Nobody here is called so.\n", DSN_OK, DSN_OTHER, ""},
    {"another daemon's name, of Yahoo's subject",
     FOREIGN_QF("H??From: Mail Delivery Subsystem <x@example.net>\n"
                "H??Subject: Delivery failure\n"),
     "Nobody here is called so.\n", DSN_OK, DSN_FAILURE, ""},
    {"MDaemon's name",
     FOREIGN_QF("H??From: MDaemon@example.net\n"
                "H??Subject: Permanent Delivery Failure\n"),
     "Nobody here is called so.\n", DSN_OK, DSN_FAILURE, ""},
    {"a mail delivery system's name",
     FOREIGN_QF("H??From: Mail Delivery System <x@example.net>\n"
                "H??Subject: Delivery status notification: warning\n"),
     "Nobody here is called so.\n", DSN_OK, DSN_WARNING, ""},
    {"a daemon's name alone", FOREIGN_QF(DAEMON "H??Subject: hello\n"),
     "Nobody here is called so.\n", DSN_NOT_A_REPORT, DSN_NONE, ""},
    {"a person's answer to a report",
     FOREIGN_QF("H??From: <ann@example.net>\nH??Subject: Undeliverable: x\n"),
     "I am away.\n", DSN_NOT_A_REPORT, DSN_NONE, ""},
    {"a daemon's answer to a report",
     FOREIGN_QF(DAEMON "H??Subject: Out of office: Undeliverable: x\n"),
     "I am away.\n", DSN_NOT_A_REPORT, DSN_NONE, ""},
    {"Outlook's words for Exchange's",
     FOREIGN_QF("H??Subject: Undeliverable: x\n"),
     "Your message did not reach some or all of the intended recipients.\n\n"
     "      Subject:\tx\n      Sent:\t11/22/2026 8:14 AM\n\n"
     "The following recipient(s) could not be reached:\n\n"
     "      bob@example.net on 11/22/2026 8:15 AM\n"
     "            The e-mail account does not exist.\n",
     DSN_OK, DSN_FAILURE, "bob@example.net failed -"},
    {"a mixed message whose second part is like a report",
     FOREIGN_QF("H??Subject: Undeliverable: x\n"
                "H??Content-Type: multipart/mixed; boundary=b\n"),
     "--b\n\nhello\n--b\n\nYour message\n\ndid not reach the following "
     "recipient(s):\n\nbob@example.net on Monday\n--b--\n",
     DSN_NOT_A_REPORT, DSN_NONE, ""},
    {"a mixed message without a boundary",
     FOREIGN_QF("H??Subject: Undeliverable: x\n"
                "H??Content-Type: multipart/mixed\n"),
     "Your message\n\ndid not reach the following recipient(s):\n\n"
     "bob@example.net on Monday\n",
     DSN_NOT_A_REPORT, DSN_NONE, ""},
    {"GroupWise's names and what only looks like them",
     FOREIGN_QF("H??Subject: Message status - undeliverable\n"),
     "The message that you sent was undeliverable to the following:\n"
     "\tbob (550 5.1.1 unknown)\n\t (x)\n\tbob\n\tbob (x\n\ta b (x)\n"
     " bob (x)\n\tcarol@example.net (x)\n\n"
     "Possibly truncated original message follows:\n\n\tdave (x)\n",
     DSN_OK, DSN_FAILURE, "bob failed 5.1.1, carol@example.net failed -"},
};

static void foreign_reports_are_told_by_content(void **state)
{
    struct report *report = *state;

    for (size_t i = 0; i < sizeof foreign_cases / sizeof *foreign_cases; i++) {
        const struct foreign *c = &foreign_cases[i];
        char text[1000];

        report_set(report, "-", slice_from_string(c->qf),
                   slice_from_string(c->body));
        if (parse(report, report->body) != c->outcome ||
            report->dsn.kind != c->kind)
            fail_msg("%s: another outcome", c->title);
        assert_slice_is(recipients_of(&report->dsn, text), c->recipients,
                        c->title);
        assert_false(report->dsn.has_source || report->dsn.has_expired);
        for (size_t len = 0; len < report->body.len; len++) {
            enum dsn_outcome outcome =
                parse(report, slice_head(report->body, len));

            if (!report->dsn.is_cut &&
                (outcome != c->outcome || report->dsn.kind != c->kind))
                fail_msg("%s: cut at %zu, another outcome", c->title, len);
        }
    }
}

/* ---- size ---- */

enum { BIG_BYTES = 8 << 20 };

static char *repeat(const char *head, const char *line)
{
    size_t head_len = strlen(head), line_len = strlen(line);
    char *text = malloc(BIG_BYTES);

    assert_non_null(text);
    memcpy(text, head, head_len);
    for (size_t i = head_len; i < BIG_BYTES; i++)
        text[i] = line[(i - head_len) % line_len];
    return text;
}

/* Nothing is timed: what is not linear here does not end in this life. */
static void large_bodies_of_one_line_are_read_in_one_pass(void **state)
{
    static const struct {
        const char *qf, *head, *line;
        enum dsn_outcome outcome;
    } cases[] = {
        {own_qf, "", "--I1.17/mx.example.orgx\n", DSN_INCOMPLETE},
        {own_qf, "", "\n--I1.17/mx.example.or\n", DSN_INCOMPLETE},
        {own_qf, "", "x", DSN_INCOMPLETE},
        {own_qf, "", "\n", DSN_INCOMPLETE},
        {own_qf,
         "This is a MIME-encapsulated message\n\n" DELIMITER "\n\n" DELIMITER
         "Content-Type: message/delivery-status\n\n",
         "Final-Recipient: rfc822; x\n\n", DSN_TOO_MANY},
        {own_qf,
         "This is a MIME-encapsulated message\n\n" DELIMITER "\n\n" DELIMITER
         "Content-Type: message/delivery-status\n\n",
         "Final-Recipient: rfc822; x\n", DSN_INCOMPLETE},
        {own_qf,
         "This is a MIME-encapsulated message\n\n" DELIMITER "\n\n" DELIMITER
         "Content-Type: message/delivery-status\n\n\n" DELIMITER
         "Content-Type: message/rfc822\n\n",
         " (((((", DSN_INCOMPLETE},
        {OWN_QF(OWN_FAILURE),
         "The original message was received at x\nfrom y\n",
         "<<< 550 5.1.1 <a\n", DSN_INCOMPLETE},
        {OWN_QF(OWN_FAILURE),
         "The original message was received at x\nfrom y\n\n   ----- "
         "Transcript of session follows -----\n",
         "<<< 550 no\n550 <a@example.org>... User unknown\n", DSN_INCOMPLETE},
        {OWN_QF(OWN_FAILURE),
         "The original message was received at x\nfrom y\n\n   ----- The "
         "following addresses had permanent fatal errors -----\n",
         "<a@example.org>\n", DSN_TOO_MANY},
        {FOREIGN_QF(FOREIGN_TYPE "report-type=delivery-status\n"), "",
         "--b\n\n", DSN_INCOMPLETE},
        {FOREIGN_QF("H??Subject: failure notice\n"),
         "Hi. This is the qmail-send program at x\n", "<a@x>:\n550 5.1\n",
         DSN_TOO_MANY},
        {FOREIGN_QF("H??Subject: Mail delivery failed\n"),
         "This message was created automatically by mail delivery software\n",
         "has not yet been delivere", DSN_OK},
    };
    struct report *report = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = repeat(cases[i].head, cases[i].line);
        enum dsn_outcome outcome;

        report_set(report, "I1", slice_from_string(cases[i].qf),
                   slice_make(text, BIG_BYTES));
        outcome = parse(report, report->body);
        if (outcome != cases[i].outcome)
            fail_msg("case %zu: outcome %d", i, (int)outcome);
        if (outcome == DSN_TOO_MANY)
            assert_int_equal(report->dsn.recipient_count, DSN_RECIPIENTS_MAX);
        free(text);
    }
}

/* ---- memory ---- */

static bool realloc_fails;

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_realloc(void *old, size_t size)
{
    return realloc_fails ? NULL : __real_realloc(old, size);
}

static void no_memory_is_an_outcome(void **state)
{
    struct report *report = *state;
    enum dsn_outcome outcome;

    report_set(report, "I1", slice_from_string(own_qf),
               build(report, PLACE_COUNT, ""));
    realloc_fails = true;
    outcome = parse(report, report->body);
    realloc_fails = false;
    assert_int_equal(outcome, DSN_NO_MEMORY);
    assert_int_equal(parse(report, report->body), DSN_OK);
}

static void the_next_report_forgets_the_last(void **state)
{
    struct report *report = *state;

    report_load(report, "dsn/expired", "6ALGJsXq017980");
    assert_int_equal(parse(report, report->body), DSN_OK);
    report_load(report, "dsn/not-fax", "-");
    assert_int_equal(parse(report, report->body), DSN_NOT_A_REPORT);
    assert_int_equal(report->dsn.recipient_count, 0);
    assert_true(slice_is_absent(report->dsn.source_text));
    assert_false(report->dsn.has_source || report->dsn.has_expired);
}

static int setup(void **state)
{
    struct report *report = malloc(sizeof *report);

    if (report == NULL)
        return -1;
    report_open(report);
    *state = report;
    return 0;
}

static int teardown(void **state)
{
    report_close(*state);
    free(*state);
    return 0;
}

#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fixtures_give_their_facts),
        TEST(bounces_without_mime_from_a_real_queue_are_read),
        TEST(status_parts_give_every_field),
        TEST(sources_are_taken_apart),
        TEST(fronts_decide_nothing_that_more_text_would_change),
        TEST(front_with_the_first_received_is_sufficient),
        TEST(nobody_but_sendmail_moves_a_field),
        TEST(only_our_received_says_who_had_logged_in),
        TEST(a_client_names_itself_in_our_received),
        TEST(a_server_names_itself_in_the_next_received),
        TEST(a_path_shows_qmail_exchange_and_domino),
        TEST(a_cut_body_has_a_hop_or_none),
        TEST(an_answer_names_the_mail_that_it_answers),
        TEST(a_milter_writes_beside_our_received),
        TEST(a_source_on_this_host_is_looked_behind),
        TEST(a_milter_before_the_filter_is_heard),
        TEST(a_source_elsewhere_is_the_last_word),
        TEST(text_forms_are_looked_behind),
        TEST(text_forms_give_codes_only_where_they_are_sure),
        TEST(ident_with_parentheses_is_read_as_the_text_names_it),
        TEST(submissions_name_user_and_host),
        TEST(boundaries_must_begin_with_the_own_id),
        TEST(own_reports_need_the_r_flag),
        TEST(empty_bodies_are_incomplete),
        TEST(kinds_follow_from_the_header),
        TEST(kinds_have_names),
        TEST(foreign_reports_are_told_by_content),
        TEST(large_bodies_of_one_line_are_read_in_one_pass),
        TEST(no_memory_is_an_outcome),
        TEST(the_next_report_forgets_the_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
