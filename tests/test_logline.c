/*
 * The texts of a maillog: every shape whole, cut at every byte, and ending at
 * a page nobody may read; texts that forge our fields; the logs of a real
 * sendmail. Stamps, headers and tags are in test_logstamp.c.
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

#define HEADER "Nov 16 14:28:37 mx2 sm-mta[4793]: "
#define ID "6AMHqPjw023674: "
#define IS "id=6AMHqPjw023674; "

static const struct text_case {
    const char *title, *text, *want;
} cases[] = {
    /* from */
    {"from: ours today",
     ID "from=<joe@example.com>, size=177, class=0, nrcpts=1, "
        "msgid=<1001.ham@example.com>, proto=ESMTP, daemon=MTA-v4, "
        "relay=mail.example.com [192.0.2.140]",
     "kind=from; " IS
     "relay=mail.example.com [192.0.2.140]; peer.name=mail.example.com; "
     "peer.ip=192.0.2.140; sender=joe@example.com; "
     "message_id=<1001.ham@example.com>; protocol=ESMTP; size=177; count=1"},
    {"from: the largest size that is one, declared as all are",
     ID "from=<>, size=68719476736, class=0, nrcpts=16777216, "
        "relay=[192.0.2.1]",
     "kind=from; " IS "relay=[192.0.2.1]; peer.ip=192.0.2.1; sender=; "
     "size=68719476736; count=16777216"},
    {"from: absurd counts",
     ID "from=<>, size=9223372036854775807, class=0, nrcpts=4294967297, "
        "relay=[192.0.2.1]",
     "kind=from; " IS "relay=[192.0.2.1]; peer.ip=192.0.2.1; sender="},
    {"from: 8-bit body, TLS",
     ID "from=<joe@example.com>, size=177, class=-60, nrcpts=1, msgid=<a@b>, "
        "bodytype=8BITMIME, proto=ESMTPS, daemon=MTA-v6, "
        "relay=[IPv6:2001:db8:bad:666:0:0:0:17]",
     "kind=from; " IS "relay=[IPv6:2001:db8:bad:666:0:0:0:17]; "
     "peer.ip=2001:db8:bad:666::17; sender=joe@example.com; "
     "message_id=<a@b>; protocol=ESMTPS; size=177; count=1"},
    {"from: name may be forged",
     ID
     "from=<joe@example.com>, size=0, class=0, nrcpts=0, proto=ESMTP, "
     "daemon=MTA-v4, relay=ppp-21.example.net [198.18.40.31] (may be forged)",
     "kind=from; " IS
     "relay=ppp-21.example.net [198.18.40.31] (may be forged); "
     "peer.name=ppp-21.example.net; peer.ip=198.18.40.31; peer.forged=yes; "
     "sender=joe@example.com; protocol=ESMTP; size=0; count=0"},
    {"from: a PTR record that looks like an address",
     ID "from=<joe@example.com>, size=0, class=0, nrcpts=0, proto=ESMTP, "
        "daemon=MTA, relay=relay=[192.0.2.99] [198.18.40.31] (may be forged)",
     "kind=from; " IS "relay=relay=[192.0.2.99] [198.18.40.31] (may be "
     "forged); peer.ip=198.18.40.31; peer.forged=yes; sender=joe@example.com; "
     "protocol=ESMTP; size=0; count=0"},
    {"from: a PTR record with a blank",
     ID "from=<joe@example.com>, size=0, class=0, nrcpts=0, proto=ESMTP, "
        "daemon=MTA, relay=a b [IPv6:2001:db8:0:0:0:0:0:17]",
     "kind=from; " IS "relay=a b [IPv6:2001:db8:0:0:0:0:0:17]; "
     "peer.ip=2001:db8::17; peer.forged=yes; sender=joe@example.com; "
     "protocol=ESMTP; size=0; count=0"},
    {"from: command line",
     ID "from=smmsp, size=123, class=0, nrcpts=1, "
        "msgid=<202611221920.6AMJKFUI028497@mx2.example.org>, "
        "relay=smmsp@localhost",
     "kind=from; " IS
     "relay=smmsp@localhost; peer.ident=smmsp; peer.name=localhost; "
     "sender=smmsp; message_id=<202611221920.6AMJKFUI028497@mx2.example.org>; "
     "size=123; count=1"},
    {"from: null sender",
     ID "from=<>, size=3210, class=0, nrcpts=1, msgid=<x@example.com>, "
        "proto=ESMTP, daemon=MTA, relay=mail.example.com [192.0.2.140]",
     "kind=from; " IS
     "relay=mail.example.com [192.0.2.140]; peer.name=mail.example.com; "
     "peer.ip=192.0.2.140; sender=; message_id=<x@example.com>; "
     "protocol=ESMTP; size=3210; count=1"},
    {"from: before release 8",
     "AA22003: from=<ann@example.org>, size=757, class=0, received from "
     "mac.example.org",
     "kind=from; id=AA22003; relay=mac.example.org; "
     "peer.name=mac.example.org; sender=ann@example.org; size=757; "
     "count=1"},
    {"from: before release 8, an address with our words",
     "AA22003: from=<\"a, size=1, class=0\"@example.org>, size=757, class=0, "
     "received from mac.example.org",
     "kind=from; id=AA22003; relay=mac.example.org; "
     "peer.name=mac.example.org; sender=\"a, size=1, class=0\"@example.org; "
     "size=757; count=1"},
    {"from: before release 8, two clients",
     "AA22003: from=<a@example.org>, size=757, class=0, received from a, "
     "received from b",
     "kind=from; hostile=yes; id=AA22003"},
    {"from: before release 8, an absurd size, a client with its address",
     "AA22003: from=<a@example.org>, size=99999999999999, class=0, received "
     "from mac.example.org (192.0.2.9)",
     "kind=from; id=AA22003; relay=mac.example.org (192.0.2.9); "
     "peer.name=mac.example.org; peer.ip=192.0.2.9; sender=a@example.org; "
     "count=1"},
    {"from: before release 8, a client without a name",
     "AA22003: from=a, size=7, class=0, received from [192.0.2.9]",
     "kind=from; id=AA22003; relay=[192.0.2.9]; peer.ip=192.0.2.9; sender=a; "
     "size=7; count=1"},
    {"from: before release 8, from here",
     "AA22003: from=a, size=7, class=0, received from local",
     "kind=from; id=AA22003; sender=a; size=7; count=1"},
    {"from: before release 8, but an id of today",
     ID "from=<a, size=1, class=0, received from [198.51.100.1]",
     "kind=other; id=6AMHqPjw023674"},
    {"from: before release 8, and more behind the class",
     "AA22003: from=<a@example.org>, size=757, class=0, x=y, received from b",
     "kind=other; id=AA22003"},
    {"to: an id that is none",
     ": to=<bob@example.net>, delay=00:01:01, xdelay=00:00:01, mailer=esmtp, "
     "pri=0, relay=mx.example.net. [192.0.2.9], dsn=5.0.0, stat=Service "
     "unavailable",
     "kind=to; relay=mx.example.net. [192.0.2.9]; peer.name=mx.example.net; "
     "peer.ip=192.0.2.9; recipient=bob@example.net; "
     "recipients=<bob@example.net>; status=Service unavailable; dsn=5.0.0; "
     "mailer=esmtp; delay=61; xdelay=1"},
    {"from: 8.8, priority and a relay without brackets",
     "NAA03712: from=<joe@example.com>, size=1411, class=0, pri=31411, "
     "nrcpts=1, msgid=<199803121200.NAA03712@example.com>, proto=SMTP, "
     "relay=mail.example.net",
     "kind=from; id=NAA03712; relay=mail.example.net; "
     "peer.name=mail.example.net; sender=joe@example.com; "
     "message_id=<199803121200.NAA03712@example.com>; protocol=SMTP; "
     "size=1411; count=1"},
    {"from: 8.9, identd",
     "NAA03712: from=<joe@example.com>, size=1411, class=0, pri=31411, "
     "nrcpts=1, msgid=<x>, proto=ESMTP, relay=IDENT:joe@mail.example.net "
     "[192.0.2.7]",
     "kind=from; id=NAA03712; relay=IDENT:joe@mail.example.net [192.0.2.7]; "
     "peer.ident=IDENT:joe; peer.name=mail.example.net; peer.ip=192.0.2.7; "
     "sender=joe@example.com; message_id=<x>; protocol=ESMTP; size=1411; "
     "count=1"},
    {"from: an address with our words",
     ID
     "from=<\"a, relay=[203.0.113.66], stat=Sent\"@example.com>, size=1, "
     "class=0, nrcpts=1, msgid=<x>, proto=SMTP, daemon=MTA, relay=[192.0.2.9]",
     "kind=from; " IS
     "relay=[192.0.2.9]; peer.ip=192.0.2.9; sender=\"a, relay=[203.0.113.66], "
     "stat=Sent\"@example.com; message_id=<x>; protocol=SMTP; size=1; count=1"},
    {"from: an address with counts",
     ID "from=<\"a, size=1, class=0, nrcpts=9\"@example.com>, size=2, class=0, "
        "nrcpts=1, proto=SMTP, daemon=MTA, relay=[192.0.2.9]",
     "kind=from; " IS
     "relay=[192.0.2.9]; peer.ip=192.0.2.9; sender=\"a, size=1, class=0, "
     "nrcpts=9\"@example.com; protocol=SMTP; size=2; count=1"},
    {"from: an escaped quote in an address",
     ID "from=<\"a\\\\\", size=1, class=0, nrcpts=9\"@example.com>, size=2, "
        "class=0, nrcpts=1, proto=SMTP, daemon=MTA, relay=[192.0.2.9]",
     "kind=from; " IS
     "relay=[192.0.2.9]; peer.ip=192.0.2.9; sender=\"a\\\\\", size=1, class=0, "
     "nrcpts=9\"@example.com; protocol=SMTP; size=2; count=1"},
    {"from: a message id with our words",
     ID "from=<joe@example.com>, size=2, class=0, nrcpts=1, msgid=<x, "
        "proto=FORGED, relay=trusted [203.0.113.67]>, proto=ESMTP, daemon=MTA, "
        "relay=real.example.net [192.0.2.9]",
     "kind=from; " IS
     "relay=real.example.net [192.0.2.9]; peer.name=real.example.net; "
     "peer.ip=192.0.2.9; sender=joe@example.com; message_id=<x, proto=FORGED, "
     "relay=trusted [203.0.113.67]>; protocol=ESMTP; size=2; count=1"},
    {"from: a message id with counts",
     ID "from=<joe@example.com>, size=2, class=0, nrcpts=1, msgid=<x, size=7, "
        "class=0, nrcpts=7, relay=[203.0.113.66]>, proto=ESMTP, daemon=MTA, "
        "relay=[192.0.2.9]",
     "kind=from; " IS
     "relay=[192.0.2.9]; peer.ip=192.0.2.9; sender=joe@example.com; "
     "message_id=<x, size=7, class=0, nrcpts=7, relay=[203.0.113.66]>; "
     "protocol=ESMTP; size=2; count=1"},
    {"from: an unclosed address, counts twice",
     ID
     "from=<\"a...b@example.com>, size=2, class=0, nrcpts=1, msgid=<x, size=7, "
     "class=0, nrcpts=7>, proto=ESMTP, daemon=MTA, relay=[192.0.2.9]",
     "kind=from; hostile=yes; " IS "relay=[192.0.2.9]; peer.ip=192.0.2.9"},
    {"from: an address cut in its middle",
     ID "from=<\"aaaaaaaaa...bb@example.com>, size=2, class=0, nrcpts=1, "
        "msgid=<x>, proto=ESMTP, daemon=MTA, relay=[192.0.2.9]",
     "kind=from; " IS "relay=[192.0.2.9]; peer.ip=192.0.2.9; "
     "sender=\"aaaaaaaaa...bb@example.com; message_id=<x>; "
     "protocol=ESMTP; size=2; count=1"},
    {"from: identd forges",
     ID "from=<joe@example.com>, size=2, class=0, nrcpts=1, proto=ESMTP, "
        "daemon=MTA, relay=x [203.0.113.66] (may be forged)@mail.example.net "
        "[192.0.2.9]",
     "kind=from; " IS
     "relay=x [203.0.113.66] (may be forged)@mail.example.net [192.0.2.9]; "
     "peer.ident=x [203.0.113.66] (may be forged); peer.name=mail.example.net; "
     "peer.ip=192.0.2.9; sender=joe@example.com; protocol=ESMTP; size=2; "
     "count=1"},
    /* to */
    {"to: sent",
     ID "to=<bob@example.com>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, "
        "pri=30177, relay=mail.example.com. [192.0.2.80], dsn=2.0.0, stat=Sent "
        "(6AMHqPjx023675 Message accepted for delivery)",
     "kind=to; " IS
     "relay=mail.example.com. [192.0.2.80]; peer.name=mail.example.com; "
     "peer.ip=192.0.2.80; recipient=bob@example.com; "
     "recipients=<bob@example.com>; status=Sent (6AMHqPjx023675 Message "
     "accepted for delivery); dsn=2.0.0; mailer=esmtp; delay=1; xdelay=1"},
    {"to: refused connection",
     ID "to=<bob@[203.0.113.9]>, delay=3+09:43:43, xdelay=00:00:00, "
        "mailer=esmtp, pri=481648, relay=[203.0.113.9] [203.0.113.9], "
        "dsn=4.4.1, stat=Deferred: Connection refused by [203.0.113.9]",
     "kind=to; " IS "relay=[203.0.113.9] [203.0.113.9]; peer.ip=203.0.113.9; "
     "recipient=bob@[203.0.113.9]; recipients=<bob@[203.0.113.9]>; "
     "status=Deferred: Connection refused by [203.0.113.9]; dsn=4.4.1; "
     "mailer=esmtp; delay=294223; xdelay=0"},
    {"to: cached failure",
     ID
     "to=<bob@example.com>, delay=2+01:15:32, xdelay=00:00:00, mailer=esmtp, "
     "pri=662379, relay=mail.example.com., dsn=4.0.0, stat=Deferred",
     "kind=to; " IS "relay=mail.example.com.; peer.name=mail.example.com; "
     "recipient=bob@example.com; recipients=<bob@example.com>; "
     "status=Deferred; dsn=4.0.0; mailer=esmtp; delay=177332; xdelay=0"},
    {"to: a reply",
     ID "to=<bob@example.com>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, "
        "pri=121678, relay=mail.example.com. [192.0.2.80], dsn=5.1.1, "
        "reply=550 5.1.1 <bob@example.com>... User unknown, stat=User unknown",
     "kind=to; " IS
     "relay=mail.example.com. [192.0.2.80]; peer.name=mail.example.com; "
     "peer.ip=192.0.2.80; recipient=bob@example.com; "
     "recipients=<bob@example.com>; status=User unknown; dsn=5.1.1; reply=550 "
     "5.1.1 <bob@example.com>... User unknown; reason=User unknown; "
     "mailer=esmtp; delay=1; xdelay=1"},
    {"to: queued",
     ID "to=<m6@example.com>, delay=00:00:00, mailer=esmtp, pri=414261, "
        "stat=queued",
     "kind=to; " IS "recipient=m6@example.com; recipients=<m6@example.com>; "
     "status=queued; mailer=esmtp; delay=0"},
    {"to: quarantined",
     ID "to=<kevin@example.com>, delay=00:00:00, mailer=esmtp, pri=30195, "
        "quarantine=virus, relay=[203.0.113.66], found, stat=quarantined",
     "kind=to; " IS
     "recipient=kevin@example.com; recipients=<kevin@example.com>; "
     "status=quarantined; mailer=esmtp; delay=0"},
    {"to: the client left",
     ID "to=<ann@example.org>, delay=00:00:01, pri=0, stat=aborted by sender",
     "kind=to; unsent=yes; " IS "recipient=ann@example.org; "
     "recipients=<ann@example.org>; delay=1"},
    {"to: refused with its data",
     ID "to=<ann@example.org>, delay=00:00:00, pri=30046, dsn=5.7.1, "
        "stat=Spam score 12.3 too high",
     "kind=to; unsent=yes; " IS "recipient=ann@example.org; "
     "recipients=<ann@example.org>; delay=0"},
    {"to: quarantined, and no mailer",
     ID "to=<ann@example.org>, delay=00:00:00, pri=30046, "
        "quarantine=held, stat=quarantined",
     "kind=to; " IS "recipient=ann@example.org; "
     "recipients=<ann@example.org>; status=quarantined; delay=0"},
    {"to: discarded, and no mailer",
     ID "to=<ann@example.org>, delay=00:00:00, pri=30046, stat=discarded",
     "kind=to; " IS "recipient=ann@example.org; "
     "recipients=<ann@example.org>; status=discarded; delay=0"},
    {"to: a user who does not exist",
     ID "to=nosuch@example.org, delay=00:00:00, mailer=local, pri=0, "
        "dsn=5.1.1, reply=550 5.1.1 User unknown, stat=User unknown",
     "kind=to; " IS "recipient=nosuch@example.org; "
     "recipients=nosuch@example.org; status=User unknown; dsn=5.1.1; "
     "reply=550 5.1.1 User unknown; reason=User unknown; mailer=local; "
     "delay=0"},
    {"to: several, long list",
     ID "to=<a@example.com>,<\"b,c\"@example.com>,d@example.com [more], "
        "delay=00:00:00, mailer=esmtp, pri=414261, stat=queued",
     "kind=to; " IS "recipient=a@example.com; "
     "recipients=<a@example.com>,<\"b,c\"@example.com>,d@"
     "example.com; status=queued; mailer=esmtp; delay=0"},
    {"to: controlling user",
     ID
     "to=x@example.com, ctladdr=<list@example.com> (103/106), delay=00:00:00, "
     "xdelay=00:00:00, mailer=relay, pri=30115, relay=[192.0.2.1] [192.0.2.1], "
     "dsn=4.4.1, stat=Deferred: Connection refused by [192.0.2.1]",
     "kind=to; " IS "relay=[192.0.2.1] [192.0.2.1]; peer.ip=192.0.2.1; "
     "recipient=x@example.com; recipients=x@example.com; status=Deferred: "
     "Connection refused by [192.0.2.1]; dsn=4.4.1; mailer=relay; "
     "ctladdr=list@example.com; delay=0; xdelay=0"},
    {"to: a .forward that holds no address",
     ID "to=this is (bad, ctladdr=<rob@example.org> (1017/1000), "
        "delay=00:00:00, mailer=local, pri=120056, dsn=5.1.1, "
        "reply=550 5.1.1 User unknown, stat=User unknown",
     "kind=to; garbled=yes; " IS "recipient=this is (bad; recipients=this is "
     "(bad; status=User unknown; dsn=5.1.1; reply=550 5.1.1 User unknown; "
     "reason=User unknown; mailer=local; ctladdr=rob@example.org; delay=0"},
    {"to: a .forward with a comma and a quote",
     ID "to=a, b \"c, ctladdr=rob (1017/1000), delay=00:00:00, mailer=local, "
        "pri=120056, dsn=5.1.1, stat=User unknown",
     "kind=to; garbled=yes; " IS "recipient=a, b \"c; recipients=a, b \"c; "
     "status=User unknown; dsn=5.1.1; mailer=local; ctladdr=rob; delay=0"},
    {"to: a .forward that names another user",
     ID "to=x (, ctladdr=<root@example.org> (0/0), ctladdr=<rob@example.org> "
        "(1017/1000), delay=00:00:00, mailer=local, pri=120056, dsn=5.1.1, "
        "stat=User unknown",
     "kind=to; hostile=yes; " IS "mailer=local; delay=0"},
    {"to: a .forward with a status of its own",
     ID "to=x (, delay=00:00:00, stat=Sent, ctladdr=<rob@example.org> "
        "(1017/1000), delay=00:00:00, mailer=local, pri=120056, dsn=5.1.1, "
        "stat=User unknown",
     "kind=to; hostile=yes; id=6AMHqPjw023674"},
    {"to: an open quote, and a user without ids",
     ID "to=x (, ctladdr=<rob@example.org>, delay=00:00:00, mailer=local, "
        "pri=120056, dsn=5.1.1, stat=User unknown",
     "kind=to; hostile=yes; " IS "mailer=local; delay=0"},
    {"to: a program",
     ID
     "to=\"|/usr/bin/vacation -a x, joe\", ctladdr=joe (8/0), delay=00:00:00, "
     "xdelay=00:00:00, mailer=prog, pri=30115, dsn=2.0.0, stat=Sent",
     "kind=to; " IS "recipient=\"|/usr/bin/vacation -a x, joe\"; "
     "recipients=\"|/usr/bin/vacation -a x, joe\"; status=Sent; "
     "dsn=2.0.0; mailer=prog; ctladdr=joe; delay=0; xdelay=0"},
    {"to: 8.8",
     "SAA12345: to=<joe@example.com>, ctladdr=<list@example.com> (1/1), "
     "delay=00:00:03, xdelay=00:00:02, mailer=smtp, relay=mail.example.com. "
     "[192.0.2.80], stat=Sent (ok dirdel)",
     "kind=to; id=SAA12345; relay=mail.example.com. [192.0.2.80]; "
     "peer.name=mail.example.com; peer.ip=192.0.2.80; "
     "recipient=joe@example.com; recipients=<joe@example.com>; status=Sent (ok "
     "dirdel); mailer=smtp; ctladdr=list@example.com; delay=3; xdelay=2"},
    {"to: 8.6, unknown", "AA12345: to=joe, delay=00:00:01, stat=User unknown",
     "kind=to; id=AA12345; recipient=joe; recipients=joe; status=User unknown; "
     "delay=1"},
    {"to: no delay", "SAA12345: to=<joe@example.com>, stat=Sent",
     "kind=to; id=SAA12345; recipient=joe@example.com; "
     "recipients=<joe@example.com>; status=Sent"},
    {"to: IPv6",
     ID
     "to=<george@[IPv6:2001:db8:bad::319]>, delay=1+21:51:04, xdelay=00:00:00, "
     "mailer=esmtp, pri=572400, relay=[ipv6:2001:db8:bad::319], dsn=4.4.1, "
     "stat=Deferred: [ipv6:2001:db8:bad::319]: Network is unreachable",
     "kind=to; " IS
     "relay=[ipv6:2001:db8:bad::319]; peer.ip=2001:db8:bad::319; "
     "recipient=george@[IPv6:2001:db8:bad::319]; "
     "recipients=<george@[IPv6:2001:db8:bad::319]>; status=Deferred: "
     "[ipv6:2001:db8:bad::319]: Network is unreachable; dsn=4.4.1; "
     "mailer=esmtp; delay=165064; xdelay=0"},
    {"to: a reply that says stat=Sent",
     ID
     "to=nouser@example.com, ctladdr=joe@example.net (0/0), delay=00:00:00, "
     "xdelay=00:00:00, mailer=esmtp, pri=30177, relay=[192.0.2.9] [192.0.2.9], "
     "dsn=5.1.1, reply=550 5.1.1 <nouser>: Recipient address rejected: User "
     "unknown, in virtual table, stat=Sent, stat=User unknown",
     "kind=to; hostile=yes; " IS
     "relay=[192.0.2.9] [192.0.2.9]; peer.ip=192.0.2.9; "
     "recipient=nouser@example.com; recipients=nouser@example.com; "
     "mailer=esmtp; ctladdr=joe@example.net; delay=0; xdelay=0"},
    {"to: a reply that says stat=Sent, cut before our own",
     ID "to=nouser@example.com, delay=00:00:00, xdelay=00:00:00, mailer=esmtp, "
        "pri=30177, relay=[192.0.2.9] [192.0.2.9], dsn=5.1.1, reply=550 5.1.1 "
        "<nouser>: , stat=Sent",
     "kind=to; hostile=yes; " IS
     "relay=[192.0.2.9] [192.0.2.9]; peer.ip=192.0.2.9; "
     "recipient=nouser@example.com; recipients=nouser@example.com; "
     "mailer=esmtp; delay=0; xdelay=0"},
    {"to: a reply that moves the relay",
     ID "to=<a@example.com>, delay=00:00:00, xdelay=00:00:00, mailer=esmtp, "
        "pri=30177, relay=a.example. [192.0.2.9], dsn=4.2.0, reply=450 x, "
        "relay=b.example. [203.0.113.66], mailer=local, stat=Deferred: 450 x, "
        "relay=c.example. [203.0.113.66]",
     "kind=to; " IS
     "relay=a.example. [192.0.2.9]; peer.name=a.example; peer.ip=192.0.2.9; "
     "recipient=a@example.com; recipients=<a@example.com>; status=Deferred: "
     "450 x, relay=c.example. [203.0.113.66]; dsn=4.2.0; reply=450 x, "
     "relay=b.example. [203.0.113.66], mailer=local; reason=x, "
     "relay=b.example. [203.0.113.66], mailer=local; mailer=esmtp; delay=0; "
     "xdelay=0"},
    {"to: a reply with a second dsn=",
     ID "to=<a@example.com>, delay=00:00:00, mailer=esmtp, pri=1, "
        "relay=a.example. [192.0.2.9], dsn=5.1.1, reply=550 x, dsn=2.0.0, "
        "stat=User unknown",
     "kind=to; hostile=yes; " IS
     "relay=a.example. [192.0.2.9]; peer.name=a.example; peer.ip=192.0.2.9; "
     "recipient=a@example.com; recipients=<a@example.com>; mailer=esmtp; "
     "delay=0"},
    {"to: a reply with the only dsn=",
     ID
     "to=<a@example.com>, delay=00:00:00, mailer=esmtp, pri=1, "
     "relay=a.example. [192.0.2.9], reply=550 x, dsn=2.0.0, stat=User unknown",
     "kind=to; " IS
     "relay=a.example. [192.0.2.9]; peer.name=a.example; peer.ip=192.0.2.9; "
     "recipient=a@example.com; recipients=<a@example.com>; status=User "
     "unknown; reply=550 x, dsn=2.0.0; reason=x, dsn=2.0.0; mailer=esmtp; "
     "delay=0"},
    {"to: an address with a delay",
     ID "to=<\"a, delay=00:00:00, relay=[203.0.113.66]\"@example.com>, "
        "delay=00:00:00, mailer=esmtp, pri=1, relay=a.example. [192.0.2.9], "
        "dsn=2.0.0, stat=Sent",
     "kind=to; hostile=yes; id=6AMHqPjw023674"},
    {"to: an address with a relay",
     ID "to=<\"a, relay=[203.0.113.66], mailer=local\"@example.com>, "
        "delay=00:00:00, mailer=esmtp, pri=1, relay=a.example. [192.0.2.9], "
        "dsn=2.0.0, stat=Sent",
     "kind=to; " IS
     "relay=a.example. [192.0.2.9]; peer.name=a.example; peer.ip=192.0.2.9; "
     "recipient=\"a, relay=[203.0.113.66], mailer=local\"@example.com; "
     "recipients=<\"a, relay=[203.0.113.66], mailer=local\"@example.com>; "
     "status=Sent; dsn=2.0.0; mailer=esmtp; delay=0"},
    {"to: an address with a user",
     ID "to=<\"a, ctladdr=<root@example.com> (0/0)\"@example.com>, ctladdr=joe "
        "(1/1), delay=00:00:00, mailer=esmtp, pri=1, relay=a.example. "
        "[192.0.2.9], dsn=2.0.0, stat=Sent",
     "kind=to; " IS
     "relay=a.example. [192.0.2.9]; peer.name=a.example; peer.ip=192.0.2.9; "
     "recipient=\"a, ctladdr=<root@example.com> (0/0)\"@example.com; "
     "recipients=<\"a, ctladdr=<root@example.com> (0/0)\"@example.com>; "
     "status=Sent; dsn=2.0.0; mailer=esmtp; ctladdr=joe; delay=0"},
    {"to: an address with a status",
     ID
     "to=<\"a, stat=Sent\"@example.com>, delay=00:00:00, mailer=esmtp, pri=1, "
     "relay=a.example. [192.0.2.9], dsn=5.0.0, stat=Service unavailable",
     "kind=to; hostile=yes; " IS
     "relay=a.example. [192.0.2.9]; peer.name=a.example; peer.ip=192.0.2.9; "
     "recipient=\"a, stat=Sent\"@example.com; recipients=<\"a, "
     "stat=Sent\"@example.com>; mailer=esmtp; delay=0"},
    {"to: sent, and not a success",
     ID "to=<a@example.com>, delay=00:00:00, mailer=esmtp, pri=1, "
        "relay=a.example. [192.0.2.9], dsn=4.0.0, stat=Sent",
     "kind=to; hostile=yes; " IS
     "relay=a.example. [192.0.2.9]; peer.name=a.example; peer.ip=192.0.2.9; "
     "recipient=a@example.com; recipients=<a@example.com>; mailer=esmtp; "
     "delay=0"},
    {"to: first part of a split line",
     "6AMHqPjw023674[1]: to=<a@example.com>, delay=00:00:00, mailer=esmtp, "
     "pri=1, relay=a.example. [192.0.2.9], dsn=5.1.1, reply=550 x, stat=Sent "
     "...",
     "kind=to; hostile=yes; split=yes; " IS
     "relay=a.example. [192.0.2.9]; peer.name=a.example; peer.ip=192.0.2.9; "
     "recipient=a@example.com; recipients=<a@example.com>; mailer=esmtp; "
     "delay=0"},
    {"a later part of a split line", "6AMHqPjw023674[2]: , stat=Sent",
     "kind=notice; continued=yes; id=6AMHqPjw023674"},
    {"NOQUEUE in parts", "NOQUEUE[1]: SYSERR(root): a very long text ...",
     "kind=system; split=yes; reason=a very long text"},
    /* born and done */
    {"dsn: failure", ID "6AMHqPjx023674: DSN: User unknown",
     "kind=dsn; " IS "reason=User unknown; command=DSN; child=6AMHqPjx023674"},
    {"dsn: sender notify",
     ID "6AMHqPjx023674: sender notify: Warning: could not send message for "
        "past 4 hours",
     "kind=dsn; " IS "reason=Warning: could not send message for past 4 hours; "
     "command=sender notify; child=6AMHqPjx023674"},
    {"dsn: return to sender",
     ID "6AMHqPjx023674: return to sender: Service unavailable",
     "kind=dsn; " IS "reason=Service unavailable; command=return to sender; "
     "child=6AMHqPjx023674"},
    {"dsn: postmaster",
     "NAA03712: NAB03712: postmaster notify: Host unknown (Name server: "
     "x.example: host not found)",
     "kind=dsn; id=NAA03712; reason=Host unknown (Name server: x.example: host "
     "not found); command=postmaster notify; child=NAB03712"},
    {"dsn: receipt", ID "6AMHqPjx023674: DSN: Return receipt",
     "kind=dsn; " IS
     "reason=Return receipt; command=DSN; child=6AMHqPjx023674"},
    {"clone of a list by 8.11", "KAA00812: clone KAA00811, owner=owner-list",
     "kind=clone; id=KAA00811; sender=owner-list; child=KAA00812"},
    {"clone of a list by 8.11, but ids of today",
     ID "clone 6AMHqPjx023674, owner=y",
     "kind=notice; " IS "reason=clone 6AMHqPjx023674, owner=y"},
    {"clone of a list by 8.11, but no id", "KAA00812: clone x\", owner=y",
     "kind=notice; id=KAA00812; reason=clone x\", owner=y"},
    {"clone of a list", ID "6AMHqPjx023674: clone: owner=root",
     "kind=clone; " IS "sender=root; child=6AMHqPjx023674"},
    {"split by recipients",
     ID "split: count=2, ids=6AMHqPjx023674; 6AMHqPjy023674",
     "kind=clone; " IS "child=6AMHqPjx023674; 6AMHqPjy023674; count=2"},
    {"split by too many recipients",
     ID "split: maxrcpts=1, rcpts=3, count=2, id=6AMHqPjx023674",
     "kind=clone; " IS "child=6AMHqPjx023674; count=2"},
    {"done", ID "done; delay=1+00:00:03, ntries=7",
     "kind=done; " IS "delay=86403; tries=7"},
    {"discarded", ID "discarded", "kind=notice; " IS "reason=discarded"},
    /* replies */
    {"reply: unknown user", ID "<bob@example.com>... User unknown",
     "kind=reply; " IS "recipient=bob@example.com; reason=User unknown"},
    {"reply: 8.8", "SAA12345: <bob@example.com>... User unknown",
     "kind=reply; id=SAA12345; recipient=bob@example.com; reason=User unknown"},
    {"reply: without <>", "SAA12345: bob... User unknown",
     "kind=reply; id=SAA12345; recipient=bob; reason=User unknown"},
    {"reply: a name like one of our words", "SAA12345: ldap... User unknown",
     "kind=reply; id=SAA12345; recipient=ldap; reason=User unknown"},
    {"reply: no queue id", "NOQUEUE: <bob@example.com>... Relaying denied",
     "kind=reply; recipient=bob@example.com; reason=Relaying denied"},
    {"reply: codes", ID "550 5.1.1 <bob@example.com>... User unknown",
     "kind=reply; " IS
     "recipient=bob@example.com; reply=550 5.1.1 <bob@example.com>... User "
     "unknown; reason=User unknown"},
    {"reply: an address with our words",
     ID "<\"a>... User unknown \"@example.com>... Relaying denied",
     "kind=reply; " IS
     "recipient=\"a>... User unknown \"@example.com; reason=Relaying denied"},
    {"reply: middle of a quoted address cut out",
     ID "<\"aaaa...bbb@example.com>... User unknown",
     "kind=reply; " IS
     "recipient=\"aaaa...bbb@example.com; reason=User unknown"},
    {"reply: no address", ID "Too many recipients",
     "kind=reply; " IS "reason=Too many recipients"},
    {"reply: dialogue is no second rejection",
     ID "--- 550 5.1.1 <a@example.com>... User unknown",
     "kind=notice; " IS "reason=--- 550 5.1.1 <a@example.com>... User unknown"},
    {"dialogue: an empty command", ID "<-- ", "kind=notice; " IS "reason=<--"},
    {"dialogue: an empty answer", ID ">>> ", "kind=notice; " IS "reason=>>>"},
    {"dialogue: no blank, no dialogue", ID "<--x",
     "kind=other; id=6AMHqPjw023674"},
    {"dialogue of the peer", ID "<-- RCPT TO:<a@example.com>... x",
     "kind=notice; " IS "reason=<-- RCPT TO:<a@example.com>... x"},
    /* rulesets */
    {"ruleset: relaying denied",
     ID "ruleset=check_rcpt, arg1=<bob@example.com>, relay=[192.0.2.9], "
        "reject=550 5.7.1 <bob@example.com>... Relaying denied. IP name lookup "
        "failed [192.0.2.9]",
     "kind=ruleset; " IS
     "relay=[192.0.2.9]; peer.ip=192.0.2.9; recipient=bob@example.com; "
     "reply=550 5.7.1 <bob@example.com>... Relaying denied. IP name lookup "
     "failed [192.0.2.9]; reason=Relaying denied. IP name lookup failed "
     "[192.0.2.9]; ruleset=check_rcpt"},
    {"ruleset: sender",
     ID "ruleset=check_mail, arg1=<bob@example.com>, relay=a.example.net "
        "[192.0.2.9] (may be forged), reject=553 5.1.8 <bob@example.com>... "
        "Domain of sender address bob@example.com does not exist",
     "kind=ruleset; " IS "relay=a.example.net [192.0.2.9] (may be forged); "
     "peer.name=a.example.net; peer.ip=192.0.2.9; peer.forged=yes; "
     "sender=bob@example.com; reply=553 5.1.8 <bob@example.com>... Domain of "
     "sender address bob@example.com does not exist; reason=Domain of sender "
     "address bob@example.com does not exist; ruleset=check_mail"},
    {"ruleset: connection, no id",
     "ruleset=check_relay, arg1=[192.0.2.9], arg2=192.0.2.9, "
     "relay=[192.0.2.9], reject=421 4.3.2 Connection rate limit exceeded.",
     "kind=ruleset; relay=[192.0.2.9]; peer.ip=192.0.2.9; reply=421 4.3.2 "
     "Connection rate limit exceeded.; reason=Connection rate limit exceeded.; "
     "ruleset=check_relay"},
    {"ruleset: connection, 8.9",
     "NOQUEUE: ruleset=check_relay, arg1=spam.example.net, arg2=192.0.2.9, "
     "relay=spam.example.net [192.0.2.9], reject=550 Mail from 192.0.2.9 "
     "rejected",
     "kind=ruleset; relay=spam.example.net [192.0.2.9]; "
     "peer.name=spam.example.net; peer.ip=192.0.2.9; reply=550 Mail from "
     "192.0.2.9 rejected; reason=Mail from 192.0.2.9 rejected; "
     "ruleset=check_relay"},
    {"ruleset: discard",
     ID
     "ruleset=check_rcpt, arg1=<bob@example.com>, relay=[192.0.2.9], discard",
     "kind=ruleset; " IS
     "relay=[192.0.2.9]; peer.ip=192.0.2.9; recipient=bob@example.com; "
     "reason=discard; ruleset=check_rcpt"},
    {"ruleset: quarantine",
     ID "ruleset=check_rcpt, arg1=<bob@example.com>, relay=[192.0.2.9], "
        "quarantine=bad, very bad",
     "kind=ruleset; " IS
     "relay=[192.0.2.9]; peer.ip=192.0.2.9; recipient=bob@example.com; "
     "reason=bad, very bad; ruleset=check_rcpt"},
    {"ruleset: no relay",
     ID "ruleset=check_rcpt, arg1=<bob@example.com>, reject=550 5.7.1 "
        "<bob@example.com>... Relaying denied",
     "kind=ruleset; " IS
     "recipient=bob@example.com; reply=550 5.7.1 <bob@example.com>... Relaying "
     "denied; reason=Relaying denied; ruleset=check_rcpt"},
    {"ruleset: TLS",
     "ruleset=tls_server, arg1=SOFTWARE, relay=mx.example.net, reject=454 "
     "4.7.0 TLS handshake failed.",
     "kind=ruleset; relay=mx.example.net; peer.name=mx.example.net; reply=454 "
     "4.7.0 TLS handshake failed.; reason=TLS handshake failed.; "
     "ruleset=tls_server"},
    {"ruleset: an address with our words, twice",
     ID "ruleset=check_rcpt, arg1=<\"x, relay=[203.0.113.66], reject=550 "
        "y\"@example.com>, relay=[192.0.2.9], reject=550 5.7.1 <\"x, "
        "relay=[203.0.113.66], reject=550 y\"@example.com>... Relaying denied",
     "kind=ruleset; " IS "relay=[192.0.2.9]; peer.ip=192.0.2.9; recipient=\"x, "
     "relay=[203.0.113.66], reject=550 y\"@example.com; reply=550 5.7.1 <\"x, "
     "relay=[203.0.113.66], reject=550 y\"@example.com>... Relaying denied; "
     "reason=Relaying denied; ruleset=check_rcpt"},
    {"ruleset: a comment with our words",
     ID "ruleset=check_mail, arg1=a(, relay=[203.0.113.66], "
        "reject=)@example.com, relay=[192.0.2.9], reject=550 5.7.1 no",
     "kind=ruleset; " IS
     "relay=[192.0.2.9]; peer.ip=192.0.2.9; sender=a(, relay=[203.0.113.66], "
     "reject=)@example.com; reply=550 5.7.1 no; reason=no; ruleset=check_mail"},
    {"ruleset: an unclosed address, relay twice",
     ID "ruleset=check_rcpt, arg1=<\"x...y@example.com>, relay=[192.0.2.9], "
        "reject=550 5.7.1 a, relay=[203.0.113.66], reject=b",
     "kind=ruleset; hostile=yes; " IS "ruleset=check_rcpt"},
    {"ruleset: a header with our words",
     ID "ruleset=check_subject, arg1=hi, relay=[203.0.113.66], reject=550, "
        "relay=[192.0.2.9], reject=553 5.0.0 Header error",
     "kind=ruleset; " IS
     "relay=[192.0.2.9]; peer.ip=192.0.2.9; reply=553 5.0.0 Header error; "
     "reason=Header error; ruleset=check_subject"},
    /* sessions */
    {"lost: after a command",
     ID "lost input channel from ppp-36.example.net [198.18.40.46] (may be "
        "forged) to MTA-v4 after rcpt",
     "kind=lost; " IS "relay=ppp-36.example.net [198.18.40.46] (may be "
     "forged); peer.name=ppp-36.example.net; "
     "peer.ip=198.18.40.46; peer.forged=yes; command=rcpt"},
    {"lost: old",
     "NAA03712: lost input channel from ppp-36.example.net [198.18.40.46]",
     "kind=lost; id=NAA03712; relay=ppp-36.example.net [198.18.40.46]; "
     "peer.name=ppp-36.example.net; peer.ip=198.18.40.46"},
    {"lost: to daemon, old",
     "NAA03712: lost input channel from [198.18.40.46] to MTA",
     "kind=lost; id=NAA03712; relay=[198.18.40.46]; peer.ip=198.18.40.46"},
    {"lost: identd with our words",
     ID "lost input channel from [203.0.113.66] to MTA after "
        "rcpt@ppp-36.example.net [198.18.40.46] to MTA-v4 after mail",
     "kind=lost; " IS
     "relay=[203.0.113.66] to MTA after rcpt@ppp-36.example.net "
     "[198.18.40.46]; peer.ident=[203.0.113.66] to MTA after rcpt; "
     "peer.name=ppp-36.example.net; peer.ip=198.18.40.46; command=mail"},
    {"lost: timeout",
     ID "timeout waiting for input from [192.0.2.9] during server cmd read",
     "kind=lost; " IS
     "relay=[192.0.2.9]; peer.ip=192.0.2.9; command=server cmd read"},
    {"lost: timeout of a client",
     ID "timeout waiting for input from mx.example.net. during client greeting",
     "kind=lost; " IS "relay=mx.example.net.; peer.name=mx.example.net; "
     "command=client greeting"},
    {"lost: body", ID "collect: premature EOM: unexpected close",
     "kind=lost; " IS "reason=unexpected close"},
    {"lost: body, whose",
     ID "collect: relay=[192.0.2.9], from=<\"a, info=x\"@example.com>, "
        "info=unexpected close",
     "kind=lost; " IS "relay=[192.0.2.9]; peer.ip=192.0.2.9; sender=\"a, "
     "info=x\"@example.com; reason=unexpected close"},
    {"no command",
     ID "c158.example.net [198.18.41.168] did not issue MAIL/EXPN/VRFY/ETRN "
        "during connection to MTA-v4",
     "kind=no-command; " IS
     "relay=c158.example.net [198.18.41.168]; peer.name=c158.example.net; "
     "peer.ip=198.18.41.168"},
    {"no command, 8.9", "NOQUEUE: Null connection from root@localhost",
     "kind=no-command; relay=root@localhost; peer.ident=root; "
     "peer.name=localhost"},
    {"no command, old",
     "NOQUEUE: [192.0.2.9] did not issue MAIL/EXPN/VRFY/ETRN during connection",
     "kind=no-command; relay=[192.0.2.9]; peer.ip=192.0.2.9"},
    {"flood",
     ID
     "ppp-13.example.net [198.18.40.23]: Possible SMTP RCPT flood, throttling.",
     "kind=flood; " IS "relay=ppp-13.example.net [198.18.40.23]; "
     "peer.name=ppp-13.example.net; peer.ip=198.18.40.23"},
    {"flood, closed",
     ID "[198.18.40.23]: Possible SMTP RCPT flood, shutting down connection.",
     "kind=flood; " IS "relay=[198.18.40.23]; peer.ip=198.18.40.23"},
    {"attack",
     ID "[203.0.113.190]: possible SMTP attack: command=VRFY, count=6",
     "kind=attack; " IS
     "relay=[203.0.113.190]; peer.ip=203.0.113.190; command=VRFY; count=6"},
    {"attack, of old: unknown number",
     "NOQUEUE: h.example.net [203.0.113.190]: "
     "HELO/EHLO attack?",
     "kind=attack; relay=h.example.net [203.0.113.190]; "
     "peer.name=h.example.net; peer.ip=203.0.113.190; command=HELO/EHLO"},
    {"attack, of old: a command that asks",
     "NOQUEUE: [203.0.113.190]: VRFY attack?",
     "kind=attack; relay=[203.0.113.190]; peer.ip=203.0.113.190; command=VRFY"},
    {"attack, of old: behind a question",
     "NOQUEUE: [203.0.113.190]: VRFY x: VRFY attack?",
     "kind=probe; relay=[203.0.113.190]; peer.ip=203.0.113.190; "
     "recipient=x: VRFY attack?; command=VRFY"},
    {"probe: vrfy", ID "[203.0.113.190]: VRFY bob@example.com",
     "kind=probe; " IS "relay=[203.0.113.190]; peer.ip=203.0.113.190; "
     "recipient=bob@example.com; command=VRFY"},
    {"probe: expn, rejected",
     ID "joe@a.example.net [203.0.113.190]: EXPN staff [rejected]",
     "kind=probe; " IS "relay=joe@a.example.net [203.0.113.190]; "
     "peer.ident=joe; peer.name=a.example.net; "
     "peer.ip=203.0.113.190; recipient=staff; command=EXPN"},
    {"probe: as it was typed", "NOQUEUE: [203.0.113.190]: Vrfy root",
     "kind=probe; relay=[203.0.113.190]; peer.ip=203.0.113.190; "
     "recipient=root; command=Vrfy"},
    {"probe: etrn", ID "[203.0.113.190]: ETRN x",
     "kind=probe; " IS
     "relay=[203.0.113.190]; peer.ip=203.0.113.190; command=ETRN"},
    {"probe: the argument has another peer",
     ID "[203.0.113.190]: VRFY x [203.0.113.66]: VRFY y",
     "kind=probe; " IS "relay=[203.0.113.190]; peer.ip=203.0.113.190; "
     "recipient=x [203.0.113.66]: VRFY y; command=VRFY"},
    {"probe: the argument looks like a flood, and is none",
     ID "[203.0.113.190]: VRFY x [203.0.113.66]: Possible SMTP RCPT flood, "
        "throttling.",
     "kind=probe; " IS "relay=[203.0.113.190]; peer.ip=203.0.113.190; "
     "recipient=x [203.0.113.66]: Possible SMTP RCPT flood, throttling.; "
     "command=VRFY"},
    {"flood: identd or an argument lies",
     ID "x [203.0.113.66]: VRFY y@[192.0.2.9]: Possible SMTP RCPT flood, "
        "throttling.",
     "kind=flood; hostile=yes; id=6AMHqPjw023674"},
    {"probe: identd or the argument lies",
     ID "[203.0.113.190]: VRFY a@b.example [203.0.113.66]: VRFY y",
     "kind=probe; hostile=yes; id=6AMHqPjw023674"},
    {"proxy",
     ID "[203.0.113.210]: probable open proxy: command=GET / HTTP/1.0\\r\\n",
     "kind=proxy; " IS "relay=[203.0.113.210]; peer.ip=203.0.113.210; "
     "command=GET / HTTP/1.0\\r\\n"},
    {"pregreet",
     ID "rejecting commands from [203.0.113.240] [203.0.113.240] due to "
        "pre-greeting traffic after 0 seconds",
     "kind=pregreet; " IS
     "relay=[203.0.113.240] [203.0.113.240]; peer.ip=203.0.113.240; "
     "reason=pre-greeting traffic after 0 seconds; command=commands"},
    {"pregreet: a command",
     ID "rejecting server EHLO from a.example.net [203.0.113.240] due to "
        "traffic before response",
     "kind=pregreet; " IS
     "relay=a.example.net [203.0.113.240]; peer.name=a.example.net; "
     "peer.ip=203.0.113.240; reason=traffic before response; command=server "
     "EHLO"},
    {"peer: too long",
     ID "a.example.net [203.0.113.240]: SMTP violation, input too long: 2049",
     "kind=peer; " IS "relay=a.example.net [203.0.113.240]; "
     "peer.name=a.example.net; peer.ip=203.0.113.240"},
    {"peer: wiz",
     "NOQUEUE: \"wiz\" command from a.example.net [192.0.2.9] (192.0.2.9)",
     "kind=peer; relay=a.example.net [192.0.2.9]; peer.name=a.example.net; "
     "peer.ip=192.0.2.9; command=wiz"},
    {"peer: a command of nothing",
     "NOQUEUE: \"\" command from [192.0.2.9] (192.0.2.9)",
     "kind=peer; relay=[192.0.2.9]; peer.ip=192.0.2.9; command="},
    {"peer: a quote, and no command", "\" command from ", "kind=other"},
    {"peer: pipelining",
     "NOQUEUE: unauthorized PIPELINING, sleeping, relay=[192.0.2.9]",
     "kind=peer; relay=[192.0.2.9]; peer.ip=192.0.2.9"},
    {"peer: attack of old",
     "NAA03712: POSSIBLE ATTACK from [192.0.2.9]: newline in string \"x\"",
     "kind=peer; id=NAA03712; relay=[192.0.2.9]; peer.ip=192.0.2.9"},
    {"peer: headers",
     ID "headers too large (32768 max) from [192.0.2.9] during message collect",
     "kind=peer; " IS "relay=[192.0.2.9]; peer.ip=192.0.2.9"},
    {"peer: a header",
     ID "header overflow from [192.0.2.9] during message collect",
     "kind=peer; " IS "relay=[192.0.2.9]; peer.ip=192.0.2.9"},
    {"peer: bad domain", "NAA03712: invalid domain name (x) from [192.0.2.9]",
     "kind=peer; id=NAA03712; relay=[192.0.2.9]; peer.ip=192.0.2.9"},
    {"peer: tcpwrappers",
     "NOQUEUE: tcpwrappers (mail.scan.example, 198.51.100.200) rejection",
     "kind=peer; relay=198.51.100.200; peer.ip=198.51.100.200; "
     "reason=tcpwrappers (mail.scan.example, 198.51.100.200) rejection"},
    {"peer: tcpwrappers, a PTR record with our words",
     "NOQUEUE: tcpwrappers (a, 192.0.2.66) rejection, IPv6:2001:db8::17) "
     "rejection",
     "kind=peer; relay=IPv6:2001:db8::17; peer.ip=2001:db8::17; "
     "reason=tcpwrappers (a, 192.0.2.66) rejection, IPv6:2001:db8::17) "
     "rejection"},
    {"peer: tcpwrappers and no address",
     "NOQUEUE: tcpwrappers (a, b) rejection",
     "kind=peer; reason=tcpwrappers (a, b) rejection"},
    {"peer: tcpwrappers, and more behind",
     "NOQUEUE: tcpwrappers (a, 192.0.2.66) rejection of x",
     "kind=peer; reason=tcpwrappers (a, 192.0.2.66) rejection of x"},
    {"connect from", "NOQUEUE: connect from a.example.net [192.0.2.9]",
     "kind=notice; relay=a.example.net [192.0.2.9]; peer.name=a.example.net; "
     "peer.ip=192.0.2.9"},
    /* AUTH, TLS */
    {"auth: failure",
     ID "AUTH failure (LOGIN): user not found (-20) SASL(-13): user not found: "
        "checkpass failed, user=john, relay=[203.0.113.100]",
     "kind=auth; " IS
     "relay=[203.0.113.100]; peer.ip=203.0.113.100; user=john; reason=user not "
     "found (-20) SASL(-13): user not found: checkpass failed; command=LOGIN"},
    {"auth: a user with our words",
     ID "AUTH failure (LOGIN): authentication failure (-13) SASL(-13): "
        "authentication failure: x, user=a, relay=[203.0.113.66], user=b, "
        "relay=[203.0.113.100]",
     "kind=auth; " IS "relay=[203.0.113.100]; peer.ip=203.0.113.100; user=a, "
     "relay=[203.0.113.66], user=b; reason=authentication failure (-13) "
     "SASL(-13): authentication failure: x; command=LOGIN"},
    {"auth: no user",
     ID "AUTH failure (CRAM-MD5): bad protocol / cancel (-5) SASL(-5): bad "
        "protocol / cancel: x, relay=[203.0.113.100]",
     "kind=auth; " IS
     "relay=[203.0.113.100]; peer.ip=203.0.113.100; reason=bad protocol / "
     "cancel (-5) SASL(-5): bad protocol / cancel: x; command=CRAM-MD5"},
    {"auth: no base64",
     ID "AUTH decode64 error [1 for \"!!!\"], relay=a.example.net [192.0.2.9]",
     "kind=peer; " IS "relay=a.example.net [192.0.2.9]; "
     "peer.name=a.example.net; peer.ip=192.0.2.9"},
    {"auth: no base64, but our words",
     ID "AUTH decode64 error [1 for \"x\"], relay=[192.0.2.66]\"], "
        "relay=[192.0.2.9]",
     "kind=peer; " IS "relay=[192.0.2.9]; peer.ip=192.0.2.9"},
    {"auth: no base64, and nobody",
     ID "AUTH decode64 error [1 for \"x, relay=[192.0.2.66]",
     "kind=notice; id=6AMHqPjw023674"},
    {"auth: done",
     "AUTH=server, relay=a.example.net [192.0.2.9], authid=joe, mech=PLAIN, "
     "bits=0",
     "kind=auth-ok; relay=a.example.net [192.0.2.9]; peer.name=a.example.net; "
     "peer.ip=192.0.2.9; user=joe; command=PLAIN"},
    {"auth: our own",
     "AUTH=client, relay=mail.example.com., mech=PLAIN, bits=0", "kind=notice"},
    {"auth: our own, that cannot be",
     ID "AUTH=client, available mechanisms do not fulfill requirements",
     "kind=system; " IS "reason=available mechanisms do not fulfill "
     "requirements"},
    {"auth: our own, that fails",
     "AUTH=client, relay=mail.example.com., temporary failure, connection "
     "abort",
     "kind=system; reason=relay=mail.example.com., temporary failure, "
     "connection abort"},
    {"auth: our own, by the library's words", "No worthy mechs found",
     "kind=system; reason=No worthy mechs found"},
    {"peer: a sender that cannot be read",
     "setsender: |/bin/sh, received from x: invalid or unparsable, received "
     "from a.example.net [192.0.2.9]",
     "kind=peer; relay=a.example.net [192.0.2.9]; peer.name=a.example.net; "
     "peer.ip=192.0.2.9"},
    {"peer: whom the library refused, without a name",
     "refused connect from 192.0.2.9",
     "kind=peer; relay=192.0.2.9; peer.ip=192.0.2.9"},
    {"peer: a sender that cannot be read, our words in it",
     "setsender: x, received from [192.0.2.66]",
     "kind=system; reason=setsender: x, received from [192.0.2.66]"},
    {"peer: whom the library refused", "refused connect from a.example.net",
     "kind=peer; relay=a.example.net; peer.name=a.example.net"},
    {"auth: the library of a table", "auxpropfunc error no mechanism available",
     "kind=system; reason=auxpropfunc error no mechanism available"},
    {"tls: server",
     "STARTTLS=server, relay=mx2.example.org [192.0.2.25], version=TLSv1.3, "
     "verify=NO, cipher=TLS_AES_256_GCM_SHA384, bits=256/256",
     "kind=tls; relay=mx2.example.org [192.0.2.25]; peer.name=mx2.example.org; "
     "peer.ip=192.0.2.25; command=server; protocol=TLSv1.3; "
     "cipher=TLS_AES_256_GCM_SHA384; verify=NO"},
    {"tls: client",
     "STARTTLS=client, relay=mail.example.com., version=TLSv1.3, verify=FAIL, "
     "cipher=TLS_AES_256_GCM_SHA384, bits=256/256",
     "kind=tls; relay=mail.example.com.; peer.name=mail.example.com; "
     "command=client; protocol=TLSv1.3; cipher=TLS_AES_256_GCM_SHA384; "
     "verify=FAIL"},
    {"tls: client's error",
     "STARTTLS=client, error: connect failed=-1, reason=wrong version number, "
     "SSL_error=1, errno=0, retry=-1",
     "kind=tls; reason=wrong version number; command=client"},
    {"tls: server's error",
     "STARTTLS=server, error: accept failed=-1, reason=no shared cipher, "
     "SSL_error=1, errno=0, retry=-1, relay=[192.0.2.9]",
     "kind=tls; relay=[192.0.2.9]; peer.ip=192.0.2.9; reason=no shared cipher; "
     "command=server"},
    {"tls: read error", "STARTTLS: read error=timeout",
     "kind=tls; reason=read error=timeout"},
    {"tls: certificate",
     "STARTTLS=client, cert-subject=/CN=x, cert-issuer=/CN=y, verifymsg=self "
     "signed certificate",
     "kind=tls; reason=cert-subject=/CN=x, cert-issuer=/CN=y, verifymsg=self "
     "signed certificate; command=client"},
    /* milters */
    {"milter: header",
     ID "Milter (labmilter) add: header: X-Scanned-By: labmilter 0.1",
     "kind=milter; " IS
     "reason=add: header: X-Scanned-By: labmilter 0.1; ruleset=labmilter"},
    {"milter: broken", ID "Milter (labmilter): to error state",
     "kind=milter; " IS "reason=to error state; ruleset=labmilter"},
    {"milter: data",
     ID "Milter: data, reject=554 5.7.1 Spam score 9.1 too high",
     "kind=milter; " IS "reply=554 5.7.1 Spam score 9.1 too high; reason=Spam "
     "score 9.1 too high; command=data"},
    {"milter: from",
     ID
     "Milter: from=<joe@example.com>, reject=451 4.7.1 Please try again later",
     "kind=milter; " IS
     "sender=joe@example.com; reply=451 4.7.1 Please try again later; "
     "reason=Please try again later; command=from"},
    {"milter: to, with our words",
     ID "Milter: to=<\"a, reject=550 x\"@example.com>, reject=550 5.7.1 "
        "Command rejected",
     "kind=milter; " IS
     "recipient=\"a, reject=550 x\"@example.com; reply=550 5.7.1 Command "
     "rejected; reason=Command rejected; command=to"},
    {"milter: discard", ID "Milter: data, discard",
     "kind=milter; " IS "reason=discard; command=data"},
    {"milter: connection",
     "NOQUEUE: Milter: connect: host=a.example.net, addr=192.0.2.9, rejecting "
     "commands",
     "kind=milter; relay=192.0.2.9; peer.name=a.example.net; "
     "peer.ip=192.0.2.9; reason=rejecting commands; command=connect"},
    {"milter: action", ID "milter=labmilter, action=rcpt, reject=550 5.7.1 no",
     "kind=milter; " IS
     "reason=reject=550 5.7.1 no; ruleset=labmilter; command=rcpt"},
    {"milter: answer at the end of the data",
     ID "milter=labmilter, reject=554 5.7.1 Spam score 12.3 too high",
     "kind=milter; " IS
     "reason=reject=554 5.7.1 Spam score 12.3 too high; ruleset=labmilter"},
    {"milter: quarantine", ID "milter=labmilter, quarantine=virus EICAR",
     "kind=milter; " IS "reason=virus EICAR; ruleset=labmilter"},
    {"milter: none", ID "Milter: no active filter",
     "kind=milter; " IS "reason=no active filter"},
    /* daemon */
    {"refusing: load",
     "rejecting connections on daemon MTA-v4: load average: 14",
     "kind=refusing; reason=load average: 14; command=MTA-v4"},
    {"refusing: children",
     "rejecting connections on daemon MTA: 40 children, max 40",
     "kind=refusing; reason=40 children, max 40; command=MTA"},
    {"refusing: 8.8", "NOQUEUE: rejecting connections: load average: 14",
     "kind=refusing; reason=load average: 14"},
    {"refusing: 8.9", "rejecting connections on port 25: 40 children, max 40",
     "kind=refusing; reason=40 children, max 40; command=port 25"},
    {"refusing: long",
     "have been rejecting connections on daemon MTA for 1+00:00:00",
     "kind=refusing; reason=1+00:00:00; command=MTA"},
    {"refusing: rate", "deferring connections on daemon MTA: 7 per second",
     "kind=refusing; reason=7 per second; command=MTA"},
    {"refusing: delay",
     "delaying connections on daemon MTA: load average=14 >= 12",
     "kind=refusing; reason=load average=14 >= 12; command=MTA"},
    {"no more refusing", "accepting connections again for daemon MTA",
     "kind=notice; reason=accepting connections again for daemon MTA"},
    {"connection failed",
     ID "makeconnection (mail.example.com. [192.0.2.80].25 (2)) failed: "
        "Connection refused",
     "kind=connect; " IS
     "relay=mail.example.com. [192.0.2.80]; peer.name=mail.example.com; "
     "peer.ip=192.0.2.80; reason=Connection refused"},
    {"system: a name in a file",
     ID "/home/joe/.forward: line 2: mike at... User unknown",
     "kind=system; " IS
     "reason=/home/joe/.forward: line 2: mike at... User unknown"},
    {"system: a .forward that is not safe",
     ID "forward /home/joe/.forward: Group writable directory",
     "kind=system; " IS
     "reason=forward /home/joe/.forward: Group writable directory"},
    {"reply: no name in a file", ID "/home/joe: line x... User unknown",
     "kind=reply; " IS "recipient=/home/joe: line x; reason=User unknown"},
    {"system: error",
     ID "SYSERR(root): readqf: ./qf6AMHqPjw023674: line 4: bad line \"@bogus\"",
     "kind=system; " IS
     "reason=readqf: ./qf6AMHqPjw023674: line 4: bad line \"@bogus\""},
    {"system: lost",
     ID "Losing ./qf6AMHqPjw023674: bogus file uid/gid in mqueue",
     "kind=system; " IS
     "reason=Losing ./qf6AMHqPjw023674: bogus file uid/gid in mqueue"},
    {"system: owner", ID "bogus queue file, uid=0, gid=0, mode=100666",
     "kind=system; " IS "reason=bogus queue file, uid=0, gid=0, mode=100666"},
    {"system: space",
     ID "low on space (SMTP-DAEMON needs 100 bytes + 100 blocks in "
        "/var/spool/mqueue), max avail: 40",
     "kind=system; " IS "reason=low on space (SMTP-DAEMON needs 100 bytes + "
     "100 blocks in /var/spool/mqueue), max avail: 40"},
    {"system: no space", "rejecting new messages: min free: 100",
     "kind=system; reason=rejecting new messages: min free: 100"},
    {"system: warning",
     ID
     "Authentication-Warning: mx2.example.org: smmsp set sender to <> using -f",
     "kind=system; " IS "reason=Authentication-Warning: mx2.example.org: smmsp "
     "set sender to <> using -f"},
    {"peer: no HELO",
     ID "Authentication-Warning: mx2.example.org: a.example.net [192.0.2.9] "
        "didn't use HELO protocol",
     "kind=peer; " IS "relay=a.example.net [192.0.2.9]; "
     "peer.name=a.example.net; peer.ip=192.0.2.9; "
     "reason=Authentication-Warning: mx2.example.org: a.example.net "
     "[192.0.2.9] didn't use HELO protocol"},
    {"peer: a false HELO",
     ID "Authentication-Warning: mx2.example.org: Host [192.0.2.9] claimed to "
        "be x [192.0.2.66] claimed to be root set sender to y using -f",
     "kind=peer; " IS "relay=[192.0.2.9]; peer.ip=192.0.2.9; "
     "reason=Authentication-Warning: mx2.example.org: Host [192.0.2.9] "
     "claimed to be x [192.0.2.66] claimed to be root set sender to y using "
     "-f"},
    {"peer: a false HELO with our other words",
     ID "Authentication-Warning: mx2.example.org: Host [192.0.2.9] claimed to "
        "be x[192.0.2.66] didn't use HELO protocol",
     "kind=peer; " IS "relay=[192.0.2.9]; peer.ip=192.0.2.9; "
     "reason=Authentication-Warning: mx2.example.org: Host [192.0.2.9] "
     "claimed to be x[192.0.2.66] didn't use HELO protocol"},
    {"peer: an ident with our words",
     ID "Authentication-Warning: mx2.example.org: Host x [192.0.2.66] claimed "
        "to be y@a.example.net [192.0.2.9] claimed to be z",
     "kind=peer; hostile=yes; id=6AMHqPjw023674"},
    {"peer: an ident with our other words",
     ID "Authentication-Warning: mx2.example.org: Host x [192.0.2.66] claimed "
        "to be y@a.example.net [192.0.2.9] didn't use HELO protocol",
     "kind=peer; hostile=yes; id=6AMHqPjw023674"},
    {"system: warning of a user with our words",
     ID "Authentication-Warning: mx2.example.org: Host set sender to x "
        "claimed to be y, didn't use HELO protocol using -f",
     "kind=system; " IS "reason=Authentication-Warning: mx2.example.org: Host "
     "set sender to x claimed to be y, didn't use HELO protocol using -f"},
    {"system: warning of nothing", "Authentication-Warning: ", "kind=other"},
    {"notice: start", "starting daemon (8.17.1.9): SMTP",
     "kind=notice; reason=starting daemon (8.17.1.9): SMTP"},
    {"notice: restart", "restarting /usr/sbin/sendmail due to signal",
     "kind=notice; reason=restarting /usr/sbin/sendmail due to signal"},
    {"notice: aliases", "alias database /etc/mail/aliases rebuilt by root",
     "kind=notice; reason=alias database /etc/mail/aliases rebuilt by root"},
    {"notice: more aliases",
     "/etc/mail/aliases: 40 aliases, longest 16 bytes, 500 bytes total",
     "kind=notice; reason=/etc/mail/aliases: 40 aliases, longest 16 bytes, 500 "
     "bytes total"},
    {"notice: quarantine", ID "quarantine=held by admin: suspected spam run",
     "kind=notice; " IS "reason=quarantine=held by admin: suspected spam run"},
    {"notice: worklist", "grew WorkList for /var/spool/mqueue to 2000",
     "kind=notice; reason=grew WorkList for /var/spool/mqueue to 2000"},
    {"notice: a clone of nobody's", "KAA00812: clone KAA00811",
     "kind=notice; id=KAA00812; reason=clone KAA00811"},
    {"notice: a clone without an id of its own",
     "clone KAA00811, owner=owner-list",
     "kind=notice; reason=clone KAA00811, owner=owner-list"},
    {"system: a feature of no release",
     "NOQUEUE: srvfeatures: unknown feature Z",
     "kind=system; reason=srvfeatures: unknown feature Z"},
    {"reply: nobody is named",
     ID "Sorry, NOTIFY not supported, we do not allow "
        "DSN",
     "kind=reply; " IS "reason=Sorry, NOTIFY not supported, we do not allow "
     "DSN"},
    {"other", ID "nobody ever wrote this", "kind=other; id=6AMHqPjw023674"},
    {"octal escapes stay", ID "<a\\012b\\\\c@example.com>... User unknown",
     "kind=reply; " IS
     "recipient=a\\012b\\\\c@example.com; reason=User unknown"},
    {"hand-named id",
     "-weird.id_1: to=<bob@example.com>, delay=00:00:01, xdelay=00:00:01, "
     "mailer=esmtp, pri=1, stat=queued",
     "kind=to; id=-weird.id_1; recipient=bob@example.com; "
     "recipients=<bob@example.com>; status=queued; mailer=esmtp; delay=1; "
     "xdelay=1"},
    {"id of 8.8 with punctuation",
     "N[A03712: <bob@example.com>... User unknown",
     "kind=reply; id=N[A03712; recipient=bob@example.com; reason=User unknown"},
    {"id of 8.11", "f8767xx30123: <bob@example.com>... User unknown",
     "kind=reply; id=f8767xx30123; recipient=bob@example.com; reason=User "
     "unknown"},
    {"id of a large pid", "6AMHqPjw4194304: <bob@example.com>... User unknown",
     "kind=reply; id=6AMHqPjw4194304; recipient=bob@example.com; reason=User "
     "unknown"},
};

enum { CASE_COUNT = sizeof cases / sizeof cases[0], TEXT_MAX = 2048 };

static struct slice case_line(const struct text_case *c, char text[TEXT_MAX])
{
    int len = snprintf(text, TEXT_MAX, HEADER "%s", c->text);

    assert_in_range(len, 1, TEXT_MAX - 1);
    return slice_make(text, (size_t)len);
}

static void texts_give_kind_and_fields(void **state)
{
    char text[TEXT_MAX];
    struct logline line;
    struct dump dump;
    struct guard guard;

    (void)state;
    guard_open(&guard, TEXT_MAX);
    for (size_t i = 0; i < CASE_COUNT; i++) {
        struct slice whole = guard_text(&guard, case_line(&cases[i], text));

        assert_int_equal(logline_parse(whole, NULL, &line), LOGLINE_OK);
        logline_dump(&line, &dump);
        assert_slice_is(slice_make(dump.text, dump.len), cases[i].want,
                        cases[i].title);
    }
    guard_close(&guard);
}

/* What is cut off may turn a line into another, never into a wrong address:
 * a field lies inside the line, and a hostile line has no status. */
static void check_cut(struct slice cut, void *context)
{
    struct logline line, again;
    struct dump dump, dump_again;

    (void)context;
    if (logline_parse(cut, NULL, &line) != LOGLINE_OK)
        return;
    if (!slice_is_absent(line.status)) {
        assert_true(line.status.ptr >= cut.ptr);
        assert_true(line.status.ptr + line.status.len <= cut.ptr + cut.len);
        assert_false(line.is_hostile);
    }
    logline_parse(cut, NULL, &again);
    logline_dump(&line, &dump);
    logline_dump(&again, &dump_again);
    assert_string_equal(dump.text, dump_again.text);
}

static void texts_cut_at_every_byte_stay_inside(void **state)
{
    char text[TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++)
        guard_cut_everywhere(case_line(&cases[i], text), check_cut, NULL);
}

/* The address of the peer is ours: text behind it cannot change it, nor what
 * stands inside a quoted address. */
static void a_forged_relay_never_wins(void **state)
{
    char text[TEXT_MAX];
    struct logline line;
    struct ip forged;

    (void)state;
    assert_true(ip_parse(SLICE_LITERAL("203.0.113.66"), &forged));
    for (size_t i = 0; i < CASE_COUNT; i++) {
        logline_parse(case_line(&cases[i], text), NULL, &line);
        if (line.peer.has_ip &&
            memcmp(&line.peer.ip, &forged, sizeof forged) == 0)
            fail_msg("%s: the forged address won", cases[i].title);
    }
}

/* ---- the usual form and any other ---- */

static struct dump dump_behind(const char *header, const char *text)
{
    char whole[2 * TEXT_MAX];
    struct logline line;
    struct dump dump;
    int len = snprintf(whole, sizeof whole, "%s%s", header, text);

    assert_in_range(len, 1, sizeof whole - 1);
    assert_int_equal(logline_parse(slice_make(whole, (size_t)len), NULL, &line),
                     LOGLINE_OK);
    logline_dump(&line, &dump);
    return dump;
}

static struct dump dump_of(const char *text)
{
    return dump_behind(HEADER ID, text);
}

/* One field more that nobody knows, behind delay=, takes a line out of the
 * usual form and says nothing: all else must be read the same. */
static void check_unusual(const char *usual, size_t behind_delay)
{
    char unusual[TEXT_MAX];
    struct dump dump = dump_of(usual), again;

    snprintf(unusual, sizeof unusual, "%.*s, zz=0%s", (int)behind_delay, usual,
             usual + behind_delay);
    again = dump_of(unusual);
    assert_string_equal(dump.text, again.text);
}

static void a_to_line_of_the_usual_form_is_read_like_any_other(void **state)
{
    static const char *const lines[] = {
        "to=<bob@example.com>, delay=1+00:00:02, xdelay=00:00:01, "
        "mailer=esmtp, pri=120000, relay=mx.example.com. [192.0.2.25], "
        "dsn=4.0.0, stat=Deferred: Connection refused by mx.example.com.",
        ("to=<bob@example.com>, delay=00:00:02, xdelay=00:00:01, mailer=esmtp, "
         "pri=120000, relay=mx.example.com. [192.0.2.25], dsn=5.1.1, reply=550 "
         "5.1.1 <bob@example.com>... User unknown, stat=User unknown"),
        ("to=<bob@example.com>, delay=00:00:02, xdelay=00:00:01, mailer=esmtp, "
         "pri=120000, stat=queued"),
    };
    static const char *const inserted[] = {
        ", stat=Sent",
        ", dsn=2.0.0",
        ", delay=00:00:01",
        ", xdelay=00:00:09",
        ", relay=[203.0.113.66]",
        ", reply=250 ok",
        ", quarantine=x",
        ", ctladdr=<ann@example.com> (8/0)",
        ", mailer=local",
        ", pri=1",
        ", ",
        ",",
        "<",
        ">",
        ">,<",
        "\"",
        "(",
        "\\",
        "[",
        " [more]",
    };
    char text[TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const char *line = lines[i];
        size_t delay = (size_t)(strstr(line, ", delay=") - line);
        size_t behind = (size_t)(strstr(line, ", xdelay=") - line);

        for (size_t at = 3; line[at] != '\0'; at++) {
            if (at > delay && at < behind + 9)
                continue;
            for (size_t j = 0; j < sizeof inserted / sizeof inserted[0]; j++) {
                snprintf(text, sizeof text, "%.*s%s%s", (int)at, line,
                         inserted[j], line + at);
                check_unusual(text, at > delay ? behind
                                               : behind + strlen(inserted[j]));
            }
            snprintf(text, sizeof text, "%.*s", (int)at, line);
            if (at > behind)
                check_unusual(text, behind);
        }
    }
}

/* Puts each of some texts at each place of a line behind its first bytes, cuts
 * the line there, and checks what comes out. */
static void change_behind(size_t first_bytes, const char *line,
                          void (*check)(const char *))
{
    static const char *const inserted[] = {
        ", size=7, class=0, nrcpts=7",
        ", msgid=<y>",
        ", bodytype=7BIT",
        ", proto=SMTP",
        ", auth=x",
        ", daemon=MSA",
        ", relay=[203.0.113.66]",
        ", version=TLSv1",
        ", verify=OK",
        ", cipher=X",
        ", bits=1/1",
        ", ",
        ",",
        "<",
        ">",
        ">,<",
        "\"",
        "(",
        "\\",
        "[",
        ": to=",
        "0",
        "-",
    };
    char text[TEXT_MAX];

    for (size_t at = first_bytes; line[at] != '\0'; at++) {
        for (size_t i = 0; i < sizeof inserted / sizeof inserted[0]; i++) {
            snprintf(text, sizeof text, "%.*s%s%s", (int)at, line, inserted[i],
                     line + at);
            check(text);
        }
        snprintf(text, sizeof text, "%.*s", (int)at, line);
        check(text);
    }
}

/* A blank before the address is nothing of it, and of no usual form. */
static void check_unusual_from(const char *behind_key)
{
    char usual[TEXT_MAX], unusual[TEXT_MAX];
    struct dump dump, again;

    snprintf(usual, sizeof usual, "from=%s", behind_key);
    snprintf(unusual, sizeof unusual, "from= %s", behind_key);
    dump = dump_of(usual);
    again = dump_of(unusual);
    assert_string_equal(dump.text, again.text);
}

static void a_from_line_of_the_usual_form_is_read_like_any_other(void **state)
{
    (void)state;
    change_behind(0,
                  "<joe@example.com>, size=177, class=-60, nrcpts=1, "
                  "msgid=<a@b>, bodytype=8BITMIME, proto=ESMTPS, "
                  "daemon=MTA-v4, relay=mx.example.com [192.0.2.25]",
                  check_unusual_from);
    change_behind(0,
                  "<>, size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA, "
                  "relay=[192.0.2.25]",
                  check_unusual_from);
}

/* Behind an id it is of no usual form. */
static void check_unusual_handshake(const char *text)
{
    struct dump dump = dump_behind(HEADER, text);
    struct dump again = dump_of(text);
    char *id = strstr(again.text, IS);

    assert_non_null(id);
    memmove(id, id + strlen(IS), strlen(id + strlen(IS)) + 1);
    assert_string_equal(dump.text, again.text);
}

static void a_handshake_of_the_usual_form_is_read_like_any_other(void **state)
{
    size_t known = strlen("STARTTLS=server, relay=");

    (void)state;
    change_behind(known,
                  "STARTTLS=server, relay=mx.example.com [192.0.2.25], "
                  "version=TLSv1.3, verify=NO, "
                  "cipher=TLS_AES_256_GCM_SHA384, bits=256/256",
                  check_unusual_handshake);
    change_behind(known,
                  "STARTTLS=client, relay=mail.example.com., "
                  "version=TLSv1.2, verify=FAIL, cipher=X, bits=128/128",
                  check_unusual_handshake);
}

static void a_delay_has_any_number_of_days(void **state)
{
    static const struct {
        const char *text;
        int64_t want_sec;
    } delays[] = {
        {"00:00:00", 0},
        {"23:59:59", 86399},
        {"99:99:99", 99 * 3600 + 99 * 60 + 99},
        {"0+00:00:01", 1},
        {"1+00:00:02", 86402},
        {"9+23:59:59", 9 * 86400 + 86399},
        {"10+00:00:00", 864000},
        {"09+00:00:00", 9 * 86400},
        {"2147483647+00:00:00", INT32_MAX * INT64_C(86400)},
        {"2147483648+00:00:00", -1},
        {"-1+00:00:00", -1},
        {"+00:00:00", -1},
        {"x+00:00:00", -1},
        {":+00:00:00", -1},
        {"/+00:00:00", -1},
        {"1-00:00:00", -1},
        {"1+00:00:0", -1},
        {"1+00.00:00", -1},
        {"0:00:00", -1},
        {"00:00:0x", -1},
        {"100:00:00", -1},
        {"", -1},
    };
    char text[TEXT_MAX];
    struct logline line;

    (void)state;
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        int len = snprintf(text, sizeof text,
                           HEADER ID "to=<bob@example.com>, delay=%s, "
                                     "xdelay=%s, mailer=esmtp, stat=queued",
                           delays[i].text, delays[i].text);

        logline_parse(slice_make(text, (size_t)len), NULL, &line);
        assert_int_equal(line.delay_sec, delays[i].want_sec);
        assert_int_equal(line.xdelay_sec, delays[i].want_sec);
    }
}

static const struct list_case {
    const char *list;
    const char *want[6];
} lists[] = {
    {"<a@example.com>,<b@example.com>", {"a@example.com", "b@example.com"}},
    {"a@example.com,b", {"a@example.com", "b"}},
    {"<\"a,b\"@example.com>,c", {"\"a,b\"@example.com", "c"}},
    {"\"|/usr/bin/x a,b\",c", {"\"|/usr/bin/x a,b\"", "c"}},
    {"<\"a\\\\\",b\"@example.com>,c", {"\"a\\\\\",b\"@example.com", "c"}},
    {"<\"a\\054,b\"@example.com>,c", {"\"a\\054,b\"@example.com", "c"}},
    {"<a,b@example.com>,c", {"a,b@example.com", "c"}},
    {"a(b,c)@example.com,d", {"a(b,c)@example.com", "d"}},
    {"\"never closed,c", {"\"never closed,c"}},
    {"<>,a", {"", "a"}},
    {"a,,b,", {"a", "", "b"}},
    {"", {NULL}},
};

static void commas_in_quotes_do_not_separate(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct slice rest = slice_from_string(lists[i].list);
        struct slice recipient;

        for (size_t j = 0; lists[i].want[j] != NULL; j++) {
            assert_true(logline_next_recipient(&rest, &recipient));
            assert_slice_is(recipient, lists[i].want[j], lists[i].list);
        }
        assert_false(logline_next_recipient(&rest, &recipient));
    }
}

/* ---- long and hostile ---- */

/* HEADER and text, then what repeated up to size bytes. */
static struct slice long_line(const char *text, const char *repeated,
                              size_t size)
{
    char *line = malloc(size);
    size_t len = (size_t)snprintf(line, size, HEADER "%s", text);

    assert_non_null(line);
    for (size_t i = 0; len < size; i++, len++)
        line[len] = repeated[i % strlen(repeated)];
    return slice_make(line, size);
}

static void long_hostile_lines_are_linear_and_decide_nothing(void **state)
{
    static const char *const repeats[] = {
        ", stat=",  ", relay=[", "... ",    ", size=1, class=0, nrcpts=1",
        "\\",       "(",         "<",       "[203.0.113.66]: VRFY ",
        ", reject", "@",         ", user=", "\"",
    };
    static const char *const starts[] = {
        ID "to=<a",
        ID "from=<a",
        ID "ruleset=check_rcpt, arg1=<a",
        ID "<a",
        ID "[192.0.2.9]: VRFY ",
        "AUTH failure (X): ",
        ID "a",
        "",
    };
    struct logline line;

    (void)state;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        for (size_t j = 0; j < sizeof repeats / sizeof repeats[0]; j++) {
            struct slice whole =
                long_line(starts[i], repeats[j], LOGLINE_MAX_BYTES);

            assert_int_equal(logline_parse(whole, NULL, &line), LOGLINE_OK);
            if (line.kind == LOGLINE_TO && j == 0) {
                assert_true(line.is_hostile);
                assert_slice_is(line.status, NULL, starts[i]);
            }
            free((char *)whole.ptr);
        }
    }
}

/* What stands last cannot be known, so the one status there is may be forged.
 */
static void a_line_beyond_the_limit_has_no_status(void **state)
{
    struct slice whole =
        long_line(ID "to=<a@example.com>, delay=00:00:01, mailer=esmtp, "
                     "dsn=4.0.0, stat=Deferred: ",
                  "x", LOGLINE_MAX_BYTES + 1);
    struct logline line;

    (void)state;
    assert_int_equal(logline_parse(whole, NULL, &line), LOGLINE_OK);
    assert_int_equal(line.kind, LOGLINE_TO);
    assert_true(line.is_split);
    assert_slice_is(line.status, NULL, "");
    assert_slice_is(line.recipient, "a@example.com", "");
    assert_int_equal(
        logline_parse(slice_head(whole, LOGLINE_MAX_BYTES), NULL, &line),
        LOGLINE_OK);
    assert_false(line.is_split);
    assert_int_equal(line.status.len,
                     LOGLINE_MAX_BYTES - strlen(HEADER ID
                                                "to=<a@example.com>, "
                                                "delay=00:00:01, "
                                                "mailer=esmtp, dsn=4.0.0, "
                                                "stat="));
    free((char *)whole.ptr);
}

static void nul_bytes_are_data(void **state)
{
    struct slice whole =
        SLICE_LITERAL(HEADER ID "<a\0b@example.com>... User\0unknown");
    struct logline line;

    (void)state;
    assert_int_equal(logline_parse(whole, NULL, &line), LOGLINE_OK);
    assert_int_equal(line.kind, LOGLINE_REPLY);
    assert_int_equal(line.recipient.len, sizeof "a@b@example.com" - 1);
}

/* ---- a real sendmail ---- */

struct counts {
    size_t lines;
    size_t kinds[LOGLINE_KIND_COUNT];
};

/* tests/fixtures/maillog: see the README there. */
static struct counts count_kinds(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct counts counts = {.lines = 0};
    char text[4096];
    struct logline line;

    assert_non_null(file);
    while (fgets(text, sizeof text, file) != NULL) {
        struct slice whole = slice_make(text, strcspn(text, "\n"));

        assert_int_equal(logline_parse(whole, NULL, &line), LOGLINE_OK);
        assert_false(line.is_hostile);
        counts.lines++;
        counts.kinds[line.kind]++;
    }
    fclose(file);
    return counts;
}

static void lines_of_a_real_sendmail_are_all_known(void **state)
{
    static const size_t want[LOGLINE_KIND_COUNT] = {
        [LOGLINE_FROM] = 30,    [LOGLINE_TO] = 213,
        [LOGLINE_DSN] = 12,     [LOGLINE_CLONE] = 2,
        [LOGLINE_REPLY] = 2,    [LOGLINE_RULESET] = 30,
        [LOGLINE_LOST] = 20,    [LOGLINE_NO_COMMAND] = 6,
        [LOGLINE_FLOOD] = 6,    [LOGLINE_ATTACK] = 2,
        [LOGLINE_PROBE] = 6,    [LOGLINE_PROXY] = 2,
        [LOGLINE_PREGREET] = 4, [LOGLINE_AUTH] = 6,
        [LOGLINE_TLS] = 23,     [LOGLINE_MILTER] = 16,
        [LOGLINE_SYSTEM] = 10,  [LOGLINE_NOTICE] = 6,
    };
    struct counts counts = count_kinds("tests/fixtures/maillog/sendmail-8.17");

    (void)state;
    assert_int_equal(counts.lines, 396);
    for (unsigned i = 0; i < LOGLINE_KIND_COUNT; i++)
        if (counts.kinds[i] != want[i])
            fail_msg("%s: %zu lines, want %zu",
                     logline_kind_text((enum logline_kind)i), counts.kinds[i],
                     want[i]);
}

static void lines_with_other_stamps_are_known_as_well(void **state)
{
    struct counts counts =
        count_kinds("tests/fixtures/maillog/sendmail-8.17.rfc3339");

    (void)state;
    assert_int_equal(counts.lines, 39);
    assert_int_equal(counts.kinds[LOGLINE_OTHER], 0);
}

static void shapes_have_the_names_of_the_rules(void **state)
{
    static const char *const names[SHAPE_COUNT] = {
        "from", "to",   "reply",  "ruleset", "peer",
        "lost", "auth", "milter", "dsn",     "other"};
    enum logline_shape shape;

    (void)state;
    for (unsigned i = 0; i < SHAPE_COUNT; i++) {
        assert_string_equal(logline_shape_text((enum logline_shape)i),
                            names[i]);
        assert_true(logline_shape_find(slice_from_string(names[i]), &shape));
        assert_int_equal(shape, i);
    }
    assert_false(logline_shape_find(SLICE_LITERAL("From"), &shape));
    assert_false(logline_shape_find(SLICE_LITERAL(""), &shape));
    assert_int_equal(logline_shape(LOGLINE_PROBE), SHAPE_PEER);
    assert_int_equal(logline_shape(LOGLINE_AUTH_OK), SHAPE_AUTH);
    assert_int_equal(logline_shape(LOGLINE_TLS), SHAPE_OTHER);
    assert_int_equal(logline_shape(LOGLINE_KIND_COUNT), SHAPE_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_give_kind_and_fields),
        cmocka_unit_test(texts_cut_at_every_byte_stay_inside),
        cmocka_unit_test(a_forged_relay_never_wins),
        cmocka_unit_test(a_to_line_of_the_usual_form_is_read_like_any_other),
        cmocka_unit_test(a_from_line_of_the_usual_form_is_read_like_any_other),
        cmocka_unit_test(a_handshake_of_the_usual_form_is_read_like_any_other),
        cmocka_unit_test(a_delay_has_any_number_of_days),
        cmocka_unit_test(commas_in_quotes_do_not_separate),
        cmocka_unit_test(long_hostile_lines_are_linear_and_decide_nothing),
        cmocka_unit_test(a_line_beyond_the_limit_has_no_status),
        cmocka_unit_test(nul_bytes_are_data),
        cmocka_unit_test(lines_of_a_real_sendmail_are_all_known),
        cmocka_unit_test(lines_with_other_stamps_are_known_as_well),
        cmocka_unit_test(shapes_have_the_names_of_the_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
