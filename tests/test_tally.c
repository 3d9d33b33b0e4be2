/* The numbers of a summary, from rows that are put together by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "qscan/tally.h"
#include "tests/assert_slice.h"

enum { NOW = 1795375579, HOUR = 3600 };

static const uint64_t key[2] = {UINT64_C(0x243f6a8885a308d3),
                                UINT64_C(0x13198a2e03707344)};

#define RULES                                                                  \
    "rule zombie\n class bounce-zombie\n on message\n purge yes\n"             \
    " when origin is local-dsn\n hit F=r\n miss F=s\n"                         \
    "rule mail\n class inbound\n on message\n purge no\n"                      \
    " when origin is mail\n hit F=s S=<a@b.example>\n miss F=r\n"
enum { ZOMBIE, MAIL };

struct counted {
    struct options options;
    struct scan scan;
    struct crowd crowd;
    struct tally tally;
    struct rules *rules;
};

static void begin(struct counted *counted, unsigned worker_count)
{
    const struct rules_file file = {"test.rules", SLICE_LITERAL(RULES)};

    *counted = (struct counted){.scan = {.worker_count = worker_count}};
    assert_true(crowd_init(&counted->crowd, key));
    counted->rules = rules_compile(&file, 1, NULL, 0, NULL, NULL, NULL);
    assert_non_null(counted->rules);
    counted->scan.scene.rules = counted->rules;
    counted->scan.scene.crowd = &counted->crowd;
    counted->scan.scene.now = NOW;
    facts_init(&counted->scan.table);
}

static void end(struct counted *counted)
{
    tally_free(&counted->tally);
    facts_free(&counted->scan.table);
    crowd_free(&counted->crowd);
    rules_free(counted->rules);
}

/* A message that waits for a host of its domain; age in seconds. */
static struct facts *add(struct counted *counted, const char *id, uint16_t rule,
                         const char *domain, int64_t age, uint64_t bytes)
{
    struct facts *row = facts_add(&counted->scan.table);

    assert_non_null(row);
    row->letter = 'q';
    facts_set_id(row, slice_from_string(id));
    row->state = FACTS_JUDGED;
    row->rule = rule;
    row->is_wanted = true;
    row->is_purge = rule == ZOMBIE;
    row->is_bounce = rule == ZOMBIE;
    row->created = NOW - age;
    row->size_bytes = bytes;
    row->domain = row->host =
        intern_add(&counted->crowd.strings, slice_from_string(domain));
    row->status_kind = rule == ZOMBIE ? STATUS_REFUSED : STATUS_NONE;
    return row;
}

static void add_source(struct counted *counted, struct facts *row,
                       const char *address)
{
    struct ip ip;

    assert_true(ip_parse(slice_from_string(address), &ip));
    row->source = crowd_add_source(&counted->crowd, &ip, 0);
    assert_int_not_equal(row->source, 0);
}

static void count(struct counted *counted, unsigned top)
{
    assert_true(
        tally_count(&counted->tally, &counted->options, &counted->scan, top));
}

static const char *name_of(const struct counted *counted, uint32_t number)
{
    return counted->crowd.strings.entries[number].text;
}

static void fill(struct counted *counted)
{
    struct facts *row;

    add_source(counted, add(counted, "a1", ZOMBIE, "dead.example", 5, 100),
               "192.0.2.1");
    add_source(counted,
               add(counted, "a2", ZOMBIE, "dead.example", 5 * HOUR, 200),
               "192.0.2.1");
    add_source(counted,
               add(counted, "a3", ZOMBIE, "gone.example", 50 * HOUR, 1),
               "192.0.2.2");
    add(counted, "b1", MAIL, "dead.example", 200 * HOUR, 1000);
    row = add(counted, "b2", MAIL, "example.org", 2 * HOUR, 10);
    row->is_undecided = true;
    row->oddities = ODD_WRITABLE | ODD_TEXT;
    row = add(counted, "b0", MAIL, "example.org", 2 * HOUR, 10);
    row->oddities = ODD_WRITABLE;
    /* those that are not counted */
    add(counted, "c1", MAIL, "example.org", 0, 7)->state = FACTS_GONE;
    add(counted, "c2", MAIL, "example.org", 0, 7)->is_held = true;
    add(counted, "c3", MAIL, "example.org", 0, 7)->is_wanted = false;
    row = add(counted, "o1", MAIL, "example.org", 0, 5);
    row->state = FACTS_ORPHAN;
}

static void test_sums_of_all_that_is_selected(void **state)
{
    struct counted counted;
    const struct tally *tally = &counted.tally;

    (void)state;
    for (unsigned workers = 1; workers <= 3; workers++) {
        begin(&counted, workers);
        fill(&counted);
        count(&counted, 10);
        assert_int_equal(tally->messages, 6);
        assert_int_equal(tally->all_messages, 7); /* and the unwanted one */
        assert_int_equal(tally->bytes, 1321);
        assert_int_equal(tally->purgeable, 3);
        assert_int_equal(tally->purgeable_bytes, 301);
        assert_int_equal(tally->purgeable_sources, 2);
        assert_int_equal(tally->undecided, 1);
        assert_int_equal(tally->unproven, 0);
        assert_int_equal(tally->oldest, NOW - 200 * HOUR);
        assert_int_equal(tally->ages[0], 1); /* <1h */
        assert_int_equal(tally->ages[1], 2); /* <4h */
        assert_int_equal(tally->ages[2], 1); /* <1d */
        assert_int_equal(tally->ages[3], 1); /* <3d */
        assert_int_equal(tally->ages[5], 1); /* 5d+ */
        assert_int_equal(tally->oddities[3], 2);
        /* an example is the lowest id: b0 */
        assert_int_equal(tally->oddity_rows[3], 5);
        end(&counted);
    }
}

static void test_classes_most_first(void **state)
{
    struct counted counted;

    (void)state;
    begin(&counted, 2);
    fill(&counted);
    count(&counted, 10);
    assert_int_equal(counted.tally.class_count, 3);
    assert_string_equal(counted.tally.classes[0].name, "bounce-zombie");
    assert_int_equal(counted.tally.classes[0].count, 3);
    assert_int_equal(counted.tally.classes[0].bytes, 301);
    assert_int_equal(counted.tally.classes[0].oldest, NOW - 50 * HOUR);
    assert_string_equal(counted.tally.classes[1].name, "inbound");
    assert_string_equal(counted.tally.classes[2].name, "orphan");
    end(&counted);
}

static void test_tables_show_the_most_and_count_the_rest(void **state)
{
    struct counted counted;
    const struct tally *tally = &counted.tally;

    (void)state;
    begin(&counted, 2);
    fill(&counted);
    count(&counted, 1);
    /* what no status says to be dead is no host of these */
    assert_int_equal(tally->hosts.count, 1);
    assert_int_equal(tally->hosts.all, 2);
    assert_int_equal(tally->hosts.all_sum, 3);
    assert_string_equal(name_of(&counted, tally->hosts.items[0].number),
                        "dead.example");
    assert_int_equal(tally->hosts.items[0].count, 2);
    assert_int_equal(tally->hosts.items[0].row, 0);
    assert_int_equal(tally->hosts.items[0].ages[0], 1);
    assert_int_equal(tally->hosts.items[0].ages[2], 1);
    assert_int_equal(tally->sources.count, 1);
    assert_int_equal(tally->sources.all, 2);
    assert_int_equal(tally->sources.items[0].count, 2);
    assert_int_equal(tally->domains.all, 3);
    tally_free(&counted.tally);
    /* all of them; equal counts in the order of their names */
    count(&counted, 0);
    assert_int_equal(tally->domains.count, 3);
    assert_string_equal(name_of(&counted, tally->domains.items[0].number),
                        "dead.example");
    assert_string_equal(name_of(&counted, tally->domains.items[1].number),
                        "example.org");
    end(&counted);
}

static void test_the_most_frequent_of_many(void **state)
{
    struct counted counted;
    char domain[32];

    (void)state;
    begin(&counted, 2);
    for (int i = 0; i < 300; i++)
        for (int j = 0; j <= i * 7 % 300; j++) {
            snprintf(domain, sizeof(domain), "d%03d.example", i * 7 % 300);
            add(&counted, "x", MAIL, domain, 1, 1);
        }
    count(&counted, 10);
    assert_int_equal(counted.tally.domains.all, 300);
    for (int i = 0; i < 10; i++) {
        snprintf(domain, sizeof(domain), "d%03d.example", 299 - i);
        assert_string_equal(
            name_of(&counted, counted.tally.domains.items[i].number), domain);
        assert_int_equal(counted.tally.domains.items[i].count, 300 - i);
    }
    end(&counted);
}

static void test_only_the_classes_that_are_asked_for(void **state)
{
    struct counted counted;

    (void)state;
    begin(&counted, 2);
    fill(&counted);
    assert_true(string_list_add(&counted.options.classes,
                                SLICE_LITERAL("bounce-zombie")));
    count(&counted, 10);
    assert_int_equal(counted.tally.messages, 3);
    assert_int_equal(counted.tally.all_messages, 7);
    assert_int_equal(counted.tally.class_count, 1);
    string_list_free(&counted.options.classes);
    end(&counted);
}

static void test_an_empty_queue(void **state)
{
    struct counted counted;

    (void)state;
    begin(&counted, 2);
    count(&counted, 10);
    assert_int_equal(counted.tally.messages, 0);
    assert_int_equal(counted.tally.class_count, 0);
    assert_int_equal(counted.tally.hosts.count, 0);
    end(&counted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_of_all_that_is_selected),
        cmocka_unit_test(test_classes_most_first),
        cmocka_unit_test(test_tables_show_the_most_and_count_the_rest),
        cmocka_unit_test(test_the_most_frequent_of_many),
        cmocka_unit_test(test_only_the_classes_that_are_asked_for),
        cmocka_unit_test(test_an_empty_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
