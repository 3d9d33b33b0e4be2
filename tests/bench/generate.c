/*
 * generate DIR COUNT [all|zombies|ids]: makes a flat queue of COUNT messages
 * in the shape sendmail 8.17 writes, below DIR, the same ones on every run.
 *
 * Of a hundred, 65 are own bounces stuck to hosts that run no mail server, 10
 * own bounces to slow but living hosts, 5 own delay warnings, 12 inbound and 8
 * outbound mail. "zombies" writes only the first kind, of the same COUNT; "ids"
 * prints the ids of that kind and writes nothing. Ages suit BENCH_NOW.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    BENCH_NOW = 1795375579, /* Sun Nov 22 19:26:19 UTC 2026 */
    YOUNGEST_SEC = 5 * 3600,
    SPAN_SEC = 4 * 86400,
    THREADS_MAX = 8,
    TEXT_MAX = 16384,
    WORD_MAX = 128,
};

enum kind { ZOMBIE, SLOW, WARNING, INBOUND, OUTBOUND };

enum share { SHARE_ALL, SHARE_ZOMBIES, SHARE_IDS };

struct text {
    char bytes[TEXT_MAX];
    size_t len;
};

struct message {
    uint64_t number;
    enum kind kind;
    long created;
    int tries;
    char id[24], parent_id[24];
    char created_text[64];     /* as in a Date header */
    char user[WORD_MAX];       /* to whom it goes */
    char host[WORD_MAX];       /* at which host */
    char guess[WORD_MAX];      /* the address that did not exist */
    char source[2 * WORD_MAX]; /* "host.example [192.0.2.1]" */
    char helo[WORD_MAX];       /* what that host called itself */
    char status[3 * WORD_MAX]; /* the M line */
};

struct job {
    int dir;
    enum share share;
    uint64_t first, step, count;
};

/* ---- chance, the same for a message whoever makes it ---- */

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* 0 .. below - 1; purpose keeps the draws of one message apart. */
static unsigned draw(const struct message *m, unsigned purpose, unsigned below)
{
    return (unsigned)(mix(m->number * 64 + purpose) % below);
}

static const char *const first_names[] = {"ann",  "bob",  "carol", "dave",
                                          "eve",  "fred", "gina",  "hugo",
                                          "iris", "john", "kate",  "luis"};
static const char *const last_names[] = {"adams", "baker", "clark", "davis",
                                         "evans", "green", "hill",  "jones",
                                         "king",  "moore", "scott", "young"};
static const char *const subjects[] = {
    "Invoice overdue", "Re: quote for 20 units", "Your parcel",
    "Last notice",     "Meeting on Monday",      "Contract draft v3"};

#define PICK(m, purpose, table)                                                \
    (table)[draw(m, purpose, sizeof(table) / sizeof(table)[0])]

/* ---- one message ---- */

static void add(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(t->bytes + t->len, sizeof(t->bytes) - t->len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(t->bytes) - t->len)
        abort();
    t->len += (size_t)n;
}

/* Year, month, day, hour, minute, second as one character each, two of
 * sequence, six of process id: sendmail since 8.12. */
static void make_id(char *id, size_t size, long created, uint64_t sequence,
                    unsigned pid)
{
    static const char digits[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    time_t when = created;
    struct tm tm;

    gmtime_r(&when, &tm);
    snprintf(id, size, "%c%c%c%c%c%c%c%c%06u", digits[tm.tm_year % 60],
             digits[tm.tm_mon], digits[tm.tm_mday], digits[tm.tm_hour],
             digits[tm.tm_min], digits[tm.tm_sec], digits[sequence / 60 % 60],
             digits[sequence % 60], pid);
}

static enum kind kind_of(uint64_t number)
{
    unsigned percent = (unsigned)(mix(number * 64) % 100);

    return percent < 65   ? ZOMBIE
           : percent < 75 ? SLOW
           : percent < 80 ? WARNING
           : percent < 92 ? INBOUND
                          : OUTBOUND;
}

/* Two in three dead hosts stand for one message only; the rest are crowds.
 * Nobody sends other mail to them, or they would not be zombies. */
static void make_host(struct message *m)
{
    unsigned who =
        draw(m, 1, 3) == 0 ? draw(m, 2, 4000) : 4000 + (unsigned)m->number;

    if (m->kind == INBOUND)
        snprintf(m->host, sizeof(m->host), "example.org");
    else if (m->kind == SLOW)
        snprintf(m->host, sizeof(m->host), "slow%u.example", who % 50);
    else if (m->kind == OUTBOUND)
        snprintf(m->host, sizeof(m->host), "site%u.example", who % 500);
    else if (draw(m, 3, 4) == 0)
        snprintf(m->host, sizeof(m->host), "[198.%u.%u.%u]",
                 18 + who / 65536 % 2, who / 256 % 256, who % 256);
    else
        snprintf(m->host, sizeof(m->host), "%s-%s%u.example",
                 PICK(m, 4, first_names), PICK(m, 5, last_names), who);
}

static void make_status(struct message *m)
{
    char mx[WORD_MAX + 8];
    unsigned how;

    if (m->host[0] == '[')
        snprintf(mx, sizeof(mx), "%s", m->host);
    else
        snprintf(mx, sizeof(mx), "mail.%s.", m->host);
    if (m->kind == SLOW) {
        snprintf(m->status, sizeof(m->status),
                 "Deferred: 450 4.2.0 <%s@%s>: Recipient address rejected: "
                 "Greylisted for 5 minutes",
                 m->user, m->host);
        return;
    }
    /* An address is not looked up. */
    how = draw(m, 6, 8);
    if (how == 0)
        snprintf(m->status, sizeof(m->status), "Deferred: %s: No route to host",
                 mx);
    else if (how == 1 && m->host[0] != '[')
        snprintf(m->status, sizeof(m->status),
                 "host map: lookup (%s): deferred", m->host);
    else
        snprintf(m->status, sizeof(m->status), "Deferred: Connection %s %s",
                 how < 4 ? "timed out with" : "refused by", mx);
}

static void make_message(struct message *m, uint64_t number, uint64_t count)
{
    unsigned attacker, net;
    time_t when;
    struct tm tm;

    memset(m, 0, sizeof(*m));
    m->number = number;
    m->kind = kind_of(number);
    m->created =
        BENCH_NOW - YOUNGEST_SEC - SPAN_SEC + (long)(number * SPAN_SEC / count);
    m->tries = 4 + (int)draw(m, 7, 40);
    make_id(m->id, sizeof(m->id), m->created, number * 2 + 1,
            10000 + (unsigned)(number * 7 % 900000));
    make_id(m->parent_id, sizeof(m->parent_id), m->created, number * 2,
            10000 + (unsigned)(number * 7 % 900000));
    when = m->created;
    gmtime_r(&when, &tm);
    strftime(m->created_text, sizeof(m->created_text),
             "%a, %d %b %Y %H:%M:%S GMT", &tm);

    snprintf(m->user, sizeof(m->user), "%s.%s%u", PICK(m, 8, first_names),
             PICK(m, 9, last_names), draw(m, 10, 1000));
    make_host(m);
    make_status(m);
    snprintf(m->guess, sizeof(m->guess), "%s%s%u@example.org",
             PICK(m, 11, first_names), PICK(m, 12, last_names),
             draw(m, 13, 100000));
    /* A few attackers send much, most send little. */
    attacker = draw(m, 14, 2) == 0 ? draw(m, 15, 300) : draw(m, 16, 60000);
    net = draw(m, 17, 2);
    snprintf(m->helo, sizeof(m->helo), "dyn-%u-%u.pool%u.example",
             attacker / 256 % 256, attacker % 256, net);
    snprintf(m->source, sizeof(m->source), "%s [198.%u.%u.%u]%s", m->helo,
             18 + net, attacker / 256 % 256, attacker % 256,
             draw(m, 18, 5) == 0 ? " (may be forged)" : "");
}

static bool is_own(const struct message *m)
{
    return m->kind == ZOMBIE || m->kind == SLOW || m->kind == WARNING;
}

static void write_headers(struct text *qf, const struct message *m)
{
    if (is_own(m)) {
        add(qf,
            "H?P?Return-Path: <\x81g>\n"
            "H??Received: from localhost (localhost)\n"
            "\tby mx2.example.org (8.17.1.9/8.17.1.9) id %s;\n\t%s\n"
            "H?D?Date: %s\n"
            "H?F?From: Mail Delivery Subsystem <MAILER-DAEMON>\n"
            "H?x?Full-Name: Mail Delivery Subsystem\n"
            "H?M?Message-Id: <%s@mx2.example.org>\n"
            "H??To: <%s@%s>\n"
            "H??MIME-Version: 1.0\n"
            "H??Content-Type: multipart/report; "
            "report-type=delivery-status;\n"
            "\tboundary=\"%s.%ld/mx2.example.org\"\n",
            m->id, m->created_text, m->created_text, m->id, m->user, m->host,
            m->id, m->created);
        add(qf, "H??Subject: %s\nH??Auto-Submitted: auto-generated (%s)\n.\n",
            m->kind == WARNING
                ? "Warning: could not send message for past 4 hours"
                : "Returned mail: see transcript for details",
            m->kind == WARNING ? "warning-timeout" : "failure");
        return;
    }
    add(qf,
        "H?P?Return-Path: <\x81g>\n"
        "H??Received: from %s (%s)\n"
        "\tby mx2.example.org (8.17.1.9/8.17.1.9) with ESMTP id %s\n"
        "\tfor <%s@%s>; %s\n"
        "H?D?Date: %s\n"
        "H??From: <%s>\nH??To: <%s@%s>\nH??Subject: %s\n"
        "H??Message-ID: <%llu.bench@%s>\n.\n",
        m->helo, m->source, m->id, m->user, m->host, m->created_text,
        m->created_text, m->guess, m->user, m->host, PICK(m, 19, subjects),
        (unsigned long long)m->number, m->helo);
}

static void write_control(struct text *qf, const struct message *m)
{
    qf->len = 0;
    add(qf, "V8\nT%ld\nK%d\nN%d\nP%d\nI254/0/%llu\nM%s\n", m->created,
        BENCH_NOW - (int)draw(m, 20, 3600), m->tries, 30000 + m->tries * 90000,
        12000000ull + m->number, m->status);
    if (is_own(m))
        add(qf, "Frs\n$_localhost\n$r\n$slocalhost\n${daemon_flags}\n"
                "${if_addr}192.0.2.25\nSMAILER-DAEMON\n");
    else
        add(qf,
            "Fwbs\n$_%s\n$rESMTP\n$s%s\n${daemon_flags}\n"
            "${if_addr}192.0.2.25\nS<%s>\n",
            m->source, m->helo, m->guess);
    add(qf, "rRFC822; %s@%s\nR%s:<%s@%s>\n", m->user, m->host,
        is_own(m) ? "PF" : "PFD", m->user, m->host);
    write_headers(qf, m);
}

/* The message that was sent back: its headers and the start of its text. */
static void write_original(struct text *df, const struct message *m)
{
    add(df,
        "Return-Path: <%s@%s>\n"
        "Received: from %s (%s)\n"
        "\tby mx2.example.org (8.17.1.9/8.17.1.9) with ESMTP id %s\n"
        "\tfor <%s>; %s\n"
        "Date: %s\nFrom: \"%s %s\" <%s@%s>\nTo: <%s>\nSubject: %s\n"
        "Message-ID: <%llu.bench@%s>\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n\n",
        m->user, m->host, m->helo, m->source, m->parent_id, m->guess,
        m->created_text, m->created_text, PICK(m, 8, first_names),
        PICK(m, 9, last_names), m->user, m->host, m->guess,
        PICK(m, 19, subjects), (unsigned long long)m->number, m->host);
    for (unsigned line = 0; line < 4 + draw(m, 21, 8); line++)
        add(df, "Dear %s, our offer number %u of %s ends today.\n", m->guess,
            draw(m, 22 + line, 1000000), PICK(m, 19, subjects));
}

static void write_report(struct text *df, const struct message *m)
{
    bool warns = m->kind == WARNING;

    add(df,
        "This is a MIME-encapsulated message\n\n"
        "--%s.%ld/mx2.example.org\n\n"
        "%sThe original message was received at %s\nfrom %s\n\n"
        "   ----- %s -----\n<%s>\n",
        m->id, m->created,
        warns ? "    **********************************************\n"
                "    **      THIS IS A WARNING MESSAGE ONLY      **\n"
                "    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\n"
                "    **********************************************\n\n"
              : "",
        m->created_text, m->source,
        warns ? "The following addresses had transient non-fatal errors"
              : "The following addresses had permanent fatal errors",
        m->guess);
    if (warns)
        add(df,
            "\n   ----- Transcript of session follows -----\n"
            "<%s>... Deferred: Connection refused by "
            "mail.example.org.\n"
            "Warning: message still undelivered after 4 hours\n"
            "Will keep trying until message is 5 days old\n",
            m->guess);
    else
        add(df,
            "    (reason: 550 5.1.1 <%s>... User unknown)\n"
            "\n   ----- Transcript of session follows -----\n"
            "... while talking to mail.example.org.:\n"
            ">>> DATA\n<<< 550 5.1.1 <%s>... User unknown\n"
            "550 5.1.1 <%s>... User unknown\n"
            "<<< 503 5.0.0 Need RCPT (recipient)\n",
            m->guess, m->guess, m->guess);
    add(df,
        "\n--%s.%ld/mx2.example.org\n"
        "Content-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mx2.example.org\n"
        "Received-From-MTA: DNS; %s\nArrival-Date: %s\n\n"
        "Final-Recipient: RFC822; %s\nAction: %s\nStatus: %s\n",
        m->id, m->created, m->helo, m->created_text, m->guess,
        warns ? "delayed" : "failed", warns ? "4.4.1" : "5.1.1");
    if (!warns)
        add(df,
            "Remote-MTA: DNS; mail.example.org\n"
            "Diagnostic-Code: SMTP; 550 5.1.1 <%s>... User unknown\n",
            m->guess);
    add(df,
        "Last-Attempt-Date: %s\n\n--%s.%ld/mx2.example.org\n"
        "Content-Type: message/rfc822\n\n",
        m->created_text, m->id, m->created);
    write_original(df, m);
    add(df, "\n--%s.%ld/mx2.example.org--\n\n", m->id, m->created);
}

static void write_data(struct text *df, const struct message *m)
{
    df->len = 0;
    if (is_own(m)) {
        write_report(df, m);
        return;
    }
    for (unsigned line = 0; line < 5 + draw(m, 21, 60); line++)
        add(df, "The quarterly figures of %s, page %u, are attached.\n",
            m->helo, line);
}

/* ---- the files ---- */

static void fail(const char *what)
{
    fprintf(stderr, "generate: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void save(int dir, char letter, const char *id, const struct text *t)
{
    char name[32];
    int fd;

    snprintf(name, sizeof(name), "%cf%s", letter, id);
    fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, t->bytes, t->len) != (ssize_t)t->len)
        fail(name);
    close(fd);
}

static void *make_share(void *argument)
{
    const struct job *job = argument;
    struct message message;
    struct text text;

    for (uint64_t i = job->first; i < job->count; i += job->step) {
        if (job->share != SHARE_ALL && kind_of(i) != ZOMBIE)
            continue;
        make_message(&message, i, job->count);
        if (job->share == SHARE_IDS) {
            puts(message.id);
            continue;
        }
        write_data(&text, &message);
        save(job->dir, 'd', message.id, &text);
        write_control(&text, &message);
        save(job->dir, 'q', message.id, &text);
    }
    return NULL;
}

static void run(struct job job, uint64_t thread_count)
{
    pthread_t threads[THREADS_MAX];
    struct job jobs[THREADS_MAX];

    for (uint64_t i = 0; i < thread_count; i++) {
        jobs[i] = job;
        jobs[i].first = i;
        jobs[i].step = thread_count;
        if (pthread_create(&threads[i], NULL, make_share, &jobs[i]) != 0)
            fail("thread");
    }
    for (uint64_t i = 0; i < thread_count; i++)
        pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const char *what = argc == 4 ? argv[3] : "all";
    struct job job = {.dir = -1};

    job.share = strcmp(what, "ids") == 0       ? SHARE_IDS
                : strcmp(what, "zombies") == 0 ? SHARE_ZOMBIES
                                               : SHARE_ALL;
    if (argc < 3 || (job.share == SHARE_ALL && strcmp(what, "all") != 0) ||
        (job.count = strtoull(argv[2], NULL, 10)) == 0) {
        fprintf(stderr, "usage: generate DIR COUNT [all|zombies|ids]\n");
        return 2;
    }
    if (job.share == SHARE_IDS) {
        run(job, 1);
        return 0;
    }
    if (mkdir(argv[1], 0700) != 0 && errno != EEXIST)
        fail(argv[1]);
    job.dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (job.dir < 0)
        fail(argv[1]);
    run(job, processors < 1             ? 1
             : processors > THREADS_MAX ? THREADS_MAX
                                        : (uint64_t)processors);
    return 0;
}
