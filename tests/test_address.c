/*
 * Addresses and clients. Each case ends at a page nobody may
 * read, and runs once more cut at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "parsers/address.h"
#include "tests/assert_slice.h"
#include "tests/guard.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- mail addresses ---- */

static const struct {
    const char *text, *bare, *domain;
    bool is_local_action;
} address_cases[] = {
    {"joe@example.org", "joe@example.org", "example.org", false},
    {"<joe@example.org>", "joe@example.org", "example.org", false},
    {" \t<joe@example.org> \n", "joe@example.org", "example.org", false},
    {"<>", "", NULL, false},
    {"", "", NULL, false},
    {"< >", "", NULL, false},
    {"MAILER-DAEMON", "MAILER-DAEMON", NULL, false},
    {"<root>", "root", NULL, false},
    {"<joe@EXAMPLE.org.>", "joe@EXAMPLE.org.", "EXAMPLE.org", false},
    {"<joe@>", "joe@", NULL, false},
    {"<joe@.>", "joe@.", NULL, false},
    {"@", "@", NULL, false},
    {"<x@[192.0.2.9]>", "x@[192.0.2.9]", "[192.0.2.9]", false},
    {"<x@[IPv6:2001:db8::1]>", "x@[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]",
     false},
    /* quotes */
    {"<\"a@b\"@example.org>", "\"a@b\"@example.org", "example.org", false},
    {"\"a\\\"@b\"@example.org", "\"a\\\"@b\"@example.org", "example.org",
     false},
    {"\"a@b\"", "\"a@b\"", NULL, false},
    {"<\\\"@example.org>", "\\\"@example.org", "example.org", false},
    {"<\"<>\"@example.org>", "\"<>\"@example.org", "example.org", false},
    {"<\"weird > sender\"@example.org>", "\"weird > sender\"@example.org",
     "example.org", false},
    {"<\"R:PFD\"@example.org>", "\"R:PFD\"@example.org", "example.org", false},
    {"\"never closed@example.org", "\"never closed@example.org", NULL, false},
    {"a@b@example.org", "a@b@example.org", "example.org", false},
    {"joe@example.org\\", "joe@example.org\\", "example.org\\", false},
    {"user%elsewhere.example@example.org", "user%elsewhere.example@example.org",
     "example.org", false},
    {"<\303\274@example.org>", "\303\274@example.org", "example.org", false},
    /* routes */
    {"<@a.example,@b.example:user@example.org>", "user@example.org",
     "example.org", false},
    {"<@[IPv6:2001:db8::1]:user@example.org>", "user@example.org",
     "example.org", false},
    {"@a.example", "@a.example", "a.example", false},
    {"<@a.example:>", "", NULL, false},
    /* words before, brackets alone */
    {"Ann <ann@example.org>", "ann@example.org", "example.org", false},
    {"\"Ann <x@example.net>\" <ann@example.org>", "ann@example.org",
     "example.org", false},
    {"<joe@example.org", "<joe@example.org", "example.org", false},
    {"joe@example.org>", "joe@example.org>", "example.org>", false},
    {">", ">", NULL, false},
    /* not mail */
    {"|/bin/prog", "|/bin/prog", NULL, true},
    {"\"|/bin/prog -f x\"", "\"|/bin/prog -f x\"", NULL, true},
    {"\"|/bin/prog x@example.org\"", "\"|/bin/prog x@example.org\"", NULL,
     true},
    {"/var/mail/x", "/var/mail/x", NULL, true},
    {"</var/mail/x>", "/var/mail/x", NULL, true},
    {":include:/etc/list", ":include:/etc/list", NULL, true},
    {":INCLUDE:/etc/list", ":INCLUDE:/etc/list", NULL, true},
    /* mail that looks like it */
    {"<\"|/bin/cat\"@example.org>", "\"|/bin/cat\"@example.org", "example.org",
     false},
    {"<\"/etc/passwd\"@example.org>", "\"/etc/passwd\"@example.org",
     "example.org", false},
    {"<\":include:/x\"@example.org>", "\":include:/x\"@example.org",
     "example.org", false},
    {"</C=US/O=x/@example.org>", "/C=US/O=x/@example.org", "example.org",
     false},
    {"<|prog@example.org>", "|prog@example.org", "example.org", false},
    {":includes", ":includes", NULL, false},
};

static void check_address(struct slice text, void *context)
{
    (void)context;
    assert_inside(address_bare(text), text);
    assert_inside(address_domain(text), text);
    if (address_is_local_action(text))
        assert_true(slice_is_absent(address_domain(text)));
}

static void addresses_are_taken_apart(void **state)
{
    struct guard guard;

    (void)state;
    guard_open(&guard, 4096);
    for (size_t i = 0; i < COUNT(address_cases); i++) {
        const char *title = address_cases[i].text;
        struct slice text = guard_text(&guard, slice_from_string(title));

        assert_slice_is(address_bare(text), address_cases[i].bare, title);
        assert_slice_is(address_domain(text), address_cases[i].domain, title);
        if (address_is_local_action(text) != address_cases[i].is_local_action)
            fail_msg("%s: local action?", title);
        guard_cut_everywhere(slice_from_string(title), check_address, NULL);
    }
    guard_close(&guard);
}

/* ---- network addresses ---- */

static const struct {
    const char *text;
    const char *formatted; /* NULL: refused */
    bool is_v4, is_loopback, is_private;
} ip_cases[] = {
    {"192.0.2.1", "192.0.2.1", true, false, false},
    {"[192.0.2.1]", "192.0.2.1", true, false, false},
    {"0.0.0.0", "0.0.0.0", true, false, false},
    {"255.255.255.255", "255.255.255.255", true, false, false},
    {"127.0.0.1", "127.0.0.1", true, true, true},
    {"127.255.0.9", "127.255.0.9", true, true, true},
    {"128.0.0.1", "128.0.0.1", true, false, false},
    {"10.255.0.1", "10.255.0.1", true, false, true},
    {"11.0.0.1", "11.0.0.1", true, false, false},
    {"172.15.0.1", "172.15.0.1", true, false, false},
    {"172.16.0.1", "172.16.0.1", true, false, true},
    {"172.31.255.255", "172.31.255.255", true, false, true},
    {"172.32.0.1", "172.32.0.1", true, false, false},
    {"192.168.1.1", "192.168.1.1", true, false, true},
    {"192.169.1.1", "192.169.1.1", true, false, false},
    {"169.254.1.1", "169.254.1.1", true, false, true},
    {"::1", "::1", false, true, true},
    {"::", "::", false, false, false},
    {"fc00::1", "fc00::1", false, false, true},
    {"fdff::1", "fdff::1", false, false, true},
    {"fe00::1", "fe00::1", false, false, false},
    {"fe80::1", "fe80::1", false, false, true},
    {"febf::1", "febf::1", false, false, true},
    {"fec0::1", "fec0::1", false, false, false},
    {"2001:db8::1", "2001:db8::1", false, false, false},
    {"[2001:db8::1]", "2001:db8::1", false, false, false},
    {"IPv6:2001:db8::1", "2001:db8::1", false, false, false},
    {"[IPv6:2001:db8::1]", "2001:db8::1", false, false, false},
    {"[ipv6:2001:DB8:BAD::312]", "2001:db8:bad::312", false, false, false},
    {"[IPv6:2001:db8:bad:666:0:0:0:17]", "2001:db8:bad:666::17", false, false,
     false},
    {"2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1", false, false, false},
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", false, false, false},
    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", false, false, false},
    {"2001:0db8:0000::00aa", "2001:db8::aa", false, false, false},
    {"::ffff:192.0.2.1", "192.0.2.1", true, false, false},
    {"IPv6:::ffff:127.0.0.1", "127.0.0.1", true, true, true},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false, false},
    /* not addresses */
    {"", NULL, false, false, false},
    {"[]", NULL, false, false, false},
    {"[", NULL, false, false, false},
    {"]", NULL, false, false, false},
    {"[192.0.2.1", NULL, false, false, false},
    {"192.0.2.1]", NULL, false, false, false},
    {"[[192.0.2.1]]", NULL, false, false, false},
    {" 192.0.2.1", NULL, false, false, false},
    {"192.0.2.1 ", NULL, false, false, false},
    {"192.0.2", NULL, false, false, false},
    {"192.0.2.256", NULL, false, false, false},
    {"192.0.2.1.", NULL, false, false, false},
    {"0x7f.0.0.1", NULL, false, false, false},
    {"IPv6:192.0.2.1", NULL, false, false, false},
    {"IPv6:", NULL, false, false, false},
    {":", NULL, false, false, false},
    {":::", NULL, false, false, false},
    {"2001:db8::1::2", NULL, false, false, false},
    {"2001:db8:1:2:3:4:5", NULL, false, false, false},
    {"2001:db8::12345", NULL, false, false, false},
    {"fe80::1%eth0", NULL, false, false, false},
    {"2001:db8::1/64", NULL, false, false, false},
    {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2551111", NULL, false, false,
     false},
    {"mail.example.org", NULL, false, false, false},
};

static void check_ip(struct slice text, void *context)
{
    char formatted[ADDRESS_IP_TEXT_MAX];
    struct ip ip, again;

    (void)context;
    if (!ip_parse(text, &ip))
        return;
    assert_true(
        ip_parse(slice_make(formatted, ip_format(&ip, formatted)), &again));
    assert_memory_equal(&ip, &again, sizeof(ip));
}

static void network_addresses_are_read_and_written(void **state)
{
    struct guard guard;

    (void)state;
    guard_open(&guard, 4096);
    for (size_t i = 0; i < COUNT(ip_cases); i++) {
        struct slice text = slice_from_string(ip_cases[i].text);
        char formatted[ADDRESS_IP_TEXT_MAX];
        struct ip ip;
        bool is_read = ip_parse(guard_text(&guard, text), &ip);

        if (is_read != (ip_cases[i].formatted != NULL))
            fail_msg("%s: %s", ip_cases[i].text, is_read ? "read" : "refused");
        guard_cut_everywhere(text, check_ip, NULL);
        if (!is_read)
            continue;
        assert_int_equal(ip_format(&ip, formatted),
                         strlen(ip_cases[i].formatted));
        assert_string_equal(formatted, ip_cases[i].formatted);
        if (ip_is_v4(&ip) != ip_cases[i].is_v4 ||
            ip_is_loopback(&ip) != ip_cases[i].is_loopback ||
            ip_is_private(&ip) != ip_cases[i].is_private)
            fail_msg("%s: kind", ip_cases[i].text);
    }
    guard_close(&guard);
}

static void what_no_host_has_is_known(void **state)
{
    static const struct {
        const char *text;
        bool is_no_host;
    } cases[] = {{"0.0.0.0", true},
                 {"0.1.2.3", true},
                 {"1.0.0.0", false},
                 {"223.255.255.9", false},
                 {"224.0.0.1", true},
                 {"240.0.0.1", true},
                 {"255.255.255.255", true},
                 {"127.0.0.1", false},
                 {"::", true},
                 {"::1", false},
                 {"ff02::1", true},
                 {"fe80::1", false},
                 {"2001:db8::1", false}};
    struct ip ip;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(ip_parse(slice_from_string(cases[i].text), &ip));
        if (ip_is_no_host(&ip) != cases[i].is_no_host)
            fail_msg("%s", cases[i].text);
    }
}

/* Numbers of all lengths, too large, with zeros before them, and none. */
static void dotted_quads_are_read_as_inet_pton_reads_them(void **state)
{
    static const char *const parts[] = {"0",   "7",  "10", "99",   "100", "255",
                                        "256", "00", "01", "1000", "",    "x"};
    struct guard guard;

    (void)state;
    guard_open(&guard, 4096);
    for (unsigned i = 0; i < 12 * 12 * 12 * 12; i++) {
        char text[32];
        uint8_t want[4];
        struct ip ip;
        int len =
            snprintf(text, sizeof text, "%s.%s.%s.%s", parts[i % 12],
                     parts[i / 12 % 12], parts[i / 144 % 12], parts[i / 1728]);
        bool is_ip = inet_pton(AF_INET, text, want) == 1;
        struct slice whole = guard_text(&guard, slice_make(text, (size_t)len));

        if (ip_parse(whole, &ip) != is_ip)
            fail_msg("%s: %s", text, is_ip ? "refused" : "read");
        if (is_ip)
            assert_memory_equal(ip_bytes(&ip).ptr, want, sizeof want);
    }
    guard_close(&guard);
}

static void a_nul_ends_no_address(void **state)
{
    static const char text[] = "192.0.2.1\0";
    struct ip ip;

    (void)state;
    assert_false(ip_parse(slice_make(text, 10), &ip));
}

static const struct {
    const char *net;
    const char *inside, *outside; /* NULL: the net is refused */
} cidr_cases[] = {
    {"192.0.2.0/24", "192.0.2.255", "192.0.3.0"},
    {"192.0.2.0/24", "::ffff:192.0.2.7", "2001:db8::1"},
    {"192.0.2.128/25", "192.0.2.128", "192.0.2.127"},
    {"192.0.2.4/30", "192.0.2.7", "192.0.2.8"},
    {"192.0.2.9", "192.0.2.9", "192.0.2.8"},
    {"192.0.2.9/32", "192.0.2.9", "192.0.2.8"},
    {"0.0.0.0/0", "203.0.113.1", "2001:db8::1"},
    {"::ffff:192.0.2.0/120", "192.0.2.9", "192.0.3.9"},
    {"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"},
    {"2001:db8:8000::/33", "2001:db8:8000::1", "2001:db8:7fff::1"},
    {"2001:db8::1", "2001:db8::1", "2001:db8::2"},
    {"IPv6:2001:db8::/64", "2001:db8::ffff", "2001:db8:0:1::"},
    {"::/0", "192.0.2.1", NULL},
    {"192.0.2.1/24", NULL, NULL},
    {"2001:db8::1/64", NULL, NULL},
    {"192.0.2.0/33", NULL, NULL},
    {"2001:db8::/129", NULL, NULL},
    {"192.0.2.0/-1", NULL, NULL},
    {"192.0.2.0/", NULL, NULL},
    {"192.0.2.0/x", NULL, NULL},
    {"192.0.2.0/24/24", NULL, NULL},
    {"192.0.2.0/99999999999999999999", NULL, NULL},
    {"192.0.2/24", NULL, NULL},
    {"/24", NULL, NULL},
    {"", NULL, NULL},
};

static void check_cidr(struct slice text, void *context)
{
    struct cidr cidr;

    (void)context;
    if (cidr_parse(text, &cidr))
        assert_true(cidr.bits <= 128 && cidr_contains(&cidr, &cidr.base));
}

static void networks_hold_their_addresses_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cidr_cases); i++) {
        struct slice net = slice_from_string(cidr_cases[i].net);
        struct cidr cidr;
        struct ip ip;
        bool is_read = cidr_parse(net, &cidr);

        if (is_read != (cidr_cases[i].inside != NULL))
            fail_msg("%s: %s", cidr_cases[i].net, is_read ? "read" : "refused");
        guard_cut_everywhere(net, check_cidr, NULL);
        if (!is_read)
            continue;
        assert_true(ip_parse(slice_from_string(cidr_cases[i].inside), &ip));
        assert_true(cidr_contains(&cidr, &ip));
        if (cidr_cases[i].outside == NULL)
            continue;
        assert_true(ip_parse(slice_from_string(cidr_cases[i].outside), &ip));
        assert_false(cidr_contains(&cidr, &ip));
    }
}

/* ---- clients ---- */

static const struct {
    const char *text;
    bool is_client;
    const char *ident, *name, *ip;
    bool is_forged;
} client_cases[] = {
    {"[192.0.2.1]", true, NULL, NULL, "192.0.2.1", false},
    {"[IPv6:2001:db8::1]", true, NULL, NULL, "2001:db8::1", false},
    {"mail.example.org [192.0.2.1]", true, NULL, "mail.example.org",
     "192.0.2.1", false},
    {"mail.example.org. [192.0.2.1]", true, NULL, "mail.example.org",
     "192.0.2.1", false},
    {"mail.example.org [192.0.2.1] (may be forged)", true, NULL,
     "mail.example.org", "192.0.2.1", true},
    {"mail.example.org [IPv6:2001:db8::1]", true, NULL, "mail.example.org",
     "2001:db8::1", false},
    {"joe@mail.example.org [192.0.2.1]", true, "joe", "mail.example.org",
     "192.0.2.1", false},
    {"IDENT:joe@mail.example.org [192.0.2.1] (may be forged)", true,
     "IDENT:joe", "mail.example.org", "192.0.2.1", true},
    {"joe@[192.0.2.1]", true, "joe", NULL, "192.0.2.1", false},
    {"localhost [127.0.0.1]", true, NULL, "localhost", "127.0.0.1", false},
    {"1/26.2.0.192.example.org [192.0.2.1]", true, NULL,
     "1/26.2.0.192.example.org", "192.0.2.1", false},
    {"root@localhost", true, "root", "localhost", NULL, false},
    {"localhost", true, NULL, "localhost", NULL, false},
    {" localhost\n", true, NULL, "localhost", NULL, false},
    /* identd says what it likes; the last brackets are ours */
    {"x [198.51.100.1] @mail.example.org [192.0.2.1]", true,
     "x [198.51.100.1] ", "mail.example.org", "192.0.2.1", false},
    {"a@b@mail.example.org [192.0.2.1]", true, "a@b", "mail.example.org",
     "192.0.2.1", false},
    {"x (may be forged)@mail.example.org [192.0.2.1]", true,
     "x (may be forged)", "mail.example.org", "192.0.2.1", false},
    {"@mail.example.org [192.0.2.1]", true, "", "mail.example.org", "192.0.2.1",
     false},
    /* nobody */
    {"", false, NULL, NULL, NULL, false},
    {"mail.example.org", false, NULL, NULL, NULL, false},
    {"mail.example.org (may be forged)", false, NULL, NULL, NULL, false},
    {"localhost (may be forged)", false, NULL, NULL, NULL, false},
    {" (may be forged)", false, NULL, NULL, NULL, false},
    {"[192.0.2.1] (may be forged) ", true, NULL, NULL, "192.0.2.1", true},
    {"(may be forged) [192.0.2.1]", false, NULL, NULL, NULL, false},
    {"two names [192.0.2.1]", false, NULL, NULL, NULL, false},
    {"mail.example.org[192.0.2.1]", false, NULL, NULL, NULL, false},
    {"mail.example.org  [192.0.2.1]", false, NULL, NULL, NULL, false},
    {"[198.51.100.1] [192.0.2.1]", false, NULL, NULL, NULL, false},
    {"mail.example.org [192.0.2.1] extra", false, NULL, NULL, NULL, false},
    {"mail.example.org [mail]", false, NULL, NULL, NULL, false},
    {"mail.example.org []", false, NULL, NULL, NULL, false},
    {"]", false, NULL, NULL, NULL, false},
    {"[", false, NULL, NULL, NULL, false},
    {"joe@ [192.0.2.1]", false, NULL, NULL, NULL, false},
    {"a\tb [192.0.2.1]", false, NULL, NULL, NULL, false},
};

static void check_client(struct slice text, void *context)
{
    struct client client;
    bool is_client = client_parse(text, &client);

    (void)context;
    assert_inside(client.ident, text);
    assert_inside(client.name, text);
    if (!is_client)
        assert_true(!client.has_ip && !client.forged &&
                    slice_is_absent(client.name) &&
                    slice_is_absent(client.ident));
}

static void clients_are_read_from_the_right(void **state)
{
    struct guard guard;

    (void)state;
    guard_open(&guard, 4096);
    for (size_t i = 0; i < COUNT(client_cases); i++) {
        const char *title = client_cases[i].text;
        struct slice text = slice_from_string(title);
        char formatted[ADDRESS_IP_TEXT_MAX];
        struct client client;
        bool is_client = client_parse(guard_text(&guard, text), &client);

        if (is_client != client_cases[i].is_client ||
            client.forged != client_cases[i].is_forged ||
            client.has_ip != (client_cases[i].ip != NULL))
            fail_msg("%s: client %d, forged %d, has_ip %d", title, is_client,
                     client.forged, client.has_ip);
        assert_slice_is(client.ident, client_cases[i].ident, title);
        assert_slice_is(client.name, client_cases[i].name, title);
        if (client.has_ip) {
            ip_format(&client.ip, formatted);
            assert_string_equal(formatted, client_cases[i].ip);
        }
        guard_cut_everywhere(text, check_client, NULL);
    }
    guard_close(&guard);
}

/* ---- domains ---- */

/* The address is looked for in place; ip_parse has the last word on it. */
static void brackets_at_the_end_are_read_as_ip_parse_reads_them(void **state)
{
    static const char *const inner[] = {
        "0.0.0.0",
        "255.255.255.255",
        "198.51.100.7",
        "1.2.3",
        "1.2.3.4.5",
        "1..2.3",
        ".1.2.3",
        "1.2.3.",
        "256.1.1.1",
        "1.1.1.256",
        "01.2.3.4",
        "1.2.3.00",
        "1234.1.1.1",
        "1.2.3.4444",
        "1.2.3.x",
        "1.2.3.4 ",
        " 1.2.3.4",
        "",
        ".",
        "...",
        "1.2.3/4",
        "1.2.3:4",
        "2001:db8::1",
        "IPv6:2001:db8::1",
        "192.0.2.1]",
        "::ffff:1.2.3.4",
        "192.0.2.1\n",
        "1.2.3.4,5",
        "192.0.2.0001",
        "192.000.002.001",
        "1.2.3.-4",
        "0000.0.0.0",
    };
    const char *name = "mail-relay.example.net";
    struct guard guard;

    (void)state;
    guard_open(&guard, 4096);
    for (size_t i = 0; i < COUNT(inner); i++)
        for (size_t at = 0; at <= strlen(name); at++) {
            char text[64];
            int len = snprintf(text, sizeof text, "%s%s[%s]", name + at,
                               name[at] != '\0' ? " " : "", inner[i]);
            struct slice whole =
                guard_text(&guard, slice_make(text, (size_t)len));
            struct client client;
            struct ip ip;
            bool is_ip =
                ip_parse(slice_skip(whole, slice_index(whole, '[')), &ip);

            assert_int_equal(client_parse(whole, &client), is_ip);
            assert_int_equal(client.has_ip, is_ip);
            if (is_ip)
                assert_memory_equal(&client.ip, &ip, sizeof ip);
        }
    guard_close(&guard);
}

static void a_domain_holds_itself_and_what_ends_in_it(void **state)
{
    static const struct {
        const char *host, *domain;
        bool is_within;
    } cases[] = {
        {"example.org", "example.org", true},
        {"EXAMPLE.org", "example.ORG", true},
        {"example.org.", "example.org", true},
        {"example.org", "example.org.", true},
        {"mail.example.org", "example.org", true},
        {"a.b.Example.Org.", "example.org", true},
        {"badexample.org", "example.org", false},
        {"example.org", "mail.example.org", false},
        {"example.org", "", false},
        {"example.org", ".", false},
        {"", "example.org", false},
        {"", "", false},
        {"example.orgs", "example.org", false},
        {".example.org", "example.org", true},
        {"[192.0.2.1]", "[192.0.2.1]", true},
        {"[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]", true},
    };
    struct guard hosts, domains;

    (void)state;
    guard_open(&hosts, 256);
    guard_open(&domains, 256);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice host =
            guard_text(&hosts, slice_from_string(cases[i].host));
        struct slice domain =
            guard_text(&domains, slice_from_string(cases[i].domain));

        if (domain_is_within(host, domain) != cases[i].is_within)
            fail_msg("\"%s\" within \"%s\"?", cases[i].host, cases[i].domain);
    }
    guard_close(&hosts);
    guard_close(&domains);
}

static void long_texts_take_linear_time(void **state)
{
    static const char *const heads[] = {"<", "a@", "[", "host [", "@a,", "\"("};
    const size_t len = 1 << 20;
    char *text = malloc(len);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < COUNT(heads); i++) {
        memset(text, '.', len);
        memcpy(text, heads[i], strlen(heads[i]));
        check_client(slice_make(text, len), NULL);
        check_address(slice_make(text, len), NULL);
        for (size_t at = strlen(heads[i]); at < len; at++)
            text[at] = heads[i][at % strlen(heads[i])];
        check_client(slice_make(text, len), NULL);
        check_address(slice_make(text, len), NULL);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken_apart),
        cmocka_unit_test(network_addresses_are_read_and_written),
        cmocka_unit_test(what_no_host_has_is_known),
        cmocka_unit_test(dotted_quads_are_read_as_inet_pton_reads_them),
        cmocka_unit_test(a_nul_ends_no_address),
        cmocka_unit_test(networks_hold_their_addresses_alone),
        cmocka_unit_test(clients_are_read_from_the_right),
        cmocka_unit_test(brackets_at_the_end_are_read_as_ip_parse_reads_them),
        cmocka_unit_test(a_domain_holds_itself_and_what_ends_in_it),
        cmocka_unit_test(long_texts_take_linear_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
