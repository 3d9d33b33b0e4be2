/*
 * Status texts. Each case ends at a page nobody may read, and runs once more
 * cut at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/status.h"
#include "tests/assert_slice.h"
#include "tests/guard.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *text;
    enum status_kind kind;
    const char *host;
} status_cases[] = {
    {"", STATUS_NONE, NULL},
    {" \t", STATUS_NONE, NULL},
    /* the catalogue, row by row */
    {"Deferred: Connection refused by mail.example.net.", STATUS_REFUSED,
     "mail.example.net"},
    {"Deferred: Connection refused by [192.0.2.9]", STATUS_REFUSED,
     "[192.0.2.9]"},
    {"Deferred: Connection refused by [ipv6:2001:db8:bad::312]", STATUS_REFUSED,
     "[ipv6:2001:db8:bad::312]"},
    {"Deferred: Connection refused by [IPv6:2001:DB8::1].", STATUS_REFUSED,
     "[IPv6:2001:DB8::1]"},
    {"Deferred: Connection refused by LOCALHOST", STATUS_REFUSED, "LOCALHOST"},
    {"Deferred: Connection timed out with mail.example.net.", STATUS_TIMEOUT,
     "mail.example.net"},
    {"Deferred: Connection reset by mail.example.net.", STATUS_RESET,
     "mail.example.net"},
    {"Deferred: mail.example.net.: No route to host", STATUS_UNREACHABLE,
     "mail.example.net"},
    {"Deferred: [198.18.66.9]: No route to host", STATUS_UNREACHABLE,
     "[198.18.66.9]"},
    {"Deferred: [IPv6:2001:db8::9]: No route to host", STATUS_UNREACHABLE,
     "[IPv6:2001:db8::9]"},
    {"Deferred: mail.example.net.: Network is unreachable", STATUS_UNREACHABLE,
     "mail.example.net"},
    {"Deferred: mail.example.net.: Network is down", STATUS_UNREACHABLE,
     "mail.example.net"},
    {"Deferred: mail.example.net.: Host mail.example.net. is down",
     STATUS_UNREACHABLE, "mail.example.net"},
    {"Deferred: Host mail.example.net is down", STATUS_UNREACHABLE,
     "mail.example.net"},
    {"Deferred: mail.example.net.: Host is down", STATUS_UNREACHABLE,
     "mail.example.net"},
    {"Deferred: Name server: mail.example.net.: host name lookup failure",
     STATUS_UNRESOLVED, "mail.example.net"},
    {"Deferred: Name server: host name lookup failure", STATUS_UNRESOLVED,
     NULL},
    {"Deferred: Name server: mail.example.net: host not found",
     STATUS_UNRESOLVED, "mail.example.net"},
    {"Deferred: Name server: mail.example.net: non-recoverable error",
     STATUS_UNRESOLVED, "mail.example.net"},
    {"Deferred: Name server: mail.example.net: no data known",
     STATUS_UNRESOLVED, "mail.example.net"},
    {"Deferred: DNS failure: CNAME loop for mail.example.net",
     STATUS_UNRESOLVED, "mail.example.net"},
    {"host map: lookup (lame.example): deferred", STATUS_UNRESOLVED,
     "lame.example"},
    {"Deferred: host map: lookup (lame.example.): deferred", STATUS_UNRESOLVED,
     "lame.example"},
    {"bestmx map: lookup (lame.example): deferred", STATUS_UNRESOLVED,
     "lame.example"},
    {"Transient parse error -- message queued for future delivery",
     STATUS_UNRESOLVED, NULL},
    {"Deferred: 450 4.7.1 <grey>: Recipient address rejected: Greylisted",
     STATUS_REPLY, NULL},
    {"Deferred: 452 4.2.2 Mailbox full", STATUS_REPLY, NULL},
    {"Deferred: 421 mx.example.net Too busy", STATUS_REPLY, NULL},
    {"Deferred: 421-first line of many", STATUS_OTHER, NULL},
    {"Deferred: 198-51-100-7.example.: No route to host", STATUS_UNREACHABLE,
     "198-51-100-7.example"},
    {"Deferred: 421", STATUS_REPLY, NULL},
    {"452 4.2.2 <a@example.net>: mailbox full", STATUS_REPLY, NULL},
    {"Deferred", STATUS_BARE, NULL},
    {"Deferred: ", STATUS_BARE, NULL},
    {"reply: read error from mx.example.net.", STATUS_RESET, "mx.example.net"},
    {"Deferred: reply: read error from [192.0.2.9]", STATUS_RESET,
     "[192.0.2.9]"},
    {"Deferred: Temporary AUTH failure", STATUS_TLS, NULL},
    {"Deferred: clt_features=TEMPFAIL", STATUS_TLS, NULL},
    {"Deferred: 403 4.7.0 server not authenticated.", STATUS_TLS, NULL},
    {"Deferred: 403 4.7.0 TLS handshake failed.", STATUS_TLS, NULL},
    {"Deferred: 454 4.7.0 TLS handshake failed.", STATUS_TLS, NULL},
    {"454 4.7.0 TLS handshake failed.", STATUS_TLS, NULL},
    {"Deferred: local mailer (/usr/bin/procmail) exited with EX_TEMPFAIL",
     STATUS_LOCAL, NULL},
    {"alias database unavailable", STATUS_LOCAL, NULL},
    {"Deferred: user database error", STATUS_LOCAL, NULL},
    {"Operating system error: Cannot allocate memory", STATUS_LOCAL, NULL},
    {"I/O error: No space left on device", STATUS_LOCAL, NULL},
    {"readqf: cannot open ./df6AMHqPjw023674: No such file or directory",
     STATUS_LOCAL, NULL},
    {"Warning: could not send message for past 4 hours", STATUS_META, NULL},
    {"Warning: Delivery time (3600s) exceeded", STATUS_META, NULL},
    {"Cannot send message for 5 days", STATUS_META, NULL},
    {"delivery time expired 3600s", STATUS_META, NULL},
    /* the same without "Deferred: " */
    {"Connection refused by mail.example.net.", STATUS_REFUSED,
     "mail.example.net"},
    {"mail.example.net.: No route to host", STATUS_UNREACHABLE,
     "mail.example.net"},
    {"Name server: mail.example.net.: host name lookup failure",
     STATUS_UNRESOLVED, "mail.example.net"},
    /* errno in the words of other systems, or without a host */
    {"Deferred: Operation timed out with mail.example.net.", STATUS_TIMEOUT,
     "mail.example.net"},
    {"Deferred: Operation timed out", STATUS_TIMEOUT, NULL},
    {"Deferred: Connection timed out", STATUS_TIMEOUT, NULL},
    {"Deferred: Connection refused", STATUS_REFUSED, NULL},
    {"Deferred: Connection reset by peer", STATUS_RESET, NULL},
    {"Deferred: No route to host", STATUS_UNREACHABLE, NULL},
    {"Deferred: Network is unreachable", STATUS_UNREACHABLE, NULL},
    {"Deferred: mail.example.net.: Host is unreachable", STATUS_UNREACHABLE,
     "mail.example.net"},
    {"Deferred: mail.example.net.: Network unreachable", STATUS_UNREACHABLE,
     "mail.example.net"},
    {"Deferred: mail.example.net.: Software caused connection abort",
     STATUS_RESET, "mail.example.net"},
    {"Deferred: mail.example.net.: Network dropped connection on reset",
     STATUS_RESET, "mail.example.net"},
    /* with the phase, in older releases: beyond the opening it had answered */
    {"Deferred: Connection timed out with mail.example.net. during user open",
     STATUS_TIMEOUT, "mail.example.net"},
    {"Deferred: Connection timed out with mail.example.net. during client MAIL",
     STATUS_RESET, "mail.example.net"},
    {"Deferred: Connection reset by mail.example.net. during client greeting",
     STATUS_RESET, "mail.example.net"},
    /* not a host: cut out middle, single label, underscore */
    {"Deferred: Connection refused by very.long...example.net.", STATUS_REFUSED,
     NULL},
    {"host map: lookup (very.long...example.net): deferred", STATUS_UNRESOLVED,
     NULL},
    {"Deferred: Connection refused by _x-1.example.net", STATUS_REFUSED,
     "_x-1.example.net"},
    /* a peer may say anything; three digits tell that it was the peer */
    {"Deferred: 451 4.7.1 Connection refused by policy", STATUS_REPLY, NULL},
    {"Deferred: 451 Connection timed out with mail.example.net.", STATUS_REPLY,
     NULL},
    {"Deferred: 450 mail.example.net.: No route to host", STATUS_REPLY, NULL},
    {"<\"Connection refused by x.example\"@example.org>... Relaying denied",
     STATUS_OTHER, NULL},
    {"<a@example.org>... Connection refused by mail.example.net.", STATUS_OTHER,
     NULL},
    {"Deferred: Deferred: Connection refused by mail.example.net.",
     STATUS_OTHER, NULL},
    {"Deferred: Connection refused by policy of the house", STATUS_OTHER, NULL},
    {"Deferred: Connection refused by /run/lmtp.sock", STATUS_OTHER, NULL},
    {"Deferred: Connection refused by ", STATUS_OTHER, NULL},
    {"Deferred: Connection refused by .", STATUS_OTHER, NULL},
    {"Deferred: Connection refused by [mail]", STATUS_OTHER, NULL},
    {"Deferred: Connection refused by <a@example.org>", STATUS_OTHER, NULL},
    {"Deferred: Connection refused for now", STATUS_OTHER, NULL},
    {"Deferred: Connection timed out with x during", STATUS_OTHER, NULL},
    {"Deferred: two hosts: No route to host", STATUS_OTHER, NULL},
    {"Deferred: : No route to host", STATUS_OTHER, NULL},
    {"Deferred: <a@example.org>: No route to host", STATUS_OTHER, NULL},
    {"Deferred: mail.example.net: No route to host, he said", STATUS_OTHER,
     NULL},
    {"Deferred: mail.example.net: Connection refused", STATUS_OTHER, NULL},
    {"Deferred: mail.example.net: Warning: x", STATUS_OTHER, NULL},
    {"Deferred: Host is busy and down", STATUS_OTHER, NULL},
    {"Deferred: Name server: two hosts: host not found", STATUS_OTHER, NULL},
    {"Host unknown (Name server: mail.example.net: host not found)",
     STATUS_OTHER, NULL},
    {"host map: lookup (lame.example): deferred, he said", STATUS_OTHER, NULL},
    {"host map: lookup (a b): deferred", STATUS_OTHER, NULL},
    {" map: lookup (lame.example): deferred", STATUS_OTHER, NULL},
    {"User unknown", STATUS_OTHER, NULL},
    {"Deferred: Invalid argument", STATUS_OTHER, NULL},
    {"deferred: connection refused by mail.example.net.", STATUS_OTHER, NULL},
    {"Deferred:Connection refused by mail.example.net.", STATUS_REFUSED,
     "mail.example.net"},
    {"Deferredx", STATUS_OTHER, NULL},
    {"Deferred. ", STATUS_OTHER, NULL},
    {"\377\376", STATUS_OTHER, NULL},
    /* our own tables: the trouble is here */
    {"access map: lookup (mail.example.net): deferred", STATUS_LOCAL, NULL},
    {"Deferred: mailertable map: lookup (example.net): deferred", STATUS_LOCAL,
     NULL},
    {"virtuser map: lookup (a@example.net): deferred", STATUS_LOCAL, NULL},
};

static void check_status(struct slice text, void *context)
{
    enum status_kind kind = status_classify(text);
    struct slice host = status_host(text);

    (void)context;
    assert_inside(host, text);
    if (!slice_is_absent(host))
        assert_true(kind == STATUS_REFUSED || kind == STATUS_TIMEOUT ||
                    kind == STATUS_UNREACHABLE || kind == STATUS_UNRESOLVED ||
                    kind == STATUS_RESET);
}

static void assert_status(struct slice text, const char *title,
                          enum status_kind kind, const char *host)
{
    if (status_classify(text) != kind)
        fail_msg("%s: %s, want %s", title,
                 status_kind_text(status_classify(text)),
                 status_kind_text(kind));
    assert_slice_is(status_host(text), host, title);
}

static void status_texts_prove_what_sendmail_says_alone(void **state)
{
    struct guard guard;

    (void)state;
    guard_open(&guard, 4096);
    for (size_t i = 0; i < COUNT(status_cases); i++) {
        struct slice text = slice_from_string(status_cases[i].text);

        assert_status(guard_text(&guard, text), status_cases[i].text,
                      status_cases[i].kind, status_cases[i].host);
        guard_cut_everywhere(text, check_status, NULL);
    }
    guard_close(&guard);
}

/* A text that a peer made long must cost no more than its bytes. */
static void long_status_texts_take_linear_time(void **state)
{
    static const char *const heads[] = {
        "Deferred: Connection refused by ",
        "Deferred: ",
        "host map: lookup (",
        "Name server: ",
        "reply: read error from ",
        "Deferred: 451 ",
        "local mailer (",
        "Host ",
    };
    size_t len = 4000000;
    char *text = malloc(len);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < COUNT(heads); i++) {
        memset(text, '.', len);
        memcpy(text, heads[i], strlen(heads[i]));
        assert_true(slice_is_absent(status_host(slice_make(text, len))));
        memset(text + strlen(heads[i]), ' ', len - strlen(heads[i]) - 1);
        assert_true(slice_is_absent(status_host(slice_make(text, len))));
    }
    free(text);
}

static enum status_kind kind_by_text(struct slice text)
{
    for (int kind = STATUS_NONE; kind <= STATUS_OTHER; kind++)
        if (slice_equal(text, slice_from_string(
                                  status_kind_text((enum status_kind)kind))))
            return (enum status_kind)kind;
    fail_msg("no such kind: %.*s", (int)text.len, text.ptr);
    return STATUS_OTHER;
}

/* tests/fixtures/status/real.tsv: kind, host or "-", text. */
static void real_status_texts_are_read_right(void **state)
{
    FILE *file = fopen("tests/fixtures/status/real.tsv", "rb");
    char row[1024];
    size_t row_count = 0;

    (void)state;
    if (file == NULL)
        fail_msg("no real.tsv (tests run at the top of the tree)");
    while (fgets(row, sizeof(row), file) != NULL) {
        char *host = strchr(row, '\t');
        char *text = host == NULL ? NULL : strchr(host + 1, '\t');

        if (text == NULL)
            fail_msg("real.tsv: bad row: %s", row);
        *host++ = '\0';
        *text++ = '\0';
        text[strcspn(text, "\n")] = '\0';
        assert_status(slice_from_string(text), text,
                      kind_by_text(slice_from_string(row)),
                      strcmp(host, "-") == 0 ? NULL : host);
        row_count++;
    }
    fclose(file);
    assert_true(row_count > 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_texts_prove_what_sendmail_says_alone),
        cmocka_unit_test(long_status_texts_take_linear_time),
        cmocka_unit_test(real_status_texts_are_read_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
