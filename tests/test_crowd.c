/* What is counted over all messages: the same, however many workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parsers/status.h"
#include "qscan/crowd.h"
#include "qscan/interrupt.h"
#include "tests/assert_slice.h"

enum { PARTS = 3 };

/* Small ones cancel small numbers that are hashed. */
static const uint64_t key[2] = {UINT64_C(0x243f6a8885a308d3),
                                UINT64_C(0x13198a2e03707344)};

static struct ip ip_of(const char *text)
{
    struct ip ip;

    assert_true(ip_parse(slice_from_string(text), &ip));
    return ip;
}

static void add_client(struct crowd *crowd, const char *domain,
                       const char *peer)
{
    struct client client;

    assert_true(client_parse(slice_from_string(peer), &client));
    crowd_add_client(crowd, CROWD_FOR, slice_from_string(domain),
                     crowd_client_key(crowd, &client));
}

static unsigned clients_of(const struct crowd *crowd, const char *domain)
{
    return crowd_count_clients(crowd, CROWD_FOR, slice_from_string(domain));
}

static struct crowd_host host_of(const struct crowd *crowd, const char *host)
{
    return crowd_find_host(crowd, slice_from_string(host));
}

/* ---- sources ---- */

static void test_source_is_one_however_often_met(void **state)
{
    struct crowd crowd;
    struct ip one = ip_of("192.0.2.1");
    struct ip mapped = ip_of("::ffff:192.0.2.1");
    struct ip two = ip_of("2001:db8::1");

    (void)state;
    assert_true(crowd_init(&crowd, key));
    assert_int_equal(crowd_add_source(&crowd, &one, 5), 1);
    assert_int_equal(crowd_add_source(&crowd, &two, 6), 2);
    assert_int_equal(crowd_add_source(&crowd, &mapped, 7), 1);
    assert_int_equal(crowd.sources.items[1].row, 5);
    crowd_free(&crowd);
}

static void test_many_sources_are_found_again(void **state)
{
    struct crowd crowd;

    (void)state;
    assert_true(crowd_init(&crowd, key));
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < 20000; i++) {
            struct ip ip = ip_of("198.18.0.0");

            ip.bytes[14] = (uint8_t)(i >> 8);
            ip.bytes[15] = (uint8_t)i;
            assert_int_equal(crowd_add_source(&crowd, &ip, i), i + 1);
        }
    crowd_free(&crowd);
}

static void test_guesses_of_a_source_count_once(void **state)
{
    struct crowd crowd;
    struct facts_table table;
    struct ip ip = ip_of("192.0.2.1");
    struct ip other = ip_of("192.0.2.2");
    uint32_t source;

    (void)state;
    facts_init(&table);
    assert_true(crowd_init(&crowd, key));
    source = crowd_add_source(&crowd, &ip, 0);
    crowd_add_guess(&crowd, source, SLICE_LITERAL("ann@example.org"));
    crowd_add_guess(&crowd, source, SLICE_LITERAL("ANN@example.org"));
    crowd_add_guess(&crowd, source, SLICE_LITERAL("bob@example.org"));
    crowd_add_guess(&crowd, crowd_add_source(&crowd, &other, 0),
                    SLICE_LITERAL("ann@example.org"));
    crowd_add_guess(&crowd, 0, SLICE_LITERAL("nobody@example.org"));
    assert_true(crowd_merge(&crowd, 1, &table));
    assert_int_equal(crowd_find_source(&crowd, &ip)->guesses, 2);
    assert_int_equal(crowd_find_source(&crowd, &other)->guesses, 1);
    crowd_free(&crowd);
    facts_free(&table);
}

/* ---- clients of a domain ---- */

static void test_independent_clients(void **state)
{
    struct crowd crowd;

    (void)state;
    assert_true(crowd_init(&crowd, key));
    assert_int_equal(clients_of(&crowd, "example.org"), 0);
    add_client(&crowd, "example.org", "a.one.example [192.0.2.1]");
    /* a sister of the same parent, whatever its network */
    add_client(&crowd, "example.org", "b.ONE.example [198.51.100.1]");
    assert_int_equal(clients_of(&crowd, "example.org"), 1);
    add_client(&crowd, "example.org", "a.two.example [192.0.2.2]");
    assert_int_equal(clients_of(&crowd, "example.org"), 2);
    /* without a verified name the network counts: /24 and /48 */
    add_client(&crowd, "example.org", "[203.0.113.1]");
    add_client(&crowd, "example.org", "[203.0.113.200]");
    add_client(&crowd, "example.org",
               "liar.example [203.0.113.7] (may be forged)");
    assert_int_equal(clients_of(&crowd, "example.org"), 3);
    add_client(&crowd, "example.org", "[IPv6:2001:db8:1::1]");
    add_client(&crowd, "example.org", "[IPv6:2001:db8:1:ffff::1]");
    assert_int_equal(clients_of(&crowd, "example.org"), 4);
    add_client(&crowd, "example.org", "[IPv6:2001:db8:2::1]");
    assert_int_equal(clients_of(&crowd, "example.org"), 5);
    /* this host itself, our own network, and no domain, count nowhere */
    add_client(&crowd, "example.org", "localhost [127.0.0.1]");
    add_client(&crowd, "example.org", "pc7.three.example [10.1.2.3]");
    add_client(&crowd, "example.org", "[IPv6:fd00::7]");
    add_client(&crowd, "example.org", "root@localhost");
    add_client(&crowd, "", "[192.0.2.77]");
    assert_int_equal(clients_of(&crowd, "example.org"), 5);
    assert_int_equal(clients_of(&crowd, "example.net"), 0);
    crowd_free(&crowd);
}

static void add_role(struct crowd *crowd, enum crowd_role role,
                     const char *name, const char *peer)
{
    struct client client;

    assert_true(client_parse(slice_from_string(peer), &client));
    crowd_add_client(crowd, role, slice_from_string(name),
                     crowd_client_key(crowd, &client));
}

static unsigned alike(const struct crowd *crowd, const char *target,
                      const char *host, unsigned sources)
{
    return crowd_count_alike(crowd, slice_from_string(target),
                             slice_from_string(host), sources);
}

static void test_most_of_those_who_did_alike_count(void **state)
{
    struct crowd crowd;

    (void)state;
    assert_true(crowd_init(&crowd, key));
    add_role(&crowd, CROWD_FOR, "one.example", "[192.0.2.1]");
    add_role(&crowd, CROWD_AT, "mx.example", "[192.0.2.1]");
    add_role(&crowd, CROWD_AT, "mx.example", "[198.51.100.1]");
    add_role(&crowd, CROWD_AT, "mx.example", "[203.0.113.1]");
    assert_int_equal(alike(&crowd, "one.example", "", 0), 1);
    assert_int_equal(alike(&crowd, "one.example", "", 2), 2);
    assert_int_equal(alike(&crowd, "one.example", "mx.example", 2), 3);
    assert_int_equal(alike(&crowd, "two.example", "", 4), 4);
    /* a name in one role is none in the other */
    assert_int_equal(alike(&crowd, "mx.example", "one.example", 0), 0);
    crowd_free(&crowd);
}

static void test_clients_are_counted_up_to_a_limit(void **state)
{
    struct crowd crowd;
    char peer[64];

    (void)state;
    assert_true(crowd_init(&crowd, key));
    for (int i = 0; i < 200; i++) {
        snprintf(peer, sizeof(peer), "[198.18.%d.1]", i);
        add_client(&crowd, "example.org", peer);
    }
    assert_int_equal(clients_of(&crowd, "example.org"), CROWD_CLIENTS_MAX);
    crowd_free(&crowd);
}

/* A client that is met now with a name, now without, or that makes itself new
 * names, is one; and so are many of one name. */
static void test_one_client_is_one_whatever_its_name(void **state)
{
    struct crowd crowd;
    char peer[64];

    (void)state;
    assert_true(crowd_init(&crowd, key));
    add_client(&crowd, "a.example", "line7.isp.example [192.0.2.7]");
    add_client(&crowd, "a.example",
               "line7.isp.example [192.0.2.7] (may be forged)");
    assert_int_equal(clients_of(&crowd, "a.example"), 1);
    for (int i = 0; i < 5; i++) {
        snprintf(peer, sizeof(peer), "mx.made%d.example.com [192.0.2.7]", i);
        add_client(&crowd, "b.example", peer);
        snprintf(peer, sizeof(peer), "out%d.big.example [198.18.%d.7]", i, i);
        add_client(&crowd, "c.example", peer);
    }
    assert_int_equal(clients_of(&crowd, "b.example"), 1);
    assert_int_equal(clients_of(&crowd, "c.example"), 1);
    crowd_free(&crowd);
}

static void meet(struct crowd *crowd, struct facts_table *table,
                 unsigned worker, const char *address, const char *name)
{
    struct facts *row = facts_add(table);
    struct client client;
    char peer[128];

    assert_non_null(row);
    snprintf(peer, sizeof(peer), "%s[%s]", name, address);
    assert_true(client_parse(slice_from_string(peer), &client));
    row->worker = (uint8_t)worker;
    row->is_bounce = true;
    row->domain = intern_add(&crowd->strings, SLICE_LITERAL("victim.example"));
    row->source =
        crowd_add_source(crowd, &client.ip, (uint32_t)table->count - 1);
    crowd_add_site(crowd, row->source, crowd_client_key(crowd, &client).site);
}

/* Hashes are drawn anew in each run: no count may hang on which is larger, nor
 * on who met whom first. */
static void test_a_source_counts_alike_by_any_hashes(void **state)
{
    static const struct {
        const char *address, *name;
    } met[] = {
        {"192.0.2.7", "a.one.example.com "},
        {"192.0.2.7", ""},
        {"198.51.100.7", ""},
        {"198.51.100.7", "b.one.example.com "},
        {"203.0.113.7", "c.one.example.com "},
        {"203.0.113.7", "c.two.example.com "},
        {"203.0.113.8", ""}, /* the network of the one before */
    };

    (void)state;
    for (uint64_t run = 1; run <= 64; run++) {
        const uint64_t hash_key[2] = {key[0] * (2 * run + 1),
                                      key[1] * (2 * run + 3)};
        struct crowd parts[2];
        struct facts_table table;

        facts_init(&table);
        assert_true(crowd_init(&parts[0], hash_key));
        assert_true(crowd_init(&parts[1], hash_key));
        for (size_t i = 0; i < sizeof(met) / sizeof(met[0]); i++) {
            size_t at = run % 2 == 0 ? i : sizeof(met) / sizeof(met[0]) - 1 - i;
            unsigned worker = (unsigned)(run >> (1 + at % 5)) & 1;

            meet(&parts[worker], &table, worker, met[at].address, met[at].name);
        }
        assert_true(crowd_merge(parts, 2, &table));
        assert_int_equal(host_of(&parts[0], "victim.example").sources, 2);
        crowd_free(&parts[0]);
        crowd_free(&parts[1]);
        facts_free(&table);
    }
}

/* ---- with whom mail goes both ways ---- */

static void test_correspondent_writes_and_is_written_to(void **state)
{
    struct crowd crowd;
    struct facts_table table;
    struct ip one = ip_of("192.0.2.1");
    struct ip two = ip_of("192.0.2.2");

    (void)state;
    facts_init(&table);
    assert_true(crowd_init(&crowd, key));
    for (int i = 0; i < 1000; i++)
        crowd_add_writer(&crowd, &one, SLICE_LITERAL("example.org"));
    crowd_add_writer(&crowd, &two, SLICE_LITERAL("example.net"));
    crowd_add_writer(&crowd, &two, SLICE_LITERAL("example.com"));
    crowd_add_writer(&crowd, &two, SLICE_LITERAL("")); /* S<> */
    add_client(&crowd, "example.org", "[192.0.2.7]");
    add_client(&crowd, "example.net", "[192.0.2.7]");
    crowd_add_taken(&crowd, &one, SLICE_LITERAL("receipt.example"));
    crowd_add_taken(&crowd, &two, SLICE_LITERAL(""));
    assert_true(crowd_merge(&crowd, 1, &table));
    /* mail from there was taken, which is told */
    assert_true(
        crowd_is_correspondent(&crowd, &one, SLICE_LITERAL("receipt.example")));
    assert_false(
        crowd_is_correspondent(&crowd, &two, SLICE_LITERAL("receipt.example")));
    assert_true(
        crowd_is_correspondent(&crowd, &one, SLICE_LITERAL("example.org")));
    assert_true(
        crowd_is_correspondent(&crowd, &two, SLICE_LITERAL("example.net")));
    assert_false(
        crowd_is_correspondent(&crowd, &one, SLICE_LITERAL("example.net")));
    assert_false(
        crowd_is_correspondent(&crowd, &two, SLICE_LITERAL("example.org")));
    /* nobody writes to it */
    assert_false(
        crowd_is_correspondent(&crowd, &two, SLICE_LITERAL("example.com")));
    assert_false(crowd_is_correspondent(&crowd, &two, SLICE_LITERAL("")));
    crowd_free(&crowd);
    facts_free(&table);
}

static void test_an_address_that_mail_waits_for_is_known(void **state)
{
    struct crowd crowd;
    struct facts_table table;

    (void)state;
    facts_init(&table);
    assert_true(crowd_init(&crowd, key));
    crowd_add_addressee(&crowd, SLICE_LITERAL("Ann@Example.org"));
    crowd_add_addressee(&crowd, SLICE_LITERAL(""));
    assert_true(crowd_merge(&crowd, 1, &table));
    assert_true(crowd_is_addressed(
        &crowd, crowd_address_hash(&crowd, SLICE_LITERAL("ann@example.ORG"))));
    assert_false(crowd_is_addressed(
        &crowd, crowd_address_hash(&crowd, SLICE_LITERAL("bob@example.org"))));
    assert_false(crowd_is_addressed(
        &crowd, crowd_address_hash(&crowd, SLICE_LITERAL(""))));
    assert_false(crowd_is_addressed(&crowd, 0));
    crowd_free(&crowd);
    facts_free(&table);
}

static void test_a_domain_that_mail_comes_from_is_known(void **state)
{
    struct crowd parts[2];
    struct facts_table table;
    struct ip ip = ip_of("192.0.2.1");

    (void)state;
    facts_init(&table);
    for (size_t p = 0; p < 2; p++)
        assert_true(crowd_init(&parts[p], key));
    crowd_add_known(&parts[1], SLICE_LITERAL("example.org"));
    crowd_add_writer(&parts[0], &ip, SLICE_LITERAL("example.net"));
    crowd_add_addressee(&parts[0], SLICE_LITERAL("example.com"));
    assert_true(crowd_merge(parts, 2, &table));
    assert_true(crowd_is_known(&parts[0], SLICE_LITERAL("example.org")));
    assert_false(crowd_is_known(&parts[0], SLICE_LITERAL("a.example.org")));
    assert_false(crowd_is_known(&parts[0], SLICE_LITERAL("example.net")));
    assert_false(crowd_is_known(&parts[0], SLICE_LITERAL("example.com")));
    assert_false(crowd_is_known(&parts[0], SLICE_LITERAL("")));
    for (size_t p = 0; p < 2; p++)
        crowd_free(&parts[p]);
    facts_free(&table);
}

/* ---- one source's bounces ---- */

struct bounce_of {
    const char *source, *domain;
    int64_t created;
    bool is_own_name;
    uint64_t address; /* 0: each another one */
};

static const struct bounce_of bounces[] = {
    /* once more, an hour later or before */
    {"192.0.2.1", "anna.example", 10000, false, 0},
    {"192.0.2.2", "anna.example", 20000, false, 0},
    {"192.0.2.1", "anna.example", 13600, false, 0},
    {"192.0.2.2", "anna.example", 16400, false, 0},
    {"192.0.2.7", "anna.example", 10000, false, 0},
    {"192.0.2.7", "anna.example", 20000, false, 0},
    /* an hour from the first to the last, whichever is met first */
    {"192.0.2.8", "anna.example", 12000, false, 0},
    {"192.0.2.8", "anna.example", 10000, false, 0},
    {"192.0.2.8", "anna.example", 13600, false, 0},
    {"192.0.2.9", "anna.example", 12000, false, 0},
    {"192.0.2.9", "anna.example", 10000, false, 0},
    {"192.0.2.9", "anna.example", 13599, false, 0},
    /* too soon; only once; in two names; in its own name */
    {"192.0.2.3", "anna.example", 10000, false, 0},
    {"192.0.2.3", "anna.example", 13599, false, 0},
    {"192.0.2.4", "bert.example", 10000, false, 0},
    {"192.0.2.5", "anna.example", 10000, false, 0},
    {"192.0.2.5", "bert.example", 20000, false, 0},
    {"192.0.2.6", "dsl-6.example", 10000, true, 0},
    {"192.0.2.6", "dsl-6.example", 90000, true, 0},
    /* one address, of two or three bounces, and not in its own name */
    {"192.0.2.10", "anna.example", 10000, false, 1},
    {"192.0.2.10", "anna.example", 10060, false, 1},
    {"192.0.2.11", "anna.example", 10000, false, 2},
    {"192.0.2.11", "anna.example", 10060, false, 2},
    {"192.0.2.11", "anna.example", 10120, false, 2},
    {"192.0.2.12", "anna.example", 10000, false, 3},
    {"192.0.2.12", "anna.example", 10060, false, 3},
    {"192.0.2.12", "anna.example", 10120, false, 3},
    {"192.0.2.12", "anna.example", 10180, false, 3},
    /* more guesses than typos, an hour apart and for one address */
    {"192.0.2.14", "anna.example", 10000, false, 0},
    {"192.0.2.14", "anna.example", 20000, false, 0},
    {"192.0.2.15", "anna.example", 10000, false, 5},
    {"192.0.2.15", "anna.example", 10060, false, 5},
    {"192.0.2.13", "dsl-6.example", 10000, true, 4},
    {"192.0.2.13", "dsl-6.example", 10060, true, 4},
};

/* A bounce for that domain, of mail from that address; its row. */
static struct facts *add_bounce(struct crowd *crowd, struct facts_table *table,
                                const char *domain, const struct ip *ip)
{
    uint32_t number = (uint32_t)table->count;
    struct facts *row = facts_add(table);

    assert_non_null(row);
    row->domain = intern_add(&crowd->strings, slice_from_string(domain));
    row->is_bounce = true;
    row->source = crowd_add_source(crowd, ip, number);
    return row;
}

/* Guesses of its own, which are no typos. */
static void add_guesses(struct crowd *crowd, const char *source, unsigned count)
{
    struct ip ip = ip_of(source);

    for (unsigned i = 0; i < count; i++) {
        char text[32];

        snprintf(text, sizeof(text), "u%u@example.com", i);
        crowd_add_guess(crowd, crowd_add_source(crowd, &ip, 0),
                        slice_from_string(text));
    }
}

static bool is_steady(const struct crowd *crowd, const char *source)
{
    struct ip ip = ip_of(source);
    struct crowd_host domain = {0};

    return crowd_is_steady(crowd_find_source(crowd, &ip), &domain);
}

static void test_who_bounces_for_one_domain_alone_is_steady(void **state)
{
    enum { BOUNCES = sizeof(bounces) / sizeof(bounces[0]), WAYS = 5000 };

    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        struct crowd parts[2];
        struct facts_table table;

        facts_init(&table);
        for (size_t p = 0; p < 2; p++)
            assert_true(crowd_init(&parts[p], key));
        for (unsigned i = 0; i < BOUNCES; i++) {
            unsigned worker = way * 79 >> i % 19 & 1;
            struct crowd *crowd = &parts[worker];
            struct ip ip = ip_of(bounces[i].source);
            struct facts *row =
                add_bounce(crowd, &table, bounces[i].domain, &ip);

            row->worker = (uint8_t)worker;
            row->created = bounces[i].created;
            row->is_own_name = bounces[i].is_own_name;
            row->address_hash =
                bounces[i].address > 0 ? bounces[i].address : 100 + i;
        }
        add_guesses(&parts[way & 1], "192.0.2.1", 3);
        add_guesses(&parts[way & 1], "192.0.2.2", 12);
        add_guesses(&parts[way & 1], "192.0.2.14", 13);
        add_guesses(&parts[way & 1], "192.0.2.15", 4);
        assert_true(crowd_merge(parts, 2, &table));
        assert_false(is_steady(&parts[0], "192.0.2.14"));
        assert_false(is_steady(&parts[0], "192.0.2.15"));
        assert_true(is_steady(&parts[0], "192.0.2.1"));
        assert_true(is_steady(&parts[0], "192.0.2.2"));
        assert_false(is_steady(&parts[0], "192.0.2.3"));
        assert_false(is_steady(&parts[0], "192.0.2.4"));
        assert_false(is_steady(&parts[0], "192.0.2.5"));
        assert_false(is_steady(&parts[0], "192.0.2.6"));
        assert_true(is_steady(&parts[0], "192.0.2.7"));
        assert_true(is_steady(&parts[0], "192.0.2.8"));
        assert_false(is_steady(&parts[0], "192.0.2.9"));
        assert_true(is_steady(&parts[0], "192.0.2.10"));
        assert_true(is_steady(&parts[0], "192.0.2.11"));
        assert_false(is_steady(&parts[0], "192.0.2.12"));
        assert_false(is_steady(&parts[0], "192.0.2.13"));
        for (size_t p = 0; p < 2; p++)
            crowd_free(&parts[p]);
        facts_free(&table);
    }
}

/* ---- merging ---- */

struct row_of {
    const char *domain, *host, *source;
    enum status_kind status;
    bool is_bounce;
};

static const struct row_of rows[] = {
    {"anna.example", "mx.anna.example", "192.0.2.1", STATUS_REFUSED, true},
    {"bert.example", "mx.bert.example", "192.0.2.1", STATUS_TIMEOUT, true},
    {"anna.example", "mx.anna.example", "192.0.2.2", STATUS_UNREACHABLE, true},
    {"anna.example", "mx.anna.example", NULL, STATUS_REFUSED, false},
    {"bert.example", "mx.bert.example", NULL, STATUS_REPLY, false},
    {"bert.example", "mx.carl.example", NULL, STATUS_RESET, false},
    {"carl.example", "mx.carl.example", "192.0.2.1", STATUS_UNRESOLVED, true},
    {"carl.example", "mx.anna.example", NULL, STATUS_TIMEOUT, false},
    {"mx.anna.example", "mx.anna.example", NULL, STATUS_TIMEOUT, false},
    {"d.anna.example", "mx.anna.example", NULL, STATUS_TIMEOUT, false},
    {"anna.example", "mx.carl.example", NULL, STATUS_REFUSED, false},
    {"anna.example", "mx.carl.example", NULL, STATUS_TIMEOUT, false},
    {"bert.example", "carl.example", NULL, STATUS_TIMEOUT, false},
    /* a provider's customers below what may be a public suffix */
    {"shop.co.example", "isp.co.example", NULL, STATUS_TIMEOUT, false},
    {"club.co.example", "isp.co.example", NULL, STATUS_TIMEOUT, false},
    {"www.isp.co.example", "isp.co.example", NULL, STATUS_TIMEOUT, false},
    {"anna.example", "anna.example", "203.0.113.1", STATUS_NONE, true},
    {"[192.0.2.7]", "[192.0.2.7]", "203.0.113.1", STATUS_NONE, true},
};

/* Of two addresses of one site the first was not always met with its name. */
static uint64_t site_of(const char *source, uint32_t row)
{
    if (source[0] == '2')
        return UINT64_C(0x5bd1e9955bd1e995);
    return row == 0 ? 6 : UINT64_C(0x9e3779b97f4a7c15);
}

static void add_row(struct crowd *crowd, struct facts_table *table,
                    const struct row_of *from, unsigned worker)
{
    uint32_t number = (uint32_t)table->count;
    struct facts *row = facts_add(table);

    assert_non_null(row);
    row->worker = (uint8_t)worker;
    row->domain = intern_add(&crowd->strings, slice_from_string(from->domain));
    row->host = intern_add(&crowd->strings, slice_from_string(from->host));
    row->more_domains = row->domain;
    row->is_later = number % 2 == 0; /* else it says what the rules missed */
    row->pending =
        row->is_later ? intern_add(&crowd->blobs, slice_from_string(from->host))
                      : 100000 + number;
    row->status_kind = (uint8_t)from->status;
    row->is_bounce = from->is_bounce;
    row->has_sender = !from->is_bounce && number % 4 != 0;
    if (from->source != NULL) {
        struct ip ip = ip_of(from->source);

        row->source = crowd_add_source(crowd, &ip, number);
        crowd_add_site(crowd, row->source, site_of(from->source, number));
        crowd_add_guess(crowd, row->source, slice_from_string(from->domain));
    }
}

static void check_merged(const struct crowd *crowd,
                         const struct facts_table *table)
{
    struct ip one = ip_of("192.0.2.1");
    struct ip two = ip_of("192.0.2.2");
    struct ip nobody = ip_of("192.0.2.3");

    assert_int_equal(crowd_find_source(crowd, &one)->bounces, 3);
    assert_int_equal(crowd_find_source(crowd, &one)->guesses, 3);
    assert_int_equal(crowd_find_source(crowd, &two)->bounces, 1);
    assert_null(crowd_find_source(crowd, &nobody));
    assert_int_equal(host_of(crowd, "mx.anna.example").waiting, 6);
    assert_int_equal(host_of(crowd, "mx.anna.example").domains, 1);
    assert_int_equal(host_of(crowd, "mx.anna.example").mail, 3);
    assert_int_equal(host_of(crowd, "mx.carl.example").domains, 1);
    assert_int_equal(host_of(crowd, "mx.bert.example").domains, 0);
    assert_int_equal(host_of(crowd, "carl.example").domains, 1);
    assert_int_equal(host_of(crowd, "isp.co.example").domains, 2);
    assert_int_equal(host_of(crowd, "mx.bert.example").waiting, 1);
    assert_int_equal(host_of(crowd, "mx.carl.example").waiting, 3);
    assert_int_equal(host_of(crowd, "anna.example").answered, 1);
    assert_int_equal(host_of(crowd, "bert.example").answered, 2);
    assert_int_equal(host_of(crowd, "unheard.example").waiting, 0);
    assert_int_equal(host_of(crowd, "anna.example").sources, 2);
    assert_int_equal(host_of(crowd, "bert.example").sources, 1);
    assert_int_equal(host_of(crowd, "mx.anna.example").sources, 0);
    assert_int_equal(host_of(crowd, "[192.0.2.7]").sources, 0);
    assert_int_equal(clients_of(crowd, "anna.example"), 2);
    assert_true(
        crowd_is_correspondent(crowd, &one, SLICE_LITERAL("anna.example")));
    assert_true(
        crowd_is_correspondent(crowd, &two, SLICE_LITERAL("bert.example")));
    assert_false(
        crowd_is_correspondent(crowd, &two, SLICE_LITERAL("anna.example")));
    for (size_t i = 0; i < table->count; i++) {
        const struct facts *row = &table->rows[i];

        assert_slice_is(intern_text(&crowd->strings, row->domain),
                        rows[i].domain, "domain");
        assert_slice_is(intern_text(&crowd->strings, row->host), rows[i].host,
                        "host");
        if (row->is_later)
            assert_slice_is(intern_text(&crowd->blobs, row->pending),
                            rows[i].host, "pending");
        else
            assert_int_equal(row->pending, 100000 + i);
        assert_slice_is(intern_text(&crowd->strings, row->more_domains),
                        rows[i].domain, "more domains");
    }
}

/* Rows dealt out to the workers in many of the ways there are. */
static void test_any_share_of_work_gives_the_same_counts(void **state)
{
    enum { ROWS = sizeof(rows) / sizeof(rows[0]), WAYS = 20000 /* of 3^18 */ };
    struct ip writers[] = {ip_of("192.0.2.1"), ip_of("192.0.2.2")};

    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        struct crowd parts[PARTS];
        struct facts_table table;
        unsigned rest = way * 79; /* all over them */

        facts_init(&table);
        for (size_t p = 0; p < PARTS; p++)
            assert_true(crowd_init(&parts[p], key));
        for (size_t i = 0; i < ROWS; i++, rest /= PARTS)
            add_row(&parts[rest % PARTS], &table, &rows[i], rest % PARTS);
        crowd_add_answer(&parts[way % PARTS], SLICE_LITERAL("anna.example"));
        crowd_add_writer(&parts[way % PARTS], &writers[0],
                         SLICE_LITERAL("anna.example"));
        crowd_add_writer(&parts[(way + 1) % PARTS], &writers[1],
                         SLICE_LITERAL("bert.example"));
        add_client(&parts[way % PARTS], "anna.example", "[192.0.2.1]");
        add_client(&parts[(way + 1) % PARTS], "anna.example", "[192.0.2.9]");
        add_client(&parts[(way + 2) % PARTS], "anna.example", "[203.0.113.9]");
        add_client(&parts[(way + 2) % PARTS], "bert.example", "[192.0.2.9]");
        assert_true(crowd_merge(parts, PARTS, &table));
        check_merged(&parts[0], &table);
        for (size_t p = 0; p < PARTS; p++)
            crowd_free(&parts[p]);
        facts_free(&table);
    }
}

/* In a process of its own: the signal stays. */
static void merge_after_a_signal(void)
{
    struct crowd parts[PARTS];
    struct facts_table table;

    facts_init(&table);
    for (size_t p = 0; p < PARTS; p++)
        if (!crowd_init(&parts[p], key))
            _exit(2);
    add_row(&parts[PARTS - 1], &table, &rows[0], PARTS - 1);
    interrupt_setup();
    raise(SIGTERM);
    _exit(crowd_merge(parts, PARTS, &table));
}

static void test_no_crowd_is_merged_by_half_when_asked_to_stop(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0)
        merge_after_a_signal();
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* So many bounces of one source, so long one behind the other, in a name in
 * which so many others write. */
static bool is_steady_among(unsigned own, unsigned others, int64_t apart_sec)
{
    struct crowd crowd;
    struct facts_table table;
    struct crowd_host domain;
    struct ip ip = ip_of("192.0.0.1");
    bool is_steady;

    facts_init(&table);
    assert_true(crowd_init(&crowd, key));
    for (unsigned i = 0; i < own + others; i++) {
        struct ip other = ip;
        struct facts *row;

        other.bytes[14] = (uint8_t)(i < own ? 0 : i);
        row = add_bounce(&crowd, &table, "anna.example", &other);
        row->created = apart_sec * (int64_t)(1 + i);
        row->address_hash = 1 + i;
        crowd_add_site(&crowd, row->source, 2 + 2 * other.bytes[14]);
    }
    assert_true(crowd_merge(&crowd, 1, &table));
    domain = crowd_find_host(&crowd, SLICE_LITERAL("anna.example"));
    assert_int_equal(domain.sources, 1 + others);
    is_steady = crowd_is_steady(crowd_find_source(&crowd, &ip), &domain);
    crowd_free(&crowd);
    facts_free(&table);
    return is_steady;
}

/* A domain that others forge too may be met twice by chance, but not often. */
static void test_of_a_domain_of_many_sources_few_are_steady(void **state)
{
    (void)state;
    for (unsigned own = 2; own <= 4; own++)
        for (unsigned others = 0; others < 4; others++)
            assert_int_equal(is_steady_among(own, others, 10000),
                             others < 2 || own > 3);
}

/* A program's batch; twice may be chance, and a flood is no batch. */
static void test_who_alone_writes_in_a_name_is_steady_at_once(void **state)
{
    (void)state;
    for (unsigned own = 2; own <= 14; own++)
        for (unsigned others = 0; others < 3; others++)
            assert_int_equal(is_steady_among(own, others, 1),
                             others == 0 && own >= 3 && own <= 12);
}

/* A program writes as one sender, a firm not all of it within a minute to
 * strangers. */
static void test_who_alone_writes_as_several_at_once_is_not_steady(void **state)
{
    static const struct {
        unsigned addresses, sec, guesses;
        bool is_steady;
    } cases[] = {
        /* of three bounces */
        {3, 60, 3, false}, {2, 60, 3, false}, {3, 61, 3, true},
        {1, 60, 3, true},  {3, 60, 2, false}, {3, 60, 1, true},
    };

    (void)state;
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct crowd crowd;
        struct facts_table table;
        struct crowd_host domain;
        struct ip ip = ip_of("192.0.2.1");

        facts_init(&table);
        assert_true(crowd_init(&crowd, key));
        for (unsigned i = 0; i < 3; i++) {
            struct facts *row = add_bounce(&crowd, &table, "a.example", &ip);

            row->created = 1000 + (int64_t)(i * cases[c].sec / 2);
            row->address_hash = 100 + i % cases[c].addresses;
            crowd_add_site(&crowd, row->source, 2);
        }
        table.rows[2].created = 1000 + cases[c].sec;
        add_guesses(&crowd, "192.0.2.1", cases[c].guesses);
        assert_true(crowd_merge(&crowd, 1, &table));
        domain = crowd_find_host(&crowd, SLICE_LITERAL("a.example"));
        assert_int_equal(
            crowd_is_steady(crowd_find_source(&crowd, &ip), &domain),
            cases[c].is_steady);
        crowd_free(&crowd);
        facts_free(&table);
    }
}

/* Three bounces or more, for several domains. */
static void test_who_writes_in_several_names_forges(void **state)
{
    static const struct {
        const char *domains;
        bool forges;
    } cases[] = {{"aa", false}, {"ab", false},  {"aaa", false}, {"aab", true},
                 {"baa", true}, {"abab", true}, {"aaaa", false}};

    (void)state;
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct crowd crowd;
        struct facts_table table;
        struct ip ip = ip_of("192.0.2.1");

        facts_init(&table);
        assert_true(crowd_init(&crowd, key));
        for (const char *at = cases[c].domains; *at != '\0'; at++)
            add_bounce(&crowd, &table, (char[]){*at, '\0'}, &ip);
        assert_true(crowd_merge(&crowd, 1, &table));
        assert_int_equal(crowd_forges(crowd_find_source(&crowd, &ip)),
                         cases[c].forges);
        crowd_free(&crowd);
        facts_free(&table);
    }
}

/* How many bounces to one domain, with which aims: 0 = several. */
static void test_several_bounces_with_one_aim(void **state)
{
    static const struct {
        uint16_t aims[5];
        unsigned count;
        bool has_one;
    } cases[] = {
        {{7, 7, 7}, 3, true},     {{7, 7, 7, 7, 7}, 5, true},
        {{7, 7}, 2, false},       {{7, 7, 8}, 3, false},
        {{8, 7, 7}, 3, false},    {{7, 7, 7, 7, 8}, 5, false},
        {{0, 0, 0}, 3, false},    {{7, 7, 0}, 3, false},
        {{0, 7, 7, 7}, 4, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct crowd crowd;
        struct facts_table table;
        struct crowd_host domain;

        facts_init(&table);
        assert_true(crowd_init(&crowd, key));
        for (unsigned n = 0; n < cases[i].count; n++) {
            struct ip ip = ip_of("192.0.2.1");

            ip.bytes[15] = (uint8_t)n;
            add_bounce(&crowd, &table, "anna.example", &ip)->aim =
                cases[i].aims[n];
        }
        assert_true(crowd_merge(&crowd, 1, &table));
        domain = crowd_find_host(&crowd, SLICE_LITERAL("anna.example"));
        assert_int_equal(crowd_has_one_aim(&domain), cases[i].has_one);
        crowd_free(&crowd);
        facts_free(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source_is_one_however_often_met),
        cmocka_unit_test(test_many_sources_are_found_again),
        cmocka_unit_test(test_guesses_of_a_source_count_once),
        cmocka_unit_test(test_independent_clients),
        cmocka_unit_test(test_most_of_those_who_did_alike_count),
        cmocka_unit_test(test_clients_are_counted_up_to_a_limit),
        cmocka_unit_test(test_one_client_is_one_whatever_its_name),
        cmocka_unit_test(test_a_source_counts_alike_by_any_hashes),
        cmocka_unit_test(test_an_address_that_mail_waits_for_is_known),
        cmocka_unit_test(test_a_domain_that_mail_comes_from_is_known),
        cmocka_unit_test(test_correspondent_writes_and_is_written_to),
        cmocka_unit_test(test_who_bounces_for_one_domain_alone_is_steady),
        cmocka_unit_test(test_of_a_domain_of_many_sources_few_are_steady),
        cmocka_unit_test(test_who_alone_writes_in_a_name_is_steady_at_once),
        cmocka_unit_test(
            test_who_alone_writes_as_several_at_once_is_not_steady),
        cmocka_unit_test(test_who_writes_in_several_names_forges),
        cmocka_unit_test(test_several_bounces_with_one_aim),
        cmocka_unit_test(test_any_share_of_work_gives_the_same_counts),
        cmocka_unit_test(test_no_crowd_is_merged_by_half_when_asked_to_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
