/*
 * Addresses, clients and status texts. Each case ends at a page nobody may
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

static void assert_inside(struct slice part, struct slice whole)
{
    if (!slice_is_absent(part))
        assert_true(part.ptr >= whole.ptr &&
                    part.ptr + part.len <= whole.ptr + whole.len);
}

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

/* ---- status texts ---- */

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
        check_client(slice_make(text, len), NULL);
        check_address(slice_make(text, len), NULL);
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

/* ---- generic names ---- */

static const struct {
    const char *name, *ip;
    bool is_generic;
} name_cases[] = {
    {"dsl-198-51-100-7.example.net", "198.51.100.7", true},
    {"7.100.51.198.dsl.example.net", "198.51.100.7", true},
    {"host7.sub100.example.net", "198.51.100.7", true},
    {"c6336407.pool.example.net", "198.51.100.7", true},
    {"C6336407.pool.example.net", "198.51.100.7", true},
    {"dC6336407.upc.example.net", "198.51.100.7", true},
    {"pC6336407.dip.example.net", "198.51.100.7", true},
    {"c6336407dsl.example.net", "198.51.100.7", true},
    {"dC6336408.upc.example.net", "198.51.100.7", false},
    {"C633640.7.example.net", "198.51.100.7", false},
    {"ddC6336407d.upc.example.net", "198.51.100.7", false},
    {"198051100007.pool.example.net", "198.51.100.7", true},
    {"3325256711.pool.example.net", "198.51.100.7", true},
    {"h7-7.example.net", "198.51.7.7", true},
    {"mail.example.net", "198.51.100.7", false},
    {"mail7.example.net", "198.51.100.7", false},
    {"mx100.example.net", "198.51.100.7", false},
    {"h7.example.net", "198.51.7.7", false},
    {"", "198.51.100.7", false},
    {"99999999999999999999.100.7x.example.net", "198.51.100.7", true},
    {"cust-2001-db8-bad-316.example.net", "2001:db8:bad::316", true},
    {"mail-316.example.net", "2001:db8:bad::316", false},
    {"mail.example.net", "2001:db8:bad::316", false},
    {"mail-27.example.net", "2001:db8:0:a::27", false},
    {"Beta-27.example.net", "2001:db8:0:be::27", false},
    {"mail-a-27.example.net", "2001:db8:0:a::27", true},
    {"a.27.example.net", "2001:db8:0:a::27", true},
    {"27.a", "2001:db8:0:a::27", true},
};

static void names_made_of_their_address_are_generic(void **state)
{
    struct guard guard;

    (void)state;
    guard_open(&guard, 4096);
    for (size_t i = 0; i < COUNT(name_cases); i++) {
        struct slice name =
            guard_text(&guard, slice_from_string(name_cases[i].name));
        struct ip ip;

        assert_true(ip_parse(slice_from_string(name_cases[i].ip), &ip));
        if (name_is_generic(name, &ip) != name_cases[i].is_generic)
            fail_msg("%s of %s", name_cases[i].name, name_cases[i].ip);
    }
    guard_close(&guard);
}

static const struct {
    const char *name, *ip;
    bool is_line;
} line_cases[] = {
    {"dsl-7.example.net", "198.51.100.9", true},
    {"h3.cable.example.net", "198.51.100.9", true},
    {"h3.cable.example", "198.51.100.9", false},
    {"h3.cable.example.", "198.51.100.9", false},
    {"mta1.mobile.example", "198.51.100.9", false},
    {"VDSL7.example.net", "198.51.100.9", true},
    {"a.pppoe.example.net", "198.51.100.9", true},
    {"7.Users.example.net", "198.51.100.9", true},
    {"gprs-7.example.net", "198.51.100.9", true},
    {"xdslx-7.example.net", "198.51.100.9", false},
    {"mail-cpe-7.example.net", "198.51.100.9", true},
    {"host-9.example.net", "198.51.100.9", true},
    {"static.009.example.net", "198.51.100.9", true},
    {"wan9.example.net", "198.51.100.9", true},
    {"host-8.example.net", "198.51.100.9", false},
    {"host-98.example.net", "198.51.100.9", false},
    {"hosts-9.example.net", "198.51.100.9", false},
    {"host.example.net", "198.51.100.9", false},
    {"host-9", "198.51.100.9", false},
    {"host-9.example.net", "2001:db8::9", false},
    {"cpe-9.example.net", "2001:db8::9", true},
    {"mail.example.net", "198.51.100.9", false},
    {"..-.", "198.51.100.9", false},
    {"", "198.51.100.9", false},
};

static void names_of_lines_say_so(void **state)
{
    struct guard guard;

    (void)state;
    guard_open(&guard, 4096);
    for (size_t i = 0; i < COUNT(line_cases); i++) {
        struct slice name =
            guard_text(&guard, slice_from_string(line_cases[i].name));
        struct ip ip;

        assert_true(ip_parse(slice_from_string(line_cases[i].ip), &ip));
        if (name_is_line(name, &ip) != line_cases[i].is_line)
            fail_msg("%s of %s", line_cases[i].name, line_cases[i].ip);
    }
    guard_close(&guard);
}

static void names_have_owners(void **state)
{
    static const struct {
        const char *name, *owner; /* NULL: none */
    } cases[] = {
        {"ppp7.dialin.netz.example", "netz.example"},
        {"netz.example", "netz.example"},
        {"a.b.netz.co.example", "netz.co.example"},
        {"netz.co.example", "netz.co.example"},
        {"co.example", NULL},
        {"example", NULL},
        {"", NULL},
        {"a.", NULL},
        {".", NULL},
        {"...", NULL},
    };
    struct guard guard;

    (void)state;
    guard_open(&guard, 4096);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice owner =
            name_owner(guard_text(&guard, slice_from_string(cases[i].name)));

        if (cases[i].owner == NULL)
            assert_true(owner.len == 0 || owner.ptr[0] == '.');
        else
            assert_slice_is(owner, cases[i].owner, cases[i].name);
    }
    guard_close(&guard);
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
        cmocka_unit_test(status_texts_prove_what_sendmail_says_alone),
        cmocka_unit_test(long_status_texts_take_linear_time),
        cmocka_unit_test(real_status_texts_are_read_right),
        cmocka_unit_test(names_made_of_their_address_are_generic),
        cmocka_unit_test(names_of_lines_say_so),
        cmocka_unit_test(names_have_owners),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
