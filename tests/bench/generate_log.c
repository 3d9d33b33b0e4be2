/*
 * generate_log BYTES [SOURCES]: writes a maillog of that size to standard
 * output, in the shape and mix that sendmail 8.17 writes on a backup MX and its
 * primary under a dictionary attack; the same one on every run.
 *
 * Without SOURCES a few thousand clients come again and again. With it so many
 * different clients come, each with a guess or two. Two of three have a name.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    START = 1795000000, /* Wed Nov 18 2026 */
    RING = 4096,        /* messages that are under way */
    LINES_A_SECOND = 10,
};

struct message {
    char id[16];
    char host[64]; /* that its bounce waits for */
    char user[32];
    unsigned tries;
};

static struct message ring[RING];
static uint64_t state = 1, written, line_count, sequence;
static unsigned source_count = 3000;
static bool has_many_sources;
static uint64_t next_source;

static uint64_t draw(uint64_t below)
{
    uint64_t x;

    state += 0x9e3779b97f4a7c15u;
    x = state;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (x ^ (x >> 31)) % below;
}

static const char *const first[] = {
    "ann",  "bob",  "carol", "dave", "eve",  "fred", "gina",  "hugo",
    "iris", "john", "kate",  "luis", "mary", "nora", "oscar", "paul"};
static const char *const last[] = {"adams", "baker", "clark", "davis",
                                   "evans", "frank", "green", "hall"};
static const char *const lines_of[] = {"dsl.telco-sud", "pool.cheapdsl",
                                       "dyn.bigcable", "mobile.quicknet"};
static const char *const domains[] = {"example.com", "example.org",
                                      "example.net"};

static void make_id(char id[16], unsigned pid)
{
    static const char base[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx";
    uint64_t n = sequence++;

    snprintf(id, 16, "6AI%c%c%c%c%c%06u", base[n / 216000 % 24],
             base[n / 3600 % 60], base[n / 60 % 60], base[n % 60],
             base[n / 7 % 60], pid % 1000000);
}

static void guess(char *out, size_t room)
{
    if (draw(3) == 0)
        snprintf(out, room, "%s%u", first[draw(16)], (unsigned)draw(1000));
    else
        snprintf(out, room, "%s%c%s%u", first[draw(16)], "._-0"[draw(4)],
                 last[draw(8)], (unsigned)draw(100));
}

/* A client under attack's command: its number chooses address and name. */
static void client(char *out, size_t room)
{
    uint64_t n =
        has_many_sources ? next_source++ % source_count : draw(source_count);
    unsigned a = 18 + (n >> 16 & 1), b = n >> 8 & 255, c = n & 255;

    if (has_many_sources && n % 3 == 0)
        snprintf(out, room, "[IPv6:2001:db8:%x:%x:0:0:0:%x]",
                 (unsigned)(n >> 16), (unsigned)(n & 0xffff),
                 (unsigned)(n & 0xfff));
    else if (has_many_sources)
        snprintf(out, room,
                 "ppp%x-%x-%x.%s.example [IPv6:2001:db8:%x:%x:0:0:0:%x]",
                 (unsigned)(n >> 16), (unsigned)(n & 0xffff),
                 (unsigned)(n & 0xfff), lines_of[n % 4], (unsigned)(n >> 16),
                 (unsigned)(n & 0xffff), (unsigned)(n & 0xfff));
    else if (n % 3 == 0)
        snprintf(out, room, "[198.%u.%u.%u]", a, b, c);
    else
        snprintf(out, room, "ppp%u-%u-%u-%u.%s.example [198.%u.%u.%u]%s", 198u,
                 a, b, c, lines_of[n % 4], a, b, c,
                 n % 11 == 0 ? " (may be forged)" : "");
}

static void put(const char *host, unsigned pid, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put(const char *host, unsigned pid, const char *format, ...)
{
    time_t now = (time_t)(START + line_count++ / LINES_A_SECOND);
    static time_t known;
    static char stamp[32];
    va_list arguments;
    int len;

    if (now != known) {
        struct tm tm;

        known = now;
        gmtime_r(&now, &tm);
        strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
    }
    len = printf("%s %s sm-mta[%u]: ", stamp, host, pid);
    written += len > 0 ? (uint64_t)len : 0;
    va_start(arguments, format);
    len = vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    written += len > 0 ? (uint64_t)len + 1 : 1;
}

/* Refused at once: a dozen guesses in one connection to the primary. */
static void attack(void)
{
    unsigned pid = 1000 + (unsigned)draw(60000);
    unsigned guesses = has_many_sources ? 1 : 1 + (unsigned)draw(12);
    const char *domain = domains[draw(3)];
    char peer[160], id[16], name[64];

    client(peer, sizeof(peer));
    make_id(id, pid);
    for (unsigned i = 0; i < guesses; i++) {
        guess(name, sizeof(name));
        put("mail", pid, "%s: <%s@%s>... User unknown", id, name, domain);
        if (i == 6)
            put("mail", pid, "%s: %s: Possible SMTP RCPT flood, throttling.",
                id, peer);
    }
    if (draw(5) == 0)
        put("mail", pid, "%s: lost input channel from %s to MTA-v4 after rcpt",
            id, peer);
    guess(name, sizeof(name));
    put("mail", pid,
        "%s: from=<%s@quickloan.example>, size=0, class=0, nrcpts=0, "
        "proto=ESMTP, daemon=MTA-v4, relay=%s",
        id, name, peer);
}

/* Taken by the backup MX, refused by the primary, bounced to a zombie. */
static void late_guess(void)
{
    struct message *bounce = &ring[draw(RING)];
    unsigned pid = 1000 + (unsigned)draw(60000);
    char peer[160], id[16], name[64];

    client(peer, sizeof(peer));
    guess(name, sizeof(name));
    make_id(id, pid);
    snprintf(bounce->host, sizeof(bounce->host), "mail.acme-tools%u.example",
             (unsigned)draw(400));
    guess(bounce->user, sizeof(bounce->user));
    bounce->tries = 0;
    put("mx2", pid,
        "%s: from=<%s@%s>, size=1999, class=0, nrcpts=1, "
        "msgid=<%u.%u@%s>, proto=ESMTP, daemon=MTA-v4, relay=%s",
        id, bounce->user, bounce->host + 5, (unsigned)draw(10000),
        (unsigned)draw(1000000000), bounce->host, peer);
    put("mx2", pid,
        "%s: Milter (labmilter) add: header: X-Scanned-By: "
        "labmilter 0.1",
        id);
    pid++;
    put("mail", pid + 1,
        "STARTTLS=server, relay=mx2.example.org [192.0.2.25], "
        "version=TLSv1.3, verify=NO, cipher=TLS_AES_256_GCM_SHA384, "
        "bits=256/256");
    put("mx2", pid,
        "STARTTLS=client, relay=mail.example.com., version=TLSv1.3, "
        "verify=FAIL, cipher=TLS_AES_256_GCM_SHA384, bits=256/256");
    put("mx2", pid,
        "%s: to=<%s@example.com>, delay=00:00:01, xdelay=00:00:00, "
        "mailer=esmtp, pri=120%03u, relay=mail.example.com. [192.0.2.80], "
        "dsn=5.1.1, reply=550 5.1.1 <%s@example.com>... User unknown, "
        "stat=User unknown",
        id, name, (unsigned)draw(1000), name);
    make_id(bounce->id, pid);
    put("mx2", pid, "%s: %s: DSN: User unknown", id, bounce->id);
}

/* What fills such a log: every queue run tries every bounce again. */
static void retry(void)
{
    struct message *bounce = &ring[draw(RING)];
    unsigned pid = 1000 + (unsigned)draw(60000);

    if (bounce->id[0] == '\0')
        return;
    bounce->tries++;
    put("mx2", pid,
        "%s: to=<%s@%s>, delay=%u+%02u:%02u:%02u, xdelay=00:00:00, "
        "mailer=esmtp, pri=%u, relay=%s. [198.51.100.%u], dsn=4.0.0, "
        "stat=Deferred: Connection refused by %s.",
        bounce->id, bounce->user, bounce->host + 5, bounce->tries / 24,
        bounce->tries % 24, (unsigned)draw(60), (unsigned)draw(60),
        30000 + bounce->tries * 90000, bounce->host,
        (unsigned)(bounce->host[15] & 63) + 1, bounce->host);
}

static void ordinary_mail(void)
{
    unsigned pid = 1000 + (unsigned)draw(60000);
    const char *user = first[draw(16)];
    char id[16];

    make_id(id, pid);
    put("mail", pid,
        "%s: from=<%s@city-wright%u.example>, size=%u, class=0, nrcpts=1, "
        "msgid=<%u.ham@city-wright.example>, proto=ESMTP, daemon=MTA-v4, "
        "relay=mail.city-wright%u.example [192.0.2.%u]",
        id, user, (unsigned)draw(40), 200 + (unsigned)draw(90000),
        (unsigned)draw(1000000), (unsigned)draw(40), 100 + (unsigned)draw(100));
    put("mail", pid + 1,
        "%s: to=<%s@example.com>, delay=00:00:0%u, xdelay=00:00:00, "
        "mailer=local, pri=30%03u, dsn=2.0.0, stat=Sent",
        id, first[draw(16)], (unsigned)draw(10), (unsigned)draw(1000));
}

int main(int argc, char **argv)
{
    uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;

    if (wanted == 0) {
        fputs("usage: generate_log BYTES [SOURCES]\n", stderr);
        return 2;
    }
    if (argc > 2) {
        source_count = (unsigned)strtoul(argv[2], NULL, 10);
        has_many_sources = true;
    }
    while (written < wanted && !ferror(stdout)) {
        unsigned what = (unsigned)draw(100);

        if (has_many_sources || what < 16)
            attack();
        else if (what < 32)
            late_guess();
        else if (what < 46)
            ordinary_mail();
        else
            for (int i = 0; i < 4; i++)
                retry();
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
