/*
 * Who brought a message to a content filter on this host, and who only says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/filter.h"
#include "parsers/header.h"
#include "tests/assert_slice.h"
#include "tests/guard.h"

#define US "mx.example.org"
#define BY_US "\n\tby " US " (8.13.8/8.13.8) with ESMTP id "
#define DATE ";\n\tMon, 5 May 2008 09:00:02 +0200\n"
#define SECOND                                                                 \
    "Received: from localhost (localhost [127.0.0.1])" BY_US "m4570200004001"  \
    "\n\tfor <bob@example.org>" DATE
#define FILTER                                                                 \
    "Received: from " US " ([127.0.0.1])\n\tby localhost (" US                 \
    " [127.0.0.1]) (amavisd-new, port 10024)\n\twith ESMTP id 12345-07 for "   \
    "<bob@example.org>" DATE
#define SOURCE "dsl-7.example.net [198.51.100.7]"
#define FROM "Received: from helo.example (" SOURCE ")"
#define FIRST FROM BY_US "m4570100004000\n\tfor <bob@example.org>" DATE
#define EVIL                                                                   \
    "Received: from evil.example (evil.example.net [203.0.113.66])" BY_US      \
    "m4570000003999" DATE

/* Walks the header; FILTER_MORE when it ended first. */
static enum filter_step walk(struct slice text, struct slice us,
                             struct filter_client *client)
{
    struct filter_walk walk = {.us = us};
    enum filter_step step = FILTER_MORE;
    struct header_field field;

    while (step == FILTER_MORE && header_next(&text, &field))
        if (slice_equal_nocase(field.name, SLICE_LITERAL("Received")))
            step = filter_next(&walk, field.value, client);
    return step;
}

static const struct found {
    const char *title, *text, *source, *helo;
    bool is_authenticated, is_forged;
} found_cases[] = {
    {"amavisd-new", SECOND FILTER FIRST, SOURCE, "helo.example", false, false},
    {"other fields between",
     "Return-Path: <ann@example.net>\n" SECOND
     "X-Virus-Scanned: amavisd-new at example.org\n" FILTER
     "X-Spam-Status: No, score=-1\n\ttests=[]\n" FIRST "Subject: x\n",
     SOURCE, "helo.example", false, false},
    {"two filters", SECOND FILTER FILTER FIRST, SOURCE, "helo.example", false,
     false},
    {"a filter that bears our name",
     SECOND
     "Received: from localhost (localhost [127.0.0.1]) by MX.example.org "
     "(amavisd-new) with SMTP id 9; now\n" FIRST,
     SOURCE, "helo.example", false, false},
    {"a filter at an address",
     SECOND "Received: from " US " ([IPv6:::1])\n\tby [127.0.0.1] (amavisd-new)"
            "\n\twith ESMTPS id 9; now\n" FIRST,
     SOURCE, "helo.example", false, false},
    {"no proven name",
     SECOND FILTER "Received: from x (dsl-7.example.net [198.51.100.7] (may be "
                   "forged))" BY_US "m4570100004000" DATE,
     "dsl-7.example.net [198.51.100.7] (may be forged)", "x", false, true},
    {"a login",
     SECOND FILTER FROM "\n\t(authenticated bits=0)\n\tby " US
                        " (8.13.8/8.13.8) with ESMTPA id m4570100004000" DATE,
     SOURCE, "helo.example", true, false},
    {"a login that the cf does not tell of",
     SECOND FILTER FROM "\n\tby " US
                        " (8.13.8/8.13.8) with ESMTPSA id m4570100004000" DATE,
     SOURCE, "helo.example", true, false},
    {"a certificate",
     SECOND FILTER FROM BY_US "m4570100004000\n\t(version=TLSv1/SSLv3 cipher=X "
                              "bits=256 verify=OK)\n\tfor <b@c>" DATE,
     SOURCE, "helo.example", true, false},
    {"ids of 8.9 and a version of Debian's",
     "Received: from localhost (localhost [127.0.0.1])\n\tby " US
     " (8.9.3/8.9.3/Debian 8.9.3-21) with ESMTP id JAA03712" DATE FILTER FROM
     "\n\tby " US " (8.9.3/8.9.3/Debian 8.9.3-21) with SMTP id JAA03710" DATE,
     SOURCE, "helo.example", false, false},
    {"a chain that the sender wrote below his own field",
     SECOND FILTER FIRST FILTER EVIL, SOURCE, "helo.example", false, false},
    {"ident that writes the end of the field",
     SECOND FILTER
     "Received: from x (a [203.0.113.66]) by " US
     " (8.13.8/8.13.8) with ESMTP id m4570100004000; now (@" SOURCE ")" BY_US
     "m4570100004000" DATE,
     "a [203.0.113.66]) by " US " (8.13.8/8.13.8) with ESMTP id "
     "m4570100004000; now (@" SOURCE,
     "x", false, false},
};

static void assert_found(const struct found *c, struct slice text)
{
    struct filter_client client;

    if (walk(text, slice_from_string(US), &client) != FILTER_FOUND)
        fail_msg("%s: nobody", c->title);
    assert_slice_is(client.text, c->source, c->title);
    assert_slice_is(client.helo, c->helo, c->title);
    assert_true(client.client.has_ip);
    assert_int_equal(client.client.ip.bytes[15], 7);
    assert_int_equal(client.client.forged, c->is_forged);
    if (client.is_authenticated != c->is_authenticated)
        fail_msg("%s: a login", c->title);
}

static void who_spoke_to_the_first_sendmail_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof found_cases / sizeof *found_cases; i++) {
        struct slice text = slice_from_string(found_cases[i].text);
        struct filter_client client;

        assert_found(&found_cases[i], text);
        assert_int_equal(walk(text, slice_make("", 0), &client), FILTER_FOUND);
        assert_int_equal(walk(text, SLICE_LITERAL("mx2.example.org"), &client),
                         FILTER_NONE);
    }
}

#define SECOND_AS(client, by)                                                  \
    "Received: from localhost (" client ")\n\tby " by DATE
#define FILTER_AS(client, by)                                                  \
    "Received: from " US " (" client ")\n\tby " by "; now\n"
#define FIRST_AS(by) FROM "\n\tby " by

static const struct {
    const char *title, *text;
} others[] = {
    {"nothing above it", FIRST},
    {"a sender's chain below his own field", FIRST FILTER EVIL},
    {"a sender's whole chain below his own field", FIRST SECOND FILTER EVIL},

    /* our programs write no field, or are no filters */
    {"no filter: a list, a proxy, procmail", SECOND FIRST},
    {"no filter, and a sender's chain", SECOND FIRST FILTER EVIL},
    {"no filter, and a sender's whole chain", SECOND FIRST SECOND FILTER EVIL},
    {"a list's mail: through the filter twice",
     SECOND FILTER SECOND SECOND FILTER FIRST},
    {"a web form that writes the fields below",
     SECOND FILTER SECOND FILTER EVIL},
    {"a local user's mail", SECOND FILTER
     "Received: (from ann@localhost)\n\tby " US
     " (8.13.8/8.13.8/Submit) id m4570100004000" DATE FILTER EVIL},
    {"a local user's mail, no filter",
     SECOND "Received: (from ann@localhost)\n\tby " US
            " (8.13.8/8.13.8/Submit) id m4570100004000" DATE FILTER EVIL},
    {"fetchmail",
     SECOND "Received: from pop.example.net [192.0.2.1]\n\tby " US
            " with POP3 (fetchmail-6.3.2)\n\tfor <bob@localhost>" DATE FIRST},
    {"fetchmail through a tunnel",
     SECOND "Received: from localhost (localhost [127.0.0.1])\n\tby " US
            " with IMAP id 9" DATE FIRST},
    {"a mailbox with Sieve",
     SECOND FILTER_AS("[127.0.0.1]", US " (Dovecot) with LMTP id 9") FIRST},
    {"mail from a pipe", SECOND
     "Received: by localhost (Postfix, from userid 0)\n\tid 9; now\n" FIRST},

    /* the second sendmail's field */
    {"a client elsewhere",
     SECOND_AS("[192.0.2.1]", US
               " (8.13.8/8.13.8) with ESMTP id m4570200004001") FILTER FIRST},
    {"a local submission",
     SECOND_AS("ann@localhost", US
               " (8.13.8/8.13.8) with ESMTP id m4570200004001") FILTER FIRST},
    {"another host",
     SECOND_AS("[127.0.0.1]",
               "mx2.example.org (8.13.8/8.13.8) with ESMTP id m4570200004001")
         FILTER FIRST},
    {"another program",
     SECOND_AS("[127.0.0.1]", US " (Postfix) with ESMTP id m4570200004001")
         FILTER FIRST},
    {"another id",
     SECOND_AS("[127.0.0.1]", US " (8.13.8/8.13.8) with ESMTP id 4A5B6C7D8E")
         FILTER FIRST},
    {"no protocol",
     SECOND_AS("[127.0.0.1]", US " (8.13.8/8.13.8) id m4570200004001")
         FILTER FIRST},
    {"a login", SECOND_AS("[127.0.0.1]",
                          US " (8.13.8/8.13.8) with ESMTPA id m4570200004001")
                    FILTER FIRST},
    {"one line",
     "Received: from localhost (localhost [127.0.0.1]) by " US
     " (8.13.8/8.13.8) with ESMTP id m4570200004001" DATE FILTER FIRST},

    /* the filter's */
    {"a filter elsewhere",
     SECOND FILTER_AS("[127.0.0.1]", "av.example.org (x) with ESMTP id 9")
         FIRST},
    {"a filter's client elsewhere",
     SECOND FILTER_AS("[192.0.2.1]", "localhost (x) with ESMTP id 9") FIRST},
    {"a filter's client without address",
     SECOND FILTER_AS("localhost", "localhost (x) with ESMTP id 9") FIRST},
    {"a filter after a login",
     SECOND FILTER_AS("[127.0.0.1]", "localhost (x) with ESMTPA id 9") FIRST},
    {"a filter after a login, in other words", SECOND
     "Received: from " US " ([127.0.0.1])\n\t(authenticated bits=0)\n\tby "
     "localhost (x) with ESMTP id 9; now\n" FIRST},
    {"a filter without id",
     SECOND FILTER_AS("[127.0.0.1]", "localhost (x) with ESMTP") FIRST},
    {"a filter that is a sendmail",
     SECOND FILTER_AS("[127.0.0.1]",
                      "localhost (8.13.8/8.13.8) with ESMTP id 9") FIRST},
    {"a sendmail of ours, cut before its date",
     SECOND "Received: from localhost (localhost [127.0.0.1])" BY_US
            "m4570100004000\n" FIRST},
    {"another's hop between",
     SECOND FILTER "Received: from a.example (a.example.com [192.0.2.1])\n\tby "
                   "b.example (Postfix) with ESMTP id 9; now\n" FIRST},

    /* the first sendmail's */
    {"the first sendmail elsewhere",
     SECOND FILTER FIRST_AS(
         "mx2.example.org (8.13.8/8.13.8) with ESMTP id m4570100004000") DATE},
    {"another program in its place",
     SECOND FILTER FIRST_AS(US " (Postfix) with ESMTP id m4570100004000") DATE},
    {"no version",
     SECOND FILTER FIRST_AS(US " with ESMTP id m4570100004000") DATE},
    {"an id of another shape",
     SECOND FILTER FIRST_AS(US " (8.13.8/8.13.8) with ESMTP id 4A5B6C7D8E")
         DATE},
    {"no id", SECOND FILTER FIRST_AS(US " (8.13.8/8.13.8) with ESMTP") DATE},
    {"another word for the protocol",
     SECOND FILTER FIRST_AS(US " (8.13.8/8.13.8) via ESMTP id m4570100004000")
         DATE},
    {"words between",
     SECOND FILTER FIRST_AS(
         US " x (8.13.8/8.13.8) with ESMTP id m4570100004000") DATE},
    {"no date", SECOND FILTER FIRST_AS(
                    US " (8.13.8/8.13.8) with ESMTP id m4570100004000") "\n"},
    {"an empty date",
     SECOND FILTER FIRST_AS(
         US " (8.13.8/8.13.8) with ESMTP id m4570100004000") ";\n"},
    {"no address", SECOND FILTER "Received: from x (dsl-7.example.net)" BY_US
                                 "m4570100004000" DATE},
    {"a user on this host in its place", SECOND FILTER
     "Received: from x (ann@localhost)" BY_US "m4570100004000" DATE},
    {"an empty helo",
     SECOND FILTER "Received: from  (" SOURCE ")" BY_US "m4570100004000" DATE},
    {"more behind the client",
     SECOND FILTER FROM "x" BY_US "m4570100004000" DATE},
    {"an open parenthesis",
     SECOND FILTER "Received: from x (" SOURCE "x" BY_US "m4570100004000" DATE},
    {"no helo",
     SECOND FILTER "Received: from (" SOURCE ")" BY_US "m4570100004000" DATE},
    {"one line for all",
     SECOND FILTER FROM " by " US " (8.13.8/8.13.8) with ESMTP id "
                        "m4570100004000" DATE},
};

static void whatever_else_stands_there_leaves_the_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct filter_client client;

        if (walk(slice_from_string(others[i].text), slice_from_string(US),
                 &client) != FILTER_NONE)
            fail_msg("%s: found", others[i].title);
    }
}

static void a_host_called_localhost_is_anybody(void **state)
{
    const char *text =
        "Received: from localhost (localhost [127.0.0.1])\n\tby localhost "
        "(8.13.8/8.13.8) with ESMTP id m4570200004001" DATE FILTER FROM
        "\n\tby localhost (8.13.8/8.13.8) with ESMTP id m4570100004000" DATE;
    struct filter_client client;

    (void)state;
    assert_int_equal(walk(slice_from_string(text), slice_make("", 0), &client),
                     FILTER_NONE);
}

/* ---- cut at every byte ---- */

static void check_cut(struct slice cut, void *context)
{
    const struct found *c = context;
    struct filter_client client;

    if (walk(cut, slice_from_string(US), &client) == FILTER_FOUND)
        assert_found(c, cut);
}

static void a_cut_chain_gives_the_same_client_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof found_cases / sizeof *found_cases; i++) {
        struct found c = found_cases[i];

        guard_cut_everywhere(slice_from_string(c.text), check_cut, &c);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct found nobody = {.title = others[i].title, .source = ""};

        guard_cut_everywhere(slice_from_string(others[i].text), check_cut,
                             &nobody);
    }
}

/* ---- of a message in the queue ---- */

#define QF                                                                     \
    "V8\nT1209970922\nK0\nN0\nP31211\nFs\n$_localhost [127.0.0.1]\n$rESMTP\n"  \
    "S<ann@example.net>\nrRFC822; bob@example.org\nRPFD:<bob@example.org>\n"

static void headers_of_a_queued_message_are_walked(void **state)
{
    static const struct {
        const char *text;
        bool is_found;
    } cases[] = {
        {QF "H??" SECOND "H??" FILTER "H??" FIRST "H??Subject: x\n.\n", true},
        {QF "H?P?Return-Path: <\x81g>\nH??" SECOND
            "H??X-Scanned: yes\nH??" FILTER "H??" FIRST ".\n",
         true},
        {QF "H??" SECOND "H??" FIRST ".\n", false},
        {QF "H??" SECOND "H??" FILTER ".\n", false},
        {QF "H??" FIRST ".\n", false},
        {QF "H??Subject: x\n.\n", false},
    };
    struct qf qf;

    (void)state;
    qf_init(&qf);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct filter_client client;

        assert_int_equal(qf_parse(&qf, slice_from_string(cases[i].text)),
                         QF_OK);
        assert_int_equal(filter_find_client(&qf, &client), cases[i].is_found);
        if (cases[i].is_found)
            assert_slice_is(client.text, SOURCE, cases[i].text);
    }
    qf_free(&qf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_spoke_to_the_first_sendmail_is_found),
        cmocka_unit_test(whatever_else_stands_there_leaves_the_client),
        cmocka_unit_test(a_host_called_localhost_is_anybody),
        cmocka_unit_test(a_cut_chain_gives_the_same_client_or_none),
        cmocka_unit_test(headers_of_a_queued_message_are_walked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
