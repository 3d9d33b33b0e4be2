/*
 * What a milter of ours wrote about the sender.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "parsers/authres.h"
#include "tests/guard.h"

#define RESULTS "Authentication-Results"
#define SPF "Received-SPF"

/* The sender is somebody@example.net, his client 198.51.100.7. */
static const struct {
    const char *name, *value;
    bool passes;
} cases[] = {
    {RESULTS, "mx.example.org; spf=pass smtp.mailfrom=ann@example.net", true},
    {RESULTS, "MX.example.org 1; spf=Pass smtp.mailfrom=EXAMPLE.net", true},
    {RESULTS, "example.org; spf=pass (a; b) smtp.mail=ann@example.net", true},
    {"AUTHENTICATION-results",
     "mail.example.org (a filter);\n\tdkim=pass (1024-bit key) "
     "header.d=example.net header.i=@example.net header.b=\"kTx\"",
     true},
    {RESULTS,
     "mx.example.org; spf=none smtp.mailfrom=ann@example.net;\n"
     "\tdkim/1=pass header.d=mail.example.net",
     true},
    {RESULTS, "mx.example.org;dmarc=pass (p=reject) header.from=example.net",
     true},
    {RESULTS,
     "mx.example.org; dkim=pass reason=\"2048-bit key; unprotected (key)\"\n"
     "\theader.d=example.net header.i=@example.net",
     true},
    {RESULTS,
     "mx.example.org; dmarc=pass policy.x=\"a;b\" "
     "header.from=example.net",
     true},
    {RESULTS, "mx.example.org/6AI4qhYl000007; dkim=pass header.d=example.net",
     true},
    {RESULTS, "\"mx.example.org/6AI4\"; dkim=pass header.d=example.net", true},
    {RESULTS,
     "mx.example.org; spf = (x) pass smtp.mailfrom =\n\t"
     "ann@example.net",
     true},
    {RESULTS, "mx.example.org; spf=pass smtp.mailfrom=\"a b=c;\"@example.net",
     true},
    {RESULTS, "mx.example.org; dkim=pass header.d=net", false},
    {RESULTS, "mx.example.org; x=\"; dkim=pass header.d=example.net", false},
    {RESULTS, "mx.example.org; dkim=pass reason=\"x header.d=example.net",
     false},
    {RESULTS, "mx.example.org; dkim=pass header.d=example.com", false},
    {RESULTS, "mx.example.org; dkim=pass header.d=evilexample.net", false},
    {RESULTS, "mx.example.org; spf=pass smtp.mailfrom=ann@sub.example.net",
     false},
    {RESULTS, "mx.example.org; spf=pass smtp.helo=example.net", false},
    {RESULTS, "mx.example.org; spf=softfail smtp.mailfrom=ann@example.net",
     false},
    {RESULTS,
     "mx.example.org; spf=fail smtp.mailfrom=ann@example.net; "
     "iprev=pass smtp.mailfrom=ann@example.net",
     false},
    {RESULTS, "mx.example.org; iprev=pass policy.iprev=198.51.100.7", false},
    {RESULTS, "mx.example.org; none", false},
    {RESULTS, "mx.example.org spf=pass smtp.mailfrom=ann@example.net", false},
    {RESULTS, "mx.example.com; spf=pass smtp.mailfrom=ann@example.net", false},
    {RESULTS, "(mx.example.org; spf=pass smtp.mailfrom=ann@example.net", false},
    {RESULTS, "", false},
    {RESULTS, "mx.example.org", false},
    {RESULTS, "mx.example.org; =; spf=; spf==pass; smtp.mailfrom", false},
    {"X-" RESULTS, "mx.example.org; spf=pass smtp.mailfrom=ann@example.net",
     false},
    {SPF,
     "pass (mx.example.org: domain of ann@example.net designates 198.51.100.7 "
     "as permitted sender)\n\treceiver=mx.example.org; client-ip=198.51.100.7; "
     "helo=pc; envelope-from=<ann@example.net>;",
     true},
    {SPF, "Pass client-ip=198.51.100.7; envelope-from=\"ann@example.net\"",
     true},
    {SPF,
     "pass identity=mailfrom; receiver=mx; client-ip=198.51.100.8; "
     "envelope-from=ann@example.net",
     false},
    {SPF,
     "pass identity=helo; client-ip=198.51.100.7; "
     "envelope-from=ann@example.net",
     false},
    {SPF, "pass client-ip=198.51.100.7; envelope-from=ann@example.com", false},
    {SPF, "pass client-ip=198.51.100.7", false},
    {SPF, "neutral client-ip=198.51.100.7; envelope-from=ann@example.net",
     false},
    {SPF, "pass envelope-from=ann@example.net", false},
};

static struct authres about(struct ip *client)
{
    assert_true(ip_parse(SLICE_LITERAL("198.51.100.7"), client));
    return (struct authres){.us = SLICE_LITERAL("mx.example.org"),
                            .domain = SLICE_LITERAL("example.net"),
                            .client = client};
}

static bool passes(const struct authres *authres, size_t i)
{
    struct header_field field = {slice_from_string(cases[i].name),
                                 slice_from_string(cases[i].value)};

    return authres_passes(authres, &field);
}

static void test_who_passed(void **state)
{
    struct ip client;
    struct authres authres = about(&client);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (passes(&authres, i) != cases[i].passes)
            fail_msg("%s: %s", cases[i].name, cases[i].value);
    }
}

static void test_without_a_sender_or_client_nobody_passed(void **state)
{
    struct ip client;
    struct authres authres = about(&client);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        authres.client = NULL;
        if (passes(&authres, i))
            assert_true(cases[i].passes);
        authres.domain = (struct slice){NULL, 0};
        assert_false(passes(&authres, i));
        authres = about(&client);
    }
}

struct cut_case {
    const char *name;
    bool passes;
};

static void check_cut(struct slice cut, void *context)
{
    const struct cut_case *one = context;
    struct header_field field = {slice_from_string(one->name), cut};
    struct ip client;
    struct authres authres = about(&client);

    if (authres_passes(&authres, &field))
        assert_true(one->passes);
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cut_case one = {cases[i].name, cases[i].passes};

        guard_cut_everywhere(slice_from_string(cases[i].value), check_cut,
                             &one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_passed),
        cmocka_unit_test(test_without_a_sender_or_client_nobody_passed),
        cmocka_unit_test(test_cut_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
