/*
 * Headers of syslogd: stamps, priorities, hosts, tags; whole, cut at every
 * byte, and ending at a page nobody may read. Texts are in test_logline.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/logline.h"
#include "tests/assert_slice.h"
#include "tests/guard.h"
#include "tests/logline_dump.h"

static const struct header_case {
    const char *title, *text, *want;
} cases[] = {
    /* stamps */
    {"no year", "Nov 16 14:28:37 mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 0-11-16 14:28:37; host=mx2; tag=sm-mta; pid=4793; id=6AMHqPjw023674; "
     "text=discarded"},
    {"a day below ten",
     "Dec  1 00:00:00 mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 0-12-01 00:00:00; host=mx2; tag=sm-mta; pid=4793; id=6AMHqPjw023674; "
     "text=discarded"},
    {"a day below ten, behind one blank",
     "Dec 1 00:00:00 mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 0-12-01 00:00:00; host=mx2; tag=sm-mta; pid=4793; id=6AMHqPjw023674; "
     "text=discarded"},
    {"no day, behind one blank", "Dec 0 00:00:00 mx2 sm-mta[4793]: x",
     "no stamp 0-00-00 00:00:00"},
    {"a day with a zero",
     "Jan 01 23:59:60 mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 0-01-01 23:59:60; host=mx2; tag=sm-mta; pid=4793; id=6AMHqPjw023674; "
     "text=discarded"},
    {"a year, fractions",
     "Nov 16 2026 14:28:37.123 mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 2026-11-16 14:28:37; host=mx2; tag=sm-mta; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"RFC 3339",
     "2026-11-16T14:28:37.340291+00:00 mx2 sm-mta[4793]: 6AMHqPjw023674: "
     "discarded",
     "ok 2026-11-16 14:28:37+0; host=mx2; tag=sm-mta; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"RFC 3339, Z",
     "2026-11-16T14:28:37Z mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 2026-11-16 14:28:37+0; host=mx2; tag=sm-mta; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"RFC 3339, a blank, no zone",
     "2026-11-16 14:28:37 mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 2026-11-16 14:28:37; host=mx2; tag=sm-mta; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"RFC 3339, west",
     "2026-11-16t14:28:37,5-03:30 mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 2026-11-16 14:28:37-12600; host=mx2; tag=sm-mta; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"a zone behind a blank",
     "2026-11-16 14:28:37 +0100 mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 2026-11-16 14:28:37+3600; host=mx2; tag=sm-mta; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"journalctl -o short-iso",
     "2026-11-22T19:28:02+0000 mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 2026-11-22 19:28:02+0; host=mx2; tag=sm-mta; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"journalctl of Europe",
     "2026-11-22T20:28:02+0100 mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 2026-11-22 20:28:02+3600; host=mx2; tag=sm-mta; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"journalctl -o short-full",
     "Sun 2026-11-22 20:28:02 CET mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 2026-11-22 20:28:02; host=mx2; tag=sm-mta; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"journalctl -o short-full, UTC",
     "Sun 2026-11-22 19:28:02 UTC mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 2026-11-22 19:28:02+0; host=mx2; tag=sm-mta; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"journalctl -o short-full, a zone without a name",
     "Sun 2026-11-22 16:28:02 -03 mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 2026-11-22 16:28:02-10800; host=mx2; tag=sm-mta; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"journalctl -o short-full, a host in upper case",
     "Sun 2026-11-22 20:28:02 CET MX sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 2026-11-22 20:28:02; host=MX; tag=sm-mta; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"a weekday and no date", "Sun 2026-11-22x20:28:02 CET mx2 sm-mta[4793]: x",
     "no stamp 0-00-00 00:00:00"},
    {"RFC 5424",
     "<22>1 2026-11-16T14:28:37.340291+01:00 mx2.example.org sm-mta 4793 - - "
     "6AMHqPjw023674: discarded",
     "ok 2026-11-16 14:28:37+3600; host=mx2.example.org; tag=sm-mta; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"RFC 5424, structured data and BOM",
     "<22>1 2026-11-16T14:28:37Z mx2 sm-mta 4793 ID47 [a@32473 k=\"x\\\"] y\" "
     "l=\"z\"][b] ﻿6AMHqPjw023674: discarded",
     "ok 2026-11-16 14:28:37+0; host=mx2; tag=sm-mta; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"RFC 5424, nothing but the stamp", "<22>1 2026-11-16T14:28:37Z - - - - -",
     "foreign 2026-11-16 14:28:37+0"},
    {"RFC 5424, a tag with its pid",
     "<22>1 2026-11-16T14:28:37Z mx2 sendmail[77] - - - 6AMHqPjw023674: "
     "discarded",
     "ok 2026-11-16 14:28:37+0; host=mx2; tag=sendmail; pid=77; "
     "id=6AMHqPjw023674; text=discarded"},
    {"no line of syslog", "6AMHqPjw023674: discarded",
     "no stamp 0-00-00 00:00:00"},
    {"nothing", "", "no stamp 0-00-00 00:00:00"},
    {"an hour too late", "Nov 16 24:00:00 mx2 sm-mta[4793]: x",
     "no stamp 0-00-00 00:00:00"},
    {"no such month", "Nuv 16 14:28:37 mx2 sm-mta[4793]: x",
     "no stamp 0-00-00 00:00:00"},
    {"no such day", "Nov 32 14:28:37 mx2 sm-mta[4793]: x",
     "no stamp 0-00-00 00:00:00"},
    {"a day that no month of the name has",
     "Apr 31 14:28:37 mx2 sm-mta[4793]: x", "no stamp 0-00-00 00:00:00"},
    {"30 February", "Feb 30 14:28:37 mx2 sm-mta[4793]: x",
     "no stamp 0-00-00 00:00:00"},
    {"29 February of some year",
     "Feb 29 14:28:37 mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 0-02-29 14:28:37; host=mx2; tag=sm-mta; pid=4793; id=6AMHqPjw023674; "
     "text=discarded"},
    {"29 February of a leap year",
     "2024-02-29T14:28:37Z mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 2024-02-29 14:28:37+0; host=mx2; tag=sm-mta; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"29 February of another", "2025-02-29T14:28:37Z mx2 sm-mta[4793]: x",
     "no stamp 0-00-00 00:00:00"},
    {"29 February of another, in words",
     "Feb 29 2025 14:28:37 mx2 sm-mta[4793]: x", "no stamp 0-00-00 00:00:00"},
    {"no blank behind the stamp", "Nov 16 14:28:37x mx2 sm-mta[4793]: x",
     "no stamp 0-00-00 00:00:00"},
    /* priorities */
    {"in front, a number",
     "<22>Nov 16 14:28:37 mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 0-11-16 14:28:37; host=mx2; tag=sm-mta; pid=4793; id=6AMHqPjw023674; "
     "text=discarded"},
    {"in front, words",
     "<mail.info>Nov 16 14:28:37 mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 0-11-16 14:28:37; host=mx2; tag=sm-mta; pid=4793; id=6AMHqPjw023674; "
     "text=discarded"},
    {"FreeBSD",
     "Nov 16 14:28:37 <mail.info> mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 0-11-16 14:28:37; host=mx2; tag=sm-mta; pid=4793; id=6AMHqPjw023674; "
     "text=discarded"},
    {"FreeBSD, numbers",
     "Nov 16 14:28:37 <2.6> mx2 sm-mta[4793]: 6AMHqPjw023674: discarded",
     "ok 0-11-16 14:28:37; host=mx2; tag=sm-mta; pid=4793; id=6AMHqPjw023674; "
     "text=discarded"},
    {"IRIX", "Nov 16 14:28:37 6C:sgi1 sendmail[4793]: NAA03712: discarded",
     "ok 0-11-16 14:28:37; host=sgi1; tag=sendmail; pid=4793; id=NAA03712; "
     "text=discarded"},
    {"AIX, forwarded to a syslogd that names no host",
     "Nov 16 14:28:37 Message forwarded from mx2: sendmail[4793]: NAA03712: "
     "discarded",
     "ok 0-11-16 14:28:37; host=mx2; tag=sendmail; pid=4793; id=NAA03712; "
     "text=discarded"},
    {"BusyBox",
     "Nov 16 14:28:37 mx2 mail.info sendmail[4793]: 6AMHqPjw023674: discarded",
     "ok 0-11-16 14:28:37; host=mx2; tag=sendmail; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"AIX", "Nov 16 14:28:37 mx2 mail:info sendmail[4793]: NAA03712: discarded",
     "ok 0-11-16 14:28:37; host=mx2; tag=sendmail; pid=4793; id=NAA03712; "
     "text=discarded"},
    {"AIX, forwarded",
     "Nov 16 14:28:37 loghost mail:info Message forwarded from mx2: "
     "sendmail[4793]: NAA03712: discarded",
     "ok 0-11-16 14:28:37; host=mx2; tag=sendmail; pid=4793; id=NAA03712; "
     "text=discarded"},
    {"Solaris",
     "Nov 16 14:28:37 mx2 sendmail[4793]: [ID 801593 mail.info] f8767xx30123: "
     "discarded",
     "ok 0-11-16 14:28:37; host=mx2; tag=sendmail; pid=4793; id=f8767xx30123; "
     "text=discarded"},
    /* tags */
    {"no host", "Nov 16 14:28:37 sendmail[4793]: 6AMHqPjw023674: discarded",
     "ok 0-11-16 14:28:37; tag=sendmail; pid=4793; id=6AMHqPjw023674; "
     "text=discarded"},
    {"no pid", "Nov 16 14:28:37 mx2 sendmail: 6AMHqPjw023674: discarded",
     "ok 0-11-16 14:28:37; host=mx2; tag=sendmail; id=6AMHqPjw023674; "
     "text=discarded"},
    {"a path",
     "Nov 16 14:28:37 mx2 /usr/sbin/sendmail[4793]: 6AMHqPjw023674: discarded",
     "ok 0-11-16 14:28:37; host=mx2; tag=/usr/sbin/sendmail; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"sendmail-in",
     "Nov 16 14:28:37 mx2 sendmail-in[4793]: starting daemon (8.13.8): SMTP",
     "ok 0-11-16 14:28:37; host=mx2; tag=sendmail-in; pid=4793; text=starting "
     "daemon (8.13.8): SMTP"},
    {"sm-mta-queue",
     "Nov 16 14:28:37 mx2 sm-mta-queue[4793]: starting daemon (8.13.8): SMTP",
     "ok 0-11-16 14:28:37; host=mx2; tag=sm-mta-queue; pid=4793; text=starting "
     "daemon (8.13.8): SMTP"},
    {"no colon", "Nov 16 14:28:37 mx2 sendmail[4793] 6AMHqPjw023674: discarded",
     "ok 0-11-16 14:28:37; host=mx2; tag=sendmail; pid=4793; "
     "id=6AMHqPjw023674; text=discarded"},
    {"a label, id and shape",
     "Nov 16 14:28:37 mx2 outgoing[4793]: 6AMHqPjw023674: <bob@example.com>... "
     "User unknown",
     "ok 0-11-16 14:28:37; host=mx2; tag=outgoing; pid=4793; "
     "id=6AMHqPjw023674; text=<bob@example.com>... User unknown"},
    {"a label, TLS",
     "Nov 16 14:28:37 mx2 outgoing[4793]: STARTTLS=client, relay=a.example, "
     "version=TLSv1.3, verify=FAIL, cipher=X, bits=1/1",
     "ok 0-11-16 14:28:37; host=mx2; tag=outgoing; pid=4793; "
     "text=STARTTLS=client, relay=a.example, version=TLSv1.3, verify=FAIL, "
     "cipher=X, bits=1/1"},
    {"a label, no shape",
     "Nov 16 14:28:37 mx2 milter-x[4793]: 6AMHqPjw023674: no signature data",
     "foreign 0-11-16 14:28:37; host=mx2; tag=milter-x; pid=4793"},
    {"NFS", "Nov 16 14:28:37 mx2 sm-notify[4793]: Version 2.6.2 starting",
     "foreign 0-11-16 14:28:37; host=mx2; tag=sm-notify; pid=4793"},
    {"another program",
     "Nov 16 14:28:37 mx2 sshd[77]: Accepted publickey for joe",
     "foreign 0-11-16 14:28:37; host=mx2; tag=sshd; pid=77"},
    {"Postfix",
     "Nov 16 14:28:37 mx2 postfix/smtp[77]: 3A7B1234567: to=<bob@example.com>, "
     "relay=a.example[192.0.2.9]:25, delay=1.2, delays=0/0/1/0.2, dsn=2.0.0, "
     "status=sent (250 ok)",
     "foreign 0-11-16 14:28:37; host=mx2; tag=postfix/smtp; pid=77"},
    {"Postfix, long id",
     "Nov 16 14:28:37 mx2 postfix/qmgr[77]: 4XyZab12cdz9Q: "
     "from=<bob@example.com>, size=12, nrcpt=1 (queue active)",
     "foreign 0-11-16 14:28:37; host=mx2; tag=postfix/qmgr; pid=77"},
    {"own label, no queue: connect from",
     "Nov 16 14:28:37 mx2 smtp-in[77]: NOQUEUE: connect from a.example.net "
     "[192.0.2.9]",
     "ok 0-11-16 14:28:37; host=mx2; tag=smtp-in; pid=77; text=connect from "
     "a.example.net [192.0.2.9]"},
    {"no queue: postfix",
     "Nov 16 14:28:37 mx2 postfix/smtpd[77]: NOQUEUE: reject: RCPT from "
     "a.example.net[192.0.2.9]: 454 4.7.1 Relay access denied",
     "foreign 0-11-16 14:28:37; host=mx2; tag=postfix/smtpd; pid=77"},
    {"connect from alone: postfix",
     "Nov 16 14:28:37 mx2 postfix/smtpd[77]: connect from "
     "a.example.net[192.0.2.9]",
     "foreign 0-11-16 14:28:37; host=mx2; tag=postfix/smtpd; pid=77"},
    {"no tag", "Nov 16 14:28:37 mx2 -- MARK --",
     "foreign 0-11-16 14:28:37; host=mx2; tag=--"},
    {"no text", "Nov 16 14:28:37 mx2 sm-mta[4793]:",
     "ok 0-11-16 14:28:37; host=mx2; tag=sm-mta; pid=4793; text="},
    {"only a stamp", "Nov 16 14:28:37", "foreign 0-11-16 14:28:37"},
    /* repeated */
    {"repeated, HP-UX", "Nov 16 14:28:37 hp1 above message repeats 3 times",
     "repeated 0-11-16 14:28:37; host=hp1; times=3"},
    {"repeated, no host", "Nov 16 14:28:37 last message repeated 3 times",
     "repeated 0-11-16 14:28:37; times=3"},
    {"repeated, not by a number",
     "Nov 16 14:28:37 hp1 above message repeats many times",
     "foreign 0-11-16 14:28:37; host=hp1"},
    {"repeated, no tag", "Nov 16 14:28:37 mx2 last message repeated 3 times",
     "repeated 0-11-16 14:28:37; host=mx2; times=3"},
    {"repeated once, a tag",
     "Nov 16 14:28:37 mx2 syslogd: last message repeated 1 time",
     "repeated 0-11-16 14:28:37; host=mx2; tag=syslogd"},
    {"repeated, our tag",
     "Nov 16 14:28:37 mx2 sm-mta[4793]: last message repeated 12 times",
     "repeated 0-11-16 14:28:37; host=mx2; tag=sm-mta; pid=4793; times=12"},
    {"repeated, rsyslog",
     "Nov 16 14:28:37 mx2 sm-mta[4793]: message repeated 3 times: [ "
     "6AMHqPjw023674: <bob@example.com>... User unknown]",
     "ok 0-11-16 14:28:37; host=mx2; tag=sm-mta; pid=4793; times=3; "
     "id=6AMHqPjw023674; text=<bob@example.com>... User unknown"},
    {"repeated, rsyslog, another program",
     "Nov 16 14:28:37 mx2 sshd[4793]: message repeated 3 times: [ Failed "
     "password]",
     "foreign 0-11-16 14:28:37; host=mx2; tag=sshd; pid=4793; times=3"},
    {"repeated more than can be counted",
     "Nov 16 14:28:37 mx2 last message repeated 99999999999 times",
     "repeated 0-11-16 14:28:37; host=mx2; times=4294967295"},
    {"repeated, no number",
     "Nov 16 14:28:37 mx2 sm-mta[4793]: last message repeated x times",
     "ok 0-11-16 14:28:37; host=mx2; tag=sm-mta; pid=4793; text=last message "
     "repeated x times"},
    {"Postfix's sendmail",
     "Nov 16 14:28:37 mx2 postfix/sendmail[77]: fatal: usage",
     "foreign 0-11-16 14:28:37; host=mx2; tag=postfix/sendmail; pid=77"},

};

enum { CASE_COUNT = sizeof cases / sizeof cases[0], TEXT_MAX = 1024 };

static void headers_give_stamp_host_tag_and_text(void **state)
{
    struct logline line;
    struct dump dump;
    struct guard guard;

    (void)state;
    guard_open(&guard, TEXT_MAX);
    for (size_t i = 0; i < CASE_COUNT; i++) {
        struct slice whole =
            guard_text(&guard, slice_from_string(cases[i].text));

        logline_dump_header(&line, logline_parse(whole, NULL, &line), &dump);
        assert_slice_is(slice_make(dump.text, dump.len), cases[i].want,
                        cases[i].title);
    }
    guard_close(&guard);
}

static void check_inside(struct slice part, struct slice whole)
{
    if (slice_is_absent(part))
        return;
    assert_true(part.ptr >= whole.ptr);
    assert_true(part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_cut(struct slice cut, void *context)
{
    struct logline line;

    (void)context;
    logline_parse(cut, NULL, &line);
    check_inside(line.host, cut);
    check_inside(line.tag, cut);
    check_inside(line.id, cut);
    check_inside(line.text, cut);
}

static void headers_cut_at_every_byte_stay_inside(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++)
        guard_cut_everywhere(slice_from_string(cases[i].text), check_cut, NULL);
}

static struct dump dump_of(struct slice line, struct logline_memory *memory)
{
    struct logline parsed;
    struct dump dump;
    enum logline_outcome outcome = logline_parse(line, memory, &parsed);

    logline_dump_header(&parsed, outcome, &dump);
    return dump;
}

/* The text of a case, long enough that its header can be remembered. */
static struct slice padded_case(const struct header_case *c,
                                char text[TEXT_MAX])
{
    int len =
        snprintf(text, TEXT_MAX, "%s, and words behind it, and more", c->text);

    assert_in_range(len, 1, TEXT_MAX - 1);
    return slice_make(text, (size_t)len);
}

static void lines_before_change_no_answer(void **state)
{
    char before[TEXT_MAX], text[TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        for (size_t j = 0; j < CASE_COUNT; j++) {
            struct logline_memory memory = {.stamp.month = 0};
            struct slice line = padded_case(&cases[j], text);
            struct dump want = dump_of(line, NULL), got;

            (void)dump_of(padded_case(&cases[i], before), &memory);
            got = dump_of(line, &memory);
            assert_string_equal(got.text, want.text);
        }
    }
}

/* With one byte of the header another, or with fewer of them. */
static void a_header_almost_the_same_is_no_other(void **state)
{
    static const char bytes[] = " []:<.0189xl\xff";
    char text[TEXT_MAX];
    struct guard guard;

    (void)state;
    guard_open(&guard, TEXT_MAX);
    for (size_t i = 0; i < CASE_COUNT; i++) {
        struct slice line = padded_case(&cases[i], text);
        struct logline_memory taught = {.stamp.month = 0};

        (void)dump_of(line, &taught);
        for (size_t at = 0; at < line.len; at++) {
            char kept = text[at];

            for (size_t j = 0; j < sizeof bytes; j++) {
                struct logline_memory memory = taught;
                struct dump want, got;

                text[at] = bytes[j];
                want = dump_of(line, NULL);
                got = dump_of(guard_text(&guard, line), &memory);
                assert_string_equal(got.text, want.text);
            }
            text[at] = kept;
        }
        for (size_t len = 0; len < line.len; len++) {
            struct slice cut = slice_head(line, len);
            struct dump want = dump_of(cut, NULL), got;

            got = dump_of(guard_text(&guard, cut), &taught);
            assert_string_equal(got.text, want.text);
        }
    }
    guard_close(&guard);
}

static void line_ends_of_other_systems_are_no_text(void **state)
{
    struct logline line;

    (void)state;
    assert_int_equal(
        logline_parse(SLICE_LITERAL("Nov 16 14:28:37 mx2 sm-mta[1]: "
                                    "6AMHqPjw023674: discarded \r\0"),
                      NULL, &line),
        LOGLINE_OK);
    assert_slice_is(line.text, "discarded", "");
}

/* Checked against date -u. */
static const struct epoch_case {
    struct log_stamp stamp;
    int32_t year, zone_sec;
    int64_t want;
} epochs[] = {
    {{1970, 1, 1, 0, 0, 0, true, 0}, 0, 0, 0},
    {{2026, 11, 16, 14, 28, 37, true, 0}, 0, 0, 1794839317},
    /* a year and a zone from outside */
    {{0, 11, 16, 14, 28, 37, false, 0}, 2026, 0, 1794839317},
    {{0, 11, 16, 15, 28, 37, false, 0}, 2026, 3600, 1794839317},
    /* ... which the stamp's own count before */
    {{2026, 11, 16, 15, 28, 37, true, 3600}, 1999, -7200, 1794839317},
    {{2026, 11, 16, 10, 58, 37, true, -12600}, 0, 0, 1794839317},
    /* leap days, and a century that has none */
    {{2024, 2, 29, 12, 0, 0, true, 0}, 0, 0, 1709208000},
    {{2024, 3, 1, 0, 0, 0, true, 0}, 0, 0, 1709251200},
    {{2000, 2, 29, 0, 0, 0, true, 0}, 0, 0, 951782400},
    {{2100, 2, 28, 23, 59, 59, true, 0}, 0, 0, 4107542399},
    {{2100, 3, 1, 0, 0, 0, true, 0}, 0, 0, 4107542400},
    /* a day that the month does not have, a leap second */
    {{2023, 2, 29, 0, 0, 0, true, 0}, 0, 0, 1677628800},
    {{2023, 4, 31, 0, 0, 0, true, 0}, 0, 0, 1682899200},
    {{2016, 12, 31, 23, 59, 60, true, 0}, 0, 0, 1483228800},
    /* ends of months and years */
    {{1999, 12, 31, 23, 59, 59, true, 0}, 0, 0, 946684799},
    {{1969, 12, 31, 23, 59, 59, true, 0}, 0, 0, -1},
    {{1, 1, 1, 0, 0, 0, true, 0}, 0, 0, -62135596800},
};

static void stamps_count_seconds_since_the_epoch(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof epochs / sizeof epochs[0]; i++) {
        const struct epoch_case *c = &epochs[i];

        assert_int_equal(log_stamp_epoch(&c->stamp, c->year, c->zone_sec),
                         c->want);
    }
}

/* Every day from 1968 on follows the one before. */
static void days_follow_each_other(void **state)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30,
                                   31, 31, 30, 31, 30, 31};
    int64_t want = -731 * INT64_C(86400);

    (void)state;
    for (int32_t year = 1968; year < 2110; year++) {
        bool is_leap = year % 4 == 0 && year != 2100;

        for (uint8_t month = 1; month <= 12; month++) {
            uint8_t last =
                (uint8_t)(days[month - 1] + (month == 2 && is_leap ? 1 : 0));

            for (uint8_t day = 1; day <= last; day++) {
                struct log_stamp stamp = {.month = month, .day = day};

                assert_int_equal(log_stamp_epoch(&stamp, year, 0), want);
                want += 86400;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_give_stamp_host_tag_and_text),
        cmocka_unit_test(headers_cut_at_every_byte_stay_inside),
        cmocka_unit_test(lines_before_change_no_answer),
        cmocka_unit_test(a_header_almost_the_same_is_no_other),
        cmocka_unit_test(line_ends_of_other_systems_are_no_text),
        cmocka_unit_test(stamps_count_seconds_since_the_epoch),
        cmocka_unit_test(days_follow_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
