/*
 * The watch: when a count is reached and when it is just not, for each kind of
 * key, and that its memory follows those who are active.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rules/logs.h"

static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

/* Events a and b; the count of rule r. */
static struct rules *rules_counting(const char *count)
{
    char text[1000];
    struct rules_file file = {"t", {text, 0}};
    struct rules *rules;

    file.text.len = (size_t)snprintf(text, sizeof(text),
                                     "event a\n line to\n when text exists\n"
                                     "event b\n line to\n when text exists\n"
                                     "event c\n line to\n when text exists\n"
                                     "rule r\n on source\n kind k\n count %s\n",
                                     count);
    rules = rules_compile(&file, 1, NULL, 0, NULL, NULL, NULL);
    assert_non_null(rules);
    return rules;
}

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0;

    for (; *text != '\0'; text++)
        hash = hash * 131 + (unsigned char)*text;
    return hash;
}

/* What a caller keeps of a source or a domain. */
static uint64_t *settled_of(const char *name)
{
    static struct {
        char name[60];
        uint64_t settled;
    } kept[10];
    static size_t count;
    size_t i = 0;

    if (name == NULL) {
        count = 0;
        return NULL;
    }
    while (i < count && strcmp(kept[i].name, name) != 0)
        i++;
    if (i == count) {
        assert_true(++count < sizeof(kept) / sizeof(kept[0]));
        snprintf(kept[i].name, sizeof(kept[i].name), "%s", name);
        kept[i].settled = 0;
    }
    return &kept[i].settled;
}

/* "a x 192.0.2.1 10" : event, value of all but the source that can be
 * counted distinct, source, time; "*3" behind the event: repeated. The domain
 * is that of the value when it holds a '.'. */
static void note_word(struct watch *watch, const char *text, bool is_kept)
{
    char event[20], value[50], source[60];
    long long time;
    unsigned count = 1;
    struct watch_event noted = {.events = 0};

    if (sscanf(text, "%19[a-c]*%u %49s %59s %lld", event, &count, value, source,
               &time) != 5 &&
        sscanf(text, "%19[a-c] %49s %59s %lld", event, value, source, &time) !=
            4)
        fail_msg("bad note '%s'", text);
    noted.events = UINT64_C(1) << (event[0] - 'a');
    noted.count = count;
    noted.time = 1700000000 + time;
    assert_true(ip_parse(slice_from_string(source), &noted.source));
    noted.source_number = noted.source.bytes[15]; /* enough for S and T */
    if (strchr(value, '.') != NULL)
        noted.domain = slice_from_string(value);
    for (int i = 0; i < WATCH_FIELD_COUNT; i++)
        noted.hashes[i] = strcmp(value, "-") == 0 ? 0 : hash_of(value);
    noted.hashes[WATCH_SOURCE] = hash_of(source);
    if (is_kept)
        noted.source_settled = settled_of(source);
    if (is_kept && noted.domain.len > 0)
        noted.domain_settled = settled_of(value);
    assert_true(watch_note(watch, &noted));
}

/* Notes a list separated by ';' and returns the alarms as text. */
static const char *alarms_of(const char *count, const char *notes, bool is_kept)
{
    static char got[1000];
    char copy[2000], *rest = NULL;
    struct rules *rules = rules_counting(count);
    struct watch *watch = watch_new(rules, key);
    const struct watch_alarm *alarms;
    size_t len = 0, alarm_count;

    assert_non_null(watch);
    settled_of(NULL);
    assert_true(snprintf(copy, sizeof(copy), "%s", notes) < (int)sizeof(copy));
    for (char *note = strtok_r(copy, ";", &rest); note != NULL;
         note = strtok_r(NULL, ";", &rest))
        note_word(watch, note, is_kept);
    alarm_count = watch_alarms(watch, &alarms);
    got[0] = '\0';
    for (size_t i = 0; i < alarm_count; i++) {
        enum rules_count_by by = rules_source_rule(rules, 0)->by;
        char text[ADDRESS_IP_TEXT_MAX] = "";

        assert_int_equal(alarms[i].source_rule, 0);
        if (by == COUNT_BY_SOURCE || by == COUNT_BY_NETWORK)
            ip_format(&alarms[i].base, text);
        if (by == COUNT_BY_DOMAIN)
            snprintf(text, sizeof(text), "%.*s", (int)alarms[i].domain.len,
                     alarms[i].domain.ptr);
        len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%s@%lld",
                                i > 0 ? " " : "", text,
                                (long long)alarms[i].time - 1700000000);
        assert_true(len < sizeof(got));
    }
    watch_free(watch);
    rules_free(rules);
    return got;
}

#define S "192.0.2.1"
#define T "198.51.100.7"

static const struct {
    const char *count, *notes, *alarms;
} cases[] = {
    /* as many as asked for, as close as asked for */
    {"of a by source >= 1 in 1s", "a x " S " 5", S "@5"},
    {"of a by source >= 3 in 10s", "a x " S " 0;a x " S " 5", ""},
    {"of a by source >= 3 in 10s", "a x " S " 0;a x " S " 5;a x " S " 10",
     S "@10"},
    {"of a by source >= 3 in 10s", "a x " S " 0;a x " S " 5;a x " S " 11", ""},
    {"of a by source >= 3 in 10s",
     "a x " S " 0;a x " S " 5;a x " S " 11;a x " S " 15", S "@15"},
    {"of a by source >= 3 in 10s",
     "a x " S " 0;a x " S " 5;a x " S " 11;a x " S " 16", ""},
    {"of a by source >= 3 in 10s", "a x " S " 7;a x " S " 7;a x " S " 7",
     S "@7"},
    /* once */
    {"of a by source >= 2 in 10s",
     "a x " S " 0;a x " S " 1;a x " S " 2;a x " S " 3;a x " S " 900;"
     "a x " S " 901",
     S "@1"},
    /* each source for itself, in the order of the alarms */
    {"of a by source >= 2 in 10s", "a x " S " 0;a x " T " 1", ""},
    {"of a by source >= 2 in 10s",
     "a x " S " 0;a x " T " 1;a x " T " 2;a x " S " 3", T "@2 " S "@3"},
    /* which events */
    {"of a by source >= 2 in 10s", "a x " S " 0;b x " S " 1", ""},
    {"of a, c by source >= 2 in 10s", "a x " S " 0;b x " S " 1;c x " S " 2",
     S "@2"},
    /* a line that is repeated */
    {"of a by source >= 3 in 10s", "a*3 x " S " 4", S "@4"},
    {"of a by source >= 4 in 10s", "a*3 x " S " 4", ""},
    {"of a by source >= 4 in 10s", "a*3 x " S " 4;a x " S " 14", S "@14"},
    {"of a by source >= 4 in 10s", "a*3 x " S " 4;a x " S " 15", ""},
    {"of a by source >= 4 in 10s", "a*4000000000 x " S " 4", S "@4"},
    {"distinct user of a by source >= 2 in 10s", "a*9 x " S " 4", ""},
    /* distinct values, when they were seen last */
    {"distinct recipient of a by source >= 2 in 10s",
     "a x " S " 0;a x " S " 1;a x " S " 2", ""},
    {"distinct recipient of a by source >= 2 in 10s",
     "a x " S " 0;a x " S " 9;a y " S " 19", S "@19"},
    {"distinct recipient of a by source >= 2 in 10s",
     "a x " S " 0;a x " S " 9;a y " S " 20", ""},
    {"distinct sender of a by source >= 3 in 10s",
     "a x " S " 0;a y " S " 1;a x " S " 8;a z " S " 12", ""},
    {"distinct sender of a by source >= 3 in 10s",
     "a x " S " 0;a y " S " 2;a x " S " 8;a z " S " 12", S "@12"},
    /* an absent value is none */
    {"distinct user of a by source >= 2 in 10s",
     "a - " S " 0;a x " S " 1;a - " S " 2", ""},
    /* late lines */
    {"of a by source >= 3 in 10s", "a x " S " 10;a x " S " 0;a x " S " 5",
     S "@10"},
    {"of a by source >= 3 in 10s", "a x " S " 11;a x " S " 0;a x " S " 5", ""},
    {"of a by source >= 3 in 10s",
     "a x " S " 100;a x " S " 105;a x " S " 112;a x " S " 99", S "@105"},
    {"distinct user of a by source >= 2 in 10s",
     "a x " S " 12;a x " S " 3;a y " S " 22", S "@22"},
    /* one wild stamp does not blind the watch */
    {"of a by source >= 3 in 10s",
     "a x " S " 99999999;a x " S " 1;a x " S " 2;a x " S " 3", S "@3"},
    {"of a by source >= 3 in 10s",
     "a x " S " 1;a x " S " -99999999;a x " S " 2;a x " S " 3", S "@3"},
    /* no moment is before 1970, and none after 2106 */
    {"of a by source >= 3 in 10s",
     "a x " S " -1700000900;a x " S " -9999999999;a x " S " -1700000000",
     S "@-1700000000"},
    {"of a by source >= 3 in 10s",
     "a x " S " -1700000900;a x " S " -1700000000;a x " S " -1699999989", ""},
    {"of a by source >= 3 in 10s",
     "a x " S " 2594967290;a x " S " 2594967300;a x " S " 9999999999",
     S "@2594967295"},
    {"of a by source >= 3 in 10s",
     "a x " S " 2594967284;a x " S " 2594967300;a x " S " 9999999999", ""},
    /* networks, IPv4 and IPv6 apart */
    {"of a by source/24 >= 2 in 10s", "a x 192.0.2.1 0;a x 192.0.2.254 1",
     "192.0.2.0@1"},
    {"of a by source/24 >= 2 in 10s", "a x 192.0.2.1 0;a x 192.0.3.1 1", ""},
    {"of a by source/23 >= 2 in 10s", "a x 192.0.2.1 0;a x 192.0.3.1 1",
     "192.0.2.0@1"},
    {"of a by source/31 >= 2 in 10s", "a x 192.0.2.2 0;a x 192.0.2.3 1",
     "192.0.2.2@1"},
    {"of a by source/31 >= 2 in 10s", "a x 192.0.2.1 0;a x 192.0.2.2 1", ""},
    {"of a by source/24 >= 2 in 10s", "a x 2001:db8::1 0;a x 2001:db8::1 1",
     ""},
    {"of a by source/64 >= 2 in 10s", "a x 192.0.2.1 0;a x 192.0.2.1 1", ""},
    {"of a by source/64 >= 2 in 10s",
     "a x 2001:db8:1:2::1 0;a x 2001:db8:1:2:ffff::1 1", "2001:db8:1:2::@1"},
    {"of a by source/64 >= 2 in 10s",
     "a x 2001:db8:1:2::1 0;a x 2001:db8:1:3::1 1", ""},
    {"of a by source/48 >= 2 in 10s",
     "a x 2001:db8:1:2::1 0;a x 2001:db8:1:3::1 1", "2001:db8:1::@1"},
    {"of a by source/48 >= 2 in 10s",
     "a x 2001:db8:1:2::1 0;a x 2001:db8:2:2::1 1", ""},
    /* domains */
    {"distinct source of a by domain >= 2 in 10s",
     "a example.org " S " 0;a example.org " S " 1", ""},
    {"distinct source of a by domain >= 2 in 10s",
     "a example.org " S " 0;a example.org " T " 1", "example.org@1"},
    {"of a by domain >= 2 in 10s",
     "a example.org " S " 0;a example.org " T " 1", "example.org@1"},
    {"of a by domain >= 2 in 10s",
     "a example.org " S " 0;a example.com " T " 1", ""},
    {"of a by domain >= 2 in 10s", "a x " S " 0;a x " S " 1", ""},
    /* one that was reached settles nothing for another of the same source */
    {"of a by domain >= 2 in 10s",
     "a example.org " S " 0;a example.org " S " 1;a example.org " S " 2;"
     "a x " S " 3;a example.com " S " 4;a example.com " S " 5",
     "example.org@1 example.com@5"},
    {"of a by source/24 >= 2 in 10s",
     "a x 192.0.2.1 0;a x 192.0.2.2 1;a x 192.0.2.2 2;a x 192.0.3.1 3;"
     "a x 192.0.3.1 4",
     "192.0.2.0@1 192.0.3.0@4"},
};

static void check_cases(bool is_kept)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *got = alarms_of(cases[i].count, cases[i].notes, is_kept);

        if (strcmp(got, cases[i].alarms) != 0)
            fail_msg("count %s\non %s\ngave '%s', not '%s'", cases[i].count,
                     cases[i].notes, got, cases[i].alarms);
    }
}

static void a_count_is_reached_when_it_is(void **state)
{
    (void)state;
    check_cases(false);
}

static void what_is_settled_changes_no_alarm(void **state)
{
    (void)state;
    check_cases(true);
}

/* ---- against a plain count ---- */

enum { STEPS = 4000, NAIVE_SOURCES = 5, NAIVE_VALUES = 60 };

struct naive_event {
    int64_t time;
    unsigned source, what;
};

static unsigned random_number(unsigned below)
{
    static uint64_t seed = 88172645463325252;

    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed % below);
}

/* How many distinct values one source had within the window that ends there. */
static unsigned naive_count(const struct naive_event *events, size_t last,
                            int64_t window_sec)
{
    uint64_t seen = 0;

    for (size_t i = 0; i <= last; i++)
        if (events[i].source == events[last].source &&
            events[i].time >= events[last].time - window_sec)
            seen |= UINT64_C(1) << events[i].what;
    return (unsigned)__builtin_popcountll(seen);
}

/* Of so many distinct values in a minute; steps are on average that far apart.
 */
static void check_against_naive(unsigned at_least, unsigned step_sec)
{
    static struct naive_event events[STEPS];
    char count[100];
    struct rules *rules;
    struct watch *watch;
    size_t reached[NAIVE_SOURCES] = {0}, alarm_count;
    const struct watch_alarm *alarms;
    int64_t time = 0;

    snprintf(count, sizeof(count),
             "distinct recipient of a by source >= %u in 60s", at_least);
    rules = rules_counting(count);
    watch = watch_new(rules, key);
    for (size_t i = 0; i < STEPS; i++) {
        struct watch_event event = {.events = 1, .count = 1};

        time += random_number(2 * step_sec + 1);
        events[i] = (struct naive_event){time, random_number(NAIVE_SOURCES),
                                         random_number(NAIVE_VALUES)};
        event.time = time;
        event.source.bytes[15] = (uint8_t)events[i].source;
        event.source_number = events[i].source + 1;
        event.hashes[WATCH_RECIPIENT] = events[i].what + 1;
        assert_true(watch_note(watch, &event));
        if (reached[events[i].source] == 0 &&
            naive_count(events, i, 60) >= at_least)
            reached[events[i].source] = i + 1;
    }
    alarm_count = watch_alarms(watch, &alarms);
    for (unsigned source = 0; source < NAIVE_SOURCES; source++) {
        size_t found = 0;

        for (size_t i = 0; i < alarm_count; i++)
            if (alarms[i].base.bytes[15] == source) {
                found++;
                assert_int_equal(alarms[i].time,
                                 events[reached[source] - 1].time);
            }
        assert_int_equal(found, reached[source] > 0);
    }
    assert_true(alarm_count > 0);
    watch_free(watch);
    rules_free(rules);
}

/* All sizes of a window: few and many, that are never all of them old at once,
 * and that often are. */
static void it_counts_like_one_that_keeps_all(void **state)
{
    static const struct {
        unsigned at_least, step_sec;
    } of[] = {{1, 2}, {2, 30}, {3, 15}, {4, 7},
              {7, 3}, {9, 2},  {13, 1}, {17, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
        check_against_naive(of[i].at_least, of[i].step_sec);
}

/* ---- memory ---- */

static void set_address(struct ip *ip, uint32_t number)
{
    assert_true(ip_parse(SLICE_LITERAL("198.18.0.0"), ip));
    for (int i = 15; i >= 12; i--, number >>= 8)
        ip->bytes[i] = (uint8_t)number;
}

static void set_source(struct watch_event *event, uint32_t number)
{
    set_address(&event->source, number);
    event->source_number = number + 1;
}

/* A million sources one after the other, ten of them a second; a minute after
 * its line nothing of one can count, but with a line that is late. */
static void memory_follows_those_who_are_active(void **state)
{
    enum { SOURCES = 1000000, PER_SECOND = 10, WINDOW_SEC = 60 };
    struct rules *rules =
        rules_counting("distinct recipient of a by source >= 5 in 60s");
    struct watch *watch = watch_new(rules, key);
    size_t most = 0;
    const struct watch_alarm *alarms;

    (void)state;
    for (uint32_t i = 0; i < SOURCES; i++) {
        struct watch_event event = {
            .events = 1, .time = i / PER_SECOND, .count = 1};

        set_source(&event, i);
        event.hashes[WATCH_RECIPIENT] = i + 1;
        assert_true(watch_note(watch, &event));
        if (watch_window_count(watch) > most)
            most = watch_window_count(watch);
    }
    assert_true(most >= PER_SECOND * WINDOW_SEC);
    assert_true(most <= 4 * PER_SECOND * WINDOW_SEC);
    assert_int_equal(watch_alarms(watch, &alarms), 0);
    watch_free(watch);
    rules_free(rules);
}

/* All at once: none is lost, and each is found again. */
static void a_million_active_sources_are_kept_apart(void **state)
{
    enum { SOURCES = 1000000 };
    struct rules *rules = rules_counting("of a by source >= 2 in 1d");
    struct watch *watch = watch_new(rules, key);
    const struct watch_alarm *alarms;

    (void)state;
    for (uint32_t i = 0; i < SOURCES + 1000; i++) {
        struct watch_event event = {.events = 1, .time = i / 100, .count = 1};

        set_source(&event, i < SOURCES ? i : (i - SOURCES) * 7);
        assert_true(watch_note(watch, &event));
    }
    assert_int_equal(watch_window_count(watch), SOURCES);
    assert_int_equal(watch_alarms(watch, &alarms), 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        struct ip ip;

        set_address(&ip, i * 7);
        assert_memory_equal(&alarms[i].base, &ip, sizeof(ip));
    }
    watch_free(watch);
    rules_free(rules);
}

/* Each source comes three times; in between, what the middle one of its rules
 * counts has died. */
static void rules_of_one_source_live_and_die_apart(void **state)
{
    enum { SOURCES = 2000, PER_SECOND = 2, ROUNDS = 3 };
    struct rules *rules = rules_counting("of a by source >= 3 in 1h\n"
                                         "rule short\n on source\n kind k\n"
                                         " count of a by source >= 2 in 10s\n"
                                         "rule long\n on source\n kind k\n"
                                         " count of a by source >= 2 in 2h");
    struct watch *watch = watch_new(rules, key);
    const struct watch_alarm *alarms;

    (void)state;
    for (uint32_t i = 0; i < ROUNDS * SOURCES; i++) {
        struct watch_event event = {
            .events = 1, .time = i / PER_SECOND, .count = 1};

        set_source(&event, i % SOURCES);
        assert_true(watch_note(watch, &event));
        assert_true(watch_window_count(watch) < SOURCES * 5 / 2);
    }
    assert_int_equal(watch_alarms(watch, &alarms), 2 * SOURCES);
    for (uint32_t i = 0; i < 2 * SOURCES; i++) {
        struct ip ip;

        set_address(&ip, i % SOURCES);
        assert_memory_equal(&alarms[i].base, &ip, sizeof(ip));
        assert_int_equal(alarms[i].source_rule, i < SOURCES ? 2 : 0);
        assert_int_equal(alarms[i].time, (SOURCES + i) / PER_SECOND);
    }
    watch_free(watch);
    rules_free(rules);
}

/* A failed login of a user from the address of that number. */
static void try_user(struct watch *watch, uint64_t user, uint32_t number,
                     int64_t time, uint64_t *settled)
{
    struct watch_event event = {.events = 1,
                                .time = time,
                                .hashes = {[WATCH_USER] = user},
                                .count = 1,
                                .source_settled = settled};

    set_source(&event, number);
    event.hashes[WATCH_SOURCE] = number + 1;
    assert_true(watch_note(watch, &event));
}

static void who_tried_a_user_is_told_before_and_after_its_alarm(void **state)
{
    enum { ANN = 77, BOB = 78, LATER = 100 };
    struct rules *rules =
        rules_counting("distinct source of a by user >= 3 in 1h\n"
                       "rule same\n on source\n kind k\n"
                       " count distinct source of a by user >= 3 in 1h");
    struct watch *watch = watch_new(rules, key);
    uint64_t settled[LATER + 4] = {0};
    const struct watch_alarm *alarms;

    (void)state;
    try_user(watch, ANN, 0, 0, &settled[0]);
    try_user(watch, ANN, 0, 1, &settled[0]);
    try_user(watch, BOB, 1, 1, &settled[1]);
    try_user(watch, 0, 1, 1, &settled[1]);
    try_user(watch, ANN, 1, 2, &settled[1]);
    assert_int_equal(watch_alarms(watch, &alarms), 0);
    assert_int_equal(watch_window_count(watch), 2);
    try_user(watch, ANN, 2, 3, &settled[2]);
    assert_int_equal(watch_alarms(watch, &alarms), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(alarms[i].source_count, 3);
        assert_int_equal(alarms[i].sources[0], 1);
        assert_int_equal(alarms[i].sources[2], 3);
    }
    for (uint32_t i = 0; i < 3 * LATER; i++)
        try_user(watch, ANN, 3 + i % LATER, 9, &settled[3 + i % LATER]);
    watch_end(watch);
    assert_int_equal(watch_alarms(watch, &alarms), 2);
    assert_int_equal(alarms[1].source_count, 3 + LATER);
    assert_int_equal(alarms[1].sources[3 + LATER - 1], 3 + LATER);
    watch_free(watch);
    rules_free(rules);
}

static void a_site_is_one_for_all(void **state)
{
    struct rules *rules =
        rules_counting("distinct source of a by site >= 3 in 10s");
    struct watch *watch = watch_new(rules, key);
    uint64_t settled[5] = {0};
    const struct watch_alarm *alarms;

    (void)state;
    for (uint32_t i = 0; i < 2; i++)
        try_user(watch, i, i, 0, &settled[i]);
    try_user(watch, 1, 1, 9, &settled[1]); /* the same address again */
    try_user(watch, 0, 2, 12, &settled[2]);
    assert_int_equal(watch_alarms(watch, &alarms), 0);
    assert_int_equal(watch_window_count(watch), 1);
    try_user(watch, 3, 3, 19, &settled[3]);
    assert_int_equal(watch_alarms(watch, &alarms), 1);
    assert_int_equal(alarms[0].time, 19);
    try_user(watch, 3, 4, 20, &settled[4]);
    assert_int_equal(settled[4], 1);
    assert_int_equal(watch_alarms(watch, &alarms), 1);
    watch_free(watch);
    rules_free(rules);
}

static void rules_that_count_the_same_share_a_window(void **state)
{
    static const char *const keys[] = {"source", "source/24", "domain"};

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char count[400];
        const struct watch_alarm *alarms;
        struct rules *rules;
        struct watch *watch;

        snprintf(count, sizeof(count),
                 "of a by %s >= 2 in 1h\n"
                 "rule other\n on source\n kind k\n"
                 " count of a by %s >= 2 in 2h\n"
                 "rule same\n on source\n kind k\n"
                 " count of a by %s >= 2 in 1h",
                 keys[i], keys[i], keys[i]);
        rules = rules_counting(count);
        watch = watch_new(rules, key);
        note_word(watch, "a example.org " S " 0", false);
        assert_int_equal(watch_window_count(watch), 2);
        note_word(watch, "a example.org " S " 1", false);
        note_word(watch, "a example.org " S " 2", false);
        assert_int_equal(watch_alarms(watch, &alarms), 3);
        assert_int_equal(alarms[0].source_rule, 0);
        assert_int_equal(alarms[1].source_rule, 2);
        assert_int_equal(alarms[2].source_rule, 1);
        assert_memory_equal(&alarms[1].base, &alarms[0].base,
                            sizeof(alarms[0].base));
        assert_int_equal(alarms[1].time, alarms[0].time);
        assert_ptr_equal(alarms[1].domain.ptr, alarms[0].domain.ptr);
        watch_free(watch);
        rules_free(rules);
    }
}

/* The number says which source it is, however large: the address is what an
 * alarm names. */
static void sources_are_told_apart_by_number(void **state)
{
    static const uint32_t numbers[] = {1, 3000000, 2, 1, 2999999, 3000000};
    struct rules *rules = rules_counting("of a by source >= 2 in 1h");
    struct watch *watch = watch_new(rules, key);
    const struct watch_alarm *alarms;

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct watch_event event = {
            .events = 1, .time = 10 + (int64_t)i, .count = 1};

        event.source_number = numbers[i];
        assert_true(watch_note(watch, &event));
    }
    assert_int_equal(watch_window_count(watch), 4);
    assert_int_equal(watch_alarms(watch, &alarms), 2);
    assert_int_equal(alarms[0].time, 13);
    assert_int_equal(alarms[1].time, 15);
    watch_free(watch);
    rules_free(rules);
}

/* One every three seconds is too slow for 500 in 1000, and one a second is not:
 * a window grows to its largest, slides for long, and is reached when it is. */
static void a_large_window_grows_and_slides(void **state)
{
    enum { AT_LEAST = 500, SLOW = 5000, SLOW_SEC = 3, WINDOW_SEC = 1000 };
    struct rules *rules =
        rules_counting("distinct user of a by source >= 500 in 1000s");
    struct watch *watch = watch_new(rules, key);
    const struct watch_alarm *alarms;
    uint32_t number = 0;
    int64_t time = 0;

    (void)state;
    while (watch_alarms(watch, &alarms) == 0) {
        struct watch_event event = {.events = 1, .count = 1};

        time += number < SLOW ? SLOW_SEC : 1;
        event.time = time;
        event.hashes[WATCH_USER] = ++number;
        assert_true(watch_note(watch, &event));
    }
    /* of the last 500 so many were slow: 3 * slow + (499 - slow) <= 1000 */
    assert_int_equal(number - SLOW, AT_LEAST - 1 - (WINDOW_SEC - 499) / 2);
    assert_int_equal(alarms[0].time, time);
    watch_free(watch);
    rules_free(rules);
}

/* A window that is not reached holds at most what it asks for, however many
 * events there are. */
static void an_endless_repetition_takes_no_memory(void **state)
{
    struct rules *rules =
        rules_counting("distinct user of a by source >= 1000 in 1d");
    struct watch *watch = watch_new(rules, key);
    const struct watch_alarm *alarms;

    (void)state;
    for (uint32_t i = 0; i < 300000; i++) {
        struct watch_event event = {.events = 1, .time = i, .count = 1};

        event.hashes[WATCH_USER] = i % 999 + 1;
        assert_true(watch_note(watch, &event));
    }
    assert_int_equal(watch_window_count(watch), 1);
    assert_int_equal(watch_alarms(watch, &alarms), 0);
    watch_free(watch);
    rules_free(rules);
}

/* ---- the end ---- */

/* What its alarms point to is theirs; nothing is counted any more. */
static void alarms_outlive_what_was_counted(void **state)
{
    static const char *const counts[] = {"of a by source >= 2 in 1h",
                                         "of a by source/24 >= 2 in 1h",
                                         "of a by domain >= 2 in 1h"};

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct rules *rules = rules_counting(counts[i]);
        struct watch *watch = watch_new(rules, key);
        const struct watch_alarm *alarms;

        note_word(watch, "a example.org " S " 0", false);
        note_word(watch, "a example.org " S " 1", false);
        note_word(watch, "a example.com " T " 2", false);
        assert_int_equal(watch_window_count(watch), 2);
        watch_end(watch);
        assert_int_equal(watch_window_count(watch), 0);
        note_word(watch, "a example.com " T " 3", false);
        watch_end(watch);
        assert_int_equal(watch_alarms(watch, &alarms), 1);
        assert_int_equal(alarms[0].time, 1700000001);
        if (i < 2)
            assert_int_equal(alarms[0].base.bytes[12], 192);
        else
            assert_memory_equal(alarms[0].domain.ptr, "example.org", 11);
        watch_free(watch);
        rules_free(rules);
    }
}

static void rules_without_counts_watch_nothing(void **state)
{
    struct rules *rules = rules_compile(NULL, 0, NULL, 0, NULL, NULL, NULL);
    struct watch *watch = watch_new(rules, key);
    struct watch_event event = {.events = UINT64_MAX, .count = 1};
    const struct watch_alarm *alarms;

    (void)state;
    assert_true(watch_note(watch, &event));
    assert_int_equal(watch_window_count(watch), 0);
    assert_int_equal(watch_alarms(watch, &alarms), 0);
    watch_free(watch);
    watch_free(NULL);
    rules_free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_count_is_reached_when_it_is),
        cmocka_unit_test(what_is_settled_changes_no_alarm),
        cmocka_unit_test(it_counts_like_one_that_keeps_all),
        cmocka_unit_test(memory_follows_those_who_are_active),
        cmocka_unit_test(a_million_active_sources_are_kept_apart),
        cmocka_unit_test(rules_of_one_source_live_and_die_apart),
        cmocka_unit_test(who_tried_a_user_is_told_before_and_after_its_alarm),
        cmocka_unit_test(a_site_is_one_for_all),
        cmocka_unit_test(rules_that_count_the_same_share_a_window),
        cmocka_unit_test(sources_are_told_apart_by_number),
        cmocka_unit_test(a_large_window_grows_and_slides),
        cmocka_unit_test(an_endless_repetition_takes_no_memory),
        cmocka_unit_test(alarms_outlive_what_was_counted),
        cmocka_unit_test(rules_without_counts_watch_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
